from odoo import models


class MailingContact(models.Model):
    _inherit = "mailing.contact"

    def _gdpr_get_phone_fields(self):
        return [*super()._gdpr_get_phone_fields(), "mobile"]
