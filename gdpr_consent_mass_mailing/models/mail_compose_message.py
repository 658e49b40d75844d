from odoo import api, models


class MailComposeMessage(models.TransientModel):
    """The composer of a mailing obeys what the mailing says it is, and notes on each trace why it was left out."""

    _inherit = "mail.compose.message"

    @api.depends("mass_mailing_id")
    def _compute_gdpr_is_gated(self):
        """A mailing is no consent request, whatever links are in it: those of a form work in requests and campaigns."""
        super()._compute_gdpr_is_gated()
        covered = self.env["gdpr.scope"]._get_covered_models()
        for composer in self.filtered("mass_mailing_id"):
            composer.gdpr_is_gated = composer.composition_mode == "mass_mail" and composer.model in covered

    @api.depends("mass_mailing_id")
    def _compute_gdpr_message_class(self):
        super()._compute_gdpr_message_class()
        for composer in self.filtered(lambda composer: composer.gdpr_is_gated and composer.mass_mailing_id):
            composer.gdpr_message_class = composer.mass_mailing_id.gdpr_message_class

    @api.depends("mass_mailing_id")
    def _compute_gdpr_purpose_id(self):
        mailings = self.filtered(lambda composer: composer.gdpr_is_gated and composer.mass_mailing_id)
        super(MailComposeMessage, self - mailings)._compute_gdpr_purpose_id()
        for composer in mailings:
            composer.gdpr_purpose_id = composer.mass_mailing_id.gdpr_purpose_id

    def _gdpr_may_declare_service(self, attachments=None):
        return super()._gdpr_may_declare_service(attachments) or self.mass_mailing_id._gdpr_is_released_service()

    def _gdpr_reaches_objectors(self):
        """Keep to the exclusion list whatever a mailing is said to be: who means to pass it unticks it there."""
        return super()._gdpr_reaches_objectors() and not self.mass_mailing_id

    def _prepare_mailing_values(self):
        return {
            **super()._prepare_mailing_values(),
            "gdpr_message_class": self.gdpr_message_class or "marketing",
            "gdpr_purpose_id": self.gdpr_purpose_id.id,
        }

    def _prepare_mail_values_mailing_traces(self, mail_values_all):
        traces = super()._prepare_mail_values_mailing_traces(mail_values_all)
        # A mail says it in words.
        reasons = {words: code for code, words in self.env["gdpr.subject"]._get_contact_explanations().items()}
        for res_id, mail_values in mail_values_all.items():
            if traces[res_id] and mail_values.get("gdpr_message_class") and mail_values.get("state") == "cancel":
                reason = reasons.get(mail_values.get("failure_reason")) or mail_values.get("failure_type")
                traces[res_id]["gdpr_reason"] = reason
        return traces
