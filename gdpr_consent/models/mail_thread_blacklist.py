from odoo import api, models


class MailThreadBlacklist(models.AbstractModel):
    """Recipients of mailings that are no cards, such as those of mailing lists: erased persons get nothing there."""

    _inherit = "mail.thread.blacklist"

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        records._gdpr_suppress_recipients()
        return records

    def write(self, vals):
        result = super().write(vals)
        if self._primary_email in vals and not self.env.context.get("gdpr_erasing"):
            self._gdpr_suppress_recipients()
        return result

    def _gdpr_suppress_recipients(self):
        """Put the addresses of erased persons on the blacklist, for they stand here in clear anyway."""
        if not self or self._name in self.env["gdpr.subject.mixin"]._get_card_models():
            return
        suppressions = self.env["gdpr.suppression"]
        if not suppressions._is_in_use():
            return
        records = self.sudo()
        known = suppressions._recognise({record: [("email", record[record._primary_email])] for record in records})
        self.env["mail.blacklist"]._gdpr_block({record.email_normalized for record in known} - {False})
