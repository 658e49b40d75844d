from odoo import api, models
from odoo.exceptions import UserError, ValidationError

from .mail_mail import CONSENT_PLACEHOLDER
from .mail_mail_gate import MESSAGE_KIND, MessageKind


class MailTemplate(models.Model):
    _name = "mail.template"
    _inherit = ["mail.template", "gdpr.message.template.mixin"]

    def send_mail_batch(
        self, res_ids, force_send=False, raise_exception=False, email_values=None, email_layout_xmlid=False
    ):
        """Let the mails of a marketing template be asked about when they leave, whichever program sends them.

        Each is its company's, also where the record is of all companies: each company is its own controller. What the
        system sends by itself about such a record is of all of them.
        """
        self.ensure_one()
        marked = self.with_context(**self._get_message_kind_context())
        is_ours = not self.env.user._is_superuser() or "allowed_company_ids" in self.env.context
        company = self.env.company if is_ours else self.env["res.company"]
        companies = self.env[self.model].browse(res_ids).sudo()._mail_get_companies(default=company)
        made = {}
        for company in dict.fromkeys(companies.values()):
            places = [place for place, res_id in enumerate(res_ids) if companies[res_id] == company]
            own_ids = [res_ids[place] for place in places]
            values = {"record_company_id": company.id, **(email_values or {})} if company else email_values
            mails = super(MailTemplate, marked).send_mail_batch(
                own_ids, email_values=values, email_layout_xmlid=email_layout_xmlid
            )
            made |= zip(places, mails.ids, strict=True)
        # As Odoo does: in the order of the records, and only then they leave.
        mails = marked.env["mail.mail"].sudo().browse(made[place] for place in sorted(made))
        if force_send:
            mails.send(raise_exception=raise_exception)
        return mails

    def _get_message_kind_context(self):
        """Give what to add to the context, so that the mails made in it are marketing where the template is."""
        self.ensure_one()
        template = self.sudo()
        if template.gdpr_message_class != "marketing":
            return {}
        purpose = template.gdpr_purpose_id or self.env["gdpr.purpose"].sudo()._get_default_marketing()
        return {MESSAGE_KIND: MessageKind("marketing", purpose.id)}

    def _asks_for_consent(self):
        """Tell whether the template holds the placeholder of the personal link."""
        self.ensure_one()
        return CONSENT_PLACEHOLDER in (self.body_html or "")

    def _check_consent_link(self):
        """Check that people get the placeholder of the personal link in whatever language they read.

        :raise ValidationError: with the template, and the language where it is one of several
        """
        self.ensure_one()
        for code, language in self.env["res.lang"].get_installed():
            if not self.with_context(lang=code)._asks_for_consent():
                raise ValidationError(
                    self.env._(
                        "The template “%(template)s” has no consent link in its text (%(language)s).",
                        template=self.name,
                        language=language,
                    )
                )

    @api.constrains("body_html", "active")
    def _check_campaigns(self):
        self.env["gdpr.consent.campaign"]._check_still_fits([("template_id", "in", self.ids)])

    @api.ondelete(at_uninstall=False)
    def _unlink_except_campaign(self):
        campaigns = self.env["gdpr.consent.campaign"].sudo().search([("template_id", "in", self.ids)], limit=1)
        if campaigns:
            raise UserError(
                self.env._(
                    "The template “%(template)s” can't be deleted: the campaign “%(campaign)s” asks with it. Archive it"
                    " instead.",
                    template=campaigns.template_id.name,
                    campaign=campaigns.name,
                )
            )
