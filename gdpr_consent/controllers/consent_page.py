from odoo.http import Controller, request, route

from ..models.gdpr_consent_request import UNASKED_KINDS
from .answers import read_answer
from .confirmation_page import ConfirmationPage
from .privacy_page import LINK_PAGE


class ConsentPage(ConfirmationPage, Controller):
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
        if asking.kind == "confirmation":
            return self._show_confirmation(link)
        versions = self._get_versions_to_show(asking)
        lang = self._speak(asking.lang, versions)
        version = asking._get_version(lang)
        record = self._get_record(asking.subject_id)
        asked = version._get_purposes()
        return self._render(
            "gdpr_consent.consent_page",
            {
                "before": record["given"].filtered(lambda consent: consent.purpose_id in asked),
                "content": version._get_content(),
                "version": version,
                "languages": versions.mapped("lang"),
                "form": asking.form_id,
                "email": link.email,
                "answer": answer,
                **record,
            },
            status=422 if answer else 200,
        )

    def _answer(self, link):
        asking = link.request_id
        self._speak(asking.lang)
        if asking.kind == "confirmation" and request.httprequest.form.get("answer") == "disown":
            return self._disown_confirmation(link)
        if not asking._is_answerable() and not asking._was_just_answered():
            return self._unusable()
        version = self._get_shown_version(asking)
        if asking.kind == "confirmation":
            return self._answer_confirmation(link, version) or self._thank(link)
        answer = read_answer(request.env, version._get_content(), request.httprequest.form)
        if answer.is_agreement and asking._is_answerable() and self._is_outdated(version):
            answer.problems = [self._describe_change()]
        if answer.problems:
            return self._show_form(link, answer)
        values = self._get_circumstances(asking.company_id)
        values |= {"note": answer.note, "email": link.email, "language": version.lang}
        is_late = not asking._is_answerable()
        asking._answer(version, answer.button, answer.choices, values)
        return self._thank(link, is_late=is_late and not self._is_on_record(asking.subject_id, answer.choices))

    def _is_on_record(self, subject, choices):
        """Tell whether each of these choices was agreed to."""
        given = self._get_record(subject)["given"]
        allowed = {consent.purpose_id.id: set(consent.channel_ids.mapped("code")) for consent in given}
        return all(purpose_id in allowed and set(codes) <= allowed[purpose_id] for purpose_id, codes in choices.items())

    def _thank(self, link, is_late=False):
        """Show what is now on record. Not by a redirect: a repeated POST changes nothing, and shows this again."""
        asking = link.request_id
        preferences = request.env["gdpr.link"]._issue("preferences", asking.subject_id, asking, link.email)
        record = self._get_record(asking.subject_id)
        return self._render(
            "gdpr_consent.thanks_page",
            {
                "content": asking._get_version(request.env.lang)._get_content(),
                "form": asking.form_id,
                "preferences_url": f"/gdpr/preferences/{preferences}",
                "is_late": is_late,
                **record,
                "blocked": self._find_blocked(asking, record["given"], link.email),
            },
        )

    def _find_blocked(self, asking, consents, email):
        """Give which of these consents brings no e-mail, for somebody with the address objects to marketing.

        Perhaps another record of the same person: nobody can tell, and only that person ends the objection. Such an
        address isn't asked, but whoever has it can ask for the question.
        """
        if asking.kind not in UNASKED_KINDS:
            return None
        marketing = consents.filtered(
            lambda consent: consent.purpose_id._is_marketing() and "email" in consent.channel_ids.mapped("code")
        )
        blacklist = request.env["mail.blacklist"].sudo()
        return marketing if marketing and blacklist.search_count([("email", "=", email)], limit=1) else None
