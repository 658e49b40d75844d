from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError

from ..tools.server_context import SERVER, is_set

# The blacklist of Odoo's that stops marketing through a channel, by code of the channel.
BLACKLISTS = {"email": "mail.blacklist", "phone": "phone.blacklist", "sms": "phone.blacklist"}
# In the context (a mark of the server): what is blacklisted now is no act of a person. It follows the ledger, or an
# address doesn't work.
SILENT = "gdpr_blacklist_silent"


class GdprBlacklistMixin(models.AbstractModel):
    """A blacklist of Odoo's as it follows the objections in the ledger: who objects to marketing is on it.

    What somebody else put there stays when an objection is lifted.
    """

    _name = "gdpr.blacklist.mixin"
    _description = "Blacklist That Follows Objections"

    # The field that holds the address, and the stored field of a card that holds it in the same form.
    _gdpr_address_field = None
    _gdpr_card_field = None

    gdpr_objection = fields.Boolean(
        "Because of an Objection",
        readonly=True,
        copy=False,
        help="Put here because a person objects to marketing, and taken off when that person agrees to it again.",
    )

    def write(self, vals):
        """What somebody else puts on the list isn't the add-on's any more. What an objection put there stays."""
        if not vals.get("active", True) or self._gdpr_address_field in vals:
            self._gdpr_check_no_objection()
        if vals.get("active") and not is_set(self.env, SILENT):
            vals = {**vals, "gdpr_objection": False}
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_objection(self):
        self._gdpr_check_no_objection()

    def _gdpr_check_no_objection(self):
        """Refuse to take off what an objection put on the list: only the person lifts it (law.md R-38)."""
        if not is_set(self.env, SILENT) and any(entry.gdpr_objection for entry in self.exists()):
            raise UserError(
                self.env._(
                    "A person with this address objects to marketing. Nobody can override that but the person, by"
                    " agreeing to marketing again."
                )
            )

    @api.model
    def _gdpr_is_normalised(self, address):
        """Tell whether the list would take the address as it is."""
        raise NotImplementedError

    @api.model
    def _gdpr_filter_objected(self, addresses):
        """Give those of the normalised addresses that are on the list because a person objects."""
        field = self._gdpr_address_field
        found = self.sudo().search([(field, "in", list(addresses)), ("gdpr_objection", "=", True)])
        return set(found.mapped(field))

    @api.model
    def _gdpr_block(self, addresses):
        """Put normalised addresses on the list, in a few queries; those taken off before too."""
        addresses = {address for address in addresses if self._gdpr_is_normalised(address)}
        if not addresses:
            return
        blacklist = self.sudo().with_context(**{SILENT: SERVER}, active_test=False)
        field = self._gdpr_address_field
        message = self.env._("A person with this address objects to marketing.")
        present = blacklist.search([(field, "in", list(addresses))])
        archived = present.filtered(lambda entry: not entry.active)
        if archived:
            archived._track_set_log_message(message)
            archived.write({"active": True, "gdpr_objection": True})
        missing = sorted(addresses - set(present.mapped(field)))
        if missing:
            try:
                created = blacklist.create([{field: address, "gdpr_objection": True} for address in missing])
            except IntegrityError as error:
                # Somebody else has just added one of them: Odoo tries the whole act again, after that one.
                raise ConcurrencyError(str(error)) from error
            created._message_log_batch(bodies=dict.fromkeys(created.ids, message))

    @api.model
    def _gdpr_unblock(self, addresses):
        """Take off what only an objection put on the list."""
        if not addresses:
            return
        entries = self.sudo().search([(self._gdpr_address_field, "in", list(addresses)), ("gdpr_objection", "=", True)])
        if entries:
            entries._track_set_log_message(self.env._("The person agreed to marketing again."))
            entries.with_context(**{SILENT: SERVER}).write({"active": False, "gdpr_objection": False})
