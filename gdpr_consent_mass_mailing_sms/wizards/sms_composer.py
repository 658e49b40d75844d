from odoo import models


class SmsComposer(models.TransientModel):
    """Note on the trace of who is left out why."""

    _inherit = "sms.composer"

    def _prepare_mass_sms_values(self, records):
        values_by_record = super()._prepare_mass_sms_values(records)
        if self._is_mass_sms() and self.gdpr_is_gated:
            for record_id, reason in self._get_gdpr_refusals(records).items():
                values = values_by_record.get(record_id, {})
                if values.get("failure_type") == "sms_optout":
                    for command in values["mailing_trace_ids"]:
                        command[2]["gdpr_reason"] = reason
        return values_by_record

    def _gdpr_may_declare_service(self):
        return super()._gdpr_may_declare_service() or self.mailing_id._gdpr_is_released_service()
