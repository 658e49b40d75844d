from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools.mail import email_normalize
from odoo.tools.misc import DATE_LENGTH

REQUEST_TYPES = [
    ("access", "Access"),
    ("rectification", "Rectification"),
    ("portability", "Export"),
    ("restriction", "Stop the processing"),
    ("objection", "Objection"),
    ("erasure", "Erasure"),
]
# Article 99(2).
GDPR_APPLIES_SINCE = datetime(2018, 5, 24)
OPEN_STATES = ("new", "verifying", "in_progress")
# Changed by what is done, not by hand: who decides what, and how it was made sure who asks, must stay true.
CHANGED_BY_ACTS = frozenset(
    {
        "name",
        "state",
        "done_on",
        "due_on",
        "target_on",
        "answer_id",
        "assurance",
        "identity_method",
        "identity_email",
        "extended_on",
        "extension_reason",
        "extension_note",
        "refusal_ground",
        "refusal_explanation",
        "refusal_evidence",
        "refusal_proposed_by_id",
        "reminders",
        "reduced_on",
        "erasure_state",
        "erasure_note",
        "planned_on",
        "planned_by_id",
        "approved_on",
        "approved_by_id",
        "erase_on",
        "erased_on",
        "erasure_journal_id",
        "erasure_mail_id",
    }
)
# Said once, when the request is taken in.
AS_RECEIVED = frozenset({"subject_id", "company_id", "source", "applicant_name"})
# Can be put right until somebody begins to work on it.
CHANGED_WHILE_NEW = frozenset({"type", "received_on", "note"})
# What the closed case shows is what it was.
CHANGED_WHILE_OPEN = frozenset(
    {
        "email",
        "lang",
        "user_id",
        "resolution",
        "is_on_behalf",
        "representative_name",
        "mandate_file",
        "mandate_file_name",
        "objection_outcome",
        "compelling_grounds",
    }
)


