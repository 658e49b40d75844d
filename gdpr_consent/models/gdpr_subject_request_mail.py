from datetime import timedelta

from odoo import api, fields, models
from odoo.tools.mail import email_normalize, email_split_tuples, html2plaintext
from odoo.tools.misc import format_datetime

from .gdpr_subject_request import OPEN_STATES

# As long as a message may be on its way, or wait to be fetched, without doubt about its date.
LONGEST_WAY = timedelta(days=1)
# Characters; all of it is in the chatter.
LONGEST_NOTE = 4000


class GdprSubjectRequest(models.Model):
    """Requests that come by e-mail. What is asked is for an officer to read: nothing is guessed from the words."""

    _inherit = "gdpr.subject.request"

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        """Make a request of a message to the address for requests; acknowledge it to the sender, once.

        A further message of somebody whose first one nobody has read yet belongs to it, so that two machines that
        write to each other end after one answer.
        """
        company = self.env["res.company"].browse((custom_values or {}).get("company_id")) or self.env.company
        address = email_normalize(msg_dict.get("email_from") or "")
        unread = self.sudo().search(
            [("company_id", "=", company.id), ("email", "=", address), ("type", "=", False)]
            + [("state", "in", OPEN_STATES)],
            limit=1,
        )
        if unread and address:
            return unread
        person = self._get_person(address, company) if address else self.env["gdpr.subject"].sudo().create({})
        now = fields.Datetime.now()
        written_on = fields.Datetime.to_datetime(msg_dict.get("date")) or now
        # A sender's clock may be wrong, and anybody can write any date: the deadline can't hang on it.
        is_plausible = now - LONGEST_WAY <= written_on <= now
        creating = self.sudo().with_context(mail_create_nosubscribe=True, mail_create_nolog=True)
        request = creating.create(
            {
                "subject_id": person.id,
                "company_id": company.id,
                "source": "mail",
                "email": address,
                "applicant_name": self._get_sender_name(msg_dict),
                "lang": person._get_lang(),
                "received_on": written_on if is_plausible else now,
                "note": self._get_words(msg_dict),
            }
        )
        if abs(now - written_on) > LONGEST_WAY:
            request._log_step(
                "dated",
                self.env._(
                    "The message says %(written)s. Counted from when it was taken in: put it right if it reached you"
                    " earlier.",
                    written=format_datetime(self.env, written_on, tz=company._gdpr_get_timezone()),
                ),
            )
        return request.sudo(self.env.su)

    @api.model
    def _get_sender_name(self, msg_dict):
        names = [name for name, _address in email_split_tuples(msg_dict.get("email_from") or "") if name]
        return names[0] if names else False

    @api.model
    def _get_words(self, msg_dict):
        """Give what the person wrote, subject and text, without markup."""
        text = html2plaintext(msg_dict.get("body") or "").strip()
        return "\n\n".join(filter(None, [(msg_dict.get("subject") or "").strip(), text]))[:LONGEST_NOTE]

    def message_post(self, *, message_type="notification", partner_ids=None, **kwargs):
        """Hand what comes by e-mail to those responsible: Odoo also sends an answer on to whoever wrote what it
        answers, and that is the company itself, at its general address.
        """
        if message_type == "email" and partner_ids:
            own = self.sudo().company_id.partner_id.ids
            partner_ids = [partner_id for partner_id in partner_ids if partner_id not in own]
        return super().message_post(message_type=message_type, partner_ids=partner_ids, **kwargs)

    def _notify_get_reply_to_batch(self, defaults=None, author_ids=None):
        """Let replies come to the address for requests, where the company has one."""
        addresses = super()._notify_get_reply_to_batch(defaults=defaults, author_ids=author_ids)
        for request in self:
            if address := request.sudo().company_id._gdpr_get_request_address():
                addresses[request.id] = self._notify_get_reply_to_formatted_email(
                    address, author_id=(author_ids or {}).get(request.id, False)
                )
        return addresses

    @api.model
    def _is_automatic(self, message):
        """Tell whether a program wrote a message by itself (RFC 3834): such a message is no request.

        :param email.message.EmailMessage message: as it came
        """
        submitted = (message.get("Auto-Submitted") or "no").split(";")[0].strip().lower()
        precedence = (message.get("Precedence") or "").strip().lower()
        return (
            submitted != "no"
            or precedence in ("bulk", "junk", "auto_reply")
            or (message.get("Return-Path") or "").strip() == "<>"
            or bool(message.get("X-Autoreply") or message.get("X-Autorespond"))
        )

    @api.model
    def _filter_routes(self, message, routes):
        """Leave out the routes by which a message that a program wrote would become a request."""
        if not any(route and route[0] == self._name and not route[1] for route in routes):
            return routes
        if not self._is_automatic(message):
            return routes
        return [route for route in routes if route[0] != self._name or route[1]]
