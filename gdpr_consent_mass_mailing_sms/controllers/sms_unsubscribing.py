from odoo.http import request, route

from odoo.addons.mass_mailing_sms.controllers.main import MailingSMSController


class SmsUnsubscribing(MailingSMSController):
    """The link in a text message: who follows it and types the number leaves, and that is on record."""

    @route()
    def blacklist_number(self, mailing_id, trace_code, **post):
        """Record beside Odoo's blacklist what the person took back; leaving a list is recorded by the list."""
        number = post.get("sms_number", "").strip(" ")
        trace = self._check_trace(mailing_id, trace_code).get("trace", request.env["mailing.trace"].sudo())
        trace = trace.filtered(lambda found: number and found.sms_number == number)[:1]
        blacklist = request.env["phone.blacklist"].sudo()
        is_new = (
            trace and not trace.mass_mailing_id.contact_list_ids and not blacklist.search([("number", "=", number)])
        )
        page = super().blacklist_number(mailing_id, trace_code, **post)
        if is_new:
            trace._gdpr_record_leaving()
        return page
