from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools.mail import email_normalize
from odoo.tools.misc import format_date

from .gdpr_consent_event import SOURCES
from .gdpr_subject_request import OPEN_STATES

SOURCES_OF_EVENTS = dict(SOURCES)
AUTOMATIC_HEADERS = {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}


class GdprSubjectRequest(models.Model):
    """How a request comes in: once for each person and kind, numbered, recorded and acknowledged."""

    _inherit = "gdpr.subject.request"

    applicant_name = fields.Char("Name Given", help="The name that whoever asks has typed. Nobody has checked it.")
    is_unidentified = fields.Boolean(
        "Nobody Found", compute="_compute_candidate_ids", help="No record of the person is known yet."
    )
    candidate_ids = fields.Many2many(
        "gdpr.subject",
        string="People With This Address",
        compute="_compute_candidate_ids",
        help="Who has this address on record. When it is more than one person, somebody has to decide.",
    )

    person_in_words = fields.Char("Asked By", compute="_compute_person_in_words", help="Whose data it is about.")

    @api.depends("subject_id", "applicant_name", "email")
    def _compute_person_in_words(self):
        known = self.subject_id._get_main_cards()
        for request in self:
            person = request.subject_id
            # Nobody has checked what somebody unknown calls himself; it tells more than a number.
            given = ", ".join(filter(None, [request.applicant_name, request.email]))
            request.person_in_words = person.display_name if person.id in known else given or person.display_name

    @api.depends("subject_id", "email", "state")
    def _compute_candidate_ids(self):
        without = self.filtered(lambda request: request.subject_id and request.state in OPEN_STATES)
        known = without.subject_id._get_main_cards()
        for request in self:
            is_unknown = request in without and request.subject_id.id not in known
            request.is_unidentified = is_unknown
            request.candidate_ids = is_unknown and self._find_people(request.email, request.company_id)

    def action_identify(self):
        """Open the form by which an officer says whose request it is."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Who is it?"),
            "res_model": "gdpr.subject.request.identification",
            "view_mode": "form",
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def _identify(self, person, reason):
        """Let a request be a known person's; the unknown one who asked becomes that person.

        :param gdpr.subject person: whose it is
        :param str reason: how that is known
        :raise UserError: the request is somebody's already, or the company has no right to the person's data
        """
        self.ensure_one()
        self._check_is_open()
        asking = self.sudo().subject_id.root_id
        if not self.is_unidentified:
            raise UserError(self.env._("It is known already whose request this is."))
        if person.sudo().company_id - self.company_id:
            raise UserError(self.env._("This person is another company's: each is its own controller."))
        person._join(asking, reason, actor="operator")
        self._log_step("identified", f"{person.display_name}: {reason}")
        # Until now nobody's data was.
        self.filtered("is_suspending")._log_step("restricted")

    @api.model
    @api.private
    def _receive(self, subject, request_type, **values):
        """Give a person's open request of a type to a company; make it where there is none.

        What was asked of another company is for that one to answer: each is its own controller. Whoever asks may have
        no right to see requests.

        :param str request_type: a key of ``type``
        :param values: further field values
        :rtype: gdpr.subject.request
        """
        person = subject.sudo()._lock_person()
        company_id = values.get("company_id") or self.env.company.id
        values = self._localise_receipt({**values, "company_id": company_id})
        if received_on := fields.Datetime.to_datetime(values.get("received_on")):
            # Of somebody who asks again it may not count, but whoever typed it must know that it is wrong.
            self._check_receipt(received_on)
        existing = self.sudo()._find_open(person, [request_type])
        existing = existing.filtered(lambda request: request.company_id.id == company_id)[:1]
        if existing:
            existing._note_repetition(values)
            return existing
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

    @api.model
    @api.private
    def _find_people(self, email, company):
        """Give the persons of whom a card has exactly this address; several people may share one.

        :param str email: in whatever way it is written
        :param res.company company: whose cards count, beside those that all companies see
        :rtype: gdpr.subject
        """
        address = email_normalize(email or "")
        people = self.env["gdpr.subject"].sudo()
        if not address:
            return people
        mixin = self.env["gdpr.subject.mixin"]
        for model in sorted(mixin._get_card_models()):
            cards = self.env[model].sudo().with_context(active_test=False)
            found = cards._gdpr_find_by_address(address)
            found = found.filtered(lambda card: card._gdpr_get_own_company() <= company)
            people |= found._gdpr_ensure_subjects().root_id
        return people

    @api.model
    @api.private
    def _get_person(self, email, company):
        """Give the person behind an address: the one whose it is, else a new one of whom no card is known.

        When several share the address a new person stands for whoever asks until an officer has decided.

        :rtype: gdpr.subject
        """
        people = self._find_people(email, company)
        if len(people) == 1:
            return people
        # Asked before, and still unknown.
        earlier = self.sudo().search(
            Domain("email", "=", email_normalize(email))
            & Domain("company_id", "=", company.id)
            & Domain("state", "in", OPEN_STATES),
            order="id",
        )
        return earlier.filtered("is_unidentified")[:1].subject_id.root_id or self.env["gdpr.subject"].sudo().create(
            {"company_id": company.id}
        )

    def _note_repetition(self, values):
        """Keep what a person says who asks for the same again, and how sure it is now who asks.

        The time runs from what reached the company first, as a letter that is typed in later than an e-mail.
        """
        self.ensure_one()
        received_on = fields.Datetime.to_datetime(values.get("received_on"))
        if received_on and received_on < self.received_on:
            self.sudo().received_on = received_on
        self._log_step("repeated")
        self._improve_assurance(values.get("source", "operator"))
        if note := (values.get("note") or "").strip():
            self._message_log(body=self.env._("Asked again: %(words)s", words=note))

    def _attach_scan(self, name, content):
        """Keep what came on paper with the request, and log it.

        :param str name: of the file
        :param bytes content: in base64
        """
        self.ensure_one()
        values = {"name": name, "datas": content, "res_model": self._name, "res_id": self.id}
        self.env["ir.attachment"].sudo().create(values)
        self._log_step("attached", name)

    def _notify_handed_on(self, following):
        """Give the action that tells a colleague who may not see requests what became of what the person asked.

        :param dict following: the action that comes next
        """
        self.ensure_one()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "The privacy officer has the request: %(number)s, to be answered by %(day)s.",
                    number=self.name,
                    day=format_date(self.env, self.due_on),
                ),
                "next": following,
            },
        }

    def _check_person(self):
        if any(not request.subject_id and request.state in OPEN_STATES for request in self):
            raise ValidationError(self.env._("Say whose request it is."))

    def _check_asked_once(self):
        # Not a constraint: two people who turn out to be one may have asked the same.
        opened = self._find_open(self.subject_id, self.mapped("type"))
        opened = opened.grouped(lambda request: (request.subject_id.root_id, request.type, request.company_id))
        for request in self.filtered(lambda request: request.state in OPEN_STATES):
            alike = (request.subject_id.root_id, request.type, request.company_id)
            others = opened.get(alike, self.browse()) - request
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
                    "source": request.source if request.source in SOURCES_OF_EVENTS else None,
                    "actor": request._get_actor(),
                    "company_id": request.company_id.id,
                    "values": {
                        "request": f"{request.name}: {types[request.type]}" if request.type else request.name,
                        "note": request.note or "",
                    },
                }
                for request in self
            ]
        )

    def _acknowledge(self):
        """Tell the people that their requests arrived, with the number and what happens next (law.md R-69)."""
        template_name = "gdpr_consent.mail_template_subject_request_received"
        self._write_to_person(template_name, is_automatic=True)._log_step("acknowledged")

    def _write_outcome(self, template_name):
        """Tell these people what was done; where there is no address, note that somebody has to."""
        told = self._write_to_person(template_name)
        for request in self - told:
            request.sudo()._message_log(
                body=self.env._("There is no e-mail address: tell the person in another way what was done.")
            )

    def _write_to_person(self, template_name, email=None, is_automatic=False):
        """Send a message from a template to those of these people that have an address, in their languages.

        It is kept in the chatter of the request.

        :param str email: where to, of one request; default where its answer goes
        :param bool is_automatic: nobody's own message: mail programs don't answer it (RFC 3834)
        :return: the requests whose people are written to
        :rtype: gdpr.subject.request
        """
        template = self.env.ref(template_name, raise_if_not_found=False)
        reachable = self if email else self.filtered("email")
        if not template or not reachable:
            return self.browse()
        values = {"auto_delete": False}
        if email:
            values["email_to"] = email
        if is_automatic:
            values["headers"] = repr(AUTOMATIC_HEADERS)
        mails = self.env["mail.mail"].sudo()
        for company, alike in reachable.grouped("company_id").items():
            own = {**values, **company._gdpr_prepare_reply_to()}
            mails |= template.sudo().send_mail_batch(alike.ids, email_values=own)
        if len(mails) == 1:
            mails.send_after_commit()
        return reachable
