from ast import literal_eval
from dataclasses import dataclass

from odoo import api, fields, models
from odoo.tools.mail import email_normalize, email_normalize_all, email_split_and_format

from .gdpr_subject_door_out import Outgoing

# In the context: why the mails made now go out although the processing is suspended (an ``Exemption``).
EXEMPTION = "gdpr_exemption"
# In the context: what kind of message the mails made now are (a ``MessageKind``).
MESSAGE_KIND = "gdpr_message_kind"
# In the context while mails are sent: by id of the mail, the contacts and addresses that get no copy.
LEFT_OUT = "gdpr_left_out"
# In the context while mails are sent: by id of the mail, the addresses that its copies don't name either.
UNNAMED = "gdpr_unnamed"
# Whom Odoo names in a copy although it goes to others, so that they are answered to.
NAMED_HEADER = "X-Msg-To-Add"


class Exemption:
    """Why a mail goes to restricted persons all the same. No client can send one in the context."""

    def __init__(self, reason):
        self.reason = reason


@dataclass(frozen=True)
class MessageKind:
    """What mails to many are: the kind of message, and the id of the purpose of marketing."""

    message_class: str
    purpose_id: int | None = None


class MailMail(models.Model):
    """Who may not be contacted any more when the queue is sent gets nothing, whatever was queued (law.md R-14)."""

    _inherit = "mail.mail"

    # Kept by a copy: Odoo splits a mail that goes to many into copies.
    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        readonly=True,
        help="Set for a message to many. Who may not get it when it is sent is left out.",
    )
    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose", string="Purpose", readonly=True, index="btree_not_null", ondelete="set null"
    )

    gdpr_exemption = fields.Text(
        "Sent Although Suspended Because",
        readonly=True,
        help="Why the message must go out although the processing of the person's data is suspended.",
    )
    gdpr_left_out = fields.Char(
        "Not Sent To",
        readonly=True,
        help="Addresses that got no copy, because whoever has them may not be contacted; the others got the message.",
    )
    failure_type = fields.Selection(selection_add=[("gdpr_restricted", "Processing suspended")])

    @api.model_create_multi
    def create(self, vals_list):
        """Keep with the mails what kind of message they are, and why they must go out."""
        kind = self.env.context.get(MESSAGE_KIND)
        if isinstance(kind, MessageKind):
            values = {"gdpr_message_class": kind.message_class, "gdpr_purpose_id": kind.purpose_id}
            vals_list = [values | vals for vals in vals_list]
        exemption = self.env.context.get(EXEMPTION)
        if isinstance(exemption, Exemption):
            vals_list = [{**vals, "gdpr_exemption": exemption.reason} for vals in vals_list]
        return super().create(vals_list)

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        """Stop, before any server is called, the mails to persons who may not be contacted now."""
        stopped, refusing_contacts = self._stop_forbidden()
        left_out, unnamed = (self - stopped)._stop_for_restricted()
        stopped |= self.browse(left_out).filtered(lambda mail: mail.sudo().state == "cancel")
        if stopped and post_send_callback:
            post_send_callback(stopped.ids)
        if stopped and stopped == self:
            return True
        sending = self - stopped
        refusing_beside = {
            mail_id: (frozenset(), frozenset(addresses))
            for mail_id, addresses in sending._find_refusing_addresses().items()
        }
        for found in (refusing_contacts, refusing_beside):
            for mail_id, (partner_ids, addresses) in found.items():
                known_ids, known_addresses = left_out.get(mail_id, (frozenset(), frozenset()))
                left_out[mail_id] = known_ids | partner_ids, known_addresses | addresses
        sending._note_left_out({mail_id: addresses for mail_id, (_ids, addresses) in left_out.items()})
        if left_out or unnamed:
            sending = sending.with_context(**{LEFT_OUT: left_out, UNNAMED: unnamed})
        return super(MailMail, sending).send(
            auto_commit=auto_commit, raise_exception=raise_exception, post_send_callback=post_send_callback
        )

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        """Make no copy for those whose processing is suspended, and don't name them in those of others."""
        emails = super()._prepare_outgoing_list(mail_server=mail_server, doc_to_followers=doc_to_followers)
        if unnamed := self.env.context.get(UNNAMED, {}).get(self.id):
            for email in emails:
                named = email_split_and_format(email["headers"].get(NAMED_HEADER) or "")
                kept = [address for address in named if email_normalize(address) not in unnamed]
                # The copies of one mail share their headers.
                email["headers"] = {**email["headers"], NAMED_HEADER: ",".join(kept)}
        partner_ids, addresses = self.env.context.get(LEFT_OUT, {}).get(self.id, ((), ()))
        if not partner_ids and not addresses:
            return emails
        kept = []
        for email in emails:
            if email["partner_id"] and email["partner_id"].id in partner_ids:
                continue
            for name in ("email_to", "email_cc"):
                email[name] = [address for address in email[name] if email_normalize(address) not in addresses]
            email["email_to_normalized"] = [
                address for address in email["email_to_normalized"] if address not in addresses
            ]
            if email["email_to"] or email["email_cc"]:
                kept.append(email)
        return kept

    def _gdpr_get_unsubscribe(self, email):
        """Give it for a marketing message to many as well: it takes back the purpose of the message."""
        address = super()._gdpr_get_unsubscribe(email)
        if address or self.sudo().gdpr_message_class != "marketing":
            return address
        cards = self.env["gdpr.subject.mixin"]._get_cards(self.model, [self.res_id])
        card = cards.sudo() if cards else None
        # Who has no history is unsubscribed by Odoo's blacklist.
        if not card or not card.gdpr_subject_id or not self._is_personal_copy(email, card._gdpr_get_email()):
            return None
        return self.env["gdpr.link"]._issue_unsubscribe(
            card.gdpr_subject_id.root_id, card._gdpr_get_email(), purpose=self.sudo().gdpr_purpose_id
        )

    def _gdpr_get_company(self):
        """Give the company of who composed the mail: the queue is sent in nobody's name."""
        self.ensure_one()
        return self.create_uid.company_id

    def _stop_forbidden(self):
        """Cancel the mails that may not leave now, with the reason; one verdict for all of a kind.

        :return: the mails that don't leave, and by id of the others the contacts and addresses that get no copy
        :rtype: tuple[mail.mail, dict[int, tuple[frozenset, frozenset]]]
        """
        queued = self.sudo().filtered(lambda mail: mail.state == "outgoing")
        reasons, left_out = {}, {}
        to_many = queued.filtered("gdpr_message_class")
        posted = to_many.filtered(lambda mail: mail.gdpr_message_class == "marketing")._filter_posted()
        for mails in posted.grouped(lambda mail: (mail.gdpr_purpose_id, mail.model, mail._gdpr_get_company())).values():
            stopping, leaving_out = self._leave_out_of_posted(mails)
            reasons |= stopping
            left_out |= leaving_out
        to_many -= posted
        for (message_class, purpose, model, company), mails in to_many.grouped(
            lambda mail: (mail.gdpr_message_class, mail.gdpr_purpose_id, mail.model, mail._gdpr_get_company())
        ).items():
            mixin = self.env["gdpr.subject.mixin"].with_company(company)
            cards = mixin._get_cards(model, mails.mapped("res_id"))
            if cards:
                channel = self.env.ref("gdpr_consent.channel_email").sudo()
                refusals = cards._gdpr_get_send_refusals(purpose, channel, message_class)
                reasons |= {mail.id: refusals[mail.res_id] for mail in mails if mail.res_id in refusals}
        asking = queued.filtered(lambda mail: mail.gdpr_request_id.subject_id.root_id.restricted)
        reasons |= dict.fromkeys(asking.ids, "restricted")
        stopped = queued.filtered(lambda mail: mail.id in reasons)
        for reason, mails in stopped.grouped(lambda mail: reasons[mail.id]).items():
            mails._stop(reason)
        return self.browse(stopped.ids), left_out

    def _find_refusing_addresses(self):
        """Give the addresses that get no copy of marketing to many, by id of the mail: a record can hold several.

        The verdict on the record is about the first of them alone.
        """
        marketing = self.sudo().filtered(
            lambda mail: mail.state == "outgoing" and mail.gdpr_message_class == "marketing"
        )
        if not marketing:
            return {}
        channel = self.env.ref("gdpr_consent.channel_email").sudo()
        refusing = {}
        for (purpose, company), mails in marketing.grouped(
            lambda mail: (mail.gdpr_purpose_id, mail._gdpr_get_company())
        ).items():
            people = self.env["gdpr.subject"].sudo().with_company(company)
            texts = {mail.id: mail._get_written_addresses() for mail in mails}
            refusing |= people._find_refusing_beside(texts, purpose, channel)
        return refusing

    def _stop_for_restricted(self):
        """Cancel the mails that go to nobody but persons whose processing is suspended (law.md R-61).

        :return: by id of the mail, the contacts and addresses that get no copy, and the addresses that no copy names
        :rtype: tuple[dict[int, tuple[frozenset, frozenset]], dict[int, frozenset]]
        """
        if not self.env["gdpr.subject"]._is_anybody_restricted():
            return {}, {}
        queued = self.sudo().filtered(lambda mail: mail.state == "outgoing")
        outgoing = {(mail.id, False): mail._describe_outgoing() for mail in queued}
        named = {(mail.id, True): mail._describe_named() for mail in queued if NAMED_HEADER in (mail.headers or "")}
        found = self.env["gdpr.subject"]._get_restricted_addressees(outgoing | named)
        left_out = {mail.id: mail._leave_out(*found[mail.id, False]) for mail in queued if (mail.id, False) in found}
        unnamed = {mail_id: addresses for (mail_id, is_named), (_ids, addresses) in found.items() if is_named}
        return left_out, unnamed

    def _note_left_out(self, addresses):
        """Keep with those of these mails that leave whom they don't go to.

        :param dict[int, frozenset] addresses: by id of a mail
        """
        for mail in self.sudo().filtered(lambda mail: addresses.get(mail.id)):
            mail.gdpr_left_out = ", ".join(sorted(addresses[mail.id]))

    def mark_outgoing(self):
        """Find out anew, where a mail is tried again, whom it doesn't go to."""
        self.filtered("gdpr_left_out").gdpr_left_out = False
        return super().mark_outgoing()

    def _leave_out(self, partner_ids, addresses):
        """Let the mail not go to these contacts and addresses; cancel it where nobody else is left."""
        left_out = self.recipient_ids.filtered(
            lambda partner: partner.id in partner_ids or partner.email_normalized in addresses
        )
        addresses |= {partner.email_normalized for partner in left_out if partner.email_normalized}
        written = {*email_normalize_all(self.email_to or ""), *email_normalize_all(self.email_cc or "")}
        notifications = self.notification_ids.filtered(
            lambda notification: (
                notification.mail_mail_id == self and notification.notification_status not in ("sent", "canceled")
            )
        )
        explanation = self.env["gdpr.subject"]._get_contact_explanations()["restricted"]
        failure = {"failure_type": "gdpr_restricted", "failure_reason": explanation}
        if left_out == self.recipient_ids and written <= addresses:
            self.write({"state": "cancel", **failure})
            self._settle_notices(failure_reason=explanation)
        else:
            notifications = notifications.filtered(lambda notification: notification.res_partner_id in left_out)
            # What becomes of the mail isn't what became of theirs.
            notifications.mail_mail_id = False
        # In red: who wrote the message, or whose rule did, is to see that it doesn't arrive, and why.
        notifications.write({"notification_status": "exception", **failure})
        notifications |= self._make_failures(left_out, written & addresses, failure)
        if notifications:
            notifications.mail_message_id._notify_message_notification_update()
        return frozenset(left_out.ids), frozenset(addresses)

    def _make_failures(self, partners, addresses, failure):
        """Note in the chatter that a mail doesn't arrive which nothing says it of: one made from a template.

        :param res.partner partners: recipients who get no copy
        :param set[str] addresses: normalised addresses that get none
        :param dict failure: type and reason
        :rtype: mail.notification
        """
        self.ensure_one()
        notifications = self.env["mail.notification"]
        message = self.mail_message_id
        if not (message.model and message.res_id):
            return notifications
        common = {
            "mail_message_id": message.id,
            "author_id": message.author_id.id,
            "notification_type": "email",
            "notification_status": "exception",
            **failure,
        }
        noted = message.notification_ids.res_partner_id
        addresses = addresses - set(partners.mapped("email_normalized"))
        return notifications.create(
            [{**common, "res_partner_id": partner.id} for partner in partners - noted]
            + [{**common, "mail_email_address": address} for address in sorted(addresses)]
        )

    def _get_written_addresses(self):
        """Give the addresses the mail goes to as somebody wrote them; each text can have several."""
        return [text for text in (self.email_to, self.email_cc, *self.recipient_ids.mapped("email")) if text]

    def _describe_outgoing(self):
        self.ensure_one()
        texts = self._get_written_addresses()
        return Outgoing(
            partner_ids=frozenset(self.recipient_ids.ids),
            addresses=frozenset(address for text in texts for address in email_normalize_all(text)),
            model=self.model,
            res_id=self.res_id,
            is_confirmed=bool(self.gdpr_exemption),
        )

    def _describe_named(self):
        """Give whom the copies name beside those they go to."""
        self.ensure_one()
        try:
            named = literal_eval(self.headers).get(NAMED_HEADER)
        except (ValueError, SyntaxError):
            # Nor does Odoo read them then.
            named = None
        return Outgoing(
            addresses=frozenset(email_normalize_all(named or "")),
            model=self.model,
            res_id=self.res_id,
            is_confirmed=bool(self.gdpr_exemption),
        )

    def _stop(self, reason):
        """Cancel these mails for a reason of the door out. Where none could be found the mail can be tried again."""
        explanation = self.env["gdpr.subject"]._get_contact_explanations()[reason]
        is_undecided = reason == "undecided"
        failure = {
            "failure_type": "unknown" if is_undecided else "mail_optout",
            "failure_reason": explanation,
        }
        self.write({"state": "exception" if is_undecided else "cancel", **failure})
        notifications = self.env["mail.notification"].search(
            [("mail_mail_id", "in", self.ids), ("notification_status", "not in", ("sent", "canceled"))]
        )
        notifications.write({"notification_status": "exception" if is_undecided else "canceled", **failure})
        self.gdpr_request_id.filtered(lambda request: request.state == "queued")._mark_failed(explanation)
