from odoo import api, models
from odoo.tools import html2plaintext

from ..tools.server_context import SERVER
from .gdpr_blacklist_mixin import SILENT
from .gdpr_subject_mixin_suppression import INCOMING
from .mail_mail_gate import MESSAGE_KIND, MessageKind

# In the context: whoever writes was warned of who said no, and so says that it is a service message.
DECLARED = "gdpr_service_message"


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def message_route(self, message, message_dict, model=None, thread_id=None, custom_values=None):
        """An address blacklisted because too many messages came back is no objection of the person."""
        routes = super(MailThread, self.with_context(**{SILENT: SERVER})).message_route(
            message, message_dict, model=model, thread_id=thread_id, custom_values=custom_values
        )
        return self.env["gdpr.subject.request"]._filter_routes(message, routes)

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """What is made of a message that came in is no act of the company."""
        return super(MailThread, self.with_context(**{INCOMING: SERVER})).message_new(
            msg_dict, custom_values=custom_values
        )

    def _thread_to_store(self, store, fields, *, request_list=None):
        """Tell the chatter, when somebody begins to write there, who of the recipients has closed the channel."""
        super()._thread_to_store(store, fields, request_list=request_list)
        if "gdprDenials" in (request_list or ()) and self.env.user._is_internal():
            for thread in self:
                store.add(thread, {"gdpr_denials": thread._gdpr_describe_email_denials()}, as_thread=True)

    def _gdpr_describe_email_denials(self):
        """Give why the persons of this record may not be written to, as far as they said no to it.

        :return: ``explanation`` and ``restricted`` of each
        :rtype: list[dict]
        """
        self.ensure_one()
        people = self.env["gdpr.subject"]
        partners = self.sudo()._mail_get_partners()[self.id]
        found = {}
        for cards in (partners, self.sudo()):
            if not hasattr(cards, "_gdpr_find_denials"):
                continue
            for card_id, (person_id, denial) in cards._gdpr_find_denials("email").items():
                found.setdefault(person_id, (cards.browse(card_id)._gdpr_get_name(), denial))
        return [
            {"explanation": people._explain_denial(name, denial), "restricted": denial.reason == "restricted"}
            for name, denial in found.values()
        ]

    def _notify_thread_by_email(self, message, recipients_data, *, msg_vals=False, **kwargs):
        """Record that a user has written to people who have closed the channel, with or without having been warned."""
        result = super()._notify_thread_by_email(message, recipients_data, msg_vals=msg_vals, **kwargs)
        partner_ids = [recipient["id"] for recipient in recipients_data if recipient["notif"] == "email"]
        partners = self.env["res.partner"].browse(filter(None, partner_ids))
        self._gdpr_record_messages(message, msg_vals, "comment", partners, "email")
        return result

    @api.model
    def _gdpr_record_messages(self, message, msg_vals, message_type, cards, code):
        """Record which of the persons written to by hand have closed the channel (see ``gdpr.consent.event``).

        :param mail.message message: what a program writes is none
        :param dict msg_vals: what the message was just made of, so that it needn't be read; may be empty
        :param str message_type: of what a user writes through the channel
        :param cards: contacts or other records the message goes to
        :param str code: of the channel
        """
        if not cards or not self.env.user._is_internal() or not self.env["gdpr.subject"]._has_anybody_spoken():
            return
        kind = self.env.context.get(MESSAGE_KIND)
        if isinstance(kind, MessageKind) and kind.message_class == "marketing":
            # Asked about when it leaves: who has closed the channel gets nothing.
            return
        told = msg_vals or {"message_type": message.message_type, "author_id": message.author_id.id}
        if told["message_type"] != message_type or told["author_id"] != self.env.user.partner_id.id:
            return
        denials = cards.sudo()._gdpr_find_denials(code)
        known = set(cards.sudo().filtered("gdpr_subject_id").ids)
        # Nobody has written to who only shares the address of somebody known.
        people = {
            person_id
            for card_id, (person_id, denial) in denials.items()
            if denial.reason != "restricted" and not (denial.is_others and card_id in known)
        }
        if people:
            is_declared = bool(self.env.context.get(DECLARED))
            self.env["gdpr.subject"].sudo()._record_messages_in_spite(people, code, is_declared)

    def _message_parse_extract_payload(self, message, message_dict, save_original=False):
        """Leave CSV files as they came: a spreadsheet saves them in another encoding than the message says."""
        payload = super()._message_parse_extract_payload(message, message_dict, save_original=save_original)
        parts = iter([part for part in message.walk() if part.get_content_maintype() == "text" and is_csv(part)])
        payload["attachments"] = [
            file._replace(content=part.get_payload(decode=True))
            if isinstance(file.content, str)
            and (file.fname or "").lower().endswith(".csv")
            and (part := next(parts, None))
            else file
            for file in payload["attachments"]
        ]
        return payload

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


def is_csv(part):
    """Tell whether a part of a message is a CSV file."""
    return (part.get_filename() or "").lower().endswith(".csv")
