from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from odoo import fields, models
from odoo.tools.misc import format_date


class GdprSubjectRequest(models.Model):
    """The clock stands still while the person is asked who asks, if that was asked without undue delay (law.md R-47).

    Only where the company chose so: otherwise it runs from receipt, whatever is asked.
    """

    _inherit = "gdpr.subject.request"

    paused_on = fields.Datetime(
        "Clock Paused Since",
        readonly=True,
        copy=False,
        help="The clock stands still from then on, until the person has confirmed who asks.",
    )
    paused_days = fields.Integer(
        "Days Paused",
        readonly=True,
        copy=False,
        help="How long the clock has stood still: the deadline is later by it.",
    )

    def _pause(self):
        """Let the clock stand still where that may be: as long as it is unknown who asks."""
        self.ensure_one()
        longest = self.company_id.sudo().gdpr_request_pause_days
        if self.paused_on or not longest:
            return
        if self._get_day(fields.Datetime.now()) - self._get_day(self.received_on) <= timedelta(days=longest):
            self.sudo().paused_on = fields.Datetime.now()
            self._log_step("paused")

    def _resume(self):
        """Let the clocks that stand still go on."""
        for request in self.filtered("paused_on"):
            days = (request._get_day(fields.Datetime.now()) - request._get_day(request.paused_on)).days
            request.sudo().write({"paused_on": False, "paused_days": request.paused_days + days})
            request._get_answer_activities().date_deadline = request.due_on
            day = format_date(self.env, request.due_on)
            request._log_step("resumed", self.env._("%(days)s days. Answer by %(day)s.", days=days, day=day))

    def _get_day(self, moment):
        """Give the day it is where the company is, at a point of time (UTC)."""
        zone = ZoneInfo(self.company_id._gdpr_get_timezone())
        return moment.replace(tzinfo=UTC).astimezone(zone).date()
