from odoo.http import request, route

from .answers import read_answer
from .privacy_page import LINK_PAGE, PrivacyPage


class ConsentPage(PrivacyPage):
    """The page behind the personal link of a consent request."""

    @route("/gdpr/consent/<string:token>", methods=["GET", "POST"], **LINK_PAGE)
    def consent(self, token, **_params):
        """Show the form, or record the answer. Only the POST changes anything (law.md R-79)."""
        link, page = self._find_link("grant", token)
        if page:
            return page
        if request.httprequest.method == "POST":
            return self._answer(link)
        if not link.request_id._is_answerable():
            return self._unusable()
        return self._show_form(link)

    def _show_form(self, link, answer=None):
        asking = link.request_id
        number = asking.form_id._get_number_to_show(asking.version_number)
        versions = asking.form_id.sudo().version_ids.filtered(lambda version: version.number == number)
        lang = self._speak(asking.lang, versions)
        version = asking._get_version(lang)
        return self._render(
            "gdpr_consent.consent_page",
            {
                "content": version._get_content(),
                "version": version,
                "languages": versions.mapped("lang"),
                "form": asking.form_id,
                "email": link.email,
                "answer": answer,
                **self._get_record(asking.subject_id),
            },
            status=422 if answer else 200,
        )

    def _answer(self, link):
        asking = link.request_id
        if not asking._is_answerable() and not asking._was_just_answered():
            return self._unusable()
        self._speak(asking.lang)
        version = self._get_shown_version(asking)
        answer = read_answer(request.env, version._get_content(), request.httprequest.form)
        if asking._is_answerable() and self._is_outdated(version, answer):
            answer.problems = [
                request.env._(
                    "What we ask for has changed since you opened this page. Please read it again and then choose."
                )
            ]
        if answer.problems:
            return self._show_form(link, answer)
        values = self._get_circumstances(asking.company_id)
        values |= {"note": answer.note, "email": link.email, "language": version.lang}
        asking._answer(version, answer.button, answer.choices, values)
        return self._thank(link)

    def _thank(self, link):
        """Show what is now on record. Not by a redirect: a repeated POST changes nothing, and shows this again."""
        asking = link.request_id
        preferences = request.env["gdpr.link"]._issue("preferences", asking.subject_id, asking, link.email)
        return self._render(
            "gdpr_consent.thanks_page",
            {
                "content": asking._get_version(request.env.lang)._get_content(),
                "form": asking.form_id,
                "preferences_url": f"/gdpr/preferences/{preferences}",
                **self._get_record(asking.subject_id),
            },
        )

    def _get_shown_version(self, asking):
        """Give the wording the person had on the screen: the form says which."""
        version_id = request.httprequest.form.get("version", "")
        shown = asking.form_id._get_shown_version(version_id, asking.version_number)
        return shown or asking._get_version(request.env.lang)

    def _is_outdated(self, version, answer):
        """Tell whether a person would agree to what is no longer asked for. A no counts whatever was asked."""
        is_agreement = answer.button != "refuse" and (answer.choices or answer.problems)
        return is_agreement and version.number < version.form_id.material_version_number
