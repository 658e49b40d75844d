from odoo import api, fields, models
from odoo.tools.mail import email_normalize

# As many leave at once; more wait for Odoo's mail queue.
SENT_AT_ONCE = 20


class GdprNoticeMixin(models.AbstractModel):
    """Something the law makes the company tell somebody, and whether it arrived: a message of its own on the record.

    States of a message, and who sets them:

    * queued: set when the message is made;
    * sent: set when the mail server has taken it;
    * failed: set when it couldn't be sent, or came back.
    """

    _name = "gdpr.notice.mixin"
    _description = "Notice the Law Demands"

    # External id of the template of the message.
    _notice_template = None

    email = fields.Char("E-mail", readonly=True)
    sent_on = fields.Datetime(
        "Told On",
        readonly=True,
        copy=False,
        help="When the mail server took the notice, or the person was told in another way.",
    )
    message_id = fields.Char("Message-Id", readonly=True, copy=False, index="btree_not_null")
    failure_reason = fields.Text(readonly=True, copy=False, help="Why the notice couldn't be sent.")

    @api.model
    def _get_notice_models(self):
        """Give the names of the models of notices."""
        mixin = self.env.registry["gdpr.notice.mixin"]
        return [name for name, model in self.env.registry.items() if issubclass(model, mixin) and not model._abstract]

    def _send_notices(self):
        """Send each its message, in one go; those without an address fail at once."""
        reachable = self.filtered(lambda notice: email_normalize(notice.email or ""))
        (self - reachable)._mark_failed(self.env._("There is no e-mail address."))
        if not reachable:
            return
        reachable.write({"state": "queued", "failure_reason": False})
        template = self.env.ref(self._notice_template).sudo()
        mails = self.env["mail.mail"].sudo()
        for company, alike in reachable.grouped("company_id").items():
            mails |= template.send_mail_batch(alike.ids, email_values=company._gdpr_prepare_reply_to())
        if len(mails) <= SENT_AT_ONCE:
            mails.send_after_commit()

    def _mark_sent(self, message_id):
        self.write(
            {
                "state": "sent",
                "sent_on": fields.Datetime.now(),
                "message_id": message_id,
                "failure_reason": False,
            }
        )

    def _mark_failed(self, reason):
        self.write({"state": "failed", "sent_on": False, "failure_reason": reason})
