from collections import defaultdict

from lxml import etree

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.mail import email_normalize_all, formataddr
from odoo.tools.misc import split_every
from odoo.tools.sql import column_exists, create_column, table_exists

from .gdpr_purpose import LEGAL_BASES
from .gdpr_subject import CONSENT_STATES

# Columns that exist before the ORM looks, so that it doesn't compute them record by record.
# PostgreSQL keeps a constant default of a new column in its catalogue: no row is written.
COLUMNS = {
    "gdpr_legal_basis": ("varchar", "'not_applicable'"),
    "gdpr_consent_state": ("varchar", "'not_applicable'"),
    "gdpr_restricted": ("bool", "false"),
    "gdpr_subject_id": ("int4", None),
}
# Acts that the person can leave a note with.
TELLING_ACTIONS = ("given", "refused", "withdrawn", "channels_withdrawn", "objected", "noted")
PROJECTED_FIELDS = ("gdpr_consent_state", "gdpr_restricted", "gdpr_subject_id")
# The columns of a card that show what is on record of its person, by those of the person.
SHOWN = {
    "gdpr_legal_basis": "legal_basis",
    "gdpr_consent_state": "consent_state",
    "gdpr_restricted": "restricted",
}
# What Odoo writes with every change.
LOGGED = ("write_uid", "write_date")
BATCH = 10_000


