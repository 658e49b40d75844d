from dateutil.relativedelta import relativedelta

from odoo import fields, models
from odoo.exceptions import UserError

from .gdpr_subject_request_erasure import ORDERED_STATES


class GdprSubjectRequest(models.Model):
    """From the order to erase a person to the moment it begins: meanwhile it can be held, and nobody is written to."""

    _inherit = "gdpr.subject.request"

    ordered_by_id = fields.Many2one(
        "res.users", readonly=True, copy=False, help="Who has ordered to carry the plan out."
    )
    is_order_lapsed = fields.Boolean(
        "Order Lapsed",
        readonly=True,
        copy=False,
        help="Something has changed between the order and the erasure. The person isn't written to meanwhile.",
    )
    erasure_delay_days = fields.Integer(related="company_id.gdpr_erasure_delay_days")

    def write(self, vals):
        """Let the processing go on where an erasure that was ordered isn't any more."""
        ordered = self.filtered(lambda request: request.erasure_state == "queued")
        result = super().write(vals)
        if "erasure_state" in vals and vals["erasure_state"] in (False, "planned", "approved"):
            ordered._log_step("held", vals.get("erasure_note"))
            # What came in before it could begin is looked at, and the person isn't written to meanwhile.
            is_lapsed = bool(vals.get("erasure_note"))
            ordered.sudo().write({"is_order_lapsed": is_lapsed, "ordered_by_id": False})
            if not is_lapsed:
                ordered._resume_held()
        return result

    def action_execute(self):
        """Have approved plans carried out, in the background, after the delay of the company.

        Where something came in since, the plan is made anew instead, and the user told.

        :raise UserError: not approved
        """
        for request in self:
            request._check_officer()
            if request.erasure_state == "queued":
                # Done twice, it is done once.
                continue
            if request.erasure_state != "approved":
                raise UserError(self.env._("The plan of %(number)s isn't approved.", number=request.name))
            request._check_address()
            if stale := request._plan_anew_if_changed():
                return stale
            delay = relativedelta(days=request.company_id.gdpr_erasure_delay_days)
            request.sudo().write(
                {
                    "erasure_state": "queued",
                    "erase_on": fields.Datetime.now() + delay,
                    "ordered_by_id": self.env.uid,
                    "is_order_lapsed": False,
                }
            )
            request._suspend_for_erasure()
            request._log_step("ordered")
            self.env.ref("gdpr_consent.ir_cron_erasure").sudo()._trigger(at=request.erase_on)
        return True

    def action_hold_erasure(self):
        """Take back the order to carry out a plan, while it hasn't begun. Done twice, it is done once.

        :raise UserError: it has begun
        """
        self.check_access("write")
        for request in self:
            request._check_officer()
            locked = request.sudo().try_lock_for_update()
            locked.invalidate_recordset(["erasure_state", "is_order_lapsed"])
            if locked.is_order_lapsed:
                locked.is_order_lapsed = False
                request._log_step("held")
                request._resume_held()
                continue
            if locked and locked.erasure_state == "approved":
                continue
            if locked and locked.erasure_state in (False, "planned"):
                raise UserError(self.env._("The erasure of %(number)s isn't ordered any more.", number=request.name))
            if not locked:
                raise UserError(
                    self.env._("%(number)s is being worked on at this moment. Reload the page.", number=request.name)
                )
            if locked.erasure_state != "queued":
                raise UserError(self.env._("%(number)s is being erased already.", number=request.name))
            locked.write({"erasure_state": "approved", "erase_on": False})
        return True

    def _is_erasure_ordered(self):
        """Tell whether somebody has ordered to erase, also where that couldn't begin and nobody has looked yet."""
        self.ensure_one()
        return self.erasure_state in ORDERED_STATES or self.is_order_lapsed

    def _suspend_for_erasure(self):
        """Let nobody write any more to a person who is about to be erased."""
        self.ensure_one()
        person = self.sudo().subject_id._lock_person()
        if not person.restricted:
            act = {"action": "restricted", "actor": "system", "company_id": self.company_id.id}
            person._record_acts([{**act, "subject_id": person.id, "values": {"request": self.name}}])

    def _resume_held(self):
        """Let the processing go on where only the order to erase had suspended it.

        The person hasn't obtained that, so nobody has to be told before it ends (article 18(3)).
        """
        for request in self:
            person = request.sudo().subject_id._lock_person()
            last = person.history_ids.filtered(lambda event: event.action in ("restricted", "unrestricted"))
            last = last.sorted("id")[-1:]
            is_of_order = last.actor == "system" and last._get_value("request") == request.name
            if not person.restricted or person._get_suspending_requests():
                continue
            if not is_of_order:
                # The person had obtained it, and what that was for has ended meanwhile.
                request.sudo()._call_officer(
                    self.env._("No request suspends the processing any more: resume it on the data subject.")
                )
            else:
                reason = self.env._("%(number)s: the data isn't erased for now.", number=request.name)
                act = {"action": "unrestricted", "company_id": request.company_id.id, "values": {"reason": reason}}
                actor = "system" if self.env.user._is_superuser() else "operator"
                person._record_acts([{**act, "subject_id": person.id, "actor": actor}])
