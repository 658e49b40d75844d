from contextlib import suppress
from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, freeze_time, new_test_user, tagged
from odoo.tools import mute_logger

from ..tools.server_context import SERVER
from .smtp_common import SmtpCase
from .test_restriction import RestrictionCase


class LiftingCase(RestrictionCase):
    def open_lifting(self, record, user=None, **values):
        """Open the form on a request or a person, fill it in and save it."""
        action = record.with_user(user or self.officer).action_lift_restriction()
        wizards = self.env["gdpr.restriction.lifting"].with_user(user or self.officer)
        with Form(wizards.with_context(**action["context"])) as form:
            for name, value in values.items():
                form[name] = value
        return form.record

    def tell(self, record, **values):
        with self.catch_mails():
            self.open_lifting(record, reason="We have corrected your address", **values).action_tell()

    def fulfil(self, request, **values):
        with self.catch_mails():
            request = request.with_user(self.officer)
            request.action_start()
            request.write(values)
            request.action_fulfil()
        self.assertEqual(request.state, "done")


@tagged("post_install", "-at_install")
class TestLifting(LiftingCase):
    """The processing resumes after the person was told, and not before (article 18(3), law.md R-61)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card.lang = "en_US"

    def test_told_first(self):
        self.env.company._gdpr_set_request_alias("privacy", self.mail_alias_domain)
        request = self.restrict()
        wizard = self.open_lifting(request, reason="Corrected")
        self.assertFalse(wizard.is_liftable)
        self.assertEqual(wizard.email, "rita.stop@example.com")
        with self.assertRaisesRegex(UserError, "Tell the person first"):
            wizard.action_lift()
        self.tell(request)
        [mail] = [mail for mail in self._mails if "rita.stop" in mail["email_to"][0]]
        self.assertIn("We have corrected your address", mail["body"])
        self.assertIn(request.name, mail["body"])
        self.assertIn(self.env.company._gdpr_get_request_address(), mail["reply_to"])
        wizard = self.open_lifting(request)
        self.assertTrue(wizard.is_liftable)
        self.assertEqual(wizard.notice_state, "sent")
        wizard.action_lift()
        self.assertFalse(self.card.gdpr_restricted or request.is_suspending)
        self.assertEqual(self.get_events(self.card)[-1], "unrestricted")
        self.assertEqual(request.step_ids.mapped("action")[-3:], ["lifting_told", "lifted", "fulfilled"])
        self.assertEqual(request.step_ids[-1].user_id, self.officer)
        self.assertTrue(self.send(self.make_mail(email_to=self.card.email)))
        self.assertLedgerSound()

    def test_told_twice_in_a_moment(self):
        """A double click tells the person once."""
        request = self.restrict()
        wizard = self.open_lifting(request, reason="We have corrected your address")
        with self.catch_mails():
            wizard.action_tell()
            wizard.action_tell()
        notices = self.env["gdpr.lifting.notice"].search([("request_id", "=", request.id)])
        self.assertEqual(len(notices), 1)
        self.assertEqual(len([mail for mail in self._mails if "rita.stop" in mail["email_to"][0]]), 1)

    def test_queued_is_not_told(self):
        request = self.restrict()
        self.patch(type(self.env["mail.mail"]), "send_after_commit", lambda mails: None)
        self.tell(request)
        wizard = self.open_lifting(request)
        self.assertEqual(wizard.notice_state, "queued")
        with self.assertRaisesRegex(UserError, "hasn't left yet"):
            wizard.action_lift()
        with self.catch_mails():
            self.env["mail.mail"].process_email_queue()
        self.open_lifting(request).action_lift()
        self.assertFalse(self.card.gdpr_restricted)

    def test_days_before(self):
        self.env.company.gdpr_lifting_days = 7
        request = self.restrict()
        self.tell(request)
        with self.assertRaisesRegex(UserError, "can't resume before"):
            self.open_lifting(request).action_lift()
        with freeze_time(fields.Datetime.now() + timedelta(days=7, minutes=1)):
            self.open_lifting(request).action_lift()
        self.assertFalse(self.card.gdpr_restricted)

    def test_used_once(self):
        """A notice doesn't count for a suspension that came later."""
        request = self.restrict()
        self.tell(request)
        self.open_lifting(request).action_lift()
        self.assertEqual(request.state, "done")
        again = self.restrict()
        self.assertNotEqual(request, again)
        with self.assertRaisesRegex(UserError, "Tell the person first"):
            self.open_lifting(again).action_lift()

    def test_asked_again_meanwhile(self):
        """A person who answers the notice by asking again to stop isn't passed over."""
        request = self.restrict()
        self.fulfil(request)
        self.tell(request)
        again = self.restrict()
        with self.assertRaisesRegex(UserError, "still open"):
            self.open_lifting(self.card.gdpr_subject_id).action_lift()
        self.open_lifting(request).action_lift()
        self.assertTrue(self.card.gdpr_restricted, "The other request still suspends it.")
        self.assertEqual((request.is_suspending, again.is_suspending), (False, True))
        with self.assertRaisesRegex(UserError, "Tell the person first"):
            self.open_lifting(again).action_lift()
        self.tell(again)
        self.open_lifting(again).action_lift()
        self.assertFalse(self.card.gdpr_restricted)

    def test_lifted_before_anybody_began(self):
        """Nothing is left of what was asked: the request doesn't stay open."""
        request = self.restrict()
        self.assertEqual(request.state, "new")
        self.tell(request)
        self.open_lifting(request).action_lift()
        self.assertEqual(request.state, "done")
        self.assertIn("until we told you", request.resolution)
        self.assertEqual(request.step_ids.mapped("action")[-2:], ["lifted", "fulfilled"])

    def test_without_an_address(self):
        self.card.email = False
        request = self.restrict()
        with self.assertRaisesRegex(UserError, "e-mail address"):
            self.tell(request)
        today = fields.Date.today()
        for values in (
            {"told_on_day": today},
            {"told_on_day": today + timedelta(days=2), "statement": "Letter"},
            {"told_on_day": today - timedelta(days=2), "statement": "Letter"},
        ):
            with self.subTest(values=values), self.assertRaises(UserError):
                self.tell(request, way="letter", **values)
        self.tell(request, way="letter", statement="Registered letter RR1", told_on_day=today)
        notice = self.env["gdpr.lifting.notice"].search([("request_id", "=", request.id)])
        self.assertEqual((notice.way, notice.user_id), ("letter", self.officer))
        self.assertEqual(notice.statement, "Registered letter RR1")
        self.open_lifting(request).action_lift()
        self.assertFalse(self.card.gdpr_restricted)

    def test_without_a_request(self):
        """Suspended in another way, as when two histories were joined."""
        self.act(self.card, "restricted")
        person = self.card.gdpr_subject_id
        self.tell(person)
        self.open_lifting(person).action_lift()
        self.assertFalse(self.card.gdpr_restricted)
        with self.assertRaisesRegex(UserError, "isn't suspended"):
            self.open_lifting(person).action_lift()

    def test_nothing_is_announced_that_cant_be(self):
        """While a request that suspends is open, the person isn't told from the person's page that it ends."""
        request = self.restrict()
        with self.assertRaisesRegex(UserError, f"{request.name} is still open"):
            self.tell(self.card.gdpr_subject_id)
        self.assertFalse(self._mails)

    def announce(self, request=None):
        """Tell the person, whatever the form offers: in another tab it may be older."""
        person = self.card.gdpr_subject_id.with_user(self.officer)
        with self.catch_mails():
            person._tell_lifting("email", "Corrected", request=request, email=self.card.email)

    def test_nothing_is_announced_while_another_request_suspends(self):
        """Nor from a request: the processing stays suspended because of the other one, and the person reads that."""
        request = self.restrict()
        with self.catch_mails():
            other = self.card._gdpr_receive_request("objection").sudo()
        with self.assertRaisesRegex(UserError, f"{other.name} is still open"):
            self.announce(request)
        other.state = "done"
        with self.assertRaisesRegex(UserError, "stays suspended because of"):
            self.announce(request)
        self.assertFalse(self._mails)
        with self.catch_mails():
            self.open_lifting(request).action_lift()
        self.assertTrue(self.card.gdpr_restricted)
        self.assertIn("We go on only storing your data", request.resolution)
        self.assertNotIn("until we told you", str(self._mails))

    def test_erasure_is_ordered(self):
        """Who is about to be erased stays suspended, and isn't told anything else."""
        self.env.company.gdpr_erasure_delay_days = 3
        with self.catch_mails():
            erasure = self.card.with_user(self.officer)._gdpr_receive_request("erasure")
        erasure.action_plan()
        erasure.action_approve()
        erasure.action_execute()
        self.assertFalse(self.card.gdpr_subject_id._is_told_before_resuming())
        with self.catch_mails():
            stop = self.card.with_user(self.officer)._gdpr_receive_request("restriction")
        for request in (None, stop):
            with self.assertRaisesRegex(UserError, "about to be erased"):
                self.announce(request)
        # It was misread, and suspends nothing any more.
        stop.type = "access"
        self.assertTrue(self.card.gdpr_restricted)

    def test_another_company(self):
        """What the person asked of one company isn't ended by the officer of another."""
        company = self.env["res.company"].create({"name": "Second"})
        officer = new_test_user(
            self.env,
            "second_officer",
            "gdpr_consent.group_officer",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        self.restrict()
        person = self.card.gdpr_subject_id.with_user(officer).with_company(company)
        with self.assertRaisesRegex(UserError, "another company"):
            person._tell_lifting("phone", "We say so", told_on=fields.Date.today(), statement="Called")
        with self.assertRaisesRegex(UserError, "another company"):
            person._lift_restriction()
        self.assertTrue(self.card.gdpr_restricted)

    def test_joined_people(self):
        request = self.restrict()
        self.other.gdpr_subject_id._join(self.card.gdpr_subject_id, "One person")
        self.tell(request)
        self.open_lifting(request).action_lift()
        self.assertFalse(self.card.gdpr_restricted or self.other.gdpr_restricted)
        self.assertLedgerSound()

    def test_roles(self):
        """Officers only; whatever a client sends, the flag and the notice aren't set by hand."""
        request = self.restrict()
        with self.assertRaises(AccessError):
            self.env["gdpr.restriction.lifting"].with_user(self.salesperson).create(
                {"subject_id": self.card.gdpr_subject_id.id}
            )
        for values in ({"gdpr_restricted": False}, {"gdpr_subject_id": False}):
            with self.assertRaises(AccessError):
                self.card.with_user(self.officer).write(values)
        with self.assertRaises(AccessError):
            self.card.gdpr_subject_id.with_user(self.manager).write({"restricted": False})
        with self.assertRaises(AccessError):
            self.env["gdpr.lifting.notice"].with_user(self.manager).create(
                {"subject_id": self.card.gdpr_subject_id.id, "way": "phone", "reason": "x", "state": "sent"}
            )
        with self.assertRaises(AccessError):
            request.with_user(self.officer).write({"is_suspending": False})
        self.assertTrue(self.card.gdpr_restricted)


@tagged("post_install", "-at_install")
class TestLiftingByMail(SmtpCase, LiftingCase):
    """With a mail server that is down: the notice hasn't reached the person."""

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_mail_server_down(self):
        request = self.restrict()
        self.open_lifting(request, reason="Corrected").action_tell()
        wizard = self.open_lifting(request)
        self.assertEqual(wizard.notice_state, "failed")
        with self.assertRaisesRegex(UserError, "didn't reach"):
            wizard.action_lift()
        self.start_server()
        self.open_lifting(request, reason="Corrected").action_tell()
        envelope, message = self.receive()
        self.assertEqual(envelope.rcpt_tos, ["rita.stop@example.com"])
        self.assertIn("Corrected", message.get_body(("html",)).get_content())
        self.open_lifting(request).action_lift()
        self.assertFalse(self.card.gdpr_restricted)


@tagged("post_install", "-at_install")
class TestObjection(LiftingCase):
    """An objection suspends until it is decided; to marketing it is absolute (article 21, law.md R-38, R-65)."""

    def object(self, card=None):
        with self.catch_mails():
            return (card or self.card)._gdpr_receive_request("objection").sudo()

    def test_undecided(self):
        request = self.object()
        with self.assertRaisesRegex(UserError, "Decide on the objection"):
            self.fulfil(request)
        self.assertTrue(self.card.gdpr_restricted)

    def test_upheld(self):
        request = self.object()
        self.fulfil(request, objection_outcome="upheld")
        self.assertTrue(self.card.gdpr_restricted and self.card.gdpr_objected)
        self.assertIn("only store", request.resolution)

    def test_compelling_grounds(self):
        card = self.make_person("Legi Timo", "legitimate_interests")
        request = self.object(card)
        with self.assertRaisesRegex(UserError, "how you weighed"):
            self.fulfil(request, objection_outcome="compelling_grounds")
        with self.assertRaisesRegex(UserError, "Tell the person first"):
            self.fulfil(request, objection_outcome="compelling_grounds", compelling_grounds="A lawsuit is pending.")
        request.write({"objection_outcome": "compelling_grounds", "compelling_grounds": "A lawsuit is pending."})
        with self.catch_mails():
            wizard = self.open_lifting(request)
            self.assertEqual(wizard.reason, "A lawsuit is pending.")
            wizard.action_tell()
        self.fulfil(request)
        self.assertFalse(card.gdpr_restricted)
        self.assertTrue(card.gdpr_objected, "Marketing isn't a matter of grounds.")
        self.assertEqual(self.ask_reason(card, "regulars"), "objected")
        self.assertIn("A lawsuit is pending.", request.resolution)
        self.assertLedgerSound()

    def test_contract(self):
        card = self.make_person("Con Tratto", "contract")
        request = self.object(card)
        self.assertEqual((card.gdpr_restricted, self.ask_reason(card, "orders")), (False, "allowed"))
        for wrong in ("upheld", "compelling_grounds"):
            with self.assertRaisesRegex(UserError, "nobody can object"):
                self.fulfil(request, objection_outcome=wrong, compelling_grounds="A lawsuit is pending.")
        self.fulfil(request, objection_outcome="marketing_only")
        # The rest goes on, and the person reads why (article 12(4)).
        self.assertIn("You get no marketing from us any more.", request.resolution)
        self.assertIn("on the legal basis “Contract”", request.resolution)

    def test_resumed_before_it_is_decided(self):
        """What an objection suspends doesn't resume before somebody has decided that it may (article 18(1)(d))."""
        request = self.object().with_user(self.officer)
        for step in (request.action_lift_restriction, request._lift_restriction):
            with self.assertRaisesRegex(UserError, "choose the decision"):
                step()
        request.objection_outcome = "upheld"
        with self.assertRaisesRegex(UserError, "choose the decision"):
            request.action_lift_restriction()
        request.write({"objection_outcome": "compelling_grounds", "compelling_grounds": "A lawsuit is pending."})
        request.action_lift_restriction()

    def test_another_restriction_stays(self):
        restriction = self.restrict()
        request = self.object()
        self.fulfil(request, objection_outcome="compelling_grounds", compelling_grounds="A lawsuit is pending.")
        self.assertTrue(self.card.gdpr_restricted and restriction.is_suspending)
        self.assertFalse(request.is_suspending)

    def test_nobody_overrides_it(self):
        """Not an officer, an import, the API, a mass set or a later basis: only the person's own later consent."""
        self.card.gdpr_record_objection(source="phone")
        card = self.card.with_user(self.officer)
        card.gdpr_set_legal_basis("legitimate_interests", "A customer for years")
        self.assertEqual(self.ask_reason(self.card, "regulars"), "objected")
        for write in (
            lambda: card.write({"gdpr_objected": False}),
            lambda: (
                self.env["res.partner"]
                .with_user(self.officer)
                .load([".id", "gdpr_objected"], [[str(card.id), "False"]])
            ),
            lambda: card.gdpr_subject_id.with_user(self.manager).write({"objected": False}),
            lambda: self.env["gdpr.subject"].with_user(self.officer).browse(card.gdpr_subject_id.id).unlink(),
        ):
            # Refused, or without effect.
            with suppress(AccessError, UserError), self.cr.savepoint():
                write()
            self.env.invalidate_all()
            self.assertTrue(self.card.gdpr_objected)
        card.gdpr_set_legal_basis("consent")
        with self.assertRaises(UserError):
            card.gdpr_record_consent(
                "marketing",
                "email",
                "phone",
                evidence="Call 7",
                given_on=fields.Datetime.now() - timedelta(days=1),
            )
        self.assertEqual(self.ask_reason(self.card), "objected")
        with self.catch_mails():
            card.gdpr_record_consent("marketing", "email", "paper", evidence="Signed, in the safe")
            asked = [mail for mail in self._mails if self.card.email in str(mail["email_to"])]
        self.assertEqual(self.ask_reason(self.card), "objected", "Somebody says so; the person is asked.")
        self.assertEqual(len(asked), 1)
        double = self.make_person("Rita Double", "legitimate_interests", email=self.card.email)
        self.assertEqual(self.ask_reason(double, "regulars"), "blacklisted")
        self.agree(self.card)
        self.assertFalse(self.card.gdpr_objected)

    def test_address_is_not_taken_off_the_list(self):
        self.card.gdpr_record_objection(source="phone")
        entry = self.env["mail.blacklist"].search([("email", "=", self.card.email_normalized)])
        for change in (
            lambda: entry.with_user(self.manager).action_archive(),
            lambda: entry.with_user(self.manager).unlink(),
            lambda: entry.with_user(self.manager).write({"email": "other@example.com"}),
            lambda: self.env["mail.blacklist"].with_user(self.manager)._remove(self.card.email),
        ):
            with self.assertRaisesRegex(UserError, "objects to marketing"), self.cr.savepoint():
                change()
        self.assertTrue(entry.active)
        self.agree(self.card)
        self.assertFalse(entry.active)

    def test_second_card_without_the_exclusion_list(self):
        """A message to many that ignores Odoo's blacklist doesn't reach who objects by another card."""
        double = self.env["res.partner"].create({"name": "Rita Double", "email": self.card.email})
        other = self.env["res.partner"].create({"name": "Oreste", "email": "oreste@example.com"})
        self.card.gdpr_record_objection(source="phone")
        self.env["mail.blacklist"].with_context(gdpr_blacklist_silent=SERVER)._add(other.email)
        composer = self.compose(
            double + other, composition_mode="mass_mail", partner_ids=False, use_exclusion_list=False
        )
        with self.catch_mails():
            composer._action_send_mail()
            self.env["mail.mail"].process_email_queue()
        self.assertEqual(double.gdpr_legal_basis, "not_applicable")
        self.assertEqual([mail["email_to"] for mail in self._mails], [['"Oreste" <oreste@example.com>']])
