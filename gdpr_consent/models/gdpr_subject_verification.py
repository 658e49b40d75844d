from collections import Counter, defaultdict

from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools import SQL
from odoo.tools.misc import split_every

from ..tools import ledger

VERIFY_BATCH = 1000
# More people than a user should wait for.
VERIFY_AT_ONCE = 20_000
# What ties two histories together, and what the other one must say of it.
TIES = {"joined": "absorbed", "absorbed": "joined", "split": "split", "separated": "split"}


class GdprSubject(models.Model):
    """Verifying the ledger: nothing altered, deleted or reordered (law.md R-102)."""

    _inherit = "gdpr.subject"

    def action_verify_ledger(self):
        """Check the histories of these people, or of all, keep the result and tell it.

        Where there are very many people it is done in the background, and the officers are told of faults.

        :return: a client action that shows the first faults, or that all is sound
        """
        self.browse().check_access("read")
        if not self.env.user.has_group("gdpr_consent.group_officer"):
            raise AccessError(self.env._("Only a privacy officer can verify the ledger."))
        if not self and self.sudo().search_count([], limit=VERIFY_AT_ONCE + 1) > VERIFY_AT_ONCE:
            self.env.ref("gdpr_consent.ir_cron_verify_ledger").sudo()._trigger()
            return self._show_notification(
                self.env._("Verification started"),
                self.env._("There are very many people. The result will be among the verifications."),
                "info",
            )
        faults = self.env["gdpr.ledger.verification"]._verify("manual", self)._get_fault_list()
        return self._show_notification(
            self.env._("Ledger verified") if not faults else self.env._("Faults found"),
            "\n".join(faults[:5]) or self.env._("Every event is as it was written."),
            "danger" if faults else "success",
        )

    @api.model
    def _show_notification(self, title, message, kind):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"title": title, "message": message, "type": kind, "sticky": kind == "danger"},
        }

    def _verify_ledger(self):
        """Check that no event was altered, deleted or reordered behind the add-on's back.

        :return: the faults found, each a sentence naming the person and the event (law.md R-102); empty: sound
        :rtype: list[str]
        """
        return self._find_wording_faults() + (self.sudo() or self.sudo()._browse_all())._find_all_ledger_faults()[0]

    def _find_wording_faults(self):
        """Check the wordings that the histories of these people cite, or all."""
        cited = self.sudo().event_ids.version_id
        return cited._find_wording_faults() if cited or not self else []

    def _find_all_ledger_faults(self):
        """Check the histories of these people, in batches so that nothing of them stays in memory.

        :return: the faults found, as sentences, and the number of events read
        :rtype: tuple[list[str], int]
        """
        faults, event_count = [], 0
        for ids in split_every(VERIFY_BATCH, self.ids):
            found, read = self.browse(ids)._find_ledger_faults()
            faults += found
            event_count += read
        return faults, event_count

    def _find_ledger_faults(self):
        self.env.flush_all()
        key = self._get_ledger_key()
        rows = self._read_events()
        events = defaultdict(list)
        for event in rows:
            events[event["subject_id"]].append(event)
        values = self._read_values()
        lapsed = self._find_lapsed_requests(rows)
        faults = []
        for subject in self:
            faults += subject._find_faults(events[subject.id], values, key, lapsed)
        faults += self._find_tie_faults(rows)
        faults += self._find_citation_faults(rows)
        files = self.env["gdpr.consent.event.value"].sudo()
        faults += files.search(
            [("event_id.subject_id", "in", self.ids), ("name", "=", "evidence_file")], order="id"
        )._find_file_faults()
        self.invalidate_recordset(flush=False)
        return faults, len(rows)

    def _read_values(self):
        """Give the personal values of these histories that are left: ``(value, salt)`` by event id and name."""
        values = defaultdict(dict)
        self.env.cr.execute(
            SQL(
                "SELECT value.event_id, value.name, value.value, value.salt FROM gdpr_consent_event_value value"
                " JOIN gdpr_consent_event event ON event.id = value.event_id WHERE event.subject_id IN %s",
                tuple(self.ids),
            )
        )
        for event_id, name, value, salt in self.env.cr.fetchall():
            values[event_id][name] = (value, salt)
        return values

    @api.model
    def _find_lapsed_requests(self, rows):
        """Give the ids of the confirmations that the ledger says never came: what was typed for them is erased."""
        request_ids = {event["request_id"] for event in rows if event["request_id"]}
        found = self.env.execute_query(
            SQL(
                "SELECT request_id FROM gdpr_consent_event WHERE action = 'confirmation_lapsed' AND request_id IN %s",
                tuple(request_ids) or (0,),
            )
        )
        return {row[0] for row in found}

    def _find_faults(self, events, values, key, lapsed):
        faults = []
        erased = max((event["sequence"] for event in events if event["action"] == "erased"), default=0)
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
            may_be_gone = place < erased or event["request_id"] in lapsed
            faults += self._find_value_faults(event, values[event["id"]], may_be_gone)
            expected, previous_hash = place + 1, event["hash"]
        if (self.head_sequence, self.head_hash) != (expected - 1, previous_hash):
            faults.append(
                self.env._("%(person)s: the end of the history is missing or was altered.", person=self.reference)
            )
        return faults

    def _find_value_faults(self, event, values, may_be_gone):
        """Compare the personal values of an event with what it committed to.

        :param bool may_be_gone: an erasure is on record, or nobody confirmed them (law.md R-11)
        """
        commitments = event["commitments"] or {}
        faults = []
        for name, (value, salt) in values.items():
            if commitments.get(name) != ledger.commitment(salt, value):
                faults.append(
                    self.env._(
                        "%(person)s: the value “%(value)s” of event %(number)s was altered.",
                        person=self.reference,
                        value=name,
                        number=event["sequence"],
                    )
                )
        if not may_be_gone:
            faults += [
                self.env._(
                    "%(person)s: the value “%(value)s” of event %(number)s is missing, and no erasure is on record.",
                    person=self.reference,
                    value=name,
                    number=event["sequence"],
                )
                for name in sorted(commitments.keys() - values.keys())
            ]
        return faults

    def _find_citation_faults(self, rows):
        """Check that the wordings cited are those that the people saw. The first event of each wording is named."""
        versions = self.env["gdpr.consent.form.version"].sudo()
        altered = {}
        for event in rows:
            digest = event["version_sha256"]
            if digest and digest != versions.browse(event["version_id"]).sha256:
                altered.setdefault(event["version_id"], event)
        return [
            self.env._(
                "%(person)s: the wording that event %(number)s refers to isn't the one the person saw.",
                person=self.browse(event["subject_id"]).reference,
                number=event["sequence"],
            )
            for event in altered.values()
        ]

    def _find_tie_faults(self, rows):
        """Check that two histories that were joined or split say the same of it, and go on where they say."""
        ties, goes_on = Counter(), {}
        for event in rows:
            action = event["action"]
            if action in TIES:
                one, other = event["subject_id"], event["related_subject_id"]
                ties[one, other, TIES[TIES[action]]] += 1
                if action in ("absorbed", "separated"):
                    goes_on[one] = other if action == "absorbed" else None
        faults = [
            self.env._("%(person)s: isn't joined as the ledger says.", person=subject.reference)
            for subject in self
            if (subject.survivor_id.id or None) != goes_on.get(subject.id)
        ]
        if not ties:
            return faults
        self.env.cr.execute(
            SQL(
                "SELECT subject_id, related_subject_id, action FROM gdpr_consent_event"
                " WHERE subject_id IN %s AND action IN %s",
                tuple({other for _one, other, _action in ties}) or (0,),
                tuple(TIES),
            )
        )
        theirs = Counter((other, one, TIES[action]) for one, other, action in self.env.cr.fetchall())
        return faults + [
            self.env._(
                "%(person)s: the history of %(other)s doesn't tell the same of their joining or splitting.",
                person=self.browse(one).reference,
                other=self.browse(other).exists().reference or other,
            )
            for (one, other, action), count in ties.items()
            if theirs[one, other, action] != count
        ]
