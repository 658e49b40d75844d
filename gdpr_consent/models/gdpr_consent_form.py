import re
import uuid
from datetime import datetime

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError
from odoo.tools import is_html_empty

from ..tools import ledger


class GdprConsentForm(models.Model):
    """What we say when we ask. Publishing freezes it, one version a language."""

    _name = "gdpr.consent.form"
    _description = "Consent Form"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, help="For your own use; people see the title.")
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
    collected_through = fields.Selection(
        [
            ("email", "E-mail"),
            ("website", "Web site"),
            ("shop", "Web shop"),
            ("landing_page", "Landing page"),
            ("social", "Social network"),
            ("event", "Event"),
            ("other", "Other"),
        ],
        required=True,
        default="email",
        help="Where people meet this form. It is kept with each published version, and so with each answer.",
    )
    logo = fields.Image(max_width=512, max_height=256, help="Empty: the logo of the web site.")
    title = fields.Char(
        required=True,
        translate=True,
        help="The heading of the page.",
    )
    introduction = fields.Html(
        translate=True,
        help="The first thing the person reads: who asks, and what for.",
    )
    purpose_ids = fields.Many2many(
        "gdpr.purpose",
        string="Purposes",
        help="What the form asks for. The person agrees to each one, or refuses it, by itself.",
    )
    channel_ids = fields.Many2many(
        "gdpr.channel",
        string="Channels",
        help="The ways of contact offered on this form. None ticked: all of each purpose.",
    )
    privacy_text = fields.Html(
        translate=True,
        help="Stands above the buttons: what happens to the data, and which rights the person has.",
    )
    notice_url = fields.Char("Privacy Notice", translate=True, help="Link to the full privacy notice, e.g. /privacy.")
    accept_label = fields.Char(
        required=True,
        translate=True,
        default="Accept all",
        help="The words on the button that agrees to everything, or to what is ticked.",
    )
    save_label = fields.Char(
        required=True,
        translate=True,
        default="Save my choices",
        help="The words on the button that agrees to what is ticked, and to nothing else.",
    )
    refuse_label = fields.Char(
        required=True,
        translate=True,
        default="Refuse all",
        help="The words on the button that refuses everything. It looks like the others.",
    )
    thanks = fields.Html(
        "Thank-you Text",
        translate=True,
        help="Shown after the answer, above what is now on record.",
    )
    version_ids = fields.One2many(
        "gdpr.consent.form.version",
        "form_id",
        readonly=True,
        help="What was published, never changed afterwards. A consent points at the version the person saw.",
    )
    version_number = fields.Integer("Published Version", readonly=True, copy=False, help="0: never published.")
    material_version_number = fields.Integer(
        "Last Material Change",
        readonly=True,
        copy=False,
        help="Consents given to versions before this one are due for renewal. 0: none are.",
    )
    has_changes = fields.Boolean("Changed Since", compute="_compute_has_changes")

    def _compute_has_changes(self):
        for form in self:
            form.has_changes = form._is_changed()

    @api.constrains("purpose_ids", "company_id")
    def _check_purposes(self):
        for form in self:
            for purpose in form.with_context(active_test=False).purpose_ids:
                if purpose.company_id and purpose.company_id != form.company_id:
                    raise ValidationError(
                        self.env._("A purpose of another company can't be on the form “%(form)s”.", form=form.name)
                    )
                if purpose.legal_basis != "consent":
                    raise ValidationError(
                        self.env._(
                            "“%(purpose)s” isn't based on consent, so nobody can be asked to agree to it on the form"
                            " “%(form)s”: it would be no free choice. Take it off the form.",
                            purpose=purpose.name,
                            form=form.name,
                        )
                    )

    @api.constrains("active")
    def _check_campaigns(self):
        self.env["gdpr.consent.campaign"]._check_still_fits([("form_id", "in", self.ids)])

    @api.constrains("notice_url")
    def _check_notice_url(self):
        for form in self.filtered("notice_url"):
            if not re.fullmatch(r"(https?://[^\s/]+|/(?!/))\S*", form.notice_url):
                raise ValidationError(
                    self.env._(
                        "“%(address)s” is no link to a privacy notice. It begins with https://, or with / for a page of"
                        " the web site.",
                        address=form.notice_url,
                    )
                )

    @api.constrains("website_id", "company_id")
    def _check_website(self):
        for form in self.filtered("website_id"):
            if form.sudo().website_id.company_id != form.company_id:
                raise ValidationError(
                    self.env._("The web site of another company can't be that of the form “%(form)s”.", form=form.name)
                )

    def write(self, vals):
        result = super().write(vals)
        if "logo" in vals:
            self.env.registry.clear_cache()
        return result

    @tools.ormcache("self.id")
    def _has_logo(self):
        """Tell whether the form has a logo of its own. Every page asks; to look is a search among all files."""
        self.ensure_one()
        return bool(self.sudo().logo)

    def action_publish(self, material=False):
        """Freeze the present text in every language in use, and put it in force at once.

        A form whose text is in force already keeps its version.

        :param bool material: what people agree to has changed: the consents given to earlier versions are due
            for renewal (law.md R-16); else it is a rewording, and they stay valid
        :raise ValidationError: something a person must be told is missing; the message names all of it
            (law.md R-05)
        """
        self.check_access("write")
        for form in self:
            form._check_publishable()
            if form._is_changed():
                form._publish(material)

    def action_review_publication(self):
        """Open what publishing would change.

        :raise ValidationError: something a person must be told is missing (law.md R-05)
        """
        self.ensure_one()
        self._check_publishable()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Publish “%(form)s”", form=self.name),
            "res_model": "gdpr.consent.form.publication",
            "view_mode": "form",
            "target": "new",
            "context": {"default_form_id": self.id},
        }

    def action_preview(self):
        """Open the page as a person would see it, from the present text."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": f"/gdpr/preview/{self.id}", "target": "new"}

    # ------------------------------------------------------------
    # PUBLISHING
    # ------------------------------------------------------------

    def _is_changed(self):
        """Tell whether the present text isn't the one in force, in any language in use."""
        self.ensure_one()
        published = {version.lang: version.sha256 for version in self._get_current_versions()}
        return any(published.get(lang) != ledger.sha256(self._get_frozen_text(lang)) for lang in self._get_languages())

    def _check_publishable(self):
        self.ensure_one()
        missing = self._get_missing()
        if missing:
            raise ValidationError(
                self.env._(
                    "The form “%(form)s” can't be published yet. It needs:\n%(missing)s",
                    form=self.name,
                    missing="\n".join(f"• {what}" for what in missing),
                )
            )

    def _get_missing(self):
        """Give what a person must be told and isn't yet (law.md R-05), in words."""
        missing = []
        if is_html_empty(self.introduction):
            missing.append(self.env._("an introduction"))
        if not self.purpose_ids:
            missing.append(self.env._("at least one purpose"))
        if is_html_empty(self.privacy_text) and not self.notice_url:
            missing.append(self.env._("a privacy text or a link to the privacy notice"))
        for purpose in self.purpose_ids:
            missing += [f"“{purpose.name}”: {what}" for what in purpose._get_missing()]
            if purpose.channel_ids and not self._get_offered_channels(purpose):
                missing.append(
                    self.env._("“%(purpose)s”: one of its channels, for the form offers none", purpose=purpose.name)
                )
        return missing

    def _lacks_contact(self):
        """Tell whether the form names the controller without a way to reach it (article 13(1)(a))."""
        self.ensure_one()
        return not self._describe_address() and not self._get_contact_email()

    def _publish(self, material=False):
        """Freeze the present text.

        Whoever publishes at the same moment is refused by the database, and Odoo tries again.
        """
        self.ensure_one()
        # Nobody has agreed to anything before the first version.
        material = material and self.version_number > 0
        number = self.version_number + 1
        self.write({"version_number": number} | ({"material_version_number": number} if material else {}))
        self.env["gdpr.consent.form.version"].sudo().create(
            [{**self._prepare_version_values(lang), "is_material": material} for lang in self._get_languages()]
        )
        self.invalidate_recordset(["has_changes"])
        if material:
            consents = self.env["gdpr.consent"].sudo()
            self._record_renewals_due(
                consents.search_fetch(
                    self._get_earlier_consents_domain(number), ["subject_id", "purpose_id"], order="id"
                )
            )

    def _prepare_version_values(self, lang):
        content = self._get_frozen_text(lang)
        return {
            "form_id": self.id,
            "number": self.version_number,
            "lang": lang,
            "content": content,
            "sha256": ledger.sha256(content),
        }

    def _get_earlier_consents_domain(self, number):
        """Give the domain of the consents given to wordings of this form before a version, and not yet due."""
        return [
            ("state", "=", "given"),
            ("renewal_due", "=", False),
            ("event_id.version_id", "any", [("form_id", "=", self.id), ("number", "<", number)]),
        ]

    def _record_renewals_due(self, consents, actor="operator"):
        """Note that these consents, given to earlier wordings of the form, must be asked for anew (law.md R-16).

        All of them in one act.

        :param gdpr.consent consents: what people gave
        :param str actor: whoever published, or ``system`` for what came in meanwhile
        """
        self.ensure_one()
        version = self._get_version()
        mark = uuid.uuid4().hex
        acts = [
            {
                "subject_id": consent.subject_id.id,
                "action": "renewal_due",
                "act": mark,
                "actor": actor,
                "purpose_id": consent.purpose_id.id,
                "version_id": version.id,
                "company_id": self.company_id.id,
            }
            for consent in consents
        ]
        if acts:
            self.env["gdpr.subject"]._record_acts(acts)

    # ------------------------------------------------------------
    # VERSIONS
    # ------------------------------------------------------------

    def _get_languages(self):
        return [code for code, _name in self.env["res.lang"].get_installed()]

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
        versions = self._get_versions(number or self.version_number)
        wanted = lang or self.company_id.sudo().partner_id.lang or "en_US"
        return (
            versions.filtered(lambda version: version.lang == wanted)
            or versions.filtered(lambda version: version.lang.split("_")[0] == wanted.split("_")[0])
            or versions.filtered(lambda version: version.lang == "en_US")
            or versions
        )[:1]

    def _get_versions(self, number):
        """Give the wording of one version in all its languages; the texts of the others aren't read."""
        self.ensure_one()
        return self.env["gdpr.consent.form.version"].sudo().browse(self._get_version_ids(number))

    @tools.ormcache("self.id", "number")
    def _get_version_ids(self, number):
        versions = self.env["gdpr.consent.form.version"].sudo()
        return versions.search([("form_id", "=", self.id), ("number", "=", number)])._ids

    @tools.ormcache("self.id")
    def _get_publications(self):
        """Give the number of each version and from when its words can have been told (UTC), the newest first."""
        versions = self.env["gdpr.consent.form.version"].sudo()
        groups = versions._read_group(
            [("form_id", "=", self.id)], ["number", "is_reconstructed"], ["published_on:min"], order="number DESC"
        )
        # Words used elsewhere are older than their publication here.
        return tuple(
            (number, datetime.min if is_reconstructed else published_on)
            for number, is_reconstructed, published_on in groups
        )

    def _get_number_at(self, moment):
        """Give the number of the version in force at a moment (UTC); 0 when none was published by then."""
        self.ensure_one()
        return next((number for number, published_on in self._get_publications() if published_on <= moment), 0)

    def _get_number_to_show(self, sent_number):
        """Give the number of the version that a link shows: the one it was sent with, or the newest where what
        people agree to has changed since (law.md R-16)."""
        self.ensure_one()
        return sent_number if sent_number >= self.sudo().material_version_number else self.sudo().version_number

    def _get_shown_version(self, version_id, sent_number):
        """Give the wording that a page says it showed, provided that the link may have shown it.

        :param str version_id: as the page sent it
        :param int sent_number: number of the version the link was sent with
        :return: the version; empty when it is of another form, or was never to be seen behind this link
        """
        self.ensure_one()
        for version in self._get_versions(sent_number):
            if str(version.id) == version_id:
                return version
        shown = self._find_version(version_id)
        changes = self.sudo().version_ids.filtered(lambda version: version.is_material and sent_number < version.number)
        return shown if any(change.number <= shown.number for change in changes) else shown.browse()

    def _find_version(self, version_id):
        """Give the version of this form that a page names (text); empty when it is none."""
        return self.sudo().version_ids.filtered(lambda version: str(version.id) == version_id)

    @api.model
    def _get_default(self, company):
        """Give the first published form of a company; empty when there is none."""
        return self.sudo().search([("company_id", "=", company.id), ("version_number", ">", 0)], limit=1)
