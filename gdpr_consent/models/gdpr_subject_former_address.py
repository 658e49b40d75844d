from collections import defaultdict

from odoo import api, fields, models, tools
from odoo.tools import SQL
from odoo.tools.mail import email_normalize

from ..tools import identifier_digest
from ..tools.replay import DENIALS

# Acts by which somebody says no, to marketing or to any use.
DENYING_ACTIONS = frozenset({"refused", "withdrawn", "channels_withdrawn", "objected", "restricted"})


class GdprSubject(models.Model):
    """Who said no isn't brought back by deleting the record and making it anew, or by importing it once more.

    Nor by giving the address that the person said no from to another record. Only keyed hashes are kept, of addresses
    and numbers that the person's records don't have any more, and only of persons who said no.
    """

    _inherit = "gdpr.subject"

    former_address = fields.Char(
        "Keyed Hashes of the Last Addresses",
        readonly=True,
        copy=False,
        groups="base.group_system",
        help="Of records that were deleted, or got another address, separated by commas. Nobody can read an address or"
        " number from them.",
    )

    _former_address_index = models.Index(
        "USING gin (string_to_array(former_address, ',')) WHERE former_address IS NOT NULL"
    )

    def _remember_addresses(self, addresses):
        """Remember where those of these people were who said no, and whose record was just deleted or changed.

        :param dict addresses: of each that has some, by ``email`` and ``phone``, the normalised ones
        """
        denied = self.filtered(
            lambda subject: (
                subject in addresses
                and (
                    subject.root_id.objected
                    or subject.root_id.restricted
                    or not DENIALS.isdisjoint(subject.root_id.consent_ids.mapped("state"))
                )
            )
        )
        key = self._get_former_address_key()
        self._keep_former_addresses(
            {
                subject: {
                    identifier_digest.digest(key, kind, address)
                    for kind, found in addresses[subject].items()
                    for address in found
                }
                for subject in denied
            }
        )

    @api.model
    def _keep_former_addresses(self, digests):
        """Keep the keyed hashes of addresses with people who said no.

        :param dict[gdpr.subject, set[str]] digests: by person
        """
        if not digests:
            return
        is_first = not self._has_former_addresses()
        for subject, found in digests.items():
            kept = set((subject.former_address or "").split(",")) - {""}
            subject.former_address = ",".join(sorted(kept | found)) or False
        if is_first:
            self._tell_every_process()

    @api.model
    def _remember_addresses_of_links(self, acts):
        """Remember where the links went of those who say no when no record of theirs is left. One query.

        :param list[dict] acts: just recorded
        """
        people_ids = {act["subject_id"] for act in acts if act["action"] in DENYING_ACTIONS}
        if not people_ids:
            return
        self.env.flush_all()
        without_card = SQL(" AND ").join(
            SQL(
                "NOT EXISTS (SELECT FROM %s card JOIN gdpr_subject owner ON owner.id = card.gdpr_subject_id"
                " WHERE owner.root_id = member.root_id)",
                SQL.identifier(self.env[model]._table),
            )
            for model in sorted(self.env["gdpr.subject.mixin"]._get_card_models())
        )
        rows = self.env.execute_query(
            SQL(
                "SELECT DISTINCT member.root_id, link.email, link.address_digest FROM gdpr_link link"
                " JOIN gdpr_subject member ON member.id = link.subject_id"
                " WHERE member.root_id = ANY(%s) AND COALESCE(link.email, link.address_digest) IS NOT NULL AND %s",
                list(people_ids),
                without_card,
            )
        )
        digests = defaultdict(set)
        for person_id, email, digest in rows:
            digests[self.sudo().browse(person_id)].add(digest or self._digest_former_address(email))
        self._keep_former_addresses(digests)

    @api.model
    def _digest_former_address(self, email):
        """Give the keyed hash by which an address is known again."""
        return identifier_digest.digest(self._get_former_address_key(), "email", email_normalize(email) or email)

    @api.model
    def _find_by_former_addresses(self, addresses):
        """Give the ids of the people who said no, and had one of these addresses or numbers on a record before.

        :param addresses: normalised
        :rtype: dict[str, set[int]]
        """
        found = defaultdict(set)
        if not addresses or not self._has_former_addresses():
            return found
        key = self._get_former_address_key()
        digests = {
            identifier_digest.digest(key, "email" if "@" in address else "phone", address): address
            for address in addresses
        }
        self.flush_model(["former_address", "root_id"])
        rows = self.env.execute_query(
            SQL(
                "SELECT string_to_array(former_address, ','), root_id FROM gdpr_subject"
                " WHERE former_address IS NOT NULL AND string_to_array(former_address, ',') && %s::text[]",
                list(digests),
            )
        )
        for kept, person_id in rows:
            for digest in digests.keys() & set(kept):
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
