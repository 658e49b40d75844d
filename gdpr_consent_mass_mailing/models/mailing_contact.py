from odoo import models


class MailingContact(models.Model):
    """Whoever is on a mailing list is a person too: a card like contacts and leads."""

    _name = "mailing.contact"
    _inherit = ["mailing.contact", "gdpr.subject.mixin"]

    # Who is behind an address that is blacklisted: among a million contacts, those with a history only.
    _gdpr_email_idx = models.Index("(email_normalized) WHERE gdpr_subject_id IS NOT NULL")

    def _gdpr_get_name(self):
        self.ensure_one()
        return self.name or self.email or self.display_name
