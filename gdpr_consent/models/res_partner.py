from odoo import api, models


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "gdpr.subject.mixin"]

    # Who is behind an address that is blacklisted: among a million contacts, those with a history only.
    _gdpr_email_idx = models.Index("(email_normalized) WHERE gdpr_subject_id IS NOT NULL")
    _gdpr_several_emails_idx = models.Index("(gdpr_subject_id) WHERE email LIKE '%@%@%'")

    @api.onchange("is_company")
    def _onchange_is_company_gdpr(self):
        """Let a new record start with the basis of its kind, unless another was chosen."""
        if self._origin or not self.env.user.has_group("gdpr_consent.group_user"):
            return
        starting = {kind: self._gdpr_get_default_basis({"is_company": kind})[0] for kind in (False, True)}
        if self.gdpr_legal_basis == starting[not self.is_company]:
            self.gdpr_legal_basis = starting[self.is_company]

    def _gdpr_get_name(self):
        self.ensure_one()
        return self.name or self.display_name

    def _gdpr_get_lang(self):
        return self.lang or super()._gdpr_get_lang()

    def _gdpr_get_own_addresses(self):
        """An individual's other addresses. Somebody who works with the person has a card of the own kind."""
        people = self.filtered(lambda partner: not partner.is_company)
        return self.with_context(active_test=False).search(
            [("parent_id", "in", people.ids), ("type", "!=", "contact"), ("gdpr_subject_id", "=", False)]
        )

    def _gdpr_filter_asked_automatically(self):
        # Colleagues have a contact too.
        return super()._gdpr_filter_asked_automatically().filtered("partner_share")

    def _gdpr_get_default_basis(self, vals):
        # A company isn't a natural person.
        if vals.get("is_company") or vals.get("company_type") == "company":
            return ("not_applicable", None)
        return super()._gdpr_get_default_basis(vals)
