from odoo import api, models

from ..tools.server_context import is_set
from .gdpr_subject_mixin_suppression import ERASING


class MailThread(models.AbstractModel):
    """Whatever else bears an address and is written to (registrations, answers, tasks, readers of lists): no cards, so
    there is no history to say anything in, but erased persons get no marketing there either (law.md R-60).
    """

    _inherit = "mail.thread"

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        records._gdpr_suppress_recipients()
        return records

    def write(self, vals):
        result = super().write(vals)
        is_watched = not is_set(self.env, ERASING) and self._gdpr_is_in_use()
        if is_watched and not vals.keys().isdisjoint(self._gdpr_get_recipient_fields()):
            self._gdpr_suppress_recipients()
        return result

    def _gdpr_is_in_use(self):
        return self.env["gdpr.suppression"]._is_in_use()

    @api.model
    def _gdpr_get_recipient_fields(self):
        """Give the fields with the address of a recipient, as the data map declares them."""
        return self.env["gdpr.data.map"]._get_address_fields().get(self._name, ())

    def _gdpr_suppress_recipients(self):
        """Put the addresses of erased persons on the blacklist, for they stand here in clear anyway. One query."""
        if not self or not self._gdpr_is_in_use() or hasattr(self, "_gdpr_address_field"):
            return
        names = self._gdpr_get_recipient_fields()
        if not names or self._name in self.env["gdpr.subject.mixin"]._get_card_models():
            return
        suppressions = self.env["gdpr.suppression"]
        addresses = {
            address
            for record in self.sudo()
            for name in names
            for address in suppressions._normalise("email", record[name])
        }
        known = suppressions._recognise({address: [("email", address)] for address in addresses})
        self.env["mail.blacklist"]._gdpr_block(set(known))
