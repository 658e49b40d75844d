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
    total_count = fields.Integer(
        "Selected", readonly=True, help="Records that the mailing selects, of those that you may see."
    )
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
        check = self.with_company(mailing.user_id.company_id or self.env.company)
        # Who may send a mailing may count, too.
        recipients = check.env[mailing.mailing_model_real].sudo().browse(ids)._message_get_default_recipients()
        refusals = check._find_left_out(recipients)
        by_reason = defaultdict(list)
        for card_id, reason in refusals.items():
            by_reason[reason].append(card_id)
        partly = check._find_partly_left_out({res_id: recipients[res_id] for res_id in ids if res_id not in refusals})
        if partly:
            by_reason[self.env._("Some of several addresses: it goes to the others.")] = partly
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

    def _find_left_out(self, recipients):
        """Let Odoo's composer decide as it will when the mailing is sent, without rendering the texts.

        :param dict[int, dict] recipients: whom each record would be written to through
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
        # Two messages to one address are too many where they say the same.
        is_personal = PERSONAL.search(f"{mailing.subject} {mailing.body_html}")
        values = {
            res_id: {
                "email_to": found.get("email_to"),
                "recipient_ids": [fields.Command.link(pid) for pid in found.get("partner_ids", ())],
                "body": res_id if is_personal else "",
            }
            for res_id, found in recipients.items()
        }
        failures = dict(self.env["mailing.trace"]._fields["failure_type"]._description_selection(self.env))
        return {
            res_id: decided.get("failure_reason") or failures[decided["failure_type"]]
            for res_id, decided in composer._process_mail_values_state(values).items()
            if decided.get("failure_type")
        }

    def _find_partly_left_out(self, recipients):
        """Give the ids of those who would get marketing, but not at all of their addresses.

        :param dict[int, dict] recipients: whom each record would be written to through
        :rtype: list[int]
        """
        mailing = self.mailing_id
        is_marketing = mailing.gdpr_is_gated and mailing.gdpr_message_class == "marketing"
        if mailing.mailing_type != "mail" or not is_marketing:
            return []
        partners = self.env["res.partner"].sudo()
        every = partners.browse({pid for found in recipients.values() for pid in found.get("partner_ids", ())})
        emails = {partner.id: partner.email for partner in every if partner.email}
        texts = {
            res_id: [
                text
                for text in (found.get("email_to"), *(emails.get(pid) for pid in found.get("partner_ids", ())))
                if text
            ]
            for res_id, found in recipients.items()
        }
        people = self.env["gdpr.subject"].sudo()
        channel = self.env.ref("gdpr_consent.channel_email").sudo()
        return list(people._find_refusing_beside(texts, mailing.gdpr_purpose_id.sudo(), channel))
