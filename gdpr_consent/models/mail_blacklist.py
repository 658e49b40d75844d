from odoo import api, models
from odoo.tools import html2plaintext
from odoo.tools.mail import email_normalize

from ..tools.server_context import is_set
from .gdpr_blacklist_mixin import SILENT

# Why an address is blacklisted, as whoever blacklists it says.
REASON = "gdpr_blacklist_reason"


class MailBlacklist(models.Model):
    """Addresses that get no marketing: an objection puts them here, and who is put here objects."""

    _name = "mail.blacklist"
    _inherit = ["mail.blacklist", "gdpr.blacklist.mixin"]

    _gdpr_address_field = "email"
    _gdpr_card_field = "email_normalized"

    @api.model_create_multi
    def create(self, vals_list):
        entries = super().create(vals_list)
        entries._gdpr_record_objections()
        return entries

    def write(self, vals):
        result = super().write(vals)
        if vals.get("active") or "email" in vals:
            self._gdpr_record_objections()
        return result

    def _add(self, email, message=None):
        if message:
            self = self.with_context(**{REASON: html2plaintext(message, include_references=False)})
        entry = super()._add(email, message=message)
        entry._gdpr_record_objections()
        return entry

    @api.model
    def _gdpr_is_normalised(self, address):
        return email_normalize(address) == address

    def _gdpr_record_objections(self):
        """Record in the ledger that the persons with these addresses object to marketing (article 21(2)).

        Only of persons who have a history: a card that nobody ever looked at stays untouched, unless the person
        says it, who isn't brought back then, whatever list a mailing passes.
        """
        if is_set(self.env, SILENT):
            return
        entries = self.sudo().filtered("active")
        # Somebody else wants them here too: they stay when the objection is lifted.
        entries.filtered("gdpr_objection").gdpr_objection = False
        emails = entries.mapped("email")
        act = self._gdpr_prepare_act()
        if act["actor"] == "person":
            for model in sorted(self.env["gdpr.scope"]._get_covered_models()):
                self.env[model].sudo()._gdpr_begin_histories(emails)
        self.env["gdpr.subject"].sudo()._find_by_emails(emails)._record_objection(**act)

    @api.model
    def _gdpr_prepare_act(self):
        """Give how the objection came, as far as can be told."""
        user = self.env.user
        is_operator = user._is_internal() and not user._is_superuser()
        source = "import" if self.env.context.get("import_file") else None
        actor = "operator" if is_operator else "system"
        if not user._is_internal():
            # By the link of a mailing, or logged in: nobody else gets there.
            actor, source = "person", "website" if user._is_public() else "portal"
        return {
            "actor": actor,
            "source": source,
            "values": {
                "reason": self.env._("The e-mail address was blacklisted."),
                "note": self.env.context.get(REASON),
            },
        }
