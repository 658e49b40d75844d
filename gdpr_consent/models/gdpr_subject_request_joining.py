from odoo import api, fields, models
from odoo.exceptions import UserError

from .gdpr_subject_request import OPEN_STATES


class GdprSubjectRequest(models.Model):
    """Who writes twice about the same matter has one request: the second message is joined to it."""

    _inherit = "gdpr.subject.request"

    joinable_id = fields.Many2one(
        "gdpr.subject.request",
        string="Open Request",
        compute="_compute_joinable_id",
        help="What the same person has asked before, and waits for: the latest of it.",
    )

    @api.depends("subject_id", "state", "type", "source")
    def _compute_joinable_id(self):
        unread = self.filtered(
            lambda request: request.source == "mail" and not request.type and request.state in OPEN_STATES
        )
        others = self._find_open(unread.subject_id).filtered("type") if unread else self.browse()
        others = others.grouped(lambda request: (request.subject_id.root_id, request.company_id))
        for request in self:
            earlier = others.get((request.subject_id.root_id, request.company_id), ()) if request in unread else ()
            request.joinable_id = earlier[-1:] if earlier else False

    def action_join(self):
        """Let a message about a matter that is under way already belong to it; its own request ends.

        :raise UserError: there is nothing to join it to
        """
        self.ensure_one()
        self.check_access("write")
        self._check_is_open()
        request = self.joinable_id
        if not request:
            raise UserError(self.env._("This person has no other open request."))
        request.check_access("write")
        self._move_messages(request)
        if self.received_on < request.received_on:
            request.sudo().received_on = self.received_on
        request._log_step("joined", self.env._("A further message, received as %(number)s", number=self.name))
        self._close("cancelled", "joined", self.env._("Goes on as %(number)s", number=request.name))
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": request.id,
            "view_mode": "form",
            "views": [(False, "form")],
        }

    def _move_messages(self, request):
        """Bring what the person wrote, with its files, to another request; replies to it go there too."""
        messages = self.sudo().message_ids.filtered(lambda message: message.message_type == "email")
        messages.write({"res_id": request.id, "record_name": request.display_name})
        files = messages.attachment_ids.filtered(lambda file: (file.res_model, file.res_id) == (self._name, self.id))
        files.write({"res_id": request.id})
