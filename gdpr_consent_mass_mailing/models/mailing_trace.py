from odoo import api, fields, models


class MailingTrace(models.Model):
    _inherit = "mailing.trace"

    # The code, so that everybody reads it in their own language.
    gdpr_reason = fields.Selection(
        "_gdpr_get_reasons",
        string="Left Out Because",
        readonly=True,
        help="Why the person didn't get the mailing, when it was sent.",
    )
    gdpr_left_out = fields.Char(
        "Not Sent To",
        readonly=True,
        help="Addresses of the record that the mailing didn't go to, beside one it went to.",
    )

    @api.model
    def _gdpr_get_reasons(self):
        """Give why somebody gets nothing: the answers of the door out, and Odoo's own rules."""
        failures = self._fields["failure_type"]._description_selection(self.env)
        return [
            *self.env["gdpr.subject"]._get_contact_explanations().items(),
            ("some_addresses", self.env._("It was sent, but not to all addresses of the record.")),
            *failures,
        ]
