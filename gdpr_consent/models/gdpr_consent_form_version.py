import json

from markupsafe import Markup

from odoo import api, fields, models, tools
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..tools.immutability import forbid_changes

# Sanitised by the fields of the form they come from.
MARKUP = ("introduction", "privacy_text", "thanks")


def read_content(text):
    """Give the dictionary that a frozen wording (canonical JSON) stands for."""
    content = {"collected_through": "email"} | json.loads(text)
    for purpose in content["purposes"]:
        # The first wordings, all for e-mail, said nothing of the data.
        purpose.setdefault("statements", [])
    return content | {name: Markup(content[name]) for name in MARKUP}


class GdprConsentFormVersion(models.Model):
    """The words of a form as people saw them, in one language: frozen."""

    _name = "gdpr.consent.form.version"
    _description = "Published Wording"
    _order = "form_id, number DESC, lang"
    _log_access = False

    form_id = fields.Many2one(
        "gdpr.consent.form",
        required=True,
        index=True,
        ondelete="restrict",
        help="The form that was published in these words.",
    )
    number = fields.Integer(
        "Version",
        required=True,
        help="Counts up with every publication. All languages of a publication have the same number.",
    )
    lang = fields.Char("Language Code", required=True)
    language = fields.Char(compute="_compute_language", help="The language of these words.")
    content = fields.Text(required=True, help="All that the person reads, as canonical JSON.")
    sha256 = fields.Char(
        "SHA-256",
        required=True,
        help="The hash of the frozen words. Verification computes it anew, so a change of a single letter shows.",
    )
    is_material = fields.Boolean(
        "Material Change",
        help="What the person agrees to has changed: consents given to earlier versions are due for renewal.",
    )
    is_reconstructed = fields.Boolean(
        "Used Elsewhere",
        help="What is known of words that people were told outside Odoo, or before they were published here.",
    )
    published_on = fields.Datetime(
        required=True, default=fields.Datetime.now, help="When people began to be asked in these words."
    )
    published_by_id = fields.Many2one(
        "res.users",
        required=True,
        default=lambda self: self.env.user,
        ondelete="restrict",
        help="Who published these words.",
    )
    collected_through = fields.Selection(
        lambda self: self.env["gdpr.consent.form"]._fields["collected_through"].selection,
        compute="_compute_collected_through",
        help="The page where the form was filled in, of a form that isn't sent by this system.",
    )
    preview = fields.Html(compute="_compute_preview", sanitize=False, help="What the person sees.")

    _form_number_lang_uniq = models.Constraint("UNIQUE(form_id, number, lang)", "A version has one text per language.")

    def init(self):
        forbid_changes(self.env.cr, self._table, "UPDATE OR DELETE")

    def _compute_display_name(self):
        for version in self:
            version.display_name = self.env._(
                "%(form)s, version %(number)s (%(lang)s)",
                form=version.form_id.name,
                number=version.number,
                lang=version.lang,
            )

    @api.depends("lang")
    def _compute_language(self):
        languages = self.env["res.lang"].sudo().with_context(active_test=False)
        names = {language.code: language.name for language in languages.search([("code", "in", self.mapped("lang"))])}
        for version in self:
            version.language = names.get(version.lang, version.lang)

    @api.depends("content")
    def _compute_collected_through(self):
        for version in self:
            version.collected_through = version._get_content()["collected_through"]

    def _compute_preview(self):
        for version in self:
            version.preview = self.env["ir.qweb"]._render(
                "gdpr_consent.wording", {"content": version._get_content()}, raise_if_not_found=False
            )

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        raise UserError(self.env._("A published wording can't be changed. Publish a new version."))

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("A published wording can't be removed: it is part of the proof."))

    def _get_content(self):
        """Give what the person reads, as a dictionary; the texts with markup are safe to render."""
        self.ensure_one()
        return read_content(self.content)

    def _get_purposes(self):
        """Give the purposes asked for, in the order shown."""
        ids = [purpose_id for version in self for purpose_id in version._get_purpose_ids()]
        return self.env["gdpr.purpose"].sudo().browse(dict.fromkeys(ids))

    @tools.ormcache("self.id")
    def _get_purpose_ids(self):
        """Give the ids of the purposes asked for that are still there: every answer asks for them, time and again."""
        ids = [purpose["id"] for purpose in self._get_content()["purposes"]]
        return tuple(self.env["gdpr.purpose"].sudo().browse(ids).exists().ids)

    def _find_wording_faults(self):
        """Give a sentence for each of these wordings, or of all, that isn't what its SHA-256 says (law.md R-23)."""
        self.env.flush_all()
        chosen = SQL("AND id IN %s", tuple(self.ids)) if self else SQL("")
        # In the database: the wordings needn't travel.
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM gdpr_consent_form_version"
                " WHERE encode(sha256(convert_to(content, 'UTF8')), 'hex') <> sha256 %s ORDER BY id",
                chosen,
            )
        )
        return [
            self.env._("The wording “%(wording)s” was altered.", wording=version.display_name)
            for version in self.sudo().browse(row[0] for row in rows)
        ]
