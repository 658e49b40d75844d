from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError

from .mail_mail import CONSENT_PLACEHOLDER


class MailComposeMessage(models.TransientModel):
    """Odoo's composer for a message to many: it leaves out who may not be contacted.

    A consent request to many isn't a message of this kind: it leaves out who can't be asked.
    """

    _inherit = "mail.compose.message"

    gdpr_is_gated = fields.Boolean(compute="_compute_gdpr_is_gated", compute_sudo=True)
    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        compute="_compute_gdpr_message_class",
        store=True,
        readonly=False,
        help="Marketing goes to those who may get it for the purpose. A service message (about an order, a contract)"
        " goes to all but those whose processing is suspended. A privacy officer says so, or the template.",
    )
    gdpr_may_declare = fields.Boolean(
        "May Declare a Service Message", compute="_compute_gdpr_may_declare", compute_sudo=False
    )
    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose",
        string="Purpose",
        compute="_compute_gdpr_purpose_id",
        compute_sudo=True,
        store=True,
        readonly=False,
        domain=lambda self: list(self.env["gdpr.purpose"]._get_marketing_domain()),
        help="What the message is for. It goes to those who agreed to this purpose, or whose legal basis it has.",
    )
    gdpr_left_out = fields.Text(compute="_compute_gdpr_left_out", compute_sudo=False)

    @api.depends("composition_mode", "model", "body")
    def _compute_gdpr_is_gated(self):
        covered = self.env["gdpr.scope"]._get_covered_models()
        for composer in self:
            composer.gdpr_is_gated = (
                composer.composition_mode == "mass_mail"
                and composer.model in covered
                and CONSENT_PLACEHOLDER not in (composer.body or "")
            )

    @api.depends("gdpr_is_gated", "template_id")
    def _compute_gdpr_message_class(self):
        gated = self.filtered("gdpr_is_gated")
        (self - gated).gdpr_message_class = False
        for composer in gated:
            chosen = composer.template_id.sudo().gdpr_message_class or composer.gdpr_message_class
            composer.gdpr_message_class = chosen or "marketing"

    @api.depends("template_id", "subject", "body")
    @api.depends_context("uid")
    def _compute_gdpr_may_declare(self):
        for composer in self:
            composer.gdpr_may_declare = composer._gdpr_may_declare_service()

    @api.depends("gdpr_is_gated", "gdpr_message_class", "template_id")
    def _compute_gdpr_purpose_id(self):
        for composer in self:
            if not composer.gdpr_is_gated or composer.gdpr_message_class != "marketing":
                composer.gdpr_purpose_id = False
                continue
            chosen = composer.template_id.gdpr_purpose_id or composer.gdpr_purpose_id
            composer.gdpr_purpose_id = chosen or self.env["gdpr.purpose"]._get_default_marketing()

    @api.depends("gdpr_is_gated", "gdpr_message_class", "gdpr_purpose_id", "res_ids", "res_domain")
    def _compute_gdpr_left_out(self):
        explanations = self.env["gdpr.subject"]._get_contact_explanations()
        for composer in self:
            if not composer.gdpr_is_gated:
                composer.gdpr_left_out = False
                continue
            cards = self.env[composer.model]
            if composer.res_domain:
                cards = cards.search(composer._evaluate_res_domain())
            else:
                cards = cards.browse(composer._evaluate_res_ids())
            reasons = Counter(composer._get_gdpr_refusals(cards.ids).values())
            lines = [
                self.env._(
                    "%(count)s of %(total)s won't receive this message.", count=reasons.total(), total=len(cards)
                )
            ]
            lines += [f"{count} – {explanations[reason]}" for reason, count in reasons.most_common()]
            composer.gdpr_left_out = "\n".join(lines) if reasons else False

    def _action_send_mail_mass_mail(self, res_ids, auto_commit=False):
        if self.gdpr_is_gated and self.gdpr_message_class == "service":
            self._gdpr_check_declared()
        return super()._action_send_mail_mass_mail(res_ids, auto_commit=auto_commit)

    def _gdpr_check_declared(self):
        """Let only who may say so send a service message to many.

        :raise UserError: somebody else does
        """
        if not self._gdpr_may_declare_service(self.attachment_ids.sudo()):
            raise UserError(
                self.env._(
                    "A message to many counts as marketing unless its template says that it is a service message and"
                    " nobody rewrote it. Choose such a template, or ask your privacy officer to send it."
                )
            )

    def _gdpr_may_declare_service(self, attachments=None):
        self.ensure_one()
        return self.env["gdpr.subject"]._may_declare_service(
            self.template_id, attachments=attachments, subject=self.subject, body_html=self.body
        )

    def _get_gdpr_refusals(self, res_ids):
        """Give, by id, why some of the records must not get this message."""
        self.ensure_one()
        if not self.gdpr_is_gated:
            return {}
        return (
            self.env[self.model]
            .browse(res_ids)
            ._gdpr_get_send_refusals(
                self.gdpr_purpose_id.sudo(),
                self.env.ref("gdpr_consent.channel_email").sudo(),
                self.gdpr_message_class or "marketing",
            )
        )

    def _process_mail_values_state(self, mail_values_dict):
        """Cancel the mails to those who may not be contacted, and let the others be asked about when they leave."""
        if not self.gdpr_is_gated:
            return super()._process_mail_values_state(mail_values_dict)
        refusals = self._get_gdpr_refusals(list(mail_values_dict))
        explanations = self.env["gdpr.subject"]._get_contact_explanations()
        for res_id, mail_values in mail_values_dict.items():
            mail_values["gdpr_message_class"] = self.gdpr_message_class or "marketing"
            mail_values["gdpr_purpose_id"] = self.gdpr_purpose_id.id
            if res_id in refusals:
                mail_values |= {
                    "state": "cancel",
                    "failure_type": "mail_optout",
                    "failure_reason": explanations[refusals[res_id]],
                    # Not into the chatter: nothing was sent.
                    "is_notification": False,
                }
        # Apart, so that one who gets nothing isn't taken for the first of two with the same address.
        receiving = super()._process_mail_values_state(
            {res_id: values for res_id, values in mail_values_dict.items() if res_id not in refusals}
        )
        return {res_id: receiving.get(res_id, values) for res_id, values in mail_values_dict.items()}

    def _get_blacklist_record_ids(self, mail_values_dict, recipients_info=None):
        """Let a service message reach those who object to marketing and no more."""
        blacklisted = super()._get_blacklist_record_ids(mail_values_dict, recipients_info)
        if not blacklisted or not self.gdpr_is_gated or not self._gdpr_reaches_objectors():
            return blacklisted
        cards = self.env[self.model].browse(blacklisted).sudo()
        emails = {card.id: card._gdpr_get_email() for card in cards}
        objecting = (
            self.env["mail.blacklist"]
            .sudo()
            .search([("email", "in", list(filter(None, emails.values()))), ("gdpr_objection", "=", True)])
        )
        reachable = set(objecting.mapped("email"))
        return {card_id for card_id in blacklisted if emails[card_id] not in reachable}

    def _gdpr_reaches_objectors(self):
        """Tell whether the message goes to people who are on the blacklist because they object to marketing."""
        self.ensure_one()
        return self.gdpr_message_class == "service"
