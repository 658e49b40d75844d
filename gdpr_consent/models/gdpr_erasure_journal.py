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

    name = fields.Char("Number of the Request", required=True, readonly=True)
    request_id = fields.Many2one("gdpr.subject.request", readonly=True, index=True, ondelete="set null")
    company_id = fields.Many2one("res.company", readonly=True, required=True, ondelete="cascade")
    subject_reference = fields.Char("Person", readonly=True)
    identifier_digests = fields.Json(
        "Keyed Hashes of Addresses and Numbers", readonly=True, groups="base.group_system", copy=False
    )
    card_digests = fields.Json(
        "Keyed Hashes of the Cards", readonly=True, groups="base.group_system", copy=False, help="By model and number."
    )
    entry_ids = fields.One2many("gdpr.erasure.journal.entry", "journal_id", string="Records", readonly=True)
    is_rechecked = fields.Boolean(readonly=True, help="What came in while it was being erased was looked for.")
    started_on = fields.Datetime(readonly=True, required=True, default=fields.Datetime.now)
    finished_on = fields.Datetime(readonly=True)

    @api.model
    def _get_digest(self, use, kind, value):
        """Give the keyed hash of a value.

        :param bytes use: what for, of ``tools.identifier_digest``
        """
        key = identifier_digest.derive_key(self.env["gdpr.subject"]._get_ledger_key(), use)
        return identifier_digest.digest(key, kind, value)

    @api.model
    def _get_card_digest(self, card):
        """Give the keyed hash that tells a record from one that got its number after a backup was restored."""
        created_on = card.create_date and fields.Datetime.to_string(card.create_date)
        return self._get_digest(identifier_digest.RECORDS, f"{card._name},{card.id}", created_on or "")

    @api.model
    def _open(self, request):
        """Write the journal of an approved plan.

        :rtype: gdpr.erasure.journal
        """
        person = self.env["gdpr.data.map"]._identify(request.subject_id)
        shared = self._find_others_addresses(person, request.plan_line_ids, request.company_id)
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
                "card_digests": {
                    f"{card._name},{card.id}": self._get_card_digest(card) for records in cards for card in records
                },
            }
        )
        journal._add_entries(request.plan_line_ids)
        return journal

    @api.model
    def _find_others_addresses(self, person, lines, company):
        """Give which of the person's addresses somebody of the same company has whose card isn't erased."""
        erased = {}
        for line in lines:
            erased.setdefault(line.model, set()).update(line._get_ids())
        others = set()
        for model in self.env["gdpr.subject.mixin"]._get_card_models() if person.shared_emails else ():
            cards = self.env[model].sudo().with_context(active_test=False)
            if "email_normalized" in cards._fields:
                own = [*erased.get(model, ()), *person.cards.get(model, ())]
                domain = [("email_normalized", "in", list(person.shared_emails)), ("id", "not in", own)]
                if "company_id" in cards._fields:
                    domain.append(("company_id", "in", [False, company.id]))
                others |= set(cards.search_fetch(domain, ["email_normalized"]).mapped("email_normalized"))
        return others

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
