from odoo import fields, models

from .mail_mail import CONSENT_PLACEHOLDER


class MailTemplate(models.Model):
    _inherit = "mail.template"

    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        help="For messages to many: marketing goes to those who may get it only, a service message (about an order, a"
        " contract) to all but those whose processing is suspended. Empty: marketing, unless the sender chooses.",
    )

    def _asks_for_consent(self):
        """Tell whether the template holds the placeholder of the personal link."""
        self.ensure_one()
        return CONSENT_PLACEHOLDER in (self.body_html or "")
