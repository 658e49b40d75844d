from datetime import timedelta

from odoo import api, fields, models


class GdprSubject(models.Model):
    """What lapses by time alone."""

    _inherit = "gdpr.subject"

    @api.model
    def _cron_life_cycle(self, limit=1000):
        """Record what lapsed: consents at their end, and the waiting for an answer. Cheap when nothing has."""
        now = fields.Datetime.now()
        lapsed = self.env["gdpr.consent"].search([("state", "=", "given"), ("expires_on", "<=", now)], limit=limit)
        acts = [
            {
                "subject_id": consent.subject_id.id,
                "action": "expired",
                "actor": "system",
                "purpose_id": consent.purpose_id.id,
            }
            for consent in lapsed
        ]
        silent = self.browse()
        for company in self.env["res.company"].search([("gdpr_waiting_days", ">", 0)]):
            silent |= self.search(
                [
                    ("consent_state", "=", "waiting"),
                    ("request_ids", "any", [("company_id", "=", company.id), ("sent_on", "!=", False)]),
                    ("requested_on", "<=", now - timedelta(days=company.gdpr_waiting_days)),
                ],
                limit=limit,
            )
        acts += [{"subject_id": subject.id, "action": "no_response", "actor": "system"} for subject in silent]
        if acts:
            self._record_acts(acts)
        self._close_lapsed_requests(now, limit)
        self.env["gdpr.consent.form"]._record_late_renewals(now)
        # A full batch means that there may be more: the scheduler calls again.
        self.env["ir.cron"]._commit_progress(len(acts), remaining=max(len(lapsed), len(silent)) // limit)

    @api.model
    def _close_lapsed_requests(self, now, limit):
        links = self.env["gdpr.link"].search(
            [("kind", "=", "grant"), ("expires_on", "<=", now), ("request_id.state", "=", "sent")], limit=limit
        )
        links.request_id.write({"state": "expired"})
