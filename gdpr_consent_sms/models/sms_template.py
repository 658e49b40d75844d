from odoo import fields, models


class SmsTemplate(models.Model):
    """A template for text messages says what kind of message it is, as one for e-mails does."""

    _inherit = "sms.template"

    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        help="Marketing goes to those who may get it only, a service message (about an order, a contract) to all but"
        " those whose processing is suspended. Empty: what a user sends to many is marketing unless the user says"
        " otherwise, what an automation rule sends is a service message.",
    )
    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose",
        string="Purpose",
        domain="[('message_class', '=', 'marketing')]",
        ondelete="restrict",
        help="What marketing with this template is for: it goes to those who agreed to this purpose, or whose legal"
        " basis it has. Empty: what the sender chooses, and for automation rules the first purpose of marketing.",
    )
