from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.gdpr_consent_form_version import read_content
from ..tools import ledger
from ..tools.comparison import compare_words, read_words


class GdprConsentFormPublication(models.TransientModel):
    """Look at what publishing a form would change, say whether it is material, and publish (law.md R-16)."""

    _name = "gdpr.consent.form.publication"
    _description = "Publish a Consent Form"

    form_id = fields.Many2one("gdpr.consent.form", required=True, readonly=True, ondelete="cascade")
    number = fields.Integer(
        compute="_compute_number",
        help="The number that this wording gets. Earlier ones stay, with the consents given to them.",
    )
    consent_count = fields.Integer(
        compute="_compute_number",
        help="Consents given to earlier versions that a material change makes due for renewal.",
    )
    lacks_contact = fields.Boolean(compute="_compute_number")
    has_changes = fields.Boolean(related="form_id.has_changes")
    comparison = fields.Html(
        "What Changes", compute="_compute_comparison", sanitize=False, help="The published wording next to the new one."
    )
    shown_sha256 = fields.Char(help="Of all that was looked at here, so that nothing else is published.")
    material = fields.Boolean(
        "Material Change",
        help="What was agreed to before doesn't cover the new words: people are asked anew, and"
        " open links show the new version.",
    )

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        form = self.env["gdpr.consent.form"].browse(values.get("form_id"))
        if form:
            values["shown_sha256"] = self._get_digest(form)
        return values

    @api.depends("form_id")
    def _compute_number(self):
        for publication in self:
            form = publication.form_id
            publication.number = form.version_number + 1
            publication.lacks_contact = form._lacks_contact()
            consents = self.env["gdpr.consent"].sudo()
            publication.consent_count = consents.search_count(form._get_earlier_consents_domain(publication.number))

    @api.depends("form_id")
    def _compute_comparison(self):
        for publication in self:
            publication.comparison = self.env["ir.qweb"]._render(
                "gdpr_consent.publication_comparison", {"languages": publication._compare()}
            )

    def action_publish(self):
        """Publish what was shown.

        :raise UserError: nothing changed, or the text was changed since it was shown
        """
        self.ensure_one()
        form = self.form_id
        if not form._is_changed():
            raise UserError(
                self.env._("Nothing has changed since version %(number)s was published.", number=form.version_number)
            )
        if self.shown_sha256 != self._get_digest(form):
            raise UserError(
                self.env._("The text was changed while you looked at it. Close this window and look at it again.")
            )
        form.action_publish(material=self.material)
        return {"type": "ir.actions.act_window_close"}

    @api.model
    def _get_digest(self, form):
        return ledger.sha256("\n".join(form._get_frozen_text(lang) for lang in form._get_languages()))

    def _compare(self):
        """Give, for each language in use, what its text changes.

        :return: dictionaries with ``name``, ``is_new`` (never published in it), ``changes`` (pairs of a label and
            the text with marks) and ``untranslated`` (labels)
        """
        self.ensure_one()
        form = self.form_id
        published = {version.lang: version for version in form._get_current_versions()}
        languages = []
        for code, name in self.env["res.lang"].get_installed():
            old = published.get(code)
            changes = []
            if old:
                new_texts = self._list_texts(read_content(form._get_frozen_text(code)))
                changes = self._compare_texts(self._list_texts(old._get_content()), new_texts)
            languages.append(
                {
                    "name": name.split("/")[-1].strip(),
                    "is_new": not old,
                    "changes": changes,
                    "untranslated": form._get_untranslated(code),
                }
            )
        return languages

    def _compare_texts(self, old_texts, new_texts):
        changes = []
        for key in dict.fromkeys([*new_texts, *old_texts]):
            label, new = new_texts.get(key, (None, ""))
            label, old = (label or old_texts[key][0], old_texts.get(key, (None, ""))[1])
            if new == old:
                continue
            old_words, new_words = read_words(old), read_words(new)
            if old_words == new_words:
                changes.append((label, self.env._("The layout changes, the words stay.")))
            else:
                changes.append((label, compare_words(old_words, new_words)))
        return changes

    def _list_texts(self, content):
        """Give what a person reads, piece by piece: label and text by a key that is the same in all versions."""
        controller = content["controller"]
        places = dict(self.form_id._fields["collected_through"]._description_selection(self.env))
        texts = {
            "title": (self.env._("Title"), content["title"]),
            "introduction": (self.env._("Introduction"), content["introduction"]),
        }
        for purpose in content["purposes"]:
            name = f"“{purpose['name']}”"
            statements = " ".join(statement["text"] for statement in purpose["statements"])
            channels = ", ".join(channel["name"] for channel in purpose["channels"])
            pieces = {
                "name": (self.env._("Purpose"), purpose["name"]),
                "description": (self.env._("%(purpose)s: description", purpose=name), purpose["description"]),
                "statements": (self.env._("%(purpose)s: use of the data", purpose=name), statements),
                "validity": (self.env._("%(purpose)s: validity", purpose=name), purpose["validity"]),
                "channels": (self.env._("%(purpose)s: channels", purpose=name), channels),
            }
            texts |= {(purpose["id"], key): piece for key, piece in pieces.items()}
        texts |= {
            "privacy_text": (self.env._("Privacy text"), content["privacy_text"]),
            "notice_url": (self.env._("Privacy notice"), content["notice_url"]),
            "withdrawal": (self.env._("Right to withdraw"), content["withdrawal"]),
            "accept": (self.env._("First button"), content["labels"]["accept"]),
            "save": (self.env._("Second button"), content["labels"]["save"]),
            "refuse": (self.env._("Third button"), content["labels"]["refuse"]),
            "thanks": (self.env._("Thank-you text"), content["thanks"]),
            "collected_through": (self.env._("Collected through"), places[content["collected_through"]]),
            "controller": (
                self.env._("Controller"),
                ", ".join(filter(None, [controller[key] for key in ("name", "address", "officer", "email")])),
            ),
        }
        # The rest is said by the add-on, and follows from the above or from its translation.
        return texts | {key: (self.env._("Text of the page"), text) for key, text in content["texts"].items()}
