from odoo import models

from ..tools.server_context import get_request_options

# These continue what the person was asked before: what others are asked at the address is no hindrance.
CONTINUING_KINDS = ("reminder", "renewal")


class GdprSubjectMixin(models.AbstractModel):
    """Whether the address on a card can be asked, whoever else has it."""

    _inherit = "gdpr.subject.mixin"

    def _gdpr_get_address_codes(self):
        """Give, for those whose address keeps them from being asked, ``blacklisted`` or ``already_asked``.

        Of the questions that wait for an answer, those of the person itself don't count, for they are superseded by
        the next; but for what somebody has to confirm. The context's ``gdpr_request_options`` may tell the kind, the
        ``campaign_id`` of who asks, and the requests that are about to be sent (``request_ids``, by id of the card).

        :rtype: dict[int, str]
        """
        options = get_request_options(self.env)
        addresses = {card: card._gdpr_get_email() for card in self}
        emails = {*addresses.values()} - {False}
        people = self.env["gdpr.subject"].sudo()
        blacklisted = people._filter_blacklisted(emails)
        questions = {}
        if emails and options.get("kind") not in CONTINUING_KINDS:
            requests = self.env["gdpr.consent.request"].sudo()
            requests.flush_model(["email", "company_id", "subject_id", "kind", "state", "is_in_doubt", "campaign_id"])
            for email, company_id, *question in self.env.execute_query(people._get_address_questions_query(emails)):
                questions.setdefault((email, company_id), []).append(question)
        codes = {}
        for card, email in addresses.items():
            if email in blacklisted:
                codes[card.id] = "blacklisted"
            elif questions and card._gdpr_is_asked_there(questions.get((email, card._gdpr_get_company().id), ())):
                codes[card.id] = "already_asked"
        return codes

    def _gdpr_is_asked_there(self, questions):
        """Tell whether one of the questions to the address keeps this card's person from being asked."""
        self.ensure_one()
        options = get_request_options(self.env)
        person = self.sudo().gdpr_subject_id.root_id
        own_id = options.get("request_ids", {}).get(self.id)
        for person_id, request_id, kind, state, campaign_id in questions:
            if person_id == person.id and (kind != "confirmation" or options.get("kind") == "declaration"):
                continue
            # The campaign itself chooses who of several with one address is asked.
            if campaign_id and campaign_id == options.get("campaign_id"):
                continue
            # Of two that wait to be sent the first is.
            if own_id and state == "queued" and request_id > own_id:
                continue
            return True
        return False
