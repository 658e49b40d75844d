from odoo import fields, models


class SmsSms(models.Model):
    """A text message to many asks again, when it leaves, whether the person may get it (law.md R-14)."""

    _inherit = "sms.sms"

    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")], string="Kind of Message", readonly=True
    )
    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose", string="Purpose", readonly=True, index="btree_not_null", ondelete="set null"
    )
    gdpr_model = fields.Char(readonly=True)
    gdpr_res_id = fields.Many2oneReference("Recipient", model_field="gdpr_model", readonly=True)

    def _send(self, unlink_failed=False, unlink_sent=True, raise_exception=False):
        """Stop, before the provider is called, the messages to those who may not be contacted now."""
        sending = self - self._stop_forbidden()
        if not sending:
            return None
        return super(SmsSms, sending)._send(
            unlink_failed=unlink_failed, unlink_sent=unlink_sent, raise_exception=raise_exception
        )

    def _gdpr_get_company(self):
        """Give the company of who composed the message: the queue is sent in nobody's name."""
        self.ensure_one()
        return self.create_uid.company_id

    def _stop_forbidden(self):
        """Cancel the messages that may not leave now; one verdict for all of a kind.

        :return: the messages that don't leave
        :rtype: sms.sms
        """
        channel = self.env.ref("gdpr_consent.channel_sms").sudo()
        reasons = {}
        for (message_class, purpose, model, company), messages in (
            self.sudo()
            .filtered("gdpr_message_class")
            .grouped(lambda sms: (sms.gdpr_message_class, sms.gdpr_purpose_id, sms.gdpr_model, sms._gdpr_get_company()))
            .items()
        ):
            mixin = self.env["gdpr.subject.mixin"].with_company(company)
            cards = mixin._get_cards(model, messages.mapped("gdpr_res_id"))
            if cards:
                refusals = cards._gdpr_get_send_refusals(purpose, channel, message_class)
                reasons |= {sms.id: refusals[sms.gdpr_res_id] for sms in messages if sms.gdpr_res_id in refusals}
        stopped = self.sudo().filtered(lambda sms: sms.id in reasons)
        stopped._stop(reasons)
        return self.browse(stopped.ids)

    def _stop(self, reasons):
        """Cancel these messages.

        :param dict[int, str] reasons: codes of the door out, by id
        """
        if self:
            self._update_sms_state_and_trackers("canceled", failure_type="sms_optout")
