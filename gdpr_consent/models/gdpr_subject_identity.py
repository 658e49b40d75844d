from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..tools.replay import DENIALS


def get_keys(cards):
    """Give the model and id of each card in a list of recordsets, as a set."""
    return {(records._name, card_id) for records in cards for card_id in records.ids}


class GdprSubject(models.Model):
    """Two histories that are one person's, and one that turns out to be two.

    Joining moves no event, for the ledger can't be edited: the absorbed history points to the one that goes on,
    both get an event, and what is on record follows from the events of both. Where the two disagree the stricter
    answer wins, by events of its own that say why. A split is one more event.
    """

    _inherit = "gdpr.subject"

    @api.private
    def _join(self, other, reason, actor="system"):
        """Let another history go on in this one, for both are of one person.

        :param gdpr.subject other: the history absorbed, with all its cards and requests
        :param str reason: why they are one person's
        :param str actor: ``operator`` where a user decided it, else ``system``
        :return: the person both are now
        :rtype: gdpr.subject
        """
        survivor, absorbed = self.sudo().root_id.ensure_one(), other.sudo().root_id.ensure_one()
        if survivor == absorbed:
            return survivor
        both = survivor | absorbed
        both._lock_heads()
        both.invalidate_recordset()
        before = both._replay()
        cards = absorbed._get_all_cards()
        # With what a split needs to find the history again.
        came_along = {"cards": " ".join(sorted(f"{model},{card_id}" for model, card_id in get_keys(cards)))}
        self._record_acts(
            [
                survivor._prepare_tie("joined", absorbed, actor, {"reason": reason}),
                absorbed._prepare_tie("absorbed", survivor, actor, {"reason": reason, **came_along}),
            ]
        )
        for cards_of_model in cards:
            cards_of_model._gdpr_link_subject(survivor)
        absorbed.link_ids.write({"subject_id": survivor.id})
        absorbed.request_ids.write({"subject_id": survivor.id})
        absorbed.data_request_ids.with_context(tracking_disable=True).write({"subject_id": survivor.id})
        # One question at a time: the newest stands.
        asked = survivor.request_ids.filtered(lambda request: request.state in ("queued", "sent"))
        asked.sorted("id", reverse=True)[1:]._cancel()
        wanted = before[survivor.id].combine(before[absorbed.id])
        survivor._correct(wanted, self.env._("Joined with another history: the stricter answer counts."))
        return survivor

    @api.private
    def _split(self, cards, reason, actor="operator"):
        """Give cards that are about somebody else a history of their own again.

        A history that came with the cards goes along; what the one person said meanwhile stays, and the other
        takes its noes along, so that none is lost.

        :param list cards: recordsets of cards of this person, one a model
        :param str reason: why they are two persons'
        :return: the person of these cards
        :rtype: gdpr.subject
        :raise UserError: no card, or none would stay
        """
        person = self.sudo().root_id.ensure_one()
        moving, present = get_keys(cards), get_keys(person._get_all_cards())
        if not moving or not moving < present:
            raise UserError(
                self.env._(
                    "Choose the records that are about somebody else. At least one must be left for this person."
                )
            )
        person._lock_heads()
        person.invalidate_recordset()
        together = person._replay()[person.id]
        leaving = person._get_history_of(moving) or self.sudo().create({"company_id": person.company_id.id})
        # A history that was never apart has nothing to separate from.
        first = "separated" if leaving.survivor_id else "split"
        self._record_acts(
            [
                person._prepare_tie("split", leaving, actor, {"reason": reason}),
                leaving._prepare_tie(first, person, actor, {"reason": reason}),
            ]
        )
        for records in cards:
            records.sudo()._gdpr_link_subject(leaving)
        requests = person.request_ids.filtered(lambda request: (request.res_model, request.res_id) in moving)
        requests.link_ids.write({"subject_id": leaving.id})
        requests.write({"subject_id": leaving.id})
        own = leaving._replay()[leaving.id]
        own.legal_basis = own.legal_basis if own.legal_basis != "not_applicable" else together.legal_basis
        leaving._correct(
            own.combine(together.only_denials()), self.env._("Split from another history: a no isn't lost.")
        )
        return leaving

    def _get_all_cards(self):
        """Give the cards of these people, archived ones too, a recordset for each model that has some."""
        found = []
        for model in sorted(self.env["gdpr.subject.mixin"]._get_card_models()):
            cards = self.env[model].sudo().with_context(active_test=False)
            cards = cards.search([("gdpr_subject_id", "in", self.ids)])
            if cards:
                found.append(cards)
        return found

    def _prepare_tie(self, action, related, actor, values):
        return {
            "subject_id": self.id,
            "action": action,
            "related_subject_id": related.id,
            "actor": actor,
            "values": values,
        }

    def _get_history_of(self, keys):
        """Give the joined history that came with some of the cards, the closest one; empty when there is none.

        :param set keys: the cards, as model and id
        """
        names = {f"{model},{card_id}" for model, card_id in keys}
        found = {}
        for member in self.member_ids - self:
            absorbing = member.event_ids.filtered(lambda event: event.action == "absorbed").sorted("sequence")[-1:]
            came_along = set((absorbing._get_value("cards") or "").split())
            if came_along & names:
                found[member] = len(came_along)
        return min(found, key=found.get) if found else self.browse()

    def _correct(self, wanted, reason):
        """Record what makes this person's history add up to something stricter.

        :param Projection wanted: at least as strict as the history, never a yes that isn't in it
        :param str reason: kept with each event
        """
        self.ensure_one()
        present = self._replay()[self.id]
        acts = []
        if present.legal_basis != wanted.legal_basis:
            acts.append({"action": "basis_changed", "legal_basis": wanted.legal_basis})
        if wanted.restricted and not present.restricted:
            acts.append({"action": "restricted"})
        if wanted.objected and not present.objected:
            acts.append({"action": "objected"})
        for purpose_id, answer in wanted.answers.items():
            acts += self._prepare_correction(purpose_id, present.answers.get(purpose_id), answer)
        if acts:
            self._record_acts(
                [{"actor": "system", "values": {"reason": reason}, "subject_id": self.id, **act} for act in acts]
            )

    @api.model
    def _prepare_correction(self, purpose_id, present, wanted):
        act = {"purpose_id": purpose_id}
        if wanted.state in DENIALS:
            return [] if present and present.state in DENIALS else [{**act, "action": "withdrawn"}]
        if wanted.state != "given" or not present or present.state != "given":
            return []
        acts = []
        taken_back = present.channels - wanted.channels
        if taken_back:
            acts.append({**act, "action": "channels_withdrawn", "channel_codes": sorted(taken_back)})
        if wanted.renewal_due and not present.renewal_due:
            acts.append({**act, "action": "renewal_due"})
        return acts

    @api.model
    def _restructure(self, acts):
        """Let the histories point to where they go on, as the acts say.

        :return: the persons this changes
        :rtype: gdpr.subject
        """
        targets = {
            act["subject_id"]: act["related_subject_id"] if act["action"] == "absorbed" else None
            for act in acts
            if act["action"] in ("absorbed", "separated")
        }
        if not targets:
            return self.browse()
        changed = self.sudo().browse(targets)
        roots = changed.root_id
        self.flush_model(["survivor_id", "root_id"])
        for subject_id, survivor_id in targets.items():
            self.env.cr.execute(SQL("UPDATE gdpr_subject SET survivor_id = %s WHERE id = %s", survivor_id, subject_id))
        changed._write_roots()
        return roots | changed.root_id

    def _write_roots(self):
        """Derive, for these histories and all that go on in them, whose they are."""
        self.env.cr.execute(
            SQL(
                """
                WITH RECURSIVE upward(start, id, survivor_id) AS (
                    SELECT id, id, survivor_id FROM gdpr_subject WHERE id IN %(ids)s
                     UNION ALL
                    SELECT upward.start, above.id, above.survivor_id
                      FROM upward JOIN gdpr_subject above ON above.id = upward.survivor_id
                ), downward(id, root_id) AS (
                    SELECT start, id FROM upward WHERE survivor_id IS NULL
                     UNION ALL
                    SELECT below.id, downward.root_id
                      FROM downward JOIN gdpr_subject below ON below.survivor_id = downward.id
                )
                UPDATE gdpr_subject SET root_id = downward.root_id FROM downward
                 WHERE gdpr_subject.id = downward.id AND gdpr_subject.root_id IS DISTINCT FROM downward.root_id
                """,
                ids=tuple(self.ids),
            )
        )
        self.invalidate_model(["survivor_id", "root_id", "member_ids", "absorbed_ids", "history_ids"], flush=False)

    @api.model
    def _rebuild_structure(self):
        """Derive from the ledger which history goes on in which."""
        self.flush_model(["survivor_id", "root_id"])
        self.env.cr.execute(
            """
            UPDATE gdpr_subject SET survivor_id = last.survivor_id, root_id = gdpr_subject.id
              FROM (SELECT subject.id, event.survivor_id
                      FROM gdpr_subject subject
                      LEFT JOIN (SELECT DISTINCT ON (subject_id) subject_id,
                                        CASE WHEN action = 'absorbed' THEN related_subject_id END AS survivor_id
                                   FROM gdpr_consent_event WHERE action IN ('absorbed', 'separated')
                                  ORDER BY subject_id, sequence DESC) event ON event.subject_id = subject.id) last
             WHERE last.id = gdpr_subject.id
               AND (gdpr_subject.survivor_id IS NOT NULL OR last.survivor_id IS NOT NULL
                    OR gdpr_subject.root_id IS DISTINCT FROM gdpr_subject.id)
            """
        )
        self.invalidate_model(["survivor_id", "root_id"], flush=False)
        joined = self.sudo().search([("survivor_id", "!=", False)])
        if joined:
            joined._write_roots()
