from odoo import models


class MailingContact(models.Model):
    _inherit = "mailing.contact"

    _gdpr_address_sources = ("mobile", "country_id")

    def _gdpr_get_phone_fields(self):
        return [*super()._gdpr_get_phone_fields(), "mobile"]
