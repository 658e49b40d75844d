from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL
from odoo.tools.misc import split_every

from ..tools import heads, signed_lines
from ..tools.consent_record import moment

HEADS_BATCH = 10_000


class GdprSubject(models.Model):
    """The ends of all histories, signed and kept elsewhere: so that a cut end shows too (law.md R-102)."""

    _inherit = "gdpr.subject"

    @api.private
    def _check_heads_access(self):
        """Refuse who isn't a privacy officer.

        :raise AccessError: so
        """
        if not self.env.user.has_group("gdpr_consent.group_officer"):
            raise AccessError(self.env._("Only a privacy officer can export the signed heads of the ledger."))

    @api.model
    def _export_heads(self, file):
        """Write the signed ends of all histories.

        :param file: binary file to write to
        :return: the numbers of ``persons`` and ``events``, and the ``signature``
        :rtype: dict
        """
        self.env.flush_all()
        header = {
            "database": self.env["ir.config_parameter"].sudo().get_param("database.uuid"),
            "exported_on": moment(fields.Datetime.now()),
        }
        return heads.write(file, self._get_ledger_key(), header, self._iterate_heads())

    @api.model
    def _check_heads(self, file):
        """Compare the ledger with signed ends exported earlier.

        :param file: binary file to read, with ``seek``
        :return: the faults found, each a sentence naming the person, and the header of the file with its numbers
        :rtype: tuple[list[str], dict]
        :raise UserError: the file isn't one of ours, is damaged or was changed
        """
        try:
            header = heads.check(file, self._get_ledger_key())
        except signed_lines.BadFile as error:
            raise UserError(
                self.env._(
                    "This file can't be used: it isn't a file of signed heads made with this ledger's key, or it was"
                    " changed."
                )
            ) from error
        self.env.flush_all()
        faults = []
        for chunk in split_every(HEADS_BATCH, heads.read(file), list):
            faults += self._compare_heads(chunk)
        return faults, header

    @api.model
    def _iterate_heads(self):
        last_id = 0
        while rows := self.env.execute_query(
            SQL(
                "SELECT id, reference, head_sequence, head_hash FROM gdpr_subject"
                " WHERE id > %s AND head_sequence > 0 ORDER BY id LIMIT %s",
                last_id,
                HEADS_BATCH,
            )
        ):
            last_id = rows[-1][0]
            yield from (row[1:] for row in rows)

    @api.model
    def _compare_heads(self, known):
        self.env.cr.execute(
            SQL(
                "SELECT subject.reference, event.sequence, event.hash FROM gdpr_subject subject"
                " LEFT JOIN (VALUES %s) AS head (reference, sequence) ON head.reference = subject.reference"
                " LEFT JOIN gdpr_consent_event event"
                " ON event.subject_id = subject.id AND event.sequence = head.sequence"
                " WHERE subject.reference IN %s",
                SQL(", ").join(SQL("(%s, %s)", reference, sequence) for reference, sequence, _hash in known),
                tuple(reference for reference, _sequence, _hash in known),
            )
        )
        found = {reference: digest for reference, _sequence, digest in self.env.cr.fetchall()}
        faults = []
        for reference, sequence, digest in known:
            if reference not in found:
                faults.append(self.env._("%(person)s: the whole history is missing.", person=reference))
            elif found[reference] is None:
                faults.append(self.env._("%(person)s: event %(number)s is missing.", person=reference, number=sequence))
            elif found[reference] != digest:
                faults.append(
                    self.env._(
                        "%(person)s: event %(number)s isn't the one that was exported.",
                        person=reference,
                        number=sequence,
                    )
                )
        return faults
