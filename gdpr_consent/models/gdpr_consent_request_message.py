from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.mail import formataddr
from odoo.tools.misc import split_every

from ..tools.server_context import RequestOptions

BATCH = 1000
# What of a template becomes part of the mail; to whom it goes isn't the template's matter.
RENDERED_FIELDS = ("subject", "body_html", "email_from", "reply_to", "mail_server_id", "email_layout_xmlid")


class GdprConsentRequest(models.Model):
    """The messages that the add-on sends of itself: confirmations, reminders, renewals.

    Their templates are about the request, not about the card, so one of each kind does for all models.
    """

    _inherit = "gdpr.consent.request"

    @api.model
    def _queue_messages(self, kind, vals_list):
        """Make requests and the mails that carry them; Odoo's mail queue sends them.

        :param str kind: ``confirmation``, ``reminder`` or ``renewal``
        :param list[dict] vals_list: values of the requests, with the address
        :return: the requests, in the order of the values
        :rtype: gdpr.consent.request
        :raise UserError: the template was deleted, or has no link
        """
        requests = self.sudo().browse()
        template = self._get_message_template(kind)
        people = self.env["gdpr.subject"].sudo().browse({vals["subject_id"] for vals in vals_list})
        people._take_to_ask({(vals["company_id"], vals["email"]) for vals in vals_list})
        for chunk in split_every(BATCH, vals_list, list):
            made = self.sudo().create([{**vals, "kind": kind} for vals in chunk])
            self.env["mail.mail"].sudo().create(made._prepare_mails(template))
            requests += made
        return requests

    @api.model
    def _get_message_template(self, kind):
        template = self.env.ref(f"gdpr_consent.mail_template_{kind}", raise_if_not_found=False)
        if not template or not template.sudo()._asks_for_consent():
            kinds = dict(self._fields["kind"]._description_selection(self.env))
            raise UserError(
                self.env._(
                    "The e-mail template for “%(kind)s” messages is missing, or has no consent link in its text.",
                    kind=kinds[kind],
                )
            )
        return template.sudo()

    def _prepare_mails(self, template):
        rendered = template._generate_template(self.ids, RENDERED_FIELDS)
        return [request._prepare_mail(template, rendered[request.id]) for request in self]

    def _prepare_mail(self, template, values):
        """Give the values of the mail: what was rendered, in the frame that all of these messages share."""
        self.ensure_one()
        layout = values.pop("email_layout_xmlid")
        body = values["body_html"]
        if layout:
            speaking = self.with_context(lang=self.lang)
            context = {"company": speaking.company_id, "lang": self.lang, "request": speaking}
            body = template.with_context(lang=self.lang)._render_encapsulate(layout, body, context, speaking)
        if not values.get("email_from"):
            values.pop("email_from", None)
        return {
            **values,
            "body_html": body,
            "body": body,
            "model": self.res_model,
            "res_id": self.res_id,
            "email_to": formataddr((self.person_name or "", self.email)),
            "message_type": self.env[self.res_model]._gdpr_get_message_type(self.kind),
            "auto_delete": False,
            "gdpr_request_id": self.id,
        }

    def _get_link_days(self):
        """Give for how many days the link of the message will work."""
        self.ensure_one()
        company = self.company_id
        return company.gdpr_confirmation_days if self.kind == "confirmation" else company.gdpr_link_validity_days

    def _get_renewal_date(self):
        """Give when the first of the person's consents ends (UTC), or False when none of them does by time."""
        self.ensure_one()
        given = self.subject_id.consent_ids.filtered(lambda consent: consent.state == "given")
        if any(given.mapped("renewal_due")):
            return False
        return min(filter(None, given.mapped("expires_on")), default=False)

    # ------------------------------------------------------------
    # AFTER A WHILE
    # ------------------------------------------------------------

    def _remind(self):
        """Make a reminder of each of these requests for who can still be asked."""
        refused = self._get_refused("reminder")
        reminded = self.filtered(lambda request: request.id not in refused)
        if not reminded:
            return
        self._queue_messages("reminder", [request._prepare_reminder() for request in reminded])
        reminded.write({"reminder_queued_on": fields.Datetime.now()})

    def _get_refused(self, kind="first"):
        """Give the ids of those whose card is gone, isn't covered any more, or can't be asked.

        :param str kind: of the message that is about to be made or sent
        """
        refused = set(self.filtered(lambda request: not request.form_id.active).ids)
        for (model, company), requests in self.grouped(lambda request: (request.res_model, request.company_id)).items():
            cards = self.env["gdpr.subject.mixin"].with_company(company).with_context(active_test=False)
            askable = cards._get_cards(model, requests.mapped("res_id"))
            if askable:
                options = RequestOptions(
                    {"kind": kind, "request_ids": {request.res_id: request.id for request in requests}}
                )
                askable = askable.with_context(gdpr_request_options=options)._gdpr_filter_askable()
            refused.update(request.id for request in requests if not askable or request.res_id not in askable._ids)
        return refused

    def _prepare_reminder(self):
        self.ensure_one()
        card = self._get_card()
        return {
            "subject_id": self.subject_id.id,
            "campaign_id": self.campaign_id.id,
            "company_id": self.company_id.id,
            "res_model": self.res_model,
            "res_id": self.res_id,
            "form_id": self.form_id.id,
            "version_number": self.form_id.version_number,
            "user_id": self.user_id.id,
            "email": card._gdpr_get_email(),
            "lang": card._gdpr_get_lang(),
            "reminder_number": self.reminder_number + 1,
        }
