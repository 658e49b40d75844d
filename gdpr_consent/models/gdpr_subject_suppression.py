from odoo import api, fields, models
from odoo.exceptions import AccessError

from .gdpr_subject_mixin_suppression import SUPPRESSION


class GdprSubject(models.Model):
    """Persons who were erased and come back by their own will."""

    _inherit = "gdpr.subject"

    is_suppressed = fields.Boolean(
        "Was Erased",
        compute="_compute_is_suppressed",
        compute_sudo=True,
        help="The processing is suspended because the address is that of a person who was erased.",
    )

    @api.depends("restricted", "history_ids")
    def _compute_is_suppressed(self):
        restricted = self.filtered("restricted")
        (self - restricted).is_suppressed = False
        for person in restricted:
            events = person.history_ids.filtered(lambda event: event.action == "restricted").sorted("id")
            person.is_suppressed = bool(events[-1:]._get_value(SUPPRESSION))

    def action_end_suppression(self):
        """Take up the processing: the person has come back by the own will. The objection to marketing stays.

        :raise AccessError: the user is no privacy officer
        """
        if not self.env.user.has_group("gdpr_consent.group_officer"):
            raise AccessError(self.env._("Only a privacy officer can say that a person has come back."))
        self.check_access("read")
        self.sudo().root_id._end_suppression(actor="operator", user_id=self.env.uid)
        return True

    @api.private
    def _record_acts(self, acts, heads=None):
        """A consent that the person gives ends what was recorded because the person had been erased."""
        events = super()._record_acts(acts, heads)
        agreeing = {act["subject_id"] for act in acts if act["action"] == "given" and act.get("actor") == "person"}
        if agreeing and self.env["gdpr.suppression"]._is_in_use():
            self.sudo().browse(agreeing).root_id._end_suppression()
        return events

    def _end_suppression(self, **act):
        """Forget that these people were erased, and take up the processing where only that had suspended it.

        :param act: further values for ``_record_acts``
        """
        for person in self:
            for cards in person._get_all_cards():
                for card in cards:
                    self.env["gdpr.suppression"]._forget(card._gdpr_get_identifying_texts(), card._gdpr_get_company())
        acts = []
        for person in self.filtered("is_suppressed"):
            acts.append(
                {
                    "actor": "person",
                    **act,
                    "subject_id": person.id,
                    "action": "unrestricted",
                    "values": {"reason": self.env._("The person has come back by the own will.")},
                }
            )
        if acts:
            self._record_acts(acts)
