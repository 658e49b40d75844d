from odoo import api, models

from ..tools.consent_record import moment


class GdprSubjectEvidenceReport(models.AbstractModel):
    """What the evidence pack is made of; for privacy officers alone, whatever address it is asked from."""

    _name = "report.gdpr_consent.subject_evidence"
    _description = "Evidence Pack of a Data Subject"

    @api.model
    def _get_report_values(self, docids, data=None):
        subjects = self.env["gdpr.subject"].browse(docids)
        subjects._check_evidence_access()
        return {
            "doc_ids": docids,
            "doc_model": "gdpr.subject",
            "docs": subjects,
            "packs": [subject._get_evidence() for subject in subjects],
            "moment": moment,
        }
