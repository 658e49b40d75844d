import os
import secrets
import uuid
from collections import defaultdict

from psycopg2 import sql
from psycopg2.extras import Json

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, config
from odoo.tools.misc import split_every

from ..tools import ledger
from ..tools.replay import Projection
from .gdpr_consent_event import HASHED_COLUMNS

KEY_PARAMETER = "gdpr_consent.ledger_key"
KEY_FILE_VARIABLE = "GDPR_CONSENT_LEDGER_KEY_FILE"
KEY_FILE_OPTION = "gdpr_consent_ledger_key_file"
BATCH = 10_000


class GdprSubject(models.Model):
    """The one door in: ``_record_acts`` alone writes the ledger and what is derived from it."""

    _inherit = "gdpr.subject"

    @api.private
    def _record_acts(self, acts):
        """Record what happened, and derive from it what is on record now.

        One transaction, any number of people. The rows of the people are locked, in one order, so
        that two acts on one person follow each other.

        :param list[dict] acts: each with ``subject_id`` (id) and ``action``, and as it applies
            ``purpose_id`` (id), ``channel_codes`` (list), ``legal_basis``, ``occurred_on`` (UTC, default now),
            ``expires_on`` (UTC), ``source``, ``actor`` (default ``operator``), ``user_id``, ``version_id``,
            ``request_id`` (ids), ``act`` (mark shared by the events of one act), ``values`` (personal values by
            name, texts) and ``attachment`` (an ``ir.attachment`` that backs the value ``evidence_file``)
        :return: the events written, in the order of the acts
        :rtype: gdpr.consent.event
        """
        subjects = self.sudo().browse(sorted({act["subject_id"] for act in acts}))
        heads = subjects._lock_heads()
        now = fields.Datetime.now()
        key = self._get_ledger_key()
        rows, values = [], []
        for act in acts:
            row, act_values = self._prepare_event(act, heads, now, key)
            rows.append(row)
            values.append(act_values)
        events = self._insert_events(rows, values)
        subjects._write_heads(heads)
        subjects.invalidate_recordset(["event_ids"])
        # Written behind the ORM's back: let what is computed from the history follow.
        subjects.modified(["event_ids"])
        subjects._project()
        return events

    def _lock_heads(self):
        """Lock the people and give ``{id: [sequence, hash, company id]}`` of their last events."""
        self.flush_model(["head_sequence", "head_hash", "company_id"])
        rows = self.env.execute_query(
            SQL(
                "SELECT id, head_sequence, head_hash, company_id FROM gdpr_subject"
                " WHERE id IN %s ORDER BY id FOR UPDATE",
                tuple(self.ids),
            )
        )
        return {row[0]: list(row[1:]) for row in rows}

    def _prepare_event(self, act, heads, now, key):
        head = heads[act["subject_id"]]
        actor = act.get("actor", "operator")
        salted = {name: (value, ledger.new_salt()) for name, value in (act.get("values") or {}).items() if value}
        row = {
            "subject_id": act["subject_id"],
            "sequence": head[0] + 1,
            "action": act["action"],
            "act": act.get("act") or uuid.uuid4().hex,
            "legal_basis": act.get("legal_basis"),
            "purpose_id": act.get("purpose_id") or None,
            "channel_codes": ",".join(act.get("channel_codes") or ()) or None,
            "occurred_on": act.get("occurred_on") or now,
            "recorded_on": now,
            "expires_on": act.get("expires_on") or None,
            "source": act.get("source") or None,
            "actor": actor,
            "user_id": act.get("user_id") or (self.env.uid if actor == "operator" else None),
            "version_id": act.get("version_id") or None,
            "request_id": act.get("request_id") or None,
            "company_id": head[2],
            "commitments": {name: ledger.commitment(salt, value) for name, (value, salt) in salted.items()},
            "previous_hash": head[1],
        }
        row["hash"] = ledger.chain_hash(key, head[1], self._get_hashed_payload(row))
        head[0], head[1] = row["sequence"], row["hash"]
        attachment = act.get("attachment")
        return row, [
            (name, value, salt, attachment if attachment and name == "evidence_file" else None)
            for name, (value, salt) in salted.items()
        ]

    @api.model
    def _get_hashed_payload(self, row):
        payload = {
            column: fields.Datetime.to_string(row[column]) if hasattr(row[column], "year") else row[column]
            for column in HASHED_COLUMNS
        }
        return payload | {"commitments": row["commitments"] or {}}

    def _insert_events(self, rows, values):
        """Write the rows behind the ORM's back: nobody else may, and there may be a hundred thousand."""
        if not rows:
            return self.env["gdpr.consent.event"]
        self.env["gdpr.consent.form.version"].flush_model()
        self.env["gdpr.consent.request"].flush_model()
        columns = list(rows[0])
        ids = self.env.cr.execute_values(
            sql.SQL("INSERT INTO gdpr_consent_event ({}) VALUES %s RETURNING id").format(
                sql.SQL(", ").join(map(sql.Identifier, columns))
            ),
            [
                tuple(Json(row[column]) if column == "commitments" else row[column] for column in columns)
                for row in rows
            ],
            page_size=1000,
            fetch=True,
        )
        event_ids = [row[0] for row in ids]
        value_rows = [
            (event_id, *value)
            for event_id, event_values in zip(event_ids, values, strict=True)
            for value in event_values
        ]
        if value_rows:
            value_ids = self.env.cr.execute_values(
                "INSERT INTO gdpr_consent_event_value (event_id, name, value, salt) VALUES %s RETURNING id",
                [row[:-1] for row in value_rows],
                page_size=1000,
                fetch=True,
            )
            for (value_id,), (*_values, attachment) in zip(value_ids, value_rows, strict=True):
                if attachment:
                    self.env["gdpr.consent.event.value"].sudo().browse(value_id)._keep_file(attachment)
        return self.env["gdpr.consent.event"].browse(event_ids)

    def _write_heads(self, heads):
        for chunk in split_every(BATCH, heads.items()):
            self.env.cr.execute_values(
                "UPDATE gdpr_subject SET head_sequence = head.sequence, head_hash = head.hash"
                " FROM (VALUES %s) AS head (id, sequence, hash) WHERE gdpr_subject.id = head.id",
                [(subject_id, head[0], head[1]) for subject_id, head in chunk],
                page_size=BATCH,
            )
        self.invalidate_recordset(["head_sequence", "head_hash"], flush=False)

    @api.model
    def _get_ledger_key(self):
        """Give the key of the ledger (bytes).

        Taken from the file named by the environment or by Odoo's configuration, else made once and kept
        among the system parameters. Not ``database.secret``: Odoo changes that on a copy.

        :raise UserError: the file is named but can't be read
        """
        path = os.environ.get(KEY_FILE_VARIABLE) or config.get(KEY_FILE_OPTION)
        if path:
            try:
                with open(path, "rb") as file:
                    key = file.read().strip()
            except OSError as error:
                raise UserError(
                    self.env._("The key of the consent ledger can't be read: %(error)s", error=error)
                ) from error
            if len(key) < 32:
                raise UserError(self.env._("The key of the consent ledger is shorter than 32 bytes."))
            return key
        parameters = self.env["ir.config_parameter"].sudo()
        key = parameters.get_param(KEY_PARAMETER)
        if not key:
            key = secrets.token_hex(32)
            parameters.set_param(KEY_PARAMETER, key)
        return key.encode()

    # ------------------------------------------------------------
    # PROJECTIONS
    # ------------------------------------------------------------

    def _project(self):
        """Derive the state of these people and their consents from their events.

        Always from the whole history, so that what is on record is what a replay gives.
        """
        for chunk in split_every(BATCH, self.ids, self.browse):
            chunk._project_chunk()

    def _project_chunk(self):
        projections = {subject_id: Projection() for subject_id in self.ids}
        for event in self._read_events():
            projections[event["subject_id"]].apply(event)
        ids_by_values = defaultdict(list)
        for subject_id, projection in projections.items():
            given = projection.given
            values = (
                ("legal_basis", projection.legal_basis),
                ("consent_state", projection.consent_state),
                ("restricted", projection.restricted),
                ("requested_on", projection.requested_on or False),
                ("consent_on", given[0].given_on if given else False),
                ("consent_source", given[0].source if given else False),
            )
            ids_by_values[values].append(subject_id)
        for values, ids in ids_by_values.items():
            self.browse(ids).write(dict(values))
        self._project_consents(projections)

    def _read_events(self):
        """Give the rows of the events of these people, oldest first."""
        self.env.cr.execute(
            SQL(
                "SELECT * FROM gdpr_consent_event WHERE subject_id IN %s ORDER BY subject_id, sequence", tuple(self.ids)
            )
        )
        return self.env.cr.dictfetchall()

    def _project_consents(self, projections):
        Consent = self.env["gdpr.consent"].sudo()
        existing = {
            (consent.subject_id.id, consent.purpose_id.id): consent
            for consent in Consent.search([("subject_id", "in", self.ids)])
        }
        channels = {
            channel.code: channel.id
            for channel in self.env["gdpr.channel"].sudo().with_context(active_test=False).search([])
        }
        to_create = []
        for subject_id, projection in projections.items():
            for purpose_id, answer in projection.answers.items():
                consent = existing.pop((subject_id, purpose_id), Consent)
                if consent.event_id.id == answer.event_id:
                    continue
                values = {
                    "state": answer.state,
                    "channel_ids": [
                        fields.Command.set(
                            [channels[code] for code in answer.channel_codes.split(",") if code in channels]
                        )
                    ],
                    "given_on": answer.given_on or False,
                    "expires_on": answer.expires_on or False,
                    "event_id": answer.event_id,
                }
                if consent:
                    consent.write(values)
                else:
                    to_create.append({"subject_id": subject_id, "purpose_id": purpose_id, **values})
        Consent.concat(*existing.values()).unlink()
        if to_create:
            Consent.create(to_create)

    @api.model
    def _rebuild_projections(self):
        """Drop what is derived from the ledger and derive it anew."""
        self.env.flush_all()
        self.env.cr.execute(SQL("DELETE FROM gdpr_consent"))
        self.env.invalidate_all(flush=False)
        self.sudo()._browse_all()._project()

    @api.model
    def _browse_all(self):
        """Give all people, those a user may not see too, oldest first; nothing of them is read yet."""
        return self.browse(row[0] for row in self.env.execute_query(SQL("SELECT id FROM gdpr_subject ORDER BY id")))

    # ------------------------------------------------------------
    # ANSWERS
    # ------------------------------------------------------------

    def _record_answer(self, version, choices, offered=None, **act):
        """Record a person's answer to a form: one event for each purpose that was offered.

        A purpose that isn't chosen is refused, or withdrawn when it had been given.

        :param gdpr.consent.form.version version: what the person saw
        :param dict[int, list[str]] choices: the channel codes allowed, by id of each purpose agreed to
        :param gdpr.purpose offered: the purposes the person decided on, default all of the form
        :param act: further values for ``_record_acts``; ``values`` go to the first event of the act
        """
        self.ensure_one()
        self._lock_heads()
        self.invalidate_recordset()
        mark = uuid.uuid4().hex
        occurred_on = act.pop("occurred_on", None) or fields.Datetime.now()
        values = act.pop("values", {})
        attachment = act.pop("attachment", None)
        given = set(self.consent_ids.filtered(lambda consent: consent.state == "given").purpose_id.ids)
        acts = []
        for purpose in offered or version._get_purposes():
            chosen = purpose.id in choices
            acts.append(
                {
                    **act,
                    "subject_id": self.id,
                    "act": mark,
                    "action": "given" if chosen else "withdrawn" if purpose.id in given else "refused",
                    "purpose_id": purpose.id,
                    "channel_codes": choices.get(purpose.id),
                    "occurred_on": occurred_on,
                    "expires_on": purpose._get_expiry(occurred_on) if chosen else None,
                    "version_id": version.id,
                }
            )
        if acts:
            acts[0] |= {"values": values, "attachment": attachment}
        return self._record_acts(acts)

    def _record_withdrawal(self, purposes=None, **act):
        """Record that a person takes consent back, or says no before having been heard.

        :param gdpr.purpose purposes: default, all that were given or were asked for
        :return: the events; none when all was withdrawn already
        """
        self.ensure_one()
        self._lock_heads()
        self.invalidate_recordset()
        consents = self.consent_ids
        asked = self.request_ids.filtered(lambda request: request.state in ("queued", "sent"))._get_asked_purposes()
        if purposes is None:
            purposes = consents.filtered(lambda consent: consent.state == "given").purpose_id | asked
            if not consents:
                purposes = self.request_ids._get_asked_purposes()
        # What was denied before and is asked again isn't answered yet.
        done = consents.filtered(lambda consent: consent.state in ("withdrawn", "refused")).purpose_id - asked
        mark = uuid.uuid4().hex
        values = act.pop("values", {})
        acts = [
            {**act, "subject_id": self.id, "act": mark, "action": "withdrawn", "purpose_id": purpose.id}
            for purpose in purposes - done
        ]
        if acts:
            acts[0]["values"] = values
        # An open question is answered by a withdrawal too: its link can't grant any more.
        self.request_ids._close_answered()
        return self._record_acts(acts) if acts else self.env["gdpr.consent.event"]

    def _take_over_denials(self, others):
        """Say no for this person where others, who turn out to be the same person, have said no."""
        self.ensure_one()
        given = self.consent_ids.filtered(lambda consent: consent.state == "given").purpose_id
        denied = others.consent_ids.filtered(lambda consent: consent.state in ("refused", "withdrawn")).purpose_id
        act = {"actor": "system", "values": {"reason": self.env._("A contact merged into this one had said no.")}}
        if given & denied:
            self._record_withdrawal(given & denied, **act)
        if any(others.mapped("restricted")) and not self.restricted:
            self._record_acts([{**act, "subject_id": self.id, "action": "restricted"}])

    def _get_answer_events(self):
        """Give what the person was asked and said, oldest first."""
        self.ensure_one()
        return (
            self.sudo()
            .event_ids.filtered(lambda event: event.action in ("asked", "given", "refused", "withdrawn", "expired"))
            .sorted("sequence")
        )

    def _has_answer(self, choices):
        """Tell whether exactly these choices are on record already."""
        self.ensure_one()
        given = self.consent_ids.filtered(lambda consent: consent.state == "given")
        return {consent.purpose_id.id: set(consent.channel_ids.mapped("code")) for consent in given} == {
            purpose_id: set(codes) for purpose_id, codes in choices.items()
        }
