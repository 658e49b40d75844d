from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import UserError

from ..tools import personal_names


class PlaceField(NamedTuple):
    """What is declared of one field of a place."""

    name: str
    # gdpr.data.category; empty where none is named.
    category: models.BaseModel
    # See gdpr.data.map.field.
    origin: str
    erasure: str
    is_free_text: bool
    reason: str

    @property
    def is_personal(self):
        """Whether it is about the person."""
        return self.origin in ("provided", "observed", "derived")


class GdprDataMap(models.Model):
    """What a row declares, with what is said on the fields themselves: those who read or erase ask here."""

    _inherit = "gdpr.data.map"

    def _get_emptied_names(self):
        """Give the names of the fields that are emptied where a record is made anonymous."""
        return [
            name for name, field in self._get_fields().items() if field.erasure == "empty" and field.origin != "none"
        ]

    def _has_nothing_to_empty(self):
        """Tell whether records found here would stay as they are when they are made anonymous; False without a row."""
        # Of these everything is emptied, whatever the map says.
        whole = {*self.env["gdpr.subject.mixin"]._get_card_models(), "res.users"}
        return bool(self) and self.model not in whole and not self._get_emptied_names()

    def _has_nothing_to_take_out(self):
        """Tell whether records found here would name the person as before once it is taken out; False without a row."""
        records = self._get_records() if self else None
        if records is None:
            return False
        links = [path for path in self._get_paths() if path in records._fields and records._fields[path].store]
        return not (links or self._get_email_fields() or self._get_phone_fields() or self._get_emptied_names())

    def _stays_as_it_is(self, action):
        """Tell whether an erasure would change nothing in records found here, although it says that it does.

        :param str action: of a line of a plan
        """
        return (action == "anonymise" and self._has_nothing_to_empty()) or (
            action == "detach" and self._has_nothing_to_take_out()
        )

    def _get_fields(self):
        """Give what is declared of each field that the model has: by the lines, else as an address or a number.

        What is said on the field itself (Settings > Technical > Fields) comes before both.

        :rtype: dict[str, PlaceField]
        """
        self.ensure_one()
        place = self.sudo()
        records = place._get_records()
        if records is None:
            return {}
        found = {}
        for line in place.field_ids:
            for name in line._get_names():
                found[name] = PlaceField(
                    name, line.category_id, line.origin, line.erasure, line.is_free_text, line.reason or ""
                )
        for kind, names in (("email", place.email_fields), ("phone", place.phone_fields)):
            category = self.env.ref(f"gdpr_consent.data_category_{kind}", raise_if_not_found=False)
            category = category.sudo() if category else self.env["gdpr.data.category"]
            for name in place._split(names):
                if "." not in name:
                    found.setdefault(name, PlaceField(name, category, "provided", "empty", False, ""))
        return found | place._get_flagged_fields()

    def _get_flagged_fields(self):
        """Give what is said on the model's fields themselves.

        :rtype: dict[str, PlaceField]
        """
        self.ensure_one()
        records = self._get_records()
        flags = self.env["ir.model.fields"].sudo()._get_gdpr_flags().get(self.model, ())
        categories = self.env["gdpr.data.category"].sudo()
        return {
            name: PlaceField(name, categories.browse(category_id), origin, erasure, is_free_text, reason)
            for name, category_id, origin, erasure, is_free_text, reason in flags
            if records is not None and name in records._fields
        }

    def _get_paths(self):
        """Give the paths that lead to a person: the row's, and the flagged fields that link to one."""
        models_ = self._get_person_models()
        return self._add_flagged(self.path, lambda field, _said: field.comodel_name in models_)

    def _get_email_fields(self):
        """Give the fields with an address to find records by."""
        return self._add_flagged(self.email_fields, lambda field, said: self._is_text_of(field, said, "email"))

    def _get_phone_fields(self):
        """Give the fields with a number to find records by."""
        return self._add_flagged(self.phone_fields, lambda field, said: self._is_text_of(field, said, "phone"))

    def _add_flagged(self, declared, is_like):
        """Give the declared names, and those of the flagged personal fields that are stored and of a kind."""
        self.ensure_one()
        records = self._get_records()
        names = self._split(declared)
        for name, said in self._get_flagged_fields().items():
            if said.is_personal and records._fields[name].store and is_like(records._fields[name], said):
                names.append(name)
        return list(dict.fromkeys(names))

    def _is_text_of(self, field, said, kind):
        """Tell whether a flagged field has addresses or numbers: by its name, or by what was said it has."""
        category = self.env.ref(f"gdpr_consent.data_category_{kind}", raise_if_not_found=False)
        is_said = bool(category) and said.category.id == category.id
        return field.type in ("char", "text") and (is_said or personal_names.get_kind(field.name) == kind)

    @api.model
    def _make_flagged_places(self, fields_):
        """Make a row for each model that has none and of which fields were said to be personal.

        :param ir.model.fields fields_: what was said of them
        """
        places = self.sudo().search([("is_personal", "=", True), ("model", "in", fields_.mapped("model"))])
        models_ = set(places.mapped("model"))
        for model, flagged in fields_.grouped("model").items():
            if model in models_ or not self._has_rows(model):
                continue
            place = self.sudo().new({"model": model})
            if not (place._get_paths() or place._get_email_fields() or place._get_phone_fields()):
                raise UserError(
                    self.env._(
                        "“%(field)s” would not be found: nothing leads from the records “%(model)s” to a person. Say"
                        " first of a field with a link to the contact, an e-mail address or a phone number that it is"
                        " personal, or add a row for %(technical)s to the data map that says how its records lead to"
                        " the person.",
                        field=flagged[0].field_description,
                        model=flagged[0].model_id.name,
                        technical=model,
                    )
                )
            self.sudo().create({"name": flagged[0].model_id.name, "model": model, "erasure": "anonymise"})

    def _get_person_models(self):
        """Give the models whose records are persons: what links to them is about a person."""
        cards = self.env["gdpr.subject.mixin"]._get_card_models()
        names = ("res.partner", "res.users", "hr.employee", *cards)
        return tuple(name for name in dict.fromkeys(names) if name in self.env)
