from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..tools.immutability import forbid_changes


class GdprSubjectRequestStep(models.Model):
    """The log of a data-subject request: each step with its date and who took it.

    Written by ``gdpr.subject.request._log_step`` alone. Nobody changes it; when the register is reduced its notes go.
    """

    _name = "gdpr.subject.request.step"
    _description = "Step of a Data-Subject Request"
    _order = "occurred_on, id"
    _rec_name = "action"
    _log_access = False

    request_id = fields.Many2one("gdpr.subject.request", required=True, index=True, ondelete="cascade")
    occurred_on = fields.Datetime("When", required=True, default=fields.Datetime.now, help="When it was done.")
    user_id = fields.Many2one(
        "res.users", string="Operator", ondelete="restrict", help="Empty: the person, or the system by itself."
    )
    action = fields.Selection(
        [
            ("received", "Received"),
            ("dated", "Date of receipt"),
            ("typed", "Kind of request"),
            ("repeated", "Asked again"),
            ("attached", "Scan attached"),
            ("readdressed", "Address of the answer changed"),
            ("confirmed", "Confirmed from the mailbox"),
            ("acknowledged", "Acknowledged"),
            ("assigned", "Assigned"),
            ("started", "Started"),
            ("identified", "Person identified"),
            ("identity_asked", "Identity asked for"),
            ("identity_checked", "Identity checked"),
            ("paused", "Clock paused"),
            ("resumed", "Clock resumed"),
            ("extended", "Deadline extended"),
            ("refusal_proposed", "Refusal proposed"),
            ("refusal_dropped", "Refusal not agreed to"),
            ("refused", "Refused"),
            ("reviewed", "Answer reviewed"),
            ("prepared", "Answer prepared"),
            ("dispatched", "Answer given to be sent"),
            ("sent", "Answer sent"),
            ("downloaded", "Answer downloaded"),
            ("applied", "Corrections applied"),
            ("gaps_accepted", "Undeclared data left out"),
            ("planned", "Erasure planned"),
            ("plan_corrected", "Plan corrected"),
            ("approved", "Approved"),
            ("ordered", "Erasure ordered"),
            ("held", "Erasure held back"),
            ("begun", "Erasure begun"),
            ("blocked", "Erasure stopped"),
            ("executed", "Erasure carried out"),
            ("keeping_ended", "Erased when its time was over"),
            ("restricted", "Processing suspended"),
            ("lifted", "Processing resumed"),
            ("told_recipients", "Recipients told"),
            ("untold_recipients", "Recipients that couldn't be told"),
            ("reopened", "Reopened"),
            ("joined", "Joined with another request"),
            ("fulfilled", "Fulfilled"),
            ("cancelled", "Cancelled"),
        ],
        string="Step",
        required=True,
        help="What was done.",
    )
    note = fields.Text(help="What the step alone doesn't say. Removed when the register is reduced.")

    def init(self):
        forbid_changes(self.env.cr, self._table, "UPDATE OF request_id, occurred_on, user_id, action")

    def write(self, vals):
        raise AccessError(self.env._("The log of a request can't be changed."))

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise AccessError(self.env._("The log of a request can't be changed."))

    def _forget_notes(self):
        """Remove the notes, which may name the person, and keep the steps (law.md R-70)."""
        self.flush_recordset()
        self.env.cr.execute("UPDATE gdpr_subject_request_step SET note = NULL WHERE id = ANY(%s)", [self.ids])
        self.invalidate_recordset(["note"], flush=False)
