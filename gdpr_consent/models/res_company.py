from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL
from odoo.tools.mail import email_normalize

from .gdpr_purpose import LEGAL_BASES

# Where anybody can type any address.
CONFIRMED_SOURCES = ("website", "import", "api")


class ResCompany(models.Model):
    _inherit = "res.company"

    gdpr_default_legal_basis = fields.Selection(
        [("not_applicable", "Not applicable"), *LEGAL_BASES],
        string="Legal Basis of New Records",
        default="not_applicable",
    )
    gdpr_default_legal_basis_reason = fields.Text("Reason for the Default Legal Basis")
    gdpr_link_validity_days = fields.Integer("Validity of a Consent Link (Days)", default=30)
    gdpr_waiting_days = fields.Integer("Waiting Period (Days)", default=14, help="0: wait without an end.")
    gdpr_reminder_count = fields.Integer(
        "Reminders", default=0, help="How often a person who hasn't answered is reminded. 0: never; at most 3."
    )
    gdpr_reminder_days = fields.Integer("Days Between Reminders", default=7)
    gdpr_cooldown_months = fields.Integer(
        "Cool-down (Months)",
        default=6,
        help="How long a person who said no isn't asked again. A person who asks for a form is always sent one.",
    )
    gdpr_renewal_days = fields.Integer(
        "Ask for Renewal (Days Before)", default=30, help="0: a consent lapses without being asked for again."
    )
    gdpr_confirmation_days = fields.Integer(
        "Confirmation Period (Days)",
        default=14,
        help="A consent that anybody could have typed counts when the person confirms it from the mailbox, within"
        " this time. Afterwards what was typed is erased.",
    )
    gdpr_confirm_website = fields.Boolean("Confirm Consent From the Web Site", default=True)
    gdpr_confirm_import = fields.Boolean("Confirm Imported Consent", default=True)
    gdpr_confirm_api = fields.Boolean("Confirm Consent From the API", default=True)
    gdpr_confirm_exemption_reason = fields.Text("Why Without Confirmation")
    gdpr_sender = fields.Char(
        "Sender of Privacy Messages", help="An address, or a name and an address. Empty: those of the company."
    )
    gdpr_officer_name = fields.Char("Privacy Officer")
    gdpr_officer_email = fields.Char("E-mail of the Privacy Officer")
    gdpr_lifting_days = fields.Integer(
        "Notice Before the Processing Resumes (Days)",
        default=0,
        help="How long a person is told beforehand that suspended processing resumes. 0: it can resume as soon as the"
        " notice has left.",
    )
    gdpr_ip_retention = fields.Selection(
        [
            ("none", "Keep nothing"),
            ("truncated", "Keep the network only (last part removed)"),
            ("full", "Keep the whole address"),
        ],
        string="IP Address of Who Answers",
        default="none",
        required=True,
    )

    _gdpr_link_validity_positive = models.Constraint(
        "CHECK (gdpr_link_validity_days > 0)", "A consent link must be valid for a day at least."
    )
    _gdpr_waiting_positive = models.Constraint(
        "CHECK (gdpr_waiting_days >= 0)", "The waiting period can't be negative."
    )

    _gdpr_reminders_limited = models.Constraint(
        "CHECK (gdpr_reminder_count BETWEEN 0 AND 3 AND gdpr_reminder_days > 0)",
        "A person can be reminded three times at most, with a day in between at least.",
    )
    _gdpr_periods_positive = models.Constraint(
        "CHECK (gdpr_cooldown_months >= 0 AND gdpr_renewal_days >= 0 AND gdpr_confirmation_days > 0)",
        "Periods can't be negative, and a person needs a day at least to confirm.",
    )
    _gdpr_lifting_days_positive = models.Constraint(
        "CHECK (gdpr_lifting_days >= 0)", "People can't be told a negative number of days beforehand."
    )
    _gdpr_reminders_in_time = models.Constraint(
        "CHECK (gdpr_reminder_count = 0 OR (gdpr_reminder_days < gdpr_link_validity_days"
        " AND (gdpr_waiting_days = 0 OR gdpr_reminder_days < gdpr_waiting_days)))",
        "A reminder must come before the waiting period is over and the link has lapsed: choose fewer days between"
        " reminders.",
    )

    @api.constrains("gdpr_default_legal_basis", "gdpr_default_legal_basis_reason")
    def _check_gdpr_default_legal_basis(self):
        for company in self:
            reason = (company.gdpr_default_legal_basis_reason or "").strip()
            if company.gdpr_default_legal_basis == "legitimate_interests" and not reason:
                raise ValidationError(
                    self.env._(
                        "Legitimate interests need a reason: say how you weighed your interests against those of"
                        " the people (article 6(1)(f) GDPR). Without it no record could be made."
                    )
                )

    @api.constrains("gdpr_officer_email", "gdpr_sender")
    def _check_gdpr_addresses(self):
        for company in self:
            for address in filter(None, (company.gdpr_officer_email, company.gdpr_sender)):
                if not email_normalize(address):
                    raise ValidationError(self.env._("“%(address)s” isn't an e-mail address.", address=address))

    @api.constrains("gdpr_confirm_website", "gdpr_confirm_import", "gdpr_confirm_api", "gdpr_confirm_exemption_reason")
    def _check_gdpr_confirm_exemption_reason(self):
        for company in self:
            is_confirmed = all(company[f"gdpr_confirm_{source}"] for source in CONFIRMED_SOURCES)
            if not is_confirmed and not (company.gdpr_confirm_exemption_reason or "").strip():
                raise ValidationError(
                    self.env._(
                        "Consent that anybody could have typed needs a confirmation from the person's mailbox. If you"
                        " do without, say why: the reason is kept with each consent recorded so."
                    )
                )

    def _gdpr_get_timezone(self):
        """Give the name of the time zone in which the company counts its days."""
        self.ensure_one()
        # Every page that shows a date asks: not the whole of two records for one column.
        self.env["res.partner"].flush_model(["tz"])
        self.env["resource.calendar"].flush_model(["tz"])
        rows = self.env.execute_query(
            SQL(
                "SELECT COALESCE((SELECT tz FROM res_partner WHERE id = %s),"
                " (SELECT tz FROM resource_calendar WHERE id = %s))",
                self.sudo().partner_id.id,
                self.sudo().resource_calendar_id.id or None,
            )
        )
        return rows[0][0] or "UTC"

    def _needs_gdpr_confirmation(self, source):
        """Tell whether a consent from a source counts only when the person confirms it (law.md R-10)."""
        self.ensure_one()
        return source in CONFIRMED_SOURCES and self.sudo()[f"gdpr_confirm_{source}"]

    def _get_gdpr_exemption(self, source):
        """Give why a consent from a source counts without confirmation; empty where none is needed anyway."""
        self.ensure_one()
        if source not in CONFIRMED_SOURCES or self._needs_gdpr_confirmation(source):
            return ""
        return self.sudo().gdpr_confirm_exemption_reason
