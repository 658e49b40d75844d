from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.misc import format_date

from .gdpr_purpose import LEGAL_BASES
from .gdpr_subject import CONSENT_STATES

WEEKS = 13
# Days: what lapses soon, sooner first.
EXPIRY_PERIODS = (30, 60, 90)
# Days until the answer is due; the officer is reminded at the first two.
DEADLINE_PERIODS = (3, 10)
FUNNEL_LENGTH = 8
NEVER = "never_looked_at"
ANSWERS = ("given", "refused", "withdrawn", "channels_withdrawn", "objected")
# The events behind each line of the trend; of answers those count that the people themselves gave.
BY_PERSON = Domain("actor", "=", "person")
SERIES = {
    "asked": Domain("action", "=", "asked"),
    "answered": Domain("action", "in", ANSWERS) & BY_PERSON,
    "given": Domain("action", "=", "given") & BY_PERSON,
    "withdrawn": Domain("action", "in", ["withdrawn", "objected"]) & BY_PERSON,
}
IS_DECIDED = Domain("gdpr_is_decided", "=", True)
STEPS = {"asked": [], "answered": [("state", "=", "answered")], "accepted": [("outcome", "=", "accepted")]}


class GdprOverview(models.AbstractModel):
    """The figures of the first screen: where a company stands with its people's data (mission S38).

    Each number comes with the domain that shows the records behind it. What the user may not see isn't counted.
    """

    _name = "gdpr.overview"
    _description = "Data Privacy Overview"

    @api.model
    def get_figures(self):
        """Give all figures of the overview, for what the user may see.

        :return: ``kinds``, ``trend``, ``funnel``, ``expiring``, ``requests``, ``verification``; the last ones empty for
            whoever isn't a privacy officer
        :rtype: dict
        :raise AccessError: the user has no role in data privacy
        """
        self.env["gdpr.subject"].check_access("read")
        is_officer = self.env.user.has_group("gdpr_consent.group_officer")
        return {
            "is_enabled": self.env["gdpr.scope"]._is_enabled(),
            "is_officer": is_officer,
            "kinds": self._get_kinds(),
            "trend": self._get_trend(),
            "expiring": self._get_expiring(),
            "funnel": self._get_funnel() if is_officer else [],
            "requests": self._get_requests() if is_officer else [],
            "verification": self._get_verification() if is_officer else {},
        }

    # ------------------------------------------------------------
    # RECORDS
    # ------------------------------------------------------------

    def _get_kinds(self):
        """Give the records of each kind that is covered: by basis, and those based on consent by state."""
        scopes = self.env["gdpr.scope"].sudo()
        kinds = []
        for scope in scopes.search([("model", "in", list(scopes._get_covered_models()))]):
            if self.env[scope.model].has_access("read"):
                for scope_id, is_on, domain in scopes._get_scope_domains(scope.model):
                    if scope_id == scope.id and is_on:
                        kinds.append(self._get_kind(scope, domain))
        return kinds

    def _get_kind(self, scope, domain):
        counts, restricted = {}, 0
        rows = self.env[scope.model]._read_group(
            domain, ["gdpr_legal_basis", "gdpr_consent_state", "gdpr_restricted"], ["__count"]
        )
        for basis, state, is_restricted, count in rows:
            if is_restricted:
                restricted += count
            key = state if basis == "consent" else basis or NEVER
            key = NEVER if key == "not_applicable" else key
            counts[key] = counts.get(key, 0) + count
        if counts.get(NEVER):
            decided = self.env[scope.model].search_count(domain & self._get_unset() & IS_DECIDED)
            counts |= {NEVER: counts[NEVER] - decided, "not_applicable": decided}
        segments = [
            {
                "key": key,
                "label": label,
                "group": group,
                "count": counts.get(key, 0),
                "domain": list(domain & condition),
            }
            for key, label, group, condition in self._get_segments()
        ]
        applicable = [segment for segment in segments if segment["group"] != "not_applicable"]
        return {
            "id": scope.id,
            "name": scope.name,
            "model": scope.model,
            "count": sum(counts.values()),
            "domain": list(domain),
            "applicable_count": sum(segment["count"] for segment in applicable),
            "segments": segments,
            "group_domains": {key: list(domain & condition) for key, condition in self._get_groups().items()},
            "restricted_count": restricted,
            "restricted_domain": list(domain & Domain("gdpr_restricted", "=", True)),
        }

    @api.model
    def _get_segments(self):
        """Give what records are told apart by: key, label, group (not_applicable, consent, basis) and condition."""
        partner = self.env["res.partner"]
        bases = dict(partner._fields["gdpr_legal_basis"]._description_selection(self.env))
        states = dict(partner._fields["gdpr_consent_state"]._description_selection(self.env))
        unset = self._get_unset()
        consent = Domain("gdpr_legal_basis", "=", "consent")
        segments = [
            (state, states[state], "consent", consent & Domain("gdpr_consent_state", "=", state))
            for state, _label in CONSENT_STATES
            if state != "not_applicable"
        ]
        segments += [
            (basis, bases[basis], "basis", Domain("gdpr_legal_basis", "=", basis))
            for basis, _label in LEGAL_BASES
            if basis != "consent"
        ]
        return [
            *segments,
            (NEVER, self.env._("Never looked at"), "not_applicable", unset & ~IS_DECIDED),
            ("not_applicable", self.env._("Decided"), "not_applicable", unset & IS_DECIDED),
        ]

    @api.model
    def _get_groups(self):
        """Give the condition of each group of segments, by its key."""
        consent = Domain("gdpr_legal_basis", "=", "consent")
        unset = self._get_unset()
        return {"consent": consent, "basis": ~consent & ~unset, "not_applicable": unset}

    @api.model
    def _get_unset(self):
        return Domain("gdpr_legal_basis", "in", ["not_applicable", False])

    # ------------------------------------------------------------
    # WHAT HAPPENED
    # ------------------------------------------------------------

    def _get_trend(self):
        """Give how many people were asked, answered, agreed and withdrew in each of the last weeks, this one last.

        Weeks begin on Monday, in the time zone of the company. Who does several acts in a week counts once, also when
        it is in histories that were joined.
        """
        timezone = ZoneInfo(self.env.company._gdpr_get_timezone())
        today = fields.Datetime.now().replace(tzinfo=UTC).astimezone(timezone).date()
        monday = today - timedelta(days=today.weekday())
        starts = [monday - timedelta(weeks=week) for week in reversed(range(WEEKS))]
        events, people = self.env["gdpr.consent.event"], self.env["gdpr.subject"]
        happened = Domain("occurred_on", ">=", self._get_midnight(starts[0], timezone))
        query = events._search(happened & Domain.OR(SERIES.values()))
        week = SQL(
            "date_trunc('week', %s AT TIME ZONE 'UTC' AT TIME ZONE %s)::date",
            SQL.identifier(events._table, "occurred_on"),
            timezone.key,
        )
        people.flush_model(["root_id"])
        history = query.join(events._table, "subject_id", people._table, "id", "gdpr_history")
        query.groupby = SQL("1")
        rows = self.env.execute_query(
            query.select(
                week,
                *(
                    SQL(
                        "count(DISTINCT %s) FILTER (WHERE %s)",
                        SQL.identifier(history, "root_id"),
                        condition.optimize_full(events)._to_sql(events, events._table, query),
                    )
                    for condition in SERIES.values()
                ),
            )
        )
        by_week = {row[0]: row[1:] for row in rows}
        labels = {
            "asked": self.env._("Asked"),
            "answered": self.env._("Answered"),
            "given": self.env._("Given"),
            "withdrawn": self.env._("Withdrawn"),
        }
        return {
            "weeks": [
                {
                    "label": format_date(self.env, start, date_format="d MMM"),
                    "start": fields.Date.to_string(start),
                }
                for start in starts
            ],
            "series": [
                {
                    "key": key,
                    "label": label,
                    "counts": [by_week.get(start, (0, 0, 0, 0))[place] for start in starts],
                    "domains": [self._get_week_domain(SERIES[key], start, timezone) for start in starts],
                }
                for place, (key, label) in enumerate(labels.items())
            ],
        }

    @api.model
    def _get_midnight(self, day, timezone):
        """Give, in UTC as the database has it, when a day begins in a time zone."""
        return datetime(day.year, day.month, day.day, tzinfo=timezone).astimezone(UTC).replace(tzinfo=None)

    @api.model
    def _get_week_domain(self, condition, start, timezone):
        """Give the domain of the people who have such events in a week."""
        begin, end = (
            fields.Datetime.to_string(self._get_midnight(day, timezone)) for day in (start, start + timedelta(days=7))
        )
        happened = condition & Domain("occurred_on", ">=", begin) & Domain("occurred_on", "<", end)
        return [("survivor_id", "=", False), ("member_ids.event_ids", "any", list(happened))]

    def _get_funnel(self):
        """Give, for the wordings asked with last, the latest first, how many were asked, answered and agreed."""
        requests = self.env["gdpr.consent.request"]
        sent = Domain("sent_on", "!=", False) & Domain("kind", "!=", "imported")
        rows = requests._read_group(sent, ["form_id", "version_number", "state", "outcome"], ["__count", "sent_on:max"])
        by_version, last_sent = {}, {}
        for form, number, state, outcome, count, sent_on in rows:
            counts = by_version.setdefault((form, number), {"asked": 0, "answered": 0, "accepted": 0})
            last_sent[form, number] = max(sent_on, last_sent.get((form, number), sent_on))
            counts["asked"] += count
            counts["answered"] += count if state == "answered" else 0
            counts["accepted"] += count if outcome == "accepted" else 0
        # The numbers of two forms say nothing of each other.
        newest = sorted(by_version, key=lambda version: (last_sent[version], version[1]), reverse=True)[:FUNNEL_LENGTH]
        labels = {
            "asked": self.env._("Asked"),
            "answered": self.env._("Answered"),
            "accepted": self.env._("Agreed"),
        }
        return [
            {
                "label": self.env._("%(form)s, version %(number)s", form=form.display_name, number=number),
                "steps": [
                    {
                        "key": key,
                        "label": label,
                        "count": by_version[form, number][key],
                        "domain": [
                            *sent,
                            ("form_id", "=", form.id),
                            ("version_number", "=", number),
                            *STEPS[key],
                        ],
                    }
                    for key, label in labels.items()
                ],
            }
            for form, number in newest
        ]

    # ------------------------------------------------------------
    # WHAT IS COMING
    # ------------------------------------------------------------

    def _get_expiring(self):
        """Give how many consents lapse within a month, two and three, if nobody renews them."""
        now = fields.Datetime.now()
        given = Domain("state", "=", "given")
        periods, before = [], 0
        for days in EXPIRY_PERIODS:
            start, end = now + timedelta(days=before), now + timedelta(days=days)
            periods.append(
                (
                    self._get_period_label(before, days),
                    given & Domain("expires_on", ">=", start) & Domain("expires_on", "<", end),
                )
            )
            before = days
        return self._count("gdpr.consent", periods)

    def _get_requests(self):
        """Give the open data-subject requests by the day they must be answered."""
        requests = self.env["gdpr.subject.request"]
        opened = Domain("state", "in", ["new", "verifying", "in_progress"])
        today = fields.Date.context_today(self)
        soon, later = (today + timedelta(days=days) for days in DEADLINE_PERIODS)
        return self._count(
            requests._name,
            [
                (self.env._("Overdue"), opened & Domain("due_on", "<", today)),
                (
                    self._get_period_label(0, DEADLINE_PERIODS[0]),
                    opened & Domain("due_on", ">=", today) & Domain("due_on", "<=", soon),
                ),
                (
                    self._get_period_label(*DEADLINE_PERIODS),
                    opened & Domain("due_on", ">", soon) & Domain("due_on", "<=", later),
                ),
                (self.env._("Later"), opened & (Domain("due_on", ">", later) | Domain("due_on", "=", False))),
            ],
        )

    def _get_period_label(self, before, days):
        if not before:
            return self.env._("Within %(days)s days", days=days)
        return self.env._("In %(first)s to %(last)s days", first=before + 1, last=days)

    def _count(self, model, conditions):
        records = self.env[model]
        return [
            {"label": label, "count": records.search_count(condition), "domain": list(condition)}
            for label, condition in conditions
        ]

    def _get_verification(self):
        """Give the result of the last check of the ledger that is over, or nothing when there was none."""
        last = self.env["gdpr.ledger.verification"].search([("state", "!=", "running")], limit=1)
        if not last:
            return {}
        return {
            "id": last.id,
            "state": last.state,
            "verified_on": fields.Datetime.to_string(last.verified_on),
            "subject_count": last.subject_count,
            "event_count": last.event_count,
            "fault_count": last.fault_count,
        }
