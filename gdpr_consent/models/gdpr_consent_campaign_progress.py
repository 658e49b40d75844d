from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_datetime, formatLang

# The requests that each number counts.
SHOWN = {
    "total_count": [("kind", "=", "first")],
    "queued_count": [("kind", "=", "first"), ("state", "=", "queued")],
    "sent_count": [("kind", "=", "first"), ("sent_on", "!=", False)],
    "failed_count": [("kind", "=", "first"), ("state", "=", "failed")],
    "cancelled_count": [("kind", "=", "first"), ("state", "=", "cancelled")],
    "answered_count": [("state", "=", "answered")],
    "accepted_count": [("state", "=", "answered"), ("outcome", "=", "accepted")],
    "refused_count": [("state", "=", "answered"), ("outcome", "=", "refused")],
}


class GdprConsentCampaign(models.Model):
    """How far a campaign is.

    People are counted, not messages: a reminder is no second person, and its answer counts.
    """

    _inherit = "gdpr.consent.campaign"

    total_count = fields.Integer("People", compute="_compute_counts", help="People queued so far, sent or not.")
    queued_count = fields.Integer("Queued", compute="_compute_counts", help="Messages that wait to be sent.")
    sent_count = fields.Integer("Sent", compute="_compute_counts", help="Messages that the mail server took.")
    failed_count = fields.Integer(
        "Failed", compute="_compute_counts", help="Messages that couldn't be sent or came back. Each says why."
    )
    cancelled_count = fields.Integer(
        "Dropped",
        compute="_compute_counts",
        help="People who were queued, but couldn't or shouldn't be asked any more.",
    )
    answered_count = fields.Integer("Answered", compute="_compute_counts", help="Persons who answered, with yes or no.")
    accepted_count = fields.Integer(
        "Accepted", compute="_compute_counts", help="Persons who agreed to at least one purpose."
    )
    refused_count = fields.Integer(
        "Refused", compute="_compute_counts", help="Persons who answered and agreed to nothing."
    )
    progress = fields.Float(
        compute="_compute_counts",
        digits=(5, 1),
        help="Per cent of the people whose turn has come. Those whom a cancelled campaign dropped it never came to.",
    )
    excluded_count = fields.Integer(
        "Records Left Out",
        compute="_compute_excluded_count",
        help="Records that match the selection and aren't asked, each for one of the reasons below.",
    )
    summary = fields.Char(compute="_compute_summary", help="What the campaign did, in a sentence.")

    # Whoever may see the campaign sees how many there are, those too whose records are others'.
    @api.depends("state", "request_ids.kind", "request_ids.state", "request_ids.outcome", "request_ids.sent_on")
    def _compute_counts(self):
        counts = defaultdict(lambda: dict.fromkeys(SHOWN, 0))
        rows = (
            self.env["gdpr.consent.request"]
            .sudo()
            ._read_group(
                [("campaign_id", "in", self.ids)],
                ["campaign_id", "kind", "state", "outcome"],
                ["__count", "sent_on:count"],
            )
        )
        for campaign, kind, state, outcome, count, sent in rows:
            found = counts[campaign.id]
            if kind == "first":
                found["total_count"] += count
                found["sent_count"] += sent
                if state in ("queued", "failed", "cancelled"):
                    found[f"{state}_count"] += count
            if state == "answered":
                found["answered_count"] += count
                if outcome:
                    found[f"{outcome}_count"] += count
        for campaign in self:
            found = counts[campaign._origin.id]
            total = found["total_count"]
            campaign.update(found)
            left = found["queued_count"]
            if campaign.state == "cancelled":
                # Dropped with the campaign: it never came to them.
                left += found["cancelled_count"]
            campaign.progress = 100 * (total - left) / total if total else 0

    @api.depends("checked_on", "queued_on", "last_queued_id")
    def _compute_excluded_count(self):
        exclusions = self.env["gdpr.consent.campaign.exclusion"].sudo()
        counts = dict(exclusions._read_group([("campaign_id", "in", self.ids)], ["campaign_id"], ["__count"]))
        for campaign in self:
            campaign.excluded_count = counts.get(campaign._origin, 0)

    @api.depends(
        "state",
        "scheduled_on",
        "queued_on",
        "queued_count",
        "sent_count",
        "failed_count",
        "cancelled_count",
        "total_count",
        "checked_on",
        "to_ask_count",
    )
    def _compute_summary(self):
        for campaign in self:
            campaign.summary = campaign._describe_progress()

    def _describe_progress(self):
        """Give the sentence that says where the campaign is."""
        self.ensure_one()
        if self.state in ("draft", "done") and self.checked_on:
            return self._describe_check()
        if self.state == "draft":
            return self.env._("Nobody has been asked yet. Check who will be asked, then start.")
        if self.state == "scheduled":
            return self.env._("Starts on %(date)s.", date=self._format_moment(self.scheduled_on))
        if self.state == "running" and not self.queued_on:
            return self.env._("Choosing the people: %(count)s so far.", count=self._format_count("total_count"))
        if self.state == "running":
            return self.env._(
                "%(count)s of %(total)s are still to be sent.",
                count=self._format_count("queued_count"),
                total=self._format_count("total_count"),
            )
        if self.state == "paused":
            return self.env._("Paused: nothing is sent until you go on.")
        if self.state == "done":
            return self._describe_end() if self.total_count else self.env._("There was nobody to ask.")
        return self.env._(
            "Cancelled: %(count)s of %(total)s people were asked. Who wasn't asked yet isn't asked any more.",
            count=self._format_count("sent_count"),
            total=self._format_count("total_count"),
        )

    def _describe_end(self):
        if not self.failed_count and not self.cancelled_count:
            return self.env._("Everybody was asked.")
        sentences = [
            self.env._(
                "Done: %(count)s of %(total)s people were asked.",
                count=self._format_count("sent_count"),
                total=self._format_count("total_count"),
            )
        ]
        if self.failed_count:
            sentences.append(self.env._("Failed: %(count)s.", count=self._format_count("failed_count")))
        if self.cancelled_count:
            sentences.append(self.env._("Dropped: %(count)s.", count=self._format_count("cancelled_count")))
        return " ".join(sentences)

    def _describe_check(self):
        date = self._format_moment(self.checked_on)
        if not self.to_ask_count:
            return self.env._("Nobody can be asked, as of %(date)s.", date=date)
        if self.to_ask_count == 1:
            return self.env._("1 person will be asked, as of %(date)s.", date=date)
        return self.env._(
            "%(count)s people will be asked, as of %(date)s.", count=self._format_count("to_ask_count"), date=date
        )

    def _format_count(self, name):
        """Give one of the numbers as Odoo's fields show it."""
        return formatLang(self.env, self[name], digits=0)

    def _format_moment(self, moment):
        return format_datetime(self.env, moment, dt_format="short")

    def action_show_requests(self):
        """Open the requests behind a number; the context's ``gdpr_count`` names it."""
        self.ensure_one()
        name = self.env.context.get("gdpr_count", "total_count")
        return self._open_requests(self._fields[name]._description_string(self.env), SHOWN[name], "list,graph")

    def action_show_answers(self):
        """Open the chart of the answers over time."""
        self.ensure_one()
        return self._open_requests(self.env._("Answers"), SHOWN["answered_count"], "graph,list")

    def _open_requests(self, name, domain, view_mode):
        lists = self.env.ref("gdpr_consent.gdpr_consent_campaign_request_view_list")
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "gdpr.consent.request",
            "view_mode": view_mode,
            "views": [(lists.id if mode == "list" else False, mode) for mode in view_mode.split(",")],
            "domain": [("campaign_id", "=", self.id), *domain],
        }

    def action_show_to_ask(self):
        """Open the list of the records that will be asked, as far as was found out."""
        self.ensure_one()
        domain = self._get_domain() & Domain("gdpr_campaign_exclusion_ids", "not any", [("campaign_id", "=", self.id)])
        # Whoever looks may see more records, and more companies, than the user does for whom it was found out.
        domain &= Domain(self._get_records().env["ir.rule"]._compute_domain(self.model, "read"))
        if "company_id" in self.env[self.model]:
            domain &= Domain("company_id", "in", [self.company_id.id, False])
        return self._open_records(self.env._("Will Be Asked"), domain)

    def _open_records(self, name, domain, **context):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": self.model,
            "view_mode": "list,form",
            "domain": list(domain),
            "context": {"create": False, **context},
        }
