from odoo import api, fields, models
from odoo.exceptions import UserError

# Of what is done for these, the recipients of the data are told.
TELLING_TYPES = ("rectification", "erasure", "restriction", "objection")


class GdprSubjectRequest(models.Model):
    """Who received the person's data, and is told what became of it (article 19, law.md R-62)."""

    _inherit = "gdpr.subject.request"

    recipient_notice_ids = fields.One2many(
        "gdpr.recipient.notice",
        "request_id",
        string="Recipients",
        help="Who got the data, and has to be told that it was corrected, erased or restricted (article 19).",
    )
    has_recipients_to_tell = fields.Boolean(compute="_compute_has_recipients_to_tell")

    @api.depends(
        "type",
        "state",
        "is_suspending",
        "erasure_state",
        "recipient_notice_ids.state",
        "recipient_notice_ids.exemption",
    )
    def _compute_has_recipients_to_tell(self):
        for request in self:
            request.has_recipients_to_tell = request._is_tellable() and any(
                notice.state in ("to_tell", "failed") and not notice.exemption
                for notice in request.recipient_notice_ids
            )

    def action_propose_recipients(self):
        """List the recipients that have to be told, so that the officer can correct the list before they are."""
        self.check_access("write")
        self.sudo()._propose_recipients()
        return True

    def action_tell_recipients(self):
        """Tell the recipients that haven't been told yet.

        :raise UserError: nothing has happened yet that they could be told
        """
        self.check_access("write")
        self._check_tellable()
        self._tell_recipients()
        return True

    def _check_tellable(self):
        """Check that what the recipients would read is so."""
        for request in self.sudo():
            if not request._is_tellable():
                if request.suspension_lifted_on:
                    raise UserError(
                        self.env._(
                            "The processing was resumed, so of %(number)s there is nothing left to tell the"
                            " recipients.",
                            number=request.name,
                        )
                    )
                raise UserError(
                    self.env._(
                        "Nothing has been done yet for %(number)s that recipients are to be told.", number=request.name
                    )
                )

    def _check_recipients_reachable(self):
        """Refuse to erase a person while there are recipients who can't be told: afterwards nobody can name the person.

        :raise UserError: so
        """
        self.sudo()._propose_recipients()
        for request in self.sudo():
            unreachable = request.recipient_notice_ids.filtered(
                lambda notice: (
                    notice.state != "sent" and not notice.exemption and not notice.recipient_id.email_normalized
                )
            )
            if unreachable:
                raise UserError(
                    self.env._(
                        "%(number)s: these recipients have no e-mail address, so they can't be told that the data was"
                        " erased, and afterwards nobody can tell them whose: %(names)s. Add the address, or say under"
                        " Recipients why they aren't told.",
                        number=request.name,
                        names=", ".join(unreachable.recipient_id.mapped("name")),
                    )
                )

    def _is_tellable(self):
        """Tell whether the data is corrected, erased or restricted, as the recipients would read."""
        self.ensure_one()
        if self.type == "restriction" or self.suspension_lifted_on:
            return self.is_suspending
        return self.type in TELLING_TYPES and (
            self.state == "done"
            or self.is_suspending
            or (self.type == "rectification" and self.state == "in_progress")
            or self.erasure_state in ("running", "blocked", "telling", "finished")
        )

    def _tell_recipients(self, is_again=False):
        """Tell each recipient of the person's data, once, what became of it (article 19).

        Call it while the person's name and address are still there. Who can't be told is on record as such: the
        officer, or the scheduled action, tries again.

        :param bool is_again: something further became of it: those who were told are told again
        :return: the notices of these requests
        :rtype: gdpr.recipient.notice
        """
        # Nobody is told of what has ended.
        requests = self.sudo().filtered(lambda request: request.is_suspending or not request.suspension_lifted_on)
        requests._propose_recipients()
        if is_again:
            told = requests.recipient_notice_ids.filtered(lambda notice: notice.state == "sent")
            told.write({"state": "to_tell", "attempt_count": 0})
        tried = requests.recipient_notice_ids._tell()
        for request, notices in tried.grouped("request_id").items():
            told = notices.filtered(lambda notice: notice.state != "failed")
            again = told.filtered(lambda notice: notice.attempt_count > 1)
            notes = [", ".join((told - again).recipient_id.mapped("name"))]
            if again:
                names = ", ".join(again.recipient_id.mapped("name"))
                notes.append(self.env._("Tried again: %(names)s", names=names))
            if told:
                request.with_env(self.env)._log_step("told_recipients", ". ".join(filter(None, notes)))
            (notices - told)._note_untold()
        return requests.recipient_notice_ids

    def _remind_of_recipients(self, note):
        """Let whoever is in charge see, once, that a recipient wasn't told."""
        self.ensure_one()
        summary = self.env._("%(number)s: %(note)s", number=self.name, note=note)
        self._schedule_for(self.user_id or self.approved_by_id, "mail.mail_activity_data_warning", summary)

    def _propose_recipients(self):
        """List those recipients who aren't on the list of their request yet."""
        listed = {(notice.request_id, notice.recipient_id) for notice in self.recipient_notice_ids}
        self.env["gdpr.recipient.notice"].create(
            [
                {
                    "request_id": request.id,
                    "recipient_id": recipient.id,
                    "purpose_ids": [fields.Command.set(purposes.ids)],
                }
                for request, recipients in self._get_recipients().items()
                for recipient, purposes in recipients.items()
                if (request, recipient) not in listed
            ]
        )

    def _get_recipients(self):
        """Give, by request, who received the person's data, each with the purposes it was for.

        Those of the purposes the person ever agreed to, for data was passed on meanwhile, and of those that share
        the person's legal basis. Of an objection that suspends nothing, those that received it for marketing.

        :rtype: dict[gdpr.subject.request, dict[res.partner, gdpr.purpose]]
        """
        people = self.subject_id.root_id
        bases = set(people.mapped("legal_basis")) - {"not_applicable", "consent"}
        all_purposes = self.env["gdpr.purpose"].sudo().with_context(active_test=False)
        by_basis = all_purposes.search([("legal_basis", "in", list(bases))]).grouped("legal_basis")
        found = {}
        for request in self:
            person = request.subject_id.root_id
            purposes = person.consent_ids.filtered("given_on").purpose_id
            purposes |= by_basis.get(person.legal_basis, all_purposes)
            own = request.company_id.partner_id | person.with_context(active_test=False).partner_ids
            recipients = found[request] = {}
            for purpose in purposes:
                if purpose.company_id and purpose.company_id != request.company_id:
                    continue
                if request._is_about_marketing_alone() and not purpose._is_marketing():
                    continue
                for recipient in (purpose.recipient_ids | purpose.processor_ids) - own:
                    recipients[recipient] = recipients.get(recipient, all_purposes) | purpose
        return found

    def _is_about_marketing_alone(self):
        """Tell whether what becomes of the data is that it isn't used for marketing any more, and nothing else."""
        self.ensure_one()
        return self.type == "objection" and not self.is_suspending

    def _get_recipients_sentence(self):
        """Give the sentence that tells the person which recipients are told; empty where there are none.

        Where a first attempt failed nobody knows yet whether the next one arrives.
        """
        self.ensure_one()
        told = self.sudo().recipient_notice_ids.filtered(
            lambda notice: (
                not notice.exemption
                and (notice.state == "sent" or (notice.state == "queued" and notice.attempt_count <= 1))
            )
        )
        names = ", ".join(told.recipient_id.mapped("name"))
        return names and self.env._("We write to those who received your data from us: %(names)s.", names=names)
