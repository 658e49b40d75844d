from odoo import api, fields, models
from odoo.exceptions import ValidationError


class GdprConsentEntry(models.TransientModel):
    """Record a consent given on the phone, in a meeting or on paper (law.md R-19)."""

    _name = "gdpr.consent.entry"
    _inherit = ["gdpr.card.wizard"]
    _description = "Record a Consent"

    form_id = fields.Many2one(
        "gdpr.consent.form",
        string="Wording Read Out",
        required=True,
        domain="[('version_number', '>', 0)]",
        default=lambda self: self._default_form_id(),
        help="The form whose words you read out. What it says today, or said on that day, is kept with the consent.",
    )
    available_purpose_ids = fields.Many2many("gdpr.purpose", compute="_compute_wording")
    available_channel_ids = fields.Many2many("gdpr.channel", compute="_compute_wording")
    wording = fields.Html(
        compute="_compute_wording",
        sanitize=False,
        help="The words to read out. They are kept as what the person agreed to.",
    )
    needs_words = fields.Boolean(compute="_compute_wording")
    words = fields.Text("Words Used", help="What the person was told, as exactly as you know it.")
    purpose_ids = fields.Many2many(
        "gdpr.purpose",
        string="Purposes",
        help="What the person agreed to, one by one. What you leave out stays as it was.",
    )
    channel_ids = fields.Many2many(
        "gdpr.channel",
        string="Channels",
        help="How the person wants to be contacted for it.",
    )
    source = fields.Selection(
        [("phone", "On the phone"), ("meeting", "In a meeting"), ("paper", "On paper")],
        string="How",
        required=True,
        default="phone",
        help="How the person told you. It stands in the history and in the evidence.",
    )
    given_on = fields.Datetime(
        "When",
        required=True,
        default=fields.Datetime.now,
        help="When the person said it, not when you record it. The consent lapses counted from here.",
    )
    evidence = fields.Text(help="What proves it: who heard it, which call, which minutes.")
    evidence_file = fields.Binary(
        "Scan",
        help="The signed paper, scanned. It is kept with the history and nobody can exchange it.",
    )
    evidence_file_name = fields.Char()
    note = fields.Text("Note From the Person", help="The person's own words.")
    must_confirm = fields.Boolean(compute="_compute_must_confirm")

    @api.model
    def _default_form_id(self):
        cards = self.env["gdpr.subject.mixin"]._get_cards(
            self.env.context.get("default_res_model"), self.env.context.get("default_res_ids") or []
        )
        company = cards[:1]._gdpr_get_company() if cards else self.env.company
        return self.env["gdpr.consent.form"]._get_default(company)

    @api.depends("form_id", "given_on", "res_model", "res_ids")
    def _compute_wording(self):
        for entry in self:
            cards = entry._get_cards()
            version, number = None, 0
            if entry.form_id and cards:
                number = entry.form_id._get_number_at(entry.given_on or fields.Datetime.now())
                version = entry.form_id._get_version(cards[:1]._gdpr_get_lang(), number)
            entry.needs_words = bool(version) and not number
            purposes = version._get_purposes() if version else self.env["gdpr.purpose"]
            entry.available_purpose_ids = purposes
            entry.available_channel_ids = purposes.channel_ids
            entry.wording = version.preview if version and number else False

    @api.depends("purpose_ids", "source", "res_model", "res_ids")
    def _compute_must_confirm(self):
        for entry in self:
            cards = entry._get_cards()
            entry.must_confirm = bool(cards and cards._gdpr_filter_to_confirm(entry.purpose_ids, entry.source))

    def action_record(self):
        """Record the consent and close."""
        self.ensure_one()
        cards = self._get_cards()
        if self.source == "paper" and not self.evidence_file:
            raise ValidationError(self.env._("Add the scan of the signed paper."))
        evidence = [self.evidence or ""]
        if self.evidence_file:
            evidence.append(
                self.env["ir.attachment"].create(
                    {
                        "name": self.evidence_file_name or self.env._("Signed consent"),
                        "datas": self.evidence_file,
                        "res_model": cards._name,
                        "res_id": cards[:1].id,
                    }
                )
            )
        cards.gdpr_record_consent(
            self.purpose_ids,
            self.channel_ids,
            self.source,
            note=self.note,
            evidence=evidence,
            given_on=self.given_on,
            form=self.form_id,
            words=self.words if self.needs_words else None,
        )
        return {"type": "ir.actions.act_window_close"}
