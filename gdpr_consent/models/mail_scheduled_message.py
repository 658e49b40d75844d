from datetime import timedelta

from markupsafe import Markup

from odoo import models

from .mail_thread import DECLARED


class MailScheduledMessage(models.Model):
    """What was written before its recipient said no doesn't leave: whoever wrote it wasn't warned."""

    _inherit = "mail.scheduled.message"

    def _post_message(self, raise_exception=True):
        """Post what may leave; of the others tell who wrote them why not, with what they wrote."""
        reasons = {message: message._gdpr_explain_later_denials() for message in self}
        held = self.filtered(lambda message: reasons[message])
        result = super(MailScheduledMessage, self - held)._post_message(raise_exception=raise_exception)
        title = self.env._("A scheduled message was not sent")
        for message in held:
            self.env["mail.thread"].message_notify(
                partner_ids=message.create_uid.partner_id.ids,
                subject=title,
                body=Markup("%s<br>-----<br>%s") % (reasons[message], message.body or ""),
            )
            if raise_exception:
                # Somebody waits for it, and the chatter shows no error.
                values = {"type": "danger", "title": title, "message": reasons[message], "sticky": True}
                self.env.user._bus_send("simple_notification", values)
        held.unlink()
        return result

    def _gdpr_explain_later_denials(self):
        """Give who of the recipients has closed the channel since the message was written, in words; or None."""
        self.ensure_one()
        people = self.env["gdpr.subject"]
        if self.is_note or not people._has_anybody_spoken():
            return None
        # In whole seconds, as what people say. Who was warned then was warned of what was said in the same one.
        is_warned = bool((self.send_context or {}).get(DECLARED))
        written_on = self.create_date.replace(microsecond=0) + timedelta(seconds=is_warned)
        message = self.with_context(lang=self.create_uid.lang).sudo()
        partners = message.partner_ids | message.env[message.model].browse(message.res_id).message_partner_ids
        lines = [
            message.env["gdpr.subject"]._explain_denial(partners.browse(partner_id).name, denial)
            for partner_id, (_person_id, denial) in partners._gdpr_find_denials("email").items()
            if denial.since and denial.since >= written_on
        ]
        if not lines:
            return None
        return message.env._(
            "Since you wrote this message somebody who would get it has said no: %(denials)s It wasn't sent. If it is"
            " a service message (about an order, a contract or a question of the person), write it anew.",
            denials=" ".join(lines),
        )
