from odoo import fields, models


class ResCompany(models.Model):
    """How a company erases people."""

    _inherit = "res.company"

    gdpr_erasure_second_officer = fields.Boolean(
        "Second Officer Approves", help="Who made a plan, or typed the request in, can't approve it."
    )
    gdpr_erasure_delay_days = fields.Integer(
        "Delay Before Erasing (Days)", default=0, help="Until then the order can be taken back."
    )

    _gdpr_erasure_delay_limited = models.Constraint(
        "CHECK (gdpr_erasure_delay_days BETWEEN 0 AND 20)",
        "Erase within 20 days at most: the person has to be answered within a month.",
    )
