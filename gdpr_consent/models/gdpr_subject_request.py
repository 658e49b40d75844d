from odoo import fields, models

REQUEST_TYPES = [
    ("access", "Access"),
    ("rectification", "Rectification"),
    ("portability", "Export"),
    ("restriction", "Stop the processing"),
    ("objection", "Objection"),
    ("erasure", "Erasure"),
]


class GdprSubjectRequest(models.Model):
    """What a person asks of the company under articles 15 to 22, with a clock."""

    _name = "gdpr.subject.request"
    _description = "Data-Subject Request"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "received_on DESC, id DESC"

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    subject_id = fields.Many2one("gdpr.subject", string="Person", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    type = fields.Selection(REQUEST_TYPES, required=True)
    state = fields.Selection(
        [
            ("new", "New"),
            ("verifying", "Verifying"),
            ("in_progress", "In Progress"),
            ("done", "Done"),
            ("refused", "Refused"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="new",
        index=True,
    )
    received_on = fields.Datetime(required=True, default=fields.Datetime.now)
    user_id = fields.Many2one("res.users", string="Responsible")
    source = fields.Selection(
        [("email", "E-mail link"), ("portal", "Portal"), ("operator", "Typed in")], required=True, default="operator"
    )
    note = fields.Text("What the Person Wrote")
    email = fields.Char("Answer To")
