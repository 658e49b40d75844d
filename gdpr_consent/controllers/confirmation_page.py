from odoo.http import request

from .privacy_page import PrivacyPage


class ConfirmationPage(PrivacyPage):
    """What the personal link shows when somebody else may have typed the choices (law.md R-10)."""

    def _show_confirmation(self, link, problem=None):
        asking = link.request_id
        versions = self._get_versions_to_show(asking)
        lang = self._speak(asking.lang, versions)
        version = asking._get_version(lang)
        declared = asking._get_declared(version)
        record = self._get_record(asking.subject_id)
        declared_ids = {purpose["id"] for purpose in declared}
        return self._render(
            "gdpr_consent.confirmation_page",
            {
                "content": version._get_content(),
                "version": version,
                "languages": versions.mapped("lang"),
                "form": asking.form_id,
                "email": link.email,
                "declared": declared,
                "note": asking.declared_note,
                "earlier": record["given"].filtered(lambda consent: consent.purpose_id.id in declared_ids),
                "problem": problem,
                **record,
            },
            status=422 if problem else 200,
        )

    def _answer_confirmation(self, link, version):
        """Record the answer; give the page to show instead of the thanks where there is none."""
        asking = link.request_id
        answer = request.httprequest.form.get("answer")
        if answer not in ("confirm", "refuse"):
            return self._show_confirmation(link, request.env._("Please choose one of the buttons."))
        if answer == "confirm" and asking._is_answerable() and self._is_outdated(version):
            return self._show_confirmation(link, self._describe_change())
        values = self._get_circumstances(asking.company_id)
        values |= {"email": link.email, "language": version.lang}
        choices = {}
        if answer == "confirm":
            choices = asking._get_declared_choices()
            values["note"] = asking.declared_note or ""
        asking._answer(version, answer, choices, values)
        return None

    def _disown_confirmation(self, link):
        """Record that the reader typed nothing; give the page that says so. A second click shows it again."""
        asking = link.request_id
        asking._disown()
        if asking.state != "expired":
            return self._unusable()
        content = asking._get_version(request.env.lang)._get_content()
        return self._render("gdpr_consent.disowned_page", {"content": content, "form": asking.form_id})
