from odoo import api, fields, models


class SmsComposer(models.TransientModel):
    """A text message to many leaves out who may not be contacted, as an e-mail to many does."""

    _inherit = "sms.composer"

    gdpr_is_gated = fields.Boolean(compute="_compute_gdpr_is_gated", compute_sudo=True)
    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        default=lambda self: self._get_gdpr_template().gdpr_message_class or "marketing",
        help="Marketing goes to those who may get it for the purpose. A service message (about an order, a contract)"
        " goes to all but those whose processing is suspended.",
    )
    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose",
        string="Purpose",
        default=lambda self: (
            self._get_gdpr_template().gdpr_purpose_id or self.env["gdpr.purpose"].sudo()._get_default_marketing()
        ),
        domain=lambda self: list(self.env["gdpr.purpose"]._get_marketing_domain()),
        help="What the message is for. It goes to those who agreed to this purpose, or whose legal basis it has.",
    )

    @api.model
    def _get_gdpr_template(self):
        """Give the template the composer is opened with."""
        return self.env["sms.template"].sudo().browse(self.env.context.get("default_template_id")).exists()

    @api.depends("composition_mode", "res_model")
    def _compute_gdpr_is_gated(self):
        covered = self.env["gdpr.scope"]._get_covered_models()
        for composer in self:
            composer.gdpr_is_gated = composer.composition_mode == "mass" and composer.res_model in covered

    def _get_optout_record_ids(self, records, recipients_info):
        """Leave out who may not be contacted."""
        return [*super()._get_optout_record_ids(records, recipients_info), *self._get_gdpr_refusals(records)]

    def _get_gdpr_refusals(self, records):
        """Give, by id, why some of the records must not get this message."""
        if not self.gdpr_is_gated:
            return {}
        return records._gdpr_get_send_refusals(
            self.gdpr_purpose_id.sudo(),
            self.env.ref("gdpr_consent.channel_sms").sudo(),
            self.gdpr_message_class or "marketing",
        )

    def _prepare_mass_sms_values(self, records):
        """Let the others be asked about again when the messages leave."""
        values_by_record = super()._prepare_mass_sms_values(records)
        if self.gdpr_is_gated:
            for record_id, values in values_by_record.items():
                values |= {
                    "gdpr_message_class": self.gdpr_message_class or "marketing",
                    "gdpr_purpose_id": self.gdpr_purpose_id.id,
                    "gdpr_model": records._name,
                    "gdpr_res_id": record_id,
                }
        return values_by_record
