from odoo.tests import HttpCase, tagged

from .browser import BrowserMixin
from .campaign_common import CampaignCase


@tagged("post_install", "-at_install")
class TestTourCampaign(BrowserMixin, CampaignCase, HttpCase):
    """From a list to a campaign, and its numbers, which follow while it runs."""

    def test_campaign(self):
        partners = self.env["res.partner"]
        chosen = self.people[:2] | partners.create({"name": "Person Without Address"})
        chosen.gdpr_legal_basis = "consent"
        action = self.env["ir.actions.act_window"].create(
            {
                "name": "Some",
                "res_model": "res.partner",
                "view_mode": "list,form",
                "domain": repr([("id", "in", chosen.ids)]),
                "path": "some-contacts",
            }
        )
        self.start_tour(f"/odoo/{action.path}", "gdpr_consent_campaign", login="privacy_salesperson")
        campaign = self.env["gdpr.consent.campaign"].search([], limit=1)
        self.assertEqual((campaign.name, campaign.state, campaign.user_id), ("Fair", "running", self.salesperson))
        self.cron.method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(campaign.total_count, 2)

    def test_numbers_follow(self):
        campaign = self.start(user=self.officer)
        with self.browse("privacy_officer", f"/odoo/privacy-campaigns/{campaign.id}") as page:
            page.locator("[name=summary]").get_by_text("5 of 5 are still to be sent.").wait_for()
            self.settle(page)
            self.send(campaign.request_ids[:2])
            self.env.flush_all()
            page.locator("[name=summary]").get_by_text("3 of 5 are still to be sent.").wait_for()
            self.settle(page)