class GdprSubjectRequest(models.Model):
    """What a person asks of the company under articles 15 to 22, with a clock. States, and who sets them:

    * new: received and acknowledged; what came by e-mail has no type until an officer has read it;
    * verifying: an officer doubts who asks;
    * in_progress: an officer has started;
    * done: an officer has answered;
    * refused: an officer has told the person why nothing is done;
    * cancelled: the person doesn't want it any more.
    """

    _name = "gdpr.subject.request"
    _description = "Data-Subject Request"
    _inherit = ["mail.thread", "mail.activity.mixin", "gdpr.authority.mixin"]
    _order = "received_on DESC, id DESC"
    _primary_email = "email"

    name = fields.Char(
        "Number", required=True, readonly=True, copy=False, default="/", help="The number the person was told."
    )
    subject_id = fields.Many2one(
        "gdpr.subject",
        string="Person",
        index=True,
        ondelete="restrict",
        help="Whose data it is about. Empty as long as nobody knows who asks.",
    )
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    type = fields.Selection(
        REQUEST_TYPES,
        tracking=True,
        help="What is asked decides what you can do here, and what the person gets.",
    )
    type_in_words = fields.Char(compute="_compute_type_in_words")
    state = fields.Selection(
        [
            ("new", "New"),
            ("verifying", "Verifying"),
            ("in_progress", "In Progress"),
            ("done", "Done"),
            ("refused", "Refused"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="new",
        index=True,
        tracking=True,
        copy=False,
        group_expand="_expand_states",
        help="Where the case stands. It is closed when it was answered, refused or withdrawn; the clock runs until"
        " then.",
    )
    received_on = fields.Datetime(
        required=True,
        default=fields.Datetime.now,
        tracking=True,
        help="When the request reached the company, in whatever way. The time to answer runs from here.",
    )
    done_on = fields.Datetime(
        "Closed On", readonly=True, copy=False, help="When the person got the answer, and the clock stopped."
    )
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        compute="_compute_user_id",
        store=True,
        readonly=False,
        tracking=True,
        domain=lambda self: [
            ("share", "=", False),
            ("all_group_ids", "in", self.env.ref("gdpr_consent.group_officer").ids),
        ],
        help="Gets the reminders before the day to answer by.",
    )
    source = fields.Selection(
        [
            ("email", "E-mail link"),
            ("portal", "Portal"),
            ("website", "Web page"),
            ("mail", "E-mail"),
            ("operator", "Typed in"),
            ("automation", "Automation rule"),
        ],
        required=True,
        default="operator",
        copy=False,
        help="How the request came in.",
    )
    note = fields.Text(
        "What the Person Wrote",
        help="In the person's own words. Fixed once the work has begun.",
    )
    email = fields.Char(
        "Answer To",
        compute="_compute_email",
        store=True,
        readonly=False,
        help="The acknowledgement, the answer and everything else about this case go there.",
    )
    lang = fields.Char("Language", compute="_compute_email", store=True, readonly=False)
    resolution = fields.Text(copy=False, help="What was done, in words that can be shown to the person.")
    step_ids = fields.One2many(
        "gdpr.subject.request.step",
        "request_id",
        string="Log",
        readonly=True,
        help="Every step with its time and who took it. It can't be changed.",
    )

    @api.model
    def _expand_states(self, states, domain):
        return list(OPEN_STATES) + [state for state in states if state not in OPEN_STATES]

    @api.model
    def _localise_receipt(self, vals, company=None):
        """Give values in which a day of receipt without a time begins where the company is, not in Greenwich."""
        received_on = vals.get("received_on")
        is_day = isinstance(received_on, str) and len(received_on) == DATE_LENGTH
        if not is_day and (not isinstance(received_on, date) or isinstance(received_on, datetime)):
            return vals
        company = company or self.env["res.company"].browse(vals.get("company_id") or self.env.company.id)
        midnight = datetime.combine(fields.Date.to_date(received_on), time.min, ZoneInfo(company._gdpr_get_timezone()))
        return {**vals, "received_on": midnight.astimezone(UTC).replace(tzinfo=None)}

    @api.model
    def _check_said_what(self, vals_list):
        """Refuse what staff take in without saying what is asked; only what came by e-mail waits to be read.

        :raise ValidationError: so
        """
        if not self.env.su and any(not vals.get("type") for vals in vals_list):
            raise ValidationError(self.env._("Say what the person asks for."))

    @api.depends("type")
    @api.depends_context("lang")
    def _compute_type_in_words(self):
        words = self._get_types_in_words()
        for request in self:
            request.type_in_words = words.get(request.type)

    @api.depends("company_id")
    def _compute_user_id(self):
        responsible = {company: self._get_default_responsible(company) for company in self.company_id}
        for request in self:
            request.user_id = request.user_id or responsible.get(request.company_id)

    @api.depends("subject_id")
    def _compute_email(self):
        cards = self.subject_id._get_main_cards()
        for request in self:
            card = cards.get(request.subject_id.id)
            # The mailbox that asked gets the answer, also when it turns out who that is.
            kept = request._origin
            request.email = kept.email or (card is not None and card._gdpr_get_email())
            request.lang = kept.lang or (card._gdpr_get_lang() if card is not None else self.env.lang)

    @api.constrains("received_on")
    def _check_received_on(self):
        for request in self.filtered("received_on"):
            self._check_receipt(request.received_on)

    @api.model
    def _check_receipt(self, received_on):
        """Refuse a point of time at which no request can have been received.

        :param datetime received_on: UTC
        :raise ValidationError: so
        """
        if received_on > fields.Datetime.now():
            raise ValidationError(self.env._("A request can't have been received in the future."))
        if received_on < GDPR_APPLIES_SINCE:
            raise ValidationError(
                self.env._("Look at the year: before 25 May 2018 nobody could ask for anything under the GDPR.")
            )

    @api.constrains("lang")
    def _check_lang(self):
        # English is there even where nobody has it installed.
        for request in self.filtered(lambda request: request.lang and request.lang != "en_US"):
            if not self.env["res.lang"]._get_data(code=request.lang):
                raise ValidationError(
                    self.env._("“%(code)s” isn't a language that is installed here.", code=request.lang)
                )

    @api.constrains("email")
    def _check_email(self):
        for request in self.filtered("email"):
            if not email_normalize(request.email):
                raise ValidationError(self.env._("“%(address)s” isn't an e-mail address.", address=request.email))

    @api.model_create_multi
    def create(self, vals_list):
        """Number the requests, confirm them to the people at once, and remind the officer of the day."""
        self._check_said_what([{**self.default_get(["type"]), **vals} for vals in vals_list])
        vals_list = [
            {**self._localise_receipt(vals), "name": self._get_next_number(vals.get("company_id"))}
            for vals in vals_list
        ]
        requests = super().create(vals_list)
        requests._check_person()
        requests._check_asked_once()
        requests._record_receipt()
        requests._log_step("received")
        # What is to stop stops before the person reads that it does.
        requests._take_effect()
        requests._acknowledge()
        requests._schedule_answer()
        return requests

    def write(self, vals):
        """Log who gets a request, and hand the reminders over; what a request is about follows the same rules."""
        self._check_untouched(vals)
        self._check_changeable(vals)
        if "type" in vals and any(self.mapped("type")):
            self._check_said_what([vals])
        vals = self._localise_receipt(vals, self.company_id[:1])
        kinds = {request: request.type for request in self} if "type" in vals else {}
        assigned = self.filtered(lambda request: request.user_id.id != vals["user_id"]) if "user_id" in vals else None
        before = {request: request.user_id for request in assigned or ()}
        result = super().write(vals)
        if assigned:
            assigned._log_step("assigned", assigned.user_id.name)
            assigned._hand_over_activities(before)
        if "subject_id" in vals:
            self._check_person()
        if "type" in vals:
            self._check_asked_once()
            self._log_kind(kinds)
        return result

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_start(self):
        """Begin to work on the requests; whoever does is responsible where nobody was.

        :raise UserError: a request is closed, or nobody has said what is asked
        """
        self.check_access("write")
        for request in self:
            request._check_is_open()
            if not request.type:
                raise UserError(self.env._("Say first what %(number)s asks for.", number=request.name))
        self.filtered(lambda request: not request.user_id).user_id = self.env.user
        starting = self.filtered(lambda request: request.state != "in_progress")
        starting.sudo().state = "in_progress"
        starting._log_step("started")
        return True

    def action_fulfil(self):
        """Do what is left to do for the requests, and close them.

        :raise UserError: the work hasn't begun, only a human can go on, or there is no word about what was done
        """
        for request in self.filtered(lambda request: request.state != "done"):
            if request.state != "in_progress":
                raise UserError(self.env._("Start %(number)s first.", number=request.name))
            done = request.with_context(lang=request.lang or self.env.lang)._fulfil()
            resolution = (request.resolution or "").strip() or (done or "").strip()
            if not resolution:
                raise UserError(
                    self.env._("Say what was done for %(number)s before you close it.", number=request.name)
                )
            request.resolution = resolution
            request._close("done", "fulfilled", resolution)
        return True

    def action_cancel(self):
        """Close requests that the people don't want any more."""
        for request in self:
            request._check_is_open()
        self._close("cancelled", "cancelled")
        return True

    def action_reopen(self):
        """Take closed requests up again; the clock has been running on.

        :raise ValidationError: the person has asked for the same since
        """
        self.check_access("write")
        closed = self.filtered(lambda request: request.state not in OPEN_STATES and not request.reduced_on)
        closed.sudo().write({"state": "in_progress", "done_on": False})
        closed._check_asked_once()
        closed._log_step("reopened")
        closed._schedule_answer()
        return True

    def action_assign_to_me(self):
        """Make the user responsible for those that are open."""
        self.filtered(lambda request: request.state in OPEN_STATES).user_id = self.env.user
        return True

    # ------------------------------------------------------------
    # THE WORK AND ITS LOG
    # ------------------------------------------------------------

    def _fulfil(self):
        """Do what is left to do for one request, as ``_fulfil_<type>`` of its type says.

        :return: what was done, a sentence in the person's language; empty where the officer has to say it
        :raise UserError: only a human can go on
        """
        self.ensure_one()
        fulfil = getattr(self, f"_fulfil_{self.type}", None)
        return fulfil() if fulfil else None

    def _close(self, state, action, note=None):
        """Close these requests, with a step of the log; what was to do for them is no more."""
        self.check_access("write")
        self.sudo().write({"state": state, "done_on": fields.Datetime.now()})
        self._log_step(action, note)
        self.activity_feedback(["mail.mail_activity_data_todo"], feedback=note)

    def _check_untouched(self, names):
        if not self.env.su and not CHANGED_BY_ACTS.isdisjoint(names):
            raise AccessError(self.env._("This follows from what is done with a request: it isn't set by hand."))

    def _check_changeable(self, names):
        """Refuse to change by hand what was said when a request was taken in, or what a closed case shows.

        :raise AccessError: so
        """
        if self.env.su:
            return
        states = set(self.mapped("state"))
        # What came by e-mail has no type yet; that somebody asks who wrote it mustn't leave it without.
        said_once = {"type"} if states <= set(OPEN_STATES) and not any(self.mapped("type")) else set()
        if (
            not AS_RECEIVED.isdisjoint(names)
            or (states - {"new"} and not (CHANGED_WHILE_NEW - said_once).isdisjoint(names))
            or (states - set(OPEN_STATES) and not CHANGED_WHILE_OPEN.isdisjoint(names))
        ):
            raise AccessError(
                self.env._("This can't be changed any more: the register shows what was asked, and when.")
            )

    def _log_kind(self, before):
        """Note which kind of request an officer says it is.

        :param dict before: the earlier types, by request
        """
        words = dict(self._fields["type"]._description_selection(self.env))
        for request in self.filtered(lambda request: request.type != before[request]):
            request._log_step("typed", " → ".join(words[key] for key in (before[request], request.type) if key))

    def _check_is_open(self):
        self.ensure_one()
        if self.state not in OPEN_STATES:
            raise UserError(self.env._("%(number)s is closed already.", number=self.name))

    def _log_step(self, action, note=None):
        """Note in the log of each request what was done, when and by whom.

        :param str action: a key of ``gdpr.subject.request.step.action``
        :param str note: in words, what the action alone doesn't say
        """
        user = self.env.user
        # Not the account that runs the server: that is the person, or the system.
        operator = user if user._is_internal() and user.id != SUPERUSER_ID else user.browse()
        self.env["gdpr.subject.request.step"].sudo().create(
            [{"request_id": request.id, "user_id": operator.id, "action": action, "note": note} for request in self]
        )

    def _schedule_for(self, user, activity_type, summary, **values):
        """Give a user something to do, once. In a visitor's stead the system does: a visitor writes from no address.

        :param str activity_type: external id
        :param str summary: in the user's language
        """
        self.ensure_one()
        if user and not self.activity_ids.filtered(lambda activity: activity.summary == summary):
            scheduling = self if self.env.user._is_internal() else self.with_user(SUPERUSER_ID)
            scheduling.with_context(lang=user.lang).activity_schedule(
                activity_type, summary=summary, user_id=user.id, **values
            )

    def _get_actor(self):
        """Give who acted when the request was made, as the ledger calls it."""
        self.ensure_one()
        return {"operator": "operator", "automation": "system"}.get(self.source, "person")

    @api.model
    def _get_default_responsible(self, company):
        """Give the company's privacy officer: whoever has the address of the settings, else the first of the role."""
        return self._get_officers(company)[:1]

    @api.model
    def _get_officers(self, company):
        """Give who can answer a company's requests, whoever is to be asked first, first."""
        group = self.env.ref("gdpr_consent.group_officer").sudo()
        address = company.sudo().gdpr_officer_email

        def rank(user):
            is_named = user.email_normalized and user.email_normalized == address
            return not is_named, user.company_id != company, user.id

        # Who administers the add-on has the role too, but only as a last resort.
        officers = self.env["res.users"]
        for users in (group.user_ids, group.all_user_ids):
            found = users.filtered(lambda user: company in user.company_ids and user._is_internal())
            officers += (found - officers).sorted(rank)
        return officers
