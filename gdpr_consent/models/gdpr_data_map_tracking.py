from odoo import api, models
from odoo.tools import SQL
from odoo.tools.mail import email_normalize_all

from ..tools.person_identifiers import get_phone_digits
from .gdpr_data_map_reading import PEOPLE_MODELS, SECRET, make_iso

CHANGES_MODEL = "mail.tracking.value"
# In which of Odoo's columns a value is depends on what was changed: what is given out has one for each side.
VALUES = {"old_value": False, "new_value": True}


class GdprDataMap(models.Model):
    """Tracked changes as the person can read them: what was changed, from what to what, and by whom."""

    _inherit = "gdpr.data.map"

    @api.model
    def _find_earlier_addresses(self, person):
        """Give the addresses and numbers that the person's cards had before, as the log of changes tells them.

        What a card had that was renamed may be somebody else's, and isn't given.

        :param PersonIdentifiers person: who
        :return: normalised e-mail addresses, digits of numbers
        :rtype: tuple[set[str], set[str]]
        """
        found = {"email": set(), "phone": set()}
        others = {"email": set(), "phone": set()}
        self.env.flush_all()
        for model, ids in person.cards.items():
            cards, get = self.env[model], self.env["ir.model.fields"]._get
            name = get(model, "contact_name" if "contact_name" in cards._fields else "name").id
            email = get(model, cards._gdpr_email_field).id
            numbers = [get(model, field).id for field in cards._phone_get_number_fields()]
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT message.res_id, change.field_id, change.old_value_char, change.new_value_char
                      FROM mail_tracking_value change
                      JOIN mail_message message ON message.id = change.mail_message_id
                     WHERE message.model = %s AND message.res_id IN %s AND change.field_id IN %s
                    """,
                    model,
                    tuple(ids),
                    (name, email, *numbers),
                )
            )
            renamed = {res_id for res_id, field, old, _new in rows if field == name and old}
            for res_id, field, *sides in rows:
                kept = others if res_id in renamed else found
                for text in filter(None, sides if field != name else ()):
                    if field == email:
                        kept["email"].update(email_normalize_all(text))
                    else:
                        kept["phone"].update(filter(None, [get_phone_digits(text)]))
        return found["email"] - others["email"], found["phone"] - others["phone"]

    def _get_columns(self, origins):
        columns, left_out = super()._get_columns(origins)
        return (self._join_values(columns) if self.model == CHANGES_MODEL else columns), left_out

    def _join_values(self, columns):
        """Give the columns of changes with one for each side, instead of one for each kind of value."""
        values = [column for column in columns if column["name"].startswith(tuple(VALUES))]
        # Texts that somebody is to look at stay texts.
        if not values or any(column["is_free_text"] for column in values):
            return columns
        common = {**values[0], "type": "json"}
        joined = [
            {**common, "name": "field_id", "label": self.env._("What"), "type": "char"},
            {**common, "name": "old_value", "label": self.env._("Before"), "currency": "currency_id"},
            {**common, "name": "new_value", "label": self.env._("After"), "currency": "currency_id"},
            {**self._make_currency_column("currency_id"), "origin": common["origin"]},
            {**common, "name": "author", "label": self.env._("Changed By"), "type": "char"},
        ]
        replaced = {"field_id", "currency_id", *(column["name"] for column in values)}
        return [*joined, *(column for column in columns if column["name"] not in replaced)]

    @api.model
    def _get_kinds(self, record):
        kinds = super()._get_kinds(record)
        return {**kinds, **dict.fromkeys(VALUES, get_kind(record))} if record._name == CHANGES_MODEL else kinds

    def _read_value(self, record, column, reader):
        name = column["name"]
        if record._name == CHANGES_MODEL:
            if name == "field_id" and column["type"] == "char":
                return self._get_changed_label(record)
            if name == "author":
                return self._get_role_of_author(record, reader)
            if name in VALUES:
                return self._read_change(record, VALUES[name], reader)
        return super()._read_value(record, column, reader)

    @api.model
    def _get_changed_label(self, change):
        """Give what a change is about, in the language of its context."""
        field, info = change.field_id, change.field_info or {}
        if info.get("desc"):
            return info["desc"]
        labels = change.env["ir.model.fields"].get_field_string(field.model) if field.model in change.env else {}
        return labels.get(field.name) or field.field_description or change.env._("A field that is no more")

    @api.model
    def _get_role_of_author(self, change, reader):
        """Give who made a change, without naming a colleague."""
        author = change.mail_message_id.author_id.with_context(active_test=False)
        if author.id in reader.own.get("res.partner", ()):
            role = "person"
        elif any(not user.share for user in author.user_ids) and author != self.env.ref("base.partner_root"):
            role = "staff"
        else:
            role = self._get_source(change, change.create_uid.id, reader, ())
        roles = {
            "person": change.env._("you"),
            "staff": change.env._("a member of our staff"),
            "automatic": change.env._("our system"),
            "form": change.env._("a visitor of our web site"),
            "outsider": change.env._("another user of our web site"),
        }
        return roles.get(role) or change.env._("not recorded")

    def _read_change(self, change, is_new, reader):
        """Give one side of a change: a number, a truth value, a text, a date or moment (ISO 8601, UTC), or None."""
        field, kind = change.field_id, get_kind(change)
        if SECRET.search(field.name or ""):
            return None
        if kind == "datetime":
            return make_iso(change.new_value_datetime if is_new else change.old_value_datetime)
        [value] = change._format_display_value(kind, new=is_new)
        if kind in ("boolean", "integer", "float", "monetary"):
            return value
        if not value:
            return None
        if kind == "many2one":
            linked = change.new_value_integer if is_new else change.old_value_integer
            if field.relation in PEOPLE_MODELS and self._is_other_person(self._browse(field.relation, linked), reader):
                return reader.redactor.mark
            return self._translate(("record", field.relation, linked), value, reader)
        if kind == "selection":
            return self._translate(("option", field.model, field.name), value, reader)
        return value

    @api.model
    def _browse(self, model, res_id):
        return self.env[model].sudo().with_context(active_test=False).browse(res_id).exists()

    def _translate(self, what, words, reader):
        """Give words that were written down in the language of whoever made the change in that of the person.

        What has been renamed since, or is no more, stays as it was called then.
        """
        key = (*what, words)
        if key not in reader.words:
            find = self._find_option if what[0] == "option" else self._find_name
            reader.words[key] = find(what[1], what[2], words, reader.lang) or words
        return reader.words[key]

    def _find_option(self, model, name, words, lang):
        field = self.env[model]._fields.get(name) if model in self.env else None
        if field is None or field.type != "selection":
            return None
        for code, _name in self.env["res.lang"].get_installed():
            for option, label in field._description_selection(self.with_context(lang=code).env):
                if label == words:
                    return dict(field._description_selection(self.with_context(lang=lang).env)).get(option)
        return None

    def _find_name(self, model, res_id, words, lang):
        records = self.env.get(model)
        name = records is not None and records._fields.get(records._rec_name or "")
        if not name or not name.translate:
            return None
        record = self._browse(model, res_id)
        names = [record.with_context(lang=code).display_name for code, _name in self.env["res.lang"].get_installed()]
        return record.with_context(lang=lang).display_name if words in names else None


def get_kind(change):
    """Give of which type the field is that was changed."""
    return (change.field_info or {}).get("type") or change.field_id.ttype or "char"
