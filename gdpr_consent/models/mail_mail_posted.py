from odoo import models
from odoo.tools.mail import email_normalize_all


class MailMail(models.Model):
    """Marketing that is posted on records reaches followers and whoever else is named: each is asked about.

    What is mailed to many goes to the person of each record, and the verdict on the record decides.
    """

    _inherit = "mail.mail"

    def _filter_posted(self):
        """Give those of these mails that are the copies of messages posted on records."""
        possible = self.filtered("is_notification")
        if not possible:
            return possible
        notifications = self.env["mail.notification"].sudo().search([("mail_mail_id", "in", possible.ids)])
        return possible & notifications.mail_mail_id

    def _leave_out_of_posted(self, posted):
        """Cancel what would reach nobody but people who may get no marketing, and leave those out of the rest.

        :param mail.mail posted: marketing mails of one purpose, about records of one model and for one company
        :return: the codes of the reasons by id of the mails that don't leave, and by id of the others the contacts
            and addresses that get no copy
        :rtype: tuple[dict[int, str], dict[int, tuple[frozenset, frozenset]]]
        """
        company, purpose = posted[:1]._gdpr_get_company(), posted.gdpr_purpose_id
        channel = self.env.ref("gdpr_consent.channel_email").sudo()
        # A colleague is written to as one.
        outsiders = posted.recipient_ids.filtered("partner_share").with_company(company)
        reasons = outsiders._gdpr_get_send_refusals(purpose, channel, "marketing")
        cards = (
            self.env["gdpr.subject.mixin"].with_company(company)._get_cards(posted[:1].model, posted.mapped("res_id"))
        )
        own_reasons = cards._gdpr_get_send_refusals(purpose, channel, "marketing") if cards else {}
        customers = cards.sudo()._mail_get_partners() if own_reasons else {}
        typed = {
            mail: {*email_normalize_all(mail.email_to or ""), *email_normalize_all(mail.email_cc or "")}
            for mail in posted
        }
        people = self.env["gdpr.subject"].sudo().with_company(company)
        refusing = people._filter_refusing(set().union(*typed.values()), purpose, channel)
        refusing_contacts = outsiders.filtered(lambda partner: partner.id in reasons)
        stopped, left_out = {}, {}
        for mail in posted:
            own_reason = own_reasons.get(mail.res_id)
            refused = mail.recipient_ids & refusing_contacts
            addresses = typed[mail] & refusing
            if own_reason:
                # What isn't a contact's is the record's own address.
                refused |= customers[mail.res_id] & mail.recipient_ids & outsiders
                addresses = typed[mail]
            if not refused and not addresses:
                continue
            if refused == mail.recipient_ids and addresses == typed[mail]:
                stopped[mail.id] = own_reason or next((reasons[partner.id] for partner in refused), "refused")
                continue
            mail._note_refused(refused, {partner: reasons.get(partner.id, own_reason) for partner in refused})
            addresses |= {email for email in refused.mapped("email_normalized") if email}
            left_out[mail.id] = frozenset(refused.ids), frozenset(addresses)
        return stopped, left_out

    def _note_refused(self, partners, reasons):
        """Say in the chatter that the message doesn't reach these contacts, and why; the others get it."""
        self.ensure_one()
        explanations = self.env["gdpr.subject"]._get_contact_explanations()
        for notification in self.notification_ids.filtered(
            lambda notification: notification.mail_mail_id == self and notification.res_partner_id in partners
        ):
            notification.write(
                {
                    # What becomes of the mail isn't what became of theirs.
                    "mail_mail_id": False,
                    "notification_status": "canceled",
                    "failure_type": "mail_optout",
                    "failure_reason": explanations[reasons[notification.res_partner_id]],
                }
            )
