from odoo import api, models
from odoo.tools import SQL


class GdprSubject(models.Model):
    """Erasing what the ledger holds of a person, while it stays verifiable (law.md R-103)."""

    _inherit = "gdpr.subject"

    @api.private
    def _erase_values(self, **act):
        """Erase the personal values of these people's histories, joined ones too, with their salts and kept files.

        The events stay: who the person was can't be told from them any more. Each history that held something gets
        an event that says so, and later the chain verifies as before. To do it again does nothing.

        :param act: further values for ``_record_acts``, such as ``actor`` or ``user_id``; no personal values
        :return: the events written; none when all was erased already
        :rtype: gdpr.consent.event
        """
        people = self.sudo().root_id
        people._lock_heads()
        members = people.member_ids
        values = self.env["gdpr.consent.event.value"].sudo()
        erased = values.search([("event_id.subject_id", "in", members.ids)])
        holders = erased.event_id.subject_id
        if not erased:
            return self.env["gdpr.consent.event"]
        files = erased.attachment_id
        files |= files.sudo().search([("res_model", "=", values._name), ("res_id", "in", erased.ids)])
        files.unlink()
        self.env.cr.execute(SQL("DELETE FROM gdpr_consent_event_value WHERE id IN %s", tuple(erased.ids)))
        self.env.invalidate_all()
        return self._record_acts(
            [{**act, "subject_id": subject.id, "action": "erased"} for subject in holders.sorted("id")]
        )
