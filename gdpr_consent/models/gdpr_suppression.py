from collections import defaultdict

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError
from odoo.tools.mail import email_normalize_all

from ..tools import identifier_digest
from ..tools.person_identifiers import get_phone_digits


class GdprSuppression(models.Model):
    """Addresses and numbers of erased persons, so that they aren't used again by mistake (law.md R-60, R-104).

    A keyed hash, a date and whose list it is: an address can be recognised, but not read.
    """

    _name = "gdpr.suppression"
    _description = "Address of an Erased Person"
    _order = "id DESC"
    _rec_name = "kind"
    _log_access = False

    kind = fields.Selection(
        [("email", "E-mail address"), ("phone", "Phone number")],
        required=True,
        readonly=True,
        help="Whether it stands for an address or a number.",
    )
    digest = fields.Char(
        "Keyed Hash",
        required=True,
        readonly=True,
        copy=False,
        help="Tells whether an address is this one; nobody can read the address from it.",
    )
    company_id = fields.Many2one("res.company", string="Counts For", required=True, readonly=True, ondelete="cascade")
    recorded_on = fields.Date(
        "Erased On", required=True, readonly=True, default=fields.Date.context_today, help="When the person was erased."
    )

    _digest_uniq = models.UniqueIndex("(digest, company_id)", "An address is remembered once.")

    @api.model_create_multi
    def create(self, vals_list):
        entries = super().create(vals_list)
        self.env.registry.clear_cache()
        return entries

    def write(self, vals):
        raise AccessError(self.env._("An entry can't be changed."))

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    @api.model
    @tools.ormcache()
    def _is_in_use(self):
        """Tell whether anybody was erased: before, nothing needs to be looked up."""
        return bool(self.sudo().search_count([], limit=1))

    @api.model
    def _digest_values(self, kind, values):
        """Give the keyed hash of each normalised value."""
        key = identifier_digest.derive_key(self.env["gdpr.subject"]._get_ledger_key(), identifier_digest.IDENTIFIERS)
        return {value: identifier_digest.digest(key, kind, value) for value in values}

    @api.model
    def _remember(self, identified, company):
        """Remember the addresses and numbers of a person who is erased, those that are the person's alone there.

        :param PersonIdentifiers identified: who
        :param res.company company: whose person it was
        :return: the e-mail addresses that are remembered; one that others have isn't
        :rtype: set[str]
        """
        shared = self.env["gdpr.data.map"]._find_shared_emails(identified, company)
        self._remember_digests(
            [
                (kind, digest)
                for kind, values in (
                    ("email", identified.emails - shared),
                    ("phone", identified.phones),
                )
                for digest in self._digest_values(kind, values).values()
            ],
            company,
        )
        return identified.emails - shared

    @api.model
    def _remember_digests(self, digests, company):
        entries = self.sudo()
        known = entries.search(
            [("digest", "in", [digest for _kind, digest in digests]), ("company_id", "=", company.id)]
        )
        known = set(known.mapped("digest"))
        entries.create(
            [
                {"kind": kind, "digest": digest, "company_id": company.id}
                for kind, digest in dict.fromkeys(map(tuple, digests))
                if digest not in known
            ]
        )

    @api.model
    def _recognise(self, texts, company=None):
        """Give, by key, the day on which the person with one of these addresses or numbers was erased. One query.

        :param dict texts: by key, pairs of kind and text as it is written
        :param res.company company: default: the one in use
        """
        if not texts or not self._is_in_use():
            return {}
        values = defaultdict(lambda: defaultdict(set))
        for key, pairs in texts.items():
            for kind, text in pairs:
                for value in self._normalise(kind, text):
                    values[kind][value].add(key)
        keys_by_digest = {}
        for kind, keys_by_value in values.items():
            for value, digest in self._digest_values(kind, keys_by_value).items():
                keys_by_digest[digest] = keys_by_value[value]
        company = company or self.env.company
        entries = self.sudo().search_fetch(
            [("digest", "in", list(keys_by_digest)), ("company_id", "=", company.id)], ["digest", "recorded_on"]
        )
        return {key: entry.recorded_on for entry in entries for key in keys_by_digest[entry.digest]}

    @api.model
    def _normalise(self, kind, text):
        if kind == "email":
            return email_normalize_all(text or "")
        digits = get_phone_digits(text)
        return [digits] if digits else []

    @api.model
    def _forget(self, pairs, company=None):
        """Forget addresses and numbers: the person has come back by the own will.

        :param pairs: kind and text of each
        """
        digests = [
            digest for kind, text in pairs for digest in self._digest_values(kind, self._normalise(kind, text)).values()
        ]
        company = company or self.env.company
        self.sudo().search([("digest", "in", digests), ("company_id", "=", company.id)]).unlink()
