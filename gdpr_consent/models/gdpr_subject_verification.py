from collections import defaultdict

from odoo import models
from odoo.exceptions import AccessError
from odoo.tools import SQL
from odoo.tools.misc import split_every

from ..tools import ledger


class GdprSubject(models.Model):
    """Verifying the ledger: nothing altered, deleted or reordered (law.md R-102)."""

    _inherit = "gdpr.subject"

    def action_verify_ledger(self):
        """Check the histories of these people, or of all, and tell the result.

        :return: a client action that shows the first faults, or that all is sound
        """
        self.browse().check_access("read")
        if not self.env.user.has_group("gdpr_consent.group_officer"):
            raise AccessError(self.env._("Only a privacy officer can verify the ledger."))
        faults = self._verify_ledger()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Ledger verified") if not faults else self.env._("Faults found"),
                "message": "\n".join(faults[:5]) or self.env._("Every event is as it was written."),
                "type": "danger" if faults else "success",
                "sticky": bool(faults),
            },
        }

    def _verify_ledger(self):
        """Check that no event was altered, deleted or reordered behind the add-on's back.

        :return: the faults found, each a sentence naming the person and the event (law.md R-102); empty: sound
        :rtype: list[str]
        """
        key = self._get_ledger_key()
        self.env.flush_all()
        subjects = self.sudo() or self.sudo()._browse_all()
        faults = []
        for chunk in split_every(1000, subjects.ids, subjects.browse):
            events = defaultdict(list)
            for event in chunk._read_events():
                events[event["subject_id"]].append(event)
            values = defaultdict(dict)
            self.env.cr.execute(
                SQL(
                    "SELECT value.event_id, value.name, value.value, value.salt FROM gdpr_consent_event_value value"
                    " JOIN gdpr_consent_event event ON event.id = value.event_id WHERE event.subject_id IN %s",
                    tuple(chunk.ids),
                )
            )
            for event_id, name, value, salt in self.env.cr.fetchall():
                values[event_id][name] = (value, salt)
            for subject in chunk:
                faults += subject._find_faults(events[subject.id], values, key)
            files = self.env["gdpr.consent.event.value"].sudo()
            faults += files.search(
                [("event_id.subject_id", "in", chunk.ids), ("name", "=", "evidence_file")], order="id"
            )._find_file_faults()
        return faults

    def _find_faults(self, events, values, key):
        faults = []
        expected, previous_hash = 1, ledger.GENESIS
        for event in events:
            place = event["sequence"]
            if place != expected:
                faults.append(
                    self.env._("%(person)s: event %(number)s is missing.", person=self.reference, number=expected)
                )
            elif event["previous_hash"] != previous_hash:
                faults.append(
                    self.env._(
                        "%(person)s: event %(number)s doesn't follow the one before it.",
                        person=self.reference,
                        number=place,
                    )
                )
            payload = self._get_hashed_payload(event)
            if ledger.chain_hash(key, event["previous_hash"], payload) != event["hash"]:
                faults.append(
                    self.env._("%(person)s: event %(number)s was altered.", person=self.reference, number=place)
                )
            for value_name, (value, salt) in values[event["id"]].items():
                if (event["commitments"] or {}).get(value_name) != ledger.commitment(salt, value):
                    faults.append(
                        self.env._(
                            "%(person)s: the value “%(value)s” of event %(number)s was altered.",
                            person=self.reference,
                            value=value_name,
                            number=place,
                        )
                    )
            expected, previous_hash = place + 1, event["hash"]
        if (self.head_sequence, self.head_hash) != (expected - 1, previous_hash):
            faults.append(
                self.env._("%(person)s: the end of the history is missing or was altered.", person=self.reference)
            )
        return faults
