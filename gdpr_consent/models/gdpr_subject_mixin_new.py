from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.fields import Domain

from ..tools.server_context import RequestOptions

# States of requests that reached the person, or are about to.
OPEN_STATES = ("queued", "sent")
ASKING_STATES = (*OPEN_STATES, "answered", "expired")
# So long nobody is asked again of the system's own accord; for a company with a longer cool-down, that.
LATELY = timedelta(days=30)


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

    def _gdpr_filter_not_asked_lately(self):
        """Give those that nobody asked lately: neither the person nor the address.

        Who submits a form twice, or becomes a contact after having been a lead, isn't asked twice. Lately is 30 days,
        or the cool-down of the company where that is longer; what is still open counts in any case.
        """
        requests = self.env["gdpr.consent.request"].sudo()
        emails = list(filter(None, (card._gdpr_get_email() for card in self)))
        people = self.sudo().gdpr_subject_id.root_id
        recent = requests.search(
            Domain("state", "in", ASKING_STATES)
            & (Domain("email", "in", emails) | Domain("subject_id", "in", people.ids))
        ).filtered(lambda request: request.state in OPEN_STATES or request.create_date > self._gdpr_get_lately(request))
        addresses = {(request.company_id, request.email) for request in recent}
        asked = recent.subject_id.root_id
        return self.filtered(
            lambda card: (
                (card._gdpr_get_company(), card._gdpr_get_email()) not in addresses
                and card.sudo().gdpr_subject_id.root_id not in asked
            )
        )

    @api.model
    def _gdpr_get_lately(self, request):
        return fields.Datetime.now() - max(LATELY, timedelta(days=31 * request.company_id.gdpr_cooldown_months))

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

    def _gdpr_request_automatically(self, users, form=None, template=None):
        """Ask for consent, of the system's own accord and in its name: who made the record may have no right to.

        :param dict users: by card, who learns of the answer, where that is a colleague; else who is in charge of it
        :param form: default the company's
        :param template: default the one for the model
        """
        if not self:
            return
        cards = self.with_user(SUPERUSER_ID).with_company(self.env.company)
        cards = cards.with_context(gdpr_request_options=RequestOptions({"is_automatic": True}))
        by_id = {card.id: card for card in self}
        for request in cards.gdpr_request_consent(form, template).sudo():
            card = by_id[request.res_id]
            user = users.get(card)
            if not user or user._is_superuser() or not user._is_internal():
                user = card._gdpr_get_salesperson()
            request.user_id = user

    def _gdpr_get_salesperson(self):
        """Give the user in charge of the card; may be empty."""
        self.ensure_one()
        if "user_id" in self._fields and self._fields["user_id"].comodel_name == "res.users":
            return self.sudo().user_id
        return self.env["res.users"]
