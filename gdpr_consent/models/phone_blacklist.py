from odoo import api, models


class PhoneBlacklist(models.Model):
    """Numbers that get no marketing calls and messages: an objection puts them here.

    A number blacklisted by somebody else stops calls and SMS to it, no more: it says nothing about e-mail.
    """

    _name = "phone.blacklist"
    _inherit = ["phone.blacklist", "gdpr.blacklist.mixin"]

    _gdpr_address_field = "number"
    _gdpr_card_field = "phone_sanitized"

    @api.model
    def _gdpr_is_normalised(self, address):
        return self.env.user._phone_format(number=address) == address
