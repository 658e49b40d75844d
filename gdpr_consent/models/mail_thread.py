from odoo import api, models
from odoo.tools import html2plaintext

from .gdpr_blacklist_mixin import SILENT
from .gdpr_subject_mixin_suppression import INCOMING


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def message_route(self, message, message_dict, model=None, thread_id=None, custom_values=None):
        """An address blacklisted because too many messages came back is no objection of the person."""
        routes = super(MailThread, self.with_context(**{SILENT: True})).message_route(
            message, message_dict, model=model, thread_id=thread_id, custom_values=custom_values
        )
        return self.env["gdpr.subject.request"]._filter_routes(message, routes)

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """What is made of a message that came in is no act of the company."""
        return super(MailThread, self.with_context(**{INCOMING: True})).message_new(
            msg_dict, custom_values=custom_values
        )

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        """Mark the consent request whose mail came back."""
        super()._routing_handle_bounce(email_message, message_dict)
        requests = (
            self.env["gdpr.consent.request"]
            .sudo()
            .search([("message_id", "in", message_dict["bounced_msg_ids"] or []), ("state", "=", "sent")])
        )
        # A message posted to the followers has other recipients too.
        bounced = message_dict["bounced_email"]
        requests = requests.filtered(lambda request: not bounced or request.email == bounced)
        if requests:
            reason = html2plaintext(message_dict.get("body") or "").strip()[:2000]
            requests._mark_failed(reason or self.env._("The message came back."), action="bounced")
