import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.mail import email_normalize

from .gdpr_subject_request import OPEN_STATES

_logger = logging.getLogger(__name__)

# So long it is waited for the messages to the recipients of the data to leave.
RECIPIENTS_PATIENCE = timedelta(days=1)


class GdprSubjectRequest(models.Model):
    """Erasing, in the background: in batches that commit, so that the rest follows a crash (law.md R-58, R-107)."""

    _inherit = "gdpr.subject.request"

    erased_on = fields.Datetime(readonly=True, copy=False, help="When the last record of the plan was done.")
    is_address_remembered = fields.Boolean(readonly=True, copy=False, help="As a keyed hash: nobody else has it.")
    closed_with_it = fields.Char(
        readonly=True,
        copy=False,
        help="What else the person had asked, which can't be answered any more.",
    )

    @api.model
    def _cron_erase(self):
        """Carry out the plans whose time has come, one batch a transaction.

        Requests that another worker has are left to it.
        """
        job = self.env["ir.cron"]
        skipped = set()
        remaining = self._count_to_erase()
        job._commit_progress(remaining=remaining)
        while request := self._find_to_erase(skipped):
            request = request.try_lock_for_update()
            if not request:
                break
            # What is noted is for the officers; what the person reads has its own language.
            request = request.with_context(lang=request._get_officer_lang())
            try:
                goes_on = request._erase_next()
                self.env.flush_all()
            except OperationalError:
                raise
            except Exception:
                self.env.cr.rollback()
                _logger.exception("The erasure of request %s can't go on.", request.id)
                request._block(self.env._("An unexpected error, which is in the server's log, stopped the erasure."))
                goes_on = False
            if not goes_on:
                skipped.add(request.id)
            if not job._commit_progress(1, remaining=max(1, self._count_to_erase()) if goes_on else None):
                return
        if self.search_count(
            [("erasure_state", "=", "finished"), ("erased_on", ">", fields.Datetime.now() - timedelta(hours=1))]
        ):
            # Odoo removes the files of what was deleted once a day; that is too late here.
            self.env["ir.attachment"]._gc_file_store()

    @api.model
    def _get_to_erase_domain(self):
        due = Domain("erasure_state", "=", "queued") & Domain("erase_on", "<=", fields.Datetime.now())
        return Domain("state", "=", "in_progress") & (due | Domain("erasure_state", "in", ("running", "telling")))

    @api.model
    def _find_to_erase(self, skipped):
        domain = self._get_to_erase_domain() & Domain("id", "not in", list(skipped))
        return self.sudo().search(domain, limit=1, order="erase_on, id")

    @api.model
    def _count_to_erase(self):
        requests = self.sudo().search(self._get_to_erase_domain())
        entries = self.env["gdpr.erasure.journal.entry"].sudo()
        journals = requests.erasure_journal_id
        return len(requests) + entries.search_count([("journal_id", "in", journals.ids), ("state", "=", "todo")])

    def _erase_next(self):
        """Do the next piece of one erasure; tell whether there may be more to do now."""
        self.ensure_one()
        if self.erasure_state == "queued":
            return self._begin_erasure()
        if self.erasure_state == "running":
            return self._erase_batch()
        if self.erasure_state == "telling":
            return self._tell_erased()
        return False

    def _begin_erasure(self):
        """Write the journal; nothing is touched in the transaction that does."""
        if self.is_address_unchecked:
            # The last mail would tell anybody what was held.
            note = self.env._("Nobody has made sure whose the new address is: check the identity.")
            self.write({"erasure_state": "approved", "erase_on": False, "erasure_note": note})
            self._call_officer(note)
            return False
        if self._plan_anew_if_changed():
            self._call_officer(self.env._("The plan changed before it was carried out: look at it again."))
            return False
        # Where it was resumed since.
        self._suspend_for_erasure()
        # While there is a name to tell them.
        self._tell_recipients()
        journal = self.env["gdpr.erasure.journal"].sudo()._open(self)
        journal._take_over()
        self.write({"erasure_state": "running", "erasure_journal_id": journal.id, "erasure_note": False})
        self._log_step("begun")
        return True

    def _erase_batch(self):
        entries = self.erasure_journal_id.entry_ids
        todo = entries.filtered(lambda entry: entry.state == "todo")
        hanging = todo.filtered(lambda entry: not entry.is_card)
        # What failed comes after what was never tried.
        if hanging:
            hanging.sorted(lambda entry: (entry.attempts, entry.sequence, entry.id))[0]._carry_out()
            return True
        failed = entries.filtered(lambda entry: entry.state == "failed")
        if failed:
            self._block(
                self.env._(
                    "Records that couldn't be erased: %(count)s. See the plan.", count=sum(failed.mapped("count"))
                )
            )
            return False
        if not self.erasure_journal_id.is_rechecked:
            self._recheck()
            return True
        queued = self.recipient_notice_ids.filtered(lambda notice: notice.state == "queued")
        if queued and self.erasure_journal_id.started_on > fields.Datetime.now() - RECIPIENTS_PATIENCE:
            # What tells them whom it is about is to leave first.
            return False
        self._finish_erasing(todo)
        return True

    def _recheck(self):
        """Note in the journal what came in while it was being erased, so that it goes too."""
        journal = self.erasure_journal_id
        known = {(entry.model, record_id) for entry in journal.entry_ids for record_id in entry.res_ids}
        # What is erased stays in the plan as it was approved; only what is new is looked at.
        before = {line.id: (line.res_ids, line.doubt_ids.ids) for line in self.plan_line_ids}
        decided = {(line.map_id.id, line.part): line for line in self.plan_line_ids}
        for vals, _doubtful in self._propose_plan():
            new_ids = [record_id for record_id in vals["res_ids"] if (vals["model"], record_id) not in known]
            if not new_ids:
                continue
            line = decided.get((vals["map_id"], vals["part"]))
            if line:
                line.with_context(gdpr_planning=True).write({"res_ids": [*(before[line.id][0] or ()), *new_ids]})
            else:
                line = self.plan_line_ids.create({**vals, "res_ids": new_ids, "request_id": self.id})
            journal._add_entries(line, known)
        journal.is_rechecked = True

    def _finish_erasing(self, cards):
        """Erase the cards, the traces of the add-on itself and what Odoo keeps for a day, in one transaction.

        The addresses are remembered as keyed hashes alone.
        """
        person = self.subject_id.root_id
        identified = self._identify_decided()
        terms = [*identified.emails, *identified.phones, *(name for name in identified.names if " " in name.strip())]
        remembered = self.env["gdpr.suppression"]._remember(identified, self.company_id)
        self.is_address_remembered = email_normalize(self.email or "") in remembered
        for entry in cards.sorted(lambda entry: (entry.sequence, entry.id)):
            entry._carry_out()
        if failed := self.erasure_journal_id.entry_ids.filtered(lambda entry: entry.state in ("todo", "failed")):
            self.env["gdpr.erasure.journal.entry"].browse(failed.ids).write({"state": "failed"})
            self._block(
                self.env._(
                    "Records that couldn't be erased: %(count)s. See the plan.", count=sum(failed.mapped("count"))
                )
            )
            return
        person._forget_traces(self, identified)
        self._close_leftovers()
        self._sweep(terms, identified)
        self.erasure_journal_id.finished_on = fields.Datetime.now()
        self.write({"erasure_state": "telling", "erased_on": fields.Datetime.now(), "erasure_note": False})
        self._log_step("executed")

    def _identify_decided(self):
        """Give what identifies the person; the cards that an officer said are the person's count as such.

        :rtype: PersonIdentifiers
        """
        maps = self.env["gdpr.data.map"]
        identified = maps._identify(self.subject_id.root_id)
        cards = self.env["gdpr.subject.mixin"]._get_card_models()
        for records in self._find_decided():
            if records._name in cards:
                identified.cards.setdefault(records._name, set()).update(records.ids)
        # Nobody else has an address that only those cards have.
        maps._note_shared(identified)
        return identified

    def _find_decided(self):
        """Give the doubtful records that an officer said are the person's, a recordset a model.

        :rtype: list[odoo.models.BaseModel]
        """
        theirs = self.plan_line_ids.doubt_ids.filtered(lambda doubt: doubt.decision == "theirs")
        return [
            self.env[model].sudo().with_context(active_test=False).browse(doubts.mapped("res_id")).exists()
            for model, doubts in theirs.grouped("model").items()
        ]

    def _get_officer_lang(self):
        """Give the language of whoever is in charge of the erasure, or else of the company."""
        user = self.approved_by_id or self.planned_by_id or self.user_id
        return user.lang or self.company_id.partner_id.lang or self.env.lang or "en_US"

    def _find_leftovers(self):
        """Give the other open requests of the same person to the same company."""
        self.ensure_one()
        return self.sudo().search(
            [
                ("subject_id", "in", self.subject_id.sudo().root_id.member_ids.ids),
                ("company_id", "=", self.company_id.id),
                ("state", "in", OPEN_STATES),
                ("id", "!=", self.id),
            ]
        )

    def _find_others_of_mailbox(self):
        """Give the open requests that came from an address of the person, and of which nobody said whose they are."""
        self.ensure_one()
        addresses = self.env["gdpr.data.map"]._identify(self.subject_id, emails=filter(None, [self.email])).emails
        found = self.sudo().search(
            [
                ("email", "in", list(addresses)),
                ("company_id", "=", self.company_id.id),
                ("state", "in", OPEN_STATES),
                ("id", "!=", self.id),
            ]
        )
        return found.filtered("is_unidentified")

    def _close_leftovers(self):
        """Close what else the person had asked: there is nothing left to do it with, and no address to answer to."""
        note = self.env._("The person was erased (%(number)s): nothing is left to answer with.", number=self.name)
        leftovers = self._find_leftovers()
        self.closed_with_it = leftovers.with_context(lang=self.lang or self.env.lang)._list_in_words()
        for request in leftovers:
            request._close("cancelled", "cancelled", note)

    def _check_not_erased(self):
        """Refuse to work on what somebody had asked who was erased since, and who can't be answered.

        :raise UserError: so
        """
        for request in self.filtered(lambda request: request.type != "erasure" and not request.email):
            erasure = self.sudo().search(
                [
                    ("subject_id", "in", request.subject_id.sudo().root_id.member_ids.ids),
                    ("company_id", "=", request.company_id.id),
                    ("type", "=", "erasure"),
                    ("erased_on", ">=", request.create_date),
                ],
                limit=1,
            )
            if erasure:
                raise UserError(
                    self.env._(
                        "The person of %(number)s was erased since (%(erasure)s): there is nothing left to work on, and"
                        " no address to answer to.",
                        number=request.name,
                        erasure=erasure.name,
                    )
                )

    def action_start(self):
        self._check_not_erased()
        return super().action_start()

    def action_reopen(self):
        self._check_not_erased()
        return super().action_reopen()

    def _block(self, note):
        self.write({"erasure_state": "blocked", "erasure_note": note})
        self._log_step("blocked", note)
        self._call_officer(note)

    def _call_officer(self, note):
        """Remind the officer in charge of something to look at, once."""
        self.ensure_one()
        user = self.approved_by_id or self.planned_by_id or self.user_id
        summary = self.env._("Erasure %(number)s: %(note)s", number=self.name, note=note)
        self._schedule_for(user, "mail.mail_activity_data_warning", summary)

    # ------------------------------------------------------------
    # AFTERWARDS
    # ------------------------------------------------------------

    @api.model
    def _cron_end_keeping(self):
        """Erase what was kept, once its time is over (law.md R-57)."""
        job = self.env["ir.cron"]
        entries = self.env["gdpr.erasure.journal.entry"].sudo()
        domain = Domain("state", "=", "kept") & Domain("keep_until", "<=", fields.Date.context_today(self))
        found = entries.search(domain, order="is_card, sequence, id")
        job._commit_progress(remaining=len(found))
        for entry in found:
            entry = entry.try_lock_for_update().filtered_domain(domain)
            if not entry or entry._keep_for_newer():
                continue
            entry.write({"state": "todo", "action": entry.after_keeping or "anonymise", "attempts": 0, "part": "all"})
            # An entry that failed gives way to one for each reason.
            journal, name = entry.journal_id, entry.line_id.name or entry.map_id.name or entry.model
            entry._carry_out()
            failed = journal.entry_ids.filtered(lambda entry: entry.state in ("todo", "failed"))
            # They stay kept, and are tried again tomorrow.
            failed.write({"state": "kept", "action": "keep"})
            if request := journal.request_id:
                if failed:
                    request._call_officer(self.env._("What was kept is over its time, but can't be erased."))
                else:
                    request._log_step("keeping_ended", f"{name} ({entry.count})")
            if not job._commit_progress(1):
                break
