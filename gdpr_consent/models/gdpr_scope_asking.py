from datetime import timedelta

from odoo import api, fields, models, tools

# How long a record that can't be asked yet is looked at again: until when whoever got the data from elsewhere has to
# tell the person (article 14(3)(a) GDPR).
PATIENCE = timedelta(days=30)


class GdprScope(models.Model):
    """Whether new records of a kind are asked for consent by themselves, and when."""

    _inherit = "gdpr.scope"

    ask_new = fields.Boolean(
        "Ask New Records",
        help="New records whose legal basis is Consent are sent the default consent form by themselves: each person, "
        "and each address, once. A record that can't be asked yet, for want of an e-mail address or because its legal "
        "basis isn't Consent yet, is asked within a day of when it can be, up to 30 days after it was made. Records "
        "made before you switch this on aren't asked.",
    )
    ask_new_delay = fields.Float(
        "Ask After",
        default=1.0,
        help="How long after a record was made and last changed its person is asked, so that nobody is while you are "
        "still typing; 5 minutes at least. Who keeps changing is asked a day later at the latest.",
    )
    ask_new_imported = fields.Boolean("Ask Imported Records", help="Ask new records that come from an import too.")
    ask_new_since = fields.Datetime(readonly=True, copy=False, help="When asking new records was switched on.")

    _ask_new_delay_long_enough = models.Constraint(
        "CHECK (ask_new_delay IS NULL OR ask_new_delay BETWEEN 0.083 AND 720)",
        "New records are asked 5 minutes after they were made at the earliest, and 30 days at the latest.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        scopes = super().create(vals_list)
        scopes.filtered("ask_new").ask_new_since = fields.Datetime.now()
        return scopes

    def write(self, vals):
        if not vals.get("ask_new"):
            return super().write(vals)
        switched_on = self.filtered(lambda scope: not scope.ask_new)
        result = super().write(vals)
        if switched_on:
            switched_on.write({"ask_new_since": fields.Datetime.now()})
        return result

    @api.model
    @tools.ormcache()
    def _get_asking_kinds(self):
        """Give the kinds of which new records are asked now: model, whether imported ones too, delay in hours."""
        if not self._is_enabled():
            return ()
        scopes = self.sudo().search([("ask_new", "=", True)])
        return tuple(
            (scope.model, scope.ask_new_imported, scope.ask_new_delay)
            for scope in scopes
            if scope.model in self._get_covered_models()
        )

    @api.model
    def _get_scopes_of(self, cards):
        """Give the scope in whose hands each of these cards is; only those that are on.

        :rtype: dict[record, gdpr.scope]
        """
        return {card: scope for scope, fitting in self._split_by_scope(cards) if scope.active for card in fitting}

    def _asks_new(self, row):
        """Tell whether a new record in the hands of this scope is to be asked.

        :param gdpr.new.record row: what was noted of it
        """
        self.ensure_one()
        if not self.ask_new or (row.is_imported and not self.ask_new_imported):
            return False
        # What waited while all was switched off isn't new any more.
        oldest = fields.Datetime.now() - PATIENCE - timedelta(hours=self.ask_new_delay)
        return bool(self.ask_new_since) and row.created_on >= max(self.ask_new_since, oldest)
