from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .campaign_common import CampaignCase


@tagged("post_install", "-at_install")
class TestCampaignAgain(CampaignCase):
    """A campaign that has asked runs again: who is asked then, and who isn't."""

    def get_request(self, campaign, card):
        return campaign.request_ids.filtered(lambda request: request.res_id == card.id)

    def interrupt(self, request):
        """Let a sender have been stopped while the mail server was given the message."""
        request.sudo()._mark_failed(request._explain_doubt(), is_in_doubt=True)

    def finish(self, campaign):
        campaign.sudo()._close_finished()
        self.assertEqual(campaign.state, "done")

    def start_again(self, campaign):
        campaign.action_start()
        self.queue()

    def test_in_doubt_is_not_asked_again(self):
        campaign = self.start(self.people[:3])
        doubtful, failed, sent = (self.get_request(campaign, person) for person in self.people[:3])
        self.interrupt(doubtful)
        failed.sudo()._mark_failed("No route to host")
        self.send(sent)
        self.assertEqual((doubtful.is_in_doubt, failed.is_in_doubt), (True, False))
        self.finish(campaign)
        self.start_again(campaign)
        self.assertEqual((doubtful.state, failed.state, sent.state), ("failed", "queued", "sent"))
        self.assertEqual(self.get_reasons(campaign), {self.people[0]: "in_doubt", self.people[2]: "already_asked"})

    def test_in_doubt_is_not_asked_by_another_campaign(self):
        """Nor is another person with the same address in the same campaign."""
        campaign = self.start(self.people[:1])
        self.interrupt(campaign.request_ids)
        self.finish(campaign)
        other = self.start(self.people)
        self.assertEqual(self.get_reasons(other), {self.people[0]: "in_doubt"})
        self.assertEqual(other.total_count, 4)
        self.people[4].email = self.people[0].email
        again = self.make(self.people[:1] | self.people[4])
        again.action_start()
        self.queue()
        self.assertEqual(self.get_reasons(again)[self.people[0]], "in_doubt")

    def test_same_address_as_one_in_doubt(self):
        namesake = self.env["res.partner"].create({"name": "Namesake", "email": "other@example.com"})
        namesake.gdpr_legal_basis = "consent"
        campaign = self.start(self.people[0] | namesake)
        self.interrupt(self.get_request(campaign, self.people[0]))
        self.get_request(campaign, namesake).sudo()._mark_failed("No such mailbox")
        namesake.email = self.people[0].email
        self.finish(campaign)
        self.start_again(campaign)
        self.assertEqual(self.get_reasons(campaign), {self.people[0]: "in_doubt", namesake: "duplicate"})

    def test_in_doubt_is_asked_by_who_looked(self):
        campaign = self.start(self.people[:2])
        for request in campaign.request_ids:
            self.interrupt(request)
        self.finish(campaign)
        doubtful = self.get_request(campaign, self.people[0])
        doubtful.with_user(self.salesperson).action_ask_again()
        self.assertEqual((doubtful.state, doubtful.is_in_doubt, doubtful.failure_reason), ("queued", False, False))
        self.assertEqual((campaign.state, campaign.queued_count, campaign.failed_count), ("running", 1, 1))
        self.send(doubtful)
        self.finish(campaign)
        self.assertEqual(self.people[0].gdpr_consent_state, "waiting")

    def test_asked_again_by_hand_settles_the_doubt(self):
        campaign = self.start(self.people[:1])
        self.interrupt(campaign.request_ids)
        self.ask(self.people[0].with_user(self.salesperson))
        self.assertEqual(campaign.request_ids.state, "cancelled")

    def test_ask_again_is_refused(self):
        campaign = self.start(self.people[:2])
        doubtful, sent = (self.get_request(campaign, person) for person in self.people[:2])
        self.interrupt(doubtful)
        self.send(sent)
        with self.assertRaisesRegex(UserError, "Only failed requests"):
            (doubtful | sent).with_user(self.salesperson).action_ask_again()
        other = new_test_user(self.env, login="privacy_other", groups="gdpr_consent.group_user")
        for user in (other, self.employee):
            with self.assertRaises(AccessError):
                doubtful.with_user(user).action_ask_again()
        self.people[0].gdpr_legal_basis = "contract"
        doubtful.sudo().state = "failed"
        with self.assertRaisesRegex(UserError, "None of them"), self.env.cr.savepoint():
            doubtful.with_user(self.salesperson).action_ask_again()
        self.assertTrue(doubtful.is_in_doubt)
        campaign.action_cancel()
        with self.assertRaisesRegex(UserError, "Cancelled"):
            doubtful.with_user(self.salesperson).action_ask_again()

    def test_check_before_running_again(self):
        newcomer = self.env["res.partner"].create({"name": "Newcomer"})
        campaign = self.make(self.people | newcomer)
        self.start_again(campaign)
        self.send(campaign.request_ids - self.get_request(campaign, self.people[4]))
        self.get_request(campaign, self.people[4]).sudo()._mark_failed("Refused")
        self.finish(campaign)
        newcomer.write({"email": "newcomer@example.com", "gdpr_legal_basis": "consent"})
        campaign.action_check()
        self.assertEqual((campaign.state, campaign.total_count, campaign.to_ask_count), ("done", 5, 2))
        self.assertIn("2 people will be asked", campaign.summary)
        action = campaign.action_show_to_ask()
        self.assertEqual(self.env["res.partner"].search(action["domain"]), self.people[4] | newcomer)
        self.start_again(campaign)
        self.assertEqual((campaign.queued_count, campaign.checked_on), (2, False))
        with self.assertRaisesRegex(UserError, "Running"):
            campaign.action_check()

    def test_numbers_add_up(self):
        campaign = self.start()
        queued, failed, dropped, sent, answered = campaign.request_ids.sudo()
        failed._mark_failed("Refused")
        dropped.state = "cancelled"
        self.send(sent | answered)
        self.answer(answered, {})
        self.assertEqual(
            (campaign.queued_count, campaign.failed_count, campaign.cancelled_count, campaign.sent_count), (1, 1, 1, 2)
        )
        action = campaign.with_context(gdpr_count="cancelled_count").action_show_requests()
        self.assertEqual(self.env["gdpr.consent.request"].search(action["domain"]), dropped)
        self.assertEqual(queued.state, "queued")
