from ast import literal_eval

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

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
    sequence = fields.Integer(
        default=100, help="Earlier rows are found first, and erased last: a path may lead to what an earlier row found."
    )
    active = fields.Boolean(default=True)
    model = fields.Char(required=True, index=True, help="Technical name of the model, e.g. sale.order.")
    is_installed = fields.Boolean(compute="_compute_is_installed", search="_search_is_installed")
    domain = fields.Char(help="Which records of the model the row is about, as a domain. Empty: all.")
    is_personal = fields.Boolean(
        "Holds Personal Data", default=True, help="Off: the model looks like it, and the reason says why it doesn't."
    )
    reason = fields.Text(translate=True, help="Why the model holds no personal data, or why the row is as it is.")

    # How records lead to a person
    is_card = fields.Boolean("Describes a Person", help="The records are contacts, leads or other cards themselves.")
    path = fields.Char(
        "Paths to the Person",
        help="Fields that lead to the person's contact, user or another record found earlier, with dots and separated"
        " by commas, e.g. partner_id, order_id.partner_id",
    )
    email_fields = fields.Char(help="Fields with an address, separated by commas, to find it by.")
    phone_fields = fields.Char(help="Fields with a number, separated by commas, to find it by.")
    document_fields = fields.Char(
        "Document Fields",
        help="The two fields that name the model and the record something belongs to, e.g. res_model, res_id",
    )
    has_documents = fields.Boolean(
        "With Messages and Files", default=True, help="What is attached to these records belongs to the person as well."
    )

    # What it is and what becomes of it
    field_ids = fields.One2many("gdpr.data.map.field", "map_id", string="Fields", copy=True)
    erasure = fields.Selection(ERASURES, string="On Erasure", required=True, default="delete")
    keep_ground = fields.Selection(GROUNDS, string="Ground for Keeping")
    keep_reason = fields.Text(translate=True, help="The law or the claim, as the person reads it.")
    keep_months = fields.Integer("Kept For (Months)")
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

    def _search_is_installed(self, operator, value):
        if operator != "in":
            return NotImplemented
        names = [name for name, model in self.env.registry.items() if not model._abstract and not model._transient]
        return Domain("model", "in" if True in value else "not in", names)

    @api.constrains("model", "domain", "path", "email_fields", "phone_fields", "document_fields", "keep_from")
    def _check_fields(self):
        """Refuse what the model can't be asked. A model that isn't installed can't be checked."""
        for place in self:
            records = place._get_records()
            if records is None:
                continue
            paths = [place.keep_from] if place.keep_from else []
            for names in (place.path, place.email_fields, place.phone_fields, place.document_fields):
                paths += self._split(names)
            for path in paths:
                place._check_path(records, path)
            try:
                Domain(place._get_domain()).validate(records)
            except Exception as error:
                raise ValidationError(
                    self.env._("%(place)s: this isn't a domain: %(error)s", place=place.name, error=error)
                ) from error

    def _check_path(self, records, path):
        model = records
        for name in path.split("."):
            field = model._fields.get(name) if model is not None else None
            if field is None:
                raise ValidationError(
                    self.env._(
                        "%(place)s: “%(path)s” isn't a field of %(model)s.",
                        place=self.name,
                        path=path,
                        model=self.model,
                    )
                )
            model = self.env[field.comodel_name] if field.relational else None

    @api.model
    def _split(self, names):
        """Give the names of a text that are separated by commas."""
        return [name.strip() for name in (names or "").split(",") if name.strip()]

    def _get_records(self):
        """Give the model, empty; None where it isn't installed or has no rows of its own."""
        self.ensure_one()
        records = self.env.get(self.model)
        return None if records is None or records._abstract or records._transient or not records._auto else records

    def _get_domain(self):
        self.ensure_one()
        return literal_eval(self.domain) if self.domain else []
