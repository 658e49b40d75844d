from odoo import models

from .mail_mail import CONSENT_PLACEHOLDER


class MailTemplate(models.Model):
    _inherit = "mail.template"

    def _asks_for_consent(self):
        """Tell whether the template holds the placeholder of the personal link."""
        self.ensure_one()
        return CONSENT_PLACEHOLDER in (self.body_html or "")
