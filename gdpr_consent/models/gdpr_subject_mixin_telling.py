from odoo import api, models
from odoo.tools import SQL

from ..tools.replay import DENIALS


class GdprSubjectMixin(models.AbstractModel):
    """What the tab of a card tells of its person beside the state: one query, each time it is opened."""

    _inherit = "gdpr.subject.mixin"

    @api.depends("gdpr_subject_id.history_ids")
    def _compute_gdpr_legal_basis_reason(self):
        """Give the last reason on record for the legal basis, whoever may see it: it comes with the record."""
        cards = self.sudo()
        people = cards.gdpr_subject_id._origin
        self.env["gdpr.subject"].flush_model(["root_id"])
        reasons = {}
        if people:
            query = SQL(
                """
                SELECT subject.id, reason.value
                  FROM gdpr_subject subject
                 CROSS JOIN LATERAL (
                       SELECT event.subject_id, event.act FROM gdpr_consent_event event
                         JOIN gdpr_subject member ON member.id = event.subject_id
                        WHERE member.root_id = subject.root_id AND event.action = 'basis_changed'
                        ORDER BY event.id DESC LIMIT 1) last
                 CROSS JOIN LATERAL (
                       SELECT value.value FROM gdpr_consent_event event
                         JOIN gdpr_consent_event_value value ON value.event_id = event.id AND value.name = 'reason'
                        WHERE event.subject_id = last.subject_id AND event.act = last.act
                        ORDER BY event.id DESC LIMIT 1) reason
                 WHERE subject.id IN %s
                """,
                tuple(people.ids),
            )
            reasons = dict(self.env.execute_query(query))
        for card in cards:
            card.gdpr_legal_basis_reason = reasons.get(card.gdpr_subject_id._origin.id, False)

    @api.depends(
        "gdpr_subject_id.consent_ids.state", "gdpr_subject_id.history_ids", "gdpr_subject_id.request_ids.state"
    )
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_gdpr_telling(self):
        # What else is shown of the person: nothing more is read.
        self.sudo().gdpr_subject_id.fetch(["open_request_count", "requested_on"])
        told = self._gdpr_read_telling()
        told = {card: told[place] for place, card in enumerate(self)}
        problems = self.filtered(lambda card: told[card]["is_unproven"])._gdpr_get_import_problems()
        cooldowns = self.filtered(lambda card: told[card]["is_denied"])._gdpr_get_cooldowns()
        for card in self:
            card.gdpr_card_count = told[card]["card_count"]
            card.gdpr_failure_reason = told[card]["failure_reason"]
            card.gdpr_import_problem = problems.get(card) or False
            card.gdpr_asked_again_from = cooldowns.get(card.id, False)

    def _gdpr_read_telling(self):
        """Give what is on record, whoever may see it, card by card.

        * failure_reason: why the last request didn't arrive, where nothing newer happened;
        * card_count: how many cards of all kinds the person has, archived ones too;
        * is_unproven: a consent was once imported without proof; is_denied: the person, or somebody whose card
          is gone and who had this address, said no to something that may still count.

        :rtype: list[dict]
        """
        cards = self.sudo()
        models_of_cards = sorted(self._get_card_models())
        for model in models_of_cards:
            self.env[model].flush_model(["gdpr_subject_id"])
        self.env["gdpr.subject"].flush_model(["root_id"])
        self.env["gdpr.consent"].flush_model(["subject_id", "state"])
        self.env["gdpr.consent.request"].flush_model(["subject_id", "email", "state", "failure_reason"])
        counts = [
            SQL("(SELECT count(*) FROM %s WHERE gdpr_subject_id = subject.id)", SQL.identifier(self.env[model]._table))
            for model in models_of_cards
        ]
        self.env.cr.execute(
            SQL(
                """
                SELECT CASE WHEN subject.id IS NULL THEN 0 ELSE %(card_count)s END AS card_count,
                       (SELECT CASE request.state WHEN 'failed' THEN request.failure_reason END
                          FROM gdpr_consent_request request WHERE request.subject_id = subject.id
                         ORDER BY request.id DESC LIMIT 1) AS failure_reason,
                       EXISTS (SELECT FROM gdpr_consent_event event
                                 JOIN gdpr_subject member ON member.id = event.subject_id
                                WHERE member.root_id = subject.root_id AND event.action = 'unproven') AS is_unproven,
                       EXISTS (SELECT FROM gdpr_consent consent
                                WHERE consent.subject_id = subject.root_id AND consent.state IN %(denials)s)
                       OR EXISTS (SELECT FROM gdpr_consent_request request
                                    JOIN gdpr_consent consent ON consent.subject_id = request.subject_id
                                   WHERE request.email = card.email AND consent.state IN %(denials)s) AS is_denied
                  FROM unnest(%(subject_ids)s::int[], %(emails)s::text[])
                       WITH ORDINALITY card (subject_id, email, place)
                  LEFT JOIN gdpr_subject subject ON subject.id = card.subject_id
                 ORDER BY card.place
                """,
                card_count=SQL(" + ").join(counts),
                denials=tuple(DENIALS),
                subject_ids=[card.gdpr_subject_id._origin.id or None for card in cards],
                emails=[card._gdpr_get_email() or None for card in cards],
            )
        )
        return self.env.cr.dictfetchall()
