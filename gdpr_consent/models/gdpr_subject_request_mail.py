from odoo import api, fields, models
from odoo.tools.mail import email_normalize

from .gdpr_subject_request import OPEN_STATES


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
        received_on = fields.Datetime.to_datetime(msg_dict.get("date")) or fields.Datetime.now()
        return self.with_context(mail_create_nosubscribe=True, mail_create_nolog=True).create(
            {
                "subject_id": person.id,
                "company_id": company.id,
                "source": "mail",
                "email": address,
                "lang": person._get_lang(),
                # A sender's clock may be wrong; a message can't come from the future.
                "received_on": min(received_on, fields.Datetime.now()),
                "note": msg_dict.get("subject"),
            }
        )

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
