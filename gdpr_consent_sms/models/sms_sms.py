from odoo import fields, models

from odoo.addons.gdpr_consent.models.gdpr_subject_door_out import Outgoing


class SmsSms(models.Model):
    """A text message asks, when it leaves, whether the processing of the person's data is suspended."""

    _inherit = "sms.sms"

    failure_type = fields.Selection(selection_add=[("gdpr_restricted", "Processing suspended")])

    def _send(self, unlink_failed=False, unlink_sent=True, raise_exception=False):
        """Stop, before the provider is called, the messages to restricted persons (law.md R-61)."""
        sending = self - self._stop_for_restricted()
        if not sending:
            return None
        return super(SmsSms, sending)._send(
            unlink_failed=unlink_failed, unlink_sent=unlink_sent, raise_exception=raise_exception
        )

    def _stop_for_restricted(self):
        """Cancel the messages to persons whose processing is suspended; whoever wrote them sees it in red.

        :return: the messages that don't leave
        :rtype: sms.sms
        """
        outgoing = {
            sms.id: Outgoing(
                frozenset(sms.partner_id.ids),
                frozenset(filter(None, [sms.number])),
                sms.mail_message_id.model,
                sms.mail_message_id.res_id,
            )
            for sms in self.sudo()
        }
        stopped = self.browse(self.env["gdpr.subject"]._get_restricted_addressees(outgoing)).sudo()
        if stopped:
            explanation = self.env["gdpr.subject"]._get_contact_explanations()["restricted"]
            stopped.write({"state": "canceled", "failure_type": "gdpr_restricted"})
            stopped.sms_tracker_id._update_sms_notifications(
                "exception", failure_type="gdpr_restricted", failure_reason=explanation
            )
        return self.browse(stopped.ids)
