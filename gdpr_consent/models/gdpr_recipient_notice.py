from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools.mail import email_normalize

# After as many attempts a human must look.
MOST_ATTEMPTS = 5
# What becomes of a message is found out, not typed in.
TRACKED = frozenset({"state", "sent_on", "message_id", "failure_reason", "attempt_count", "email"})


class GdprRecipientNotice(models.Model):
    """A recipient of a person's data, to be told that it was corrected, erased or restricted (article 19, law.md R-62).

    Made by ``gdpr.subject.request._tell_recipients``; an officer can add recipients, or say why one isn't told.
    """

    _name = "gdpr.recipient.notice"
    _description = "Notice to a Recipient"
    _inherit = ["gdpr.notice.mixin"]
    _order = "id"
    _rec_name = "recipient_id"

    _notice_template = "gdpr_consent.mail_template_recipient_notice"

    request_id = fields.Many2one("gdpr.subject.request", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="request_id.company_id", store=True)
    recipient_id = fields.Many2one(
        "res.partner",
        required=True,
        ondelete="restrict",
        help="Who received data of this person and must be told (article 19).",
    )
    purpose_ids = fields.Many2many(
        "gdpr.purpose", string="Purposes", readonly=True, help="The purposes for which the recipient got the data."
    )
    state = fields.Selection(
        [("to_tell", "To Tell"), ("queued", "Queued"), ("sent", "Told"), ("failed", "Failed")],
        required=True,
        readonly=True,
        default="to_tell",
    )
    exemption = fields.Selection(
        [
            ("impossible", "Impossible"),
            ("disproportionate", "Disproportionate effort"),
            ("not_disclosed", "Never received the data"),
        ],
        string="Isn't Told",
        help="The law lets a recipient out where telling it is impossible or takes a disproportionate effort.",
    )
    reason = fields.Text(
        "Why It Isn't Told",
        help="Why telling this recipient proves impossible or takes disproportionate effort (article 19).",
    )
    outcome = fields.Selection(
        [
            ("to_tell", "To tell"),
            ("queued", "Queued"),
            ("failed", "Failed"),
            ("done", "Told"),
            ("impossible", "Impossible"),
            ("disproportionate", "Disproportionate"),
            ("not_disclosed", "Never received the data"),
        ],
        compute="_compute_outcome",
        store=True,
        help="Told: the mail server took the notice, or somebody noted that the recipient was told in another way."
        " Impossible and disproportionate need a reason.",
    )
    attempt_count = fields.Integer(
        "Attempts", readonly=True, copy=False, help="How often it was tried to tell the recipient."
    )
    person_name = fields.Char(compute="_compute_person")
    person_email = fields.Char(compute="_compute_person")
    about_in_words = fields.Char(compute="_compute_about_in_words")

    _once = models.Constraint("UNIQUE(request_id, recipient_id)", "A recipient is told once about a request.")

    @api.depends("state", "exemption")
    def _compute_outcome(self):
        for notice in self:
            state = "done" if notice.state == "sent" else notice.state
            notice.outcome = state if state == "done" else notice.exemption or state

    @api.depends("request_id")
    def _compute_person(self):
        """No more than the recipient needs to find the person."""
        cards = self.sudo().request_id.subject_id._get_main_cards()
        for notice in self:
            request = notice.sudo().request_id
            card = cards.get(request.subject_id.id)
            email = card._gdpr_get_email() if card is not None else email_normalize(request.email or "")
            notice.person_name = card._gdpr_get_name() if card is not None else email or request.name
            notice.person_email = email if email != notice.person_name else False

    @api.depends("request_id.type", "request_id.is_suspending")
    @api.depends_context("lang")
    def _compute_about_in_words(self):
        words = {
            "rectification": self.env._("The data was corrected. Ask us for the correct data where you need it."),
            "erasure": self.env._("The data was erased, as the person asked: erase it, its copies and links to it."),
        }
        restricted = self.env._("The processing is restricted: the data may only be stored, and not used.")
        marketing = self.env._("The person objects to direct marketing: the data may not be used for it any more.")
        for notice in self:
            request = notice.request_id
            otherwise = marketing if request._is_about_marketing_alone() else restricted
            notice.about_in_words = words.get(request.type, otherwise)

    @api.constrains("exemption", "reason")
    def _check_reason(self):
        if any(notice.exemption and not (notice.reason or "").strip() for notice in self):
            raise ValidationError(self.env._("Say why the recipient isn't told."))

    @api.model_create_multi
    def create(self, vals_list):
        """Let officers add recipients, not the outcome of a message."""
        if not self.env.su and any(not TRACKED.isdisjoint(vals) for vals in vals_list):
            raise AccessError(self.env._("What became of a notice isn't set by hand."))
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su and not TRACKED.isdisjoint(vals):
            raise AccessError(self.env._("What became of a notice isn't set by hand."))
        is_moved = not self.env.su and not vals.keys().isdisjoint(("recipient_id", "request_id"))
        if is_moved and self.filtered(lambda notice: notice.state != "to_tell"):
            raise UserError(self.env._("Who was told, or was tried to be told, can't be changed."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_told(self):
        if self.filtered(lambda notice: notice.state != "to_tell"):
            raise UserError(self.env._("A recipient that was told, or was tried to be told, can't be removed."))

    def action_send(self):
        """Tell these recipients, or try again where that failed.

        :raise UserError: one of them isn't to be told, or the person was erased before it could be
        """
        self.check_access("write")
        for notice in self:
            if notice.exemption:
                raise UserError(
                    self.env._(
                        "%(recipient)s isn't told, as you said. Remove that first.",
                        recipient=notice.recipient_id.display_name,
                    )
                )
        self.request_id._check_tellable()
        if lost := self.sudo()._filter_lost():
            raise UserError(
                self.env._(
                    "The person was erased, so %(recipients)s can't be told any more whose data it is. Say under Isn't"
                    " Told that it is impossible, and why.",
                    recipients=", ".join(lost.recipient_id.mapped("name")),
                )
            )
        self.sudo()._tell()
        return True

    def _tell(self):
        """Send those that haven't left yet."""
        due = self.filtered(lambda notice: not notice.exemption and notice.state in ("to_tell", "failed"))
        lost = due._filter_lost()
        lost._mark_failed(self.env._("The person was erased before the recipient could be told whose data it is."))
        due -= lost
        if not due:
            return due
        for notice in due:
            notice.email = notice.recipient_id.email_normalized
            notice.attempt_count += 1
        # What was made before names the person, who may be erased by now.
        made = Domain("model", "=", self._name) & Domain("res_id", "in", due.filtered("email").ids)
        mails = self.env["mail.mail"].sudo().search(made & Domain("state", "in", ("exception", "cancel")))
        for mail in mails:
            mail.email_to = self.browse(mail.res_id).email
        mails.mark_outgoing()
        again = self.browse(mails.mapped("res_id"))
        again.write({"state": "queued", "failure_reason": False})
        mails.send_after_commit()
        (due - again)._send_notices()
        return due

    def _filter_lost(self):
        """Keep the notices that could only say that somebody was erased, not who."""
        waiting = self.filtered(lambda notice: notice.state in ("to_tell", "failed"))
        erased = waiting.filtered(lambda notice: notice.request_id.type == "erasure" and notice.request_id.erased_on)
        cards = erased.request_id.erasure_journal_id.entry_ids.filtered("is_card")
        named = cards.filtered(lambda entry: entry.action == "keep" and entry.state != "done").journal_id.request_id
        nameless = erased.filtered(lambda notice: notice.request_id not in named)
        # A message made before names the person.
        made = self.env["mail.mail"].sudo().search([("model", "=", self._name), ("res_id", "in", nameless.ids)])
        return nameless.filtered(lambda notice: notice.id not in made.mapped("res_id"))

    @api.model
    def _cron_retry(self):
        """Try again to send the notices that failed, so that a mail server that was down loses none."""
        failed = Domain("state", "=", "failed") & Domain("exemption", "=", False)
        due = self.sudo().search(failed & Domain("attempt_count", "<", MOST_ATTEMPTS))
        due.filtered(lambda notice: notice.request_id._is_tellable())._tell()

    def _mark_failed(self, reason):
        """Say so in the log of the case, and to the officer: the recipient was named as one that is told."""
        queued = self.filtered(lambda notice: notice.state == "queued")
        super()._mark_failed(reason)
        queued._note_untold()

    def _note_untold(self):
        for request, notices in self.grouped("request_id").items():
            names = ", ".join(notices.recipient_id.mapped("name"))
            note = self.env._("Couldn't be told: %(names)s", names=names)
            request._log_step("untold_recipients", names)
            request._remind_of_recipients(note)
