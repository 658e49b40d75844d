from odoo import api, models

from .gdpr_subject_mixin_suppression import SUPPRESSION


class GdprSubject(models.Model):
    """Persons who were erased and come back by their own will."""

    _inherit = "gdpr.subject"

    @api.private
    def _record_acts(self, acts):
        """A consent that the person gives ends what was recorded because the person had been erased."""
        events = super()._record_acts(acts)
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
                    self.env["gdpr.suppression"]._forget(
                        card._gdpr_get_identifying_texts(), card._gdpr_get_company()
                    )
        acts = []
        for person in self.filtered("restricted"):
            restricting = person.history_ids.filtered(lambda event: event.action == "restricted").sorted("id")[-1:]
            if restricting._get_value(SUPPRESSION):
                acts.append(
                    {
                        "actor": "person",
                        **act,
                        "subject_id": person.id,
                        "action": "unrestricted",
                        "values": {"reason": self.env._("The person has come back and agreed.")},
                    }
                )
        if acts:
            self._record_acts(acts)
