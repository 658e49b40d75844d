from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.collector import Collector

# Who the rows of one import are about and what they say, while they are loaded; what of it isn't usable and why.
ROWS, PROBLEMS = "gdpr_import_rows", "gdpr_import_problems"
BASIS = ("gdpr_legal_basis", "gdpr_legal_basis_reason")
STATEMENT = (
    "gdpr_import_purposes",
    "gdpr_import_channels",
    "gdpr_import_source",
    "gdpr_import_given_on",
    "gdpr_import_wording",
    "gdpr_import_words",
    "gdpr_import_evidence",
)
# What settles that a stated consent isn't usable: the person spoke, or the next row, or an officer decided.
SETTLING_ACTIONS = (
    "unproven",
    "declared",
    "given",
    "refused",
    "withdrawn",
    "channels_withdrawn",
    "objected",
    "basis_changed",
    "erased",
)


class GdprSubjectMixin(models.AbstractModel):
    """Legal bases and consents brought in by Odoo's import, those of all rows at once (law.md R-10, R-19).

    The columns of a consent are fields that can be written, but hold nothing: what they say goes through the one
    door. A row without full proof makes no consent. It isn't lost: the history says what was stated and why it
    doesn't count.
    """

    _inherit = "gdpr.subject.mixin"

    gdpr_import_purposes = fields.Char(
        "Consent: Purposes",
        store=False,
        exportable=False,
        copy=False,
        groups="gdpr_consent.group_user",
        help="Names or codes, separated by commas.",
    )
    gdpr_import_channels = fields.Char(
        "Consent: Channels",
        store=False,
        exportable=False,
        copy=False,
        groups="gdpr_consent.group_user",
        help="Names or codes, separated by commas.",
    )
    gdpr_import_source = fields.Char(
        "Consent: Collected By",
        store=False,
        exportable=False,
        copy=False,
        groups="gdpr_consent.group_user",
        help="Phone, Meeting, Paper, Web site, API or Import. Empty: Import.",
    )
    gdpr_import_given_on = fields.Datetime(
        "Consent: Given On", store=False, exportable=False, copy=False, groups="gdpr_consent.group_user"
    )
    gdpr_import_wording = fields.Char(
        "Consent: Wording",
        store=False,
        exportable=False,
        copy=False,
        groups="gdpr_consent.group_user",
        help="The name of the published form whose words the person saw or heard, with its version: Newsletter,"
        " version 2. Without the version: the one in force on that date.",
    )
    gdpr_import_words = fields.Text(
        "Consent: Words",
        store=False,
        exportable=False,
        copy=False,
        groups="gdpr_consent.group_user",
        help="What the person was told, where it wasn't a wording published here by that date.",
    )
    gdpr_import_evidence = fields.Char(
        "Consent: Evidence",
        store=False,
        exportable=False,
        copy=False,
        groups="gdpr_consent.group_user",
        help="What proves it, and where it is kept.",
    )
    gdpr_import_problem = fields.Text(
        "Why the Imported Consent Isn't Usable",
        compute="_compute_gdpr_telling",
        search="_search_gdpr_import_problem",
        groups="gdpr_consent.group_user",
    )

    def _gdpr_get_import_problems(self):
        """Give, by card, the reason why an imported consent can't be used.

        Until the person answers or an officer decides on the legal basis.
        """
        roots = self.sudo().gdpr_subject_id.root_id
        if not roots:
            return {}
        events = self.env["gdpr.consent.event"].browse(
            self._gdpr_search_unproven(Domain("subject_id.root_id", "in", roots.ids))
        )
        reasons = {event.sudo().subject_id.root_id: event._get_value("reason") for event in events.sorted("id")}
        return {card: reasons.get(card.sudo().gdpr_subject_id.root_id) for card in self}

    def _search_gdpr_import_problem(self, operator, value):
        """Those with a problem or without; of the texts no single one is searched."""
        if operator != "in" or set(value) != {False}:
            return NotImplemented
        # One subquery by itself, so that it runs once, not for each card.
        people = SQL(
            """
            (SELECT member.id FROM gdpr_subject member
              WHERE member.root_id IN (SELECT subject.root_id FROM gdpr_subject subject
                                         JOIN gdpr_consent_event event ON event.subject_id = subject.id
                                        WHERE event.id IN %s))
            """,
            self._gdpr_search_unproven(Domain.TRUE).subselect(),
        )
        return Domain("gdpr_subject_id", "not in", people)

    @api.model
    def _gdpr_search_unproven(self, domain):
        """Give the events of consents without proof after which nothing settled the matter, as a query."""
        Event = self.env["gdpr.consent.event"]
        unproven = Domain("action", "=", "unproven")
        settled = SQL(
            """
            (SELECT unproven.id FROM gdpr_consent_event unproven
               JOIN gdpr_subject subject ON subject.id = unproven.subject_id
               JOIN gdpr_subject member ON member.root_id = subject.root_id
               JOIN gdpr_consent_event later ON later.subject_id = member.id
              WHERE unproven.action = 'unproven' AND later.id > unproven.id AND later.action IN %s)
            """,
            SETTLING_ACTIONS,
        )
        return Event._search(domain & unproven & Domain("id", "not in", settled))

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [dict(vals) for vals in vals_list]
        statements = [self._gdpr_pop(vals, STATEMENT) for vals in vals_list]
        cards = super().create(vals_list)
        self._gdpr_collect(
            [
                (card, {**self._gdpr_pop(dict(vals), BASIS), **statement})
                for card, vals, statement in zip(cards, vals_list, statements, strict=True)
                if statement
            ],
            bases_are_set=True,
        )
        return cards

    def write(self, vals):
        is_loading = isinstance(self.env.context.get(ROWS), Collector)
        vals = dict(vals)
        said = self._gdpr_pop(vals, (*BASIS, *STATEMENT) if is_loading else STATEMENT)
        result = super().write(vals)
        if said:
            self._gdpr_collect([(card, said) for card in self])
        return result

    def _load_records(self, data_list, update=False):
        """Record what all rows of an import say at once."""
        rows = Collector()
        records = super(GdprSubjectMixin, self.with_context(**{ROWS: rows}))._load_records(data_list, update)
        infos = {data["record"].id: data.get("info") for data in data_list if data.get("record")}
        self._gdpr_record_rows(rows, infos)
        return records.with_env(self.env)

    @api.model
    def _gdpr_pop(self, vals, names):
        """Take these values out of others; an empty cell says nothing."""
        said = {name: vals.pop(name) for name in names if name in vals}
        return {name: value for name, value in said.items() if value}

    def _gdpr_collect(self, rows, bases_are_set=False):
        """Record what is said of these cards, or remember it while an import is loaded."""
        if not rows:
            return
        collected = self.env.context.get(ROWS)
        if isinstance(collected, Collector):
            collected += [(card.id, said, bases_are_set) for card, said in rows]
        else:
            self._gdpr_record_rows([(card.id, said, bases_are_set) for card, said in rows], {})

    @api.model
    def _gdpr_record_rows(self, rows, infos):
        """Record the legal bases and the consents that rows of an import state.

        :param list rows: id of the card, what is said of it, whether its basis is set already
        :param dict infos: where in the file a card's row is, by id of the card
        :raise AccessError: the user may not do that
        """
        bases = {}
        for card_id, said, bases_are_set in rows:
            if "gdpr_legal_basis" in said and not bases_are_set:
                bases.setdefault((said["gdpr_legal_basis"], said.get("gdpr_legal_basis_reason")), []).append(card_id)
        for (basis, reason), ids in bases.items():
            self.browse(ids).gdpr_set_legal_basis(basis, reason)
        statements = [(card_id, said) for card_id, said, _are_set in rows if any(name in said for name in STATEMENT)]
        if not statements:
            return
        self._gdpr_check_group("gdpr_consent.group_user")
        named = {card_id for card_id, said in statements if "gdpr_legal_basis" in said}
        cards = self.browse(dict(statements))
        cards._gdpr_start_with_consent(named)
        problems = cards._gdpr_record_statements(statements)
        log = self.env.context.get(PROBLEMS)
        if isinstance(log, Collector):
            log += [(infos[card_id], reason) for card_id, reason in problems if infos.get(card_id)]

    def _gdpr_start_with_consent(self, named):
        """Give those the basis Consent that have none yet and of whom a consent is stated.

        :param set named: ids of those whose basis the file names
        """
        if self.env.su or self.env.user.has_group("gdpr_consent.group_officer"):
            starting = self.filtered(lambda card: card.id not in named and card.gdpr_legal_basis == "not_applicable")
            self.env["gdpr.scope"]._filter_covered(starting)._gdpr_apply_basis("consent")

    def _gdpr_record_statements(self, statements):
        """Record the consents stated of these cards: as given, as declared, or as not usable.

        :param list statements: id of the card and what is said of it
        :return: id of the card and why what is said doesn't count, for each row of which it doesn't
        """
        cards = {card.id: card for card in self.sudo()}
        self._gdpr_ensure_subjects()
        people = self.sudo().gdpr_subject_id._lock_people()
        reader = self.env["gdpr.import.reader"]._prepare(self)
        proven, declared, problems = [], [], []
        for card_id, said in statements:
            card = cards[card_id]
            statement = reader._read(card, said)
            if statement["problems"]:
                problems.append((card, said, " ".join(statement["problems"])))
            # Else all of it is on record already.
            elif statement["choices"]:
                is_declared = card._gdpr_get_company()._needs_gdpr_confirmation(statement["act"]["source"])
                (declared if is_declared else proven).append((card, said, statement))
        problems += self._gdpr_declare_statements(declared)
        self._gdpr_record_proven(proven)
        self._gdpr_note_unproven(problems, people)
        return [(card.id, reason) for card, _said, reason in problems]

    @api.model
    def _gdpr_declare_statements(self, rows):
        """Ask those to confirm of whom only a list says that they agreed; give those that can't be asked, and why."""
        cards = self.browse({card.id for card, _said, _statement in rows})
        refusals = cards._gdpr_get_declaration_refusals("import") if rows else {}
        refused = [(card, said, refusals[card.id]) for card, said, _statement in rows if card.id in refusals]
        # Each person is asked at once for all rows of the same wording, and for another wording by another message.
        left = self._gdpr_merge_rows([row for row in rows if row[0].id not in refusals])
        while left:
            declarations, others = {}, []
            asked = set()
            for card, statement in left:
                if card.gdpr_subject_id.root_id in asked:
                    others.append((card, statement))
                    continue
                asked.add(card.gdpr_subject_id.root_id)
                declarations[self.browse(card.id)] = (statement["version"], statement["choices"], statement["act"])
            self._gdpr_declare(declarations)
            left = others
        return refused

    @api.model
    def _gdpr_record_proven(self, rows):
        answers = []
        for card, statement in self._gdpr_merge_rows(rows):
            exemption = card._gdpr_get_company()._get_gdpr_exemption(statement["act"]["source"])
            answers.append(
                {
                    **statement["act"],
                    "person": card.gdpr_subject_id.root_id,
                    "version": statement["version"],
                    "choices": statement["choices"],
                    "offered": self.env["gdpr.purpose"].sudo().browse(statement["choices"]),
                    "values": {**statement["act"]["values"], "exemption": exemption},
                }
            )
        if answers:
            self._gdpr_record_answers(answers)

    @api.model
    def _gdpr_merge_rows(self, rows):
        """Give cards and what is stated of their persons, the oldest first: a list may have a row for each channel.

        :param list rows: card, what its row says, and how that was read
        """
        merged = {}
        for card, _said, statement in sorted(rows, key=lambda row: row[2]["act"]["occurred_on"]):
            act = statement["act"]
            key = (card.gdpr_subject_id.root_id, statement["version"], act["source"], act["occurred_on"])
            if key not in merged:
                merged[key] = (card, statement)
                continue
            present = merged[key][1]
            for purpose_id, codes in statement["choices"].items():
                before = present["choices"].get(purpose_id, [])
                present["choices"][purpose_id] = list(dict.fromkeys([*before, *codes]))
            evidence = dict.fromkeys([*present["act"]["values"]["evidence"].split("\n"), act["values"]["evidence"]])
            present["act"]["values"]["evidence"] = "\n".join(evidence)
        return list(merged.values())

    @api.model
    def _gdpr_note_unproven(self, problems, people):
        """Record what was stated of each person and why it doesn't count, unless just that was noted before."""
        if not problems:
            return
        noted = self._gdpr_read_noted(people)
        labels = {name: field["string"] for name, field in self.fields_get(STATEMENT, ["string"]).items()}
        by_card = {}
        for card, said, reason in problems:
            stated = "\n".join(f"{labels.get(name, name)}: {said[name]}" for name in STATEMENT if name in said)
            by_card.setdefault(card, {})[reason, stated] = True
        acts = {}
        for card, pairs in by_card.items():
            person = card.gdpr_subject_id.root_id
            reasons, statements = zip(*pairs, strict=True)
            values = {"reason": "\n".join(dict.fromkeys(reasons)), "stated": "\n\n".join(dict.fromkeys(statements))}
            if values not in noted.get(person, ()):
                acts[person] = {
                    "subject_id": person.id,
                    "action": "unproven",
                    "source": "import",
                    "company_id": card._gdpr_get_company().id,
                    "values": values,
                }
        if acts:
            self.env["gdpr.subject"]._record_acts(list(acts.values()))

    @api.model
    def _gdpr_read_noted(self, people):
        """Give what was noted of these people's consents without proof, a list of values by person."""
        events = self.env["gdpr.consent.event"].sudo()
        events = events.search([("action", "=", "unproven"), ("subject_id.root_id", "in", people.ids)])
        noted = {}
        for event in events:
            values = {value.name: value.value for value in event.value_ids}
            noted.setdefault(event.subject_id.root_id, []).append(values)
        return noted
