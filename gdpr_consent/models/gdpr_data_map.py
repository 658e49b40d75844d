from ast import literal_eval

from odoo import api, fields, models, tools
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools.sql import TableKind, table_kind

ERASURES = [
    ("delete", "Delete"),
    ("anonymise", "Anonymise"),
    ("detach", "Take the person out"),
    ("keep", "Keep"),
]
GROUNDS = [
    ("legal_obligation", "A law demands it (article 17(3)(b))"),
    ("legal_claims", "Legal claims (article 17(3)(e))"),
    ("public_interest", "Public interest (article 17(3)(b), (c), (d))"),
    ("expression", "Freedom of expression and information (article 17(3)(a))"),
    ("contract", "A contract that still runs (article 17(1)(a))"),
    ("other_person", "It is somebody else's data (article 15(4))"),
]

# What says by which fields records are found.
FINDING = ("path", "email_fields", "phone_fields", "account_fields", "name_fields", "document_fields")
# Longer than any law demands: who keeps for longer has mistyped it, or doesn't want to let go.
MOST_KEEP_YEARS = 50


class GdprDataMap(models.Model):
    """Where personal data lives: a set of records of a model, how they lead to a person, and what becomes of them.

    Rows are read in the order of their sequence: a path may lead to any record that an earlier row found. An
    add-on declares its own data in XML, or says in ``reason`` why a model that looks like it holds none. A row may
    name a model that isn't installed: it waits.
    """

    _name = "gdpr.data.map"
    _description = "Place of Personal Data"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, help="As the person reads it: Quotations, Messages, …")
    app = fields.Char(translate=True, help="The rows of the list are grouped by it.")
    sequence = fields.Integer(
        default=100,
        aggregator=None,
        help="Earlier rows are found first, and erased last: a path may lead to what an earlier row found.",
    )
    active = fields.Boolean(default=True)
    model = fields.Char(required=True, index=True, help="Technical name of the model, e.g. sale.order.")
    is_installed = fields.Boolean(compute="_compute_is_installed", search="_search_is_installed")
    is_unknown = fields.Boolean(
        "No Such Model Here",
        compute="_compute_is_unknown",
        search="_search_is_unknown",
        help="There is no such model, and no add-on has brought the row: it may be spelt wrongly.",
    )
    found_by = fields.Char(compute="_compute_found_by", help="How the records of a person are found.")
    domain = fields.Char(help="Which records of the model the row is about, as a domain. Empty: all.")
    warning = fields.Text(compute="_compute_warning", help="What is wrong with the row.")
    is_personal = fields.Boolean(
        "Holds Personal Data", default=True, help="Off: the model looks like it, and the reason says why it doesn't."
    )
    reason = fields.Text(translate=True, help="Why the model holds no personal data, or why the row is as it is.")
    used_for = fields.Text(
        translate=True,
        help="As the person reads it (article 15(1)(a)). Empty: what the app is for, or why the records are kept.",
    )

    # How records lead to a person
    is_card = fields.Boolean("Describes a Person", help="The records are contacts, leads or other cards themselves.")
    path = fields.Char(
        "Paths to the Person",
        help="Fields that lead to the person's contact, user or another record found earlier, with dots and separated"
        " by commas, e.g. partner_id, order_id.partner_id",
    )
    email_fields = fields.Char(help="Fields with an address, separated by commas, to find it by.")
    phone_fields = fields.Char(help="Fields with a number, separated by commas, to find it by.")
    account_fields = fields.Char(
        "Bank Account Fields",
        help="Fields with the number of a bank account, separated by commas, to find it by those of the person's.",
    )
    name_fields = fields.Char(
        help="Fields with a name, separated by commas, to find the person's by where nothing else tells whose the"
        " record is. Somebody looks at what is found: two people can have one name.",
    )
    document_fields = fields.Char(
        help="The two fields that name the model and the record something belongs to, e.g. res_model, res_id",
    )
    has_documents = fields.Boolean(
        "With Messages and Files", default=True, help="What is attached to these records belongs to the person as well."
    )

    # What it is and what becomes of it
    field_ids = fields.One2many(
        "gdpr.data.map.field",
        "map_id",
        string="Fields",
        copy=True,
        help="What of the records is personal, and what an erasure does with it. Fields that aren't named stay as "
        "they are.",
    )
    erasure = fields.Selection(
        ERASURES,
        string="On Erasure",
        required=True,
        default="delete",
        help="What an erasure does with the records found here, if no ground to keep them is named.",
    )
    keep_ground = fields.Selection(
        GROUNDS,
        string="Ground for Keeping",
        help="Why the law lets you, or makes you, keep these records. The person is told.",
    )
    keep_reason = fields.Text(translate=True, help="The law or the claim, as the person reads it.")
    keep_months = fields.Integer(
        "Kept For (Months)",
        aggregator=None,
        help="How long they are kept, counted from the date named. Then they are erased without anybody asking.",
    )
    keep_from = fields.Char("Kept Since", help="The date field the time counts from, e.g. invoice_date.")
    after_keeping = fields.Selection(
        [("delete", "Delete"), ("anonymise", "Anonymise")],
        default="anonymise",
        help="What happens when the time is over.",
    )

    _keep_explained = models.Constraint(
        "CHECK (erasure != 'keep' OR (keep_ground IS NOT NULL AND keep_months > 0) OR NOT is_personal)",
        "What is kept needs a ground and a time (article 17(3) GDPR).",
    )
    _none_explained = models.Constraint(
        "CHECK (is_personal OR reason IS NOT NULL)", "Say why the model holds no personal data."
    )

    @api.depends("model")
    def _compute_is_installed(self):
        for place in self:
            place.is_installed = place._get_records() is not None

    @api.depends("model")
    def _compute_is_unknown(self):
        shipped = self._filter_shipped()
        for place in self:
            place.is_unknown = bool(place.model) and not place.is_installed and place._origin not in shipped

    @api.depends("model", "is_card", *FINDING)
    def _compute_found_by(self):
        for place in self:
            ways = (
                (place.is_card, self.env._("the card itself")),
                (place._get_paths(), self.env._("links")),
                (place._get_email_fields(), self.env._("addresses")),
                (place._get_phone_fields(), self.env._("numbers")),
                (place._split(place.account_fields), self.env._("bank accounts")),
                (place._split(place.name_fields), self.env._("names")),
                (place.document_fields, self.env._("what it is attached to")),
            )
            place.found_by = ", ".join(words for is_so, words in ways if is_so) if place.is_personal else False

    @api.depends("model", "keep_from", *FINDING, "field_ids.names")
    def _compute_warning(self):
        for place in self:
            missing = [gap.field for gap in place._find_missing()]
            place.warning = place._describe_missing(missing) if missing else False

    def _search_is_installed(self, operator, value):
        if operator != "in":
            return NotImplemented
        names = [name for name in self.env.registry if self._has_rows(name)]
        return Domain("model", "in" if True in value else "not in", names)

    def _search_is_unknown(self, operator, value):
        if operator != "in":
            return NotImplemented
        places = self.with_context(active_test=False).search([("is_installed", "=", False)])
        unknown = places.filtered("is_unknown")
        return Domain("id", "in" if True in value else "not in", unknown.ids)

    def _filter_shipped(self):
        """Give those that came with an add-on."""
        known = self.env["ir.model.data"].sudo()
        # What Odoo names by itself when it exports or imports begins like that.
        known = known.search(
            [("model", "=", self._name), ("res_id", "in", self.ids), ("module", "not =like", r"\_\_%")]
        )
        return self.browse(known.mapped("res_id"))

    @api.ondelete(at_uninstall=False)
    def _unlink_except_shipped(self):
        if shipped := self._filter_shipped():
            raise UserError(
                self.env._(
                    "Rows that come with an add-on can't be deleted, or what they find would be forgotten without a"
                    " word. Archive them, or change them: %(rows)s",
                    rows=", ".join(shipped.mapped("name")),
                )
            )

    @api.constrains("erasure", "is_personal", "keep_reason", "keep_months")
    def _check_keeping(self):
        """Refuse keeping that nobody could explain to the person, or that has no end (article 5(1)(e))."""
        for place in self.filtered(lambda place: place.is_personal and place.erasure == "keep"):
            if not (place.keep_reason or "").strip():
                raise ValidationError(
                    self.env._(
                        "%(place)s: say why they are kept, which law or which claim: the person reads it.",
                        place=place.name,
                    )
                )
            if place.keep_months > 12 * MOST_KEEP_YEARS:
                raise ValidationError(
                    self.env._(
                        "%(place)s: %(months)s months are no term: nothing is kept longer than %(years)s years.",
                        place=place.name,
                        months=place.keep_months,
                        years=MOST_KEEP_YEARS,
                    )
                )

    @api.constrains("model", "domain", "keep_from", *FINDING)
    def _check_fields(self):
        """Refuse what the model can't be asked. A model that isn't installed can't be checked."""
        for place in self:
            records = place._get_records()
            if records is None:
                continue
            if missing := place._get_missing_paths():
                raise ValidationError(place._describe_missing(missing))
            if unusable := place._get_unusable_names():
                raise ValidationError(
                    self.env._(
                        "%(place)s: nothing can be found or counted by “%(names)s”: addresses, numbers, accounts and"
                        " names are stored texts of the model itself, and the time of keeping begins with a date.",
                        place=place.name,
                        names=", ".join(unusable),
                    )
                )
            if unlinked := place._get_unlinked_paths():
                raise ValidationError(
                    self.env._(
                        "%(place)s: “%(path)s” leads to no record: a path is made of links that can be searched, such"
                        " as partner_id or order_id.partner_id, and ends with one.",
                        place=place.name,
                        path=", ".join(unlinked),
                    )
                )
            if not place._has_usable_document_fields():
                raise ValidationError(
                    self.env._(
                        "%(place)s: “%(names)s” names no record: give two fields of the model itself, first the text"
                        " with the name of a model, then the number of a record, as in res_model, res_id.",
                        place=place.name,
                        names=place.document_fields,
                    )
                )
            try:
                Domain(place._get_domain()).validate(records)
            except Exception as error:
                raise ValidationError(
                    self.env._("%(place)s: this isn't a domain: %(error)s", place=place.name, error=error)
                ) from error

    def _get_missing_paths(self):
        """Give the declared paths that the model doesn't have, but for those with a question mark."""
        self.ensure_one()
        records = self._get_records()
        if records is None:
            return []
        declared = [self.keep_from, *(self[name] for name in FINDING)]
        return [
            path
            for names in declared
            for path, is_optional in self._parse(names)
            if not is_optional and not self._has_path(records, path)
        ]

    def _get_unusable_names(self):
        """Give the declared fields that exist, but that the search for a person would fail at."""
        self.ensure_one()
        records = self._get_records()
        found_by = (self.email_fields, self.phone_fields, self.account_fields, self.name_fields)
        texts = [name for names in found_by for name in self._split(names)]
        unusable = [
            name
            for name in texts
            if "." in name
            or not records._fields[name].column_type
            or not records._fields[name].store
            or records._fields[name].type not in ("char", "text", "html", "json")
        ]
        for path in self._split(self.keep_from):
            *links, last = path.split(".")
            model = records
            for name in links:
                model = self.env[model._fields[name].comodel_name]
            if model._fields[last].type not in ("date", "datetime"):
                unusable.append(path)
        return unusable

    def _get_unlinked_paths(self):
        """Give the declared paths that exist, but that lead to no record."""
        self.ensure_one()
        unlinked = []
        for path in self._split(self.path):
            model = self._get_records()
            for name in path.split("."):
                field = model._fields[name]
                if not field.relational or not (field.store or field.search):
                    unlinked.append(path)
                    break
                model = self.env[field.comodel_name]
        return unlinked

    def _has_usable_document_fields(self):
        """Tell whether the fields that name a record can do so; none at all can."""
        self.ensure_one()
        records = self._get_records()
        declared, names = self._parse(self.document_fields), self._split(self.document_fields)
        if not declared or (len(declared) == 2 and len(names) < 2):
            # Those that exist are asked for: another app adds the others.
            return True
        if len(declared) != 2 or any("." in name for name in names):
            return False
        model_field, id_field = (records._fields[name] for name in names)
        return (
            model_field.type in ("char", "selection")
            and id_field.type in ("integer", "many2one_reference")
            and all(field.store or field.search for field in (model_field, id_field))
        )

    def _describe_missing(self, paths):
        """Give the sentence that says which paths a model doesn't have."""
        return self.env._(
            "%(place)s: “%(path)s” isn't a field of %(model)s.",
            place=self.name,
            path=", ".join(paths),
            model=self.model,
        )

    @api.model
    def _has_path(self, records, path):
        """Tell whether a path with dots exists."""
        model = records
        for name in path.split("."):
            field = model._fields.get(name) if model is not None else None
            if field is None:
                return False
            model = self.env.get(field.comodel_name) if field.relational else None
        return True

    @api.model
    def _parse(self, names):
        """Give the names of a text that are separated by commas, each with whether it may be missing."""
        parts = [name.strip() for name in (names or "").split(",")]
        return [(name.removesuffix("?").strip(), name.endswith("?")) for name in parts if name]

    def _split(self, names):
        """Give the names of a text that are separated by commas; of one place, those that its model has."""
        parsed = [name for name, _is_optional in self._parse(names)]
        records = self._get_records() if len(self) == 1 else None
        return parsed if records is None else [name for name in parsed if self._has_path(records, name)]

    def _is_noted_by_system(self):
        """Say whether nobody wrote what is there: all of it is observed, and it is deleted with the person."""
        origins = set(self.field_ids.mapped("origin")) - {"none"}
        return self.erasure == "delete" and not self.document_fields and origins == {"observed"}

    def _get_records(self):
        """Give the model, empty; None where it isn't installed or has no rows of its own."""
        self.ensure_one()
        return self.env[self.model] if self._has_rows(self.model) else None

    @api.model
    @tools.ormcache("model")
    def _has_rows(self, model):
        """Tell whether a model is installed and has rows of its own, not those of a query."""
        records = self.env.get(model)
        if records is None or records._abstract or records._transient:
            return False
        return records._auto or table_kind(self.env.cr, records._table) is TableKind.Regular

    def _get_domain(self):
        self.ensure_one()
        return literal_eval(self.domain) if self.domain else []
