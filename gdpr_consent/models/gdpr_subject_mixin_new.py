from datetime import timedelta

from odoo import api, fields, models

# Those of requests that reached the person, or are about to.
ASKING_STATES = ("queued", "sent", "answered", "expired")


class GdprSubjectMixin(models.AbstractModel):
    """New records that are asked for consent by themselves (see ``gdpr.new.record``)."""

    _inherit = "gdpr.subject.mixin"

    @api.model_create_multi
    def create(self, vals_list):
        cards = super().create(vals_list)
        self.env["gdpr.new.record"]._note(cards)
        return cards

    @api.model
    def load(self, fields, data):
        return super(GdprSubjectMixin, self.with_context(gdpr_loading=True)).load(fields, data)

    def _gdpr_filter_asked_automatically(self):
        """Give those of new records that are about people whom a company asks by itself. Override it for yours."""
        return self

    def _gdpr_filter_unasked(self, patience):
        """Give those whose person has said nothing, and wasn't asked lately: neither the person nor the address.

        Who submits a form twice, or becomes a contact after having been a lead, isn't asked twice.

        :param timedelta patience: what is lately, at least; for a company with a longer cool-down, that
        """
        fresh = self.filtered(lambda card: card.sudo().gdpr_consent_state in ("not_applicable", "pending"))
        requests = self.env["gdpr.consent.request"].sudo()
        emails = list(filter(None, (card._gdpr_get_email() for card in fresh)))
        addressed = requests.search([("email", "in", emails), ("state", "in", ASKING_STATES)])
        asked = set()
        for request in addressed:
            lately = max(patience, timedelta(days=31 * request.company_id.gdpr_cooldown_months))
            if request.state in ("queued", "sent") or request.create_date > fields.Datetime.now() - lately:
                asked.add((request.company_id, request.email))
        return fresh.filtered(
            lambda card: (
                (card._gdpr_get_company(), card._gdpr_get_email()) not in asked
                and not card.sudo().gdpr_subject_id.root_id.request_ids.filtered(
                    lambda request: request.state in ASKING_STATES
                )
            )
        )

    def _gdpr_choose_one_each(self):
        """Give the first card of each person, and of each address of a company."""
        chosen, people, addresses = self.browse(), set(), set()
        for card in self:
            person = card.sudo().gdpr_subject_id.root_id
            address = (card._gdpr_get_company(), card._gdpr_get_email())
            if person not in people and address not in addresses:
                chosen += card
            people.add(person)
            addresses.add(address)
        return chosen

    def _gdpr_request_automatically(self, users):
        """Ask for consent, of the system's own accord.

        :param dict users: who made each record: learns of the answer, or else whoever is in charge of the record
        """
        if not self:
            return
        requests = self.with_context(gdpr_request_options={"is_automatic": True}).gdpr_request_consent().sudo()
        cards = {card.id: card for card in self}
        for request in requests:
            user = users.get(cards[request.res_id])
            if not user or not user._is_internal() or user._is_superuser():
                user = cards[request.res_id]._gdpr_get_salesperson()
            request.user_id = user

    def _gdpr_get_salesperson(self):
        """Give the user in charge of the card; may be empty."""
        self.ensure_one()
        if "user_id" in self._fields and self._fields["user_id"].comodel_name == "res.users":
            return self.sudo().user_id
        return self.env["res.users"]
