import json

from markupsafe import Markup

from odoo import api, models
from odoo.tools import plaintext2html

from ..tools import ledger


class GdprConsentForm(models.Model):
    """Words that people agreed to outside Odoo, or before they were published here (law.md R-19).

    A consent is recorded with words that the person can have seen. What somebody states of such words is frozen on an
    archived form of its own, which says of itself whence they are.
    """

    _inherit = "gdpr.consent.form"

    @api.model
    def _freeze_words(self, words, purposes, company):
        """Give the frozen wording that stands for words used elsewhere; the same words are kept once.

        :param str words: what the persons were told, as the user states it
        :param gdpr.purpose purposes: what they agreed to
        :param res.company company: whom they allowed it
        :rtype: gdpr.consent.form.version
        """
        lang = self.env.lang or "en_US"
        forms = self.sudo().with_company(company)
        name = self.env._("Words used elsewhere: %(words)s", words=" ".join(words.split())[:60])
        # Names the company, and no more.
        unsaved = forms.new({"name": name, "title": name, "company_id": company.id})
        content = self._prepare_words(unsaved, words, purposes, lang)
        sha256 = ledger.sha256(content)
        versions = forms.env["gdpr.consent.form.version"]
        kept = versions.search([("sha256", "=", sha256), ("is_reconstructed", "=", True)], limit=1)
        if kept:
            return kept
        form = forms.create(
            {
                "name": name,
                "title": name,
                "active": False,
                "company_id": company.id,
                "collected_through": "other",
                "purpose_ids": purposes.ids,
                "version_number": 1,
            }
        )
        return versions.create(
            {
                "form_id": form.id,
                "number": 1,
                "lang": lang,
                "content": content,
                "sha256": sha256,
                "is_reconstructed": True,
            }
        )

    @api.model
    def _prepare_words(self, form, words, purposes, lang):
        """Give the words as canonical JSON: no sentence of ours is among them but the one that says so."""
        content = json.loads(form._get_frozen_text(lang))
        note = self.env._(
            "These words weren't published here. They are what the persons were told, as somebody stated."
        )
        content |= {
            "title": self.env._("Words used elsewhere"),
            "introduction": Markup("<p><em>%s</em></p>") % note + plaintext2html(words),
            "purposes": [
                {
                    "id": purpose.id,
                    "code": purpose.code,
                    "name": purpose.with_context(lang=lang).name,
                    "description": "",
                    "statements": [],
                    "validity": "",
                    "channels": [],
                }
                for purpose in purposes.sorted("id")
            ],
            "privacy_text": "",
            "withdrawal": "",
            "thanks": "",
            "texts": dict.fromkeys(content["texts"], ""),
            "labels": dict.fromkeys(content["labels"], ""),
        }
        return ledger.canonical(content).decode()
