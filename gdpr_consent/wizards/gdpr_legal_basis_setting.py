import json

from odoo import api, fields, models
from odoo.tools import SQL, formatLang

from ..models.gdpr_purpose import LEGAL_BASES

# As many as are done while somebody waits.
LIMIT = 200_000


class GdprLegalBasisSetting(models.TransientModel):
    """Set the legal basis of many cards; see first what that changes, and what is left as it is."""

    _name = "gdpr.legal.basis.setting"
    _inherit = ["gdpr.card.wizard"]
    _description = "Set the Legal Basis"

    legal_basis = fields.Selection(
        [("not_applicable", "Not applicable"), *LEGAL_BASES],
        help="Counts from now on for everybody chosen, and is on record. Open requests for consent are called off "
        "unless it is Consent.",
    )
    reason = fields.Text(help="Legitimate interests: say how you weighed yours against those of the people.")
    with_archived = fields.Boolean(
        "Archived records too",
        help="Set it on archived records that fit the filter too.",
    )
    archived_count = fields.Integer(compute="_compute_outcome")
    change_count = fields.Integer(compute="_compute_outcome")
    outcome = fields.Html(compute="_compute_outcome", sanitize=False, help="What would change, before you apply it.")
    present_outcome = fields.Char(compute="_compute_outcome")
    shown_outcome = fields.Char(help="What was shown last, so that nothing else is done.")
    is_outdated = fields.Boolean(help="Somebody changed the records after this was shown.")

    @api.depends("legal_basis", "reason", "with_archived", "whom", "res_model", "res_ids", "res_domain")
    def _compute_outcome(self):
        for wizard in self:
            plan = wizard._plan() if wizard.legal_basis else {}
            wizard.archived_count = plan.get("archived", 0)
            wizard.change_count = min(len(plan.get("cards", ())), LIMIT)
            values = plan and wizard._describe(plan)
            wizard.present_outcome = values and json.dumps(values)
            wizard.outcome = values and self.env["ir.qweb"]._render(
                "gdpr_consent.legal_basis_setting_outcome", values, raise_if_not_found=False
            )

    @api.onchange("legal_basis", "reason", "with_archived", "whom")
    def _onchange_choice(self):
        self.shown_outcome = self.present_outcome
        self.is_outdated = False

    def action_set(self):
        """Set the basis, close and say how many changed; a second click finds nothing left to change.

        Where somebody has changed the records since the outcome was shown, nothing is set: the new one is shown.

        :raise AccessError: the user is no privacy officer
        """
        self.ensure_one()
        self.env["gdpr.subject.mixin"]._gdpr_check_group("gdpr_consent.group_officer")
        plan = self._plan()
        outcome = json.dumps(self._describe(plan))
        cards = plan["cards"][:LIMIT]
        if cards and self.shown_outcome and self.shown_outcome != outcome:
            self.write({"shown_outcome": outcome, "is_outdated": True})
            return self.env["gdpr.subject.mixin"]._gdpr_reopen_wizard(self, self.env._("Set legal basis"))
        cards._gdpr_apply_basis(self.legal_basis, self.reason)
        if cards:
            message = self.env._(
                "%(count)s records: the legal basis is %(basis)s now.",
                count=formatLang(self.env, len(cards), digits=0),
                basis=self._get_basis_name(),
            )
        else:
            message = self.env._("Nothing to change: the records have this legal basis already, or are left out.")
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if cards else "info",
                "message": message,
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _plan(self):
        """Sort the cards into those to change and those left as they are, in a few queries whatever their number.

        :return: ``cards`` to change; how many are left because they have the basis and the reason already (``same``),
            aren't covered (``uncovered``), are ``archived``, or may not be changed by the user (``forbidden``)
        """
        chosen = self._get_cards().with_context(active_test=False)
        writable = chosen._gdpr_filter_writable()
        covered = writable.search(
            [("id", "in", writable.ids)] + list(self.env["gdpr.scope"]._get_covered_domain(self.res_model))
        )
        present = covered
        if chosen._active_name:
            present = covered.search([("id", "in", covered.ids), (chosen._active_name, "=", True)])
        archived = len(covered) - len(present)
        if self.with_archived:
            present = covered
        changing = present._gdpr_filter_changing(self.legal_basis, self.reason)
        return {
            "cards": changing,
            "same": len(present) - len(changing),
            "uncovered": len(writable) - len(covered),
            "archived": archived,
            "forbidden": len(chosen) - len(writable),
        }

    def _describe(self, plan):
        """Give what the user reads before anything happens."""
        names = dict(self._fields["legal_basis"]._description_selection(self.env))
        cards = plan["cards"].sudo()
        groups = cards._read_group([("id", "in", cards.ids)], ["gdpr_legal_basis"], ["__count"])
        counts = {}
        for basis, count in groups:
            counts[basis or "not_applicable"] = counts.get(basis or "not_applicable", 0) + count
        left = [
            (self.env._("have this legal basis already"), plan["same"]),
            (self.env._("aren't covered by the settings of Data Privacy"), plan["uncovered"]),
            (self.env._("are archived"), 0 if self.with_archived else plan["archived"]),
            (self.env._("may not be changed by you"), plan["forbidden"]),
        ]
        requests, consents = self._count_ending(cards) if self.legal_basis != "consent" else (0, 0)
        return {
            "basis": names.get(self.legal_basis),
            "total": len(cards),
            "limit": LIMIT if len(cards) > LIMIT else 0,
            "changes": [(names[basis], count) for basis, count in counts.items()],
            "renews_reason": self.legal_basis in counts,
            "left": [(why, count) for why, count in left if count],
            "requests": requests,
            "consents": consents,
        }

    def _count_ending(self, cards):
        """Give how many open requests are cancelled and how many people's consents stop counting."""
        people = SQL(
            "SELECT subject.root_id FROM %s card JOIN gdpr_subject subject ON subject.id = card.gdpr_subject_id"
            " WHERE card.id IN %s",
            SQL.identifier(cards._table),
            tuple(cards.ids) or (0,),
        )
        self.env.flush_all()
        requests = self.env.execute_query(
            SQL(
                "SELECT count(*) FROM gdpr_consent_request WHERE state IN ('queued', 'sent') AND subject_id IN (%s)",
                people,
            )
        )
        consents = self.env.execute_query(
            SQL("SELECT count(*) FROM gdpr_subject WHERE consent_state = 'obtained' AND id IN (%s)", people)
        )
        return requests[0][0], consents[0][0]

    def _get_basis_name(self):
        return dict(self._fields["legal_basis"]._description_selection(self.env))[self.legal_basis]
