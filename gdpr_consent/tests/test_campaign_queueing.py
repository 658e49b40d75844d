from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from ..models import gdpr_consent_campaign_selection as selection
from ..models.gdpr_consent_campaign_queueing import GdprConsentCampaign
from .campaign_common import CampaignCase

QUEUEING = "odoo.addons.gdpr_consent.models.gdpr_consent_campaign_queueing"


@tagged("post_install", "-at_install")
class TestCampaignQueueing(CampaignCase):
    """The job: batches, pauses, crashes, times."""

    def setUp(self):
        super().setUp()
        self.patch(selection, "BATCH", 2)

    def get_asked(self, campaign):
        return sorted(campaign.request_ids.mapped("res_id"))

    def test_batches(self):
        campaign = self.start()
        self.assertEqual(self.get_asked(campaign), self.people.ids)
        self.assertEqual(campaign.last_queued_id, self.people[-1].id)

    def test_duplicates_in_other_batches(self):
        self.people[0].gdpr_join(self.people[3], "Same phone")
        self.people[4].email = "Person1@example.com"
        campaign = self.make()
        campaign.action_check()
        reasons = {self.people[3]: "same_person", self.people[4]: "duplicate"}
        self.assertEqual(self.get_reasons(campaign), reasons)
        campaign.action_start()
        self.queue()
        self.assertEqual(self.get_reasons(campaign), reasons)
        self.assertEqual(self.get_asked(campaign), self.people[:3].ids)

    def test_two_campaigns_ask_once(self):
        first, second = self.make(), self.make()
        (first | second).action_start()
        self.queue()
        self.assertEqual(self.get_asked(first), self.people.ids)
        self.assertFalse(second.request_ids)
        self.assertEqual(set(self.get_reasons(second).values()), {"already_asked"})
        self.assertEqual(second.state, "done")

    def test_double_start(self):
        campaign = self.make()
        campaign.action_start()
        with self.assertRaisesRegex(UserError, "Running"):
            campaign.action_start()
        self.queue()
        self.queue()
        self.assertEqual(campaign.total_count, 5)

    def test_goes_on_after_a_crash(self):
        campaign = self.make()
        campaign.action_start()
        original = GdprConsentCampaign._insert_requests
        calls = []

        def crash(self, batch, chosen):
            original(self, batch, chosen)
            calls.append(chosen)
            if len(calls) == 2:
                raise KeyboardInterrupt

        with (
            patch.object(GdprConsentCampaign, "_insert_requests", crash),
            self.assertRaises(KeyboardInterrupt),
            self.enter_registry_test_mode(),
            self.env.cr.savepoint(),
        ):
            campaign.sudo()._queue_safely()
            campaign.sudo()._queue_safely()
        self.queue()
        self.assertEqual(self.get_asked(campaign), self.people.ids)

    def test_pause_and_resume(self):
        campaign = self.make()
        campaign.action_start()
        self.assertEqual(campaign.sudo()._queue_safely(), 2)
        campaign.action_pause()
        self.queue()
        self.assertEqual((campaign.state, campaign.total_count), ("paused", 2))
        campaign.action_start()
        self.queue()
        self.assertEqual((campaign.state, self.get_asked(campaign)), ("running", self.people.ids))

    def test_cancel(self):
        campaign = self.start()
        self.send(campaign.request_ids[:2])
        campaign.action_cancel()
        self.assertEqual(campaign.state, "cancelled")
        self.assertEqual(sorted(campaign.request_ids.mapped("state")), ["cancelled"] * 3 + ["sent"] * 2)
        with self.assertRaisesRegex(UserError, "Cancelled"):
            campaign.action_start()
        self.assertEqual((campaign.progress, campaign.cancelled_count), (40, 3), "it never came to the others")
        self.assertIn("2 of 5 people were asked", campaign.summary)
        # Another campaign can ask them.
        self.assertEqual(self.start().total_count, 3)

    def test_done_when_nobody_waits(self):
        campaign = self.start()
        self.send(campaign.request_ids[:4])
        self.assertFalse(self.env["gdpr.consent.campaign"]._close_finished())
        campaign.request_ids[4].sudo()._mark_failed("Refused")
        self.assertEqual(self.env["gdpr.consent.campaign"]._close_finished(), campaign)
        self.assertEqual(campaign.state, "done")
        self.assertEqual(campaign.progress, 100)
        self.assertEqual(campaign.summary, "Done: 4 of 5 people were asked. Failed: 1.")

    def test_run_again_asks_those_not_asked_yet(self):
        nobody = self.env["res.partner"].create({"name": "Newcomer"})
        campaign = self.make(self.people | nobody)
        campaign.action_start()
        self.queue()
        self.send(campaign.request_ids[:4])
        failed = campaign.request_ids[4]
        failed.sudo()._mark_failed("Server gone")
        campaign.sudo()._close_finished()
        nobody.write({"email": "newcomer@example.com", "gdpr_legal_basis": "consent"})
        campaign.action_start()
        self.queue()
        self.assertEqual((campaign.total_count, campaign.queued_count, campaign.failed_count), (6, 2, 0))
        queued = campaign.request_ids.filtered(lambda request: request.state == "queued")
        self.assertIn(failed, queued)
        self.assertEqual((queued - failed).res_id, nobody.id)
        self.assertEqual(set(self.get_reasons(campaign).values()), {"already_asked"})

    def test_bounced_is_asked_again_at_a_new_address(self):
        campaign = self.start(self.people[:2])
        self.send(campaign.request_ids)
        campaign.request_ids.sudo()._mark_failed("No such mailbox", "bounced")
        campaign.sudo()._close_finished()
        self.people[0].email = "new@example.com"
        campaign.action_start()
        self.queue()
        queued = campaign.request_ids.filtered(lambda request: request.state == "queued")
        self.assertEqual(queued.email, "new@example.com")
        self.assertEqual((campaign.total_count, campaign.sent_count), (2, 1))
        self.assertEqual(self.get_reasons(campaign), {self.people[1]: "already_asked"})

    def test_schedule(self):
        start = fields.Datetime.now() + timedelta(days=1)
        campaign = self.make(scheduled_on=start)
        campaign.action_start()
        self.assertEqual(campaign.state, "scheduled")
        self.assertIn("Starts on", campaign.summary)
        self.assertTrue(self.env["ir.cron.trigger"].search([("cron_id", "=", self.cron.id), ("call_at", "=", start)]))
        self.queue()
        self.assertFalse(campaign.request_ids)
        with freeze_time(start + timedelta(minutes=1)):
            self.queue()
        self.assertEqual((campaign.state, campaign.total_count), ("running", 5))

    def test_schedule_in_the_past(self):
        """What was to wait for a time doesn't start at once."""
        campaign = self.make(scheduled_on=fields.Datetime.now() - timedelta(hours=1))
        with self.assertRaisesRegex(UserError, "has passed"):
            campaign.action_start()
        self.assertEqual(campaign.state, "draft")
        campaign.scheduled_on = False
        campaign.action_start()
        self.assertEqual(campaign.state, "running")

    def test_schedule_is_taken_back(self):
        campaign = self.make(scheduled_on=fields.Datetime.now() + timedelta(days=1))
        campaign.action_start()
        campaign.action_pause()
        self.assertEqual(campaign.state, "draft")
        campaign.action_start()
        campaign.action_start()
        self.assertEqual(campaign.state, "running")

    def test_stops_with_the_reason(self):
        campaign = self.make()
        campaign.action_start()
        self.salesperson.group_ids = self.env.ref("base.group_user")
        self.queue()
        self.assertEqual(campaign.sudo().state, "paused")
        self.assertIn("has no right", campaign.sudo().failure_reason)
        campaign = campaign.with_user(self.officer)
        campaign.user_id = self.officer
        campaign.action_start()
        self.queue()
        self.assertEqual(campaign.total_count, 5)

    @mute_logger(QUEUEING)
    def test_stops_when_something_is_wrong(self):
        campaign = self.make()
        campaign.action_start()
        with patch.object(GdprConsentCampaign, "_insert_requests", side_effect=ZeroDivisionError("Oops")):
            self.queue()
        self.assertEqual((campaign.state, campaign.total_count, campaign.last_queued_id), ("paused", 0, 0))
        self.assertIn("Oops", campaign.failure_reason)
        campaign.action_start()
        self.queue()
        self.assertEqual((campaign.state, campaign.total_count, campaign.failure_reason), ("running", 5, False))

    def test_number_of_queries(self):
        self.patch(selection, "BATCH", 2000)
        many = self.env["res.partner"].create(
            [{"name": f"Many {number}", "email": f"many{number}@example.com"} for number in range(560)]
        )
        many.gdpr_legal_basis = "consent"
        # The first fills the caches of the registry.
        campaigns = self.make(many[:10]), self.make(many[10:60]), self.make(many[60:])
        counts = {"check": [], "queue": []}
        for campaign in campaigns:
            for name, act in (("check", campaign.action_check), ("queue", campaign.sudo()._queue_safely)):
                self.env.flush_all()
                self.env.invalidate_all()
                before = self.env.cr.sql_log_count
                act()
                self.env.flush_all()
                counts[name].append(self.env.cr.sql_log_count - before)
                if name == "check":
                    campaign.action_start()
        self.assertEqual([campaign.total_count for campaign in campaigns], [10, 50, 500])
        self.assertEqual(counts["queue"][1], counts["queue"][2])
        self.assertEqual(counts["check"][1], counts["check"][2])
        self.assertLess(counts["queue"][2], 45)

    def test_number_of_queries_of_counts(self):
        campaigns = self.start(self.people[:1]) | self.start(self.people[1:2]) | self.start(self.people[2:])
        for some in (campaigns[:1], campaigns):
            self.env.invalidate_all()
            some.mapped("state")
            with self.assertQueryCount(2):
                some.mapped("total_count")
                some.mapped("excluded_count")
