from odoo import fields, models


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    gdpr_message_ids = fields.Many2many(
        "mail.message",
        "message_attachment_rel",
        "attachment_id",
        "message_id",
        string="Messages It Came With",
        readonly=True,
        copy=False,
        groups="base.group_system",
    )
