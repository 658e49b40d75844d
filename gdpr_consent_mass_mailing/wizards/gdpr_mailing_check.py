import re
from collections import defaultdict

from odoo import fields, models

# What is filled in for each recipient.
PERSONAL = re.compile(r"{{|t-out=|t-esc=|t-field=")


class GdprMailingCheck(models.TransientModel):
    """Who would get a mailing if it were sent now, and who wouldn't, by reason."""

    _name = "gdpr.mailing.check"
    _description = "Recipients of a Mailing"

    mailing_id = fields.Many2one("mailing.mailing", required=True, readonly=True, ondelete="cascade")
    is_sample = fields.Boolean(compute="_compute_is_sample")
    total_count = fields.Integer("Selected", readonly=True, help="Records that the mailing selects.")
    receiving_count = fields.Integer("Get It", readonly=True, help="Records that would get it if it were sent now.")
    line_ids = fields.One2many(
        "gdpr.mailing.check.line",
        "check_id",
        string="Left Out",
        readonly=True,
        help="Why the others don't get it, and how many each reason keeps out.",
    )

    def _compute_is_sample(self):
        for check in self:
            check.is_sample = check.mailing_id.ab_testing_enabled and check.mailing_id.ab_testing_pc < 100

    def _check(self):
        """Find out, with one question to the door out, whatever the number of recipients."""
        self.ensure_one()
        mailing = self.mailing_id
        ids = mailing._get_remaining_recipients()
        refusals = self.with_company(mailing.user_id.company_id or self.env.company)._find_left_out(ids)
        by_reason = defaultdict(list)
        for card_id, reason in refusals.items():
            by_reason[reason].append(card_id)
        self.write(
            {
                "total_count": len(ids),
                "receiving_count": len(ids) - len(refusals),
                "line_ids": [
                    fields.Command.create({"reason": reason, "count": len(found), "card_ids": found})
                    for reason, found in sorted(by_reason.items(), key=lambda item: -len(item[1]))
                ],
            }
        )

    def _find_left_out(self, ids):
        """Let Odoo's composer decide as it will when the mailing is sent, without rendering the texts.

        :param list[int] ids: the recipients
        :return: why some of them wouldn't get it, in words, by id
        :rtype: dict[int, str]
        """
        mailing = self.mailing_id
        composer = self.env["mail.compose.message"].new(
            {
                "composition_mode": "mass_mail",
                "mass_mailing_id": mailing.id,
                "model": mailing.mailing_model_real,
                "use_exclusion_list": mailing.use_exclusion_list,
            }
        )
        recipients = self.env[mailing.mailing_model_real].browse(ids)._message_get_default_recipients()
        # Two messages to one address are too many where they say the same.
        is_personal = PERSONAL.search(f"{mailing.subject} {mailing.body_html}")
        values = {
            res_id: {
                "email_to": recipients[res_id].get("email_to"),
                "recipient_ids": [fields.Command.link(pid) for pid in recipients[res_id].get("partner_ids", ())],
                "body": res_id if is_personal else "",
            }
            for res_id in ids
        }
        failures = dict(self.env["mailing.trace"]._fields["failure_type"]._description_selection(self.env))
        return {
            res_id: decided.get("failure_reason") or failures[decided["failure_type"]]
            for res_id, decided in composer._process_mail_values_state(values).items()
            if decided.get("failure_type")
        }
