from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools.misc import split_every

from .gdpr_subject_request import OPEN_STATES

BATCH = 500
# What can tell who asked. What stays: the type, the dates, the outcome and its ground.
PERSONAL = (
    "subject_id",
    "email",
    "note",
    "applicant_name",
    "representative_name",
    "mandate_file",
    "mandate_file_name",
    "identity_method",
    "identity_email",
    "resolution",
    "extension_note",
    "refusal_explanation",
    "refusal_evidence",
    "compelling_grounds",
)


class GdprSubjectRequest(models.Model):
    """The register of requests is kept as long as it may have to be shown, and then without the people (R-70)."""

    _inherit = "gdpr.subject.request"

    reduced_on = fields.Datetime(
        readonly=True, copy=False, help="Since then the register doesn't tell any more who asked."
    )

    @api.model
    def _cron_reduce(self, limit=BATCH):
        """Reduce the closed requests whose term is over to the type, the dates and the outcome (law.md R-70).

        :param int limit: number of requests a batch
        """
        job = self.env["ir.cron"]
        companies = self.env["res.company"].sudo().search([("gdpr_request_retention_months", ">", 0)])
        found = self.sudo().browse()
        for months, alike in companies.grouped("gdpr_request_retention_months").items():
            found |= self.sudo().search(
                [
                    ("company_id", "in", alike.ids),
                    ("state", "not in", OPEN_STATES),
                    ("reduced_on", "=", False),
                    ("done_on", "<", fields.Datetime.now() - relativedelta(months=months)),
                ]
            )
        left = len(found)
        for batch in split_every(limit, found.ids, found.browse):
            batch.try_lock_for_update()._reduce()
            left -= len(batch)
            if not job._commit_progress(len(batch), remaining=left):
                return
        job._commit_progress(0)

    def _reduce(self):
        """Let these closed requests tell no more who asked, neither by themselves nor by what hangs on them."""
        requests = (
            self.sudo().filtered(lambda request: request.state not in OPEN_STATES).with_context(tracking_disable=True)
        )
        requests.step_ids._forget_notes()
        requests.activity_ids.unlink()
        requests.message_ids.unlink()
        attachments = self.env["ir.attachment"].sudo()
        attachments.search([("res_model", "=", self._name), ("res_id", "in", requests.ids)]).unlink()
        requests.message_unsubscribe(requests.message_partner_ids.ids)
        requests.write(dict.fromkeys(PERSONAL, False) | {"reduced_on": fields.Datetime.now()})
        for year, alike in requests.grouped(lambda request: request.received_on.year).items():
            # The number is in what the person was sent, and in the person's own history.
            alike.name = str(year)
