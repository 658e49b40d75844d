from odoo import models


class GdprSubjectMixin(models.AbstractModel):
    """The proof, from the card."""

    _inherit = "gdpr.subject.mixin"

    def action_gdpr_evidence(self):
        """Download the evidence pack of this card's person as PDF."""
        return self.gdpr_subject_id.action_evidence_pdf()
