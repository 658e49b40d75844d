from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.public_holidays import get_public_holidays

SATURDAY = 5
# A longer closure of the company is no public holiday, and gives no more time to answer.
LONGEST_HOLIDAY = timedelta(days=4)
# Where the company's country has none here, the person finds it among all of them.
AUTHORITIES = {"IT": ("Garante per la protezione dei dati personali", "https://www.garanteprivacy.it")}
ALL_AUTHORITIES = "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en"


class ResCompany(models.Model):
    """How a company answers data-subject requests."""

    _inherit = "res.company"

    gdpr_request_target_days = fields.Integer(
        "Internal Deadline (Days Before)", default=7, help="How long before the deadline of the law to be ready."
    )
    gdpr_request_pause_days = fields.Integer(
        "Pause While Identity Is Checked (Days)",
        help="The time to answer stands still while the person is asked who asks, if that is done within so many days"
        " of receipt: the law allows it only without undue delay. 0: it never does.",
    )
    gdpr_request_retention_months = fields.Integer(
        "Keep Closed Requests (Months)",
        default=60,
        help="Afterwards only what was asked, when, and the outcome is kept of a request. 0: kept as it is.",
    )
    gdpr_authority_name = fields.Char("Supervisory Authority")
    gdpr_authority_url = fields.Char("Web Site of the Supervisory Authority")
    gdpr_request_alias_id = fields.Many2one(
        "mail.alias", string="Address for Requests", readonly=True, copy=False, ondelete="set null"
    )

    _gdpr_request_periods_positive = models.Constraint(
        "CHECK (gdpr_request_target_days BETWEEN 0 AND 27 AND gdpr_request_retention_months >= 0)",
        "The internal deadline must be less than four weeks before that of the law, and periods can't be negative.",
    )

    _gdpr_request_pause_short = models.Constraint(
        "CHECK (gdpr_request_pause_days BETWEEN 0 AND 7)",
        "Who asks must be asked within a week of receipt: later it would be undue delay.",
    )

    @api.constrains("gdpr_authority_url")
    def _check_gdpr_authority_url(self):
        for company in self.filtered("gdpr_authority_url"):
            if not company.gdpr_authority_url.startswith(("https://", "http://")):
                raise ValidationError(self.env._("The address of a web site begins with https://."))

    def _gdpr_get_authority(self):
        """Give where people can complain (article 77): the name and the web site; the name may be empty."""
        self.ensure_one()
        company = self.sudo()
        name, url = AUTHORITIES.get(company.country_id.code, ("", ALL_AUTHORITIES))
        if company.gdpr_authority_name:
            return company.gdpr_authority_name, company.gdpr_authority_url or ""
        return name, company.gdpr_authority_url or url

    def _gdpr_get_today(self):
        """Give the day it is in the company's time zone."""
        self.ensure_one()
        now = fields.Datetime.now().replace(tzinfo=UTC)
        return now.astimezone(ZoneInfo(self._gdpr_get_timezone())).date()

    def _gdpr_get_closed_days(self, first, last):
        """Give the days between two, both included, on which no deadline ends (regulation 1182/71).

        Saturdays, Sundays and public holidays: those of the country that are known, and those of the company's
        working schedule.

        :rtype: set[datetime.date]
        """
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        closed = {day for day in days if day.weekday() >= SATURDAY}
        for year in {day.year for day in days}:
            closed |= get_public_holidays(self.sudo().country_id.code, year)
        return closed | self._gdpr_get_scheduled_holidays(first, last)

    def _gdpr_get_scheduled_holidays(self, first, last):
        zone = ZoneInfo(self._gdpr_get_timezone())
        begin, end = (
            datetime.combine(day, moment, zone).astimezone(UTC).replace(tzinfo=None)
            for day, moment in ((first, time.min), (last, time.max))
        )
        holidays = self.env["resource.calendar.leaves"].sudo()
        found = holidays.search_fetch(
            [
                ("resource_id", "=", False),
                ("time_type", "=", "leave"),
                ("company_id", "in", (self.id, False)),
                ("calendar_id", "in", (self.sudo().resource_calendar_id.id, False)),
                ("date_from", "<=", end),
                ("date_to", ">=", begin),
            ],
            ["date_from", "date_to"],
        )
        days = set()
        for holiday in found.filtered(lambda holiday: holiday.date_to - holiday.date_from <= LONGEST_HOLIDAY):
            start, stop = (
                moment.replace(tzinfo=UTC).astimezone(zone) for moment in (holiday.date_from, holiday.date_to)
            )
            day = start.date()
            while day <= stop.date():
                # A morning off isn't a holiday.
                if start <= datetime.combine(day, time(9), zone) and stop >= datetime.combine(day, time(17), zone):
                    days.add(day)
                day += timedelta(days=1)
        return days

    def _gdpr_get_request_address(self):
        """Give the address to which people send requests, empty where there is none."""
        self.ensure_one()
        return self.sudo().gdpr_request_alias_id.alias_full_name or ""

    def _gdpr_prepare_reply_to(self):
        """Give the values of a mail that let replies come to the address for requests, where there is one."""
        address = self._gdpr_get_request_address()
        return {"reply_to": address} if address else {}

    def _gdpr_set_request_alias(self, alias_name, domain):
        """Let e-mails to an address become requests; without a name, no longer.

        :param str alias_name: what comes before the @
        :param mail.alias.domain domain: what comes after it
        """
        self.ensure_one()
        alias = self.sudo().gdpr_request_alias_id
        if not alias_name:
            alias.unlink()
            return
        values = {
            "alias_name": alias_name,
            "alias_domain_id": domain.id,
            "alias_contact": "everyone",
            "alias_defaults": repr({"company_id": self.id}),
            "alias_model_id": self.env["ir.model"]._get_id("gdpr.subject.request"),
        }
        if alias:
            alias.write(values)
        else:
            self.sudo().gdpr_request_alias_id = alias.create(values)
