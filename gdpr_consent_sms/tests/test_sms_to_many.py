from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.gdpr_consent.tests.common import ConsentCase
from odoo.addons.sms.tests.common import SMSCase


@tagged("post_install", "-at_install")
class TestSmsToMany(ConsentCase, SMSCase):
    """A text message to many goes to those who may get it, by SMS, when it leaves."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        italy = cls.env.ref("base.it").id
        cls.agreeing, cls.by_mail_only, cls.unknown = cls.env["res.partner"].create(
            [
                {
                    "name": name,
                    "phone": f"+39 02 123456{place}",
                    "country_id": italy,
                    "email": f"sms{place}@example.com",
                }
                for place, name in enumerate(["Rita", "Olga", "Ugo"])
            ]
        )
        cls.people = cls.agreeing | cls.by_mail_only | cls.unknown
        cls.sms_channel = cls.env.ref("gdpr_consent.channel_sms")
        (cls.agreeing | cls.by_mail_only).gdpr_legal_basis = "consent"
        cls.agreeing.gdpr_record_consent(cls.marketing, cls.sms_channel, "phone", evidence="Call")
        cls.by_mail_only.gdpr_record_consent(cls.marketing, cls.email_channel, "phone", evidence="Call")

    def compose(self, **values):
        return (
            self.env["sms.composer"]
            .with_context(active_model="res.partner", active_ids=self.people.ids)
            .create({"composition_mode": "mass", "body": "Hello", "mass_force_send": True, **values})
        )

    def send(self, composer):
        with self.mockSMSGateway():
            composer.action_send_sms()
        return {sms["number"] for sms in self._sms}

    def test_marketing(self):
        # Nobody has looked at the last one: Odoo's own rules alone count.
        self.assertEqual(self.send(self.compose()), set((self.agreeing | self.unknown).mapped("phone_sanitized")))

    def test_service_message(self):
        numbers = self.send(self.compose(gdpr_message_class="service"))
        self.assertEqual(numbers, set(self.people.mapped("phone_sanitized")))

    def test_posted_on_many(self):
        """It obeys as what is sent to many, and nobody who got nothing is on record as written to."""
        values = {"composition_mode": "comment", "res_model": "res.partner", "res_ids": repr(self.people.ids)}
        seller = new_test_user(
            self.env, "posting", "sales_team.group_sale_salesman_all_leads,base.group_partner_manager"
        )
        composers = self.env["sms.composer"].with_user(seller)
        template = self.env["sms.template"].create(
            {"name": "Any", "model_id": self.env["ir.model"]._get_id("res.partner"), "body": "Hello"}
        )
        allowed = set((self.agreeing | self.unknown).mapped("phone_sanitized"))
        for message_class in (False, "marketing"):
            template.gdpr_message_class = message_class
            composer = composers.create({**values, "template_id": template.id, "body": "Hello"})
            self.assertEqual(self.send(composer), allowed)
        actions = self.by_mail_only.sudo().gdpr_subject_id.event_ids.mapped("action")
        self.assertNotIn("written_to", actions)
        template.gdpr_message_class = "service"
        with self.assertRaisesRegex(UserError, "nobody rewrote it"):
            composers.create({**values, "template_id": template.id, "body": "Buy now"}).action_send_sms()

    def test_typed_numbers(self):
        """Several numbers are many, whoever they belong to."""
        self.by_mail_only.gdpr_withdraw_consent(self.marketing)
        numbers = self.people.mapped("phone_sanitized")
        composers = self.env["sms.composer"]
        typed = {"numbers": ",".join(numbers), "body": "Hello"}
        record = {"res_model": "res.partner", "res_id": self.agreeing.id}
        for values in (
            {"composition_mode": "numbers"},
            {"composition_mode": "comment"},
            {"composition_mode": "comment", **record},
        ):
            for further in ({}, {"gdpr_purpose_id": False}):
                composer = composers.create({**typed, **values, **further})
                with self.assertRaisesRegex(UserError, self.by_mail_only.phone_sanitized[1:]), self.mockSMSGateway():
                    composer.action_send_sms()
        template = self.env["sms.template"].create(
            {
                "name": "Closed",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "body": "Hello",
                "gdpr_message_class": "service",
            }
        )
        composer = composers.create({**typed, "composition_mode": "numbers", "template_id": template.id})
        composer.body = template.body
        self.assertEqual(self.send(composer), set(numbers))

    def test_marketing_template_to_another_number(self):
        """The number that somebody types over that on the record is asked about."""
        self.by_mail_only.gdpr_withdraw_consent(self.marketing)
        template = self.env["sms.template"].create(
            {
                "name": "Offer",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "body": "Buy",
                "gdpr_message_class": "marketing",
            }
        )
        composer = self.env["sms.composer"].create(
            {
                "composition_mode": "comment",
                "res_model": "res.partner",
                "res_id": self.agreeing.id,
                "template_id": template.id,
                "number_field_name": "phone",
                "recipient_single_number_itf": self.by_mail_only.phone_sanitized,
            }
        )
        with self.assertRaisesRegex(UserError, "said no to such messages"), self.mockSMSGateway():
            composer.action_send_sms()

    def test_service_message_to_who_was_suspended(self):
        """A suspended person whose record is made anew gets none, and is told apart before and after."""
        with self.mock_mail_gateway():
            self.unknown._gdpr_receive_request("restriction")
        number = self.unknown.phone_sanitized
        self.unknown.unlink()
        again = self.env["res.partner"].create({"name": "Ugo", "phone": number})
        self.assertEqual(again.phone_sanitized, number)
        reasons = again._gdpr_get_send_refusals(self.marketing, self.sms_channel, "service")
        self.assertEqual(reasons, {again.id: "restricted"})

    def test_service_message_is_declared(self):
        """That a message to many isn't marketing says an officer or a template, not whoever sends it."""
        seller = new_test_user(
            self.env, "texting", "sales_team.group_sale_salesman_all_leads,base.group_partner_manager"
        )
        composer = (
            self.env["sms.composer"]
            .with_user(seller)
            .create(
                {
                    "composition_mode": "mass",
                    "res_model": "res.partner",
                    "res_ids": repr(self.people.ids),
                    "body": "Hello",
                    "gdpr_message_class": "service",
                    "mass_force_send": True,
                }
            )
        )
        self.assertFalse(composer.gdpr_may_declare)
        with self.assertRaisesRegex(UserError, "template"):
            composer.action_send_sms()
        composer.template_id = self.env["sms.template"].create(
            {
                "name": "Ready",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "body": "Hello",
                "gdpr_message_class": "service",
            }
        )
        composer.body = "Half price today"
        with self.assertRaisesRegex(UserError, "nobody rewrote it"):
            composer.action_send_sms()
        composer.body = "Hello"
        self.assertEqual(self.send(composer), set(self.people.mapped("phone_sanitized")))
        composer = self.compose(gdpr_message_class="service").with_user(self.officer)
        self.assertTrue(composer.gdpr_may_declare)

    def test_chatter_of_who_is_left_out(self):
        """Who gets nothing has no text in the chatter that says otherwise."""
        self.send(self.compose(body="A text for some"))
        told = self.people.filtered(lambda card: any("for some" in text for text in card.message_ids.mapped("body")))
        self.assertEqual(told, self.agreeing | self.unknown)
        stopped = self.env["sms.sms"].sudo().search([("partner_id", "=", self.by_mail_only.id)])
        self.assertEqual((stopped.state, stopped.failure_type), ("canceled", "sms_optout"))

    def test_reasons_before_sending(self):
        twin, without = self.env["res.partner"].create(
            [{"name": "Twin", "phone": self.unknown.phone_sanitized}, {"name": "Without"}]
        )
        said = self.compose(res_ids=repr((self.people | twin | without).ids)).gdpr_left_out.split("\n")
        self.assertEqual(said[0], "3 of 5 won't receive this message.")
        self.assertIn("1 – The person agreed, but not to this channel.", said)
        self.assertEqual(len(said), 4)

    def test_withdrawn_while_in_the_queue(self):
        with self.mockSMSGateway():
            self.compose(mass_force_send=False).action_send_sms()
        waiting = self.env["sms.sms"].sudo().search([("partner_id", "=", self.agreeing.id)])
        self.assertEqual(waiting.state, "outgoing")
        self.agreeing.gdpr_withdraw_consent(self.marketing)
        with self.mockSMSGateway():
            waiting.send()
        self.assertFalse(self._sms)
        self.assertEqual((waiting.state, waiting.failure_type), ("canceled", "sms_optout"))

    def test_action(self):
        """What an automation rule sends is what its template says it is; without a word, a service message."""
        template = self.env["sms.template"].create(
            {"name": "Ready", "model_id": self.env["ir.model"]._get_id("res.partner"), "body": "Hello"}
        )
        with self.mock_mail_gateway():
            self.unknown._gdpr_receive_request("restriction")
        everybody = self.agreeing | self.by_mail_only
        for message_class, reached in ((False, everybody), ("service", everybody), ("marketing", self.agreeing)):
            template.gdpr_message_class = message_class
            for method in ("sms", "comment", "note"):
                action = self.env["ir.actions.server"].create(
                    {
                        "name": "Send",
                        "model_id": template.model_id.id,
                        "state": "sms",
                        "sms_template_id": template.id,
                        "sms_method": method,
                    }
                )
                context = {"active_model": "res.partner", "active_ids": self.people.ids}
                with self.mockSMSGateway(), self.subTest(message_class=message_class, method=method):
                    action.with_context(**context, active_id=self.people.ids[0]).run()
                    self.env["sms.sms"].search([("state", "=", "outgoing")]).send()
                    self.assertEqual({sms["number"] for sms in self._sms}, set(reached.mapped("phone_sanitized")))

    def test_template(self):
        """The composer opened with a template starts with what it says it is."""
        regulars = self.env["gdpr.purpose"].create({"name": "For customers", "code": "regulars"})
        template = self.env["sms.template"].create(
            {
                "name": "Ready",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "body": "Hello",
                "gdpr_message_class": "service",
                "gdpr_purpose_id": regulars.id,
            }
        )
        composers = self.env["sms.composer"].with_context(
            default_template_id=template.id, active_model="res.partner", active_ids=self.people.ids
        )
        composer = composers.create({"composition_mode": "mass"})
        self.assertEqual((composer.gdpr_message_class, composer.gdpr_purpose_id), ("service", regulars))
