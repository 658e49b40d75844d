from odoo import fields, models
from odoo.exceptions import AccessError

from ..tools.immutability import forbid_changes


class GdprConsentEventValue(models.Model):
    """A personal value of an event, kept beside the chain (law.md R-103).

    The event carries only a salted commitment to it, so the row can be erased with the person
    while the chain stays verifiable. It can't be changed.
    """

    _name = "gdpr.consent.event.value"
    _description = "Personal Value of a Consent Event"
    _log_access = False

    event_id = fields.Many2one("gdpr.consent.event", required=True, index=True, ondelete="cascade")
    name = fields.Char(required=True)
    value = fields.Text(required=True)
    salt = fields.Char(required=True, groups="base.group_system")
    attachment_id = fields.Many2one("ir.attachment", ondelete="set null")

    def init(self):
        forbid_changes(self.env.cr, self._table, "UPDATE OF event_id, name, value, salt")

    def write(self, vals):
        raise AccessError(self.env._("What the ledger holds can't be changed."))
