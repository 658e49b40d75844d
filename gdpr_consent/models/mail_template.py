from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .mail_mail import CONSENT_PLACEHOLDER


class MailTemplate(models.Model):
    _inherit = "mail.template"

    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        help="For messages to many: marketing goes to those who may get it only, a service message (about an order, a"
        " contract) to all but those whose processing is suspended. Empty: marketing, unless the sender chooses.",
    )

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
