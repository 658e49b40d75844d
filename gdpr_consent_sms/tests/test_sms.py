from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.gdpr_consent.tests.common import ConsentCase
from odoo.addons.sms.tests.common import SMSCase


class SmsCase(ConsentCase):
    """Two contacts with a number."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.italy = cls.env.ref("base.it")
        italy = cls.italy.id
        cls.card, cls.other = cls.env["res.partner"].create(
            [
                {"name": "Rita", "phone": "+39 02 1234567", "country_id": italy, "email": "rita@example.com"},
                {"name": "Olga", "phone": "+39 02 7654321", "country_id": italy},
            ]
        )

    def refuse(self, card):
        card._gdpr_ensure_subjects()._record_acts(
            [
                {
                    "subject_id": card.gdpr_subject_id.id,
                    "action": "refused",
                    "purpose_id": self.marketing.id,
                    "occurred_on": "2026-03-02 09:30:00",
                }
            ]
        )

    def get_records_of_writing(self, card):
        return card.sudo().gdpr_event_ids.filtered(lambda event: event.action == "written_to")


@tagged("post_install", "-at_install")
class TestSms(SmsCase, SMSCase):
    """Nobody whose processing is suspended gets a text message (law.md R-61)."""

    def restrict(self):
        with self.catch_mails():
            self.card._gdpr_receive_request("restriction")

    def compose(self, cards, mode, user=None, **values):
        return (
            self.env["sms.composer"]
            .with_user(user or self.env.user)
            .with_context(active_model=cards._name, active_ids=cards.ids, active_id=cards.ids[0])
            .create({"composition_mode": mode, "body": "Hello", "mass_force_send": True, **values})
        )

    def get_numbers(self):
        return {sms["number"] for sms in self._sms}

    def test_to_one(self):
        composer = self.compose(self.card, "comment", self.salesperson)
        self.restrict()
        with self.assertRaisesRegex(UserError, "suspended of: Rita"), self.mockSMSGateway():
            composer.action_send_sms()
        with self.mockSMSGateway():
            message = self.card._message_sms("Hello")
        self.assertFalse(self._sms)
        self.assertEqual(
            (message.notification_ids.notification_status, message.notification_ids.failure_type),
            ("exception", "gdpr_restricted"),
        )
        self.assertEqual(message.notification_ids.failure_reason, "The processing is suspended.")

    def test_to_many(self):
        self.restrict()
        with self.mockSMSGateway():
            self.compose(self.card + self.other, "mass").action_send_sms()
        self.assertEqual(self.get_numbers(), {self.other.phone_sanitized})

    def test_queued_before(self):
        sms = self.env["sms.sms"].create(
            [
                {"number": self.card.phone_sanitized, "body": "By number"},
                {"number": "0212", "partner_id": self.card.id, "body": "By contact"},
                {"number": self.other.phone_sanitized, "body": "To another"},
            ]
        )
        self.restrict()
        with self.mockSMSGateway(), self.enter_registry_test_mode():
            self.env.ref("sms.ir_cron_sms_scheduler_action").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(self.get_numbers(), {self.other.phone_sanitized})
        self.assertEqual(sms[:2].mapped("state"), ["canceled", "canceled"])
        self.assertEqual(set(sms[:2].mapped("failure_type")), {"gdpr_restricted"})

    def test_lead(self):
        country = self.env.ref("base.it").id
        lead = self.env["crm.lead"].create({"name": "Inquiry", "phone": self.card.phone, "country_id": country})
        self.restrict()
        with self.mockSMSGateway():
            lead._message_sms("Hello")
        self.assertFalse(self._sms, "The number is that of a restricted person.")

    def test_to_one_who_refused(self):
        """A warning, and a record of it; a service message gets through (law.md R-82)."""
        self.assertFalse(self.compose(self.card, "comment", self.salesperson).gdpr_denial)
        self.refuse(self.card)
        composer = self.compose(self.card, "comment", self.salesperson)
        self.assertEqual(composer.gdpr_denial, "Rita refused “News and offers” (March 2, 2026).")
        with self.mockSMSGateway():
            composer.action_send_sms()
            self.compose(self.other, "comment", self.salesperson).action_send_sms()
        self.assertEqual(self.get_numbers(), {self.card.phone_sanitized, self.other.phone_sanitized})
        [event] = self.get_records_of_writing(self.card)
        self.assertEqual((event.user_id, event.channel_codes), (self.salesperson, "sms"))
        self.assertTrue(event.details.startswith("Stated: A service message"))
        self.assertFalse(self.get_records_of_writing(self.other))
        self.assertLedgerSound()

    def test_marketing_template_to_one_who_refused(self):
        self.refuse(self.card)
        template = self.env["sms.template"].create(
            {
                "name": "Offer",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "body": "Buy now",
                "gdpr_message_class": "marketing",
            }
        )
        for card, is_refused in ((self.card, True), (self.other, False)):
            composer = self.compose(card, "comment", self.salesperson, template_id=template.id)
            with self.mockSMSGateway():
                if is_refused:
                    with self.assertRaisesRegex(UserError, "“Offer” is marketing"):
                        composer.action_send_sms()
                else:
                    composer.action_send_sms()
        self.assertEqual(self.get_numbers(), {self.other.phone_sanitized})
        self.assertFalse(self.get_records_of_writing(self.card))

    def test_lead_who_refused(self):
        self.refuse(self.lead)
        self.lead.write(
            {"user_id": self.salesperson.id, "phone": "+39 02 5555555", "country_id": self.env.ref("base.it").id}
        )
        composer = self.compose(self.lead, "comment", self.salesperson)
        self.assertIn("Bruno Neri refused", composer.gdpr_denial)
        with self.mockSMSGateway():
            composer.action_send_sms()
        self.assertEqual(len(self.get_records_of_writing(self.lead)), 1)

    def test_sms_allowed(self):
        """Who agreed to e-mail alone has closed the channel, who agreed to text messages hasn't."""
        self.card.gdpr_legal_basis = "consent"
        self.form.action_publish()
        self.card.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.assertIn("not through this channel", self.compose(self.card, "comment").gdpr_denial)
        self.card.gdpr_record_consent("marketing", ["email", "sms"], "phone", evidence="Call 8")
        self.assertFalse(self.compose(self.card, "comment").gdpr_denial)
