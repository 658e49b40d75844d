from odoo import api, fields, models
from odoo.exceptions import UserError

# Confirmations asked for an address, as from the forms of the web site.
MAILS_PER_ADDRESS_AND_DAY = 3


class MailingContact(models.Model):
    """Whoever is on a mailing list is a person too: a card like contacts and leads."""

    _name = "mailing.contact"
    _inherit = ["mailing.contact", "gdpr.subject.mixin"]

    # Who is behind an address that is blacklisted: among a million contacts, those with a history only.
    _gdpr_email_idx = models.Index("(email_normalized) WHERE gdpr_subject_id IS NOT NULL")
    _gdpr_several_emails_idx = models.Index("(gdpr_subject_id) WHERE email LIKE '%@%@%'")

    def _gdpr_get_name(self):
        self.ensure_one()
        return self.name or self.email or self.display_name

    @api.model
    def _gdpr_get_message_type(self, kind):
        """Anybody who types an address causes a confirmation: the history tells of it, the chatter needn't."""
        return "user_notification" if kind == "confirmation" else super()._gdpr_get_message_type(kind)

    def _gdpr_declare_joining(self, purpose, lists):
        """Record that the person chose lists of a purpose, and ask to confirm it, unless it is agreed already."""
        if not self:
            return
        said = self.env._("Chose on the page of mailing lists: %(lists)s", lists=", ".join(lists.mapped("name")))
        limits = self.env["gdpr.rate.limit"]
        act = self.env["mailing.subscription"]._gdpr_prepare_act() | {"actor": "person"}
        if self.gdpr_may_contact(purpose, "email")[self.id]["allowed"]:
            person = self._gdpr_ensure_subjects().root_id
            self.env["gdpr.subject"]._record_acts(
                [{**act, "subject_id": person.id, "action": "noted", "values": {"note": said}}]
            )
            return
        try:
            with self.env.cr.savepoint():
                if self.gdpr_legal_basis == "not_applicable":
                    self._gdpr_apply_basis("consent", actor="system")
                if not limits._hit("declaration", self._gdpr_get_email(), MAILS_PER_ADDRESS_AND_DAY, minutes=24 * 60):
                    raise UserError(self.env._("Asked to confirm too often today."))
                self._gdpr_declare_consent(
                    self._gdpr_get_read_out_versions(purpose),
                    {purpose.id: ["email"]},
                    source="website",
                    occurred_on=fields.Datetime.now(),
                    attachment=None,
                    values={"note": "", "evidence": said},
                )
        except UserError as error:
            person = self._gdpr_ensure_subjects().root_id
            noted = {**act, "subject_id": person.id, "action": "noted", "values": {"note": f"{said}. {error}"}}
            self.env["gdpr.subject"]._record_acts([noted])
