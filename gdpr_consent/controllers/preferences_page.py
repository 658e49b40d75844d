from odoo.http import Controller, request, route

from .privacy_page import LINK_PAGE
from .record_page import RecordPage


class PreferencesPage(RecordPage, Controller):
    """The page behind the preferences link: see, take back and make a request, never grant."""

    @route("/gdpr/preferences/<string:token>", methods=["GET", "POST"], **LINK_PAGE)
    def preferences(self, token, **_params):
        """Show what is on record, or record what the person takes back or asks for."""
        link, page = self._find_link("preferences", token)
        if page:
            return page
        self._speak(link._get_lang())
        if request.httprequest.method != "POST":
            return self._show_preferences(link)
        answer = request.httprequest.form.get("answer")
        if answer == "fresh_link":
            return self._send_fresh_link(link)
        if answer == "request":
            return self._receive_by_link(link)
        return self._take_back_by_link(link)

    def _show_preferences(self, link, status=200, **values):
        version = link._get_version(request.env.lang)
        person = link.subject_id.root_id
        return self._render(
            "gdpr_consent.preferences_page",
            {
                "content": version._get_content() if version else None,
                "form": link._get_form(),
                "email": link.email,
                "awaited": person.consent_state in ("waiting", "no_response"),
                "can_be_asked": self._can_be_asked(link, person),
                "copy_url": f"{request.httprequest.path}/copy" if link.request_id else None,
                **self._get_record(person),
                **self._get_rights(person),
                **values,
            },
            status=status,
        )

    def _can_be_asked(self, link, person):
        """Tell whether a new form can be sent. Not whether the address is still the one on record: that is secret."""
        if not (link.email and request.env["gdpr.scope"]._is_enabled()):
            return False
        return person.legal_basis == "consent" and not person.restricted and bool(person._get_all_cards())

    def _take_back_by_link(self, link):
        company = link._get_company()
        outcome, events = self._record_change(
            link.subject_id,
            # A form without a named button takes back.
            request.httprequest.form.get("answer", "withdraw"),
            {
                "source": "email",
                "actor": "person",
                "version_id": link._get_version(request.env.lang).id,
                "company_id": company.id,
                "values": self._get_circumstances(company) | {"email": link.email},
            },
        )
        if events:
            link.request_id._notify_asker()
        return self._show_preferences(link, outcome=outcome)

    def _send_fresh_link(self, link):
        """Mail a new form to the person. The page doesn't tell whether a message left: the link may be passed on."""
        if self._can_be_asked(link, link.subject_id.root_id):
            link.request_id._send_fresh_link(link.subject_id, link.email)
        return self._show_preferences(link, outcome="fresh_link")

    def _receive_by_link(self, link):
        """Receive a data-subject request; the answer goes to the address the link was delivered to."""
        request_type, missing = self._read_subject_request()
        note = self._read_note()
        if missing == "type":
            return self._show_preferences(link, status=422, missing_type=True, request_note=note)
        if missing == "retracted":
            return self._show_preferences(link, chosen=request_type, request_note=note)
        if missing:
            return self._show_preferences(link, to_confirm=request_type, request_note=note)
        received = request.env["gdpr.subject.request"]._receive(
            link.subject_id,
            request_type,
            company_id=link._get_company().id,
            source="email",
            email=link.email,
            lang=request.env.lang,
            note=note,
        )
        return self._show_preferences(link, outcome="requested", received=received.with_context(lang=request.env.lang))
