from werkzeug.exceptions import NotFound

from odoo.http import Controller, request, route

from ..tools.consent_record import build_document
from .receipt_page import make_jsonld_response


class Evidence(Controller):
    """What a privacy officer hands out of the ledger. Reading changes nothing."""

    @route("/gdpr/evidence/<int:subject_id>/consent-records.jsonld", type="http", auth="user", methods=["GET"])
    def consent_records(self, subject_id, **_params):
        """Give the consent records of a person for machines (law.md R-114)."""
        subject = request.env["gdpr.subject"].search([("id", "=", subject_id)])
        if not subject:
            raise NotFound()
        subject._check_evidence_access()
        evidence = subject._get_evidence()
        document = build_document(evidence["person"]._get_consent_records(evidence["events"]))
        return make_jsonld_response(document, f"consent-records-{evidence['person'].reference}.jsonld")
