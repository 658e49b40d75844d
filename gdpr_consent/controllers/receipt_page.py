import json

from odoo.http import Controller, request, route
from odoo.tools.mail import email_anonymize

from ..tools.consent_record import build_document, moment
from .privacy_page import HEADERS, LINK_PAGE, PrivacyPage


class ReceiptPage(PrivacyPage, Controller):
    """What a person keeps: every act, before and after, and the words (law.md R-27). Reading changes nothing."""

    @route("/gdpr/preferences/<string:token>/copy", methods=["GET"], **LINK_PAGE)
    def copy(self, token, **_params):
        """Give the person who holds the preferences link the receipt, as a page that stands by itself."""
        return self._answer_link(token, self._give_page)

    @route("/gdpr/preferences/<string:token>/copy.jsonld", methods=["GET"], **LINK_PAGE)
    def copy_for_machines(self, token, **_params):
        """Give the same for machines (law.md R-114)."""
        return self._answer_link(token, self._give_records)

    @route("/my/privacy/copy", type="http", auth="user", website=True, sitemap=False, methods=["GET"])
    def my_copy(self, **_params):
        """Give the receipt to a person who is logged in."""
        return self._answer_portal(self._give_page)

    @route("/my/privacy/copy.jsonld", type="http", auth="user", website=True, sitemap=False, methods=["GET"])
    def my_copy_for_machines(self, **_params):
        """Give the same for machines."""
        return self._answer_portal(self._give_records)

    def _answer_link(self, token, give):
        link, page = self._find_link("preferences", token)
        if page:
            return page
        self._speak(link._get_lang())
        return give(link.subject_id)

    def _answer_portal(self, give):
        subject = request.env.user.partner_id.sudo().gdpr_subject_id
        # Who has no history has nothing to keep.
        return give(subject) if subject else self._redirect("/my/privacy")

    def _give_page(self, subject):
        receipt = self._get_receipt(subject)
        company = receipt["person"].company_id or request.env.company.sudo()
        html = request.env["ir.qweb"]._render(
            "gdpr_consent.record_copy",
            {
                "lang": request.env.lang,
                "controller": self._get_controller(receipt["versions"], company),
                "consents": self._get_record(receipt["person"])["consents"],
                "moment": moment,
                "email_anonymize": email_anonymize,
                **receipt,
            },
        )
        return self._download(html.strip(), "consent-record.html")

    def _give_records(self, subject):
        receipt = self._get_receipt(subject)
        records = receipt["person"]._get_consent_records(receipt["events"])
        document = build_document(records, {"identifier": receipt["number"], "created": receipt["created_on"]})
        return make_jsonld_response(document, "consent-record.jsonld")

    def _get_receipt(self, subject):
        return subject.sudo().with_context(lang=request.env.lang)._get_receipt()

    def _get_controller(self, versions, company):
        """Give who keeps the record, as the last wording named it, else as the company is now."""
        if versions:
            return versions[-1]._get_content()["controller"]
        return {"name": company.name, "address": "", "email": company.gdpr_officer_email or company.email or ""}


def make_jsonld_response(document, name):
    """Give a JSON-LD document to keep as a file; ``name`` is ASCII."""
    return request.make_response(
        json.dumps(document, ensure_ascii=False, indent=2),
        headers=[
            *HEADERS.items(),
            ("Content-Type", "application/ld+json; charset=utf-8"),
            ("Content-Disposition", f'attachment; filename="{name}"'),
        ],
    )
