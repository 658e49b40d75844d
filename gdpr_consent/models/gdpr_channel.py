from odoo import api, fields, models, tools
from odoo.exceptions import UserError
from odoo.tools import SQL


class GdprChannel(models.Model):
    """A way to reach a person: e-mail, phone, SMS, post."""

    _name = "gdpr.channel"
    _description = "Communication Channel"
    _order = "sequence, id"

    name = fields.Char(
        required=True, translate=True, help="How people are contacted, in the words they read on the consent form."
    )
    code = fields.Char(required=True, help="Technical name, used by forms, imports and the API.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    _code_uniq = models.Constraint("UNIQUE(code)", "Two channels can't have the same code.")
    _code_format = models.Constraint(
        "CHECK (code ~ '^[a-z0-9_]+$')",
        "The code of a channel is made of lower-case letters, digits and underscores.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        """Refuse another code once people have answered: the ledger names channels by their codes."""
        if "code" in vals and self.filtered(lambda channel: channel.code != vals["code"])._is_answered():
            raise UserError(
                self.env._(
                    "People have already answered about this channel, so its code is part of the proof. Archive it and"
                    " create a new channel instead."
                )
            )
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_needed(self):
        shipped = any(name.startswith("gdpr_consent.") for name in self.get_external_id().values())
        if shipped or self._is_answered():
            raise UserError(
                self.env._(
                    "A channel that comes with the add-on, or that people have answered about, can't be deleted."
                    " Archive it instead."
                )
            )

    def _is_answered(self):
        """Tell whether any of these channels is in the ledger."""
        self.env.cr.execute(
            SQL(
                "SELECT 1 FROM gdpr_consent_event WHERE string_to_array(channel_codes, ',') && %s LIMIT 1",
                self.mapped("code"),
            )
        )
        return bool(self.env.cr.fetchone())

    def _get_by_codes(self, codes):
        """Give the channels that bear the codes, archived ones too."""
        return self.with_context(active_test=False).search([("code", "in", list(codes))])

    @api.model
    def _get_ids_by_code(self, codes):
        """Give the ids of the channels that bear the codes, archived ones too, by code."""
        known = self._get_all_ids_by_code()
        if not known.keys() >= set(codes):
            # One may have been made a moment ago, by another process.
            known = {channel.code: channel.id for channel in self.sudo()._get_by_codes(codes)}
        return {code: known[code] for code in codes if code in known}

    @api.model
    @tools.ormcache()
    def _get_all_ids_by_code(self):
        channels = self.sudo().with_context(active_test=False).search_fetch([], ["code"])
        return {channel.code: channel.id for channel in channels}
