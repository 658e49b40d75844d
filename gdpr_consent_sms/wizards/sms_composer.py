from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.gdpr_consent.models.gdpr_subject_door_out import Outgoing
from odoo.addons.gdpr_consent.models.mail_thread import DECLARED


class SmsComposer(models.TransientModel):
    """Odoo's composer for a text message to one person: it writes to nobody whose processing is suspended.

    Of one who has closed the channel it warns: whoever sends all the same says that it is a service message.
    """

    _inherit = "sms.composer"

    gdpr_denial = fields.Char("Said No", compute="_compute_gdpr_denial", compute_sudo=True)

    @api.depends("comment_single_recipient", "res_model", "res_id", "number_field_name", "recipient_single_number_itf")
    @api.depends_context("lang", "allowed_company_ids")
    def _compute_gdpr_denial(self):
        self.gdpr_denial = False
        for composer in self.filtered("comment_single_recipient"):
            card = composer._get_gdpr_card()
            number = composer._get_gdpr_number()
            if card and number and self.env["phone.blacklist"].search_count([("number", "=", number)], limit=1):
                composer.gdpr_denial = self.env._("The number %(number)s is on the phone blacklist.", number=number)
            for _person_id, denial in card._gdpr_find_denials("sms").values() if card else ():
                if denial.reason != "restricted":
                    composer.gdpr_denial = self.env["gdpr.subject"]._explain_denial(card._gdpr_get_name(), denial)

    def _get_gdpr_number(self):
        """Give the number a message to one goes to, in the form the blacklist has it, or a false value."""
        record = self._get_records()
        info = record._sms_get_recipients_info(force_field=self.number_field_name)[record.id]
        return record._phone_format(number=self.recipient_single_number_itf or "") or info["sanitized"]

    def _get_gdpr_card(self):
        """Give the contact a message to one goes to, else the record it is sent from, or None."""
        record = self._get_records()
        info = record._sms_get_recipients_info(force_field=self.number_field_name)[record.id]
        card = info["partner"] or record
        return self.env["gdpr.subject.mixin"]._get_cards(card._name, card.ids)

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
        # Whoever sends from here was warned.
        return super(SmsComposer, self.with_context(**{DECLARED: True})).action_send_sms()

    def _check_gdpr_denial(self):
        """Refuse to send a template for marketing as a service message."""
        template = (self.template_id or self._get_gdpr_template()).sudo()
        if template.gdpr_message_class == "marketing" and self.gdpr_denial:
            raise UserError(
                self.env._(
                    "%(denial)s\n\nThe template “%(template)s” is marketing: write a service message without it.",
                    denial=self.gdpr_denial,
                    template=template.name,
                )
            )
