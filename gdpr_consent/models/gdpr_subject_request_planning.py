from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools.listing import list_names
from .gdpr_subject_request_sweeping import LISTED


class GdprSubjectRequest(models.Model):
    """What the plan of an erasure proposes for each place of the data map, and what an officer decided of it before."""

    _inherit = "gdpr.subject.request"

    def _plan_anew_if_changed(self):
        """Plan anew where the plan isn't what it would be now; give the action that tells the user, or None."""
        self.ensure_one()
        request = self.sudo()
        changed = request._find_changes()
        if not changed:
            return None
        before = request._count_plan()
        request._make_plan()
        if all(changed.values()):
            return None
        note = self.env._(
            "Since the plan was made something came in or went (%(changes)s): it was made anew. Look at it again.",
            changes=request._describe_changes(changed, before),
        )
        request.write(
            {
                "erasure_state": "planned",
                "erasure_note": note,
                "planned_on": fields.Datetime.now(),
                "approved_on": False,
                "approved_by_id": False,
                "erase_on": False,
            }
        )
        self._log_step("planned", note)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "title": self.name,
                "message": note,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _find_changes(self):
        """Give the lines of the plan that would be others now, and of each whether the plan takes it in unasked.

        What the system notes by itself and deletes in any case, such as logins, joins an approved plan: a person who
        logs in every day would put the erasure off for ever.

        :return: whether it joins, by place and part
        :rtype: dict[tuple[int, str], bool]
        """
        self.ensure_one()
        proposed = {(vals["map_id"], vals["part"]): (vals, doubtful) for vals, doubtful in self._propose_plan()}
        lines = {(line.map_id.id, line.part): line for line in self.plan_line_ids}
        changes = {}
        for key in proposed.keys() | lines.keys():
            vals, doubtful = proposed.get(key, (None, None))
            line = lines.get(key)
            if line and vals and line._is_as_proposed(vals, doubtful):
                continue
            place = self.env["gdpr.data.map"].browse(key[0])
            is_deleted = (not line or line.action == "delete") and (not vals or vals["action"] == "delete")
            changes[key] = is_deleted and not doubtful and place._is_noted_by_system()
        return changes

    def _count_plan(self):
        """Give the name and the number of the records of each line, by place and part; doubtful ones too."""
        return {
            (line.map_id.id, line.part): (line.place_name, line.count + line.doubtful_count)
            for line in self.plan_line_ids
        }

    def _describe_changes(self, changed, before):
        """Give what of the plan isn't as it was, in words.

        :param dict changed: of ``_find_changes``
        :param dict before: of ``_count_plan``, before the plan was made anew
        """
        now = self._count_plan()
        changes = []
        for key in sorted(key for key, joins in changed.items() if not joins):
            name = (before.get(key) or now.get(key))[0]
            old, new = before.get(key, (name, 0))[1], now.get(key, (name, 0))[1]
            changes.append(f"{name}: {old} → {new}" if old != new else name)
        return list_names(list(dict.fromkeys(changes)), LISTED)

    def _make_plan(self):
        """Write the lines as they are now. What an officer decided of a line stands."""
        self.ensure_one()
        lines = {(line.map_id.id, line.part): line for line in self.plan_line_ids}
        kept = self.env["gdpr.erasure.plan.line"]
        for vals, doubtful in self._propose_plan():
            line = lines.get((vals["map_id"], vals["part"]))
            if line:
                if line.is_corrected:
                    vals |= line._read_standing_decision(vals)
                line.with_context(gdpr_planning=True).write(vals)
            else:
                line = kept.create({**vals, "request_id": self.id})
            known = line.doubt_ids.grouped("res_id")
            line.doubt_ids.filtered(lambda doubt: doubt.res_id not in doubtful).unlink()  # noqa: B023
            line.doubt_ids.create(
                [{"line_id": line.id, "res_id": record_id} for record_id in doubtful if record_id not in known]
            )
            kept |= line
        (self.plan_line_ids - kept).unlink()
        self.invalidate_recordset(["plan_line_ids"])

    def _decide_again(self, decisions, decided):
        """Decide as it was decided before; other doubtful records are somebody else's.

        :param list[dict] decisions: of exported lines of a journal, see ``gdpr.erasure.journal._to_line``
        :param dict decided: the keyed hashes of the records that were said to be the person's, by model and number
        """
        self.ensure_one()
        by_place = {(decision["place"], decision["part"]): decision for decision in decisions}
        for line in self.plan_line_ids:
            name = line.map_id.get_external_id().get(line.map_id.id) or line.map_id.name
            decision = by_place.get((name, line.part))
            if decision:
                names = ("action", "ground", "reason", "keep_until", "after_keeping")
                values = {name: decision[name] for name in names}
                line.with_context(gdpr_planning=True).write({**values, "is_corrected": True})
        journals = self.env["gdpr.erasure.journal"].sudo()
        doubts = self.plan_line_ids.doubt_ids.filtered(lambda doubt: not doubt.decision)
        theirs = doubts.browse()
        for model, alike in doubts.grouped("model").items():
            digests = journals._digest_records([self.env[model].sudo().browse(alike.mapped("res_id")).exists()])
            theirs |= alike.filtered(
                lambda doubt, digests=digests: (
                    (name := f"{doubt.model},{doubt.res_id}") in decided and digests.get(name) == decided[name]
                )
            )
        theirs.with_context(gdpr_planning=True).write({"decision": "theirs"})
        (doubts - theirs).with_context(gdpr_planning=True).filtered(lambda doubt: not doubt.decision).write(
            {"decision": "others"}
        )

    def _propose_plan(self):
        """Give the values of the lines as they would be planned now, each with the ids of doubtful records.

        Cards come last, for what is kept of them follows from what else is kept.

        :rtype: list[tuple[dict, list[int]]]
        """
        self.ensure_one()
        found = self.env["gdpr.data.map"]._find(self.subject_id, company=self.company_id)
        corrected = {(line.map_id.id, line.part): line for line in self.plan_line_ids.filtered("is_corrected")}
        card_models = self.env["gdpr.subject.mixin"]._get_card_models()
        needed_cards = defaultdict(dict)
        # What is kept, by model and id: the values that say why and until when.
        kept = defaultdict(dict)
        proposed = []
        for place, ids, doubtful in [item for item in found if item.place.model not in card_models]:
            certain = [record_id for record_id in ids if record_id not in doubtful]
            for part, part_ids, vals in self._propose_parts(place, certain, kept):
                line = corrected.get((place.id, part))
                reasons = {**vals, **line._read_standing_decision(vals)} if line else vals
                if reasons["action"] == "keep":
                    kept[place.model] |= dict.fromkeys(part_ids, reasons)
                proposed.append((vals, sorted(doubtful) if part == "all" else []))
            if doubtful and not any(vals["map_id"] == place.id and vals["part"] == "all" for vals, _ in proposed):
                proposed.append((self._prepare_line(place, "all", []), sorted(doubtful)))
        for place, ids, doubtful in [item for item in found if item.place.model in card_models]:
            certain = [record_id for record_id in ids if record_id not in doubtful]
            needed = self._find_needed(place.model, certain, kept)
            if needed:
                proposed.append((self._prepare_identity_line(place, sorted(needed), needed), []))
            needed_cards[place.model] |= needed
            rest = [record_id for record_id in certain if record_id not in needed]
            if rest or doubtful:
                proposed.append((self._prepare_line(place, "all", rest), sorted(doubtful)))
        return [*self._propose_sealed(proposed, needed_cards), *proposed]

    @api.model
    def _propose_sealed(self, proposed, needed):
        """Take what a hash ties to a card that stays out of what is anonymised, and give the lines that keep it.

        Odoo secures entries by a hash over their partner, which outlives their time: they stay as long as the card.

        :param list proposed: of ``_propose_plan``, changed in place
        :param dict[str, dict] needed: why each card stays, by model and id
        """
        lines = []
        for pair in [pair for pair in proposed if pair[0]["part"] == "expired" and pair[0]["action"] == "anonymise"]:
            vals, doubtful = pair
            records = self.env[vals["model"]].sudo().with_context(active_test=False).browse(vals["res_ids"])
            links = records._gdpr_find_sealed_links(needed)
            if not links:
                continue
            reasons = self._prepare_kept([needed[model][card_id] for model, card_id in links.values()])
            lines.append(({**vals, **reasons, "part": "sealed", "res_ids": sorted(links)}, []))
            vals["res_ids"] = [record_id for record_id in vals["res_ids"] if record_id not in links]
            if not vals["res_ids"]:
                proposed.remove(pair)
        return lines

    def _propose_parts(self, place, ids, kept):
        """Give the parts that the records of a place fall into: key, ids and values of the line."""
        if not ids:
            return
        attached = self._find_attached(place, ids, kept)
        if attached:
            # The file of a document is the document.
            yield (
                "attached",
                [*attached],
                {
                    **self._prepare_line(place, "attached", sorted(attached)),
                    **self._prepare_kept(attached.values()),
                    "after_keeping": "delete",
                },
            )
            ids = [record_id for record_id in ids if record_id not in attached]
        if place.erasure != "keep":
            if ids:
                yield "all", ids, self._prepare_line(place, "all", ids)
            return
        ends = place._get_ends(ids)
        today = fields.Date.context_today(self)
        over = [record_id for record_id in ids if ends[record_id] <= today]
        still = [record_id for record_id in ids if ends[record_id] > today]
        if over:
            yield (
                "expired",
                over,
                {
                    **self._prepare_line(place, "expired", over),
                    "action": place.after_keeping or "anonymise",
                },
            )
        if still:
            end = max(ends[record_id] for record_id in still)
            yield (
                "all",
                still,
                {
                    **self._prepare_line(place, "all", still),
                    "ground": place.keep_ground,
                    "reason": place.keep_reason,
                    "keep_until": end,
                    "obliged_until": place.keep_ground == "legal_obligation" and end,
                },
            )

    def _prepare_line(self, place, part, ids):
        action = place.erasure
        if action == "keep" and (part != "all" or not ids):
            # Nothing is kept but what has an end.
            action = place.after_keeping or "anonymise"
        return {
            "map_id": place.id,
            "part": part,
            "sequence": place.sequence,
            "name": place.name,
            "model": place.model,
            "res_ids": sorted(ids),
            "proposed_action": action,
            "action": action,
            "ground": False,
            "reason": False,
            "keep_until": False,
            "obliged_until": False,
            "after_keeping": place.after_keeping or "anonymise",
        }

    def _prepare_identity_line(self, place, ids, needed):
        return {**self._prepare_line(place, "identity", ids), **self._prepare_kept(needed.values())}

    @api.model
    def _prepare_kept(self, reasons):
        """Give the values of a line that is kept because of something else: until the last of its ends.

        :param reasons: values that say why and until when something is kept
        """
        last = max(reasons, key=lambda vals: vals["keep_until"])
        return {
            **{name: last[name] for name in ("ground", "reason", "keep_until")},
            "obliged_until": self._find_obliged_end(reasons),
            "proposed_action": "keep",
            "action": "keep",
            "after_keeping": "anonymise",
        }

    @api.model
    def _find_obliged_end(self, reasons):
        """Give the last day until which the law demands one of the kept documents, or False."""
        return max((vals["obliged_until"] for vals in reasons if vals["obliged_until"]), default=False)

    @api.model
    def _find_attached(self, place, ids, kept):
        """Give the files among these records that belong to a kept document, with why it is kept."""
        names = place._split(place.document_fields)
        if place.model != "ir.attachment" or not names or not kept:
            return {}
        files = self.env["ir.attachment"].sudo().browse(ids)
        return {
            file.id: kept[file.res_model][file.res_id]
            for file in files
            if file.res_model in kept and file.res_id in kept[file.res_model]
        }

    @api.model
    def _find_needed(self, model, ids, kept):
        """Give the cards that kept documents name the person by, with why those are kept.

        :rtype: dict[int, dict]
        """
        needed = {}
        if not self.env[model]._gdpr_get_identity_fields():
            return needed
        for document_model, documents in kept.items():
            records = self.env[document_model]
            for field in records._fields.values():
                if field.type != "many2one" or field.comodel_name != model or not field.store or not field.column_type:
                    continue
                rows = self.env.execute_query(
                    SQL(
                        "SELECT %(column)s, array_agg(id) FROM %(table)s"
                        " WHERE id IN %(documents)s AND %(column)s IN %(cards)s GROUP BY %(column)s",
                        column=SQL.identifier(field.name),
                        table=SQL.identifier(records._table),
                        documents=tuple(documents),
                        cards=tuple(ids) or (0,),
                    )
                )
                for card_id, document_ids in rows:
                    for document_id in document_ids:
                        reasons = [needed[card_id]] if card_id in needed else []
                        reasons.append(documents[document_id])
                        # Kept longest for a claim, it may have to be kept less long by law all the same.
                        needed[card_id] = {
                            **max(reasons, key=lambda vals: vals["keep_until"]),
                            "obliged_until": self._find_obliged_end(reasons),
                        }
        return self.env[model]._gdpr_add_needed(needed, ids)
