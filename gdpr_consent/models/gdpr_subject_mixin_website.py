from odoo import fields, models
from odoo.exceptions import ValidationError

from ..tools.server_context import RequestOptions


class GdprSubjectMixin(models.AbstractModel):
    """What visitors tick in the forms of the web site."""

    _inherit = "gdpr.subject.mixin"

    def _gdpr_record_ticked(self, version, choices, values):
        """Record what a visitor ticked in the form that made this card (law.md R-10).

        The visitor asks to be asked: a new card whose basis is Not applicable gets the basis Consent. One that was
        there before gets it with the confirmation: anybody can type an address, and must not stop what its owner reads.
        What was ticked is declared and counts once it is confirmed from the mailbox, unless the company does without
        for its web site.

        :param gdpr.consent.form.version version: the wording that was shown
        :param dict[int, list[str]] choices: the channel codes, by id of each purpose ticked
        :param dict values: personal values of the act
        :raise ValidationError: the wording is another company's, or the person can't be asked to confirm
        """
        self.ensure_one()
        company = self._gdpr_get_company()
        if version.form_id.company_id != company:
            raise ValidationError(self.env._("The form is that of another company."))
        if not self.env["gdpr.scope"]._filter_covered(self):
            raise ValidationError(self.env._("The record isn't covered by Data Privacy."))
        act = {"source": "website", "occurred_on": fields.Datetime.now(), "attachment": None}
        values = {"note": "", **values}
        purposes = self.env["gdpr.purpose"].sudo().browse(choices)
        is_to_confirm = self._gdpr_filter_to_confirm(purposes, "website")
        self._gdpr_take_up(is_to_confirm)
        if is_to_confirm:
            self._gdpr_declare_consent({self: version}, choices, values=values, **act)
            return
        refusals = self.with_context(gdpr_request_options=RequestOptions({"kind": "confirmation"}))._gdpr_get_refusals()
        if refusals:
            raise ValidationError("\n".join(refusals.values()))
        if version.number < version.form_id.material_version_number:
            raise ValidationError(self.env._("What the form asks for has changed since the page was opened."))
        values |= {"email": self._gdpr_get_email(), "exemption": company._get_gdpr_exemption("website")}
        subject = self._gdpr_ensure_subjects()
        # What wasn't ticked is no refusal: it wasn't a question of yes or no.
        subject._record_answer(version, choices, offered=purposes, actor="person", values=values, **act)
        subject.request_ids._close_answered()

    def _gdpr_take_up(self, is_to_confirm):
        """Give the basis Consent to this card, if it is Not applicable and what was typed for it counts or it is new.

        :param is_to_confirm: whether what was typed counts only once it is confirmed
        """
        self.ensure_one()
        is_known = self.create_date < self.env.cr.now()
        if self.sudo().gdpr_legal_basis == "not_applicable" and not (is_to_confirm and is_known):
            self._gdpr_apply_basis("consent", actor="system")

    def _gdpr_prepare_confirmation(self, version, choices, **act):
        values = super()._gdpr_prepare_confirmation(version, choices, **act)
        if act["source"] == "website":
            user = self.env.user
            is_visitor = user._is_superuser() or not user._is_internal()
            values |= {"is_automatic": True, "user_id": self._gdpr_get_salesperson().id if is_visitor else user.id}
            # The visitor reads the message in the language of the page.
            values["lang"] = (is_visitor and self.env.lang) or values["lang"]
        return values
