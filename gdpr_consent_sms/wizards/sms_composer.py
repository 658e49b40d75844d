from odoo import models
from odoo.exceptions import UserError

from odoo.addons.gdpr_consent.models.gdpr_subject_door_out import Outgoing


class SmsComposer(models.TransientModel):
    """Odoo's composer for text messages: it writes to nobody whose processing is suspended."""

    _inherit = "sms.composer"

    def action_send_sms(self):
        """Say at once that a message to one person can't be sent."""
        for composer in self.filtered("comment_single_recipient"):
            record = composer._get_records()
            info = record._sms_get_recipients_info(force_field=composer.number_field_name)[record.id]
            numbers = [composer.recipient_single_number_itf, info["sanitized"]]
            numbers = {record._phone_format(number=number) or number for number in filter(None, numbers)}
            outgoing = {None: Outgoing(frozenset(info["partner"].ids), frozenset(numbers), record._name, record.id)}
            if self.env["gdpr.subject"].sudo()._get_restricted_addressees(outgoing):
                raise UserError(
                    self.env._(
                        "The processing is suspended of: %(names)s. Their data is only stored, so this message can't be"
                        " sent to them. Ask your privacy officer if it must be.",
                        names=record.display_name,
                    )
                )
        return super().action_send_sms()
