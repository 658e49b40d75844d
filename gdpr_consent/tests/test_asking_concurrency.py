import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import UserError
from odoo.service.model import retrying
from odoo.tests import TransactionCase, freeze_time, tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

# How long who is first keeps the transaction open, so that the other one runs into it.
OVERLAP = 0.3
REFUSED = "is being asked at this very moment"


class Killed(BaseException):
    """The process is gone: nobody cleans up."""


@tagged("post_install", "-at_install")
class TestAskingConcurrency(TransactionCase):
    """Two ask the same people in the same moment, in real transactions that are committed.

    Nobody is asked twice, nobody is forgotten.
    """

    registry_test_mode = False

    def setUp(self):
        super().setUp()
        # Odoo waits up to two seconds before it tries again.
        self.startPatcher(patch("odoo.service.model.random.uniform", lambda _low, _high: 0.01))
        self.enterContext(mute_logger("odoo.sql_db", "odoo.service.model"))
        self.startPatcher(patch.object(self.registry["ir.cron"], "_commit_progress", return_value=1.0))
        # What is made by hand waits in the queue.
        self.startPatcher(patch.object(self.registry["mail.mail"], "send_after_commit", lambda _mails: None))
        with self.registry.cursor() as cr:
            scope = api.Environment(cr, SUPERUSER_ID, {}).ref("gdpr_consent.scope_contact")
            self.addCleanup(self.switch_asking, scope.id, scope.ask_new)
            scope.ask_new = True

    def switch_asking(self, scope_id, is_on):
        with self.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["gdpr.scope"].browse(scope_id).ask_new = is_on

    @contextmanager
    def new_people(self, **case):
        """Make three people whom a campaign and the job for new records are both about to ask."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            people = env["res.partner"].create(
                [{"name": f"Both {n}", "email": f"both{n}@example.com"} for n in range(3)]
            )
            people.gdpr_legal_basis = "consent"
            self.partner_ids, self.subject_ids = people.ids, people.gdpr_subject_id.ids
            campaign = env["gdpr.consent.campaign"].create(
                {"name": "At once", "domain": repr([("id", "in", people.ids)])}
            )
            campaign.action_start()
            self.campaign_id = campaign.id
        try:
            with self.subTest(**case), freeze_time(fields.Datetime.now() + timedelta(hours=2)):
                yield
        finally:
            self.clean_up()

    def clean_up(self):
        """Remove what was committed, the ledger's events too: past its trigger, which only its owner can do."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            people = env["res.partner"].browse(self.partner_ids)
            self.subject_ids = list({*self.subject_ids, *people.gdpr_subject_id.ids})
            cr.execute("ALTER TABLE gdpr_consent_event DISABLE TRIGGER USER")
            cr.execute("DELETE FROM gdpr_consent_event WHERE subject_id = ANY(%s)", [self.subject_ids])
            cr.execute("ALTER TABLE gdpr_consent_event ENABLE TRIGGER USER")
            requests = env["gdpr.consent.request"].search([("subject_id", "in", self.subject_ids)])
            requests.mail_mail_ids.unlink()
            requests.unlink()
            env["gdpr.new.record"].search([("res_id", "in", self.partner_ids)]).unlink()
            campaign = env["gdpr.consent.campaign"].browse(self.campaign_id)
            campaign._delete_exclusions()
            campaign.unlink()
            people.unlink()
            env.flush_all()
            cr.execute("DELETE FROM gdpr_subject WHERE id = ANY(%s)", [self.subject_ids])
            jobs = env["ir.cron"].search([("cron_name", "like", "Data Privacy: %")])
            env["ir.cron.trigger"].search([("cron_id", "in", jobs.ids)]).unlink()

    # ------------------------------------------------------------
    # WHO ASKS
    # ------------------------------------------------------------

    def queue_campaign(self, env):
        env["gdpr.consent.campaign"]._cron_queue()

    def run_new_records(self, env):
        env["gdpr.new.record"]._cron_ask()

    def ask_by_hand(self, env):
        env["res.partner"].browse(self.partner_ids[0]).gdpr_request_consent()

    def compose(self, env):
        """Send what Odoo's composer shows."""
        action = env["res.partner"].browse(self.partner_ids[0]).action_gdpr_send_consent_request()
        env["mail.compose.message"].with_context(**action["context"]).create({})._action_send_mail()

    def run_action(self, env):
        """Run the action that rules and menus have."""
        action = env["ir.actions.server"].create(
            {"name": "Ask", "model_id": env["ir.model"]._get_id("res.partner"), "state": "gdpr_ask"}
        )
        action.with_context(active_model="res.partner", active_ids=self.partner_ids).run()
        action.unlink()

    def run_in_order(self, first, second):
        """Run two acts, the second one while the first isn't committed yet, tried again as Odoo does.

        Both have looked at the database before either acts.

        :return: what became of the second: None, or the message
        """
        begun, has_acted = threading.Barrier(2), threading.Event()

        def run(act, is_first):
            is_first_try = True

            def attempt():
                nonlocal is_first_try
                if is_first_try:
                    is_first_try = False
                    env.cr.execute("SELECT 1 FROM gdpr_subject LIMIT 1")
                    begun.wait(10)
                    if not is_first:
                        has_acted.wait(10)
                act(env)
                env.flush_all()
                has_acted.set()
                if is_first:
                    time.sleep(OVERLAP)

            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                try:
                    retrying(attempt, env)
                except UserError as error:
                    cr.rollback()
                    return str(error)
                finally:
                    has_acted.set()
                return None

        with ThreadPoolExecutor(2) as pool:
            outcomes = [pool.submit(run, act, act is first) for act in (first, second)]
            self.assertIsNone(outcomes[0].result(30))
            return outcomes[1].result(30)

    def read_requests(self):
        """Give the people asked, one entry a question that was or will be sent, and check that the ledger is sound."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            people = env["gdpr.subject"].browse(self.subject_ids)
            self.assertEqual(people._verify_ledger(), [])
            asking = people.request_ids.filtered(lambda request: request.state in ("queued", "sent"))
            cancelled = (people.request_ids - asking).mail_mail_ids
            self.assertLessEqual(set(cancelled.mapped("state")), {"cancel"})
            return sorted(asking.mapped("res_id"))

    def run_jobs_again(self):
        """Run both jobs, as the scheduler does a few minutes later."""
        for job in (self.run_new_records, self.queue_campaign):
            with self.registry.cursor() as cr:
                job(api.Environment(cr, SUPERUSER_ID, {}))
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            self.assertFalse(env["gdpr.new.record"].search([("res_id", "in", self.partner_ids)]))
            self.assertTrue(env["gdpr.consent.campaign"].browse(self.campaign_id).queued_on)

    # ------------------------------------------------------------
    # IN WHICH ORDER
    # ------------------------------------------------------------

    def test_job_meets_campaign(self):
        with self.new_people():
            self.assertIsNone(self.run_in_order(self.queue_campaign, self.run_new_records))
            self.assertEqual(self.read_requests(), self.partner_ids)
            self.run_jobs_again()
            self.assertEqual(self.read_requests(), self.partner_ids)

    def test_campaign_meets_job(self):
        with self.new_people():
            self.assertIsNone(self.run_in_order(self.run_new_records, self.queue_campaign))
            self.assertEqual(self.read_requests(), self.partner_ids)
            self.run_jobs_again()
            self.assertEqual(self.read_requests(), self.partner_ids)
            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                exclusions = env["gdpr.consent.campaign.exclusion"].search([("campaign_id", "=", self.campaign_id)])
                self.assertEqual(exclusions.mapped("reason"), ["already_asked"] * 3)

    def test_by_hand_meets_campaign_or_job(self):
        """Who comes second learns that the person is being asked."""
        for job in (self.queue_campaign, self.run_new_records):
            for by_hand in (self.ask_by_hand, self.compose):
                with self.new_people(job=job.__name__, by_hand=by_hand.__name__):
                    self.assertIn(REFUSED, self.run_in_order(job, by_hand) or "")
                    self.assertEqual(self.read_requests(), self.partner_ids)
                    self.run_jobs_again()
                    self.assertEqual(self.read_requests(), self.partner_ids)

    def test_campaign_or_job_meets_by_hand(self):
        """The one who was asked by hand is left out, the others aren't forgotten."""
        for job in (self.queue_campaign, self.run_new_records):
            for by_hand in (self.ask_by_hand, self.compose):
                with self.new_people(job=job.__name__, by_hand=by_hand.__name__):
                    self.assertIsNone(self.run_in_order(by_hand, job))
                    self.run_jobs_again()
                    self.assertEqual(self.read_requests(), self.partner_ids)

    def test_two_by_hand(self):
        """Two colleagues, or one who clicks twice."""
        for first, second in ((self.ask_by_hand, self.compose), (self.compose, self.ask_by_hand)):
            with self.new_people(first=first.__name__):
                self.assertIn(REFUSED, self.run_in_order(first, second) or "")
                self.assertEqual(self.read_requests(), self.partner_ids[:1])

    def test_action_of_a_rule(self):
        """It leaves out who is being asked already, and asks the others."""
        for first in (self.queue_campaign, self.run_new_records, self.ask_by_hand):
            with self.new_people(first=first.__name__):
                self.assertIsNone(self.run_in_order(first, self.run_action))
                self.assertEqual(self.read_requests(), self.partner_ids)

    # ------------------------------------------------------------
    # WHAT IS QUEUED ALREADY
    # ------------------------------------------------------------

    def claim(self, env):
        """Take what the campaign has queued, as a sender does."""
        env["gdpr.consent.delivery"]._claim(1, env["gdpr.consent.campaign"].browse(self.campaign_id), 10)

    def read_claimed(self):
        """Give whose message a sender has in its hands."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            return sorted(env["gdpr.consent.delivery"].search([]).request_id.mapped("res_id"))

    def queue_now(self):
        with self.registry.cursor() as cr:
            self.queue_campaign(api.Environment(cr, SUPERUSER_ID, {}))

    def test_by_hand_while_queued(self):
        """What is sent by hand takes the place of what waits in the queue of a campaign."""
        for by_hand in (self.ask_by_hand, self.compose):
            with self.new_people(by_hand=by_hand.__name__):
                self.queue_now()
                self.assertIsNone(self.run_in_order(by_hand, self.claim))
                self.assertEqual(self.read_claimed(), self.partner_ids[1:])
                self.assertEqual(self.read_requests(), self.partner_ids)
                with self.registry.cursor() as cr:
                    env = api.Environment(cr, SUPERUSER_ID, {})
                    replaced = env["gdpr.consent.request"].search(
                        [("campaign_id", "=", self.campaign_id), ("res_id", "=", self.partner_ids[0])]
                    )
                    self.assertEqual(replaced.state, "cancelled")
                    self.assertIn("in another way", replaced.failure_reason)

    def test_by_hand_while_being_sent(self):
        """What a sender has taken can't be stopped any more, even if that was a moment ago."""
        for by_hand in (self.ask_by_hand, self.compose):
            with self.new_people(by_hand=by_hand.__name__):
                self.queue_now()
                self.assertIn(REFUSED, self.run_in_order(self.claim, by_hand) or "")
                self.assertEqual(self.read_claimed(), self.partner_ids)
                self.assertEqual(self.read_requests(), self.partner_ids)

    def test_other_mail_while_being_sent(self):
        """A mail with the link that was made in another way, as by a rule, isn't sent then, and says why."""
        with self.new_people():
            self.queue_now()

            def send_template(env):
                template = env.ref("gdpr_consent.mail_template_consent_request_partner")
                mail = env["mail.mail"].browse(template.send_mail(self.partner_ids[0]))
                self.assertEqual(mail.state, "cancel")
                self.assertIn(REFUSED, mail.failure_reason)
                mail.unlink()

            self.assertIsNone(self.run_in_order(self.claim, send_template))
            self.assertEqual(self.read_requests(), self.partner_ids)

    def send_mails(self, **send_email):
        """Send what was made by hand, with what becomes of it at the mail server."""
        with (
            patch.object(self.registry["ir.mail_server"], "send_email", **send_email) as server,
            patch.object(self.registry["ir.mail_server"], "_disable_send", lambda _servers: False),
            patch.object(self.registry["ir.mail_server"], "_connect__", lambda _servers, **_options: None),
            mute_logger("odoo.addons.mail.models.mail_mail"),
            self.registry.cursor() as cr,
        ):
            env = api.Environment(cr, SUPERUSER_ID, {})
            people = env["gdpr.subject"].browse(self.subject_ids)
            people.request_ids.mail_mail_ids.filtered(lambda mail: mail.state in ("outgoing", "exception")).send()
            return server.call_count

    def read_delivery(self):
        """Give the state of the request, whether it is in doubt, and how many messages are noted as being sent."""
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            request = env["gdpr.subject"].browse(self.subject_ids).request_ids
            return request.state, request.is_in_doubt, env["gdpr.consent.delivery"].search_count([])

    def test_killed_while_sending(self):
        """What was being handed over isn't sent once more by itself; a human may."""
        with self.new_people():
            with self.registry.cursor() as cr:
                self.ask_by_hand(api.Environment(cr, SUPERUSER_ID, {}))
            with self.assertRaises(Killed):
                self.send_mails(side_effect=Killed)
            self.assertEqual(self.read_delivery(), ("queued", False, 1))
            self.assertEqual(self.send_mails(return_value="<sent@example.com>"), 0)
            self.assertEqual(self.read_delivery(), ("failed", True, 0))
            self.retry_mails()
            self.assertEqual(self.send_mails(return_value="<sent@example.com>"), 1)
            self.assertEqual(self.read_delivery(), ("sent", False, 0))

    def test_mail_server_says_no(self):
        """That is no doubt: it can be tried again."""
        with self.new_people():
            with self.registry.cursor() as cr:
                self.ask_by_hand(api.Environment(cr, SUPERUSER_ID, {}))
            self.send_mails(side_effect=MailDeliveryException("No", "such mailbox"))
            self.assertEqual(self.read_delivery(), ("failed", False, 0))
            self.retry_mails()
            self.assertEqual(self.send_mails(return_value="<sent@example.com>"), 1)
            self.assertEqual(self.read_delivery(), ("sent", False, 0))

    def retry_mails(self):
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            env["gdpr.subject"].browse(self.subject_ids).request_ids.mail_mail_ids.mark_outgoing()

    # ------------------------------------------------------------
    # WHO ISN'T KNOWN YET
    # ------------------------------------------------------------

    def test_person_made_twice(self):
        """Two acts that both make the person of a record: one person, asked once."""
        with self.new_people():
            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                unknown = env["res.partner"].create({"name": "Unknown", "email": "unknown@example.com"})
                self.assertFalse(unknown.gdpr_subject_id)
                cr.execute("SELECT last_value FROM gdpr_subject_id_seq")
                (last_id,) = cr.fetchone()
            self.partner_ids.append(unknown.id)

            def begin(env):
                env["res.partner"].browse(unknown.id).gdpr_legal_basis = "consent"
                self.run_action(env)

            self.assertIsNone(self.run_in_order(begin, lambda env: begin(env)))
            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                made = env["gdpr.subject"].search([("id", ">", last_id)])
                self.assertEqual(made, env["res.partner"].browse(unknown.id).gdpr_subject_id)
                self.assertEqual(made.event_ids.mapped("action"), ["basis_changed"])
            self.subject_ids.append(made.id)
            self.assertEqual(self.read_requests(), self.partner_ids)
