from collections import defaultdict

from odoo import api, fields, models, tools
from odoo.tools import SQL

from ..tools import identifier_digest
from ..tools.replay import DENIALS


class GdprSubject(models.Model):
    """Who said no isn't brought back by deleting the record and making it anew, or by importing it once more.

    Only a keyed hash of the address is kept, and only of persons who said no and have no record any more.
    """

    _inherit = "gdpr.subject"

    former_address = fields.Char(
        "Keyed Hash of the Last Address",
        readonly=True,
        copy=False,
        index="btree_not_null",
        groups="base.group_system",
        help="Of the record that was deleted last. Nobody can read the address from it.",
    )

    def _remember_address(self, emails):
        """Remember where those of these people are who said no, and whose last record was just deleted.

        :param dict emails: the normalised address of each that has one
        """
        denied = self.filtered(
            lambda subject: (
                subject in emails
                and (
                    subject.root_id.objected
                    or subject.root_id.restricted
                    or not DENIALS.isdisjoint(subject.root_id.consent_ids.mapped("state"))
                )
            )
        )
        if not denied:
            return
        is_first = not self._has_former_addresses()
        key = self._get_former_address_key()
        for subject in denied:
            subject.former_address = identifier_digest.digest(key, "email", emails[subject])
        if is_first:
            self._tell_every_process()

    @api.model
    def _find_by_former_addresses(self, emails):
        """Give the ids of the people who said no from these normalised addresses and have no record any more.

        :rtype: dict[str, set[int]]
        """
        found = defaultdict(set)
        if not emails or not self._has_former_addresses():
            return found
        key = self._get_former_address_key()
        digests = {identifier_digest.digest(key, "email", email): email for email in emails}
        self.flush_model(["former_address", "root_id"])
        rows = self.env.execute_query(
            SQL("SELECT former_address, root_id FROM gdpr_subject WHERE former_address = ANY(%s)", list(digests))
        )
        for digest, person_id in rows:
            found[digests[digest]].add(person_id)
        return found

    @api.model
    def _get_former_address_key(self):
        return identifier_digest.derive_key(self.sudo()._get_ledger_key(), identifier_digest.FORMER_ADDRESSES)

    @api.model
    @tools.ormcache()
    def _has_former_addresses(self):
        self.flush_model(["former_address"])
        return bool(self.env.execute_query(SQL("SELECT FROM gdpr_subject WHERE former_address IS NOT NULL LIMIT 1")))
