from odoo import api, models

from ..wizards.sms_composer_to_many import BY_RULE, RULE


class IrActionsServer(models.Model):
    """A text message that an automation rule sends obeys what the person said, by what the template says it is."""

    _inherit = "ir.actions.server"

    @api.depends("sms_template_id.gdpr_message_class", "sms_method")
    def _compute_gdpr_unsaid_kind(self):
        super()._compute_gdpr_unsaid_kind()

    def _get_gdpr_message_template(self):
        if self.state == "sms":
            return self.sms_template_id if self.sms_method != "note" else None
        return super()._get_gdpr_message_template()

    def _run_action_sms_multi(self, eval_context=None):
        """Leave out who may not get marketing; what isn't called marketing is a service message.

        Messages without a note are asked about once more when they leave, as all messages to many.
        """
        message_class = self.sms_template_id.sudo().gdpr_message_class or "service"
        action = self.with_context(**{BY_RULE: RULE, "default_gdpr_message_class": message_class})
        return super(IrActionsServer, action)._run_action_sms_multi(eval_context=eval_context)
