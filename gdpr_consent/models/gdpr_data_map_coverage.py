from typing import NamedTuple

from odoo import api, models

from ..tools import personal_names
from .gdpr_data_map import FINDING

# Odoo notes with every record who made it and who changed it last: said once, in the row of the model "base".
GENERAL_FIELDS = frozenset({"create_uid", "write_uid"})
TEXT_TYPES = ("char", "text")


class Gap(NamedTuple):
    """A field that looks as if it led to a person, or held something of one, and that nobody declared."""

    model: str
    field: str
    # See gdpr.data.gap.
    kind: str
    # gdpr.data.map; the row that is wrong, for the kind "missing"
    place: models.BaseModel


class GdprDataMap(models.Model):
    """What the map leaves out: every field of the registry that looks personal, less what is declared (law.md R-54)."""

    _inherit = "gdpr.data.map"

    @api.model
    @api.private
    def _find_gaps(self):
        """Give what nobody declared, and what was declared and doesn't exist. Looks at fields, at no record.

        :rtype: list[Gap]
        """
        places = self.sudo().search([("active", "=", True)])
        declared, settled = places._get_declared_names()
        # What belongs to a record that others share isn't the person's.
        owning = {place.model for place in places if place.is_personal and place.erasure != "detach"}
        gaps = places._find_missing()
        for model in sorted(self.env.registry):
            if not self._has_rows(model):
                continue
            records = self.env[model]
            names = declared.get(model)
            for field in records._fields.values():
                if field.name in GENERAL_FIELDS or (names and field.name in names):
                    continue
                # Whoever said that a model holds nothing personal didn't know what would be added to it here.
                if model in settled and not field.manual:
                    continue
                kind = self._get_gap_kind(records, field, declared, owning)
                if kind:
                    gaps.append(Gap(model, field.name, kind, self.browse()))
        return gaps

    def _get_declared_names(self):
        """Give the declared fields by model, and the models that a row says hold nothing personal.

        What is said on a field itself counts only where a row says how its records are found.
        """
        declared, settled = {}, {place.model for place in self if not place.is_personal}
        for place in self.filtered("is_personal"):
            names = declared.setdefault(place.model, set())
            for finding in FINDING:
                names.update(name.split(".")[0] for name in place._split(place[finding]))
            names.update(name for line in place.field_ids for name in line._get_names())
        for model, flags in self.env["ir.model.fields"].sudo()._get_gdpr_flags().items():
            said = {name for name, _category, origin, *_others in flags if model in declared or origin == "none"}
            if said:
                declared.setdefault(model, set()).update(said)
        return declared, settled

    def _find_missing(self):
        """Give the declared names that their model doesn't have."""
        return [
            Gap(place.model, path, "missing", place)
            for place in self
            for path in [
                *place._get_missing_paths(),
                *(name for line in place.field_ids for name in line._get_missing_names()),
            ]
        ]

    @api.model
    def _get_gap_kind(self, records, field, declared, owning):
        """Give why a field looks personal, or None."""
        if not field.store or field.inherited:
            return None
        if field.type in ("many2one", "many2many") and field.comodel_name in self._get_person_models():
            return None if self._is_declared_from_there(records, field, declared) else "link"
        if field.type == "reference":
            return "reference"
        if field.type == "many2one_reference" or self._is_document_id(records, field):
            return "reference"
        if field.type == "properties" and declared.get(records._name):
            return "properties"
        if field.type in TEXT_TYPES and not field.translate:
            return personal_names.get_kind(field.name)
        is_part = field.type == "many2one" and field.ondelete == "cascade" and field.comodel_name != records._name
        return "part" if is_part and field.comodel_name in owning else None

    @api.model
    def _is_document_id(self, records, field):
        """Tell whether an integer names a record of a model that a field beside it names."""
        if field.type != "integer" or not field.name.endswith("res_id"):
            return False
        model_field = field.name.removesuffix("id") + "model"
        return model_field in records._fields or "model" in records._fields

    @api.model
    def _is_declared_from_there(self, records, field, declared):
        """Tell whether the same links are declared as a field of the persons they lead to."""
        if field.type != "many2many":
            return False
        names = declared.get(field.comodel_name, ())
        others = (self.env[field.comodel_name]._fields.get(name) for name in names)
        return any(
            other is not None and other.type == "many2many" and other.relation == field.relation for other in others
        )
