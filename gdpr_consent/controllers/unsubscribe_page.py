from odoo.http import Controller, request, route

from .privacy_page import LINK_PAGE, PrivacyPage


class UnsubscribePage(PrivacyPage, Controller):
    """The page behind the link in the header of a marketing message (RFC 8058, law.md R-77 to R-84)."""

    @route("/gdpr/unsubscribe/<string:token>", methods=["GET"], **LINK_PAGE)
    def unsubscribe(self, token, **_params):
        """Show what the link takes back, and buttons to do so. Changes nothing: scanners open every link."""
        link, page = self._find_link("unsubscribe", token, limit_uses=False)
        return page or self._show_unsubscription(link)

    # The mail program sends this, with no cookie and no session: the token is the authority.
    @route("/gdpr/unsubscribe/<string:token>", methods=["POST"], csrf=False, save_session=False, **LINK_PAGE)
    def unsubscribe_at_once(self, token, **_params):
        """Take back what the message was sent for, or object to all marketing; the same again changes nothing."""
        request.future_response.headers.remove("Set-Cookie")
        link, page = self._find_link("unsubscribe", token, limit_uses=False)
        if page:
            return page
        self._speak(link._get_lang())
        company = link._get_company()
        act = {
            "source": "email",
            "actor": "person",
            "request_id": link.request_id.id,
            "company_id": company.id,
            "version_id": link._get_version(request.env.lang).id,
            "values": self._get_circumstances(company) | {"email": link.email},
        }
        purposes = link._get_unsubscribed_purposes()
        if request.httprequest.form.get("scope") == "all" or not purposes:
            events = link.subject_id._record_objection(**act)
        else:
            events = link.subject_id._record_withdrawal(purposes, **act)
        if events:
            link.request_id._notify_asker()
        return self._show_unsubscription(link, done=True)

    def _show_unsubscription(self, link, done=False):
        self._speak(link._get_lang())
        version = link._get_version(request.env.lang)
        person = link.subject_id.root_id
        purposes = link._get_unsubscribed_purposes().with_context(lang=request.env.lang)
        record = self._get_record(person)
        denied = record["consents"].filtered(lambda consent: consent.state in ("refused", "withdrawn")).purpose_id
        return self._render(
            "gdpr_consent.unsubscribe_page",
            {
                **record,
                "content": version._get_content() if version else None,
                "form": link._get_form(),
                "company": link._get_company(),
                "email": link.email,
                "purposes": purposes,
                # The link tells of nothing but what it is for.
                "consents": record["consents"].filtered(lambda consent: consent.purpose_id in purposes),
                "is_unsubscribed": purposes <= denied if purposes else bool(person.objected),
                "done": done,
            },
        )
