from odoo import models

# What an invoice names its customer by: Odoo's invoice has no copy of it, it reads the contact.
IDENTITY = (
    "name",
    "complete_name",
    "commercial_company_name",
    "company_name",
    "street",
    "street2",
    "zip",
    "city",
    "vat",
    "company_registry",
    "l10n_it_codice_fiscale",
    "l10n_it_pa_index",
    "l10n_latam_identification_type_id",
)


class ResPartner(models.Model):
    """What is left of a contact when the person is erased."""

    _inherit = "res.partner"

    def _gdpr_get_identity_fields(self):
        return [*super()._gdpr_get_identity_fields(), *IDENTITY]

    def _gdpr_anonymise(self, names):
        # First let go of the employer and of others: Odoo copies an address up and down.
        self.filtered("parent_id").write({"parent_id": False})
        self._gdpr_let_go_of_others()
        super()._gdpr_anonymise([*names, "category_id"])

    def _gdpr_freeze(self):
        self._gdpr_let_go_of_others()
        super()._gdpr_freeze()
        self.write({"category_id": [(5,)]})

    def _gdpr_let_go_of_others(self):
        others = self.with_context(active_test=False).child_ids - self
        others.write({"parent_id": False})

    def _gdpr_get_freely_emptied(self):
        # What Odoo copies from a contact to its company isn't the contact's own.
        commercial = set(self._commercial_fields()) if self.parent_id else set()
        return [name for name in super()._gdpr_get_freely_emptied() if name not in commercial]

    def _gdpr_get_erasure_hindrance(self):
        """A colleague who still works here has an account of the own; the company itself isn't a natural person."""
        companies = self.env["res.company"].sudo().search([("partner_id", "in", self.ids)], limit=1)
        if companies:
            return self.env._("%(name)s is the contact of one of your companies.", name=companies.name)
        colleagues = self.sudo().with_context(active_test=True).user_ids.filtered(lambda user: not user.share)
        if colleagues:
            return self.env._(
                "%(name)s is a colleague with an account that is in use. Archive the account first.",
                name=colleagues[0].name,
            )
        return super()._gdpr_get_erasure_hindrance()

    def _gdpr_add_needed(self, needed, ids):
        # The name of an invoice address is that of the contact it belongs to.
        partners = self.sudo().browse(list(needed))
        for partner in partners:
            for above in (partner.parent_id, partner.commercial_partner_id):
                if above.id in ids and above.id not in needed:
                    needed[above.id] = needed[partner.id]
        return needed
