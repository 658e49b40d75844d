import logging

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import identifier_digest, signed_lines

_logger = logging.getLogger(__name__)

FORMAT = "gdpr_consent erasures"


class GdprErasureJournal(models.Model):
    """Erasures done again on a database that was restored from a backup (law.md R-59).

    The journal is exported, signed, to a file outside the database. Afterwards whoever it names is found again by
    the numbers of the cards (each with a keyed hash that tells it from a newer one with the same number) and by the
    keyed hashes of the addresses, and is erased by the same plan.
    """

    _inherit = "gdpr.erasure.journal"

    is_replayed = fields.Boolean(readonly=True, copy=False, help="Done again after a backup was restored.")

    @api.model
    def _get_signing_key(self):
        return identifier_digest.derive_key(self.env["gdpr.subject"]._get_ledger_key(), identifier_digest.JOURNAL)

    @api.model
    def _export(self, file):
        """Write all erasures that have begun to a signed file; give how many there are.

        :param file: binary file to write to
        """
        header = {"format": FORMAT, "version": 1, "exported_on": fields.Datetime.to_string(fields.Datetime.now())}
        journals = self.sudo().search([("id", ">", 0)], order="id")
        return signed_lines.write(file, self._get_signing_key(), header, (journal._to_line() for journal in journals))

    def _to_line(self):
        self.ensure_one()
        return {
            "number": self.name,
            "company": self.company_id.id,
            "person": self.subject_reference,
            "started_on": fields.Datetime.to_string(self.started_on),
            "identifiers": self.identifier_digests or [],
            "cards": self.card_digests or {},
            "decided": self.decided_digests or {},
            "decisions": [
                {
                    "place": line.map_id.get_external_id().get(line.map_id.id) or line.map_id.name,
                    "model": line.model,
                    "part": line.part,
                    "action": line.action,
                    "ground": line.ground,
                    "reason": line.reason,
                    "keep_until": line.keep_until and fields.Date.to_string(line.keep_until),
                    "after_keeping": line.after_keeping,
                }
                for line in self.request_id.plan_line_ids
                if line.is_corrected
            ],
        }

    @api.model
    def _read_export(self, file):
        """Give the lines of an exported file.

        :raise UserError: it isn't one, was changed, or was made with another key
        """
        try:
            return signed_lines.read(file, self._get_signing_key(), FORMAT)
        except signed_lines.BadFile as error:
            raise UserError(
                self.env._(
                    "This file can't be used: it isn't a journal of erasures made with this ledger's key, or it was"
                    " changed."
                )
            ) from error

    @api.model
    def _replay(self, line, index):
        """Order the erasure of the person of one exported line again, where the person is back.

        Does nothing where this database knows of the erasure already: then the backup is younger.

        :param dict line: of ``_read_export``
        :param dict index: of ``_index_cards``
        :return: the requests that the scheduled action carries out
        :rtype: gdpr.subject.request
        """
        requests = self.env["gdpr.subject.request"].sudo()
        company = self.env["res.company"].browse(line["company"]).exists()
        known = self.sudo().search(
            [("subject_reference", "=", line["person"]), ("name", "=", line["number"]), ("finished_on", "!=", False)]
        )
        if not company or known:
            return requests
        self.env["gdpr.suppression"]._remember_digests(line["identifiers"], company)
        for cards in self._find_replayed_cards(line, index, company):
            # Two plans with the same record would each find that the other has changed it.
            planned = requests.plan_line_ids.filtered(lambda line, model=cards._name: line.model == model)
            covered = {record_id for line in planned for record_id in line._get_ids()}
            left = cards.filtered(lambda card, covered=covered: card.id not in covered)
            requests |= self._order_again(left._gdpr_ensure_subjects().root_id, line, company)
        return requests

    @api.model
    def _find_replayed_cards(self, line, index, company):
        """Give the cards of the person of a line, those known by their number first, a recordset for each model.

        What bears the address at another company alone is that company's.
        """
        found, found_alike = [], []
        digests = {digest for _kind, digest in line["identifiers"]}
        for model in sorted(self.env["gdpr.subject.mixin"]._get_card_models()):
            cards = self.env[model].sudo().with_context(active_test=False)
            numbers = [int(name.partition(",")[2]) for name in line["cards"] if name.startswith(f"{model},")]
            known = (
                cards.browse(numbers)
                .exists()
                .filtered(lambda card: self._get_record_digest(card) == line["cards"][f"{card._name},{card.id}"])
            )
            alike = cards.browse(card_id for digest in digests for card_id in index.get((model, digest), ())).exists()
            alike = alike.filtered(lambda card: card._gdpr_get_own_company() in (company, company.browse())) - known
            found.append(known)
            found_alike.append(alike)
        return [cards for cards in found + found_alike if cards]

    @api.model
    def _index_cards(self, lines):
        """Give the ids of the cards with one of the addresses of the lines, by model and keyed hash.

        Each address in the database has to be hashed, for nothing else is known; once for all lines.

        :param list[dict] lines: of ``_read_export``
        :rtype: dict[tuple[str, str], list[int]]
        """
        wanted = {digest for line in lines for _kind, digest in line["identifiers"]}
        suppressions = self.env["gdpr.suppression"]
        index = {}
        for model in self.env["gdpr.subject.mixin"]._get_card_models():
            cards = self.env[model].sudo().with_context(active_test=False)
            field = "email_normalized" if "email_normalized" in cards._fields else cards._gdpr_email_field
            by_value = dict(cards._read_group([(field, "!=", False)], [field], ["id:array_agg"]))
            for value, digest in suppressions._digest_values("email", by_value).items():
                if digest in wanted:
                    index.setdefault((model, digest), []).extend(by_value[value])
        return index

    @api.model
    def _order_again(self, people, line, company):
        requests = self.env["gdpr.subject.request"].sudo().with_company(company)
        ordered = requests.browse()
        for person in people:
            request = requests._find_open(person, ["erasure"])[:1]
            if request.erasure_state in ("queued", "running", "blocked", "telling"):
                ordered |= request
                continue
            # Nobody is written to: the person was told when it was done first.
            values = {"subject_id": person.id, "company_id": company.id, "type": "erasure", "email": False}
            request = request or requests.create({**values, "note": False})
            request.email = False
            if request.state != "in_progress":
                request.action_start()
            request._make_plan()
            request._decide_again(line["decisions"], line.get("decided", {}))
            now = fields.Datetime.now()
            request.write({"erasure_state": "queued", "planned_on": now, "approved_on": now, "erase_on": now})
            request._log_step("approved", self.env._("Erased before, as %(number)s.", number=line["number"]))
            ordered |= request
        return ordered
