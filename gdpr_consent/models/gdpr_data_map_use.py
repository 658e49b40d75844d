from odoo import models


class GdprDataMap(models.Model):
    """What records are used for, as the person is told (article 15(1)(a), law.md R-50)."""

    _inherit = "gdpr.data.map"

    def _get_use(self):
        """Give what the records are used for, in the language of the context.

        What a company declares counts; else why they are kept, and what such records are for in Odoo.

        :return: a sentence; empty where nothing says it
        :rtype: str
        """
        use = (self.used_for or "").strip() or self._get_usual_use()
        reason = self.keep_reason if self.is_personal and self.erasure == "keep" else ""
        return " ".join(filter(None, [use, reason]))

    def _get_usual_use(self):
        """Give what such records are for in Odoo; of names that begin alike the longest counts."""
        uses = self._get_usual_uses()
        model = self.model or ""
        return next((uses[start] for start in sorted(uses, key=len, reverse=True) if model.startswith(start)), "")

    def _get_usual_uses(self):
        """Give what records are for, by how the name of their model begins."""
        contact = self.env._("To know who you are, to reach you and to deal with you.")
        account = self.env._("To let you log in, and to protect your account.")
        messages = self.env._("To correspond with you, and to know what was said and done.")
        invoicing = self.env._("To invoice, to pay and be paid, and to keep the accounts.")
        orders = self.env._("To make offers, and to carry out orders and contracts.")
        staff = self.env._("To employ people and to work with them.")
        events = self.env._("To hold events and to let you take part.")
        mailings = self.env._("To send mailings to those who want them, and to nobody else.")
        work = self.env._("To do the work that was asked for.")
        return {
            "res.partner": contact,
            "res.partner.bank": invoicing,
            "res.users": account,
            "auth.": account,
            "mail.": messages,
            "discuss.": messages,
            "sms.": messages,
            "snailmail.": messages,
            "rating.": messages,
            "ir.attachment": messages,
            "crm.": self.env._("To answer inquiries and to prepare offers."),
            "sale.": orders,
            "loyalty.": orders,
            "pos.": orders,
            "purchase.": orders,
            "stock.": orders,
            "account.": invoicing,
            "payment.": invoicing,
            "calendar.": self.env._("To arrange appointments and to keep them."),
            "mailing.": mailings,
            "event.": events,
            "project.": work,
            "helpdesk.": work,
            "repair.": work,
            "maintenance.": work,
            "hr.": staff,
            "fleet.": staff,
            "hr.applicant": self.env._("To fill vacancies."),
            "survey.": self.env._("To ask people, and to evaluate what they answer."),
            "website.": self.env._("To run the web site."),
            "im_livechat.": messages,
            "gdpr.": self.env._("To respect what you decide about your data, and to prove it."),
        }
