from odoo import fields, models

from .gdpr_erasure_journal_entry import PLACEHOLDER, QUIETLY


class ResCompany(models.Model):
    """How a company erases people."""

    _inherit = "res.company"

    gdpr_erasure_second_officer = fields.Boolean(
        "Second Officer Approves", help="Who made a plan, or typed the request in, can't approve it."
    )
    gdpr_erasure_delay_days = fields.Integer(
        "Delay Before Erasing (Days)", default=0, help="Until then the order can be taken back."
    )

    gdpr_anonymous_contact_id = fields.Many2one(
        "res.partner",
        "Contact of Nobody",
        readonly=True,
        copy=False,
        help="What was made anonymous, and must lead to a contact, leads to this one.",
    )

    _gdpr_erasure_delay_limited = models.Constraint(
        "CHECK (gdpr_erasure_delay_days BETWEEN 0 AND 20)",
        "Erase within 20 days at most: the person has to be answered within a month.",
    )

    def _gdpr_get_anonymous_contact(self):
        """Give the archived contact of nobody, made where there is none yet.

        :rtype: res.partner
        """
        self.ensure_one()
        company = self.sudo()
        if not company.gdpr_anonymous_contact_id:
            contacts = self.env["res.partner"].sudo().with_context(**QUIETLY)
            company.gdpr_anonymous_contact_id = contacts.create(
                {"name": PLACEHOLDER, "active": False, "company_id": company.id}
            )
        return company.gdpr_anonymous_contact_id
