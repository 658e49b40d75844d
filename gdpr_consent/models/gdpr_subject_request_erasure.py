from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..tools.listing import list_names
from .gdpr_subject_request_sweeping import LISTED

# From the order on.
ORDERED_STATES = ("queued", "running", "blocked", "telling")
# In these it can be planned, or planned again: what is left of somebody who was erased too.
PLANNING_STATES = ("planned", "approved", "blocked", "finished")


class GdprSubjectRequest(models.Model):
    """Erasure: the plan, and who approves it (article 17, law.md R-56, R-57, R-107). States, and who sets them:

    * planned: an officer has planned it, or the system has planned anew because something came in;
    * approved: an officer has approved the plan, another one where the company asks for it;
    * queued: an officer has ordered it; it begins when the delay of the company is over;
    * running: the journal is written, and the records are erased in batches;
    * blocked: something couldn't be erased, and an officer has to look;
    * telling: all is erased, the person is being told;
    * finished: the person was told, or can't be.
    """

    _inherit = "gdpr.subject.request"

    plan_line_ids = fields.One2many(
        "gdpr.erasure.plan.line",
        "request_id",
        string="Plan",
        copy=False,
        help="What is deleted, made anonymous or kept, and why. Nothing else is touched.",
    )
    erasure_state = fields.Selection(
        [
            ("planned", "Planned"),
            ("approved", "Approved"),
            ("queued", "Queued"),
            ("running", "Erasing"),
            ("blocked", "Needs Attention"),
            ("telling", "Telling the Person"),
            ("finished", "Erased"),
        ],
        string="Erasure",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="Nothing is erased before the plan is approved. Afterwards it goes on by itself, also after a crash.",
    )
    erasure_note = fields.Text(
        "What to Know", readonly=True, copy=False, help="What the plan can't say by itself: read it before you approve."
    )
    planned_on = fields.Datetime(
        readonly=True, copy=False, help="What has come up since isn't in the plan: make it again before you approve it."
    )
    planned_by_id = fields.Many2one("res.users", readonly=True, copy=False, help="Who had the plan made.")
    approved_on = fields.Datetime(readonly=True, copy=False, help="When the plan was approved.")
    approved_by_id = fields.Many2one(
        "res.users",
        readonly=True,
        copy=False,
        help="Who has approved the plan; somebody other than who made it, where the settings say so.",
    )
    erase_on = fields.Datetime(
        "Begins", readonly=True, copy=False, help="Until then the erasure can still be called off."
    )
    erasure_journal_id = fields.Many2one("gdpr.erasure.journal", string="Journal", readonly=True, copy=False)
    erasure_progress = fields.Float(compute="_compute_erasure_progress", help="Per cent of the records.")
    doubtful_count = fields.Integer(
        "To Be Looked At",
        compute="_compute_doubtful_count",
        help="Records that may be somebody else's. Decide about each before the plan is approved.",
    )
    erasure_warning = fields.Text(
        compute="_compute_erasure_warning", help="What whoever approves the plan should know."
    )

    @api.depends("plan_line_ids.count", "plan_line_ids.done_count")
    def _compute_erasure_progress(self):
        for request in self:
            total = sum(request.plan_line_ids.mapped("count"))
            done = sum(request.plan_line_ids.mapped("done_count"))
            request.erasure_progress = 100 * min(1, done / total) if total else 0

    @api.depends("plan_line_ids.doubtful_count")
    def _compute_doubtful_count(self):
        for request in self:
            request.doubtful_count = sum(request.plan_line_ids.mapped("doubtful_count"))

    @api.depends("erasure_state", "plan_line_ids.action", "plan_line_ids.proposed_action", "plan_line_ids.count")
    def _compute_erasure_warning(self):
        for request in self:
            request.erasure_warning = "\n".join(request._get_erasure_warnings()) or False

    def _get_erasure_warnings(self):
        """Give what whoever approves the plan should know, a sentence each.

        :rtype: list[str]
        """
        self.ensure_one()
        lines = self.plan_line_ids.filtered(
            lambda line: line.proposed_action == "keep" and line.action != "keep" and line.count
        )
        warnings = []
        over = self.plan_line_ids.filtered(lambda line: line.action != "keep" or line.part == "sealed")
        if sealed := over._find_sealed():
            warnings.append(
                self.env._(
                    "Secured by Odoo with a hash, so that nobody can change their labels and whom they lead to:"
                    " %(records)s. They stay so; the contact they lead to is made anonymous when its own time is over.",
                    records=", ".join(f"{line.place_name} ({count})" for line, count in sealed.items()),
                )
            )
        if lines:
            warnings.append(
                self.env._(
                    "Proposed to be kept, but corrected so that it is erased: %(records)s.",
                    records=", ".join(f"{line.place_name} ({line.count})" for line in lines),
                )
            )
        if self.erasure_state not in ("planned", "approved", "queued"):
            return warnings
        if self.assurance == "none" and self.source == "mail":
            warnings.append(
                self.env._(
                    "Asked by e-mail, whose sender anybody can forge, and nobody has checked who asks. What is erased"
                    " can't be brought back: check the identity first."
                )
            )
        if leftovers := self._find_leftovers():
            warnings.append(
                self.env._(
                    "The person has asked for more, which can't be answered once the data is gone, and is closed then:"
                    " %(requests)s. Answer it first, or ask the person.",
                    requests=leftovers._list_in_words(),
                )
            )
        if names := self._find_alike():
            warnings.append(
                self.env._(
                    "Others have an address or a number of the person, and stay: %(records)s. Is one of them the same"
                    " person? Then join them first (“Same person as…”), and plan again. An address that somebody else"
                    " has isn't remembered, so it can come back.",
                    records=list_names(names, LISTED),
                )
            )
        if others := self._find_others_of_mailbox():
            warnings.append(
                self.env._(
                    "Asked from the person's mailbox, and nobody has said by whom: %(requests)s. It stays open and"
                    " keeps the address. Say whose it is first.",
                    requests=others._list_in_words(),
                )
            )
        return warnings

    def _find_alike(self):
        """Give the names of the cards of others that have an address or a number of the person.

        :rtype: list[str]
        """
        self.ensure_one()
        asked_about = {
            model: set(doubts.mapped("res_id"))
            for model, doubts in self.plan_line_ids.doubt_ids.grouped("model").items()
        }
        return [
            f"{cards._description} “{card.display_name}” ({card.id})"
            for cards in self.env["gdpr.data.map"]._find_others_cards(self._identify_decided())
            for card in cards
            if card.id not in asked_about.get(card._name, ()) and card._gdpr_get_own_company() <= self.company_id
        ]

    def _list_in_words(self):
        """Give the numbers of the requests, each with what it asks for."""
        return ", ".join(
            f"{request.name} ({request.type_in_words})" if request.type else request.name for request in self
        )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_plan(self):
        """Find all that is held of the person, and propose what happens to it. Corrections made before are kept.

        :raise UserError: not an erasure, it has begun, or the person can't be erased
        """
        for request in self:
            request._check_erasable()
            if request.state != "in_progress":
                request.action_start()
            if request.erasure_state == "blocked":
                request.sudo().erasure_journal_id.is_stopped = True
            request.sudo()._make_plan()
            request.sudo()._propose_recipients()
            request.sudo().write(
                {
                    "erasure_state": "planned",
                    "erasure_note": False,
                    "planned_on": fields.Datetime.now(),
                    "planned_by_id": self.env.uid,
                    "approved_on": False,
                    "approved_by_id": False,
                    "erase_on": False,
                    "erased_on": False,
                    "erasure_journal_id": False,
                }
            )
            request._log_step("planned")
        return True

    def action_approve(self):
        """Approve the plans as they are.

        Where something came in since, the plan is made anew instead, and the user told.

        :raise UserError: not planned, a doubt is left, nobody said why something is kept, a recipient can't be told, or
            somebody else has to approve it
        """
        for request in self:
            request._check_officer()
            if request.erasure_state == "approved":
                # Done twice, it is done once.
                continue
            if request.erasure_state in ORDERED_STATES:
                raise UserError(
                    self.env._("The erasure of %(number)s is ordered already. Reload the page.", number=request.name)
                )
            if request.erasure_state != "planned":
                raise UserError(self.env._("Plan %(number)s first.", number=request.name))
            if request.company_id.gdpr_erasure_second_officer and self.env.user in (
                request.planned_by_id | request.create_uid
            ):
                raise UserError(
                    self.env._("Somebody else has to approve the plan of %(number)s: you made it.", number=request.name)
                )
            request._check_address()
            if stale := request._plan_anew_if_changed():
                return stale
            if request.doubtful_count:
                raise UserError(
                    self.env._(
                        "%(number)s: %(count)s records may be somebody else's. Say whose they are first.",
                        number=request.name,
                        count=request.doubtful_count,
                    )
                )
            request.plan_line_ids._check_reason()
            request.plan_line_ids._check_emptied()
            request._check_recipients_reachable()
            request._check_gaps()
            request.sudo().write(
                {"erasure_state": "approved", "approved_on": fields.Datetime.now(), "approved_by_id": self.env.uid}
            )
            request._log_step("approved", request.erasure_warning)
        return True

    def action_retry_erasure(self):
        """Try again what couldn't be erased, after its cause was removed."""
        for request in self.filtered(lambda request: request.erasure_state == "blocked"):
            request._check_officer()
            entries = request.sudo().erasure_journal_id.entry_ids.filtered(lambda entry: entry.state == "failed")
            entries.write({"state": "todo", "attempts": 0, "failure": False})
            state = "telling" if request.erased_on else "running"
            request.sudo().write({"erasure_state": state, "erasure_note": False})
        self.env.ref("gdpr_consent.ir_cron_erasure").sudo()._trigger()
        return True

    def action_show_doubts(self):
        """Open the records that may be somebody else's, to say whose they are."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Whose are they?"),
            "res_model": "gdpr.erasure.doubt",
            "view_mode": "list",
            "domain": [("line_id.request_id", "=", self.id)],
            "context": {"create": False},
        }

    # ------------------------------------------------------------
    # THE PLAN
    # ------------------------------------------------------------

    def _check_officer(self):
        if not self.env.su and not self.env.user.has_group("gdpr_consent.group_officer"):
            raise AccessError(self.env._("Only a privacy officer can erase a person."))

    def _check_erasable(self):
        self.ensure_one()
        self._check_officer()
        if self.type != "erasure":
            raise UserError(self.env._("%(number)s doesn't ask for erasure.", number=self.name))
        is_told_only = self.erasure_state == "blocked" and self.erased_on
        if self.erasure_state == "queued":
            raise UserError(
                self.env._(
                    "The erasure of %(number)s is ordered: press “Don't Erase Yet” before you plan it again.",
                    number=self.name,
                )
            )
        if self.erasure_state and (self.erasure_state not in PLANNING_STATES or is_told_only):
            raise UserError(self.env._("The erasure of %(number)s is under way already.", number=self.name))
        cards = self.subject_id.sudo().root_id._get_all_cards()
        for records in cards:
            if reason := records._gdpr_get_erasure_hindrance():
                raise UserError(reason)

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
