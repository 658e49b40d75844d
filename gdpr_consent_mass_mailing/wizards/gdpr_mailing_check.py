from collections import defaultdict

from odoo import fields, models


class GdprMailingCheck(models.TransientModel):
    """Who would get a mailing if it were sent now, and who wouldn't, by reason."""

    _name = "gdpr.mailing.check"
    _description = "Recipients of a Mailing"

    mailing_id = fields.Many2one("mailing.mailing", required=True, readonly=True, ondelete="cascade")
    total_count = fields.Integer("Selected", readonly=True)
    receiving_count = fields.Integer("Get It", readonly=True)
    line_ids = fields.One2many("gdpr.mailing.check.line", "check_id", string="Left Out", readonly=True)

    def _check(self):
        """Find out, with one question to the door out, whatever the number of recipients."""
        self.ensure_one()
        mailing = self.mailing_id
        ids = mailing._get_remaining_recipients()
        refusals = {}
        if mailing.gdpr_is_gated:
            cards = self.env[mailing.mailing_model_real].with_company(mailing.user_id.company_id or self.env.company)
            channel = self.env.ref(self._get_channel()).sudo()
            refusals = cards.browse(ids)._gdpr_get_send_refusals(
                mailing.gdpr_purpose_id.sudo(), channel, mailing.gdpr_message_class
            )
        by_reason = defaultdict(list)
        for card_id, reason in refusals.items():
            by_reason[reason].append(card_id)
        explanations = self.env["gdpr.subject"]._get_contact_explanations()
        self.write(
            {
                "total_count": len(ids),
                "receiving_count": len(ids) - len(refusals),
                "line_ids": [
                    fields.Command.create({"reason": explanations[reason], "count": len(found), "card_ids": found})
                    for reason, found in sorted(by_reason.items(), key=lambda item: -len(item[1]))
                ],
            }
        )

    def _get_channel(self):
        return "gdpr_consent.channel_email"
