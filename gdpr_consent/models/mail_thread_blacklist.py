from odoo import api, models


class MailThreadBlacklist(models.AbstractModel):
    """Recipients of mailings that are no cards, also those that the data map doesn't know."""

    _inherit = "mail.thread.blacklist"

    @api.model
    def _gdpr_get_recipient_fields(self):
        return {*super()._gdpr_get_recipient_fields(), self._primary_email}
