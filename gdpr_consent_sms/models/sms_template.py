from odoo import models


class SmsTemplate(models.Model):
    """A template for text messages says what kind of message it is, as one for e-mails does."""

    _name = "sms.template"
    _inherit = ["sms.template", "gdpr.message.template.mixin"]
