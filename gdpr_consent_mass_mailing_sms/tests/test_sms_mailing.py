from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.gdpr_consent.tests.page_common import PageCase
from odoo.addons.sms.tests.common import SMSCase


@tagged("post_install", "-at_install")
class TestSmsMailing(PageCase, SMSCase):
    """A mailing by SMS goes to those who agreed to the channel, and says who was left out."""

    def test_number_that_was_changed(self):
        """The number that a no came from stays known when the contact gets another."""
        italy = self.env.ref("base.it").id
        contact = self.env["mailing.contact"].create({"name": "Rita", "mobile": "+39 333 1234567", "country_id": italy})
        contact.gdpr_withdraw_consent(self.marketing)
        number = contact.phone_sanitized
        contact.mobile = "+39 333 7654321"
        again = self.env["res.partner"].create({"name": "Again", "phone": number})
        channel = self.env.ref("gdpr_consent.channel_sms")
        refusals = again._gdpr_get_send_refusals(self.marketing, channel, "marketing")
        self.assertEqual(refusals, {again.id: "withdrawn"})

    def test_mailing(self):
        italy = self.env.ref("base.it").id
        agreeing, refusing = self.env["res.partner"].create(
            [
                {"name": name, "phone": f"+39 02 765432{place}", "country_id": italy}
                for place, name in enumerate(["Rita", "Olga"])
            ]
        )
        people = agreeing | refusing
        people.gdpr_legal_basis = "consent"
        agreeing.gdpr_record_consent(self.marketing, self.env.ref("gdpr_consent.channel_sms"), "phone", evidence="Call")
        refusing.gdpr_withdraw_consent(self.marketing)
        mailing = self.env["mailing.mailing"].create(
            {
                "subject": "News",
                "mailing_type": "sms",
                "body_plaintext": "News",
                "sms_force_send": True,
                "mailing_model_id": self.env["ir.model"]._get("res.partner").id,
                "mailing_domain": f"[('id', 'in', {people.ids})]",
                "gdpr_purpose_id": self.marketing.id,
            }
        )
        check = self.env["gdpr.mailing.check"].browse(mailing.action_gdpr_check()["res_id"])
        self.assertEqual((check.total_count, check.receiving_count), (2, 1))
        with self.mockSMSGateway():
            mailing.action_send_sms()
        self.assertEqual({sms["number"] for sms in self._sms}, {agreeing.phone_sanitized})
        trace = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id), ("gdpr_reason", "!=", False)])
        self.assertEqual((trace.res_id, trace.gdpr_reason), (refusing.id, "withdrawn"))
        self.assertEqual(mailing.gdpr_left_out_count, 1)

    def test_left_out_by_odoo(self):
        """Who is left out by Odoo's own rules is counted and listed with the reason too."""
        reader = self.make_reader()
        reader.gdpr_record_consent(self.marketing, self.env.ref("gdpr_consent.channel_sms"), "phone", evidence="Call")
        nowhere = self.env["res.partner"].create({"name": "Nowhere"})
        people = reader | nowhere
        mailing = self.make_mailing(
            mailing_model_id=self.env["ir.model"]._get("res.partner").id,
            mailing_domain=f"[('id', 'in', {people.ids})]",
        )
        with self.mockSMSGateway():
            mailing.action_send_sms()
        trace = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id), ("gdpr_reason", "!=", False)])
        self.assertEqual((trace.res_id, trace.gdpr_reason), (nowhere.id, "sms_number_missing"))
        self.assertEqual(mailing.gdpr_left_out_count, 1)

    def make_mailing(self, **values):
        return self.env["mailing.mailing"].create(
            {
                "subject": "News",
                "mailing_type": "sms",
                "body_plaintext": "News",
                "sms_force_send": True,
                "sms_allow_unsubscribe": True,
                "gdpr_purpose_id": self.marketing.id,
                **values,
            }
        )

    def make_reader(self):
        reader = self.env["res.partner"].create(
            {"name": "Rita", "phone": "+39 02 7654321", "country_id": self.env.ref("base.it").id}
        )
        reader.gdpr_legal_basis = "consent"
        channels = self.env.ref("gdpr_consent.channel_sms") | self.email_channel
        reader.gdpr_record_consent(self.marketing, channels, "phone", evidence="Call")
        return reader

    def follow(self, mailing):
        """Follow the link in a text message, and type the number."""
        with self.mockSMSGateway():
            mailing.action_send_sms()
        trace = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id)])
        number = trace.sms_number.replace("+", "%2B")
        for _time in range(2):
            page = self.url_open(f"/sms/{mailing.id}/{trace.sms_code}?sms_number={number}")
            self.assertEqual(page.status_code, 200)
        self.env.invalidate_all()

    def test_link_in_the_message(self):
        """Who leaves by the link takes the channel back, once, and no more than that (article 7(3))."""
        reader = self.make_reader()
        mailing = self.make_mailing(
            mailing_model_id=self.env["ir.model"]._get("res.partner").id,
            mailing_domain=f"[('id', '=', {reader.id})]",
        )
        self.follow(mailing)
        self.assertEqual(self.get_events(reader).count("channels_withdrawn"), 1)
        event = reader.sudo().gdpr_subject_id.event_ids.filtered(lambda event: event.action == "channels_withdrawn")
        self.assertEqual((event.actor, event.source, event.channel_codes), ("person", "website", "sms"))
        self.assertTrue(reader.gdpr_may_contact(self.marketing, self.email_channel)[reader.id]["allowed"])
        self.assertFalse(reader.gdpr_may_contact(self.marketing, "sms")[reader.id]["allowed"])
        self.assertLedgerSound()

    def test_link_of_who_never_agreed(self):
        reader = self.env["res.partner"].create(
            {"name": "Rita", "phone": "+39 02 7654321", "country_id": self.env.ref("base.it").id}
        )
        self.follow(
            self.make_mailing(
                mailing_model_id=self.env["ir.model"]._get("res.partner").id,
                mailing_domain=f"[('id', '=', {reader.id})]",
            )
        )
        self.assertEqual(self.get_events(reader), ["noted"])

    def test_link_of_a_list(self):
        news = self.env["mailing.list"].create({"name": "News"})
        reader = self.env["mailing.contact"].create(
            {"name": "Rita", "mobile": "+390276543210", "list_ids": [(4, news.id)]}
        )
        self.follow(
            self.make_mailing(
                mailing_model_id=self.env["ir.model"]._get("mailing.list").id, contact_list_ids=[(4, news.id)]
            )
        )
        self.assertTrue(reader.subscription_ids.opt_out)
        self.assertEqual(self.get_events(reader), ["withdrawn"])

    def test_test_is_no_way_round(self):
        """A test goes to colleagues, not to who said no, or is suspended."""
        refusing, suspended = self.env["res.partner"].create(
            [{"name": "Refusing", "phone": "+39027654388"}, {"name": "Suspended", "phone": "+39027654399"}]
        )
        refusing.gdpr_withdraw_consent(self.marketing)
        suspended._gdpr_ensure_subjects()._record_restriction(actor="person")
        mailing = self.make_mailing(mailing_model_id=self.env["ir.model"]._get("res.partner").id)
        for number in (refusing.phone, suspended.phone):
            test = self.env["mailing.sms.test"].create({"mailing_id": mailing.id, "numbers": number})
            with self.assertRaisesRegex(UserError, "said no to such mailings"):
                test.action_send_sms()
        test.numbers = "+39027654300"
        with self.mockSMSGateway():
            test.action_send_sms()

    def test_check_says_odoos_reasons(self):
        reader = self.make_reader()
        blocked, without, refusing = self.env["res.partner"].create(
            [{"name": "Blocked", "phone": "+390276543299"}, {"name": "Without"}, {"name": "Refusing"}]
        )
        refusing.gdpr_withdraw_consent(self.marketing)
        twin = self.env["res.partner"].create({"name": "Twin", "phone": "+39027654321"})
        self.env["phone.blacklist"].sudo().add(blocked.phone)
        people = reader | blocked | twin | without | refusing
        mailing = self.make_mailing(
            mailing_model_id=self.env["ir.model"]._get("res.partner").id,
            mailing_domain=f"[('id', 'in', {people.ids})]",
        )
        check = self.env["gdpr.mailing.check"].browse(mailing.action_gdpr_check()["res_id"])
        self.assertEqual((check.total_count, check.receiving_count), (5, 1))
        self.assertEqual(len(check.line_ids), 4)
        with self.mockSMSGateway():
            mailing.action_send_sms()
        self.assertEqual(len(self._sms), 1)
