from odoo.tests import tagged

from odoo.addons.gdpr_consent.tests.common import ConsentCase
from odoo.addons.sms.tests.common import SMSCase


@tagged("post_install", "-at_install")
class TestSmsMailing(ConsentCase, SMSCase):
    """A mailing by SMS goes to those who agreed to the channel, and says who was left out."""

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
        self.assertEqual((trace.res_id, trace.gdpr_reason), (refusing.id, "The person took the consent back."))
        self.assertEqual(mailing.gdpr_left_out_count, 1)
