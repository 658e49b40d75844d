from odoo import models

TEXT_TYPES = ("char", "text", "html", "binary", "image", "properties", "json")


class GdprSubjectMixin(models.AbstractModel):
    """What is left of a card when its person is erased."""

    _inherit = "gdpr.subject.mixin"

    def _gdpr_get_identity_fields(self):
        """Give the names of the fields that a kept document needs to name the person by."""
        return []

    def _gdpr_get_own_texts(self):
        """Give the names of all fields of the card that can hold what somebody typed."""
        return [
            field.name
            for field in self._fields.values()
            if field.type in TEXT_TYPES
            and not field.name.startswith("gdpr_")
            and self._gdpr_is_emptiable(field)
            and field.store
        ]

    def _gdpr_anonymise(self, names):
        """A card is the person: whatever can hold something typed is emptied, whether the map names it or not."""
        super()._gdpr_anonymise([*names, *self._gdpr_get_own_texts()])
        self._gdpr_put_out_of_use()
        self._gdpr_drop_hanging()

    def _gdpr_freeze(self):
        """Leave of these cards what kept documents name the person by, out of use (law.md R-57)."""
        kept = {name for name in self._gdpr_get_identity_fields() if name in self._fields}
        self._gdpr_empty([name for name in self._gdpr_get_freely_emptied() if name not in kept])
        self._gdpr_put_out_of_use()
        self._gdpr_drop_hanging()

    def _gdpr_drop_hanging(self):
        """Remove what would go with the cards if they were deleted."""
        for name in ("activity_ids", "message_follower_ids"):
            if name in self._fields:
                self[name].sudo().with_context(active_test=False).unlink()

    def _gdpr_put_out_of_use(self):
        if self._active_name:
            # Whether an account is in use is asked without the archived ones.
            cards = self.filtered(self._active_name).with_context(active_test=True)
            cards.write({self._active_name: False})

    def _gdpr_get_freely_emptied(self):
        """Give the names of the fields that a frozen card is emptied of."""
        return self._gdpr_get_own_texts()

    def _gdpr_get_erasure_hindrance(self):
        """Give why the person of these cards can't be erased, a sentence; None where that is possible."""
        return None

    def _gdpr_add_needed(self, needed, ids):
        """Add to the cards that kept documents need those that these can't do without.

        :param dict[int, dict] needed: why each is kept, by id
        :param ids: all cards of the person of this model
        """
        return needed
