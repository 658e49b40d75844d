from odoo import api, fields, models
from odoo.exceptions import ValidationError


class GdprMessageTemplateMixin(models.AbstractModel):
    """A template, of e-mails or text messages, that says what kind of message it is.

    ``service`` lets whoever sends with it reach people who didn't agree: who may say so is a privacy officer or an
    administrator (law.md R-14).
    """

    _name = "gdpr.message.template.mixin"
    _description = "Template That Says Its Kind of Message"

    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        help="For messages to many and those that automation rules send: marketing goes to those who may get it only, a"
        " service message (about an order, a contract) to all but those whose processing is suspended. Empty: what a"
        " user sends to many is marketing unless the user says otherwise, what a rule sends is a service message.",
    )
    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose",
        string="Purpose",
        domain="[('message_class', '=', 'marketing')]",
        ondelete="restrict",
        help="What marketing with this template is for: it goes to those who agreed to this purpose, or whose legal"
        " basis it has. Empty: what the sender chooses, and for automation rules the first purpose of marketing.",
    )

    @api.constrains("gdpr_message_class")
    def _check_gdpr_message_class(self):
        user = self.env.user
        if user.has_group("gdpr_consent.group_officer") or user.has_group("base.group_system"):
            return
        for template in self:
            if template.gdpr_message_class == "service":
                raise ValidationError(
                    self.env._(
                        "Service messages go to people who didn't agree to them, too. Ask your privacy officer to say"
                        " that “%(template)s” is one.",
                        template=template.display_name,
                    )
                )
