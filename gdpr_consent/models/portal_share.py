from odoo import api, fields, models


class PortalShare(models.TransientModel):
    """Sharing a document is a message, too: of who has closed the channel it warns, and it is on record."""

    _inherit = "portal.share"

    gdpr_denials = fields.Text("Said No", compute="_compute_gdpr_denials", compute_sudo=True)

    @api.depends("partner_ids")
    @api.depends_context("lang", "allowed_company_ids")
    def _compute_gdpr_denials(self):
        people = self.env["gdpr.subject"]
        for wizard in self:
            partners = wizard.partner_ids._origin
            lines = [
                people._explain_denial(partners.browse(partner_id).name, denial)
                for partner_id, (_person_id, denial) in partners._gdpr_find_denials("email").items()
            ]
            wizard.gdpr_denials = "\n".join(lines) or False

    def action_send_mail(self):
        """Record to whom it went in spite of a no; those whose processing is suspended get nothing."""
        denials = self.partner_ids.sudo()._gdpr_find_denials("email")
        people = {person_id for person_id, denial in denials.values() if denial.reason != "restricted"}
        result = super().action_send_mail()
        if people:
            self.env["gdpr.subject"].sudo()._record_messages_in_spite(people, "email", is_declared=True)
        return result
