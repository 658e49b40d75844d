from .common import ConsentCase


class CampaignCase(ConsentCase):
    """Contacts to choose from, and the job that queues them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.env["res.partner"].create(
            [{"name": f"Person {number}", "email": f"person{number}@example.com"} for number in range(5)]
        )
        cls.people.gdpr_legal_basis = "consent"
        cls.cron = cls.env.ref("gdpr_consent.ir_cron_campaign")

    def make(self, cards=None, user=None, **values):
        """Make a campaign for these cards, default the five people."""
        cards = self.people if cards is None else cards
        campaigns = self.env["gdpr.consent.campaign"].with_user(user or self.salesperson)
        return campaigns.create(
            {"name": "Campaign", "model": cards._name, "domain": repr([("id", "in", cards.ids)]), **values}
        )

    def queue(self):
        """Run the job, as the scheduler does."""
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        self.env.invalidate_all()

    def start(self, cards=None, user=None, **values):
        """Start a campaign and queue its people."""
        campaign = self.make(cards, user, **values)
        campaign.action_start()
        self.queue()
        return campaign

    def get_reasons(self, campaign):
        """Give why records are left out: the code by record."""
        exclusions = self.env["gdpr.consent.campaign.exclusion"].search([("campaign_id", "=", campaign.id)])
        return {self.env[exclusion.res_model].browse(exclusion.res_id): exclusion.reason for exclusion in exclusions}

    def send(self, requests):
        """Let the messages of these requests leave."""
        for request in requests.sudo():
            request._issue_links()
            request._mark_sent({request.id: f"<{request.id}@example.com>"})

    def answer(self, request, choices):
        request = request.sudo()
        request._answer(request._get_version(), "save", choices, {})
