from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools.mail import email_normalize_all

from ..tools.server_context import is_set
from .gdpr_subject_mixin_suppression import ERASING


class GdprSubjectMixin(models.AbstractModel):
    """Records that describe the same person, and records that turn out not to."""

    _inherit = "gdpr.subject.mixin"

    gdpr_card_count = fields.Integer(
        "Records of This Person", compute="_compute_gdpr_telling", groups="gdpr_consent.group_user"
    )

    def write(self, vals):
        """Let nobody be asked through a record that is archived: what waits to be sent isn't sent."""
        result = super().write(vals)
        if self._active_name and vals.get(self._active_name) is False:
            requests = self.env["gdpr.consent.request"].sudo()
            requests.search(
                [("res_model", "=", self._name), ("res_id", "in", self.ids), ("state", "=", "queued")]
            )._cancel()
        return result

    def _gdpr_get_addresses_to_remember(self):
        """Give by which of its addresses and numbers somebody who said no is known when the record is made anew.

        :rtype: dict[str, set[str]]
        """
        self.ensure_one()
        number = self.env["phone.blacklist"]._gdpr_card_field
        return {
            "email": set(email_normalize_all(self[self._gdpr_email_field] or "")),
            "phone": {self[number]} - {False} if number in self._fields else set(),
        }

    def unlink(self):
        """Let the proof outlive the record, a no too, and nobody be asked through a record that is gone."""
        subjects = self.sudo().gdpr_subject_id
        addresses = {}
        for card in self.sudo().filtered("gdpr_subject_id"):
            kept = addresses.setdefault(card.gdpr_subject_id, {})
            for kind, found in card._gdpr_get_addresses_to_remember().items():
                kept[kind] = kept.get(kind, set()) | found
        result = super().unlink()
        if subjects:
            left = {subject for cards in subjects._get_all_cards() for subject in cards.gdpr_subject_id}
            subjects.filtered(lambda subject: subject not in left).request_ids._cancel()
            if not is_set(self.env, ERASING):
                # Also where another record of the person is left: it may have another address.
                subjects._remember_addresses(addresses)
        return result

    def action_gdpr_join(self):
        """Open the wizard that tells the records of one person."""
        self._gdpr_check_group("gdpr_consent.group_user")
        return self._gdpr_open_wizard("gdpr.subject.joining", self.env._("Same person"))

    def action_gdpr_split(self):
        """Open the wizard for records that are about somebody else."""
        self._gdpr_check_group("gdpr_consent.group_user")
        return self._gdpr_open_wizard("gdpr.subject.splitting", self.env._("Not the same person"))

    def action_gdpr_show_subject(self):
        """Open the person behind the record."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Data Subject"),
            "res_model": "gdpr.subject",
            "res_id": self.gdpr_subject_id.id,
            "view_mode": "form",
        }

    @api.private
    def gdpr_join(self, others, reason):
        """Record that these records and others describe the same person.

        Their histories become one. Where they disagree the stricter answer wins, and the ledger says why.

        :param others: cards of any model
        :param str reason: how that is known
        :raise ValidationError: no reason, or fewer than two records
        :raise UserError: records of different companies
        """
        reason = (reason or "").strip()
        if not reason:
            raise ValidationError(self.env._("Say how you know that it is the same person: it goes into the ledger."))
        cards = [records for records in (self, others) if records]
        if sum(len(records) for records in cards) < 2:
            raise ValidationError(self.env._("Choose two records at least."))
        for records in cards:
            records._gdpr_check_group("gdpr_consent.group_user")
            records.check_access("write")
        companies = {records_company for records in cards for records_company in records._gdpr_get_own_companies()}
        if len(companies) > 1:
            raise UserError(self.env._("Records of different companies can't be joined: each is its own controller."))
        subjects = [subject for records in cards for subject in records._gdpr_ensure_subjects().root_id]
        for subject in subjects[1:]:
            subjects[0]._join(subject, reason, actor="operator")
        return True

    @api.private
    def gdpr_split(self, reason):
        """Record that these records describe somebody else than the other records of their person.

        :param str reason: how that is known
        :raise ValidationError: no reason
        :raise UserError: no record would be left for the person
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("write")
        reason = (reason or "").strip()
        if not reason:
            raise ValidationError(self.env._("Say how you know that it is somebody else: it goes into the ledger."))
        for subject, cards in self.sudo().grouped("gdpr_subject_id").items():
            if subject:
                subject._split([cards], reason)
        return True

    def _gdpr_get_own_companies(self):
        """Give the companies that alone see these cards; cards that all see say nothing."""
        return {company for card in self for company in card._gdpr_get_own_company()}
