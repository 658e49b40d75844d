from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError

from .gdpr_answer import IMMEDIATE

ANSWERED_TYPES = ("access", "portability", "rectification")
PREPARABLE_STATES = ("new", "verifying", "in_progress")


class GdprSubjectRequest(models.Model):
    """Requests that are answered with the person's data: what is prepared, reviewed and sent."""

    _inherit = "gdpr.subject.request"

    answer_ids = fields.One2many("gdpr.answer", "request_id", string="All Answers", readonly=True)
    answer_id = fields.Many2one(
        "gdpr.answer", readonly=True, copy=False, ondelete="set null", help="The one that counts."
    )
    answer_state = fields.Selection(related="answer_id.state", string="Answer State")
    answer_progress = fields.Float(
        related="answer_id.progress", string="Answer Progress", help="How much of the person's data has been collected."
    )
    answer_failure = fields.Char(
        related="answer_id.failure_reason", string="Why It Failed", help="Why the answer couldn't be put together."
    )
    answer_item_count = fields.Integer(
        related="answer_id.item_count",
        string="Texts and Files",
        help="Texts and files that may name somebody else. Look at them before you approve.",
    )
    answer_undecided_count = fields.Integer(
        related="answer_id.undecided_count",
        string="To Decide",
        help="Texts and files that nobody has decided about. The answer can't be approved before.",
    )
    answer_to_decide = fields.Char(compute="_compute_answer_to_decide", help="Beside the button of the review.")
    answer_total_count = fields.Integer(
        related="answer_id.total_count", string="Records", help="Records that the answer is made of."
    )
    answer_overtaken_count = fields.Integer(
        related="answer_id.overtaken_count",
        string="Changed Since",
        help="Records of the answer that were changed after they were found.",
    )
    answer_expires_on = fields.Datetime(related="answer_id.expires_on", string="Files Deleted On")
    answer_download_count = fields.Integer(
        related="answer_id.download_count",
        string="Downloads",
        help="How often the files were fetched through the link in the message.",
    )
    answer_attachment_ids = fields.One2many(
        related="answer_id.attachment_ids", string="Files", help="What the person gets."
    )
    answer_delivery = fields.Selection(related="company_id.gdpr_answer_delivery")
    card_summary = fields.Html(
        "Data of the Card", compute="_compute_card_summary", help="The person's data as a table, for templates."
    )

    @api.depends("subject_id", "type", "lang")
    def _compute_card_summary(self):
        for request in self:
            lines = [line for line in request._find_card_lines() if line["value"]]
            rows, record = Markup(), None
            for line in lines:
                if line["record"] != record:
                    record = line["record"]
                    rows += Markup('<tr><td colspan="2" style="padding: 8px 0 2px 0;"><b>%s</b></td></tr>') % record
                rows += Markup(
                    '<tr><td style="padding: 2px 16px 2px 0;">%s</td><td style="padding: 2px 0;">%s</td></tr>'
                ) % (line["label"], line["value"])
            request.card_summary = rows and Markup("<table>%s</table>") % rows

    @api.depends("answer_undecided_count", "answer_state")
    @api.depends_context("lang")
    def _compute_answer_to_decide(self):
        for request in self:
            count = request.answer_undecided_count if request.answer_state == "review" else 0
            request.answer_to_decide = self.env._("%(count)s to decide", count=count) if count else False

    def action_prepare_answer(self):
        """Find what is held of the persons, and prepare what goes out; in the background where it is much.

        :raise UserError: a request is closed, or isn't answered with data
        """
        self.check_access("write")
        for request in self:
            if request.type not in ANSWERED_TYPES or request.state not in PREPARABLE_STATES:
                raise UserError(self.env._("There is no answer to prepare for %(number)s.", number=request.name))
            if request.state != "in_progress":
                request.action_start()
            answer = self.env["gdpr.answer"]._prepare(request, request.type)
            if answer.total_count <= IMMEDIATE:
                answer._build_now()
        self.env["gdpr.answer"]._trigger_building()
        return True

    def action_review_answer(self):
        """Open what must be looked at before it goes out."""
        self.ensure_one()
        return self.answer_id.action_review()

    def action_approve_answer(self):
        """Confirm that somebody has looked at what goes out."""
        return self.answer_id.action_approve()

    def action_send_answer(self):
        """Open Odoo's composer with the answer; what goes out can be changed there.

        :raise UserError: nothing is ready, or there is no address to send it to
        """
        self.ensure_one()
        self.check_access("write")
        answer = self.answer_id
        answer._check_sendable()
        template = answer._get_template()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send answer"),
            "res_model": "mail.compose.message",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_model": self._name,
                "default_res_ids": self.ids,
                "default_composition_mode": "comment",
                "default_template_id": template.id,
                "default_gdpr_answer_id": answer.id,
                "default_email_layout_xmlid": False,
                "dialog_size": "large",
            },
        }

    def _reduce(self):
        """Let what was prepared, and what was corrected, go with what else a closed request tells of the person."""
        self.answer_ids._discard()
        self.sudo().correction_ids._forget_values()
        return super()._reduce()

    def _find_card_lines(self):
        """Give the values of the person's cards, in the person's language: see ``gdpr.answer._get_card_lines``."""
        self.ensure_one()
        return self.env["gdpr.answer"]._read_cards(self)

    def _fulfil_access(self):
        """Prepare and send what is held of the person, where it isn't sent yet; give what was done."""
        return self._send_answer(
            lambda date: self.env._(
                "We sent you a copy of your data, and all that article 15 asks, on %(date)s.", date=date
            )
        )

    def _fulfil_portability(self):
        """Prepare and send the person's data as files for machines, where they aren't sent yet."""
        return self._send_answer(lambda date: self.env._("We sent you your data as files on %(date)s.", date=date))

    def _send_answer(self, describe):
        """Do what is left to do until the answer is on its way. What the officer answered by hand is done already.

        :raise UserError: somebody must review it first, or it takes its time
        """
        self.ensure_one()
        # What is left to do is the officer's to read.
        speaking = self.with_context(lang=self.env.user.lang).env
        answer = self.sudo().answer_id
        if (self.resolution or "").strip() and not (answer and self.email):
            # Answered in another way: the officer says how.
            return None
        if answer.state not in ("review", "collecting", "assembling", "ready", "sent"):
            answer = self.env["gdpr.answer"]._prepare(self, self.type)
        if answer.state != "sent" and answer.total_count <= IMMEDIATE:
            answer._build_now()
        if answer.state == "review":
            raise UserError(
                speaking._(
                    "%(number)s: there are texts or files that may name other people. Prepare the answer and review"
                    " them first.",
                    number=self.name,
                )
            )
        if answer.state in ("collecting", "assembling"):
            raise UserError(
                speaking._(
                    "%(number)s: %(count)s records are held of this person. Prepare the answer first: it is made in the"
                    " background.",
                    number=self.name,
                    count=answer.total_count,
                )
            )
        if answer.state == "failed":
            raise UserError(answer.failure_reason)
        if answer.state == "ready":
            answer.with_user(self.env.user)._send()
            if answer.failure_reason:
                raise UserError(answer.failure_reason)
        date = fields.Date.context_today(self, answer.sent_on or fields.Datetime.now())
        return describe(self.env["ir.qweb.field.date"].value_to_html(date, {}))
