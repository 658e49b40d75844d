from odoo import models


class CrmLead(models.Model):
    _name = "crm.lead"
    _inherit = ["crm.lead", "gdpr.subject.mixin"]

    _gdpr_email_field = "email_from"

    def write(self, vals):
        result = super().write(vals)
        if vals.get("partner_id"):
            leads = self.sudo()
            leads.filtered(lambda lead: not lead.gdpr_subject_id)._gdpr_adopt_subjects()
            # A lead that becomes a contact takes what the person said along.
            for lead in leads.filtered(lambda lead: lead.gdpr_subject_id and not lead.partner_id.is_company):
                if not lead.partner_id.gdpr_subject_id:
                    lead.partner_id._gdpr_link_subject(lead.gdpr_subject_id)
        return result

    def _gdpr_get_name(self):
        self.ensure_one()
        return self.contact_name or self.partner_id.name or self.partner_name or self.name

    def _gdpr_get_lang(self):
        return self.lang_code or self.partner_id.lang or super()._gdpr_get_lang()

    def _gdpr_adopt_subjects(self, make=False):
        """A lead of a known contact is about the same person, unless the contact is a company."""
        for lead in self.filtered(lambda lead: lead.partner_id and not lead.partner_id.is_company):
            partner = lead.partner_id
            subject = partner._gdpr_ensure_subjects() if make else partner.gdpr_subject_id
            if subject:
                lead._gdpr_link_subject(subject)
