from odoo import models


class SmsComposer(models.TransientModel):
    """Note on the trace of who is left out why."""

    _inherit = "sms.composer"

    def _prepare_mass_sms_values(self, records):
        values_by_record = super()._prepare_mass_sms_values(records)
        if self._is_mass_sms() and self.gdpr_is_gated:
            refusals = self._get_gdpr_refusals(records)
            for record_id, values in values_by_record.items():
                failure = values.get("failure_type")
                if not failure:
                    continue
                # Odoo's own rules leave people out, too. What the person said comes first, as before sending.
                reason = refusals.get(record_id, failure)
                for command in values.get("mailing_trace_ids") or ():
                    command[2]["gdpr_reason"] = reason
        return values_by_record

    def _gdpr_may_declare_service(self):
        return super()._gdpr_may_declare_service() or self.mailing_id._gdpr_is_released_service()
