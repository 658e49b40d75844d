import logging

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import format_date

from .gdpr_data_map import ERASURES, GROUNDS, MOST_KEEP_YEARS

_logger = logging.getLogger(__name__)

EXAMPLES = 3
EXAMPLE_LENGTH = 60
# What an officer decides of a line.
DECIDED = frozenset({"action", "ground", "reason", "keep_until", "after_keeping"})


class GdprErasurePlanLine(models.Model):
    """A set of records in the plan of an erasure, and what happens to it (law.md R-56).

    Holds the numbers of the records, never what is in them: the examples are read when somebody looks.
    """

    _name = "gdpr.erasure.plan.line"
    _description = "Line of an Erasure Plan"
    _order = "request_id, sequence, id"
    _rec_name = "place_name"
    _rec_names_search = ["name", "map_id.name"]

    request_id = fields.Many2one("gdpr.subject.request", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="request_id.company_id", store=True)
    sequence = fields.Integer(readonly=True)
    map_id = fields.Many2one("gdpr.data.map", string="Place", readonly=True, ondelete="set null")
    part = fields.Selection(
        [
            ("all", "All"),
            ("expired", "Time over"),
            ("attached", "Files of kept documents"),
            ("identity", "Named in kept documents"),
            ("sealed", "Time over, secured by a hash"),
        ],
        readonly=True,
        required=True,
        default="all",
        help="Of one place, records with different ends.",
    )
    name = fields.Char(
        "Name When Planned", readonly=True, required=True, help="What the place was called when it was planned."
    )
    place_name = fields.Char(
        "Records", compute="_compute_place_name", help="The records of one kind that belong to the person."
    )
    model = fields.Char(readonly=True, required=True)
    res_ids = fields.Json("Record Numbers", readonly=True, copy=False)
    doubt_ids = fields.One2many(
        "gdpr.erasure.doubt",
        "line_id",
        string="Doubtful Records",
        help="Records of this line that somebody has to look at.",
    )
    count = fields.Integer(compute="_compute_count", help="Without the doubtful ones that aren't this person's.")
    doubtful_count = fields.Integer(
        "To Be Looked At",
        compute="_compute_count",
        help="Records that carry the person's name or address but may be somebody else's. Decide about each before"
        " the plan is approved.",
    )
    examples = fields.Text(
        compute="_compute_examples", compute_sudo=True, help="A few of the records, as far as you may see them."
    )
    proposed_action = fields.Selection(ERASURES, readonly=True)
    action = fields.Selection(
        ERASURES,
        string="What Happens",
        required=True,
        help="Delete the records, empty what is personal in them, or keep them.",
    )
    ground = fields.Selection(
        GROUNDS,
        help="Why they are kept (article 17(3)). The person is told.",
    )
    reason = fields.Text(help="The law or the claim, as the person reads it.")
    keep_until = fields.Date("Kept Until", help="Then it is erased by itself.")
    obliged_until = fields.Date(
        "The Law Demands It Until",
        readonly=True,
        copy=False,
        help="As the data map says. They can be kept longer, never less long.",
    )
    after_keeping = fields.Selection(
        [("delete", "Delete"), ("anonymise", "Anonymise")],
        default="anonymise",
        help="What happens to them on the day the keeping ends.",
    )
    is_corrected = fields.Boolean(
        "Corrected", readonly=True, copy=False, help="An officer has changed what was proposed; a new plan keeps that."
    )
    done_count = fields.Integer("Done", compute="_compute_progress", help="How many of the records are done.")
    failed_count = fields.Integer("Failed", compute="_compute_progress", help="How many couldn't be erased.")
    failure = fields.Text(
        "Why It Failed",
        compute="_compute_progress",
        help="Why these records couldn't be erased. The erasure goes on with the others, and tries these again.",
    )

    _keep_explained = models.Constraint(
        "CHECK (action != 'keep' OR (ground IS NOT NULL AND keep_until IS NOT NULL))",
        "What is kept needs a ground and an end (article 17(3) GDPR).",
    )

    @api.depends("name", "map_id.name")
    @api.depends_context("lang")
    def _compute_place_name(self):
        """Give it in the reader's language: the name is in that of who planned, for when the place is gone."""
        for line in self:
            line.place_name = line.map_id.sudo().name or line.name

    @api.depends("res_ids", "doubt_ids.decision")
    def _compute_count(self):
        for line in self:
            line.count = len(line._get_ids())
            line.doubtful_count = len(line.doubt_ids.filtered(lambda doubt: not doubt.decision))

    @api.depends("res_ids", "model")
    @api.depends_context("lang")
    def _compute_examples(self):
        for line in self:
            names = self._get_names(line.model, line._get_ids()[:EXAMPLES])
            line.examples = "\n".join(filter(None, names.values()))

    @api.depends("request_id.erasure_journal_id.entry_ids.state")
    def _compute_progress(self):
        entries = self.sudo().request_id.erasure_journal_id.entry_ids.grouped("line_id")
        for line in self:
            own = entries.get(line, self.env["gdpr.erasure.journal.entry"])
            line.done_count = sum(own.filtered(lambda entry: entry.state in ("done", "kept")).mapped("count"))
            failed = own.filtered(lambda entry: entry.state == "failed")
            line.failed_count = sum(failed.mapped("count"))
            line.failure = "\n".join(dict.fromkeys(filter(None, failed.mapped("failure")))) or False

    @api.constrains("action", "ground", "keep_until")
    def _check_keep(self):
        for line in self.filtered(lambda line: line.action == "keep"):
            if not line.ground or not line.keep_until:
                raise ValidationError(
                    self.env._(
                        "%(records)s: what is kept needs a ground and an end (article 17(3) GDPR).",
                        records=line.place_name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise AccessError(self.env._("The lines of a plan are made by planning."))
        return super().create(vals_list)

    def write(self, vals):
        """Let an officer correct a plan that nobody has approved yet; the correction outlives a new plan."""
        if not self.env.su and vals.keys() - DECIDED - {"doubt_ids"}:
            raise AccessError(self.env._("Only what happens to the records can be corrected."))
        # A client can send a context, too.
        is_planning = self.env.su and self.env.context.get("gdpr_planning")
        if DECIDED & vals.keys() and not is_planning:
            if any(line.request_id.erasure_state != "planned" for line in self):
                raise UserError(self.env._("The plan was approved already: plan again to change it."))
            if vals.get("action", "keep") != "keep":
                self._check_obligation()
            self._check_end(vals.get("keep_until"))
            if vals.get("action") == "delete":
                self._check_sealed()
            if "keep_until" in vals:
                self._check_obliged_end(vals["keep_until"])
            cards = self.env["gdpr.subject.mixin"]._get_card_models()
            if vals.get("action") == "detach" and any(line.model in cards for line in self):
                raise UserError(self.env._("A card is the person's own: delete it, or make it anonymous."))
            super(GdprErasurePlanLine, self.sudo()).write({"is_corrected": True})
            # Who corrects a plan has made it: somebody else approves it.
            self.request_id.sudo().planned_by_id = self.env.uid
            before = {line: line._read_decision() for line in self}
        written = super().write(vals)
        if DECIDED & vals.keys() and not is_planning:
            self._check_reason()
            self._check_departure(before)
            self._log_correction(before)
        return written

    def _is_as_proposed(self, vals, doubtful):
        """Say whether the line would be made as it is.

        :param dict vals: as it would be made now
        :param list[int] doubtful: the records that would be looked at
        """
        self.ensure_one()
        return (
            set(vals["res_ids"]) == set(self.res_ids or ())
            and bool(vals["obliged_until"]) == bool(self.obliged_until)
            # What a document needs is kept as long as the document, whose end an officer may have put off since.
            and (self.is_corrected or self.keep_until == (vals["keep_until"] or False))
            and set(doubtful) == set(self.doubt_ids.mapped("res_id"))
        )

    def _check_obligation(self):
        """Refuse to erase what the law makes the company keep, or what that needs (article 17(3)(b)).

        :raise UserError: so
        """
        obliged = self.filtered("obliged_until")
        if obliged:
            raise UserError(
                self.env._(
                    "%(records)s: the law makes you keep them until their end, so they can't be erased before. Leave"
                    " “Keep”. If no law demands it, have an administrator correct the data map, and plan again.",
                    records=", ".join(obliged.mapped("place_name")),
                )
            )

    def _find_sealed(self):
        """Give how many of the records of each line Odoo has secured with a hash; lines without any are left out.

        :rtype: dict[gdpr.erasure.plan.line, int]
        """
        counts = {}
        for line in self:
            records = self.env.get(line.model)
            if records is not None and (ids := line._get_ids()):
                records = records.sudo().with_context(active_test=False).browse(ids).exists()
                if count := len(records._gdpr_filter_sealed()):
                    counts[line] = count
        return counts

    def _check_sealed(self):
        """Refuse to delete what Odoo has secured: it would refuse it half-way.

        :raise UserError: so
        """
        if sealed := self._find_sealed():
            raise UserError(
                self.env._(
                    "%(records)s: Odoo has secured them with a hash, so they can't be deleted. Keep them, or make them"
                    " anonymous as far as the hash permits.",
                    records=", ".join(line.place_name for line in sealed),
                )
            )

    def _check_obliged_end(self, day):
        """Refuse an end before the day until which the law makes the company keep the records, on whatever ground.

        :raise UserError: so
        """
        day = fields.Date.to_date(day)
        for line in self.filtered("obliged_until"):
            if not day or day < line.obliged_until:
                raise UserError(
                    self.env._(
                        "%(records)s: the law makes you keep them until %(day)s, as the data map says, so their keeping"
                        " can't end before. If the law demands less, have an administrator correct the data map, and"
                        " plan again.",
                        records=line.place_name,
                        day=format_date(self.env, line.obliged_until),
                    )
                )

    def _check_departure(self, before):
        """Refuse a departure from what the law demands that is explained with the words of the map alone.

        :param dict before: what was decided of each line before
        :raise UserError: so
        """
        unexplained = self.filtered(
            lambda line: (
                line.obliged_until
                and (line.ground, line.keep_until) != (before[line]["ground"], before[line]["keep_until"])
                and (line.ground, line.keep_until) != ("legal_obligation", line.obliged_until)
                and line._find_place_of_reason()
            )
        )
        if unexplained:
            raise UserError(
                self.env._(
                    "%(records)s: you depart from what the data map says the law demands. Write in “Reason” why: the"
                    " person reads it, and it stays in the log.",
                    records=", ".join(unexplained.mapped("place_name")),
                )
            )

    def _log_correction(self, before):
        """Note in the log of the request who corrected what, from what to what.

        :param dict before: what was decided of each line before
        """
        for request, lines in self.grouped("request_id").items():
            notes = [line._describe_correction(before[line]) for line in lines]
            if any(notes):
                request._log_step("plan_corrected", "\n".join(filter(None, notes)))

    def _describe_correction(self, before):
        """Give what is decided otherwise than before, in words; empty where nothing is."""
        self.ensure_one()
        changes = []
        for name in sorted(DECIDED, key=list(self._fields).index):
            if self[name] != before[name]:
                field = self._fields[name]
                old, new = (self._format_decided(field, value) for value in (before[name], self[name]))
                changes.append(f"{field._description_string(self.env)}: {old} → {new}")
        return f"{self.place_name} ({self.count}): {'; '.join(changes)}" if changes else ""

    def _format_decided(self, field, value):
        if not value:
            return "–"
        if field.type == "selection":
            return dict(field._description_selection(self.env)).get(value, value)
        return format_date(self.env, value) if field.type == "date" else value.strip()

    @api.model
    def _check_end(self, day):
        """Refuse an end of keeping that is none.

        :raise UserError: it is over, or nobody will be there to see it
        """
        if not day:
            return
        day, today = fields.Date.to_date(day), fields.Date.context_today(self)
        if day < today:
            raise UserError(
                self.env._("Nothing can be kept until a day that is over: delete it, or make it anonymous.")
            )
        if day > today + relativedelta(years=MOST_KEEP_YEARS):
            raise UserError(
                self.env._(
                    "%(day)s is no end: nothing is kept longer than %(years)s years from now. Name the day on which the"
                    " law or the claim lets it go.",
                    day=format_date(self.env, day),
                    years=MOST_KEEP_YEARS,
                )
            )

    def _check_reason(self):
        """Refuse what is kept without a word about why: the person is told (article 12(4)).

        :raise UserError: so
        """
        unexplained = self.filtered(lambda line: line.action == "keep" and not (line.reason or "").strip())
        if unexplained:
            raise UserError(
                self.env._(
                    "%(records)s: say why they are kept, which law or which claim: the person reads it.",
                    records=", ".join(unexplained.mapped("place_name")),
                )
            )

    def _check_emptied(self):
        """Refuse to make anonymous what would stay as it is, or to take nobody out: the person would read it was done.

        :raise UserError: so
        """
        if full := self.filtered(lambda line: line.count and line.map_id.sudo()._stays_as_it_is(line.action)):
            raise UserError(
                self.env._(
                    "%(records)s: the data map names no field that is emptied, and no link to the person, so they would"
                    " stay as they are. Choose Delete, or have an administrator name the fields, and plan again.",
                    records=", ".join(full.mapped("place_name")),
                )
            )

    @api.onchange("action")
    def _onchange_action(self):
        if self.action == "keep" and self.map_id:
            self.ground = self.ground or self.map_id.keep_ground
            self.reason = self.reason or self.map_id.keep_reason

    @api.model
    def _get_names(self, model, ids):
        """Give what records are called, in short, by id; those that exist."""
        records = self.env.get(model)
        if records is None or not ids:
            return {}
        records = records.sudo().with_context(active_test=False).browse(ids).exists()
        try:
            # A message may have no subject; what tracks a value has no text either.
            texts = {
                record.id: record.display_name or ("preview" in record._fields and record.preview) or f"# {record.id}"
                for record in records
            }
            # Without a name of their own Odoo calls them by the technical one.
            return {
                record_id: (f"# {record_id}" if text == f"{model},{record_id}" else text)[:EXAMPLE_LENGTH]
                for record_id, text in texts.items()
            }
        except Exception:
            _logger.info("The names of %s can't be read.", records, exc_info=True)
            return {record.id: str(record.id) for record in records}

    def _get_ids(self):
        """Give the ids of the records that something happens to: the certain ones, and what an officer said is so."""
        self.ensure_one()
        theirs = self.doubt_ids.filtered(lambda doubt: doubt.decision == "theirs").mapped("res_id")
        return sorted({*(self.res_ids or ()), *theirs})

    def _read_decision(self):
        """Give what was decided of the line, as values."""
        self.ensure_one()
        return {name: self[name] for name in DECIDED}

    def _read_standing_decision(self, proposed):
        """Give what was decided of a corrected line, as far as it stands against what is proposed now.

        :param dict proposed: values of the line; the map may say since that the law demands more
        """
        decision = self._read_decision()
        if obliged_until := proposed["obliged_until"]:
            if self.action != "keep":
                return {name: proposed[name] for name in DECIDED}
            decision["keep_until"] = max(self.keep_until, obliged_until)
        return decision

    def _group_by_end(self, ids):
        """Give the records with the day on which each is erased: ``(day or False, ids)``, a pair for each day."""
        self.ensure_one()
        if not ids:
            return []
        if self.action == "keep" and self.part == "all" and self.map_id:
            ends = self.map_id._get_ends(self._get_ids())
            # Another reason alone moves no end.
            if not self.is_corrected or self.keep_until == max(ends.values()):
                groups = {}
                for record_id in ids:
                    groups.setdefault(ends[record_id], []).append(record_id)
                return sorted(groups.items())
        return [(self.keep_until if self.action == "keep" else False, ids)]

    def action_show_records(self):
        """Open the list of the records, as far as the user may see them."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.place_name,
            "res_model": self.model,
            "view_mode": "list,form",
            "domain": [("id", "in", self._get_ids())],
            "context": {"create": False, "active_test": False},
        }

    def action_decide_doubts(self):
        """Open the doubtful records, to say whose they are."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Whose are they?"),
            "res_model": "gdpr.erasure.doubt",
            "view_mode": "list",
            "domain": [("line_id", "=", self.id)],
            "context": {"create": False},
            "target": "new",
        }

    def _describe(self, lang):
        """Give what is told of the line: ``name``, ``count``, ``action``, ``ground``, ``reason``, ``until``.

        :param str lang: code of the reader's language
        :rtype: dict
        """
        self.ensure_one()
        line = self.sudo().with_context(lang=lang)
        grounds = dict(line._fields["ground"]._description_selection(line.env))
        return {
            "name": line.map_id.name or line.name,
            "count": line.count,
            "action": line.action,
            "ground": grounds.get(line.ground),
            "reason": line._get_reason() or line.map_id.keep_reason,
            "until": line.keep_until,
        }

    def _get_reason(self):
        """Give why the records are kept, in the language of the context where it stands in the map.

        What a kept document needs is kept for the reason of another line.
        """
        return self._find_place_of_reason().keep_reason or self.reason

    def _find_place_of_reason(self):
        """Give the row of the map whose words the reason has, in whatever language; none where they are others."""
        self.ensure_one()
        for place in (self.map_id | self.request_id.plan_line_ids.map_id).filtered("keep_reason"):
            translations, _context = place.get_field_translations("keep_reason")
            if self.reason in {translation[key] for translation in translations for key in ("source", "value")}:
                return place
        return self.map_id.browse()
