from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.mail import email_normalize_all

from .gdpr_subject_door_out import Outgoing
from .mail_mail_gate import EXEMPTION, MESSAGE_KIND, Exemption, MessageKind
from .mail_thread import DECLARED


class MailComposeMessage(models.TransientModel):
    """Odoo's composer for a message to single persons: it doesn't write to one whose processing is suspended.

    An officer can say why a message must go out all the same; that is kept in the person's history. Of one who has
    closed the channel it warns: whoever sends all the same says that it is a service message.
    """

    _inherit = "mail.compose.message"

    gdpr_restricted_recipients = fields.Char(compute="_compute_gdpr_restricted_recipients", compute_sudo=True)
    gdpr_denials = fields.Text("Said No", compute="_compute_gdpr_denials", compute_sudo=True)
    gdpr_exemption = fields.Text(
        "Must Be Sent Because",
        groups="gdpr_consent.group_officer",
        help="Why the message must go out although the processing is suspended: the person asked for it, the law"
        " demands it, or a claim depends on it (article 18(2) GDPR). Kept in the person's history.",
    )

    @api.depends("composition_mode", "model", "res_ids", "partner_ids", "gdpr_consent_form_id")
    def _compute_gdpr_restricted_recipients(self):
        for composer in self:
            composer.gdpr_restricted_recipients = ", ".join(composer._get_gdpr_restricted_recipients().mapped("name"))

    @api.depends("composition_mode", "partner_ids", "subtype_is_log", "gdpr_consent_form_id", "gdpr_answer_id")
    @api.depends_context("lang", "allowed_company_ids")
    def _compute_gdpr_denials(self):
        people = self.env["gdpr.subject"]
        for composer in self:
            denials = composer._get_gdpr_denials()
            lines = [people._explain_denial(partner.name, denial) for partner, denial in denials.items()]
            composer.gdpr_denials = "\n".join(lines) or False

    def _get_gdpr_denials(self):
        """Give the recipients who have closed the channel, and why; those whose processing is suspended apart."""
        self.ensure_one()
        is_other = self.subtype_is_log or self.gdpr_consent_form_id or self.gdpr_answer_id
        if self.composition_mode != "comment" or is_other or not self.env["gdpr.subject"]._has_anybody_spoken():
            return {}
        partners = self.partner_ids.sudo()._origin
        denials = {
            partners.browse(found): denial for found, (_, denial) in partners._gdpr_find_denials("email").items()
        }
        return {partner: denial for partner, denial in denials.items() if denial.reason != "restricted"}

    def _get_gdpr_restricted_recipients(self):
        """Give the recipients who may not get this message now, for their processing is suspended."""
        self.ensure_one()
        is_other = self.composition_mode != "comment" or self.gdpr_consent_form_id
        if is_other or not self.env["gdpr.subject"]._is_anybody_restricted():
            return self.env["res.partner"]
        partners = self.partner_ids.sudo()
        emails = {partner: frozenset(email_normalize_all(partner.email or "")) for partner in partners}
        res_ids = self._evaluate_res_ids() or [None]
        outgoing = {
            partner: Outgoing(frozenset(partner.ids), emails[partner], self.model, res_ids[0]) for partner in partners
        }
        return partners.browse(partner.id for partner in self.env["gdpr.subject"]._get_restricted_addressees(outgoing))

    def _action_schedule_message(self):
        for composer in self:
            composer._check_gdpr_restricted(composer._get_gdpr_restricted_recipients(), can_be_exempt=False)
            composer._check_gdpr_denials()
        return super()._action_schedule_message()

    def _prepare_schedule_message_post_values(self, post_values):
        """Remember until the message is posted that whoever wrote it was warned, if so."""
        values = super()._prepare_schedule_message_post_values(post_values)
        if not self.gdpr_denials:
            return values
        return {**values, "send_context": {**(values["send_context"] or {}), DECLARED: True}}

    def action_send_mail(self):
        """Send nothing where one of the recipients may not get it, unless an officer says why it must go out.

        By code, a message of a marketing template, or to many, is asked about when it leaves.
        """
        for composer in self:
            composer._check_gdpr_restricted(composer._get_gdpr_restricted_recipients())
            composer._check_gdpr_denials()
        return super().action_send_mail()

    def _action_send_mail_comment(self, res_ids):
        """Let a message go to restricted persons where an officer says why; by code it goes to the others."""
        self.ensure_one()
        if len(res_ids) > 1 and self.template_id.sudo().gdpr_message_class == "service":
            self._gdpr_check_declared()
        if self.message_type == "comment" and len(res_ids) == 1:
            # Whoever sends from here was warned.
            self = self.with_context(**{DECLARED: True})
        else:
            # An automation rule, or to many: nobody looks at each before it is posted.
            self = self.with_context(**self._get_gdpr_kind_context(res_ids))
        is_officer = self.env.user.has_group("gdpr_consent.group_officer")
        reason = (self.gdpr_exemption or "").strip() if is_officer else ""
        partners = self._get_gdpr_restricted_recipients() if reason else self.env["res.partner"]
        if not partners:
            return super()._action_send_mail_comment(res_ids)
        people = self.env["gdpr.subject"].sudo()
        addresses = [email for email in partners.mapped("email_normalized") if email]
        (partners.gdpr_subject_id | people._find_by_emails(addresses))._record_exemption(reason)
        exempt = self.with_context(**{EXEMPTION: Exemption(reason)})
        return super(MailComposeMessage, exempt)._action_send_mail_comment(res_ids)

    def _get_gdpr_kind_context(self, res_ids):
        """Give what to add to the context, so that what is posted is marketing where it would be as a mail to many."""
        template = self.template_id.sudo()
        is_to_many = len(res_ids) > 1 and self.model in self.env["gdpr.scope"]._get_covered_models()
        if is_to_many and not template.gdpr_message_class:
            purpose = self.env["gdpr.purpose"].sudo()._get_default_marketing()
            return {MESSAGE_KIND: MessageKind("marketing", purpose.id)}
        return template._get_message_kind_context() if template else {}

    def _check_gdpr_restricted(self, partners, can_be_exempt=True):
        if not partners:
            return
        is_officer = self.env.user.has_group("gdpr_consent.group_officer")
        if can_be_exempt and is_officer and (self.gdpr_exemption or "").strip():
            return
        names = ", ".join(partners.mapped("name"))
        if is_officer:
            raise UserError(
                self.env._(
                    "The processing is suspended of: %(names)s. Their data is only stored, so this message can't be"
                    " sent to them. Answer a request from its case. If the law demands this message, say why and"
                    " send it now.",
                    names=names,
                )
            )
        raise UserError(
            self.env._(
                "The processing is suspended of: %(names)s. Their data is only stored, so this message can't be sent"
                " to them. Take them off the recipients to send it to the others, or ask your privacy officer if it"
                " must be.",
                names=names,
            )
        )

    def _check_gdpr_denials(self):
        """Refuse to send a template for marketing as a service message."""
        template = self.template_id.sudo()
        if template.gdpr_message_class == "marketing" and self.gdpr_denials:
            raise UserError(
                self.env._(
                    "%(denials)s\n\nThe template “%(template)s” is marketing. Remove them from the recipients, or write"
                    " a service message without this template.",
                    denials=self.gdpr_denials,
                    template=template.name,
                )
            )
