from datetime import timedelta

from odoo import fields
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from .campaign_common import CampaignCase
from .page_common import PageCase
from .smtp_common import SmtpCase, find_free_port

SENDING = "odoo.addons.gdpr_consent.models.gdpr_consent_request_sending"


@tagged("post_install", "-at_install")
class TestCampaignSending(SmtpCase, CampaignCase, PageCase):
    """What a sender does with what is queued, over a real mail server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.person = cls.people[0]

    def run_sender(self, sender=1):
        """Run a sender, as the scheduler does."""
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref(f"gdpr_consent.ir_cron_campaign_sender_{sender}").method_direct_trigger()
        self.env.invalidate_all()

    def get_request(self, campaign, card):
        return campaign.request_ids.filtered(lambda request: request.res_id == card.id)

    def get_received(self):
        """Give the addresses that got a message, sorted."""
        return sorted(address for envelope in self.mailbox.envelopes for address in envelope.rcpt_tos)

    def leave(self, request, state, message_id=None):
        """Leave a request behind as a sender that was killed does."""
        self.env["gdpr.consent.delivery"].create(
            {"request_id": request.id, "sender": 1, "state": state, "message_id": message_id}
        )

    def assertNothingInHand(self):
        self.assertFalse(self.env["gdpr.consent.delivery"].search([]))

    # ------------------------------------------------------------
    # THE ORDINARY
    # ------------------------------------------------------------

    def test_everybody_gets_one_message(self):
        self.start_server()
        campaign = self.start()
        self.run_sender()
        self.run_sender(2)
        self.assertEqual(self.get_received(), sorted(self.people.mapped("email")))
        self.assertEqual(set(campaign.request_ids.mapped("state")), {"sent"})
        self.assertEqual(campaign.state, "done")
        self.assertEqual((campaign.total_count, campaign.sent_count, campaign.progress), (5, 5, 100))
        for person in self.people:
            with self.subTest(person=person.name):
                self.assertEqual(person.gdpr_consent_state, "waiting")
                self.assertEqual(self.get_events(person)[-1], "asked")
                self.assertEqual(self.get_request(campaign, person).user_id, self.salesperson)
        self.assertNothingInHand()
        self.assertLedgerSound()

    def test_message_and_its_links(self):
        self.start_server()
        campaign = self.start(self.person)
        self.run_sender()
        _envelope, message = self.receive()
        request = self.get_request(campaign, self.person)
        self.assertEqual(message["Message-Id"], request.message_id)
        self.assertEqual(message["To"].addresses[0].addr_spec, self.person.email)
        self.assertIn("One-Click", message["List-Unsubscribe-Post"])
        texts = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
        links = {kind: self.read_links(text) for kind, text in texts.items()}
        self.assertEqual(links["text/plain"], links["text/html"])
        chatter = self.person.message_ids.filtered(lambda note: note.message_id == request.message_id)
        self.assertEqual(chatter.author_id, self.salesperson.partner_id)
        for link in links["text/html"].values():
            self.assertNotIn(link, chatter.body)
        self.assertEqual(self.submit(links["text/html"]["consent"], [("answer", "accept")]).status_code, 200)
        self.assertEqual(self.get_state(self.person), "obtained")
        self.assertEqual((campaign.answered_count, campaign.accepted_count), (1, 1))

    def test_each_in_their_language(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.template.with_context(lang="it_IT").subject = "Una domanda"
        self.person.lang = "it_IT"
        self.start_server()
        self.start(self.people[:2])
        self.run_sender()
        self.assertEqual(self.receive()[1]["Subject"] == "Una domanda", self.get_received()[0] != self.person.email)
        self.assertEqual(len(self.mailbox.envelopes), 2)

    def test_number_of_queries(self):
        """What a message costs doesn't grow with their number; Odoo's own sending takes some twenty statements."""
        many = self.people.create(
            [{"name": f"Many {number}", "email": f"many{number}@example.com"} for number in range(50)]
        )
        many.gdpr_legal_basis = "consent"
        self.start_server()
        counts = []
        for cards in (many[:2], many[2:12], many[12:]):
            self.start(cards)
            before = self.env.cr.sql_log_count
            self.run_sender()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(len(self.mailbox.envelopes), 50)
        a_message = (counts[2] - counts[1]) / 28
        self.assertLess(a_message, 5)

    # ------------------------------------------------------------
    # NOT TO BE SENT ANY MORE
    # ------------------------------------------------------------

    def test_paused_and_cancelled(self):
        self.start_server()
        paused, cancelled = self.start(self.people[:2]), self.start(self.people[2:])
        paused.action_pause()
        cancelled.action_cancel()
        self.run_sender()
        self.assertFalse(self.mailbox.envelopes)
        self.assertEqual(set(paused.request_ids.mapped("state")), {"queued"})
        self.assertEqual(set(cancelled.request_ids.mapped("state")), {"cancelled"})
        paused.action_start()
        self.queue()
        self.run_sender()
        self.assertEqual(len(self.mailbox.envelopes), 2)

    def test_what_changed_while_it_was_queued(self):
        self.start_server()
        campaign = self.start()
        self.people[0].gdpr_legal_basis = "contract"
        self.people[1].email = False
        self.people[2].email = "moved@example.com"
        self.people[3].unlink()
        self.run_sender()
        self.assertEqual(self.get_received(), ["moved@example.com", self.people[4].email])
        self.assertEqual(self.get_request(campaign, self.people[2]).email, "moved@example.com")
        self.assertEqual(campaign.state, "done")

    def test_switched_off(self):
        self.start_server()
        self.start()
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "False")
        self.run_sender()
        self.assertFalse(self.mailbox.envelopes)

    def test_cancelled_while_in_a_senders_hands(self):
        campaign = self.start(self.people[:2])
        sent, claimed = campaign.request_ids
        self.leave(sent, "sent", "<left@example.com>")
        self.leave(claimed, "claimed")
        campaign.action_cancel()
        self.run_sender()
        self.assertEqual((sent.state, claimed.state), ("sent", "cancelled"))
        self.assertNothingInHand()

    # ------------------------------------------------------------
    # THE MAIL SERVER
    # ------------------------------------------------------------

    def test_refused_recipient(self):
        self.mailbox.refused[self.person.email] = "550 5.1.1 No such mailbox here"
        self.start_server()
        campaign = self.start()
        self.run_sender()
        request = self.get_request(campaign, self.person)
        self.assertEqual(request.state, "failed")
        self.assertIn("No such mailbox here", request.failure_reason)
        self.assertEqual(self.person.gdpr_consent_state, "pending")
        self.assertEqual(len(self.mailbox.envelopes), 4)
        self.assertEqual((campaign.state, campaign.failed_count), ("done", 1))

    def test_busy_server_is_tried_again(self):
        self.mailbox.refused[self.person.email] = "451 4.7.1 Greylisted"
        self.start_server()
        campaign = self.start(self.people[:2])
        request = self.get_request(campaign, self.person)
        self.run_sender()
        self.run_sender()
        self.assertEqual((request.state, request.attempt_count), ("queued", 1))
        self.assertEqual(campaign.state, "running")
        self.mailbox.refused.clear()
        with freeze_time(fields.Datetime.now() + timedelta(minutes=11)):
            self.run_sender()
        self.assertEqual(request.state, "sent")
        self.assertEqual(campaign.state, "done")

    def test_busy_server_is_given_up(self):
        self.mailbox.refused[self.person.email] = "451 4.7.1 Greylisted"
        self.start_server()
        request = self.start(self.person).request_ids
        request.sudo().attempt_count = 9
        self.run_sender()
        self.assertEqual(request.state, "failed")
        self.assertIn("Greylisted", request.failure_reason)

    def test_server_is_gone(self):
        campaign = self.start()
        with mute_logger(SENDING, "odoo.addons.base.models.ir_mail_server"):
            self.run_sender()
        self.assertEqual(set(campaign.request_ids.mapped("state")), {"queued"})
        self.assertTrue(campaign.sending_problem)
        self.assertEqual(campaign.state, "running")
        self.assertNothingInHand()
        self.start_server()
        self.run_sender()
        self.assertEqual(len(self.mailbox.envelopes), 5)
        self.assertFalse(campaign.sending_problem)
        self.assertEqual(campaign.state, "done")

    def test_server_of_one_campaign_is_gone(self):
        gone = self.mail_server.copy({"smtp_port": find_free_port(), "sequence": 9})
        template = self.template.copy({"mail_server_id": gone.id})
        self.start_server()
        first, second = self.start(self.people[:2], template_id=template.id), self.start(self.people[2:])
        with mute_logger(SENDING, "odoo.addons.base.models.ir_mail_server"):
            self.run_sender()
        self.assertEqual((first.state, second.state), ("running", "done"))
        self.assertEqual(self.get_received(), sorted(self.people[2:].mapped("email")))

    def test_message_that_cannot_be_made(self):
        self.template.body_html = (
            '<p><t t-if="object.name == \'Person 1\'" t-out="1 / 0"/>'
            '<a href="/gdpr/consent/personal-link">Choose</a></p>'
        )
        self.start_server()
        campaign = self.start()
        with mute_logger(SENDING, "odoo.addons.mail.models.mail_render_mixin"):
            self.run_sender()
        self.assertEqual(len(self.mailbox.envelopes), 4)
        failed = campaign.request_ids.filtered(lambda request: request.state == "failed")
        self.assertEqual(failed.res_id, self.people[1].id)
        self.assertTrue(failed.failure_reason)

    def test_message_without_a_link(self):
        """One whose link isn't shown to somebody doesn't leave for that person."""
        self.template.body_html = (
            '<p>Hello <t t-if="object.name != \'Person 1\'"><a href="/gdpr/consent/personal-link">Choose</a></t></p>'
        )
        self.start_server()
        campaign = self.start()
        with mute_logger(SENDING):
            self.run_sender()
        failed = campaign.request_ids.filtered(lambda request: request.state == "failed")
        self.assertEqual(failed.res_id, self.people[1].id)
        self.assertIn("no consent link", failed.failure_reason)
        self.assertEqual(len(self.mailbox.envelopes), 4)

    # ------------------------------------------------------------
    # AFTER A CRASH
    # ------------------------------------------------------------

    def test_left_behind(self):
        """By a sender that was killed; the other one, which runs next, takes care of it."""
        self.start_server()
        campaign = self.start()
        claimed, handed, sent = (self.get_request(campaign, person) for person in self.people[:3])
        self.leave(claimed, "claimed")
        self.leave(handed, "handed")
        self.leave(sent, "sent", "<left@example.com>")
        self.run_sender(2)
        self.assertEqual((claimed.state, handed.state, sent.state), ("sent", "failed", "sent"))
        self.assertIn("interrupted", handed.failure_reason)
        self.assertEqual(sent.message_id, "<left@example.com>")
        received = self.get_received()
        self.assertEqual(received, sorted((self.people - self.people[1:3]).mapped("email")))
        self.assertEqual(self.get_events(self.people[2])[-1], "asked")
        self.assertNothingInHand()
        self.assertLedgerSound()

    def test_answer_before_the_outcome_is_on_record(self):
        request = self.start(self.person).request_ids
        request.sudo()._issue_links()
        self.leave(request, "sent", "<left@example.com>")
        self.answer(request, {self.marketing.id: ["email"]})
        self.assertEqual(request.state, "answered")
        self.run_sender()
        self.assertEqual((request.state, request.message_id), ("answered", "<left@example.com>"))
        events = self.get_events(self.person)
        self.assertIn("asked", events)
        self.assertLess(events.index("asked"), events.index("given"))
        self.assertNothingInHand()
        self.assertLedgerSound()

    def test_asked_by_hand_meanwhile(self):
        self.start_server()
        campaign = self.start(self.people[:2])
        by_hand = self.env["gdpr.consent.request"].create(
            {
                **campaign.request_ids[0].copy_data()[0],
                "campaign_id": False,
                "state": "sent",
            }
        )
        self.run_sender()
        self.assertEqual(len(self.mailbox.envelopes), 1)
        self.assertEqual(campaign.request_ids.mapped("state"), ["cancelled", "sent"])
        self.assertEqual(by_hand.state, "sent")
