from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.misc import format_date, format_datetime

from .gdpr_subject_request import OPEN_STATES

MONTHS = 1
MONTHS_EXTENDED = 3
# As long as a row of closed days can get.
LONGEST_ROW = timedelta(days=31)
# Days before the deadline; after it there is the last one.
REMINDED_BEFORE = (10, 3)
BATCH = 1000


class GdprSubjectRequest(models.Model):
    """The clock of a request: the deadline of the law, an earlier one of the company, and who is reminded when."""

    _inherit = "gdpr.subject.request"

    due_on = fields.Date(
        "Answer By",
        compute="_compute_due_on",
        store=True,
        index=True,
        help="One month after the request was received, three when extended (article 12(3) GDPR). A day on which"
        " nobody works moves to the next working day.",
    )
    target_on = fields.Date(
        "Internal Deadline",
        compute="_compute_target_on",
        store=True,
        help="The day to be ready by, earlier than the law asks: see the settings.",
    )
    extended_on = fields.Datetime(readonly=True, copy=False)
    extension_reason = fields.Selection(
        [("complexity", "The request is complex"), ("number", "There are many requests")],
        readonly=True,
        copy=False,
        help="Why the answer may take two months more: it is complex, or there are many requests (article 12(3)).",
    )
    extension_note = fields.Text(
        "Why It Takes Longer",
        readonly=True,
        copy=False,
        help="The person reads it, and has to before the first month is over.",
    )
    reminders = fields.Integer(default=0, readonly=True, copy=False, help="How many of the reminders were given.")
    urgency = fields.Selection(
        [("overdue", "Overdue"), ("soon", "Due soon"), ("on_time", "On time")],
        compute="_compute_urgency",
        help="How the deadline stands.",
    )

    @api.depends("received_on", "company_id", "extended_on", "paused_days")
    def _compute_due_on(self):
        for company, requests in self.grouped("company_id").items():
            zone = ZoneInfo(company._gdpr_get_timezone()) if company else UTC
            days = {
                request: self._get_months_later(request.received_on, zone, request._get_months())
                + timedelta(days=request.paused_days)
                for request in requests.filtered("received_on")
            }
            closed = company._gdpr_get_closed_days(min(days.values()), max(days.values()) + LONGEST_ROW) if days else ()
            for request in requests:
                request.due_on = self._get_next_open(days[request], closed) if request in days else False

    @api.depends("due_on")
    def _compute_target_on(self):
        for request in self:
            days = request.company_id.sudo().gdpr_request_target_days
            request.target_on = request.due_on and request.due_on - timedelta(days=days)

    @api.depends("due_on", "target_on", "state", "paused_on")
    def _compute_urgency(self):
        for request in self:
            today = request.company_id._gdpr_get_today() if request.company_id else fields.Date.today()
            if request.state not in OPEN_STATES or not request.due_on:
                request.urgency = False
            elif request.paused_on:
                request.urgency = "on_time"
            elif request.due_on < today:
                request.urgency = "overdue"
            else:
                request.urgency = "soon" if request.target_on <= today else "on_time"

    def write(self, vals):
        """Let what there is to do follow the deadline, and note that it moved."""
        before = {request: request.received_on for request in self} if "received_on" in vals else {}
        result = super().write(vals)
        if "received_on" in vals:
            for request in self.filtered(lambda request: request.received_on != before[request]):
                request._log_step("dated", request._describe_receipt(before[request]))
            for due_on, requests in self.grouped("due_on").items():
                requests._get_answer_activities().date_deadline = due_on
        return result

    def _describe_receipt(self, earlier):
        self.ensure_one()
        zone = self.company_id._gdpr_get_timezone()
        return self.env._(
            "%(earlier)s → %(received)s. Answer by %(day)s.",
            earlier=format_datetime(self.env, earlier, tz=zone),
            received=format_datetime(self.env, self.received_on, tz=zone),
            day=format_date(self.env, self.due_on),
        )

    def _get_months(self):
        self.ensure_one()
        return MONTHS_EXTENDED if self.extended_on else MONTHS

    @api.model
    def _get_due_date(self, received_on, company, months=MONTHS):
        """Give the day to answer by: the same day a month later, clamped to its end (article 12(3), law.md R-42).

        Days are counted in the company's time zone. A Saturday, a Sunday or a public holiday becomes the next
        working day (regulation 1182/71).

        :param datetime received_on: UTC
        :rtype: datetime.date
        """
        day = self._get_months_later(received_on, ZoneInfo(company._gdpr_get_timezone()), months)
        return self._get_next_open(day, company._gdpr_get_closed_days(day, day + LONGEST_ROW))

    @api.model
    def _get_months_later(self, received_on, zone, months):
        # From the day of receipt, so that an extension doesn't add to a clamped day.
        return received_on.replace(tzinfo=UTC).astimezone(zone).date() + relativedelta(months=months)

    @api.model
    def _get_next_open(self, day, closed):
        while day in closed:
            day += timedelta(days=1)
        return day

    # ------------------------------------------------------------
    # EXTENSION
    # ------------------------------------------------------------

    def action_extend(self):
        """Open the form by which the person is told that it takes longer."""
        self.ensure_one()
        self._check_extendable()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Extend the deadline"),
            "res_model": "gdpr.subject.request.extension",
            "view_mode": "form",
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def _extend(self, reason, note):
        """Take two months more, once, and tell the person (article 12(3), law.md R-43).

        :param str reason: a key of ``extension_reason``
        :param str note: why, in words the person reads
        :raise UserError: without words, for the second time, or when the first month is over
        """
        self.ensure_one()
        self._check_extendable()
        if not (note or "").strip():
            raise UserError(self.env._("Say why it takes longer: the person must be told."))
        # The reminders begin anew.
        self.check_access("write")
        self.sudo().write(
            {
                "extended_on": fields.Datetime.now(),
                "extension_reason": reason,
                "extension_note": note.strip(),
                "reminders": 0,
            }
        )
        reasons = dict(self._fields["extension_reason"]._description_selection(self.env))
        self._log_step("extended", f"{reasons[reason]}: {note.strip()}")
        self._get_answer_activities().date_deadline = self.due_on
        self._write_to_person("gdpr_consent.mail_template_subject_request_extended")

    def _check_extendable(self):
        self.ensure_one()
        self._check_is_open()
        if self.extended_on:
            raise UserError(self.env._("The deadline of %(number)s was extended already.", number=self.name))
        if self.company_id._gdpr_get_today() > self.due_on and not self.paused_on:
            raise UserError(
                self.env._(
                    "It is too late to extend: the person had to be told within the first month (article 12(3) GDPR)."
                )
            )

    # ------------------------------------------------------------
    # REMINDERS
    # ------------------------------------------------------------

    def _get_answer_activities(self):
        """Give the open activities that say by when to answer."""
        todo = self.env.ref("mail.mail_activity_data_todo")
        return self.activity_ids.filtered(lambda activity: activity.automated and activity.activity_type_id == todo)

    def _schedule_answer(self):
        for request in self.filtered("user_id"):
            # In the officer's language, not in that of whoever asks.
            request = request.with_context(lang=request.user_id.lang)
            summary = request.env._("Answer %(number)s", number=request.name)
            request._schedule_for(
                request.user_id, "mail.mail_activity_data_todo", summary, date_deadline=request.due_on
            )

    def _hand_over_activities(self, before):
        """Give the open activities of these requests to who is responsible now.

        :param dict before: who was responsible, by request
        """
        for request in self.filtered("user_id"):
            activities = request._get_answer_activities()
            activities.filtered(
                lambda activity, request=request: activity.user_id == before[request]
            ).user_id = request.user_id
        without = self.filtered(lambda request: request.user_id and not request._get_answer_activities())
        without.filtered(lambda request: request.state in OPEN_STATES)._schedule_answer()

    @api.model
    def _cron_remind(self, limit=BATCH):
        """Remind whoever is responsible ten and three days before the deadline, and when it is over: each once.

        A reminder that was missed isn't made up for by two at once: the latest one counts.

        :param int limit: number of requests a batch
        """
        job = self.env["ir.cron"]
        for stage in range(len(REMINDED_BEFORE) + 1, 0, -1):
            while requests := self._find_to_remind(stage, limit):
                requests._remind(stage)
                left = len(requests) == limit
                if not job._commit_progress(len(requests), remaining=int(left)):
                    return
                if not left:
                    break
        job._commit_progress(0)

    @api.model
    def _find_to_remind(self, stage, limit):
        """Give the open requests that are due a reminder and didn't have it, locked."""
        opened = Domain("state", "in", OPEN_STATES) & Domain("paused_on", "=", False) & Domain("reminders", "<", stage)
        companies = self.env["res.company"].union(
            *(company for (company,) in self.sudo()._read_group(opened, ["company_id"]))
        )
        if not companies:
            return self.browse()
        # A day is over when it is where the company is.
        due = Domain.OR(
            Domain("company_id", "in", alike.ids)
            & (
                Domain("due_on", "<=", today + timedelta(days=REMINDED_BEFORE[stage - 1]))
                if stage <= len(REMINDED_BEFORE)
                else Domain("due_on", "<", today)
            )
            for today, alike in companies.grouped(lambda company: company._gdpr_get_today()).items()
        )
        found = self.sudo().search(due & opened, limit=limit, order="due_on, id")
        return found.try_lock_for_update()

    def _remind(self, stage):
        """Give whoever is responsible an activity for today, for all in one go."""
        type_id = self.env.ref("mail.mail_activity_data_todo").id
        model_id = self.env["ir.model"]._get_id(self._name)
        officers = {company: self._get_default_responsible(company) for company in self.company_id}
        vals_list = []
        for request in self:
            user = request.user_id or officers[request.company_id]
            if not user:
                continue
            speaking = self.with_context(lang=user.lang).env
            summaries = {
                1: speaking._("Ten days left to answer"),
                2: speaking._("Three days left to answer"),
                3: speaking._("Overdue: the time to answer is over"),
            }
            vals_list.append(
                {
                    "activity_type_id": type_id,
                    "automated": True,
                    "date_deadline": request.company_id._gdpr_get_today(),
                    "res_model_id": model_id,
                    "res_id": request.id,
                    "summary": summaries[stage],
                    "user_id": user.id,
                }
            )
        # By activities in the officer's own list, without a message for each.
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(vals_list)
        self.reminders = stage
