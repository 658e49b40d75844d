from odoo import api, models
from odoo.tools import SQL

from .gdpr_subject_mixin import SHOWN

# What Odoo writes with every change.
LOGGED = ("write_uid", "write_date")


class GdprSubjectMixin(models.AbstractModel):
    """How cards show what is on record of their persons: written in sets, past the ORM where nobody watches."""

    _inherit = "gdpr.subject.mixin"

    def _gdpr_link_subject(self, subject):
        self._gdpr_link_subjects([subject.id] * len(self))

    def _gdpr_link_subjects(self, subject_ids):
        """Let these cards be about these persons, card by card, in one statement.

        Past the refusal in ``write``: this is the one place that sets it.
        """
        if not self:
            return
        self.flush_model(["gdpr_subject_id", *SHOWN])
        self.modified(["gdpr_subject_id"], before=True)
        self.env["gdpr.subject"].flush_model(SHOWN.values())
        linked = SQL(
            "gdpr_subject subject JOIN (SELECT unnest(%s) AS card_id, unnest(%s) AS subject_id) link"
            " ON link.subject_id = subject.id",
            self.ids,
            subject_ids,
        )
        shown = {"gdpr_subject_id": "id"} | ({} if self._gdpr_is_watched() else SHOWN)
        self._gdpr_update(shown, linked, SQL("card.id = link.card_id"))
        self.invalidate_recordset(["gdpr_subject_id"], flush=False)
        for inverse in self.pool.field_inverses[self._fields["gdpr_subject_id"]]:
            self.env[inverse.model_name].invalidate_model([inverse.name], flush=False)
        self.modified(["gdpr_subject_id"])
        self._gdpr_settle()
        self._gdpr_block_objecting()

    @api.model
    def _gdpr_show_people(self, people):
        """Let the cards show what is on record of these people, where somebody watches.

        What depends on the people was marked as modified before.
        """
        self._gdpr_settle()
        if not people:
            return
        # This is what a rule has changed meanwhile.
        self.flush_model(SHOWN)
        condition = SQL("card.gdpr_subject_id = subject.id AND subject.id IN %s", tuple(people.ids))
        self._gdpr_update(SHOWN, SQL("gdpr_subject subject"), condition).modified(SHOWN)
        self._gdpr_settle()

    @api.model
    def _gdpr_update(self, shown, source, condition):
        """Write what the people have into the cards, where it differs; give the cards that changed."""
        update = self._gdpr_prepare_update(shown, source, condition)
        return self._gdpr_forget(shown, [row[0] for row in self.env.execute_query(update)])

    @api.model
    def _gdpr_prepare_update(self, shown, source, condition):
        """Give the statement that writes what the people have into the cards, and returns the ids that changed."""
        logged = LOGGED if self._log_access else ()
        # What waits to be written isn't to be forgotten afterwards.
        self.flush_model(logged)
        assignments = [
            SQL("%s = %s", SQL.identifier(name), SQL.identifier("subject", column)) for name, column in shown.items()
        ]
        if logged:
            assignments.append(SQL("write_uid = %s, write_date = %s", self.env.uid, self.env.cr.now()))
        return SQL(
            "UPDATE %s card SET %s FROM %s WHERE %s AND (%s) IS DISTINCT FROM (%s) RETURNING card.id",
            SQL.identifier(self._table),
            SQL(", ").join(assignments),
            source,
            condition,
            SQL(", ").join(SQL.identifier("card", name) for name in shown),
            SQL(", ").join(SQL.identifier("subject", column) for column in shown.values()),
        )

    @api.model
    def _gdpr_forget(self, shown, card_ids):
        """Forget what was known of cards that were written behind the ORM's back; give them."""
        cards = self.sudo().browse(card_ids)
        cards.invalidate_recordset([*shown, *(LOGGED if self._log_access else ())], flush=False)
        return cards

    @api.model
    def _gdpr_settle(self):
        """Compute what the cards show, where somebody watches it; elsewhere it is written already."""
        if self._gdpr_is_watched():
            self._recompute_model(SHOWN)
            return
        for name in SHOWN:
            field = self._fields[name]
            self.env.remove_to_compute(field, self.env.records_to_compute(field))

    @api.model
    def _gdpr_is_watched(self):
        """Tell whether Odoo's automation rules or the tracking of changes look at what the cards show.

        They see only what the ORM computes; a rule leaves the method it replaces in ``origin``.
        """
        return hasattr(type(self)._compute_field_value, "origin") or any(
            getattr(self._fields[name], "tracking", None) for name in SHOWN
        )
