from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools.mail import email_normalize

REQUEST_TYPES = [
    ("access", "Access"),
    ("rectification", "Rectification"),
    ("portability", "Export"),
    ("restriction", "Stop the processing"),
    ("objection", "Objection"),
    ("erasure", "Erasure"),
]
OPEN_STATES = ("new", "verifying", "in_progress")
SATURDAY = 5


class GdprSubjectRequest(models.Model):
    """What a person asks of the company under articles 15 to 22, with a clock. States, and who sets them:

    * new: received and acknowledged;
    * verifying: an officer doubts who asks;
    * in_progress: an officer has started;
    * done: an officer has answered;
    * refused: an officer has told the person why nothing is done;
    * cancelled: the person doesn't want it any more.
    """

    _name = "gdpr.subject.request"
    _description = "Data-Subject Request"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "received_on DESC, id DESC"

    name = fields.Char("Number", required=True, readonly=True, copy=False, default="/")
    subject_id = fields.Many2one("gdpr.subject", string="Person", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    type = fields.Selection(REQUEST_TYPES, required=True)
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
        default="new",
        index=True,
        tracking=True,
    )
    received_on = fields.Datetime(
        required=True,
        default=fields.Datetime.now,
        tracking=True,
        help="When the request reached the company, in whatever way. The time to answer runs from here.",
    )
    due_on = fields.Date(
        "Answer By",
        compute="_compute_due_on",
        store=True,
        help="One month after the request was received (article 12(3) GDPR).",
    )
    done_on = fields.Datetime("Answered On", readonly=True, copy=False)
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        compute="_compute_user_id",
        store=True,
        readonly=False,
        tracking=True,
        domain="[('share', '=', False)]",
    )
    source = fields.Selection(
        [("email", "E-mail link"), ("portal", "Portal"), ("operator", "Typed in")], required=True, default="operator"
    )
    note = fields.Text("What the Person Wrote")
    email = fields.Char("Answer To", compute="_compute_email", store=True, readonly=False)
    lang = fields.Char("Language", compute="_compute_email", store=True, readonly=False)
    resolution = fields.Text(help="What was done, in words that can be shown to the person.")
    step_ids = fields.One2many("gdpr.subject.request.step", "request_id", string="Log", readonly=True)

    @api.depends("type")
    @api.depends_context("lang")
    def _compute_type_in_words(self):
        words = self._get_types_in_words()
        for request in self:
            request.type_in_words = words.get(request.type)

    @api.depends("received_on", "company_id")
    def _compute_due_on(self):
        for request in self:
            request.due_on = request.received_on and self._get_due_date(request.received_on, request.company_id)

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
            request.email = card._gdpr_get_email() if card is not None else False
            request.lang = card._gdpr_get_lang() if card is not None else self.env.lang

    @api.constrains("received_on")
    def _check_received_on(self):
        if any(request.received_on > fields.Datetime.now() for request in self):
            raise ValidationError(self.env._("A request can't have been received in the future."))

    @api.constrains("email")
    def _check_email(self):
        for request in self.filtered("email"):
            if not email_normalize(request.email):
                raise ValidationError(self.env._("“%(address)s” isn't an e-mail address.", address=request.email))

    @api.model_create_multi
    def create(self, vals_list):
        """Number the requests, confirm them to the people at once, and remind the officer of the day."""
        vals_list = [{**vals, "name": self._get_next_number(vals.get("company_id"))} for vals in vals_list]
        requests = super().create(vals_list)
        requests._check_asked_once()
        requests._record_receipt()
        requests._log_step("received")
        requests._acknowledge()
        requests._schedule_answer()
        return requests

    def action_start(self):
        """Begin to work on the requests; whoever does is responsible where nobody was.

        :raise UserError: a request is closed
        """
        for request in self:
            if request.state not in OPEN_STATES:
                raise UserError(self.env._("%(number)s is closed already.", number=request.name))
        self.filtered(lambda request: not request.user_id).user_id = self.env.user
        starting = self.filtered(lambda request: request.state != "in_progress")
        starting.state = "in_progress"
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
            request.write({"state": "done", "done_on": fields.Datetime.now(), "resolution": resolution})
            request._log_step("fulfilled", resolution)
            request.activity_feedback(["mail.mail_activity_data_todo"], feedback=resolution)
        return True

    def _fulfil(self):
        """Do what is left to do for one request, as ``_fulfil_<type>`` of its type says.

        :return: what was done, a sentence in the person's language; empty where the officer has to say it
        :raise UserError: only a human can go on
        """
        self.ensure_one()
        fulfil = getattr(self, f"_fulfil_{self.type}", None)
        return fulfil() if fulfil else None

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

    # ------------------------------------------------------------
    # RECEIVING
    # ------------------------------------------------------------

    @api.model
    @api.private
    def _receive(self, subject, request_type, **values):
        """Give a person's open request of a type; make it where there is none.

        Whoever asks may have no right to see requests.

        :param str request_type: a key of ``type``
        :param values: further field values
        :rtype: gdpr.subject.request
        """
        person = subject.sudo()._lock_person()
        existing = self.sudo()._find_open(person, [request_type])
        if existing:
            return existing[0]
        operator = self.env.user if self.env.user._is_internal() else self.env["res.users"].browse(SUPERUSER_ID)
        return (
            self.with_user(operator)
            .sudo()
            .with_context(mail_create_nosubscribe=True)
            .create({"subject_id": person.id, "type": request_type, **values})
        )

    @api.model
    def _find_open(self, subjects, types=None):
        """Give the open requests of these people, of all types or of some, the first first."""
        domain = Domain("subject_id.root_id", "in", subjects.root_id.ids) & Domain("state", "in", OPEN_STATES)
        return self.search(domain & Domain("type", "in", types) if types else domain, order="id")

    def _check_asked_once(self):
        # Not a constraint: two people who turn out to be one may have asked the same.
        opened = self._find_open(self.subject_id, self.mapped("type"))
        opened = opened.grouped(lambda request: (request.subject_id.root_id, request.type))
        for request in self.filtered(lambda request: request.state in OPEN_STATES):
            others = opened[request.subject_id.root_id, request.type] - request
            if others:
                raise ValidationError(
                    self.env._(
                        "%(person)s has asked for the same already: %(number)s is still open.",
                        person=request.subject_id.display_name,
                        number=others[0].name,
                    )
                )

    @api.model
    def _get_types_in_words(self):
        """Give the types as a person would say them, by key, in the order to show them."""
        return {
            "access": self.env._("Tell me what you know about me"),
            "rectification": self.env._("Correct or complete my data"),
            "portability": self.env._("Give me my data as a file I can take elsewhere"),
            "restriction": self.env._("Stop using my data for now"),
            "objection": self.env._("I object to what you do with my data"),
            "erasure": self.env._("Delete my data"),
        }

    @api.model
    def _get_next_number(self, company_id=None):
        company = self.env["res.company"].browse(company_id or self.env.company.id)
        return self.env["ir.sequence"].sudo().with_company(company).next_by_code("gdpr.subject.request") or "/"

    @api.model
    def _get_due_date(self, received_on, company):
        """Give the day to answer by: the same day a month later, clamped to its end (article 12(3), law.md R-42).

        Days are counted in the company's time zone; a Saturday or Sunday becomes the Monday after.

        :param datetime received_on: UTC
        :rtype: datetime.date
        """
        received_day = received_on.replace(tzinfo=UTC).astimezone(ZoneInfo(company._gdpr_get_timezone())).date()
        due_on = received_day + relativedelta(months=1)
        beyond = due_on.weekday() - SATURDAY
        return due_on + timedelta(days=2 - beyond) if beyond >= 0 else due_on

    @api.model
    def _get_default_responsible(self, company):
        """Give the company's privacy officer: whoever has the address of the settings, else the first of the role."""
        group = self.env.ref("gdpr_consent.group_officer").sudo()
        # Who administers the add-on has the role too, but only as a last resort.
        for users in (group.user_ids, group.all_user_ids):
            officers = users.filtered(lambda user: company in user.company_ids and user._is_internal())
            named = officers.filtered(
                lambda user: user.email_normalized and user.email_normalized == company.sudo().gdpr_officer_email
            )
            if officers:
                return (named or officers.sorted(lambda user: (user.company_id != company, user.id)))[0]
        return self.env["res.users"]

    def _record_receipt(self):
        """Note the requests in the ledger.

        That locks the people: of two that come at the same moment one is tried again, and finds the other.
        """
        types = dict(self._fields["type"]._description_selection(self.env))
        self.env["gdpr.subject"]._record_acts(
            [
                {
                    "subject_id": request.subject_id.id,
                    "action": "requested",
                    "occurred_on": request.received_on,
                    "source": request.source if request.source != "operator" else None,
                    "actor": "operator" if request.source == "operator" else "person",
                    "company_id": request.company_id.id,
                    "values": {"request": f"{request.name}: {types[request.type]}", "note": request.note or ""},
                }
                for request in self
            ]
        )

    def _acknowledge(self):
        """Tell the people that their requests arrived, with the number and what happens next (law.md R-69)."""
        template = self.env.ref("gdpr_consent.mail_template_subject_request_received", raise_if_not_found=False)
        reachable = self.filtered("email")
        if not template or not reachable:
            return
        mails = template.sudo().send_mail_batch(reachable.ids, email_values={"auto_delete": False})
        reachable._log_step("acknowledged")
        if len(mails) == 1:
            mails.send_after_commit()

    def _schedule_answer(self):
        for request in self.filtered("user_id"):
            request.activity_schedule(
                "mail.mail_activity_data_todo",
                date_deadline=request.due_on,
                summary=request.env._("Answer %(number)s", number=request.name),
                user_id=request.user_id.id,
            )
