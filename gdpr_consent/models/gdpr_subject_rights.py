from odoo import api, fields, models

from .gdpr_subject_request import OPEN_STATES


class GdprSubject(models.Model):
    """How a person is written to about the own data."""

    _inherit = "gdpr.subject"

    open_request_count = fields.Integer(
        "Open Requests",
        compute="_compute_open_request_count",
        store=True,
        help="Kept with the person, so that a card of somebody who asks nothing costs nothing more.",
    )

    @api.depends("data_request_ids.state")
    def _compute_open_request_count(self):
        counts = dict(
            self.env["gdpr.subject.request"]._read_group(
                [("subject_id", "in", self.ids), ("state", "in", OPEN_STATES)], ["subject_id"], ["__count"]
            )
        )
        for subject in self:
            subject.open_request_count = counts.get(subject, 0)

    def _get_main_cards(self):
        """Give, by id of each person, the card to write by: contacts first, with an address, and in use.

        A person whose cards are all gone isn't among them.

        :rtype: dict[int, models.BaseModel]
        """
        found = {}
        for cards in reversed(self.root_id._get_all_cards()):
            for card in cards:
                is_active = not card._active_name or card[card._active_name]
                rank = (bool(card._gdpr_get_email()), is_active)
                best_rank, _card = found.get(card.gdpr_subject_id.id, ((), None))
                if rank > best_rank:
                    found[card.gdpr_subject_id.id] = rank, card
        return {subject.id: found[subject.root_id.id][1] for subject in self.sudo() if subject.root_id.id in found}

    def _get_lang(self):
        """Give the language to write to the person in, a code."""
        self.ensure_one()
        card = self._get_main_cards().get(self.id)
        return card._gdpr_get_lang() if card is not None else self.env.lang or "en_US"

    def _get_objected_on(self):
        """Give when the person objected to all marketing (UTC), or None when the person doesn't."""
        if not self.objected:
            return None
        events = self.env["gdpr.consent.event"].search(
            [("subject_id.root_id", "=", self.id), ("action", "=", "objected")]
        )
        return max(events.mapped("occurred_on"), default=None)
