from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.mail import email_normalize

from .gdpr_subject_request import OPEN_STATES


class GdprSubject(models.Model):
    """Whose data is only stored: the processing is suspended (article 18, law.md R-61), and taken up again."""

    _inherit = "gdpr.subject"

    # A message that leaves asks whether there is anybody at all.
    _restricted_index = models.Index("(id) WHERE restricted")

    def _record_restriction(self, **act):
        """Record that the data of these people is only stored from now on.

        :param act: further values for ``_record_acts``
        :return: the events; none for those who are restricted already
        """
        return self._record_restrictions(dict.fromkeys(self, act))

    @api.model
    def _record_restrictions(self, acts):
        """Record for each of these people, each for an own reason, that the data is only stored from now on.

        :param dict[gdpr.subject, dict] acts: further values for ``_record_acts``, by person
        """
        people = self.union(*acts)._lock_people().filtered(lambda person: not person.restricted)
        acts = {person.root_id.id: act for person, act in acts.items()}
        acts = [{**acts[person.id], "subject_id": person.id, "action": "restricted"} for person in people]
        return self._record_acts(acts) if acts else self.env["gdpr.consent.event"]

    def _record_exemption(self, reason):
        """Record why a message goes to these people although the processing is suspended (article 18(2)).

        :param str reason: in the officer's words
        """
        people = self._lock_people().filtered("restricted")
        return self._record_acts(
            [{"subject_id": person.id, "action": "exempted", "values": {"reason": reason}} for person in people]
        )

    def action_lift_restriction(self):
        """Open the form by which the person is told, and the processing is taken up again."""
        self.ensure_one()
        return self._open_lifting()

    def _open_lifting(self, request=None):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Resume the processing"),
            "res_model": "gdpr.restriction.lifting",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_subject_id": self.root_id.id,
                "default_request_id": request.id if request else False,
            },
        }

    def _tell_lifting(self, way, reason, request=None, email=None, told_on=None, statement=None):
        """Tell the person that the processing is taken up again, or record how the person was told.

        :param str way: ``email``, or how the person was told otherwise
        :param str reason: what the person is told: why
        :param gdpr.subject.request request: the request that suspended it
        :param str email: where to; needed for e-mail
        :param datetime.date told_on: the day, where not by e-mail
        :param str statement: what proves it, where not by e-mail
        :return: the notice
        :rtype: gdpr.lifting.notice
        :raise UserError: not suspended, or something is missing
        """
        person = self._lock_person()
        # Who waits for the lock begins anew, and sees the notice that is made here.
        self.env.cr.execute(SQL("UPDATE gdpr_subject SET head_sequence = head_sequence WHERE id = %s", person.id))
        if not person.restricted:
            raise UserError(self.env._("The processing of this person's data isn't suspended."))
        person._check_own_company()
        if request:
            request._check_decided_to_resume()
        person._check_nothing_open(request)
        if not (reason or "").strip():
            raise UserError(self.env._("Say why the processing resumes: the person reads it."))
        company = request.company_id if request else person.company_id or self.env.company
        values = {
            "subject_id": person.id,
            "request_id": request.id if request else False,
            "company_id": company.id,
            "way": way,
            "reason": reason.strip(),
            "lang": request.lang if request else person._get_lang(),
        }
        notices = self.env["gdpr.lifting.notice"].sudo()
        if way == "email":
            if not email_normalize(email or ""):
                raise UserError(self.env._("Enter the person's e-mail address, or tell the person in another way."))
            last = notices._find_current(person)
            if last and last._is_repeated_by({**values, "email": email}):
                return last
            notice = notices.create({**values, "email": email})
            notice._send_notices()
        else:
            self._check_told_on(told_on, statement)
            told = fields.Datetime.to_datetime(told_on)
            notice = notices.create(
                {**values, "statement": statement.strip(), "state": "sent", "sent_on": min(told, fields.Datetime.now())}
            )
        if request:
            request._log_step("lifting_told", dict(notice._fields["way"]._description_selection(self.env))[way])
        return notice

    def _check_told_on(self, told_on, statement):
        restricted = self.history_ids.filtered(lambda event: event.action == "restricted")
        since = max(restricted.mapped("occurred_on"), default=None)
        if not told_on or not (statement or "").strip():
            raise UserError(self.env._("Say when and how the person was told: it is part of the proof."))
        if told_on > fields.Date.context_today(self):
            raise UserError(self.env._("The person can't have been told in the future."))
        if since and told_on < since.date():
            raise UserError(self.env._("The person can't have been told before the processing was suspended."))

    def _lift_restriction(self):
        """Take up the processing again, after the person was told (law.md R-61).

        :raise UserError: the person wasn't told yet, or a request that suspends it is still open
        """
        person = self._lock_person()
        person._check_own_company()
        person._check_nothing_open()
        person._resume()
        person.sudo().data_request_ids.filtered("is_suspending")._end_suspension()

    def _get_suspending_requests(self):
        """Give the requests because of which the processing is suspended: to stop it, or to erase, once ordered.

        :rtype: gdpr.subject.request
        """
        requests = self.sudo().root_id.data_request_ids
        return requests.filtered(lambda request: request.is_suspending or request._is_erasure_ordered())

    def _is_told_before_resuming(self):
        """Tell whether the person is told before the processing resumes: not where only an erasure was ordered."""
        suspending = self._get_suspending_requests()
        return not suspending or any(suspending.mapped("is_suspending"))

    def _check_own_company(self):
        """Leave it to each company to end what the person asked of it: each is its own controller.

        :raise UserError: another company's request suspends the processing
        """
        if not self.env.su and self._get_suspending_requests().company_id - self.env.user.company_ids:
            raise UserError(
                self.env._(
                    "The processing is suspended because of what the person asked of another company, whose privacy"
                    " officer takes it up again."
                )
            )

    def _check_nothing_open(self, request=None):
        """Refuse to take up the processing, or to announce it, while something else suspends it.

        :param gdpr.subject.request request: what suspended it is answered by ending that; otherwise all that is
            answered ends
        :raise UserError: so
        """
        suspending = self._get_suspending_requests() - (request or self.env["gdpr.subject.request"])
        if erasure := suspending.filtered(lambda other: other._is_erasure_ordered())[:1]:
            raise UserError(
                self.env._(
                    "The person's data is about to be erased (%(number)s), so the processing doesn't resume.",
                    number=erasure.name,
                )
            )
        still_open = suspending.filtered(lambda other: other.state in OPEN_STATES)[:1]
        if still_open:
            raise UserError(
                self.env._("The person's request %(number)s is still open: answer it first.", number=still_open.name)
            )
        if request and suspending:
            raise UserError(
                self.env._(
                    "The processing stays suspended because of %(number)s, so there is nothing to announce.",
                    number=suspending[0].name,
                )
            )

    def _resume(self):
        if not self.restricted:
            raise UserError(self.env._("The processing of this person's data isn't suspended."))
        notice = self.env["gdpr.lifting.notice"]._find_current(self)
        notice._check_liftable()
        self._record_acts([{"subject_id": self.id, "action": "unrestricted", "values": {"reason": notice.reason}}])
        notice.lifted_on = fields.Datetime.now()
