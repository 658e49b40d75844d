from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import is_html_empty

from ..tools import ledger


class GdprConsentForm(models.Model):
    """What we say when we ask. Publishing freezes it, one version a language."""

    _name = "gdpr.consent.form"
    _description = "Consent Form"
    _order = "sequence, id"

    name = fields.Char(required=True, help="For your own use; people see the title.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        string="Controller",
        required=True,
        default=lambda self: self.env.company,
        help="The company that asks: the form names it.",
    )
    website_id = fields.Many2one(
        "website",
        string="Web Site",
        ondelete="restrict",
        help="The page wears this web site's look and address. Empty: the web site of the controller.",
    )
    logo = fields.Image(max_width=512, max_height=256, help="Empty: the logo of the company.")
    title = fields.Char(required=True, translate=True)
    introduction = fields.Html(translate=True)
    purpose_ids = fields.Many2many("gdpr.purpose", string="Purposes")
    channel_ids = fields.Many2many(
        "gdpr.channel", string="Channels", help="The ways of contact offered on this form. Empty: all of each purpose."
    )
    privacy_text = fields.Html(translate=True)
    notice_url = fields.Char("Privacy Notice", translate=True, help="Link to the full privacy notice, e.g. /privacy.")
    accept_label = fields.Char(required=True, translate=True, default="Accept all")
    save_label = fields.Char(required=True, translate=True, default="Save my choices")
    refuse_label = fields.Char(required=True, translate=True, default="Refuse all")
    thanks = fields.Html("Thank-you Text", translate=True)
    version_ids = fields.One2many("gdpr.consent.form.version", "form_id", readonly=True)
    version_number = fields.Integer("Published Version", readonly=True, copy=False, help="0: never published.")
    has_changes = fields.Boolean("Changed Since", compute="_compute_has_changes")

    def _compute_has_changes(self):
        for form in self:
            published = {version.lang: version.sha256 for version in form._get_current_versions()}
            form.has_changes = any(
                published.get(lang) != ledger.sha256(form._get_frozen_text(lang)) for lang in form._get_languages()
            )

    @api.constrains("purpose_ids")
    def _check_purposes(self):
        for form in self:
            if form.purpose_ids.company_id - form.company_id:
                raise ValidationError(
                    self.env._("A purpose of another company can't be on the form “%(form)s”.", form=form.name)
                )

    def action_publish(self):
        """Freeze the present text in every language in use.

        :raise UserError: something a person must be told is missing (law.md R-05)
        """
        for form in self:
            form._check_publishable()
            form.version_number += 1
            self.env["gdpr.consent.form.version"].sudo().create(
                [form._prepare_version_values(lang) for lang in form._get_languages()]
            )

    def action_preview(self):
        """Open the page as a person would see it, from the present text."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": f"/gdpr/preview/{self.id}", "target": "new"}

    def _check_publishable(self):
        self.ensure_one()
        missing = []
        if not self.purpose_ids:
            missing.append(self.env._("at least one purpose"))
        if is_html_empty(self.introduction):
            missing.append(self.env._("an introduction"))
        if is_html_empty(self.privacy_text) and not self.notice_url:
            missing.append(self.env._("a privacy text or a link to the privacy notice"))
        if self.purpose_ids.filtered(lambda purpose: not purpose.description):
            missing.append(self.env._("a description of each purpose"))
        if missing:
            raise UserError(
                self.env._(
                    "The form “%(form)s” can't be published yet. It needs %(missing)s.",
                    form=self.name,
                    missing=", ".join(missing),
                )
            )

    def _get_languages(self):
        return [code for code, _name in self.env["res.lang"].get_installed()]

    def _prepare_version_values(self, lang):
        content = self._get_frozen_text(lang)
        return {
            "form_id": self.id,
            "number": self.version_number,
            "lang": lang,
            "content": content,
            "sha256": ledger.sha256(content),
        }

    def _get_frozen_text(self, lang):
        """Give all that a person reads on the form, as canonical JSON."""
        self.ensure_one()
        form = self.with_context(lang=lang)
        controller = form.company_id.sudo()
        return ledger.canonical(
            {
                "title": form.title,
                "introduction": form.introduction or "",
                "purposes": [
                    {
                        "id": purpose.id,
                        "code": purpose.code,
                        "name": purpose.name,
                        "description": purpose.description or "",
                        "validity": form.env._(
                            "Valid for %(months)s months, or until you take it back.", months=purpose.validity_months
                        )
                        if purpose.validity_months
                        else form.env._("Valid until you take it back."),
                        "channels": [{"code": channel.code, "name": channel.name} for channel in purpose.channel_ids],
                    }
                    for purpose in form.purpose_ids
                ],
                "privacy_text": form.privacy_text or "",
                "notice_url": form.notice_url or "",
                "withdrawal": form.env._(
                    "You can change your mind at any time, as easily as you answer now. What was done"
                    " before you take your consent back stays lawful. Refusing has no disadvantage for you."
                ),
                "texts": {
                    "agree": form.env._("I agree:"),
                    "contact": form.env._("How may we contact you?"),
                    "buttons": form.env._(
                        "“%(accept)s” without a tick agrees to everything above; with ticks, to what you ticked."
                        " “%(save)s” agrees to what you ticked. “%(refuse)s” agrees to nothing.",
                        accept=form.accept_label,
                        save=form.save_label,
                        refuse=form.refuse_label,
                    ),
                },
                "labels": {
                    "accept": form.accept_label,
                    "save": form.save_label,
                    "refuse": form.refuse_label,
                },
                "thanks": form.thanks or "",
                "controller": {
                    "name": controller.name,
                    "address": ", ".join(
                        filter(
                            None,
                            [
                                controller.street,
                                " ".join(filter(None, [controller.zip, controller.city])),
                                controller.country_id.name,
                            ],
                        )
                    ),
                    "email": controller.gdpr_officer_email or controller.email or "",
                    "officer": controller.gdpr_officer_name or "",
                },
            }
        ).decode()

    def _get_current_versions(self):
        self.ensure_one()
        return self.version_ids.filtered(lambda version: version.number == self.version_number)

    def _get_version(self, lang=None, number=None):
        """Give the frozen wording to show.

        :param str lang: language code wanted; without it, or where the form wasn't published in it, the
            nearest there is
        :param int number: version wanted, default the one in force
        :return: the version, empty when the form was never published
        """
        self.ensure_one()
        versions = self.sudo().version_ids.filtered(lambda version: version.number == (number or self.version_number))
        wanted = lang or self.company_id.sudo().partner_id.lang or "en_US"
        return (
            versions.filtered(lambda version: version.lang == wanted)
            or versions.filtered(lambda version: version.lang.split("_")[0] == wanted.split("_")[0])
            or versions.filtered(lambda version: version.lang == "en_US")
            or versions
        )[:1]

    @api.model
    def _get_default(self, company):
        """Give the first published form of a company; empty when there is none."""
        return self.sudo().search([("company_id", "=", company.id), ("version_number", ">", 0)], limit=1)
