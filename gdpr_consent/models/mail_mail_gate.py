from odoo import fields, models


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

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        """Stop, before any server is called, the mails to persons who may not be contacted now."""
        stopped = self._stop_forbidden()
        if stopped and post_send_callback:
            post_send_callback(stopped.ids)
        if stopped and stopped == self:
            return True
        return super(MailMail, self - stopped).send(
            auto_commit=auto_commit, raise_exception=raise_exception, post_send_callback=post_send_callback
        )

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

        :return: the mails that don't leave
        :rtype: mail.mail
        """
        queued = self.sudo().filtered(lambda mail: mail.state == "outgoing")
        reasons = {}
        to_many = queued.filtered("gdpr_message_class")
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
        return self.browse(stopped.ids)

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
