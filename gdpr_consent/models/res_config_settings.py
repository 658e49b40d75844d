from odoo import api, fields, models

from .gdpr_purpose import LEGAL_BASES
from .gdpr_scope import SWITCH_PARAMETER

# Written together, for the company checks them together.
WRITTEN_TOGETHER = (
    "gdpr_default_legal_basis",
    "gdpr_default_legal_basis_reason",
    "gdpr_link_validity_days",
    "gdpr_waiting_days",
    "gdpr_reminder_count",
    "gdpr_reminder_days",
    "gdpr_confirm_website",
    "gdpr_confirm_import",
    "gdpr_confirm_api",
    "gdpr_confirm_exemption_reason",
)


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    gdpr_enabled = fields.Boolean("Data Privacy", help="Off: nothing of Data Privacy is shown on records.")
    gdpr_scope_lead = fields.Boolean("Covered: Leads")
    gdpr_scope_contact = fields.Boolean("Covered: Contacts")
    gdpr_scope_vendor = fields.Boolean("Covered: Vendors")
    gdpr_ask_new_lead = fields.Boolean("Ask New Leads")
    gdpr_ask_new_contact = fields.Boolean("Ask New Contacts")
    gdpr_ask_new_vendor = fields.Boolean("Ask New Vendors")
    gdpr_ask_new_delay_lead = fields.Float("Ask New Leads After")
    gdpr_ask_new_delay_contact = fields.Float("Ask New Contacts After")
    gdpr_ask_new_delay_vendor = fields.Float("Ask New Vendors After")
    gdpr_vendor_available = fields.Boolean(compute="_compute_gdpr_vendor_available")
    gdpr_default_legal_basis = fields.Selection(
        [("not_applicable", "Not applicable"), *LEGAL_BASES], string="Legal Basis of New Records", required=True
    )
    gdpr_default_legal_basis_reason = fields.Text("Reason for the Default Legal Basis")
    gdpr_link_validity_days = fields.Integer("Validity of a Consent Link (Days)")
    gdpr_waiting_days = fields.Integer("Waiting Period (Days)")
    gdpr_reminder_count = fields.Integer("Reminders")
    gdpr_reminder_days = fields.Integer("Days Between Reminders")
    gdpr_cooldown_months = fields.Integer(related="company_id.gdpr_cooldown_months", readonly=False)
    gdpr_renewal_days = fields.Integer(related="company_id.gdpr_renewal_days", readonly=False)
    gdpr_confirmation_days = fields.Integer(related="company_id.gdpr_confirmation_days", readonly=False)
    gdpr_lifting_days = fields.Integer(related="company_id.gdpr_lifting_days", readonly=False)
    gdpr_confirm_website = fields.Boolean("Confirm Consent From the Web Site")
    gdpr_confirm_import = fields.Boolean("Confirm Imported Consent")
    gdpr_confirm_api = fields.Boolean("Confirm Consent From the API")
    gdpr_confirm_exemption_reason = fields.Text("Why Without Confirmation")
    gdpr_sender = fields.Char(related="company_id.gdpr_sender", readonly=False)
    gdpr_officer_name = fields.Char(related="company_id.gdpr_officer_name", readonly=False)
    gdpr_officer_email = fields.Char(related="company_id.gdpr_officer_email", readonly=False)
    gdpr_ip_retention = fields.Selection(related="company_id.gdpr_ip_retention", readonly=False, required=True)

    def _compute_gdpr_vendor_available(self):
        self.gdpr_vendor_available = "supplier_rank" in self.env["res.partner"]._fields

    @api.model
    def get_values(self):
        values = super().get_values()
        values["gdpr_enabled"] = self.env["gdpr.scope"]._is_enabled()
        for field, scope in self._get_gdpr_scopes().items():
            values[field] = scope.active
            kind = field.removeprefix("gdpr_scope_")
            values |= {f"gdpr_ask_new_{kind}": scope.ask_new, f"gdpr_ask_new_delay_{kind}": scope.ask_new_delay}
        for field in WRITTEN_TOGETHER:
            values[field] = self.env.company[field]
        values["gdpr_default_legal_basis"] = values["gdpr_default_legal_basis"] or "not_applicable"
        return values

    def set_values(self):
        super().set_values()
        # Stored as text: a parameter set to False would be removed, and mean the default, on.
        self.env["ir.config_parameter"].set_param(SWITCH_PARAMETER, str(self.gdpr_enabled))
        for field, scope in self._get_gdpr_scopes().items():
            kind = field.removeprefix("gdpr_scope_")
            wanted = {
                "active": self[field],
                "ask_new": self[f"gdpr_ask_new_{kind}"],
                "ask_new_delay": self[f"gdpr_ask_new_delay_{kind}"] or scope.ask_new_delay,
            }
            scope.write({name: value for name, value in wanted.items() if scope[name] != value})
        if any(self[field] != self.company_id[field] for field in WRITTEN_TOGETHER):
            self.company_id.write({field: self[field] for field in WRITTEN_TOGETHER})
        menu = self.env.ref("gdpr_consent.gdpr_consent_menu_root", raise_if_not_found=False)
        if menu and menu.active != self.gdpr_enabled:
            menu.active = self.gdpr_enabled
        self.env.registry.clear_cache()

    @api.model
    def _get_gdpr_scopes(self):
        """Give the shipped scopes that are still there, by the field that switches each."""
        scopes = {
            f"gdpr_scope_{kind}": self.env.ref(f"gdpr_consent.scope_{kind}", raise_if_not_found=False)
            for kind in ("lead", "contact", "vendor")
        }
        return {field: scope.sudo() for field, scope in scopes.items() if scope}
