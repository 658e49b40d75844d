from odoo import models


class CrmLead(models.Model):
    _name = "crm.lead"
    _inherit = ["crm.lead", "gdpr.subject.mixin"]

    _gdpr_email_field = "email_from"
    # A lead has its contact's.
    _gdpr_address_sources = ("phone", "country_id", "partner_id")

    # Who is behind an address that is blacklisted: among a million contacts, those with a history only.
    _gdpr_email_idx = models.Index("(email_normalized) WHERE gdpr_subject_id IS NOT NULL")
    _gdpr_several_emails_idx = models.Index("(gdpr_subject_id) WHERE email_from LIKE '%@%@%'")

    def write(self, vals):
        """Let a lead that gets a contact, or another one, follow the contact's person."""
        if not vals.get("partner_id"):
            return super().write(vals)
        before = {lead: lead.partner_id for lead in self.sudo()}
        result = super().write(vals)
        for lead, partner in before.items():
            if lead.partner_id != partner and not lead.partner_id.is_company:
                lead._gdpr_follow_partner(partner)
        return result

    def _gdpr_follow_partner(self, before):
        """Make the person of the lead and that of its new contact one.

        :param res.partner before: the contact the lead had
        """
        self.ensure_one()
        partner, subject = self.partner_id, self.gdpr_subject_id
        if not subject:
            self._gdpr_adopt_subjects()
        elif before and subject == before.gdpr_subject_id:
            # The lead was about that contact; now it is about another person.
            self._gdpr_link_subject(partner._gdpr_ensure_subjects())
        elif partner.gdpr_subject_id:
            partner.gdpr_subject_id._join(subject, self.env._("A lead of this person was linked to the contact."))
        else:
            partner._gdpr_link_subject(subject)

    def _merge_dependences(self, opportunities):
        """Let what the persons of merged leads said go on with the one that is left.

        Not what the leads' contacts said: deals of two colleagues can be merged, and they stay two people.
        """
        leads = opportunities.sudo()
        own_partner = self.sudo().partner_id
        self.sudo()._gdpr_take_over(leads.filtered(lambda lead: lead.partner_id in (own_partner, own_partner.browse())))
        return super()._merge_dependences(opportunities)

    def _gdpr_get_name(self):
        self.ensure_one()
        return self.contact_name or self.partner_id.name or self.partner_name or self.name

    def _gdpr_get_lang(self):
        return self.lang_code or self.partner_id.lang or super()._gdpr_get_lang()

    def _gdpr_adopt_subjects(self, make=False):
        """A lead of a known contact is about the same person, unless the contact is a company."""
        leads = self.filtered(lambda lead: lead.partner_id and not lead.partner_id.is_company)
        if make:
            leads.partner_id._gdpr_ensure_subjects()
        leads = leads.filtered(lambda lead: lead.partner_id.gdpr_subject_id)
        leads._gdpr_link_subjects([lead.partner_id.gdpr_subject_id.id for lead in leads])
