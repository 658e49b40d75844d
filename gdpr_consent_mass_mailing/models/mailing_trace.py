from odoo import fields, models


class MailingTrace(models.Model):
    _inherit = "mailing.trace"

    gdpr_reason = fields.Char(
        "Left Out Because", readonly=True, help="Why the person didn't get the mailing, when it was sent."
    )
