from ast import literal_eval
from itertools import chain, count

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from ..tools.server_context import RequestOptions

# What decides who is asked.
CHOOSING_FIELDS = ("model", "domain", "form_id", "template_id", "company_id", "user_id")
# Stays what it is once the campaign was started.
FIXED_FIELDS = ("model", "domain", "form_id", "template_id", "company_id", "scheduled_on")
# Set by the campaign itself.
OWN_FIELDS = ("state", "last_queued_id", "queued_on", "checked_on", "to_ask_count", "failure_reason")


def get_unused_name(name, used):
    """Give a name that isn't among those used: as it is, else with the next number."""
    numbered = chain([name], (f"{name} ({number})" for number in count(2)))
    return next(one for one in numbered if one not in used)


class GdprConsentCampaign(models.Model):
    """Asking many for consent. States, and who sets them:

    * draft: set when it is made; nobody has been asked yet;
    * scheduled: set when it is started for a later time; the job starts it then;
    * running: set when it is started, or goes on after a pause: people are queued, and the queue is sent;
    * paused: set by a user, or by the job when it can't go on: what is queued waits;
    * done: set by the job when nobody is left to be asked;
    * cancelled: set by a user: what is queued won't be sent.
    """

    _name = "gdpr.consent.campaign"
    _description = "Consent Campaign"
    _order = "id DESC"

    name = fields.Char(
        required=True,
        default=lambda self: self._get_default_name(),
        help="For you and your colleagues; the people asked don't see it.",
    )
    model = fields.Selection(
        "_selection_model", "Ask", required=True, default="res.partner", help="The kind of records to choose from."
    )
    domain = fields.Char(
        "Whom",
        required=True,
        default="[]",
        help="The records that are asked. The filter is looked at again when the campaign starts.",
    )
    form_id = fields.Many2one(
        "gdpr.consent.form",
        string="Consent Form",
        ondelete="restrict",
        help="What people are asked. Empty: the first published form of the company.",
    )
    template_id = fields.Many2one(
        "mail.template",
        string="E-mail Template",
        ondelete="restrict",
        help="The message with the personal link. Empty: the one for this kind of records.",
    )
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        required=True,
        default=lambda self: self.env.user,
        help="Only records that this user may see are asked.",
    )
    scheduled_on = fields.Datetime("Start At", copy=False, help="Empty: as soon as you start the campaign.")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("scheduled", "Scheduled"),
            ("running", "Running"),
            ("paused", "Paused"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="draft",
        copy=False,
        index=True,
        help="A draft sends nothing. A running campaign sends in the background, also after a restart; a paused "
        "one goes on where it stopped.",
    )
    last_queued_id = fields.Integer(readonly=True, copy=False, help="The records up to this one are dealt with.")
    queued_on = fields.Datetime(
        "All Queued On", readonly=True, copy=False, help="When the last of the records was dealt with."
    )
    failure_reason = fields.Text(
        "Why It Stopped", readonly=True, copy=False, help="What has to be put right before the campaign can go on."
    )
    checked_on = fields.Datetime(readonly=True, copy=False, help="When it was last found out who will be asked.")
    to_ask_count = fields.Integer(
        "Will Be Asked", readonly=True, copy=False, help="Persons who would be asked if the campaign began now."
    )
    request_ids = fields.One2many("gdpr.consent.request", "campaign_id", readonly=True)
    exclusion_count_ids = fields.One2many(
        "gdpr.consent.campaign.exclusion.count",
        "campaign_id",
        string="Left Out",
        readonly=True,
        help="Why records that match aren't asked, and how many each reason keeps out.",
    )

    @api.model
    def _get_default_name(self):
        today = format_date(self.env, fields.Date.context_today(self))
        name = self.env._("Consent campaign of %(date)s", date=today)
        others = self.sudo().search_fetch([("name", "=like", f"{name}%")], ["name"])
        return get_unused_name(name, set(others.mapped("name")))

    @api.model
    def _selection_model(self):
        models_of_cards = self.env["gdpr.subject.mixin"]._get_card_models()
        return [(model, self.env["ir.model"]._get(model).name) for model in sorted(models_of_cards, reverse=True)]

    @api.constrains("model", "domain")
    def _check_domain(self):
        for campaign in self:
            campaign._get_domain()

    @api.constrains("company_id", "user_id")
    def _check_user(self):
        for campaign in self:
            if campaign.company_id not in campaign.user_id.sudo().company_ids:
                raise ValidationError(
                    self.env._(
                        "%(user)s doesn't work for %(company)s, so can't ask anybody in its name.",
                        user=campaign.user_id.name,
                        company=campaign.company_id.name,
                    )
                )

    @api.constrains("form_id", "company_id")
    def _check_form(self):
        for campaign in self.filtered("form_id"):
            form = campaign.form_id.sudo()
            if not form.active:
                raise ValidationError(self.env._("The form “%(form)s” is archived.", form=form.name))
            if form.company_id != campaign.company_id:
                raise ValidationError(self.env._("The form “%(form)s” is one of another company.", form=form.name))
            if not form.version_number:
                raise ValidationError(
                    self.env._("The form “%(form)s” isn't published yet. Publish it first.", form=form.name)
                )

    @api.constrains("template_id", "model")
    def _check_template(self):
        for campaign in self.filtered("template_id"):
            template = campaign.template_id.sudo()
            if template.model != campaign.model:
                raise ValidationError(
                    self.env._("The template “%(template)s” is made for other records.", template=template.name)
                )
            if not template.active:
                raise ValidationError(self.env._("The template “%(template)s” is archived.", template=template.name))
            template._check_consent_link()

    @api.model
    def _check_still_fits(self, domain):
        """Check that what campaigns ask with just now can be used, after somebody changed it.

        :param domain: of the campaigns
        :raise ValidationError: with the campaign that needs it otherwise
        """
        for campaign in self.sudo().search(Domain("state", "in", ("scheduled", "running")) & Domain(domain)):
            try:
                campaign._check_form()
                campaign._check_template()
            except ValidationError as error:
                raise ValidationError(
                    self.env._(
                        "%(problem)s\nThe campaign “%(campaign)s” asks with it now: pause or cancel it first.",
                        problem=error,
                        campaign=campaign.name,
                    )
                ) from error

    @api.onchange("model", "company_id")
    def _onchange_model(self):
        """What was chosen for other records doesn't fit."""
        if self.template_id.model != self.model:
            self.template_id = False
        if self.form_id.company_id != self.company_id:
            self.form_id = False
        try:
            self._get_domain()
        except ValidationError:
            self.domain = "[]"

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        if "name" in (default or {}):
            return vals_list
        names = [self.env._("%(campaign)s (copy)", campaign=campaign.name) for campaign in self]
        return [vals | {"name": name} for vals, name in zip(vals_list, names, strict=True)]

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_values(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_values(vals)
        if not set(FIXED_FIELDS).isdisjoint(vals) and any(campaign.state != "draft" for campaign in self):
            raise UserError(
                self.env._(
                    "Whom a campaign asks, when, and with which words can't be changed once it was started. Make"
                    " another one: who was asked already isn't asked twice."
                )
            )
        if not set(CHOOSING_FIELDS).isdisjoint(vals):
            # What was found out before may be otherwise now.
            self.filtered(lambda campaign: campaign.state == "draft")._forget_check()
        return super().write(vals)

    @api.model
    def _check_values(self, vals):
        if not self.env.su and not set(OWN_FIELDS).isdisjoint(vals):
            raise AccessError(self.env._("The state of a campaign isn't set by hand. Start, pause or cancel it."))
        if vals.get("user_id", self.env.uid) != self.env.uid:
            # Nobody reaches more people through a campaign than they may see.
            self.env["gdpr.subject.mixin"]._gdpr_check_group("gdpr_consent.group_officer")
        if "model" in vals and vals["model"] not in self.env["gdpr.subject.mixin"]._get_card_models():
            raise ValidationError(self.env._("%(model)s has no data privacy fields.", model=vals["model"]))

    @api.ondelete(at_uninstall=False)
    def _unlink_except_asking(self):
        if self.sudo().request_ids:
            raise UserError(
                self.env._(
                    "A campaign that has asked people can't be deleted: it tells who was asked. Cancel it instead."
                )
            )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_start(self):
        """Start asking, go on after a pause, or ask those of a finished campaign who weren't asked yet.

        With a time to start that is still to come, the campaign is scheduled.

        :raise UserError: something is missing or wrong, or the time has passed; the message says what
        """
        for campaign in self._lock_for_action():
            if campaign.state not in ("draft", "scheduled", "paused", "done"):
                raise UserError(campaign._describe_state())
            campaign._check_startable()
            if campaign.state == "draft":
                campaign._check_start_time()
                # The words stay what they are, whatever the defaults will be.
                campaign.sudo().write({"form_id": campaign._get_form().id, "template_id": campaign._get_template().id})
            if campaign.state == "draft" and campaign.scheduled_on:
                campaign.sudo().state = "scheduled"
                campaign._trigger_queueing(campaign.scheduled_on)
            else:
                campaign._run()
        return True

    def action_pause(self):
        """Stop asking until the campaign is started again. One that is only scheduled is a draft again."""
        for campaign in self._lock_for_action():
            if campaign.state == "scheduled":
                campaign.sudo().state = "draft"
            elif campaign.state == "running":
                campaign.sudo().state = "paused"
            else:
                raise UserError(campaign._describe_state())
        return True

    def action_cancel(self):
        """Stop for good: who is queued isn't asked any more."""
        for campaign in self._lock_for_action():
            if campaign.state == "cancelled":
                continue
            if campaign.state == "done":
                raise UserError(campaign._describe_state())
            campaign.sudo().state = "cancelled"
            campaign._cancel_queued()
        return True

    def _lock_for_action(self):
        """Wait for the job, and for whoever has just clicked too.

        Odoo tries again what then meets changed rows.
        """
        self.check_access("write")
        self.env["gdpr.subject.mixin"]._gdpr_check_group("gdpr_consent.group_user")
        self.flush_recordset()
        self.env.execute_query(
            SQL("SELECT id FROM gdpr_consent_campaign WHERE id IN %s ORDER BY id FOR UPDATE", tuple(self.ids) or (0,))
        )
        self.invalidate_recordset()
        return self

    def _describe_state(self):
        self.ensure_one()
        states = dict(self._fields["state"]._description_selection(self.env))
        return self.env._(
            "The campaign “%(campaign)s” can't do that now: meanwhile it is in the state “%(state)s”. Reload the page"
            " to see what can be done.",
            campaign=self.name,
            state=states[self.state],
        )

    def _run(self):
        campaign = self.sudo()
        if campaign.state != "paused":
            campaign.write({"last_queued_id": 0, "queued_on": False})
            campaign._forget_check()
        campaign.write({"state": "running", "failure_reason": False})
        self._trigger_queueing()
        self.env["gdpr.consent.request"]._trigger_senders()

    @api.model
    def _trigger_queueing(self, at=None):
        self.env.ref("gdpr_consent.ir_cron_campaign").sudo()._trigger(at)

    # ------------------------------------------------------------
    # WHAT IS CHOSEN
    # ------------------------------------------------------------

    def _check_startable(self):
        """Check that nothing is missing or wrong.

        :raise UserError: with what, in words
        """
        self.ensure_one()
        user = self.user_id.sudo()
        is_at_work = user.active or user.id == SUPERUSER_ID
        if not is_at_work or not user.has_group("gdpr_consent.group_user"):
            raise UserError(
                self.env._("%(user)s has no right to ask people for consent: choose somebody else.", user=user.name)
            )
        if self.model not in self.env["gdpr.scope"]._get_covered_models():
            raise UserError(
                self.env._("Data privacy isn't switched on for these records, so nobody of them can be asked.")
            )
        self._check_user()
        self._check_form()
        self._check_template()
        self._get_domain()
        self._get_template()
        if not self._get_form():
            raise UserError(
                self.env._("%(company)s has no published consent form.", company=self.company_id.sudo().name)
            )
        self._get_records().check_access("read")

    def _check_start_time(self):
        self.ensure_one()
        if self.scheduled_on and self.scheduled_on <= fields.Datetime.now():
            raise UserError(
                self.env._(
                    "The time to start, %(date)s, has passed. Choose a later one, or empty it to start now.",
                    date=self._format_moment(self.scheduled_on),
                )
            )

    def _get_domain(self):
        """Give whom the user chose.

        :rtype: Domain
        :raise ValidationError: it can't be read, or doesn't fit the records
        """
        self.ensure_one()
        try:
            domain = Domain(literal_eval(self.domain or "[]"))
            domain.validate(self.env[self.model].sudo())
        except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
            raise ValidationError(self.env._("“%(domain)s” is not a valid filter.", domain=self.domain)) from error
        return domain

    def _get_form(self):
        """Give the form to ask with, the default where none is named; empty when there is none."""
        self.ensure_one()
        return self.form_id.sudo() or self.env["gdpr.consent.form"]._get_default(self.company_id)

    def _get_template(self):
        """Give the template to ask with, the default where none is named.

        :raise UserError: there is none
        """
        self.ensure_one()
        return (self.template_id or self.env[self.model]._gdpr_get_default_template()).sudo()

    def _get_records(self):
        """Give the model of the records, with the rights of the user who is responsible, in the campaign's company."""
        self.ensure_one()
        user = self.user_id.sudo()
        records = self.env(user=user.id, su=False, context={})[self.model]
        return records.with_context(
            lang=user.lang or "en_US",
            tz=user.tz,
            allowed_company_ids=self.company_id.ids,
            gdpr_request_options=RequestOptions({"form_id": self._get_form().id}),
        )
