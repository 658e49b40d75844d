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
from .gdpr_consent_event import HASHED_COLUMNS, HASHED_WHERE_SET
from .gdpr_subject_mixin import SHOWN

KEY_PARAMETER = "gdpr_consent.ledger_key"
KEY_FILE_VARIABLE = "GDPR_CONSENT_LEDGER_KEY_FILE"
KEY_FILE_OPTION = "gdpr_consent_ledger_key_file"
BATCH = 10_000
# What is derived from the ledger and kept with the person.
PROJECTED = (
    "legal_basis",
    "consent_state",
    "restricted",
    "objected",
    "requested_on",
    "consent_on",
    "consent_source",
)
# What is recorded in the history it is about, even when that goes on elsewhere.
ON_ABSORBED = frozenset({"absorbed", "separated", "erased"})


class GdprSubject(models.Model):
    """The one door in: ``_record_acts`` alone writes the ledger and what is derived from it."""

    _inherit = "gdpr.subject"

    @api.private
    def _record_acts(self, acts, heads=None):
        """Record what happened, and derive from it what is on record now.

        One transaction, any number of people. The rows of the people are locked, in one order, so
        that two acts on one person follow each other. What happens to a joined history goes to the one that
        goes on, but for the joining and separating itself.

        :param list[dict] acts: each with ``subject_id`` (id) and ``action``, and as it applies
            ``purpose_id`` (id), ``channel_codes`` (list), ``legal_basis``, ``occurred_on`` (UTC, default now),
            ``expires_on`` (UTC), ``source``, ``actor`` (default ``operator``), ``user_id``, ``version_id``,
            ``request_id``, ``related_subject_id``, ``company_id`` (ids; the last by default that of the person),
            ``act`` (mark shared by the events of one act), ``values`` (personal values by name, texts) and
            ``attachment`` (an ``ir.attachment`` that backs the value ``evidence_file``)
        :param dict heads: of the people, where the caller has just locked them (see ``_lock_heads``): they go on
            themselves, and nothing was recorded since
        :return: the events written, in the order of the acts
        :rtype: gdpr.consent.event
        """
        acts = acts if heads else self._redirect_to_roots(acts)
        subjects = self.sudo().browse(sorted({act["subject_id"] for act in acts}))
        heads = {subject_id: heads[subject_id] for subject_id in subjects.ids} if heads else subjects._lock_heads()
        now = fields.Datetime.now()
        key = self._get_ledger_key()
        versions = self.env["gdpr.consent.form.version"].sudo().browse({act.get("version_id") for act in acts} - {None})
        wordings = {version.id: version.sha256 for version in versions.filtered("id")}
        event_ids = []
        # In batches, so that a hundred thousand don't fill the memory.
        for batch in split_every(BATCH, acts):
            rows, values = zip(*(self._prepare_event(act, heads, now, key, wordings) for act in batch), strict=True)
            event_ids += self._insert_events(rows, values)
        events = self.env["gdpr.consent.event"].browse(event_ids)
        subjects._write_heads(heads)
        subjects |= self._restructure(acts)
        subjects.invalidate_recordset(["event_ids", "history_ids"])
        # Written behind the ORM's back: let what is computed from the history follow.
        subjects.modified(["event_ids"])
        subjects._project()
        self._sync_blacklists(acts)
        self._remember_addresses_of_links(acts)
        return events

    @api.model
    def _redirect_to_roots(self, acts):
        """Give the acts with the person each is recorded for: the history that goes on."""
        subject_ids = {act["subject_id"] for act in acts if act["action"] not in ON_ABSORBED}
        self.flush_model(["root_id"])
        roots = dict(
            self.env.execute_query(
                SQL("SELECT id, root_id FROM gdpr_subject WHERE id IN %s AND root_id <> id", tuple(subject_ids) or (0,))
            )
        )
        if not roots:
            return acts
        return [
            act
            if act["action"] in ON_ABSORBED
            else {**act, "subject_id": roots.get(act["subject_id"], act["subject_id"])}
            for act in acts
        ]

    def _lock_heads(self):
        """Lock the people and give ``{id: [sequence, hash, company id]}`` of their last events.

        Others can refer to them meanwhile: the links of a message that leaves are made beside the transaction.
        """
        self.flush_model(["head_sequence", "head_hash", "company_id"])
        rows = self.env.execute_query(
            SQL(
                "SELECT id, head_sequence, head_hash, company_id FROM gdpr_subject"
                " WHERE id IN %s ORDER BY id FOR NO KEY UPDATE",
                tuple(self.ids) or (0,),
            )
        )
        return {row[0]: list(row[1:]) for row in rows}

    def _prepare_event(self, act, heads, now, key, wordings):
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
            "version_sha256": wordings.get(act.get("version_id")),
            "request_id": act.get("request_id") or None,
            "company_id": act.get("company_id") or head[2],
            "related_subject_id": act.get("related_subject_id") or None,
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
        payload |= {column: row[column] for column in HASHED_WHERE_SET if row[column]}
        return payload | {"commitments": row["commitments"] or {}}

    def _insert_events(self, rows, values):
        """Write the rows behind the ORM's back: nobody else may, and there may be a hundred thousand.

        :return: the ids of the events, in the order of the rows
        """
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
            files = {
                value_id: attachment
                for (value_id,), (*_values, attachment) in zip(value_ids, value_rows, strict=True)
                if attachment
            }
            self.env["gdpr.consent.event.value"]._keep_files(files)
        return event_ids

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
        for chunk in split_every(BATCH, self.root_id.ids, self.browse):
            chunk._project_chunk()

    def _replay(self):
        """Give what the events of these people, who are roots, add up to: a ``Projection`` by id."""
        projections = {subject_id: Projection() for subject_id in self.ids}
        for event in self._read_history():
            projections[event["root_id"]].apply(event)
        return projections

    def _project_chunk(self):
        projections = self._replay()
        ids_by_values = defaultdict(list)
        for subject_id, projection in projections.items():
            given = projection.given
            values = (
                projection.legal_basis,
                projection.consent_state,
                projection.restricted,
                projection.objected,
                projection.requested_on,
                given[0].given_on if given else None,
                given[0].source if given else None,
            )
            ids_by_values[values].append(subject_id)
        is_first = self._is_first_of_a_kind(projections.values())
        self._project_consents(projections)
        if is_first:
            self._tell_every_process()
        # Last: automation rules that look at the cards act at once, and what they do counts.
        self._show([(ids, *values) for values, ids in ids_by_values.items()])

    @api.model
    def _show(self, rows):
        """Write what is on record into the people and their cards, in one statement.

        :param list[tuple] rows: ids of people who are roots, and the values of ``PROJECTED`` they have
        """
        self.flush_model(["root_id", *PROJECTED])
        card_models = [self.env[model] for model in self.env["gdpr.subject.mixin"]._get_card_models()]
        unwatched = [cards for cards in card_models if not cards._gdpr_is_watched()]
        updates = {}
        for cards in unwatched:
            cards._gdpr_settle()
            cards.flush_model(SHOWN)
            source, condition = SQL("people subject"), SQL("card.gdpr_subject_id = subject.id")
            updates[cards._name] = cards._gdpr_prepare_update(SHOWN, source, condition)
        changed = defaultdict(list)
        for model, record_id in self.env.execute_query(self._prepare_showing(rows, updates)):
            changed[model].append(record_id)
        people = self.sudo().browse(changed[self._name])
        people.invalidate_recordset(PROJECTED, flush=False)
        people._let_follow()
        for cards in unwatched:
            cards._gdpr_forget(SHOWN, changed[cards._name]).modified(SHOWN)
            cards._gdpr_settle()
        for cards in card_models:
            if cards not in unwatched:
                cards._gdpr_show_people(people)

    @api.model
    def _prepare_showing(self, rows, updates):
        """Give the statement of ``_show``: it returns the model and id of each record that changed.

        :param dict[str, SQL] updates: by model, the statement that lets its cards follow ``people subject``
        """
        columns = SQL(", ").join(map(SQL.identifier, PROJECTED))
        shown = SQL(", ").join(SQL.identifier("shown", name) for name in PROJECTED)
        # What went on elsewhere says the same as the one that goes on.
        people = SQL(
            """
            people AS (
                UPDATE gdpr_subject subject
                   SET (%(columns)s, write_uid, write_date) = (%(shown)s, %(uid)s, %(now)s)
                  FROM (SELECT unnest(ids) AS root_id, %(columns)s FROM (VALUES %(rows)s) rows (ids, %(columns)s)) shown
                 WHERE subject.root_id = shown.root_id AND (%(present)s) IS DISTINCT FROM (%(shown)s)
             RETURNING subject.id, %(present)s
            )
            """,
            columns=columns,
            shown=shown,
            uid=self.env.uid,
            now=self.env.cr.now(),
            rows=SQL(", ").join(
                SQL(
                    "(%s::int[], %s, %s, %s::boolean, %s::boolean, %s::timestamp, %s::timestamp, %s)",
                    list(ids),
                    *values,
                )
                for ids, *values in rows
            ),
            present=SQL(", ").join(SQL.identifier("subject", name) for name in PROJECTED),
        )
        steps, changed = [people], [SQL("SELECT %s, id FROM people", self._name)]
        for model, update in updates.items():
            cards = SQL.identifier(f"changed_{self.env[model]._table}")
            steps.append(SQL("%s AS (%s)", cards, update))
            changed.append(SQL("SELECT %s, id FROM %s", model, cards))
        return SQL("WITH %s %s", SQL(", ").join(steps), SQL(" UNION ALL ").join(changed))

    def _let_follow(self):
        """Let what is computed from these people follow, but for what their cards show: that is written at once.

        The cards needn't be looked up where nothing else that is stored follows.
        """
        written = {
            self.env[model]._fields[name]
            for model in self.env["gdpr.subject.mixin"]._get_card_models()
            if not self.env[model]._gdpr_is_watched()
            for name in SHOWN
        }
        following = {
            field for name in PROJECTED for field in self.pool.get_dependent_fields(self._fields[name])
        } - written
        if any(field.store for field in following):
            self.modified(PROJECTED)
            return
        for field in following:
            self.env[field.model_name].invalidate_model([field.name], flush=False)

    def _read_events(self):
        """Give the rows of the events of these histories, each by itself, oldest first."""
        self.env.cr.execute(
            SQL(
                "SELECT * FROM gdpr_consent_event WHERE subject_id IN %s ORDER BY subject_id, sequence", tuple(self.ids)
            )
        )
        return self.env.cr.dictfetchall()

    def _read_history(self):
        """Give the rows of the events of these people, those of joined histories too, oldest first.

        ``root_id`` is the person an event counts for.
        """
        self.flush_model(["root_id"])
        # Not a join: PostgreSQL may take both tables for empty while a first import fills them, and join row by row.
        self.env.cr.execute(
            SQL(
                "SELECT id, action, legal_basis, purpose_id, channel_codes, occurred_on, expires_on, source,"
                " request_id, subject_id FROM gdpr_consent_event"
                " WHERE subject_id = ANY(ARRAY(SELECT id FROM gdpr_subject WHERE root_id IN %s)) ORDER BY id",
                tuple(self.ids),
            )
        )
        events = self.env.cr.dictfetchall()
        joined = {event["subject_id"] for event in events} - {*self.ids}
        roots = {history.id: history.root_id.id for history in self.browse(joined)}
        for event in events:
            event["root_id"] = roots.get(event["subject_id"], event["subject_id"])
        return events

    def _project_consents(self, projections):
        Consent = self.env["gdpr.consent"].sudo()
        existing = {
            (consent.subject_id.id, consent.purpose_id.id): consent
            for consent in Consent.search_fetch(
                [("subject_id.root_id", "in", self.ids)],
                ["subject_id", "purpose_id", "event_id", "narrowed_by_id", "given_on"],
                order="id",
            )
        }
        answers = [answer for projection in projections.values() for answer in projection.answers.values()]
        channels = self.env["gdpr.channel"]._get_ids_by_code(set().union(*(answer.channels for answer in answers)))
        to_create = []
        by_channels = defaultdict(Consent.browse)
        for subject_id, projection in projections.items():
            for purpose_id, answer in projection.answers.items():
                consent = existing.pop((subject_id, purpose_id), Consent)
                if consent._shows(answer):
                    continue
                codes = answer.channel_codes.split(",")
                channel_ids = tuple(channels[code] for code in codes if code in channels)
                values = {
                    "state": answer.state,
                    "given_on": answer.given_on or False,
                    "expires_on": answer.expires_on or False,
                    "renewal_due": answer.renewal_due,
                    "event_id": answer.event_id,
                    "narrowed_by_id": answer.narrowed_by_id,
                }
                if consent:
                    consent.write(values)
                    by_channels[channel_ids] += consent
                else:
                    values |= {"subject_id": subject_id, "purpose_id": purpose_id}
                    to_create.append({**values, "channel_ids": [fields.Command.set(channel_ids)]})
        for channel_ids, consents in by_channels.items():
            consents.write({"channel_ids": [fields.Command.set(channel_ids)]})
        Consent.concat(*existing.values()).unlink()
        if to_create:
            Consent.create(to_create)

    @api.model
    def _rebuild_projections(self):
        """Drop what is derived from the ledger and derive it anew, for all people in one transaction."""
        self._rebuild_structure()
        for chunk in self._iterate_roots():
            chunk._rebuild_chunk()

    @api.model
    def _iterate_roots(self):
        """Give the people that count, in batches, whoever may see them."""
        last_id = 0
        while rows := self.env.execute_query(
            SQL("SELECT id FROM gdpr_subject WHERE root_id = id AND id > %s ORDER BY id LIMIT %s", last_id, BATCH)
        ):
            last_id = rows[-1][0]
            yield self.sudo().browse(row[0] for row in rows)

    def _rebuild_chunk(self):
        """Derive anew what is on record for these people, who are roots; nothing of it stays in memory."""
        self.env.flush_all()
        self._lock_heads()
        self.env.cr.execute(
            SQL(
                "DELETE FROM gdpr_consent USING gdpr_subject subject"
                " WHERE subject.id = gdpr_consent.subject_id AND subject.root_id IN %s",
                tuple(self.ids),
            )
        )
        self.env.invalidate_all(flush=False)
        self._project_chunk()
        self.env.invalidate_all()

    @api.model
    def _browse_all(self):
        """Give all people, those a user may not see too, oldest first; nothing of them is read yet."""
        return self.browse(row[0] for row in self.env.execute_query(SQL("SELECT id FROM gdpr_subject ORDER BY id")))
