import hashlib
from collections import defaultdict

from lxml import etree

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL
from odoo.tools.mail import email_normalize, email_normalize_all, formataddr
from odoo.tools.sql import column_exists, create_column

from .gdpr_consent_event import SOURCES
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
PROJECTED_FIELDS = ("gdpr_consent_state", "gdpr_restricted", "gdpr_subject_id")
# Ways of giving consent that an operator can record; the others are the person's own.
RECORDABLE_SOURCES = ("phone", "meeting", "paper", "import", "api")


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
        inverse="_inverse_gdpr_legal_basis",
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
        inverse="_inverse_gdpr_legal_basis",
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
    )
    gdpr_restricted = fields.Boolean(
        "Processing Suspended",
        compute="_compute_gdpr_projection",
        store=True,
        copy=False,
        groups="gdpr_consent.group_user",
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
        "Note From the Person", compute="_compute_gdpr_consent_note", groups="gdpr_consent.group_user"
    )
    gdpr_consent_expires_on = fields.Datetime(
        "Valid Until", compute="_compute_gdpr_consents", groups="gdpr_consent.group_user"
    )
    gdpr_purpose_ids = fields.Many2many(
        "gdpr.purpose",
        string="Purposes Agreed To",
        compute="_compute_gdpr_consents",
        search="_search_gdpr_purpose_ids",
        groups="gdpr_consent.group_user",
    )
    gdpr_channel_ids = fields.Many2many(
        "gdpr.channel",
        string="Channels Allowed",
        compute="_compute_gdpr_consents",
        search="_search_gdpr_channel_ids",
        groups="gdpr_consent.group_user",
    )
    gdpr_event_ids = fields.One2many(
        "gdpr.consent.event",
        string="History",
        related="gdpr_subject_id.event_ids",
        groups="gdpr_consent.group_user",
    )
    gdpr_covered = fields.Boolean(compute="_compute_gdpr_covered", groups="gdpr_consent.group_user")
    gdpr_failure_reason = fields.Text(
        compute="_compute_gdpr_failure_reason", groups="gdpr_consent.group_user"
    )

    def _auto_init(self):
        # Instant on a table of any size, at the install and when a model becomes a card later.
        if not self._abstract:
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

    @api.depends("gdpr_subject_id.event_ids")
    def _compute_gdpr_legal_basis_reason(self):
        reasons = self._gdpr_read_last_values("reason", ["basis_changed"])
        for card in self:
            card.gdpr_legal_basis_reason = reasons.get(card.gdpr_subject_id.id, False)

    @api.depends("gdpr_subject_id.event_ids")
    def _compute_gdpr_consent_note(self):
        notes = self._gdpr_read_last_values("note", ["given", "refused", "withdrawn"])
        for card in self:
            card.gdpr_consent_note = notes.get(card.gdpr_subject_id.id, False)

    def _gdpr_read_last_values(self, name, actions):
        """Give a personal value of the last act of a kind, by id of the person."""
        subject_ids = self.sudo().gdpr_subject_id.ids
        if not subject_ids:
            return {}
        rows = self.env.execute_query(
            SQL(
                """
                SELECT last.subject_id, value.value
                  FROM (SELECT DISTINCT ON (subject_id) subject_id, act
                          FROM gdpr_consent_event
                         WHERE subject_id IN %(subjects)s AND action IN %(actions)s
                         ORDER BY subject_id, sequence DESC) last
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
        for card in self:
            given = card.gdpr_subject_id.consent_ids.filtered(lambda consent: consent.state == "given")
            card.gdpr_purpose_ids = given.purpose_id
            card.gdpr_channel_ids = given.channel_ids
            card.gdpr_consent_expires_on = min(filter(None, given.mapped("expires_on")), default=False)

    def _search_gdpr_purpose_ids(self, operator, value):
        return self._gdpr_search_consents("purpose_id", operator, value)

    def _search_gdpr_channel_ids(self, operator, value):
        return self._gdpr_search_consents("channel_ids", operator, value)

    def _gdpr_search_consents(self, field, operator, value):
        if operator not in ("in", "any", "ilike", "like", "=ilike", "=like"):
            return NotImplemented
        consents = self.env["gdpr.consent"]._search([("state", "=", "given"), (field, operator, value)])
        return [("gdpr_subject_id.consent_ids", "in", consents)]

    @api.depends_context("uid")
    def _compute_gdpr_covered(self):
        covered = self.env["gdpr.scope"]._filter_covered(self)
        for card in self:
            card.gdpr_covered = card in covered

    @api.depends("gdpr_subject_id.request_ids.state")
    def _compute_gdpr_failure_reason(self):
        """The reason why the last request didn't arrive, while nothing newer happened."""
        subjects = self.sudo().gdpr_subject_id
        latest = {}
        for request in self.env["gdpr.consent.request"].sudo().search([("subject_id", "in", subjects.ids)]):
            latest.setdefault(request.subject_id.id, request)
        for card in self:
            request = latest.get(card.gdpr_subject_id.id)
            card.gdpr_failure_reason = request.failure_reason if request and request.state == "failed" else False

    def _inverse_gdpr_legal_basis(self):
        by_values = defaultdict(self.browse)
        for card in self:
            by_values[card.gdpr_legal_basis, card.gdpr_legal_basis_reason] += card
        for (basis, reason), cards in by_values.items():
            cards.gdpr_set_legal_basis(basis or "not_applicable", reason)

    # ------------------------------------------------------------
    # CRUD AND VIEWS
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Give new records the default basis, through the one door."""
        self._gdpr_refuse_projected(set().union(*vals_list))
        forged = [key for key in self.env.context if key.startswith("default_gdpr_")]
        if forged:
            self = self.with_context({k: v for k, v in self.env.context.items() if k not in forged})
        bases = []
        for vals in vals_list:
            default = self._gdpr_get_default_basis(vals)
            basis = vals.pop("gdpr_legal_basis", None) or default[0]
            reason = vals.pop("gdpr_legal_basis_reason", None)
            if basis == default[0]:
                bases.append((basis, reason or default[1], True))
            else:
                bases.append((basis, reason, False))
            vals["gdpr_legal_basis"] = "not_applicable"
        cards = super().create(vals_list)
        by_basis = defaultdict(self.browse)
        for card, basis in zip(cards, bases):
            if basis[0] != "not_applicable":
                by_basis[basis] += card
        for (basis, reason, is_default), chosen in by_basis.items():
            if not is_default:
                chosen._gdpr_check_group("gdpr_consent.group_officer")
            chosen._gdpr_apply_basis(basis, reason, actor="system" if is_default else "operator")
        return cards

    def write(self, vals):
        self._gdpr_refuse_projected(vals)
        return super().write(vals)

    def _gdpr_refuse_projected(self, names):
        if not set(PROJECTED_FIELDS).isdisjoint(names):
            raise AccessError(
                self.env._(
                    "Consent isn't set by hand: it follows from what the person answered. Send the consent"
                    " form, or record a consent given on the phone, in a meeting or on paper."
                )
            )

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
        return ("company_id" in self._fields and self.sudo().company_id) or self.env.company

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
        address = self[self._gdpr_email_field] or ""
        return len(email_normalize_all(address)) == 1 and email_normalize(address)

    def _gdpr_get_email_formatted(self):
        self.ensure_one()
        return formataddr((self._gdpr_get_name() or "", self._gdpr_get_email() or ""))

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
        without = self.sudo().filtered(lambda card: not card.gdpr_subject_id)
        if without:
            without._gdpr_adopt_subjects()
            without = without.filtered(lambda card: not card.gdpr_subject_id)
        if without:
            subjects = self.env["gdpr.subject"].sudo().create(
                [{"company_id": card._gdpr_get_company().id} for card in without]
            )
            for card, subject in zip(without, subjects):
                card._gdpr_link_subject(subject)
        return self.sudo().gdpr_subject_id

    def _gdpr_adopt_subjects(self):
        """Take over the person of a card that stands for the same person. Nothing, by default."""

    def _gdpr_link_subject(self, subject):
        # Past the refusal in write(): this is the one place that sets it.
        super().write({"gdpr_subject_id": subject.id})

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

    def _gdpr_apply_basis(self, basis, reason=None, actor="operator"):
        if basis not in dict(self._fields["gdpr_legal_basis"].selection):
            raise ValidationError(self.env._("“%(basis)s” is not a legal basis.", basis=basis))
        reason = (reason or "").strip()
        if basis == "legitimate_interests" and not reason:
            raise ValidationError(
                self.env._(
                    "Legitimate interests need a reason: say how you weighed your interests against the"
                    " person's (article 6(1)(f) GDPR)."
                )
            )
        changing = self.sudo().filtered(
            lambda card: (card.gdpr_subject_id.legal_basis or "not_applicable") != basis
            or (reason and card._gdpr_read_last_values("reason", ["basis_changed"]).get(card.gdpr_subject_id.id) != reason)
        )
        if not changing:
            return
        subjects = changing._gdpr_ensure_subjects()
        if basis != "consent":
            subjects.request_ids._cancel()
        self.env["gdpr.subject"]._record_acts(
            [
                {
                    "subject_id": subject.id,
                    "action": "basis_changed",
                    "legal_basis": basis,
                    "actor": actor,
                    "values": {"reason": reason},
                }
                for subject in subjects
            ]
        )

    # ------------------------------------------------------------
    # ASKING
    # ------------------------------------------------------------

    def action_gdpr_send_consent_request(self):
        """Open Odoo's composer with the consent request of this card.

        :raise UserError: the person can't be asked; the message says why
        """
        self.ensure_one()
        self._gdpr_check_group("gdpr_consent.group_user")
        self._gdpr_raise_refusal()
        template = self._gdpr_get_default_template()
        form = self.env["gdpr.consent.form"]._get_default(self._gdpr_get_company())
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send consent form"),
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_model": self._name,
                "default_res_ids": self.ids,
                "default_composition_mode": "comment",
                "default_template_id": template.id,
                "default_gdpr_consent_form_id": form.id,
                "default_email_layout_xmlid": False,
                "default_composition_comment_option": "reply_all",
                "dialog_size": "large",
            },
        }

    def gdpr_request_consent(self, form=None, template=None):
        """Ask for consent without a screen.

        :param form: ``gdpr.consent.form`` or its id, default the company's
        :param template: ``mail.template`` or its id, default the one for the model
        :return: the requests, in the order of the cards
        :rtype: gdpr.consent.request
        :raise UserError: somebody can't be asked; nobody is then
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        self._gdpr_raise_refusal()
        template = self._gdpr_browse("mail.template", template) or self._gdpr_get_default_template()
        if not template._asks_for_consent():
            raise UserError(
                self.env._("The template “%(template)s” has no consent link in its text.", template=template.name)
            )
        if template.model != self._name:
            raise UserError(
                self.env._("The template “%(template)s” is made for other records.", template=template.name)
            )
        form = self._gdpr_browse("gdpr.consent.form", form)
        self._gdpr_check_form(form)
        options = {"form_id": form.id, "template_id": template.id}
        mails = template.with_context(gdpr_request_options=options).send_mail_batch(
            self.ids, email_values={"auto_delete": False, "recipient_ids": [], "email_cc": False}
        )
        requests = mails.gdpr_request_id
        for mail in mails:
            mail.email_to = mail.gdpr_request_id.email
            mail.partner_ids = False
        if len(mails) == 1:
            mails.send_after_commit()
        return requests.sudo(False)

    def _gdpr_send_request(self, form, template, mail_values):
        """Send one request whose text is ready."""
        self.ensure_one()
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        self._gdpr_raise_refusal()
        self._gdpr_check_form(form)
        options = {"form_id": form.id, "template_id": template.id}
        mail = (
            self.env["mail.mail"]
            .sudo()
            .with_context(gdpr_request_options=options)
            .create(
                {
                    **mail_values,
                    "body": mail_values["body_html"],
                    "model": self._name,
                    "res_id": self.id,
                    "email_to": self._gdpr_get_email_formatted(),
                    "message_type": "email_outgoing",
                    "is_notification": True,
                    "auto_delete": False,
                }
            )
        )
        mail.send_after_commit()
        return mail.gdpr_request_id

    @api.model
    def _gdpr_browse(self, model, value):
        """Give the record meant by a record, an id or nothing."""
        return value if isinstance(value, models.BaseModel) else self.env[model].browse(value or None)

    @api.model
    def _gdpr_check_form(self, form):
        if form and not form.sudo().version_number:
            raise UserError(
                self.env._("The form “%(form)s” isn't published yet. Publish it first.", form=form.name)
            )

    @api.model
    def _gdpr_get_default_template(self):
        """Give the template for the model.

        :raise UserError: it was deleted and there is no other with the link
        """
        suffix = {"res.partner": "partner", "crm.lead": "lead"}.get(self._name)
        template = self.env.ref(f"gdpr_consent.mail_template_consent_request_{suffix}", raise_if_not_found=False)
        template = template or self.env["mail.template"].search([("model", "=", self._name)]).filtered(
            lambda template: template._asks_for_consent()
        )[:1]
        if not template:
            raise UserError(
                self.env._("There is no e-mail template with a consent link for these records. Create one first.")
            )
        return template

    def _gdpr_get_refusals(self):
        """Give, for those who can't be asked, why.

        :rtype: dict[int, str]
        """
        refusals = {}
        for card in self.sudo():
            company = card._gdpr_get_company()
            address = card[card._gdpr_email_field] or ""
            if card.gdpr_legal_basis != "consent":
                refusals[card.id] = self.env._(
                    "The legal basis of %(name)s isn't Consent, so there is nothing to ask.", name=card._gdpr_get_name()
                )
            elif card.gdpr_restricted:
                refusals[card.id] = self.env._(
                    "%(name)s asked you to suspend the processing.", name=card._gdpr_get_name()
                )
            elif not address.strip():
                refusals[card.id] = self.env._("%(name)s has no e-mail address.", name=card._gdpr_get_name())
            elif len(email_normalize_all(address)) > 1:
                refusals[card.id] = self.env._(
                    "%(name)s has several e-mail addresses (%(address)s). Keep the one that is the person's own.",
                    name=card._gdpr_get_name(),
                    address=address,
                )
            elif not card._gdpr_get_email():
                refusals[card.id] = self.env._(
                    "The e-mail address of %(name)s, “%(address)s”, isn't valid.",
                    name=card._gdpr_get_name(),
                    address=address,
                )
            elif not self.env["gdpr.consent.form"]._get_default(company):
                refusals[card.id] = self.env._("%(company)s has no published consent form.", company=company.name)
        return refusals

    def _gdpr_raise_refusal(self):
        refusals = self._gdpr_get_refusals()
        if refusals:
            raise UserError("\n".join(list(refusals.values())[:10]))

    # ------------------------------------------------------------
    # RECORDING BY HAND
    # ------------------------------------------------------------

    def action_gdpr_record_consent(self):
        """Open the wizard for a consent given on the phone, in a meeting or on paper."""
        self._gdpr_check_group("gdpr_consent.group_user")
        return self._gdpr_open_wizard("gdpr.consent.entry", self.env._("Record consent"))

    def action_gdpr_withdraw_consent(self):
        """Open the wizard for a consent that the person takes back."""
        self._gdpr_check_group("gdpr_consent.group_user")
        return self._gdpr_open_wizard("gdpr.consent.withdrawal", self.env._("Record withdrawal"))

    def _gdpr_open_wizard(self, model, name):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_res_model": self._name, "default_res_ids": self.ids},
        }

    def gdpr_record_consent(
        self, purposes, channels, source, note=None, evidence=None, given_on=None, form=None
    ):
        """Record a consent that the person gave outside Odoo (law.md R-19).

        :param purposes: ``gdpr.purpose`` records, their ids or their codes
        :param channels: ``gdpr.channel`` records, their ids or their codes
        :param str source: phone, meeting, paper, import or api
        :param str note: the person's own words
        :param evidence: what proves it: a text, an ``ir.attachment`` or its id, or a list of these
        :param given_on: when (UTC), default now
        :param form: ``gdpr.consent.form`` or its id: the wording that was read out, default the first published
            one that asks for the purposes
        :raise ValidationError: no purpose, no evidence, a date in the future, a source that is the person's own
        :raise UserError: the basis isn't consent, or the purposes aren't on a published form
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        purposes = self._gdpr_browse_by_code("gdpr.purpose", purposes)
        channels = self._gdpr_browse_by_code("gdpr.channel", channels)
        given_on = fields.Datetime.to_datetime(given_on) or fields.Datetime.now()
        values, attachment = self._gdpr_prepare_evidence(evidence)
        self._gdpr_check_entry(purposes, source, values, given_on)
        values["note"] = note or ""
        for card in self:
            subject = card._gdpr_ensure_subjects()
            version = card._gdpr_get_read_out_version(purposes, form)
            choices = {
                purpose.id: (purpose.channel_ids & channels).mapped("code") for purpose in purposes
            }
            subject._record_answer(
                version,
                choices,
                offered=purposes,
                source=source,
                occurred_on=given_on,
                values=values,
                attachment=attachment,
            )
            subject.request_ids._close_answered()
        return True

    def _gdpr_check_entry(self, purposes, source, values, given_on):
        if not purposes:
            raise ValidationError(self.env._("Choose at least one purpose the person agreed to."))
        if source not in RECORDABLE_SOURCES:
            raise ValidationError(
                self.env._("Only the person can give consent by the form. Choose phone, meeting or paper.")
            )
        if not values:
            raise ValidationError(
                self.env._(
                    "A consent needs evidence: say what proves it (who heard it, which call, which minutes), or"
                    " add the signed paper."
                )
            )
        if source == "paper" and "evidence_file" not in values:
            raise ValidationError(self.env._("Add the scan of the signed paper."))
        if given_on > fields.Datetime.now():
            raise ValidationError(self.env._("The consent can't have been given in the future."))
        for card in self:
            if card.sudo().gdpr_legal_basis != "consent":
                raise UserError(
                    self.env._(
                        "The legal basis of %(name)s isn't Consent. A privacy officer can change it.",
                        name=card._gdpr_get_name(),
                    )
                )

    @api.model
    def _gdpr_prepare_evidence(self, evidence):
        """Give the personal values and the attachment that stand for the evidence."""
        values, attachment = {}, None
        for item in evidence if isinstance(evidence, (list, tuple)) else [evidence]:
            if isinstance(item, str):
                values |= {"evidence": item.strip()} if item.strip() else {}
            elif item:
                attachment = self._gdpr_browse("ir.attachment", item).ensure_one()
                attachment.check_access("read")
                # The file itself is hashed into the chain, not only its name.
                digest = hashlib.sha256(attachment.raw or b"").hexdigest()
                values["evidence_file"] = f"{attachment.name} (SHA-256 {digest})"
        return values, attachment

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

    def _gdpr_get_read_out_version(self, purposes, form=None):
        """Give the frozen wording that was read out to the person.

        :raise UserError: no published form asks for these purposes
        """
        self.ensure_one()
        company = self._gdpr_get_company()
        forms = self._gdpr_browse("gdpr.consent.form", form).sudo() or self.env[
            "gdpr.consent.form"
        ].sudo().search([("company_id", "in", [False, company.id]), ("version_number", ">", 0)])
        for candidate in forms:
            version = candidate._get_version(self._gdpr_get_lang())
            if purposes <= version._get_purposes():
                return version
        raise UserError(
            self.env._(
                "No published consent form asks for %(purposes)s. Publish one first: the wording is part of the proof.",
                purposes=", ".join(purposes.mapped("name")),
            )
        )

    def gdpr_withdraw_consent(self, purposes=None, source="phone", note=None):
        """Record that the person takes consent back.

        :param purposes: ``gdpr.purpose`` records, ids or codes; default all
        :param str source: how the person said so
        :param str note: the person's own words
        """
        self._gdpr_check_group("gdpr_consent.group_user")
        self.check_access("read")
        if source not in dict(SOURCES):
            raise ValidationError(self.env._("“%(source)s” is not a way to collect an answer.", source=source))
        if purposes is not None:
            purposes = self._gdpr_browse_by_code("gdpr.purpose", purposes)
        for subject in self._gdpr_ensure_subjects():
            subject._record_withdrawal(purposes, source=source, values={"note": note or ""})
        return True

    # ------------------------------------------------------------
    # THE ONE DOOR OUT
    # ------------------------------------------------------------

    def gdpr_may_contact(self, purpose, channel):
        """Tell whether the persons may be contacted for a purpose, through a channel, now.

        :param purpose: ``gdpr.purpose``, its id or its code
        :param channel: ``gdpr.channel``, its id or its code
        :return: by id of the card, ``allowed`` (bool), ``reason`` (code), ``explanation`` (text)
        :rtype: dict[int, dict]
        """
        self.check_access("read")
        purpose = self._gdpr_browse_by_code("gdpr.purpose", purpose).sudo()
        channel = self._gdpr_browse_by_code("gdpr.channel", channel).sudo()
        purpose.ensure_one()
        channel.ensure_one()
        subjects = self.sudo().gdpr_subject_id
        reasons = subjects._get_contact_reasons(purpose, channel)
        explanations = subjects._get_contact_explanations()
        verdicts = {}
        for card in self:
            reason = reasons.get(card.sudo().gdpr_subject_id.id, "no_consent")
            verdicts[card.id] = {
                "allowed": reason == "allowed",
                "reason": reason,
                "explanation": explanations[reason],
            }
        return verdicts

    def _gdpr_describe_answer(self, lang):
        """Give the sentence that tells an operator what the person decided."""
        self.ensure_one()
        card = self.sudo().with_context(lang=lang)
        state = dict(card._fields["gdpr_consent_state"]._description_selection(card.env))[card.gdpr_consent_state]
        details = ", ".join([*card.gdpr_purpose_ids.mapped("name"), *card.gdpr_channel_ids.mapped("name")])
        if details:
            return card.env._(
                "%(name)s answered the consent request. Consent: %(state)s (%(details)s).",
                name=card._gdpr_get_name(), state=state, details=details,
            )
        return card.env._(
            "%(name)s answered the consent request. Consent: %(state)s.", name=card._gdpr_get_name(), state=state
        )
