from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .smtp_common import SmtpCase
from .test_lifting import LiftingCase


class RecipientCase(LiftingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["res.partner"].create(
            [
                {"name": "Printer Ltd", "email": "printer@example.com", "is_company": True, "lang": "en_US"},
                {"name": "Mailer Ltd", "email": "mailer@example.com", "is_company": True, "lang": "en_US"},
            ]
        )
        cls.marketing.write(
            {
                "recipient_ids": [Command.set(cls.partners[0].ids)],
                "processor_ids": [Command.set(cls.partners[1].ids)],
            }
        )

    def get_outcomes(self, request):
        return {notice.recipient_id: notice.outcome for notice in request.recipient_notice_ids}


@tagged("post_install", "-at_install")
class TestRecipients(RecipientCase):
    """Who received the data is told what became of it, each with an outcome (article 19, law.md R-62)."""

    def test_two_recipients(self):
        self.env.company._gdpr_set_request_alias("privacy", self.mail_alias_domain)
        self.agree(self.card)
        request = self.restrict()
        self.fulfil(request)
        self.assertEqual(self.get_outcomes(request), dict.fromkeys(self.partners, "done"))
        told = {mail["email_to"][0]: mail for mail in self._mails if "Ltd" in mail["email_to"][0] or "er@" in str(mail)}
        for address in ("printer@example.com", "mailer@example.com"):
            [mail] = [mail for to, mail in told.items() if address in to]
            self.assertIn(self.env.company._gdpr_get_request_address(), mail["reply_to"])
            for text in ("Rita Stop", "rita.stop@example.com", request.name, "may only be stored", self.marketing.name):
                self.assertIn(text, mail["body"])
        self.assertIn("Printer Ltd, Mailer Ltd", request.resolution)
        self.assertIn("told_recipients", request.step_ids.mapped("action"))

    def test_once(self):
        self.agree(self.card)
        request = self.restrict()
        self.fulfil(request)
        with self.catch_mails():
            request._tell_recipients()
        self.assertFalse(self._mails)
        self.assertEqual(len(request.recipient_notice_ids), 2)

    def test_who_received_the_data(self):
        """Also those of a consent taken back since, and those of a purpose with the person's basis; nobody else."""
        self.agree(self.card)
        self.card.gdpr_withdraw_consent()
        self.orders.recipient_ids = self.partners[1]
        customer = self.make_person("Cus Tomer", "contract")
        self.agree(self.other)
        other_company = self.env["res.company"].create({"name": "Other company"})
        foreign = self.orders.copy({"company_id": other_company.id})
        foreign.recipient_ids = self.partners[0]
        for card, told in ((self.card, self.partners), (customer, self.partners[1]), (self.lead, self.partners[:0])):
            request = self.restrict(card)
            with self.subTest(card=card.display_name):
                request._propose_recipients()
                self.assertEqual(request.recipient_notice_ids.recipient_id, told)

    def test_corrected_by_the_officer(self):
        self.agree(self.card)
        request = self.restrict().with_user(self.officer)
        request.action_propose_recipients()
        printer, mailer = request.recipient_notice_ids
        with self.assertRaises(ValidationError):
            mailer.exemption = "impossible"
        mailer.write({"exemption": "impossible", "reason": "It was wound up"})
        printer.write({"exemption": "not_disclosed", "reason": "Never printed anything"})
        added = self.env["res.partner"].create({"name": "Added Ltd", "email": "added@example.com"})
        request.write({"recipient_notice_ids": [Command.create({"recipient_id": added.id})]})
        with self.assertRaises(UserError):
            printer.action_send()
        self.fulfil(request)
        self.assertEqual(
            self.get_outcomes(request),
            {self.partners[0]: "not_disclosed", self.partners[1]: "impossible", added: "done"},
        )
        self.assertNotIn("Printer", request.resolution)
        with self.assertRaises(UserError):
            request.recipient_notice_ids[-1].unlink()

    def test_nothing_is_told_that_is_not_so(self):
        self.agree(self.card)
        for kind in ("erasure", "access"):
            with self.catch_mails():
                request = self.card.with_user(self.officer)._gdpr_receive_request(kind)
            request.action_propose_recipients()
            self.assertFalse(request.has_recipients_to_tell)
            with self.assertRaisesRegex(UserError, "Nothing has been done"):
                request.action_tell_recipients()
            with self.assertRaisesRegex(UserError, "Nothing has been done"):
                request.recipient_notice_ids[0].action_send()
        request = self.restrict().with_user(self.officer)
        self.assertFalse(request.has_recipients_to_tell, "Nobody is on the list yet.")
        request.action_propose_recipients()
        self.assertTrue(request.has_recipients_to_tell)
        with self.catch_mails():
            request.action_tell_recipients()
        self.assertFalse(request.has_recipients_to_tell, "Everybody was told.")
        notice = request.recipient_notice_ids[0]
        self.assertEqual(notice.state, "sent")
        other = self.env["res.partner"].create({"name": "Never Told Ltd"})
        with self.assertRaisesRegex(UserError, "can't be changed"):
            notice.recipient_id = other

    def test_without_an_address(self):
        self.partners[0].email = False
        self.agree(self.card)
        request = self.restrict()
        self.fulfil(request)
        self.assertEqual(self.get_outcomes(request), {self.partners[0]: "failed", self.partners[1]: "done"})
        # Nobody reads that who couldn't be told was.
        self.assertIn("from us: Mailer Ltd.", request.resolution)
        [step] = request.step_ids.filtered(lambda step: step.action == "told_recipients")
        self.assertEqual(step.note, "Mailer Ltd")
        [step] = request.step_ids.filtered(lambda step: step.action == "untold_recipients")
        self.assertEqual(step.note, "Printer Ltd")
        self.assertIn("Printer Ltd", str(request.activity_ids.mapped("summary")))

    def test_tried_again(self):
        """Where a first notice failed nobody reads that the recipient is told, before it arrives."""
        self.agree(self.card)
        request = self.restrict()
        request._propose_recipients()
        for values, is_named in (
            ({"state": "queued", "attempt_count": 1}, True),
            ({"state": "queued", "attempt_count": 2}, False),
            ({"state": "sent", "attempt_count": 2}, True),
        ):
            request.recipient_notice_ids[0].write(values)
            self.assertEqual("Printer Ltd" in request._get_recipients_sentence(), is_named)

    def test_objection_that_suspends_nothing(self):
        """Nobody is told that the processing is restricted where it goes on; of marketing those who do it are told."""
        self.orders.recipient_ids = self.partners[1]
        self.marketing.processor_ids = False
        customer = self.make_person("Cus Tomer", "consent")
        self.agree(customer)
        customer.gdpr_legal_basis = "contract"
        with self.catch_mails():
            request = customer._gdpr_receive_request("objection").sudo()
        self.fulfil(request, objection_outcome="marketing_only")
        self.assertEqual(self.get_outcomes(request), {self.partners[0]: "done"})
        [mail] = [mail for mail in self._mails if "printer@example.com" in str(mail["email_to"])]
        self.assertIn("objects to direct marketing", mail["body"])
        self.assertNotIn("may only be stored", mail["body"])
        self.assertIn("from us: Printer Ltd.", request.resolution)

    def test_nobody_is_told_what_has_ended(self):
        """That the processing is restricted is told to nobody once it was resumed."""
        self.agree(self.card)
        request = self.restrict()
        request.with_user(self.officer).action_start()
        person = self.card.gdpr_subject_id.with_user(self.officer)
        day = fields.Date.context_today(person)
        person._tell_lifting("phone", "Corrected", request=request, told_on=day, statement="Called")
        request.with_user(self.officer)._lift_restriction()
        with self.catch_mails():
            request.with_user(self.officer).action_fulfil()
        self.assertNotIn("printer@example.com", str([mail["email_to"] for mail in self._mails]))
        self.assertNotIn("Printer Ltd", request.resolution)
        notice = self.env["gdpr.recipient.notice"].create(
            {"request_id": request.id, "recipient_id": self.partners[0].id}
        )
        notice._mark_failed("Mailbox full")
        with self.catch_mails():
            self.env["gdpr.recipient.notice"]._cron_retry()
        self.assertFalse(self._mails)

    def test_erasure_waits_for_who_cant_be_told(self):
        """Afterwards nobody can tell a recipient whose data was erased."""
        printer, mailer = self.partners
        printer.email = False
        self.agree(self.card)
        with self.catch_mails():
            request = self.card.with_user(self.officer)._gdpr_receive_request("erasure")
        request.action_plan()
        self.assertEqual(request.recipient_notice_ids.recipient_id, self.partners)
        with self.assertRaisesRegex(UserError, "Printer Ltd"), self.env.cr.savepoint():
            request.action_approve()
        notice = request.recipient_notice_ids.filtered(lambda notice: notice.recipient_id == printer)
        notice.write({"exemption": "impossible", "reason": "Out of business"})
        request.action_approve()
        # The officer's word is taken back while it is erased.
        notice.write({"exemption": False, "reason": False})
        request.action_execute()
        with self.catch_mails(), self.enter_registry_test_mode():
            self.env.ref("gdpr_consent.ir_cron_erasure").method_direct_trigger()
        self.assertEqual(request.sudo().erasure_state, "finished", request.sudo().erasure_note)
        self.assertEqual(self.get_outcomes(request), {printer: "failed", mailer: "done"})
        last = self._mails[-1]["body"]
        # Who couldn't be told isn't named as told.
        self.assertIn("We write to those who received your data from us: Mailer Ltd.", last)
        printer.email = "printer@example.com"
        with self.catch_mails():
            with self.assertRaisesRegex(UserError, "can't be told any more"), self.env.cr.savepoint():
                notice.action_send()
            notices = self.env["gdpr.recipient.notice"]
            notices._cron_retry()
        self.assertFalse(self._mails)
        self.assertIn("before the recipient could be told", notice.failure_reason)

    def test_roles(self):
        self.agree(self.card)
        request = self.restrict()
        request._propose_recipients()
        notice = request.recipient_notice_ids[0]
        for values in ({"state": "sent"}, {"sent_on": "2026-01-01"}, {"attempt_count": 9}):
            with self.assertRaises(AccessError):
                notice.with_user(self.manager).write(values)
        with self.assertRaises(AccessError):
            notice.with_user(self.salesperson).read(["recipient_id"])

    def test_people_at_once(self):
        """As many queries for the lists of many requests as for those of few."""
        counts = []
        for number in (2, 20):
            cards = self.env["res.partner"].create(
                [{"name": f"P{number} {n}", "email": f"p{number}_{n}@example.com"} for n in range(number)]
            )
            cards.gdpr_legal_basis = "contract"
            subjects = cards.gdpr_subject_id
            with self.catch_mails():
                requests = self.env["gdpr.subject.request"].create(
                    [{"subject_id": subject.id, "type": "erasure"} for subject in subjects]
                )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(len(requests._get_recipients()), number)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 2)


