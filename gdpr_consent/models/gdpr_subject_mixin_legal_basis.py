from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL
from odoo.tools.misc import split_every

BATCH = 10_000


class GdprSubjectMixin(models.AbstractModel):
    """The legal basis of cards: that of a new one, and how it is set, of one or of a million."""

    _inherit = "gdpr.subject.mixin"

    def _gdpr_get_default_basis(self, vals):
        """Give the legal basis of a new record with these values, and its reason."""
        if self._name not in self.env["gdpr.scope"]._get_covered_models():
            return ("not_applicable", None)
        company = self.env.company.sudo()
        return (
            company.gdpr_default_legal_basis or "not_applicable",
            company.gdpr_default_legal_basis_reason or None,
        )

    def _gdpr_pop_basis(self, vals):
        """Take the legal basis out of the values of a new record: basis, reason, whether somebody chose it."""
        default_basis, default_reason = self._gdpr_get_default_basis(vals)
        basis = vals.pop("gdpr_legal_basis", None) or default_basis
        reason = vals.pop("gdpr_legal_basis_reason", None)
        is_chosen = basis != default_basis
        return basis, reason or (None if is_chosen else default_reason), is_chosen

    @api.onchange("gdpr_legal_basis")
    def _onchange_gdpr_legal_basis(self):
        """Show the reason of the basis chosen: that on record, that of the settings, or none yet."""
        before = self._origin
        basis, reason = self._gdpr_get_default_basis({})
        if before:
            basis, reason = before.gdpr_legal_basis, before.gdpr_legal_basis_reason
        self.gdpr_legal_basis_reason = reason if self.gdpr_legal_basis == basis else False

    def gdpr_set_legal_basis(self, basis, reason=None):
        """Set the legal basis of any number of cards; writing the field does the same.

        :param str basis: a key of ``gdpr_legal_basis``
        :param str reason: why; needed for legitimate interests (article 6(1)(f))
        :raise AccessError: the user is no privacy officer
        :raise ValidationError: unknown basis, or legitimate interests without a reason
        """
        self._gdpr_check_group("gdpr_consent.group_officer")
        self.check_access("write")
        self._gdpr_apply_basis(basis, reason)
        return True

    @api.model
    def _gdpr_check_basis(self, basis):
        if basis not in dict(self._fields["gdpr_legal_basis"].selection):
            raise ValidationError(self.env._("“%(basis)s” is not a legal basis.", basis=basis))

    def _gdpr_apply_basis(self, basis, reason=None, actor="operator"):
        self._gdpr_check_basis(basis)
        reason = (reason or "").strip()
        if basis == "legitimate_interests" and not reason:
            raise ValidationError(
                self.env._(
                    "Legitimate interests need a reason: say how you weighed your interests against the"
                    " person's (article 6(1)(f) GDPR)."
                )
            )
        # In batches, so that a hundred thousand don't fill the memory; in the order in which people are locked.
        for batch in split_every(BATCH, self._gdpr_sort_by_person(), self.browse):
            batch._gdpr_apply_basis_to_batch(basis, reason, actor)

    def _gdpr_apply_basis_to_batch(self, basis, reason, actor):
        changing = self._gdpr_filter_changing(basis, reason)
        if not changing:
            return
        subjects = changing._gdpr_ensure_subjects().root_id
        if basis != "consent":
            subjects._cancel_requests()
        self.env["gdpr.subject"]._record_acts(
            [
                {
                    "subject_id": subject_id,
                    "action": "basis_changed",
                    "legal_basis": basis,
                    "actor": actor,
                    "values": {"reason": reason},
                }
                for subject_id in subjects.ids
            ]
        )

    def _gdpr_sort_by_person(self):
        """Give the ids of the cards in the order in which their persons are locked; those without one last."""
        self.flush_model(["gdpr_subject_id"])
        rows = self.env.execute_query(
            SQL(
                "SELECT card.id FROM %s card LEFT JOIN gdpr_subject subject ON subject.id = card.gdpr_subject_id"
                " WHERE card.id IN %s ORDER BY subject.root_id, card.id",
                SQL.identifier(self._table),
                tuple(self.ids) or (0,),
            )
        )
        return [row[0] for row in rows]

    def _gdpr_read_bases(self):
        """Give, by id of the card, the id of its person and the legal basis on record."""
        self.env["gdpr.subject"].flush_model(["legal_basis"])
        rows = self.env.execute_query(
            SQL(
                "SELECT card.id, subject.id, COALESCE(subject.legal_basis, 'not_applicable')"
                " FROM %s card LEFT JOIN gdpr_subject subject ON subject.id = card.gdpr_subject_id"
                " WHERE card.id IN %s ORDER BY subject.root_id, card.id",
                SQL.identifier(self._table),
                tuple(self.ids) or (0,),
            )
        )
        return {card_id: basis for card_id, *basis in rows}
