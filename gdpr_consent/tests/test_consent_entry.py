import base64
import hashlib
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, MissingError, UserError, ValidationError
from odoo.tests import Form, freeze_time, tagged

from .common import ConsentCase

SCAN = b"%PDF-1.4 signed"


class EntryCase(ConsentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.backdate_wordings()

    def record(self, card=None, purposes=("marketing",), channels=("email",), source="phone", **options):
        options.setdefault("evidence", "Call 7")
        card = self.partner if card is None else card
        return card.with_user(self.salesperson).gdpr_record_consent(list(purposes), list(channels), source, **options)

    def open_wizard(self, card, action):
        """Open a wizard as its button does."""
        action = getattr(card.with_user(self.salesperson), action)()
        return Form(self.env[action["res_model"]].with_user(self.salesperson).with_context(**action["context"]))

    def get_given(self, card):
        return card.gdpr_event_ids.filtered(lambda event: event.action == "given").sorted("sequence")


@tagged("post_install", "-at_install")
class TestRecordConsent(EntryCase):
    """A consent given outside Odoo, with how, when, by whom and the evidence (S23)."""

    def test_phone(self):
        self.record(note="Only about bikes", evidence="Call of 10:30, ticket 7")
        partner = self.partner.with_user(self.salesperson)
        self.assertEqual(partner.gdpr_consent_state, "obtained")
        self.assertEqual(partner.gdpr_purpose_ids, self.marketing)
        self.assertEqual(partner.gdpr_channel_ids, self.email_channel)
        self.assertEqual(partner.gdpr_consent_source, "phone")
        self.assertEqual(partner.gdpr_consent_note, "Only about bikes")
        event = self.get_given(partner)
        self.assertEqual((event.actor, event.user_id, event.source), ("operator", self.salesperson, "phone"))
        self.assertIn("Call of 10:30, ticket 7", event.details)
        self.assertEqual(event.description, "Consent given: News and offers – E-mail")
        self.assertLedgerSound()

    def test_every_recordable_source(self):
        self.env.company.write(
            {
                "gdpr_confirm_import": False,
                "gdpr_confirm_api": False,
                "gdpr_confirm_website": False,
                "gdpr_confirm_exemption_reason": "Confirmed where they come from",
            }
        )
        for source in ("phone", "meeting", "paper", "import", "api", "website"):
            partner = self.env["res.partner"].create({"name": source, "gdpr_legal_basis": "consent"})
            self.record(partner, source=source)
            self.assertEqual((partner.gdpr_consent_state, partner.gdpr_consent_source), ("obtained", source))

    def test_on_a_lead(self):
        self.lead.user_id = self.salesperson
        self.record(self.lead, source="meeting", evidence="Minutes of the fair")
        self.assertEqual(self.lead.gdpr_consent_state, "obtained")

    def test_many_at_once(self):
        partners = self.env["res.partner"].create([{"name": f"Person {number}"} for number in range(5)])
        partners.gdpr_set_legal_basis("consent")
        self.record(partners, evidence="Attendance list")
        self.assertEqual(set(partners.mapped("gdpr_consent_state")), {"obtained"})

    def test_records_ids_and_codes(self):
        for purposes, channels in (
            (self.marketing, self.email_channel + self.phone_channel),
            (self.marketing.ids, (self.email_channel + self.phone_channel).ids),
            (["marketing"], ["email", "phone"]),
            ("marketing", ["email", "phone"]),
            (self.marketing.id, ["email", "phone"]),
        ):
            partner = self.env["res.partner"].create({"name": "Any", "gdpr_legal_basis": "consent"})
            partner.gdpr_record_consent(purposes, channels, "phone", evidence="Call 7")
            self.assertEqual(partner.gdpr_purpose_ids, self.marketing)
            self.assertEqual(partner.gdpr_channel_ids, self.email_channel + self.phone_channel)

    def test_unknown_codes(self):
        for options in ({"purposes": ["spam"]}, {"channels": ["pigeon"]}):
            with self.assertRaisesRegex(ValidationError, "Unknown: (spam|pigeon)"):
                self.record(**options)

    def test_unknown_ids(self):
        with self.assertRaises(MissingError):
            self.record(purposes=[999_999_999])

    def test_past_date(self):
        given_on = fields.Datetime.now() - timedelta(days=40)
        self.record(given_on=given_on)
        self.assertEqual(self.partner.gdpr_consent_on, given_on)
        self.assertEqual(
            self.partner.gdpr_consent_expires_on,
            self.marketing._get_expiry(given_on),
            "valid from the day it was given",
        )
        event = self.get_given(self.partner)
        self.assertGreater(event.recorded_on, event.occurred_on)

    def test_wording_of_that_time(self):
        """Nobody can have agreed to words that were published later."""
        before = fields.Datetime.now() - timedelta(days=1)
        self.form.introduction = "<p>Other words</p>"
        self.form.action_publish()
        self.record(given_on=before)
        self.assertEqual(self.get_given(self.partner).version_id.number, 1)
        self.record()
        self.assertEqual(self.get_given(self.partner)[-1].version_id.number, 2)
        self.marketing.validity_months = 0
        long_ago = fields.Datetime.now() - timedelta(days=365 * 6)
        person = self.env["res.partner"].create({"name": "Long known", "gdpr_legal_basis": "consent"})
        for form in (None, self.form):
            with self.assertRaisesRegex(UserError, "can't have agreed to it"):
                self.record(person, given_on=long_ago, form=form)
        self.record(person, given_on=long_ago, words="May we call you?")
        version = self.get_given(person).version_id
        self.assertTrue(version.is_reconstructed)
        self.assertIn("May we call you?", version.preview)
        self.assertLedgerSound()

    def test_date_as_text(self):
        self.record(given_on=fields.Datetime.to_string(fields.Datetime.now() - timedelta(days=1)))
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_date_in_the_future(self):
        with self.assertRaisesRegex(ValidationError, "in the future"):
            self.record(given_on=fields.Datetime.now() + timedelta(minutes=5))

    def test_date_of_a_consent_that_has_lapsed(self):
        with self.assertRaisesRegex(ValidationError, "lapsed already"):
            self.record(given_on=fields.Datetime.now() - timedelta(days=3 * 365))

    def test_consent_before_a_withdrawal(self):
        """A paper found late doesn't undo what the person said since."""
        self.record()
        self.partner.gdpr_withdraw_consent()
        with self.assertRaisesRegex(ValidationError, "said no"):
            self.record(given_on=fields.Datetime.now() - timedelta(days=2))
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        with freeze_time(fields.Datetime.now() + timedelta(days=1)):
            self.record(evidence="Called again")
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_no_evidence(self):
        for evidence in (None, "", "   ", [], [""], False):
            with self.subTest(evidence=evidence), self.assertRaisesRegex(ValidationError, "needs evidence"):
                self.record(evidence=evidence)
        self.assertEqual(self.partner.gdpr_consent_state, "pending")
        self.assertEqual(self.get_events(self.partner), ["basis_changed"])

    def test_sources_that_are_the_persons_own(self):
        for source in ("email", "portal", "telepathy", None):
            with self.subTest(source=source), self.assertRaisesRegex(ValidationError, "Only the person"):
                self.record(source=source)

    def test_no_purpose(self):
        for purposes in ([], self.env["gdpr.purpose"]):
            with self.assertRaisesRegex(ValidationError, "at least one purpose"):
                self.record(purposes=purposes)

    def test_no_channel(self):
        self.env["gdpr.channel"].create({"name": "Fax", "code": "fax"})
        for channels in ([], ["fax"]):
            with self.subTest(channels=channels), self.assertRaisesRegex(ValidationError, "at least one way"):
                self.record(channels=channels)

    def test_purpose_without_channels(self):
        self.form.purpose_ids += self.profiling
        self.form.action_publish()
        self.record(purposes=["profiling"], channels=[])
        self.assertEqual(self.partner.gdpr_purpose_ids, self.profiling)

    def test_basis_is_not_consent(self):
        partner = self.env["res.partner"].create({"name": "Untouched"})
        with self.assertRaisesRegex(UserError, "isn't Consent"):
            self.record(partner)
        self.assertFalse(partner.gdpr_subject_id)

    def test_purpose_on_no_form(self):
        with self.assertRaisesRegex(UserError, "No published consent form"):
            self.record(purposes=["profiling"])

    def test_wording_is_frozen(self):
        self.record()
        version = self.get_given(self.partner).version_id
        self.assertEqual(version, self.form._get_version("en_US"))
        self.form.title = "Another question"
        self.form.action_publish()
        self.assertNotEqual(self.form._get_version("en_US"), version)
        self.assertEqual(self.get_given(self.partner).version_id, version)
        self.assertEqual(version._get_content()["title"], "May we stay in touch?")

    def test_wording_of_the_form_named(self):
        other = self.form.copy({"name": "Event form", "title": "At the fair"})
        with self.assertRaises(UserError):
            self.record(form=other.id)
        other.action_publish()
        self.record(form=other.id)
        self.assertEqual(self.get_given(self.partner).version_id.form_id, other)

    def test_wording_in_the_persons_language(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.form.with_context(lang="it_IT").title = "Restiamo in contatto?"
        self.form.action_publish()
        self.partner.lang = "it_IT"
        self.record()
        version = self.get_given(self.partner).version_id
        self.assertEqual(version.lang, "it_IT")
        self.assertEqual(version._get_content()["title"], "Restiamo in contatto?")

    def test_file_as_evidence(self):
        attachment = (
            self.env["ir.attachment"]
            .with_user(self.salesperson)
            .create({"name": "signed.pdf", "raw": SCAN, "res_model": "res.partner", "res_id": self.partner.id})
        )
        for evidence in (attachment, attachment.id, [attachment, "Signed at the fair"]):
            partner = self.env["res.partner"].create({"name": "Paper", "gdpr_legal_basis": "consent"})
            self.record(partner, source="paper", evidence=evidence)
            event = self.get_given(partner)
            self.assertIn(f"signed.pdf (SHA-256 {hashlib.sha256(SCAN).hexdigest()})", event.details)
            value = event.value_ids.filtered("attachment_id")
            self.assertEqual(value.name, "evidence_file")
            self.assertEqual((value.attachment_id.name, value.attachment_id.raw), ("signed.pdf", SCAN))
            self.assertNotEqual(value.attachment_id, attachment, "a copy is kept, whatever becomes of the file")

    def test_kept_file_is_protected(self):
        """Who recorded a consent can't swap or remove the scan, and what else happens to it shows."""
        attachment = (
            self.env["ir.attachment"]
            .with_user(self.salesperson)
            .create({"name": "signed.pdf", "raw": SCAN, "res_model": "res.partner", "res_id": self.partner.id})
        )
        self.record(source="paper", evidence=attachment)
        kept = self.get_given(self.partner).value_ids.attachment_id
        for user in (self.salesperson, self.officer, self.manager):
            mine = kept.with_user(user)
            self.assertEqual(mine.raw, SCAN)
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                mine.raw = b"another"
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                mine.unlink()
        attachment.sudo().unlink()
        self.assertLedgerSound()
        subject = self.partner.gdpr_subject_id
        kept.sudo().raw = b"another"
        self.assertIn("altered", "".join(subject._verify_ledger()))
        kept.sudo().unlink()
        self.assertIn("missing", "".join(subject._verify_ledger()))

    def test_file_removed_later(self):
        attachment = self.env["ir.attachment"].create({"name": "signed.pdf", "raw": SCAN})
        self.partner.gdpr_record_consent(["marketing"], ["email"], "paper", evidence=attachment)
        attachment.unlink()
        self.assertLedgerSound()

    def test_open_question_is_closed(self):
        request, _grant, _preferences = self.ask(self.partner)
        self.record()
        self.assertEqual(request.state, "answered")
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_more_purposes_keep_the_others(self):
        self.form.purpose_ids += self.profiling
        self.form.action_publish()
        self.record()
        self.record(purposes=["profiling"], evidence="Call 8")
        self.assertEqual(self.partner.gdpr_purpose_ids, self.marketing + self.profiling)

    def test_changed_channels(self):
        self.record(channels=["email", "phone"])
        self.record(channels=["phone"], evidence="Call 8")
        self.assertEqual(self.partner.gdpr_channel_ids, self.phone_channel)
        self.assertFalse(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestMayContact(EntryCase):
    """The one door out."""

    def ask_reason(self, card, purpose="marketing", channel="email"):
        verdict = card.with_user(self.salesperson).gdpr_may_contact(purpose, channel)[card.id]
        self.assertEqual(verdict["allowed"], verdict["reason"] == "allowed")
        self.assertTrue(verdict["explanation"])
        return verdict["reason"]

    def test_reasons(self):
        self.assertEqual(self.ask_reason(self.partner), "no_consent")
        self.record()
        self.assertEqual(self.ask_reason(self.partner), "allowed")
        self.assertEqual(self.ask_reason(self.partner, channel="phone"), "channel_not_allowed")
        self.assertEqual(self.ask_reason(self.partner, purpose="profiling"), "no_consent")
        with freeze_time(fields.Datetime.now() + timedelta(days=3 * 365)):
            self.assertEqual(self.ask_reason(self.partner), "expired", "before any job has run")
        subject = self.partner.gdpr_subject_id
        self.env["gdpr.subject"]._record_acts([{"subject_id": subject.id, "action": "restricted"}])
        self.assertEqual(self.ask_reason(self.partner), "restricted")
        self.env["gdpr.subject"]._record_acts([{"subject_id": subject.id, "action": "unrestricted"}])
        self.partner.gdpr_withdraw_consent()
        self.assertEqual(self.ask_reason(self.partner), "withdrawn")

    def test_untouched_record(self):
        self.assertEqual(self.ask_reason(self.env["res.partner"].create({"name": "Untouched"})), "no_consent")

    def test_refused(self):
        request, _grant, _preferences = self.ask(self.partner)
        self.assertEqual(self.ask_reason(self.partner), "no_consent")
        request._answer(request._get_version(), "refuse", {}, {})
        self.assertEqual(self.ask_reason(self.partner), "refused")

    def test_purpose_on_another_basis(self):
        purpose = self.env["gdpr.purpose"].create(
            {"name": "Delivery", "code": "delivery", "legal_basis": "contract", "channel_ids": self.phone_channel.ids}
        )
        self.assertEqual(self.ask_reason(self.partner, "delivery", "phone"), "other_basis")
        self.partner.gdpr_set_legal_basis("contract")
        self.assertEqual(self.ask_reason(self.partner, purpose.id, self.phone_channel.id), "allowed")

    def test_unknown_purpose_or_channel(self):
        for arguments in (("spam", "email"), ("marketing", "pigeon")):
            with self.assertRaises(ValidationError):
                self.partner.gdpr_may_contact(*arguments)

    def test_many(self):
        self.record()
        cards = self.partner + self.env["res.partner"].create({"name": "Untouched"})
        verdicts = cards.gdpr_may_contact("marketing", "email")
        self.assertEqual([verdicts[card.id]["allowed"] for card in cards], [True, False])
        self.assertEqual(self.env["res.partner"].gdpr_may_contact("marketing", "email"), {})


@tagged("post_install", "-at_install")
class TestWithdraw(EntryCase):
    """Withdrawing is as easy as giving."""

    def test_everything(self):
        self.record()
        self.partner.with_user(self.salesperson).gdpr_withdraw_consent(source="phone", note="Enough of it")
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertFalse(self.partner.gdpr_purpose_ids or self.partner.gdpr_channel_ids or self.partner.gdpr_consent_on)
        self.assertEqual(self.partner.gdpr_consent_note, "Enough of it")
        self.assertLedgerSound()

    def test_one_purpose(self):
        self.form.purpose_ids += self.profiling
        self.form.action_publish()
        self.record(purposes=["marketing", "profiling"])
        self.partner.gdpr_withdraw_consent("profiling")
        self.assertEqual(self.partner.gdpr_purpose_ids, self.marketing)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_twice(self):
        self.record()
        self.partner.gdpr_withdraw_consent()
        self.partner.gdpr_withdraw_consent()
        self.assertEqual(self.get_events(self.partner), ["basis_changed", "given", "withdrawn"])

    def test_before_the_answer(self):
        request, _grant, _preferences = self.ask(self.partner)
        self.partner.gdpr_withdraw_consent(source="phone")
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertEqual(request.state, "answered")

    def test_never_asked(self):
        self.partner.gdpr_withdraw_consent()
        self.assertEqual(self.partner.gdpr_consent_state, "pending")

    def test_named_purpose_never_asked(self):
        self.partner.gdpr_withdraw_consent("marketing")
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertLedgerSound()

    def test_unknown_source(self):
        with self.assertRaisesRegex(ValidationError, "not a way"):
            self.partner.gdpr_withdraw_consent(source="telepathy")

    def test_while_the_basis_is_another(self):
        """A person can take consent back whatever the company thinks its basis is."""
        self.record()
        self.partner.gdpr_set_legal_basis("contract")
        self.partner.gdpr_withdraw_consent()
        self.assertFalse(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])
        self.partner.gdpr_set_legal_basis("consent")
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")


@tagged("post_install", "-at_install")
class TestWizards(EntryCase):
    """The same by hand, in the wizards of the tab."""

    def test_phone(self):
        for card in (self.partner, self.lead):
            self.lead.user_id = self.salesperson
            form = self.open_wizard(card, "action_gdpr_record_consent")
            self.assertEqual(form.form_id, self.form)
            self.assertIn("May we stay in touch?", form.wording)
            self.assertEqual(form.available_purpose_ids[:], self.marketing)
            form.purpose_ids.add(self.marketing)
            form.channel_ids.add(self.phone_channel)
            form.evidence = "Call 7"
            form.note = "Mornings only"
            form.save().action_record()
            self.assertEqual(card.gdpr_consent_state, "obtained")
            self.assertEqual(card.gdpr_channel_ids, self.phone_channel)
            self.assertEqual(card.gdpr_consent_note, "Mornings only")
            self.assertEqual(self.get_given(card).version_id, self.form._get_version("en_US"))

    def test_meeting(self):
        form = self.open_wizard(self.partner, "action_gdpr_record_consent")
        form.source = "meeting"
        form.given_on = fields.Datetime.now() - timedelta(hours=5)
        form.purpose_ids.add(self.marketing)
        form.channel_ids.add(self.email_channel)
        form.evidence = "Minutes of 3 May"
        form.save().action_record()
        self.assertEqual(self.partner.gdpr_consent_source, "meeting")

    def test_words_used_before(self):
        self.marketing.validity_months = 0
        form = self.open_wizard(self.partner, "action_gdpr_record_consent")
        self.assertFalse(form.needs_words)
        form.given_on = fields.Datetime.now() - timedelta(days=365 * 6)
        self.assertTrue(form.needs_words)
        self.assertFalse(form.wording)
        form.purpose_ids.add(self.marketing)
        form.channel_ids.add(self.email_channel)
        form.evidence = "Minutes of 3 May"
        with self.assertRaisesRegex(AssertionError, "words is a required field"):
            form.save()
        form.words = "May we write to you?"
        form.save().action_record()
        self.assertIn("May we write to you?", self.get_given(self.partner).version_id.preview)

    def test_paper_with_scan(self):
        form = self.open_wizard(self.partner, "action_gdpr_record_consent")
        form.source = "paper"
        form.purpose_ids.add(self.marketing)
        form.channel_ids.add(self.email_channel)
        form.evidence_file = base64.b64encode(SCAN)
        wizard = form.save()
        wizard.evidence_file_name = "signed.pdf"
        wizard.action_record()
        value = self.get_given(self.partner).value_ids.filtered("attachment_id")
        self.assertEqual((value.attachment_id.name, value.attachment_id.raw), ("signed.pdf", SCAN))
        self.assertIn(hashlib.sha256(SCAN).hexdigest(), value.value)

    def test_paper_without_scan(self):
        form = self.open_wizard(self.partner, "action_gdpr_record_consent")
        form.source = "paper"
        form.purpose_ids.add(self.marketing)
        form.channel_ids.add(self.email_channel)
        with self.assertRaisesRegex(AssertionError, "evidence_file is a required field"):
            form.save()
        wizard = (
            self.env["gdpr.consent.entry"]
            .with_user(self.salesperson)
            .create(
                {
                    "res_model": "res.partner",
                    "res_ids": str(self.partner.ids),
                    "source": "paper",
                    "evidence": "In the drawer",
                    "purpose_ids": self.marketing.ids,
                    "channel_ids": self.email_channel.ids,
                }
            )
        )
        with self.assertRaisesRegex(ValidationError, "scan"):
            wizard.action_record()

    def test_no_evidence(self):
        form = self.open_wizard(self.partner, "action_gdpr_record_consent")
        form.purpose_ids.add(self.marketing)
        with self.assertRaisesRegex(AssertionError, "evidence is a required field"):
            form.save()

    def test_future(self):
        form = self.open_wizard(self.partner, "action_gdpr_record_consent")
        form.purpose_ids.add(self.marketing)
        form.channel_ids.add(self.email_channel)
        form.evidence = "Call 7"
        form.given_on = fields.Datetime.now() + timedelta(days=1)
        wizard = form.save()
        with self.assertRaisesRegex(ValidationError, "in the future"):
            wizard.action_record()
        wizard.given_on = fields.Datetime.now()
        wizard.action_record()
        self.assertEqual(self.partner.gdpr_consent_state, "obtained", "nothing that was typed is lost")

    def test_form_of_the_records_company(self):
        other = self.env["res.company"].create({"name": "Second", "email": "second@example.com"})
        self.salesperson.company_ids += other
        form = self.form.copy({"name": "Second's", "company_id": other.id, "title": "Second asks"})
        form.action_publish()
        card = self.env["res.partner"].create({"name": "Far", "company_id": other.id, "gdpr_legal_basis": "consent"})
        action = card.with_user(self.salesperson).action_gdpr_record_consent()
        wizard = Form(
            self.env["gdpr.consent.entry"]
            .with_user(self.salesperson)
            .with_context(**action["context"], allowed_company_ids=(self.env.company + other).ids)
        )
        self.assertEqual(wizard.form_id, form)

    def test_not_a_card(self):
        wizard = self.env["gdpr.consent.withdrawal"].create({"res_model": "res.users", "res_ids": "[1]"})
        with self.assertRaisesRegex(ValidationError, "contact or a lead"):
            wizard.action_withdraw()

    def test_withdrawal(self):
        self.record()
        form = self.open_wizard(self.partner, "action_gdpr_withdraw_consent")
        self.assertEqual(form.available_purpose_ids[:], self.marketing)
        form.source = "paper"
        form.note = "By registered letter"
        form.save().action_withdraw()
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        event = self.partner.gdpr_event_ids.sorted("sequence")[-1]
        self.assertEqual((event.action, event.source, event.user_id), ("withdrawn", "paper", self.salesperson))
        self.assertIn("By registered letter", event.details)

    def test_withdrawal_of_one_purpose(self):
        self.form.purpose_ids += self.profiling
        self.form.action_publish()
        self.record(purposes=["marketing", "profiling"])
        form = self.open_wizard(self.partner, "action_gdpr_withdraw_consent")
        form.purpose_ids.add(self.profiling)
        form.save().action_withdraw()
        self.assertEqual(self.partner.gdpr_purpose_ids, self.marketing)
