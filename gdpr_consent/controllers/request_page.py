from odoo.http import Controller, request, route
from odoo.tools.mail import email_normalize

from ..models.gdpr_subject_request import OPEN_STATES
from .privacy_page import LINK_PAGE
from .record_page import RecordPage
from .request_link_page import RequestLinkPage

# Sendings of the form by one address in ten minutes.
SENDINGS_ALLOWED = 10
NAME_LIMIT = 200


class RequestPage(RequestLinkPage, RecordPage, Controller):
    """Ask about the own data without a link or a login: typed on a page, confirmed from the mailbox (law.md R-48)."""

    @route("/gdpr/request", methods=["GET", "POST"], **LINK_PAGE)
    def subject_request(self, **_params):
        """Show the form, or take in what was typed. Nobody looks here whether the address is known."""
        self._speak(request.best_lang)
        if request.httprequest.method != "POST":
            return self._show_request_form()
        form = request.httprequest.form
        request_type = form.get("type")
        email = email_normalize(form.get("email") or "")
        values = {
            "missing_type": request_type not in request.env["gdpr.subject.request"]._get_types_in_words(),
            "missing_email": not email or email.startswith("@"),
        }
        if any(values.values()):
            return self._show_request_form(status=422, sent=form, **values)
        address = request.httprequest.remote_addr or ""
        if not request.env["gdpr.rate.limit"]._hit("request", address, SENDINGS_ALLOWED):
            return self._too_many()
        request.env["gdpr.subject.request.declaration"]._declare(
            request.website.company_id,
            email,
            request_type,
            lang=request.env.lang,
            note=self._read_note(),
            applicant_name=(form.get("name") or "").replace("\0", "").strip()[:NAME_LIMIT],
            is_on_behalf=bool(form.get("on_behalf")),
        )
        return self._render("gdpr_consent.request_declared", self._get_request_look())

    @route("/gdpr/request/<string:token>", methods=["GET", "POST"], **LINK_PAGE)
    def subject_request_confirmation(self, token, **_params):
        """Show what was typed for this mailbox, or confirm one of it."""
        link, page = self._find_link("request", token)
        if page:
            return page
        self._speak(link._get_lang())
        declarations = request.env["gdpr.subject.request.declaration"]._find(link.company_id, link.email)
        if not declarations:
            return self._unusable()
        if request.httprequest.method == "POST":
            chosen = request.httprequest.form.get("declaration", "")
            chosen = declarations.filtered(lambda declaration: str(declaration.id) == chosen)
            answer = request.httprequest.form.get("answer")
            if chosen and answer == "confirm":
                chosen._confirm()
            elif chosen and answer == "discard" and not chosen.request_id:
                chosen.unlink()
                declarations -= chosen
        # The language was chosen after they were found.
        declarations = declarations.with_context(lang=request.env.lang)
        return self._render(
            "gdpr_consent.request_confirmation",
            {
                "waiting": declarations.filtered(lambda declaration: not declaration.request_id),
                "confirmed": declarations.request_id,
                "open_states": OPEN_STATES,
                "words": request.env["gdpr.subject.request"]._get_types_in_words(),
                **self._get_request_look(link.company_id),
            },
        )

    @route("/gdpr/identity/<string:token>", methods=["GET", "POST"], **LINK_PAGE)
    def subject_request_identity(self, token, **_params):
        """Ask the person whether a request is the person's own, or take in that it is; once."""
        link, page = self._find_link("identity", token)
        if page:
            return page
        self._speak(link._get_lang())
        asked = link.data_request_id.with_context(lang=request.env.lang)
        # Also where somebody has begun to work on it meanwhile: whoever was asked can still say so.
        is_asked = asked.state in OPEN_STATES and asked.identity_email == link.email
        is_confirming = request.httprequest.method == "POST" and request.httprequest.form.get("answer") == "confirm"
        is_confirmed = is_asked and is_confirming
        if is_confirmed:
            asked._record_identity("mailbox", request.env._("Confirmed by the link sent to the address on record"))
        return self._render(
            "gdpr_consent.request_identity",
            {
                "asked": asked,
                "is_asked": is_asked and not is_confirmed,
                "is_confirmed": is_confirmed,
                "is_closed": asked.state not in OPEN_STATES,
                **self._get_request_look(link._get_company()),
            },
        )

    def _show_request_form(self, status=200, **values):
        return self._render(
            "gdpr_consent.request_form",
            {
                "request_types": request.env["gdpr.subject.request"]._get_types_in_words(),
                "languages": [code for code, _name in request.env["res.lang"].get_installed()],
                "sent": {},
                **self._get_request_look(),
                **values,
            },
            status=status,
        )

    def _get_request_look(self, company=None):
        """Give what the frame of a page needs: the form whose look it wears, and the controller it names."""
        company = (company or request.website.company_id).sudo()
        form = request.env["gdpr.consent.form"]._get_default(company)
        version = form._get_version(request.env.lang) if form else None
        content = version._get_content() if version else None
        return {
            "form": form,
            "content": content,
            # Without a published form the company speaks for itself.
            "controller": None if content else self._get_controller(company),
        }
