from ast import literal_eval
from collections import namedtuple

from psycopg2 import sql

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.server_context import RequestOptions, get_request_options

BATCH = 2000
# Who is chosen while it is only found out: as many as there are, so not kept in memory.
CHOSEN_TABLE = "gdpr_campaign_chosen"

Candidate = namedtuple("Candidate", "card_id person_id email")


class GdprConsentCampaign(models.Model):
    """Who will be asked, and who not and why.

    A few queries a batch of records, whatever their number; nothing of a batch stays in memory.
    """

    _inherit = "gdpr.consent.campaign"

    is_selection = fields.Boolean(compute="_compute_selection", help="Single records were chosen, not a filter.")
    selected_count = fields.Integer("Selected", compute="_compute_selection", help="Records that match the selection.")

    @api.depends("domain")
    def _compute_selection(self):
        for campaign in self:
            ids = campaign._get_selected_ids()
            campaign.is_selection = ids is not None
            campaign.selected_count = len(ids or ())

    def _get_selected_ids(self):
        """Give the ids of the records that were chosen one by one; None when the campaign has a filter."""
        self.ensure_one()
        try:
            (condition,) = literal_eval(self.domain or "[]")
            name, operator, ids = condition
        except (ValueError, SyntaxError, TypeError):
            return None
        is_selection = name == "id" and operator == "in" and isinstance(ids, (list, tuple))
        return ids if is_selection else None

    def action_show_selected(self):
        """Open the list of the records that were chosen one by one."""
        self.ensure_one()
        return self._open_records(self.env._("Selected"), self._get_domain())

    def action_check(self):
        """Find out who will be asked, or who of a finished campaign wasn't yet, and who not; nobody is asked."""
        self.ensure_one()
        self._lock_for_action()
        if self.state not in ("draft", "done"):
            raise UserError(self._describe_state())
        self._check_startable()
        self._forget_check()
        table = SQL.identifier(CHOSEN_TABLE)
        self.env.cr.execute(SQL("CREATE TEMPORARY TABLE %s (person_id int4, email varchar, card_id int4)", table))
        self.env.cr.execute(SQL("CREATE INDEX ON %s (person_id)", table))
        self.env.cr.execute(SQL("CREATE INDEX ON %s (email)", table))
        to_ask = last_id = 0
        while batch := self._find_batch(last_id):
            chosen, excluded = self._sort_out(batch, is_check=True)
            self._insert_exclusions(excluded)
            self._keep_chosen(chosen)
            to_ask += len(chosen)
            last_id = batch.ids[-1]
            self.env.invalidate_all()
        self.env.cr.execute(SQL("DROP TABLE %s", table))
        self.sudo().write({"checked_on": fields.Datetime.now(), "to_ask_count": to_ask})
        return True

    def _find_batch(self, last_id):
        """Give the next of the records that the user chose and may see, by id."""
        domain = self._get_domain() & Domain("id", ">", last_id)
        return self._get_records().search(domain, order="id", limit=BATCH)

    def _sort_out(self, cards, is_check=False):
        """Tell who of these cards' persons will be asked and who not.

        :param cards: as ``_find_batch`` gives them
        :param bool is_check: nobody is asked: whom the check has chosen before these is in the table for that
        :return: those chosen, and the codes of why not by id of the others
        :rtype: tuple[list[Candidate], dict[int, str]]
        """
        self.ensure_one()
        self.env.flush_all()
        self._fetch(cards)
        covered = self.env["gdpr.scope"]._filter_covered(cards)
        excluded = dict.fromkeys((cards - covered).ids, "not_covered")
        options = RequestOptions({**get_request_options(covered.env), "campaign_id": self.id})
        excluded |= covered.with_context(gdpr_request_options=options)._gdpr_get_refusal_codes()
        candidates = []
        for card in covered.sudo():
            if card.id in excluded:
                continue
            if card._gdpr_get_company() != self.company_id:
                excluded[card.id] = "other_company"
                continue
            candidates.append(Candidate(card.id, card.gdpr_subject_id.root_id.id, card._gdpr_get_email()))
        chosen = self._choose(candidates, excluded, is_check) if candidates else []
        return chosen, excluded

    def _choose(self, candidates, excluded, is_check):
        """Give those of the candidates who will be asked, each person and each address once; add the others to those
        excluded."""
        people = tuple({candidate.person_id for candidate in candidates})
        emails = tuple({candidate.email for candidate in candidates})
        waiting, in_doubt = self._find_waiting(people)
        answered = self._find_answered(people)
        cards_by_person, chosen_emails, come_back = self._find_chosen(people, emails, is_check)
        chosen = []
        for candidate in candidates:
            card_id, person_id, email = candidate
            if person_id in in_doubt:
                excluded[card_id] = "in_doubt"
            elif person_id in cards_by_person:
                excluded[card_id] = "already_asked" if cards_by_person[person_id] == card_id else "same_person"
            elif person_id in waiting or (person_id, email) in come_back:
                excluded[card_id] = "already_asked"
            elif person_id in answered:
                excluded[card_id] = "already_answered"
            elif email in chosen_emails:
                excluded[card_id] = "duplicate"
            else:
                chosen.append(candidate)
                cards_by_person[person_id] = card_id
                chosen_emails.add(email)
        return chosen

    def _fetch(self, cards):
        """Read what decides, of all the cards at once, and no more."""
        names = {"gdpr_legal_basis", "gdpr_restricted", "gdpr_subject_id", cards._gdpr_email_field, cards._active_name}
        names |= {"company_id", "lang", "lang_id", "partner_id"}
        for scope in self.env["gdpr.scope"].sudo().with_context(active_test=False).search([("model", "=", self.model)]):
            domain = scope._get_domain()
            names |= {condition.field_expr.split(".")[0] for condition in domain.iter_conditions()} if domain else set()
        cards = cards.sudo()
        cards.fetch([name for name in names if name in cards._fields and cards._fields[name].store])
        cards.gdpr_subject_id.fetch(["objected", "root_id"])

    def _find_waiting(self, people):
        """Give which of these people have a question of somebody else's to answer, and of whom it isn't known."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT subject_id, state = 'failed' FROM gdpr_consent_request
                 WHERE subject_id IN %s
                   AND (state IN ('queued', 'sent') AND campaign_id IS DISTINCT FROM %s
                        OR state = 'failed' AND is_in_doubt)
                """,
                people,
                self.id,
            )
        )
        return (
            {person_id for person_id, is_in_doubt in rows if not is_in_doubt},
            {person_id for person_id, is_in_doubt in rows if is_in_doubt},
        )

    def _find_answered(self, people):
        """Give who has agreed to all that the form asks for, and needs not renew it yet."""
        purposes = self._get_form()._get_version()._get_purposes()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT consent.subject_id
                  FROM gdpr_consent consent
                  JOIN gdpr_consent_event answer ON answer.id = consent.event_id
                 WHERE consent.subject_id IN %(people)s AND consent.purpose_id IN %(purposes)s
                   AND consent.state = 'given' AND consent.renewal_due IS NOT TRUE
                   AND (consent.expires_on IS NULL OR consent.expires_on > %(now)s)
                   AND COALESCE(answer.company_id, %(company)s) = %(company)s
                 GROUP BY consent.subject_id
                HAVING count(*) = %(count)s
                """,
                people=people,
                purposes=tuple(purposes.ids) or (0,),
                count=len(purposes),
                company=self.company_id.id,
                now=fields.Datetime.now(),
            )
        )
        return {row[0] for row in rows}

    def _find_chosen(self, people, emails, is_check):
        """Give whom of these the campaign has chosen already.

        :return: the id of the card by id of the person; the addresses; the people and addresses of messages that
            came back
        """
        requested = SQL(
            """
            SELECT subject_id AS person_id, email, res_id AS card_id,
                   state = 'failed' AND is_in_doubt IS NOT TRUE AS came_back
              FROM gdpr_consent_request
             WHERE campaign_id = %s
               AND (state IN ('queued', 'sent', 'answered') OR sent_on IS NOT NULL OR state = 'failed' AND is_in_doubt)
            """,
            self.id,
        )
        if is_check:
            checked = SQL("SELECT person_id, email, card_id, FALSE FROM %s", SQL.identifier(CHOSEN_TABLE))
            requested = SQL("%s UNION ALL %s", requested, checked)
        rows = self.env.execute_query(
            SQL(
                "SELECT person_id, email, card_id, came_back FROM (%s) chosen WHERE person_id IN %s OR email IN %s",
                requested,
                people,
                emails,
            )
        )
        chosen = [row for row in rows if not row[3]]
        return (
            {person_id: card_id for person_id, _email, card_id, _came_back in chosen},
            {email for _person_id, email, _card_id, _came_back in chosen},
            {(person_id, email) for person_id, email, _card_id, came_back in rows if came_back},
        )

    def _keep_chosen(self, chosen):
        if chosen:
            self.env.cr.execute_values(
                sql.SQL("INSERT INTO {} (card_id, person_id, email) VALUES %s").format(sql.Identifier(CHOSEN_TABLE)),
                chosen,
                page_size=BATCH,
            )

    # ------------------------------------------------------------
    # WHO IS LEFT OUT
    # ------------------------------------------------------------

    def _insert_exclusions(self, excluded):
        if excluded:
            self.env.cr.execute_values(
                "INSERT INTO gdpr_consent_campaign_exclusion (campaign_id, res_model, res_id, reason) VALUES %s",
                [(self.id, self.model, card_id, reason) for card_id, reason in excluded.items()],
                page_size=BATCH,
            )

    def _delete_exclusions(self):
        self.env.cr.execute(
            SQL("DELETE FROM gdpr_consent_campaign_exclusion WHERE campaign_id IN %s", tuple(self.ids) or (0,))
        )
        self.env["gdpr.consent.campaign.exclusion"].invalidate_model()
        self.env["gdpr.consent.campaign.exclusion.count"].invalidate_model()
        self.invalidate_recordset(["excluded_count", "exclusion_count_ids"])

    def _forget_check(self):
        self._delete_exclusions()
        self.sudo().write({"checked_on": False, "to_ask_count": 0})
