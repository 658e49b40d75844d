from datetime import timedelta

from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools.person_identifiers import normalize_name
from .gdpr_subject_request import REQUEST_TYPES

DAYS = 7
# One message to a mailbox in this time: anybody can type any address.
MINUTES_BETWEEN_MESSAGES = 10
REQUEST_PLACEHOLDER = "/gdpr/request/personal-link"


class GdprSubjectRequestDeclaration(models.Model):
    """What somebody typed on the public page. It is a request once it is confirmed from the mailbox.

    Until then nobody looks whether the address is known. Kept for a week.
    """

    _name = "gdpr.subject.request.declaration"
    _description = "Data-Subject Request Not Confirmed"
    _order = "id"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    email = fields.Char(required=True)
    type = fields.Selection(REQUEST_TYPES, required=True)
    lang = fields.Char(required=True)
    applicant_name = fields.Char()
    is_on_behalf = fields.Boolean()
    note = fields.Text()
    declared_on = fields.Datetime(required=True, index=True, default=fields.Datetime.now)
    request_id = fields.Many2one("gdpr.subject.request", ondelete="cascade", help="What became of it.")

    _pending_uniq = models.UniqueIndex(
        "(company_id, email, type) WHERE request_id IS NULL", "The same is asked once at a time."
    )

    @api.model
    @api.private
    def _declare(self, company, email, request_type, **values):
        """Keep what was typed, and send the mailbox a link to confirm it, unless one was sent just now.

        The link in the mailbox shows all that waits for it.

        :param str email: normalised
        """
        waiting = self._find_pending(company, email).filtered(lambda waiting: waiting.type == request_type)
        if waiting:
            waiting.write(values)
        else:
            try:
                with self.env.cr.savepoint():
                    waiting = self.sudo().create(
                        {"company_id": company.id, "email": email, "type": request_type, **values}
                    )
            except UniqueViolation:
                # A double click: the other one is kept, and sends the message.
                return waiting
        limits = self.env["gdpr.rate.limit"]
        if limits._hit("request_message", f"{company.id},{email}", 1, minutes=MINUTES_BETWEEN_MESSAGES):
            waiting._send_link()
        return waiting

    @api.model
    def _find_pending(self, company, email):
        """Give what waits for a confirmation from a mailbox."""
        return self._find(company, email).filtered(lambda declaration: not declaration.request_id)

    @api.model
    def _find(self, company, email):
        """Give what was declared of late with an address, confirmed or not."""
        since = fields.Datetime.now() - timedelta(days=DAYS)
        return self.sudo().search([("company_id", "=", company.id), ("email", "=", email), ("declared_on", ">", since)])

    def _send_link(self):
        self.ensure_one()
        template = self.env.ref("gdpr_consent.mail_template_subject_request_declared", raise_if_not_found=False)
        if template:
            values = {"auto_delete": True, **self.company_id._gdpr_prepare_reply_to()}
            mails = template.sudo().send_mail_batch(self.ids, email_values=values)
            mails.send_after_commit()

    @api.private
    def _confirm(self):
        """Make the request, once; what was typed is kept with it alone.

        :rtype: gdpr.subject.request
        """
        self.ensure_one()
        # Of two clicks at once the second waits, is tried again by Odoo, and finds what became of the first.
        self.env.cr.execute(SQL("SELECT 1 FROM gdpr_subject_request_declaration WHERE id = %s FOR UPDATE", self.id))
        self.invalidate_recordset()
        if self.request_id:
            return self.request_id
        requests = self.env["gdpr.subject.request"]
        # A representative's address tells nothing about whom it is about.
        person = (
            self.env["gdpr.subject"].sudo().create({"company_id": self.company_id.id})
            if self.is_on_behalf
            else self._get_person_of_mailbox()
        )
        request = requests._receive(
            person,
            self.type,
            company_id=self.company_id.id,
            source="website",
            email=self.email,
            lang=self.lang,
            note=self.note,
            applicant_name=self.applicant_name,
            is_on_behalf=self.is_on_behalf,
            representative_name=self.applicant_name if self.is_on_behalf else False,
            # Whoever waits for the person's click mustn't lose time for it.
            received_on=self.declared_on,
        )
        request._log_step("confirmed")
        self.write({"request_id": request.id, "note": False, "applicant_name": False})
        return request

    def _get_person_of_mailbox(self):
        """Give whose the confirmed mailbox is; records of one name that have its address are one person's.

        :rtype: gdpr.subject
        """
        requests = self.env["gdpr.subject.request"]
        people = requests._find_people(self.email, self.company_id)
        names = {normalize_name(card._gdpr_get_name()) for cards in people._get_all_cards() for card in cards}
        if len(people) > 1 and len(names) == 1 and len(people.company_id) < 2:
            survivor, *others = people.sorted("id")
            for other in others:
                survivor._join(other, self.env._("One name, and one mailbox from which the person wrote."))
        return requests._get_person(self.email, self.company_id)

    @api.autovacuum
    def _gc_declarations(self):
        """Remove what nobody confirmed within a week (law.md R-11), and the traces of what was."""
        before = fields.Datetime.now() - timedelta(days=DAYS)
        self.search([("declared_on", "<=", before)]).unlink()
        # Of the links that expired, those of this kind stand for nothing that is kept.
        links = self.env["gdpr.link"].sudo()
        links.search([("kind", "=", "request"), ("expires_on", "<=", fields.Datetime.now())]).unlink()
