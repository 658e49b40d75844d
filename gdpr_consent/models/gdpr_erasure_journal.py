from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools.misc import split_every

from ..tools import identifier_digest

# Records a row of the journal names, and that are erased in one transaction.
BATCH = 500


class GdprErasureJournal(models.Model):
    """What is erased of one person: written and committed before the first record is touched (law.md R-59).

    Names records by number and the person by keyed hashes, so that an erasure can be resumed after a crash, and done
    again on a database that was restored from a backup. Nothing in it is readable personal data.
    """

    _name = "gdpr.erasure.journal"
    _description = "Journal of an Erasure"
    _order = "id DESC"

    name = fields.Char(
        "Number of the Request", required=True, readonly=True, help="The request that ordered the erasure."
    )
    request_id = fields.Many2one(
        "gdpr.subject.request", readonly=True, index=True, ondelete="set null", help="The case, as long as it is kept."
    )
    company_id = fields.Many2one("res.company", readonly=True, required=True, ondelete="cascade")
    subject_reference = fields.Char(
        "Person", readonly=True, help="Stands for the person in the ledger; it names nobody."
    )
    identifier_digests = fields.Json(
        "Keyed Hashes of Addresses and Numbers", readonly=True, groups="base.group_system", copy=False
    )
    card_digests = fields.Json(
        "Keyed Hashes of the Cards", readonly=True, groups="base.group_system", copy=False, help="By model and number."
    )
    decided_digests = fields.Json(
        "Keyed Hashes of Records Decided About",
        readonly=True,
        groups="base.group_system",
        copy=False,
        help="By model and number: those that an officer said are the person's.",
    )
    entry_ids = fields.One2many(
        "gdpr.erasure.journal.entry",
        "journal_id",
        string="Records",
        readonly=True,
        help="What was done with which record, without what was in it.",
    )
    is_rechecked = fields.Boolean(readonly=True, help="What came in while it was being erased was looked for.")
    is_stopped = fields.Boolean(
        "Stopped", readonly=True, help="Something couldn't be erased, and what was left was planned anew."
    )
    started_on = fields.Datetime(
        readonly=True,
        required=True,
        default=fields.Datetime.now,
        help="When the first record was about to be erased. The journal is written before.",
    )
    finished_on = fields.Datetime(
        readonly=True, help="When the last record was done. Empty: the erasure was interrupted and goes on by itself."
    )

    @api.model
    def _get_digest(self, use, kind, value):
        """Give the keyed hash of a value.

        :param bytes use: what for, of ``tools.identifier_digest``
        """
        key = identifier_digest.derive_key(self.env["gdpr.subject"]._get_ledger_key(), use)
        return identifier_digest.digest(key, kind, value)

    @api.model
    def _get_record_digest(self, record):
        """Give the keyed hash that tells a record from one that got its number after a backup was restored."""
        created_on = "create_date" in record._fields and record.create_date
        created_on = fields.Datetime.to_string(created_on) if created_on else ""
        return self._get_digest(identifier_digest.RECORDS, f"{record._name},{record.id}", created_on)

    @api.model
    def _open(self, request):
        """Write the journal of an approved plan.

        :rtype: gdpr.erasure.journal
        """
        person = request._identify_decided()
        shared = self.env["gdpr.data.map"]._find_shared_emails(person, request.company_id)
        cards = request.subject_id.sudo().root_id._get_all_cards()
        journal = self.create(
            {
                "name": request.name,
                "request_id": request.id,
                "company_id": request.company_id.id,
                "subject_reference": request.subject_id.root_id.reference,
                "identifier_digests": [
                    [kind, self._get_digest(identifier_digest.IDENTIFIERS, kind, value)]
                    for kind, values in (("email", person.emails - shared), ("phone", person.phones))
                    for value in sorted(values)
                ],
                "card_digests": self._digest_records(cards),
                "decided_digests": self._digest_records(request._find_decided()),
            }
        )
        journal._add_entries(request.plan_line_ids)
        return journal

    @api.model
    def _digest_records(self, recordsets):
        """Give the keyed hash of each record, by model and number."""
        return {
            f"{record._name},{record.id}": self._get_record_digest(record)
            for records in recordsets
            for record in records
        }

    def _add_entries(self, lines, known=()):
        """Note what is to be done with the records of some lines.

        :param known: model and id of records that are noted already
        """
        self.ensure_one()
        known = set(known)
        vals_list = []
        for line in lines:
            ids = [record_id for record_id in line._get_ids() if (line.model, record_id) not in known]
            for until, batch_ids in line._group_by_end(ids):
                vals_list += [
                    {
                        "journal_id": self.id,
                        "line_id": line.id,
                        "map_id": line.map_id.id,
                        "part": line.part,
                        # Backwards through the map: what hangs on cards first, cards last.
                        "sequence": -line.sequence,
                        "is_card": line.model in self.env["gdpr.subject.mixin"]._get_card_models(),
                        "model": line.model,
                        "res_ids": batch,
                        "action": line.action,
                        "ground": line.ground,
                        "keep_until": until,
                        "after_keeping": line.after_keeping,
                    }
                    for batch in split_every(BATCH, batch_ids, list)
                ]
        self.env["gdpr.erasure.journal.entry"].create(vals_list)

    def _take_over(self):
        """Leave to this journal what earlier ones of the same request, that were stopped, say of the same records.

        What they have done stays noted.
        """
        self.ensure_one()
        stopped = self.search(
            [("request_id", "=", self.request_id.id), ("id", "!=", self.id), ("finished_on", "=", False)]
        )
        planned = {(entry.model, record_id) for entry in self.entry_ids for record_id in entry.res_ids}
        for entry in stopped.entry_ids.filtered(lambda entry: entry.state != "done"):
            left = [record_id for record_id in entry.res_ids if (entry.model, record_id) not in planned]
            if left and entry.state == "kept":
                entry.res_ids = left
            else:
                entry.unlink()
        stopped.finished_on = fields.Datetime.now()

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise AccessError(
            self.env._("The journal of erasures can't be removed: it is needed after a backup is restored.")
        )
