from datetime import timedelta

from odoo import api, fields, models

from .gdpr_consent_request_answer import GRACE


class GdprConsentRequest(models.Model):
    """Double opt-in: what somebody typed counts when the person confirms it from the mailbox (law.md R-10, R-11)."""

    _inherit = "gdpr.consent.request"

    def _get_declared_choices(self):
        """Give the channel codes declared, by id of each purpose."""
        self.ensure_one()
        return {int(purpose_id): codes for purpose_id, codes in (self.declared_choices or {}).items()}

    def _get_declared(self, version=None):
        """Give what was declared, in the words of the form.

        :param gdpr.consent.form.version version: default that of the person's language
        :return: the purposes as the frozen wording has them, with the channels declared alone
        :rtype: list[dict]
        """
        self.ensure_one()
        choices = self._get_declared_choices()
        content = (version or self._get_version())._get_content()
        return [
            purpose
            | {"channels": [channel for channel in purpose["channels"] if channel["code"] in choices[purpose["id"]]]}
            for purpose in content["purposes"]
            if purpose["id"] in choices
        ]

    @api.model
    def _find_just_declared(self, choices_by_person):
        """Give, by person, the open confirmation made a moment ago of the same choices: a double click, two tabs.

        :param dict choices_by_person: the channel codes, by id of each purpose, by person
        :rtype: dict[gdpr.subject, gdpr.consent.request]
        """
        since = fields.Datetime.now() - GRACE
        return {
            request.subject_id: request
            for request in self.env["gdpr.subject"].sudo().union(*choices_by_person).request_ids
            if request.kind == "confirmation"
            and request.state in ("queued", "sent")
            and request.create_date > since
            and request._get_declared_choices() == choices_by_person[request.subject_id]
        }

    def _get_confirmation_end(self):
        """Give when the period ends that begins now (UTC)."""
        self.ensure_one()
        return fields.Datetime.now() + timedelta(days=self.company_id.gdpr_confirmation_days)

    def _disown(self):
        """Record that who has the mailbox typed nothing: the question ends at once, and what was agreed stays."""
        self.ensure_one()
        # Waits for an answer that comes at the same moment.
        self.subject_id._lock_people()
        self.invalidate_recordset()
        if self.state == "sent" or self._has_perhaps_arrived():
            self._lapse_unconfirmed(actor="person")

    def _lapse_unconfirmed(self, actor="system"):
        """Record that nobody confirmed, in time or at all, and erase what was typed.

        The link is void. The events keep their commitments only, so the ledger stays verifiable.
        """
        self.env["gdpr.subject"]._record_acts(
            [
                {
                    "subject_id": request.subject_id.id,
                    "action": "confirmation_lapsed",
                    "actor": actor,
                    "request_id": request.id,
                    "company_id": request.company_id.id,
                }
                for request in self
            ]
        )
        self.filtered(lambda request: request.state != "cancelled").write({"state": "expired"})
        self._erase_typed()

    def _erase_typed(self):
        values = self.env["gdpr.consent.event.value"].sudo()
        values.search([("event_id.request_id", "in", self.ids)]).unlink()
        self.mail_mail_ids.sudo().unlink()
        links = self.sudo().link_ids
        now = fields.Datetime.now()
        links.filtered(lambda link: link.kind == "grant" and link.expires_on and link.expires_on <= now).unlink()
        # The other link was promised to work for ever, and what was disowned is told once more: without an address.
        for link in links.exists().filtered("email"):
            link.write({"email": False, "address_digest": self.env["gdpr.subject"]._digest_former_address(link.email)})
        self.write({"email": False, "declared_note": False, "failure_reason": False})
