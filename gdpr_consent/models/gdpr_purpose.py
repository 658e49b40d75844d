from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

LEGAL_BASES = [
    ("consent", "Consent"),
    ("contract", "Contract"),
    ("legal_obligation", "Legal obligation"),
    ("vital_interests", "Vital interests"),
    ("public_interest", "Public interest"),
    ("legitimate_interests", "Legitimate interests"),
]


# The terms of the W3C Data Privacy Vocabulary 2.3 for what a company may do with data, most used first.
DPV_PURPOSES = [
    ("DirectMarketing", "Direct marketing"),
    ("Marketing", "Marketing"),
    ("TargetedAdvertising", "Targeted advertising"),
    ("Personalisation", "Personalisation"),
    ("ServiceProvision", "Provision of a service"),
    ("CustomerManagement", "Customer management"),
    ("FulfilmentOfContractualObligation", "Fulfilment of a contract"),
    ("LegalCompliance", "Legal compliance"),
    ("SellDataToThirdParties", "Disclosure to third parties"),
    ("Purpose", "Another purpose"),
]


class GdprPurpose(models.Model):
    """Why the company uses personal data: one purpose, one choice (law.md R-01)."""

    _name = "gdpr.purpose"
    _description = "Purpose of Processing"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, help="The person reads it next to the choice.")
    code = fields.Char(required=True, help="Technical name, used by forms, imports and the API.")
    description = fields.Text(
        translate=True,
        help="What the person reads next to the choice: what you will do, in plain words.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    legal_basis = fields.Selection(
        LEGAL_BASES,
        required=True,
        default="consent",
        help="What allows the use of the data. Only a purpose based on consent can be asked for on a consent form.",
    )
    has_events = fields.Boolean("Answered", compute="_compute_has_events", help="People have answered about it.")
    channel_ids = fields.Many2many(
        "gdpr.channel", string="Channels", help="The ways of contact the person can choose among."
    )
    validity_months = fields.Integer(
        default=24, help="How long a consent stays valid, in months. 0: until it is withdrawn."
    )
    retention_months = fields.Integer(
        "Data Kept For",
        default=24,
        help="How long the data itself is kept for this purpose, in months; the validity of the consent is another"
        " matter. 0: no end.",
    )
    retention_reason = fields.Text(
        translate=True, help="Why so long. Needed for marketing beyond 24 months, or without an end (law.md R-35)."
    )
    message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        required=True,
        default="marketing",
        help="Marketing stops at an objection; a service message (about an order, a contract) does not.",
    )
    data_category_ids = fields.Many2many(
        "gdpr.data.category",
        string="Data Used",
        default=lambda self: self.env["gdpr.data.category"].search([], limit=2),
        help="The kinds of data used. The person reads them.",
    )
    recipient_ids = fields.Many2many(
        "res.partner",
        string="Recipients",
        help="Who receives the data, by name. The person reads the names (article 13(1)(e)).",
    )
    recipient_categories = fields.Char(
        "Kinds of Recipients", translate=True, help="Where they can't be named: e.g. companies of our group."
    )
    processor_ids = fields.Many2many(
        "res.partner",
        "gdpr_purpose_processor_rel",
        string="Processors",
        help="Who handles the data for you, on your instructions (article 28): a mailing service, a call centre.",
    )
    automated_decisions = fields.Text(
        translate=True,
        help="Decisions made by a computer alone, how they work and what follows (article 22). Empty: there are none.",
    )
    transfers = fields.Text(
        "Transfers Abroad",
        translate=True,
        help="The countries outside the European Economic Area the data goes to, as a sentence. Empty: none.",
    )
    transfer_safeguards = fields.Text(
        "Protection Abroad",
        translate=True,
        help="What protects the data there, as a sentence: a decision of the European Commission, standard"
        " contractual clauses, … (article 13(1)(f)).",
    )
    dpv_purpose = fields.Selection(
        DPV_PURPOSES,
        string="Standard Term",
        required=True,
        default="DirectMarketing",
        help="What the purpose is called in the machine-readable proof (W3C Data Privacy Vocabulary).",
    )
    company_id = fields.Many2one("res.company", string="Controller", help="Empty: shared by all companies.")

    _code_company_uniq = models.UniqueIndex("(code, COALESCE(company_id, 0))", "Two purposes can't have the same code.")
    _code_format = models.Constraint(
        "CHECK (code ~ '^[a-z0-9_]+$')",
        "The code of a purpose is made of lower-case letters, digits and underscores.",
    )
    _validity_positive = models.Constraint(
        "CHECK (validity_months >= 0)", "The validity of a consent can't be negative."
    )
    _retention_positive = models.Constraint("CHECK (retention_months >= 0)", "Data can't be kept for a negative time.")

    def _compute_has_events(self):
        for purpose in self:
            purpose.has_events = purpose._is_answered()

    @api.constrains("legal_basis", "company_id")
    def _check_forms(self):
        forms = self.env["gdpr.consent.form"].sudo().with_context(active_test=False)
        forms.search([("purpose_ids", "in", self.ids)])._check_purposes()

    @api.constrains("message_class", "retention_months", "retention_reason")
    def _check_retention(self):
        for purpose in self:
            is_long = not purpose.retention_months or purpose.retention_months > 24
            if purpose.message_class == "marketing" and is_long and not (purpose.retention_reason or "").strip():
                raise ValidationError(
                    self.env._(
                        "“%(purpose)s”: keeping data for marketing beyond 24 months, or without an end, needs a"
                        " written reason.",
                        purpose=purpose.name,
                    )
                )

    def write(self, vals):
        """Refuse to swap the legal basis, the code or the message class once people have answered (law.md R-15)."""
        frozen = {
            field
            for field in ("legal_basis", "code", "message_class")
            if field in vals and any(purpose[field] != vals[field] for purpose in self)
        }
        if frozen and any(purpose._is_answered() for purpose in self):
            raise UserError(
                self.env._(
                    "People have already answered about this purpose, so its code, legal basis and"
                    " message class are part of the proof. Archive it and create a new purpose instead."
                )
            )
        return super().write(vals)

    def unlink(self):
        result = super().unlink()
        # Wordings know which of their purposes are still there.
        self.env.registry.clear_cache()
        return result

    def _get_expiry(self, given_on):
        """Give when a consent given at a time (UTC) lapses, or None when it doesn't."""
        self.ensure_one()
        return given_on + relativedelta(months=self.validity_months) if self.validity_months else None

    def _is_marketing(self):
        """Tell whether messages for this purpose stop at an objection; so do those for none."""
        return self.message_class != "service"

    @api.model
    def _get_marketing_domain(self):
        """Give the domain of what marketing of the present company can be for."""
        return Domain("message_class", "=", "marketing") & Domain("company_id", "in", [False, self.env.company.id])

    @api.model
    def _get_default_marketing(self):
        """Give the purpose of marketing that nobody chose one for: the shipped one, or the first."""
        purposes = self.search(self._get_marketing_domain())
        shipped = self.env.ref("gdpr_consent.purpose_marketing", raise_if_not_found=False)
        return (purposes & shipped if shipped else purposes) or purposes[:1]

    def _is_answered(self):
        """Tell whether anything about the purpose is in the ledger: stops at the first event."""
        self.ensure_one()
        return bool(self.env["gdpr.consent.event"].sudo().search_count([("purpose_id", "in", self.ids)], limit=1))

    def _get_statements(self):
        """Give what a person is told of the data, in the language of the context (law.md R-05, R-34, R-35).

        :return: sentences, each with what it is about
        :rtype: list[dict[str, str]]
        """
        self.ensure_one()
        recipients = [*self.recipient_ids.sudo().mapped("name"), self.recipient_categories]
        recipients = ", ".join(filter(None, recipients))
        processors = ", ".join(self.processor_ids.sudo().mapped("name"))
        data = ", ".join(self.data_category_ids.mapped("name"))
        sentences = {
            "data": data and self.env._("We use: %(data)s.", data=data),
            "recipients": recipients and self.env._("Received by: %(recipients)s.", recipients=recipients),
            "processors": processors and self.env._("Handled for us by: %(processors)s.", processors=processors),
            "retention": self._get_retention_sentence(),
            "automated_decisions": self.automated_decisions
            or self.env._("No decision about you is made by a computer alone."),
            "transfers": " ".join(filter(None, [self.transfers, self.transfers and self.transfer_safeguards]))
            or self.env._("The data stays in the European Economic Area."),
        }
        return [{"about": about, "text": text} for about, text in sentences.items() if text]

    def _get_retention_sentence(self):
        if not self.retention_months:
            sentence = self.env._("The data is kept without an end date.")
        else:
            sentence = self.env._("The data is kept for %(months)s months.", months=self.retention_months)
        return f"{sentence} {self.retention_reason}" if self.retention_reason else sentence

    def _get_missing(self):
        """Give what must still be said before anybody is asked (law.md R-05, R-34), in words."""
        self.ensure_one()
        is_disclosure = self.dpv_purpose == "SellDataToThirdParties"
        missing = {
            self.env._("a description"): not (self.description or "").strip(),
            self.env._("the data used"): not self.data_category_ids,
            self.env._("the recipients, by name or kind"): is_disclosure
            and not (self.recipient_ids or self.recipient_categories),
            self.env._("what protects the data abroad"): self.transfers and not self.transfer_safeguards,
        }
        return [what for what, is_missing in missing.items() if is_missing]

    def _get_by_codes(self, codes):
        """Give the purposes that bear the codes, of the present company or shared."""
        return self.search([("code", "in", list(codes)), ("company_id", "in", [False, self.env.company.id])])
