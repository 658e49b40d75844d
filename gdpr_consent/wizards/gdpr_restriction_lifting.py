from odoo import api, fields, models

from ..models.gdpr_lifting_notice import WAYS


class GdprRestrictionLifting(models.TransientModel):
    """Take up the processing again: the person is told first, then it resumes (article 18(3), law.md R-61)."""

    _name = "gdpr.restriction.lifting"
    _description = "Resume the Processing"

    subject_id = fields.Many2one(
        "gdpr.subject", string="Person", required=True, readonly=True, help="Whose data is only stored."
    )
    request_id = fields.Many2one(
        "gdpr.subject.request", readonly=True, help="The request that ends with it, if it was opened from one."
    )
    is_notice_needed = fields.Boolean(compute="_compute_notice")
    notice_id = fields.Many2one("gdpr.lifting.notice", compute="_compute_notice")
    notice_state = fields.Selection(related="notice_id.state")
    told_on = fields.Datetime("Told On", related="notice_id.sent_on")
    failure_reason = fields.Text(related="notice_id.failure_reason")
    liftable_from = fields.Datetime(
        "Can Resume From",
        compute="_compute_notice",
        help="Before that the processing stays suspended, so that the person can object.",
    )
    is_liftable = fields.Boolean(compute="_compute_notice")
    way = fields.Selection(
        WAYS,
        string="Tell the Person",
        required=True,
        default="email",
        help="The person must be told before the processing resumes (article 18(3)).",
    )
    email = fields.Char(
        "E-mail",
        compute="_compute_email",
        store=True,
        readonly=False,
        help="Where the notice is sent.",
    )
    reason = fields.Text(
        "Why It Resumes", compute="_compute_reason", store=True, readonly=False, help="The person reads it."
    )
    told_on_day = fields.Date(
        "When",
        default=fields.Date.context_today,
        help="When the person was told.",
    )
    statement = fields.Text("Proof", help="Which letter, who spoke to the person.")

    @api.depends("subject_id", "request_id")
    def _compute_notice(self):
        now = fields.Datetime.now()
        for wizard in self:
            person = wizard.subject_id.root_id
            others = person._get_suspending_requests() - wizard.request_id
            notice = self.env["gdpr.lifting.notice"]._find_current(person)
            wizard.notice_id = notice
            wizard.liftable_from = notice._get_liftable_from() if notice else False
            # While another request suspends the processing, nothing resumes.
            wizard.is_notice_needed = not (wizard.request_id and others)
            wizard.is_liftable = not wizard.is_notice_needed or bool(
                wizard.liftable_from and wizard.liftable_from <= now
            )

    @api.depends("subject_id", "request_id")
    def _compute_email(self):
        for wizard in self:
            card = wizard.subject_id._get_main_cards().get(wizard.subject_id.id)
            known = card._gdpr_get_email() if card is not None else False
            wizard.email = wizard.request_id.email or known

    @api.depends("request_id")
    def _compute_reason(self):
        for wizard in self:
            wizard.reason = wizard.request_id.compelling_grounds

    def action_tell(self):
        """Send the notice, or record how the person was told, and show how it stands."""
        self.ensure_one()
        self.check_access("write")
        self.subject_id._tell_lifting(
            self.way,
            self.reason,
            request=self.request_id,
            email=self.email,
            told_on=self.told_on_day,
            statement=self.statement,
        )
        return self.subject_id._open_lifting(self.request_id)

    def action_lift(self):
        """Take up the processing again, and close.

        :raise UserError: the person wasn't told yet
        """
        self.ensure_one()
        self.check_access("write")
        (self.request_id or self.subject_id)._lift_restriction()
        return {"type": "ir.actions.act_window_close"}
