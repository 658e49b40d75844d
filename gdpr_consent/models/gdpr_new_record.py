import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools.misc import split_every

from .gdpr_scope_asking import PATIENCE
from .gdpr_subject_life_cycle import FOUND_AT_ONCE

_logger = logging.getLogger(__name__)

# So few at once, because each has a mail rendered while its row is locked.
BATCH = 200
# A record that never comes to rest is asked this much later all the same.
UNREST = timedelta(days=1)


class GdprNewRecord(models.Model):
    """A record that was just made, whose person is to be asked for consent by itself.

    Written when the record is made, and only where a setting of its kind says so; removed in the transaction in which
    the request is made, or once there is nothing to ask any more. It holds nothing about the person.
    """

    _name = "gdpr.new.record"
    _description = "New Record to Ask"
    _order = "id"
    _log_access = False

    res_model = fields.Char(required=True)
    res_id = fields.Many2oneReference("Record", model_field="res_model", required=True)
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    user_id = fields.Many2one("res.users", string="Made By", ondelete="set null")
    is_imported = fields.Boolean()
    created_on = fields.Datetime(required=True)
    due_on = fields.Datetime("Look At It From", required=True, index=True)

    @api.model
    def _note(self, cards):
        """Note records just made, where new ones of their kind are to be asked.

        :param cards: records of one model
        """
        context = self.env.context
        # What an add-on brings along is no new person.
        kinds = () if context.get("install_mode") else self.env["gdpr.scope"]._get_asking_kinds()
        is_imported = bool(context.get("import_file") or context.get("gdpr_loading"))
        delays = [delay for model, imported, delay in kinds if model == cards._name and (imported or not is_imported)]
        if not delays or not cards:
            return
        now = fields.Datetime.now()
        self.sudo().create(
            [
                {
                    "res_model": cards._name,
                    "res_id": card.id,
                    "company_id": self.env.company.id,
                    "user_id": self.env.uid,
                    "is_imported": is_imported,
                    "created_on": now,
                    "due_on": now + timedelta(hours=min(delays)),
                }
                for card in cards
            ]
        )

    @api.model
    def _cron_ask(self):
        """Ask those who are due.

        Rows that another worker has are left to it. What fails for one is logged, doesn't stop the others, and is
        tried again later. Done in batches that commit: after a crash the rest follows at the next run.
        """
        job = self.env["ir.cron"]
        found = self._find_due()
        left = len(found)
        for ids in split_every(BATCH, found, list):
            self.env["gdpr.subject"]._act_safely(self.browse(ids), self._find_due, lambda rows: rows._ask_or_postpone())
            left -= len(ids)
            if not job._commit_progress(len(ids), remaining=left or int(len(found) == FOUND_AT_ONCE)):
                return
        job._commit_progress(0)

    @api.model
    def _find_due(self, ids=None):
        if not self.env["gdpr.scope"]._is_enabled():
            # Switched off, the add-on writes to nobody.
            return []
        return self.env["gdpr.subject"]._read_due(
            "SELECT due.id FROM gdpr_new_record due WHERE due.due_on <= %(now)s %(among)s", ids
        )

    def _ask_or_postpone(self):
        """Ask the people behind these rows; where that fails for a single one, say so and try again later."""
        try:
            with self.env.cr.savepoint():
                self._ask()
        except OperationalError:
            raise
        except Exception:
            if len(self) > 1:
                raise
            _logger.exception("The person behind %s, %s can't be asked.", self.res_model, self.res_id)
            self._postpone({self: self._get_next_look()})

    def _postpone(self, later):
        """Keep the rows to be looked at again, and remove the others.

        :param dict later: when, by row; without a date, or left out: never
        """
        for row, due_on in later.items():
            if due_on:
                row.due_on = due_on
        self.filtered(lambda row: not later.get(row)).unlink()

    def _ask(self):
        """Ask the people behind these rows, and remove the rows; keep those to look at again later."""
        later = {}
        for (model, company), rows in self.grouped(lambda row: (row.res_model, row.company_id)).items():
            # By the system: who made the record may have no right to send.
            cards = self.env["gdpr.subject.mixin"].with_user(SUPERUSER_ID).with_company(company)
            cards = cards._get_cards(model, rows.mapped("res_id"))
            if cards:
                later |= rows._ask_cards(cards)
        self._postpone(later)

    def _ask_cards(self, cards):
        """Ask the people behind some of these rows, all of one kind.

        :return: when to look again at those that aren't ready
        :rtype: dict[gdpr.new.record, datetime]
        """
        later, ready = {}, cards.browse()
        rows = {row.res_id: row for row in self}
        scopes = self.env["gdpr.scope"]._get_scopes_of(cards._gdpr_filter_asked_automatically())
        for card, scope in scopes.items():
            row = rows[card.id]
            if not scope._asks_new(row):
                continue
            delay = timedelta(hours=scope.ask_new_delay)
            changed_on = card.write_date if card._log_access else row.created_on
            rest = min(changed_on + delay, row.created_on + delay + UNREST)
            if rest > fields.Datetime.now():
                later[row] = rest
            else:
                ready += card
        # Who has said something by now isn't asked any more.
        ready = ready.filtered(lambda card: card.sudo().gdpr_consent_state in ("not_applicable", "pending"))
        ready = ready._gdpr_filter_not_asked_lately()
        askable = ready._gdpr_filter_askable()
        askable._gdpr_choose_one_each()._gdpr_request_automatically({card: rows[card.id].user_id for card in askable})
        for card in ready - askable:
            later[rows[card.id]] = rows[card.id]._get_next_look()
        return later

    def _get_next_look(self):
        """Give when to look again at a record that can't be asked yet, or None when it was long enough.

        Soon at first, once a day in the end: there may be a hundred thousand of them.
        """
        self.ensure_one()
        now = fields.Datetime.now()
        age = now - self.created_on
        if age >= PATIENCE:
            return None
        return now + max(timedelta(minutes=5), min(timedelta(days=1), age / 4))