class GdprSubjectMixin(models.AbstractModel):
    """A card: a record that describes a person. Inherit it to cover a model of your own.

    Set ``_gdpr_email_field`` and override ``_gdpr_get_name`` and the like where your model differs.
    """

    _name = "gdpr.subject.mixin"
    _description = "Record That Describes a Data Subject"

    _gdpr_email_field = "email"

    gdpr_subject_id = fields.Many2one(
        "gdpr.subject",
        string="Data Subject",
        compute="_compute_gdpr_subject_id",
        store=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups="gdpr_consent.group_user",
    )
    gdpr_legal_basis = fields.Selection(
        [("not_applicable", "Not applicable"), *LEGAL_BASES],
        string="Legal Basis",
        compute="_compute_gdpr_legal_basis",
        default=lambda self: self._gdpr_get_default_basis({})[0],
        store=True,
        readonly=False,
        copy=False,
        groups="gdpr_consent.group_user",
        help="Why you may hold this person's data (article 6 GDPR). Only Consent asks the person.",
    )
    gdpr_legal_basis_reason = fields.Text(
        "Reason for the Legal Basis",
        compute="_compute_gdpr_legal_basis_reason",
        readonly=False,
        groups="gdpr_consent.group_user",
        help="Legitimate interests: say how you weighed yours against the person's.",
    )
    gdpr_consent_state = fields.Selection(
        CONSENT_STATES,
        string="Consent",
        compute="_compute_gdpr_projection",
        store=True,
        copy=False,
        groups="gdpr_consent.group_user",
        help="How far the consent is: to be asked, asked, given, refused, taken back, lapsed, or no answer. It follows"
        " what the person does.",
    )
    gdpr_restricted = fields.Boolean(
        "Processing Suspended",
        compute="_compute_gdpr_projection",
        store=True,
        copy=False,
        groups="gdpr_consent.group_user",
        help="The person's data is only stored: Odoo stops whatever would be sent to the person.",
    )
    gdpr_requested_on = fields.Datetime(
        "Consent Asked On", related="gdpr_subject_id.requested_on", groups="gdpr_consent.group_user"
    )
    gdpr_consent_on = fields.Datetime(
        "Consent Given On", related="gdpr_subject_id.consent_on", groups="gdpr_consent.group_user"
    )
    gdpr_consent_source = fields.Selection(
        string="Collected By",
        related="gdpr_subject_id.consent_source",
        groups="gdpr_consent.group_user",
    )
    gdpr_consent_note = fields.Text(
        "Note From the Person",
        compute="_compute_gdpr_consent_note",
        groups="gdpr_consent.group_user",
        help="What the person wrote with the last answer.",
    )
    gdpr_consent_expires_on = fields.Datetime(
        "Valid Until",
        compute="_compute_gdpr_consents",
        groups="gdpr_consent.group_user",
        help="When the first of the consents lapses, unless the person renews it.",
    )
    gdpr_purpose_ids = fields.Many2many(
        "gdpr.purpose",
        string="Purposes Agreed To",
        compute="_compute_gdpr_consents",
        search="_search_gdpr_purpose_ids",
        groups="gdpr_consent.group_user",
        help="What the person agreed to, as it stands now.",
    )
    gdpr_channel_ids = fields.Many2many(
        "gdpr.channel",
        string="Channels Allowed",
        compute="_compute_gdpr_consents",
        search="_search_gdpr_channel_ids",
        groups="gdpr_consent.group_user",
        help="How the person may be contacted for what was agreed to.",
    )
    gdpr_objected = fields.Boolean(
        "Objects to Marketing", related="gdpr_subject_id.objected", groups="gdpr_consent.group_user"
    )
    gdpr_event_ids = fields.One2many(
        "gdpr.consent.event",
        string="History",
        compute="_compute_gdpr_event_ids",
        search="_search_gdpr_event_ids",
        groups="gdpr_consent.group_user",
    )
    gdpr_is_decided = fields.Boolean(
        "Found Not Applicable",
        compute="_compute_gdpr_is_decided",
        search="_search_gdpr_is_decided",
        groups="gdpr_consent.group_user",
        help="Somebody decided that no legal basis is needed; that none was chosen says nothing.",
    )
    gdpr_covered = fields.Boolean(
        "Data Privacy Applies", compute="_compute_gdpr_covered", groups="gdpr_consent.group_user"
    )
    gdpr_failure_reason = fields.Text(
        "Why the Request Failed", compute="_compute_gdpr_telling", groups="gdpr_consent.group_user"
    )

    def _auto_init(self):
        # Instant on a table of any size, at the install and when a model becomes a card later.
        if not self._abstract and table_exists(self.env.cr, self._table):
            for name, (column_type, default) in COLUMNS.items():
                if not column_exists(self.env.cr, self._table, name):
                    self._gdpr_create_column(name, column_type, default)
        return super()._auto_init()

    def _gdpr_create_column(self, name, column_type, default):
        if not default:
            create_column(self.env.cr, self._table, name, column_type)
            return
        table, column = SQL.identifier(self._table), SQL.identifier(name)
        self.env.cr.execute(
            SQL("ALTER TABLE %s ADD COLUMN %s %s DEFAULT %s", table, column, SQL(column_type), SQL(default))
        )
        # The ORM gives every new row a value; a default in the database would hide it if it didn't.
        self.env.cr.execute(SQL("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", table, column))

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    def _compute_gdpr_subject_id(self):
        """Runs for new records only: what is stored is set by ``_gdpr_ensure_subjects``.

        Computed, so that Odoo's merge of contacts doesn't copy it from one contact to another.
        """
        self.gdpr_subject_id = False

    @api.depends("gdpr_subject_id.legal_basis")
    def _compute_gdpr_legal_basis(self):
        for card in self:
            card.gdpr_legal_basis = card.gdpr_subject_id.legal_basis or "not_applicable"

    # Apart from the basis: while that is written, what it is computed with isn't recomputed.
    @api.depends("gdpr_subject_id.consent_state", "gdpr_subject_id.restricted")
    def _compute_gdpr_projection(self):
        for card in self:
            subject = card.gdpr_subject_id
            card.gdpr_consent_state = subject.consent_state or "not_applicable"
            card.gdpr_restricted = subject.restricted

    @api.depends("gdpr_subject_id.history_ids")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_gdpr_event_ids(self):
        """What the user may see of the history: not what the person said to a company of others."""
        roots = self.sudo().gdpr_subject_id.root_id
        # No more than tells whose they are: what they say is read when it is shown.
        events = self.env["gdpr.consent.event"].search_fetch([("subject_id.root_id", "in", roots.ids)], ["subject_id"])
        by_root = events.grouped(lambda event: event.sudo().subject_id.root_id.id)
        for card in self:
            card.gdpr_event_ids = by_root.get(card.sudo().gdpr_subject_id.root_id.id, events.browse())

    @api.depends("gdpr_subject_id.history_ids")
    def _compute_gdpr_is_decided(self):
        known = self.sudo().with_context(active_test=False)
        decided = set(known.search([("id", "in", self.ids), ("gdpr_is_decided", "=", True)]).ids)
        for card in self:
            card.gdpr_is_decided = card._origin.id in decided

    def _search_gdpr_is_decided(self, operator, value):
        """A decision of the person behind the card counts, in whichever of the joined histories it stands."""
        if operator != "in":
            return NotImplemented
        self.env["gdpr.subject"].flush_model(["root_id"])
        return Domain(
            "gdpr_subject_id",
            "in",
            SQL(
                """(
                SELECT member.id FROM gdpr_subject member WHERE member.root_id IN (
                    SELECT history.root_id FROM gdpr_subject history
                      JOIN gdpr_consent_event event ON event.subject_id = history.id
                     WHERE event.action = 'basis_changed' AND event.legal_basis = 'not_applicable'
                       AND event.actor != 'system'
                ))"""
            ),
        )

    def _search_gdpr_event_ids(self, operator, value):
        return Domain("gdpr_subject_id.history_ids", operator, value)

    @api.depends("gdpr_subject_id.history_ids")
    def _compute_gdpr_consent_note(self):
        notes = self._gdpr_read_last_values("note", TELLING_ACTIONS)
        for card in self:
            card.gdpr_consent_note = notes.get(card.gdpr_subject_id.id, False)

    def _gdpr_read_last_values(self, name, actions):
        """Give a personal value of the last act of a kind, by id of the person."""
        subject_ids = self.sudo().gdpr_subject_id.ids
        if not subject_ids:
            return {}
        self.env["gdpr.subject"].flush_model(["root_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT last.root_id, value.value
                  FROM (SELECT DISTINCT ON (subject.root_id) subject.root_id, event.subject_id, event.act
                          FROM gdpr_consent_event event
                          JOIN gdpr_subject subject ON subject.id = event.subject_id
                         WHERE subject.root_id IN %(subjects)s AND event.action IN %(actions)s
                         ORDER BY subject.root_id, event.id DESC) last
                  JOIN gdpr_consent_event event ON event.subject_id = last.subject_id AND event.act = last.act
                  JOIN gdpr_consent_event_value value ON value.event_id = event.id AND value.name = %(name)s
                """,
                subjects=tuple(subject_ids),
                actions=tuple(actions),
                name=name,
            )
        )
        return dict(rows)

    @api.depends("gdpr_subject_id.consent_ids.state", "gdpr_subject_id.consent_ids.channel_ids")
    def _compute_gdpr_consents(self):
        given = self._gdpr_read_given()
        # What shows them, and no more: a purpose has long texts.
        purposes, channels = ({found for parts in given.values() for found in parts[place]} for place in (0, 1))
        self.env["gdpr.purpose"].sudo().browse(purposes).fetch(["name", "active", "company_id"])
        self.env["gdpr.channel"].sudo().browse(channels).fetch(["name", "active"])
        for card in self:
            purposes, channels, expirations = given.get(card.gdpr_subject_id.id, ((), (), ()))
            card.gdpr_purpose_ids = list(purposes)
            card.gdpr_channel_ids = list(channels)
            card.gdpr_consent_expires_on = min(expirations, default=False)

    def _gdpr_read_given(self):
        """Give what the user may see of what the persons agreed to, by id of the person.

        In one query, past the records: every card that is opened asks for it.

        :return: the ids of the purposes, those of the channels, and when the consents expire that do
        :rtype: dict[int, tuple]
        """
        subject_ids = self.gdpr_subject_id.ids
        if not subject_ids:
            return {}
        consents = self.env["gdpr.consent"]
        query = consents._search([("subject_id", "in", subject_ids), ("state", "=", "given")], order="purpose_id")
        consents.flush_model(["purpose_id", "channel_ids", "expires_on"])
        channels = SQL(
            """
            ARRAY(SELECT channel.id FROM gdpr_channel_gdpr_consent_rel allowed
                    JOIN gdpr_channel channel ON channel.id = allowed.gdpr_channel_id
                   WHERE allowed.gdpr_consent_id = %s ORDER BY channel.sequence, channel.id)
            """,
            SQL.identifier(query.table, "id"),
        )
        columns = [SQL.identifier(query.table, name) for name in ("subject_id", "purpose_id", "expires_on")]
        given = {}
        for subject_id, purpose_id, expires_on, channel_ids in self.env.execute_query(query.select(*columns, channels)):
            purposes, allowed, expirations = given.setdefault(subject_id, ([], {}, []))
            purposes.append(purpose_id)
            allowed.update(dict.fromkeys(channel_ids))
            if expires_on:
                expirations.append(expires_on)
        return given

    def _search_gdpr_purpose_ids(self, operator, value):
        return self._gdpr_search_consents("purpose_id", operator, value)

    def _search_gdpr_channel_ids(self, operator, value):
        return self._gdpr_search_consents("channel_ids", operator, value)

    def _gdpr_search_consents(self, field, operator, value):
        if operator not in ("in", "any", "ilike", "like", "=ilike", "=like"):
            return NotImplemented
        given = Domain("state", "=", "given")
        found = Domain("gdpr_subject_id.consent_ids", "any", given & Domain(field, operator, value))
        if operator == "in" and False in value:
            found |= ~Domain("gdpr_subject_id.consent_ids", "any", given & Domain(field, "!=", False))
        return found

    @api.depends_context("uid")
    def _compute_gdpr_covered(self):
        covered = self.env["gdpr.scope"]._filter_covered(self)
        for card in self:
            card.gdpr_covered = card in covered

    # ------------------------------------------------------------
    # CRUD AND VIEWS
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Give new records the default basis, through the one door."""
        self._gdpr_refuse_projected(set().union(*vals_list))
        forged = [key for key in self.env.context if key.startswith("default_gdpr_")]
        if forged:
            self = self.with_env(self.env(context={k: v for k, v in self.env.context.items() if k not in forged}))
        for name in ("gdpr_legal_basis", "gdpr_legal_basis_reason"):
            if any(name in vals for vals in vals_list):
                self._check_field_access(self._fields[name], "write")
        vals_list = [dict(vals) for vals in vals_list]
        bases = [self._gdpr_pop_basis(vals) for vals in vals_list]
        if any(is_chosen for *_basis, is_chosen in bases):
            self._gdpr_check_group("gdpr_consent.group_officer")
        cards = super().create(vals_list)
        # At once: what is shown on other cards meanwhile lets go of what waits to be computed.
        cards._recompute_recordset([*SHOWN])
        cards.sudo()._gdpr_adopt_subjects()
        by_basis = defaultdict(self.browse)
        for card, basis in zip(cards, bases, strict=True):
            if basis[0] != "not_applicable":
                by_basis[basis] += card
        for (basis, reason, is_chosen), starting in by_basis.items():
            if is_chosen:
                starting._gdpr_apply_basis(basis, reason)
            else:
                # What is on record of a known person comes before the default.
                starting = self.env["gdpr.scope"]._filter_covered(starting)
                starting = starting.filtered(lambda card: not card.sudo().gdpr_subject_id)
                starting._gdpr_apply_basis(basis, reason, actor="system")
        return cards

    def _gdpr_pop_basis(self, vals):
        """Take the legal basis out of the values of a new record: basis, reason, whether somebody chose it."""
        default_basis, default_reason = self._gdpr_get_default_basis(vals)
        basis = vals.pop("gdpr_legal_basis", None) or default_basis
        reason = vals.pop("gdpr_legal_basis_reason", None)
        is_chosen = basis != default_basis
        return basis, reason or (None if is_chosen else default_reason), is_chosen

    def _prepare_create_values(self, vals_list):
        """Leave the default basis out, which would be written as if the user had chosen it (see ``create``)."""
        vals_list = super()._prepare_create_values(vals_list)
        for vals in vals_list:
            vals.pop("gdpr_legal_basis", None)
        return vals_list

    def write(self, vals):
        """Set the legal basis through the one door. The reason on record was for the basis before."""
        self._gdpr_refuse_projected(vals)
        chosen = {name: vals[name] for name in ("gdpr_legal_basis", "gdpr_legal_basis_reason") if name in vals}
        if not chosen:
            return super().write(vals)
        self.check_access("write")
        for name in chosen:
            self._check_field_access(self._fields[name], "write")
        others = {name: value for name, value in vals.items() if name not in chosen}
        reason = chosen.get("gdpr_legal_basis_reason")
        if "gdpr_legal_basis" not in chosen:
            super().write(others)
            for basis, cards in self.grouped("gdpr_legal_basis").items():
                cards.gdpr_set_legal_basis(basis or "not_applicable", reason)
            return True
        field = self._fields["gdpr_legal_basis"]
        basis = chosen["gdpr_legal_basis"] or "not_applicable"
        self._gdpr_check_basis(basis)
        watched = [field] if self._gdpr_is_watched() else []
        if watched:
            # An automation rule sees in ``write`` what is written: it isn't to see it again when it is computed.
            others["gdpr_legal_basis"] = basis
        if others:
            super().write(others)
        with self.env.protecting(watched, self):
            self.gdpr_set_legal_basis(basis, reason)
        return True

    @api.onchange("gdpr_legal_basis")
    def _onchange_gdpr_legal_basis(self):
        """Show the reason of the basis chosen: that on record, that of the settings, or none yet."""
        before = self._origin
        basis, reason = self._gdpr_get_default_basis({})
        if before:
            basis, reason = before.gdpr_legal_basis, before.gdpr_legal_basis_reason
        self.gdpr_legal_basis_reason = reason if self.gdpr_legal_basis == basis else False

    def _gdpr_refuse_projected(self, names):
        if "gdpr_restricted" in names and "gdpr_consent_state" not in names:
            raise AccessError(
                self.env._(
                    "The processing isn't suspended or resumed by hand: it follows from what the person asked. Make a"
                    " data-subject request, or resume the processing from the one that suspends it."
                )
            )
        if not set(PROJECTED_FIELDS).isdisjoint(names):
            raise AccessError(
                self.env._(
                    "Consent isn't set by hand: it follows from what the person answered. Send the consent"
                    " form, or record a consent given on the phone, in a meeting or on paper."
                )
            )

    @api.model
    def fields_get(self, allfields=None, attributes=None):
        """Leave the add-on's fields out of filters, exports and imports of a model that isn't covered."""
        fields_by_name = super().fields_get(allfields, attributes)
        if self._name in self.env["gdpr.scope"]._get_covered_models():
            return fields_by_name
        return {name: field for name, field in fields_by_name.items() if not name.startswith("gdpr_")}

    @api.model
    def _get_view_fields(self, view_type, models):
        """Leave out of a search view, which describes all fields, those of the add-on that nobody can search."""
        models = super()._get_view_fields(view_type, models)
        if view_type == "search":
            models[self._name] = [
                name
                for name in models[self._name]
                if not name.startswith("gdpr_") or self._fields[name]._description_searchable
            ]
        return models

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        covered = self._name in self.env["gdpr.scope"]._get_covered_models()
        return (*super()._get_view_cache_key(view_id, view_type, **options), covered)

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Fill the tab of a card, and leave nothing of the add-on in the views of a model that isn't covered."""
        arch, view = super()._get_view(view_id, view_type, **options)
        for page in arch.xpath("//page[@name='gdpr_privacy'][not(*)]"):
            tab = self.env.ref("gdpr_consent.gdpr_subject_mixin_view_form").sudo().arch
            page.extend(etree.fromstring(tab).find(".//page"))
        if self._name not in self.env["gdpr.scope"]._get_covered_models():
            for node in arch.xpath("//*[starts-with(@name, 'gdpr_')]"):
                node.getparent().remove(node)
            for panel in arch.xpath("//searchpanel[not(field)]"):
                panel.getparent().remove(panel)
        return arch, view

    # ------------------------------------------------------------
    # WHAT A CARD TELLS; override where a model differs
    # ------------------------------------------------------------

    def _gdpr_get_name(self):
        """Give the person's name."""
        self.ensure_one()
        return self.display_name

    def _gdpr_get_lang(self):
        """Give the language to write to the person in, a code of an installed language."""
        self.ensure_one()
        return self._gdpr_get_company().partner_id.lang or self.env.lang or "en_US"

    def _gdpr_get_company(self):
        """Give the company that is the controller of the card's data."""
        self.ensure_one()
        return self._gdpr_get_own_company() or self.env.company

    def _gdpr_get_own_company(self):
        """Give the company that alone sees the card; empty when all do."""
        self.ensure_one()
        return self.sudo().company_id if "company_id" in self._fields else self.env["res.company"]

    def _gdpr_get_default_basis(self, vals):
        """Give the legal basis of a new record with these values, and its reason."""
        if self._name not in self.env["gdpr.scope"]._get_covered_models():
            return ("not_applicable", None)
        company = self.env.company.sudo()
        return (
            company.gdpr_default_legal_basis or "not_applicable",
            company.gdpr_default_legal_basis_reason or None,
        )

    def _gdpr_get_email(self):
        """Give the one normalised address of the person, or False."""
        self.ensure_one()
        # Asked of a hundred thousand: the text is taken apart once.
        emails = email_normalize_all(self[self._gdpr_email_field] or "")
        return len(emails) == 1 and not emails[0].startswith("@") and emails[0]

    def _gdpr_get_email_formatted(self):
        self.ensure_one()
        return formataddr((self._gdpr_get_name() or "", self._gdpr_get_email() or ""))

    def _gdpr_get_phone_fields(self):
        """Give the names of the fields with a number of the person."""
        return [name for name in ("phone", "phone_sanitized") if name in self._fields]

    def _gdpr_get_own_addresses(self):
        """Give the records of the same kind that are only further addresses of the person; archived ones too."""
        return self.browse()

    # ------------------------------------------------------------
    # CARDS AND PERSONS
    # ------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _get_card_models(self):
        """Give the names of the models that are cards."""
        mixin = self.env.registry["gdpr.subject.mixin"]
        return frozenset(
            name
            for name, model in self.env.registry.items()
            if issubclass(model, mixin) and not model._abstract and not model._transient
        )

    @api.model
    def _get_cards(self, model, ids):
        """Give the existing cards of a model, or None when the model isn't one of cards."""
        if model not in self._get_card_models():
            return None
        return self.env[model].browse(ids).exists()

    def _gdpr_ensure_subjects(self):
        """Make the person behind each card that has none yet.

        :return: the persons
        :rtype: gdpr.subject
        """
        cards = self.sudo()
        cards.fetch(["gdpr_subject_id"])
        without = cards.filtered(lambda card: not card.gdpr_subject_id)
        if without:
            without._gdpr_adopt_subjects(make=True)
            without = without.filtered(lambda card: not card.gdpr_subject_id)
        if without:
            if "company_id" in self._fields:
                without.fetch(["company_id"])
            company_ids = [card._gdpr_get_own_company().id for card in without]
            without._gdpr_link_subjects(self.env["gdpr.subject"]._make(company_ids))
        cards.fetch(["gdpr_subject_id"])
        return cards.gdpr_subject_id

    def _gdpr_adopt_subjects(self, make=False):
        """Take over the person of a card that stands for the same person. Nothing, by default.

        :param bool make: make the person of that card where it has none yet
        """

    def _gdpr_link_subject(self, subject):
        self._gdpr_link_subjects([subject.id] * len(self))

    def _gdpr_link_subjects(self, subject_ids):
        """Let these cards be about these persons, card by card, in one statement.

        Past the refusal in ``write``: this is the one place that sets it.
        """
        if not self:
            return
        self.flush_model(["gdpr_subject_id", *SHOWN])
        self.modified(["gdpr_subject_id"], before=True)
        self.env["gdpr.subject"].flush_model(SHOWN.values())
        linked = SQL(
            "gdpr_subject subject JOIN (SELECT unnest(%s) AS card_id, unnest(%s) AS subject_id) link"
            " ON link.subject_id = subject.id",
            self.ids,
            subject_ids,
        )
        shown = {"gdpr_subject_id": "id"} | ({} if self._gdpr_is_watched() else SHOWN)
        self._gdpr_update(shown, linked, SQL("card.id = link.card_id"))
        self.invalidate_recordset(["gdpr_subject_id"], flush=False)
        for inverse in self.pool.field_inverses[self._fields["gdpr_subject_id"]]:
            self.env[inverse.model_name].invalidate_model([inverse.name], flush=False)
        self.modified(["gdpr_subject_id"])
        self._gdpr_settle()
        self._gdpr_block_objecting()

    @api.model
    def _gdpr_show_people(self, people):
        """Let the cards show what is on record of these people, where somebody watches.

        What depends on the people was marked as modified before.
        """
        self._gdpr_settle()
        if not people:
            return
        # This is what a rule has changed meanwhile.
        self.flush_model(SHOWN)
        condition = SQL("card.gdpr_subject_id = subject.id AND subject.id IN %s", tuple(people.ids))
        self._gdpr_update(SHOWN, SQL("gdpr_subject subject"), condition).modified(SHOWN)
        self._gdpr_settle()

    @api.model
    def _gdpr_update(self, shown, source, condition):
        """Write what the people have into the cards, where it differs; give the cards that changed."""
        update = self._gdpr_prepare_update(shown, source, condition)
        return self._gdpr_forget(shown, [row[0] for row in self.env.execute_query(update)])

    @api.model
    def _gdpr_prepare_update(self, shown, source, condition):
        """Give the statement that writes what the people have into the cards, and returns the ids that changed."""
        logged = LOGGED if self._log_access else ()
        # What waits to be written isn't to be forgotten afterwards.
        self.flush_model(logged)
        assignments = [
            SQL("%s = %s", SQL.identifier(name), SQL.identifier("subject", column)) for name, column in shown.items()
        ]
        if logged:
            assignments.append(SQL("write_uid = %s, write_date = %s", self.env.uid, self.env.cr.now()))
        return SQL(
            "UPDATE %s card SET %s FROM %s WHERE %s AND (%s) IS DISTINCT FROM (%s) RETURNING card.id",
            SQL.identifier(self._table),
            SQL(", ").join(assignments),
            source,
            condition,
            SQL(", ").join(SQL.identifier("card", name) for name in shown),
            SQL(", ").join(SQL.identifier("subject", column) for column in shown.values()),
        )

    @api.model
    def _gdpr_forget(self, shown, card_ids):
        """Forget what was known of cards that were written behind the ORM's back; give them."""
        cards = self.sudo().browse(card_ids)
        cards.invalidate_recordset([*shown, *(LOGGED if self._log_access else ())], flush=False)
        return cards

    @api.model
    def _gdpr_settle(self):
        """Compute what the cards show, where somebody watches it; elsewhere it is written already."""
        if self._gdpr_is_watched():
            self._recompute_model(SHOWN)
            return
        for name in SHOWN:
            field = self._fields[name]
            self.env.remove_to_compute(field, self.env.records_to_compute(field))

    @api.model
    def _gdpr_is_watched(self):
        """Tell whether Odoo's automation rules or the tracking of changes look at what the cards show.

        They see only what the ORM computes; a rule leaves the method it replaces in ``origin``.
        """
        return hasattr(type(self)._compute_field_value, "origin") or any(
            getattr(self._fields[name], "tracking", None) for name in SHOWN
        )

    def _gdpr_take_over(self, others):
        """Take over the history and the open requests of cards that are merged into this one.

        What was said to another company stays with it: each is its own controller.
        """
        self.ensure_one()
        company = self._gdpr_get_own_company()
        others = others.filtered(lambda card: not (company and card._gdpr_get_own_company() - company))
        requests = self.env["gdpr.consent.request"].sudo()
        requests.search([("res_model", "=", self._name), ("res_id", "in", others.ids)]).write({"res_id": self.id})
        for subject in others.gdpr_subject_id:
            if self.gdpr_subject_id:
                self.gdpr_subject_id._join(subject, self.env._("Two records of this person were merged."))
            else:
                self._gdpr_link_subject(subject)

    def _gdpr_check_group(self, group):
        if not self.env.su and not self.env.user.has_group(group):
            raise AccessError(
                self.env._(
                    "You need the role “%(group)s” for this. Ask your privacy officer.",
                    group=self.env.ref(group).sudo().display_name,
                )
            )

    # ------------------------------------------------------------
    # LEGAL BASIS
    # ------------------------------------------------------------

    def gdpr_set_legal_basis(self, basis, reason=None):
        """Set the legal basis of any number of cards; writing the field does the same.

        :param str basis: a key of ``gdpr_legal_basis``
        :param str reason: why; needed for legitimate interests (article 6(1)(f))
        :raise AccessError: the user is no privacy officer
        :raise ValidationError: unknown basis, or legitimate interests without a reason
        """
        self._gdpr_check_group("gdpr_consent.group_officer")
        self.check_access("write")
        self._gdpr_apply_basis(basis, reason)
        return True

    @api.model
    def _gdpr_check_basis(self, basis):
        if basis not in dict(self._fields["gdpr_legal_basis"].selection):
            raise ValidationError(self.env._("“%(basis)s” is not a legal basis.", basis=basis))

    def _gdpr_apply_basis(self, basis, reason=None, actor="operator"):
        self._gdpr_check_basis(basis)
        reason = (reason or "").strip()
        if basis == "legitimate_interests" and not reason:
            raise ValidationError(
                self.env._(
                    "Legitimate interests need a reason: say how you weighed your interests against the"
                    " person's (article 6(1)(f) GDPR)."
                )
            )
        # In batches, so that a hundred thousand don't fill the memory; in the order in which people are locked.
        for batch in split_every(BATCH, self._gdpr_sort_by_person(), self.browse):
            batch._gdpr_apply_basis_to_batch(basis, reason, actor)

    def _gdpr_apply_basis_to_batch(self, basis, reason, actor):
        changing = self._gdpr_filter_changing(basis, reason)
        if not changing:
            return
        subjects = changing._gdpr_ensure_subjects().root_id
        if basis != "consent":
            subjects._cancel_requests()
        self.env["gdpr.subject"]._record_acts(
            [
                {
                    "subject_id": subject_id,
                    "action": "basis_changed",
                    "legal_basis": basis,
                    "actor": actor,
                    "values": {"reason": reason},
                }
                for subject_id in subjects.ids
            ]
        )

    def _gdpr_sort_by_person(self):
        """Give the ids of the cards in the order in which their persons are locked; those without one last."""
        self.flush_model(["gdpr_subject_id"])
        rows = self.env.execute_query(
            SQL(
                "SELECT card.id FROM %s card LEFT JOIN gdpr_subject subject ON subject.id = card.gdpr_subject_id"
                " WHERE card.id IN %s ORDER BY subject.root_id, card.id",
                SQL.identifier(self._table),
                tuple(self.ids) or (0,),
            )
        )
        return [row[0] for row in rows]

    def _gdpr_read_bases(self):
        """Give, by id of the card, the id of its person and the legal basis on record."""
        self.env["gdpr.subject"].flush_model(["legal_basis"])
        rows = self.env.execute_query(
            SQL(
                "SELECT card.id, subject.id, COALESCE(subject.legal_basis, 'not_applicable')"
                " FROM %s card LEFT JOIN gdpr_subject subject ON subject.id = card.gdpr_subject_id"
                " WHERE card.id IN %s ORDER BY subject.root_id, card.id",
                SQL.identifier(self._table),
                tuple(self.ids) or (0,),
            )
        )
        return {card_id: basis for card_id, *basis in rows}

    # ------------------------------------------------------------
    # ARGUMENTS OF THE PUBLIC METHODS
    # ------------------------------------------------------------

    @api.model
    def _gdpr_browse(self, model, value):
        """Give the record meant by a record, an id or nothing."""
        return value if isinstance(value, models.BaseModel) else self.env[model].browse(value or None)

    @api.model
    def _gdpr_browse_by_code(self, model, value):
        """Give the records meant by records, ids or codes."""
        if isinstance(value, models.BaseModel):
            return value
        value = [value] if isinstance(value, (str, int)) else value or []
        if all(isinstance(item, str) for item in value):
            records = self.env[model]._get_by_codes(value)
            unknown = set(value) - set(records.mapped("code"))
            if unknown:
                raise ValidationError(self.env._("Unknown: %(codes)s.", codes=", ".join(sorted(unknown))))
            return records
        return self.env[model].browse(value)
