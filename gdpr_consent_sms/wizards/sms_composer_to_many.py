from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError

# In the context: a rule says what the message is. No client can send the object.
BY_RULE = "gdpr_sms_by_rule"
RULE = object()


class SmsComposer(models.TransientModel):
    """A text message to many leaves out who may not be contacted, as an e-mail to many does."""

    _inherit = "sms.composer"

    gdpr_is_gated = fields.Boolean(compute="_compute_gdpr_is_gated", compute_sudo=True)
    gdpr_message_class = fields.Selection(
        [("marketing", "Marketing"), ("service", "Service message")],
        string="Kind of Message",
        compute="_compute_gdpr_message_class",
        store=True,
        readonly=False,
        precompute=True,
        help="Marketing goes to those who may get it for the purpose. A service message (about an order, a contract)"
        " goes to all but those whose processing is suspended. A privacy officer says so, or the template.",
    )
    gdpr_may_declare = fields.Boolean("May Declare a Service Message", compute="_compute_gdpr_may_declare")
    gdpr_left_out = fields.Text(compute="_compute_gdpr_left_out", compute_sudo=False)
    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose",
        string="Purpose",
        default=lambda self: (
            self._get_gdpr_template().gdpr_purpose_id or self.env["gdpr.purpose"].sudo()._get_default_marketing()
        ),
        domain=lambda self: list(self.env["gdpr.purpose"]._get_marketing_domain()),
        help="What the message is for. It goes to those who agreed to this purpose, or whose legal basis it has.",
    )

    @api.model
    def _get_gdpr_template(self):
        """Give the template the composer is opened with."""
        return self.env["sms.template"].sudo().browse(self.env.context.get("default_template_id")).exists()

    @api.depends("composition_mode", "res_model", "comment_single_recipient")
    def _compute_gdpr_is_gated(self):
        covered = self.env["gdpr.scope"]._get_covered_models()
        for composer in self:
            is_to_many = composer.composition_mode != "numbers" and not composer.comment_single_recipient
            composer.gdpr_is_gated = is_to_many and composer.res_model in covered

    @api.depends("template_id")
    def _compute_gdpr_message_class(self):
        for composer in self:
            chosen = (composer.template_id or composer._get_gdpr_template()).sudo().gdpr_message_class
            composer.gdpr_message_class = chosen or composer.gdpr_message_class or "marketing"

    @api.depends("template_id", "body")
    @api.depends_context("uid")
    def _compute_gdpr_may_declare(self):
        for composer in self:
            composer.gdpr_may_declare = composer._gdpr_may_declare_service()

    @api.depends("gdpr_is_gated", "gdpr_message_class", "gdpr_purpose_id", "res_ids", "use_exclusion_list")
    def _compute_gdpr_left_out(self):
        for composer in self:
            if not composer.gdpr_is_gated:
                composer.gdpr_left_out = False
                continue
            records = composer._get_records()
            reasons = Counter(composer._find_gdpr_left_out(records).values())
            lines = [
                self.env._(
                    "%(count)s of %(total)s won't receive this message.", count=reasons.total(), total=len(records)
                )
            ]
            lines += [f"{count} – {reason}" for reason, count in reasons.most_common()]
            composer.gdpr_left_out = "\n".join(lines) if reasons else False

    def action_send_sms(self):
        for composer in self:
            if composer.comment_single_recipient:
                composer._check_gdpr_denial()
            composer._check_gdpr_numbers()
            is_service = composer.gdpr_is_gated and composer.gdpr_message_class == "service"
            if is_service and not composer._gdpr_may_declare_service():
                raise UserError(
                    self.env._(
                        "A message to many counts as marketing unless its template says that it is a service message"
                        " and nobody rewrote it. Choose such a template, or ask your privacy officer to send it."
                    )
                )
        return super().action_send_sms()

    def _check_gdpr_numbers(self):
        """Refuse to send marketing, or a message to several, to typed numbers of people who said no.

        :raise UserError: so
        """
        numbers = {number for number in (self.sanitized_numbers or "").split(",") if number}
        template = (self.template_id or self._get_gdpr_template()).sudo()
        is_marketing = template.gdpr_message_class == "marketing"
        if is_marketing and self.comment_single_recipient:
            numbers |= {self._get_gdpr_number()} - {False, None, ""}
        is_service = self.gdpr_message_class == "service" and self._gdpr_may_declare_service()
        if is_service or not (is_marketing or len(numbers) > 1):
            return
        purpose = (is_marketing and template.gdpr_purpose_id) or self.gdpr_purpose_id.sudo()
        purpose = purpose or self.env["gdpr.purpose"].sudo()._get_default_marketing()
        people, channel = self.env["gdpr.subject"].sudo(), self.env.ref("gdpr_consent.channel_sms").sudo()
        if refusing := people._filter_refusing(numbers, purpose, channel):
            raise UserError(
                self.env._(
                    "Whoever has these numbers said no to such messages: %(numbers)s. Take them out.",
                    numbers=", ".join(sorted(refusing)),
                )
            )

    def _gdpr_may_declare_service(self):
        self.ensure_one()
        template = self.template_id or self._get_gdpr_template()
        people = self.env["gdpr.subject"]
        return self.env.context.get(BY_RULE) is RULE or people._may_declare_service(template, body=self.body)

    def _find_gdpr_left_out(self, records):
        """Give, by id and in words, why some of the records wouldn't get this message if it were sent now.

        As ``_prepare_mass_sms_values`` decides, without rendering the texts.
        """
        explanations = self.env["gdpr.subject"]._get_contact_explanations()
        left_out = {res_id: explanations[reason] for res_id, reason in self._get_gdpr_refusals(records).items()}
        failures = dict(self.env["sms.sms"]._fields["failure_type"]._description_selection(self.env))
        recipients = self._prepare_recipient_values(records)
        decided = [
            (set(self._get_blacklist_record_ids(records, recipients)), "sms_blacklist"),
            (set(self._get_optout_record_ids(records, recipients)), "sms_optout"),
            (set(self._get_done_record_ids(records, recipients)), "sms_duplicate"),
        ]
        for record in records:
            recipient = recipients[record.id]
            failure = "sms_number_format" if recipient["number"] else "sms_number_missing"
            if recipient["sanitized"]:
                failure = next((failure for ids, failure in decided if record.id in ids), None)
            if failure:
                left_out.setdefault(record.id, failures[failure])
        return left_out

    def _filter_out_and_handle_revoked_sms_values(self, sms_values_all):
        """Keep the text out of the chatter of who doesn't get it: the cancelled message alone tells of it."""
        values_by_record = super()._filter_out_and_handle_revoked_sms_values(sms_values_all)
        if not self.gdpr_is_gated:
            return values_by_record
        revoked = [values for values in values_by_record.values() if values["state"] == "canceled"]
        self.env["sms.sms"].sudo().create(revoked)
        return {res_id: values for res_id, values in values_by_record.items() if values["state"] != "canceled"}

    def _get_optout_record_ids(self, records, recipients_info):
        """Leave out who may not be contacted."""
        return [*super()._get_optout_record_ids(records, recipients_info), *self._get_gdpr_refusals(records)]

    def _get_gdpr_refusals(self, records):
        """Give, by id, why some of the records must not get this message."""
        if not self.gdpr_is_gated:
            return {}
        return records._gdpr_get_send_refusals(
            self.gdpr_purpose_id.sudo(),
            self.env.ref("gdpr_consent.channel_sms").sudo(),
            self.gdpr_message_class or "marketing",
        )

    def _action_send_sms_comment(self, records=None):
        """Post nothing on the records of those who may not be contacted, where it is posted on many."""
        records = records if records is not None else self._get_records()
        if self.gdpr_is_gated:
            records -= records.browse(self._get_gdpr_refusals(records))
        return super()._action_send_sms_comment(records)

    def _prepare_mass_sms_values(self, records):
        """Let the others be asked about again when the messages leave."""
        values_by_record = super()._prepare_mass_sms_values(records)
        if self.gdpr_is_gated:
            for record_id, values in values_by_record.items():
                values |= {
                    "gdpr_message_class": self.gdpr_message_class or "marketing",
                    "gdpr_purpose_id": self.gdpr_purpose_id.id,
                    "gdpr_model": records._name,
                    "gdpr_res_id": record_id,
                }
        return values_by_record