@tagged("post_install", "-at_install")
class TestRecipientsByMail(SmtpCase, RecipientCase):
    """With a mail server that is down: each notice is tried again."""

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_retry(self):
        self.agree(self.card)
        request = self.restrict()
        request.with_user(self.officer).action_start()
        request.with_user(self.officer).action_fulfil()
        self.assertEqual(self.get_outcomes(request), dict.fromkeys(self.partners, "failed"))
        self.assertTrue(all(request.recipient_notice_ids.mapped("failure_reason")))
        # As when the person is erased meanwhile: the notice still says who it was.
        self.card.write({"name": "Erased", "email": False})
        self.start_server()
        self.mailbox.refused["mailer@example.com"] = "550 No such user"
        self.env["gdpr.recipient.notice"]._cron_retry()
        self.assertEqual(self.get_outcomes(request), {self.partners[0]: "done", self.partners[1]: "failed"})
        # Who was said to be told and wasn't is in the log, and the officer sees it.
        self.assertIn("Mailer Ltd", request.step_ids.mapped("note"))
        self.assertIn(f"{request.name}: Couldn't be told: Mailer Ltd", request.activity_ids.mapped("summary"))
        self.mailbox.refused.clear()
        failed = request.recipient_notice_ids.filtered(lambda notice: notice.state == "failed")
        failed.with_user(self.officer).action_send()
        self.assertEqual(self.get_outcomes(request), dict.fromkeys(self.partners, "done"))
        reached = [address for envelope in self.mailbox.envelopes for address in envelope.rcpt_tos]
        self.assertEqual((reached.count("printer@example.com"), reached.count("mailer@example.com")), (1, 1))
        self.assertEqual(failed.attempt_count, 3)
        for envelope in self.mailbox.envelopes:
            self.assertIn("Rita Stop", self.read(envelope).get_body(("html",)).get_content())
        left = self.env["mail.mail"].search([("model", "=", "gdpr.recipient.notice")])
        self.assertFalse(left or left.mail_message_id, "What names the person doesn't stay.")
