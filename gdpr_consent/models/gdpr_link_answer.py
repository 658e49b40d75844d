from odoo import api, fields, models
from odoo.tools import SQL


class GdprLink(models.Model):
    """Links in the answer to a data-subject request; they expire, and a new one supersedes the one before.

    * download: to fetch the files, a number of times (law.md R-49);
    * rectification: to propose what is right instead of what is on record.
    """

    _inherit = "gdpr.link"

    kind = fields.Selection(
        selection_add=[("download", "Download"), ("rectification", "Correction")],
        ondelete={"download": "cascade", "rectification": "cascade"},
    )
    answer_id = fields.Many2one("gdpr.answer", index="btree_not_null", ondelete="cascade")
    use_count = fields.Integer("Downloads")

    @api.model
    def _issue_for_answer(self, kind, answer, email):
        """Make the link to an answer; the one before stops working.

        :return: the token; it is nowhere else
        :rtype: str
        """
        self.sudo().search([("answer_id", "=", answer.id), ("kind", "=", kind)]).unlink()
        token = self._issue(kind, answer.request_id.subject_id, None, email, answer.company_id.gdpr_download_days)
        link = self.sudo().search([("digest", "=", self._get_digest(token))])
        link.answer_id = answer
        return token

    def _get_company(self):
        self.ensure_one()
        return self.answer_id.company_id or super()._get_company()

    def _get_lang(self):
        self.ensure_one()
        return self.answer_id.lang or super()._get_lang()

    @api.private
    def _use_up(self):
        """Count a download; tell whether it was still allowed. Of two clicks at once each counts."""
        self.ensure_one()
        self.flush_recordset(["use_count"])
        counted = self.env.execute_query(
            SQL(
                "UPDATE gdpr_link SET use_count = COALESCE(use_count, 0) + 1"
                " WHERE id = %s AND COALESCE(use_count, 0) < %s RETURNING id",
                self.id,
                self._get_company().gdpr_download_limit,
            )
        )
        self.invalidate_recordset(["use_count"], flush=False)
        if counted:
            self.answer_id.download_count += 1
        return bool(counted)
