import logging

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, mute_logger
from odoo.tools.misc import split_every

from ..tools.server_context import SERVER
from .gdpr_blacklist_mixin import SILENT
from .gdpr_data_map import ERASURES, GROUNDS
from .gdpr_subject_mixin_suppression import ERASING

_logger = logging.getLogger(__name__)

# So often something that failed is tried again by itself.
ATTEMPTS = 3
PLACEHOLDER = "Erased"
# Where Odoo notes texts and names that were changed.
TRACKED = ("old_value_char", "old_value_text", "new_value_char", "new_value_text")
# Erasing leaves no trace of what was erased, tells nobody, and is no act of the person.
QUIETLY = {
    "active_test": False,
    "tracking_disable": True,
    "mail_notrack": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_activity_quick_update": True,
    ERASING: SERVER,
    SILENT: SERVER,
}


class GdprErasureJournalEntry(models.Model):
    """Records of one kind that are erased in one transaction, or kept until a day. States:

    * todo: written before anything is touched;
    * done: erased, in the transaction that says so: after a crash it is either both or none;
    * kept: they stay, until the end that is named;
    * failed: they couldn't be erased, with the reason.
    """

    _name = "gdpr.erasure.journal.entry"
    _description = "Records in the Journal of an Erasure"
    _order = "is_card, sequence, id"

    journal_id = fields.Many2one("gdpr.erasure.journal", required=True, readonly=True, index=True, ondelete="cascade")
    line_id = fields.Many2one("gdpr.erasure.plan.line", readonly=True, index="btree_not_null", ondelete="set null")
    map_id = fields.Many2one("gdpr.data.map", string="Place", readonly=True, ondelete="set null")
    part = fields.Char(readonly=True)
    sequence = fields.Integer(readonly=True)
    is_card = fields.Boolean(readonly=True)
    model = fields.Char(readonly=True, required=True, help="The kind of records.")
    res_ids = fields.Json("Record Numbers", readonly=True, required=True)
    count = fields.Integer(compute="_compute_count", help="How many records.")
    action = fields.Selection(ERASURES, readonly=True, required=True, help="What is done with them.")
    ground = fields.Selection(GROUNDS, readonly=True, help="Why they are kept (article 17(3)).")
    keep_until = fields.Date(readonly=True, help="Then they are erased by themselves.")
    after_keeping = fields.Selection([("delete", "Delete"), ("anonymise", "Anonymise")], readonly=True)
    state = fields.Selection(
        [("todo", "To Do"), ("done", "Done"), ("kept", "Kept"), ("failed", "Failed")],
        readonly=True,
        required=True,
        default="todo",
        help="Done, still to do, kept for now, or failed.",
    )
    attempts = fields.Integer(readonly=True)
    failure = fields.Text("Why It Failed", readonly=True, help="Why it couldn't be done.")
    done_on = fields.Datetime(readonly=True, help="When it was done.")

    _todo_index = models.Index("(journal_id) WHERE state = 'todo'")
    _kept_index = models.Index("(keep_until) WHERE state = 'kept'")

    @api.depends("res_ids")
    def _compute_count(self):
        for entry in self:
            entry.count = len(entry.res_ids or ())

    def _carry_out(self):
        """Do with the records of one entry what it says, and note it, in one transaction.

        Doing it twice does nothing the second time. Where it fails for all together it is done record by record, and
        those that fail go into an entry of their own.
        """
        self.ensure_one()
        records = self.env.get(self.model)
        if records is None:
            self._set_done("done")
            return
        records = records.sudo().with_context(**QUIETLY).browse(self.res_ids).exists()
        failures = self._try(records)
        if not failures:
            self._set_done("kept" if self.action == "keep" else "done")
            return
        for reason, ids in failures.items():
            self.copy(
                {
                    "res_ids": ids,
                    "state": "todo" if self.attempts + 1 < ATTEMPTS else "failed",
                    "attempts": self.attempts + 1,
                    "failure": reason,
                }
            )
        failed_ids = {record_id for ids in failures.values() for record_id in ids}
        done_ids = [record_id for record_id in self.res_ids if record_id not in failed_ids]
        if done_ids:
            self.res_ids = done_ids
            self._set_done("done")
        else:
            self.unlink()

    def _set_done(self, state):
        self.write({"state": state, "done_on": fields.Datetime.now(), "failure": False})

    def _try(self, records):
        """Treat records; give the ids of those that failed, by reason."""
        if not records:
            return {}
        try:
            # What the database refuses is logged with its values: not here.
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self._treat(records)
                # Quietly, too: what is computed then is tracked otherwise.
                records.env.flush_all()
            return {}
        except OperationalError:
            # Somebody else is at it: the whole transaction is tried again.
            raise
        except Exception as error:
            self.env.invalidate_all()
            if len(records) == 1:
                reason = self._describe_error(error, records)
                _logger.info("%s can't be erased: %s", records, reason)
                return {reason: records.ids}
        failures = {}
        for half in split_every((len(records) + 1) // 2, records.ids, records.browse):
            for reason, ids in self._try(half.exists()).items():
                failures.setdefault(reason, []).extend(ids)
        return failures

    @api.model
    def _describe_error(self, error, record):
        """Give why a record failed, without what is in it: messages of the database quote values."""
        diagnostics = getattr(error, "diag", None)
        if diagnostics is None:
            words = str(error.args[0] if error.args else "").strip()
            return words.splitlines()[0] if words else type(error).__name__
        return self.env._(
            "The database refuses it: %(constraint)s (%(table)s).",
            constraint=diagnostics.constraint_name or diagnostics.message_primary,
            table=diagnostics.table_name or record._table,
        )

    def _treat(self, records):
        if self.map_id.sudo()._stays_as_it_is(self.action):
            raise UserError(self.env._("The data map names no field that is emptied, and no link to the person."))
        if self.action == "delete":
            self._delete(records)
        elif self.action == "anonymise":
            names = self._get_emptied_fields(records)
            records._gdpr_anonymise(names)
            records._gdpr_lead_elsewhere(self._get_kept_cards(), self.journal_id.company_id, names)
        elif self.action == "detach":
            self._detach(records)
        elif self.part == "identity":
            # What a kept document needs, and no more.
            records._gdpr_freeze()

    def _keep_for_newer(self):
        """Keep cards on that documents need which were made after the erasure, until their end; tell the officer.

        :return: whether they are kept
        """
        self.ensure_one()
        request = self.journal_id.request_id
        if not self.is_card or not request:
            return False
        needed = [
            vals
            for vals, _doubtful in request._propose_plan()
            if (vals["model"], vals["part"]) == (self.model, "identity") and set(vals["res_ids"]) & set(self.res_ids)
        ]
        if not needed:
            return False
        self.keep_until = max(vals["keep_until"] for vals in needed)
        request._call_officer(
            self.env._(
                "Documents were made after the erasure that need the person's name until %(day)s: it is kept. Erase"
                " what else came in, by a new request.",
                day=format_date(self.env, self.keep_until),
            )
        )
        return True

    def _get_kept_cards(self):
        """Give the ids of the person's cards that stay for something else, by model."""
        kept = {}
        for entry in self.journal_id.entry_ids:
            if entry.is_card and entry.action == "keep" and entry.state in ("todo", "kept"):
                kept.setdefault(entry.model, set()).update(entry.res_ids)
        return kept

    def _delete(self, records):
        if not self.is_card:
            records.unlink()
            # Some are archived when they are deleted: bank accounts.
            left = records.exists()
            left._gdpr_anonymise(self._get_emptied_fields(left))
            return
        try:
            with self.env.cr.savepoint():
                records.unlink()
                records.env.flush_all()
        except OperationalError:
            raise
        except Exception:
            # Other records refer to it: an empty card is left, which says nothing of anybody.
            self.env.invalidate_all()
            records.exists()._gdpr_anonymise(self._get_emptied_fields(records))

    def _get_emptied_fields(self, records):
        """Give the names of the fields that are emptied, as the map says."""
        return [name for name in self.map_id._get_emptied_names() if name in records._fields] if self.map_id else []

    def _detach(self, records):
        """Take the person out of records that are about others too: links, addresses, and the text that names it."""
        journal = self.journal_id
        place = self.map_id.sudo()
        person = self.env["gdpr.data.map"]._identify(journal.request_id.subject_id)
        for path in place._get_paths():
            records._gdpr_take_out(path, person.found)
        records._gdpr_redact(self._get_text_fields(records), person)
        self._redact_chatter(records, person)

    def _get_text_fields(self, records):
        """Give the names of the fields of records about others too that may name the person."""
        place = self.map_id.sudo()
        return [*place._get_email_fields(), *place._get_phone_fields(), *self._get_emptied_fields(records)]

    def _find_written(self, pattern):
        """Give the records in whose own texts a pattern is."""
        self.ensure_one()
        records = self.env[self.model].sudo().with_context(**QUIETLY).browse(self.res_ids).exists()
        return records._gdpr_filter_written(self._get_text_fields(records), pattern)

    def _redact_chatter(self, records, person):
        """Take the person out of the messages on records that stay, and of the changes Odoo noted there."""
        messages = self.env["mail.message"].sudo().with_context(**QUIETLY)
        messages = messages.search([("model", "=", records._name), ("res_id", "in", records.ids)])
        messages._gdpr_redact(["subject", "body"], person)
        messages.tracking_value_ids._gdpr_redact(TRACKED, person)
        messages.mail_ids._gdpr_redact(["body_html"], person)
        # Invitations name everybody who was invited; Odoo makes them anew.
        files = self.env["ir.attachment"].sudo().with_context(**QUIETLY)
        files.search(
            [
                ("res_model", "=", records._name),
                ("res_id", "in", records.ids),
                ("mimetype", "=", "text/calendar"),
            ]
        ).unlink()
