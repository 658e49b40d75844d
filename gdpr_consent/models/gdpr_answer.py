from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools.redaction import MARK

# What is given out, by what was asked. Export leaves out what was derived (article 20, law.md R-63).
ORIGINS = {
    "access": ("provided", "observed", "derived"),
    "portability": ("provided", "observed"),
    "rectification": ("provided",),
}
KINDS = [("access", "Access"), ("portability", "Export"), ("rectification", "Rectification")]
# What can be collected while somebody waits.
IMMEDIATE = 1000


class GdprAnswer(models.Model):
    """What a person is given of the own data, from collecting it until its files are deleted. States:

    * collecting: what is held is being read, in the background;
    * review: free text and files wait for somebody to look at them;
    * assembling: the files are being written, in the background;
    * ready: the files can be sent; sent: the message with them left;
    * expired: the files were deleted; failed: the reason says why.
    """

    _name = "gdpr.answer"
    _description = "Answer to a Data-Subject Request"
    _order = "id DESC"

    name = fields.Char(related="request_id.name")
    request_id = fields.Many2one("gdpr.subject.request", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="request_id.company_id", store=True, index=True)
    kind = fields.Selection(KINDS, required=True, readonly=True)
    lang = fields.Char(required=True, readonly=True)
    mark = fields.Char(
        required=True,
        readonly=True,
        default=MARK,
        help="What stands in the texts in place of somebody else, in the language of the person.",
    )
    state = fields.Selection(
        [
            ("collecting", "Collecting"),
            ("review", "To Review"),
            ("assembling", "Writing the Files"),
            ("ready", "Ready"),
            ("sent", "Sent"),
            ("expired", "Files Deleted"),
            ("failed", "Failed"),
        ],
        required=True,
        readonly=True,
        default="collecting",
        index=True,
        help="It is collected in the background, reviewed by you, and sent once it is approved.",
    )
    failure_reason = fields.Char(readonly=True)
    prepared_on = fields.Datetime(readonly=True, help="When the data was found.")
    sent_on = fields.Datetime(readonly=True)
    expires_on = fields.Datetime("Deleted On", readonly=True, help="The files are deleted then.")
    download_count = fields.Integer("Downloads", readonly=True)
    overtaken_count = fields.Integer(
        "Changed Since",
        compute="_compute_overtaken_count",
        help="Records that were changed after they were found: the answer says what they were.",
    )
    total_count = fields.Integer("Records", readonly=True)
    done_count = fields.Integer("Records Read", readonly=True)
    progress = fields.Float(compute="_compute_progress")
    reviewer_id = fields.Many2one("res.users", string="Reviewed By", readonly=True)
    place_ids = fields.One2many("gdpr.answer.place", "answer_id", readonly=True)
    item_ids = fields.One2many("gdpr.answer.item", "answer_id")
    item_count = fields.Integer(compute="_compute_item_count")
    undecided_count = fields.Integer(compute="_compute_item_count")
    redacted_count = fields.Integer(
        compute="_compute_item_count",
        help="Texts in which something is to be blacked out, because it names somebody else.",
    )
    attachment_ids = fields.One2many(
        "ir.attachment", "res_id", string="Files", domain=[("res_model", "=", "gdpr.answer")], readonly=True
    )

    @api.depends("total_count", "done_count", "state")
    def _compute_progress(self):
        for answer in self:
            is_read = answer.state != "collecting"
            answer.progress = 100 if is_read else 100 * answer.done_count / (answer.total_count or 1)

    @api.depends("place_ids.record_ids", "prepared_on", "state")
    def _compute_overtaken_count(self):
        """Count what was changed since, among what isn't the add-on's own: one query for each place."""
        for answer in self:
            answer.overtaken_count = 0
            for place in answer.sudo().place_ids if answer.state in ("review", "ready") else ():
                records = self.env.get(place.model)
                is_own = place.model.startswith("gdpr.")
                if records is not None and records._log_access and place.record_ids and not is_own:
                    changed = [("id", "in", place.record_ids), ("write_date", ">", answer.prepared_on)]
                    answer.overtaken_count += records.sudo().with_context(active_test=False).search_count(changed)

    @api.depends("item_ids.decision")
    def _compute_item_count(self):
        counts = {}
        for answer, decision, count in self.env["gdpr.answer.item"]._read_group(
            [("answer_id", "in", self.ids)], ["answer_id", "decision"], ["__count"]
        ):
            counts.setdefault(answer.id, {})[decision] = count
        for answer in self:
            answer.item_count = sum(counts.get(answer.id, {}).values())
            answer.undecided_count = counts.get(answer.id, {}).get(False, 0)
            answer.redacted_count = counts.get(answer.id, {}).get("redact", 0)

    def action_review(self):
        """Open the texts and files that somebody must look at: also those with a proposal, after the undecided."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Review %(number)s", number=self.name),
            "res_model": "gdpr.answer.item",
            "view_mode": "list,form",
            "domain": [("answer_id", "=", self.id)],
        }

    def action_approve(self):
        """Confirm that somebody has looked at what goes out; the files are written then.

        :raise UserError: nothing is decided about some of it
        """
        self.check_access("write")
        for answer in self.filtered(lambda answer: answer.state == "review"):
            if answer.undecided_count:
                raise UserError(
                    self.env._(
                        "%(number)s: decide about %(count)s more texts or files first.",
                        number=answer.name,
                        count=answer.undecided_count,
                    )
                )
            answer.sudo().write({"state": "assembling", "reviewer_id": self.env.uid})
        if self.filtered(lambda answer: answer.state == "assembling" and answer.total_count <= IMMEDIATE):
            self.filtered(lambda answer: answer.total_count <= IMMEDIATE).sudo()._build_now()
        self._trigger_building()
        return True

    @api.model
    def _trigger_building(self):
        self.env.ref("gdpr_consent.ir_cron_answer").sudo()._trigger()

    @api.model
    @api.private
    def _prepare(self, request, kind):
        """Begin to answer a request: find what is held of the person. What was prepared before is deleted.

        :rtype: gdpr.answer
        """
        request.sudo().answer_ids._discard()
        lang = request.lang if self._is_installed(request.lang) else self.env.lang or "en_US"
        answer = self.sudo().create(
            {
                "request_id": request.id,
                "kind": kind,
                "lang": lang,
                "mark": self.with_context(lang=lang).env._("[redacted]"),
                "prepared_on": fields.Datetime.now(),
            }
        )
        request.sudo().answer_id = answer
        answer._find_data()
        return answer

    @api.model
    def _is_installed(self, lang):
        return lang in dict(self.env["res.lang"].get_installed())

    def _speak(self):
        """Give the answer in the person's language, for its company, by nobody's hand."""
        self.ensure_one()
        company = self.company_id
        return self.sudo().with_company(company).with_context(lang=self.lang, allowed_company_ids=company.ids)

    # ------------------------------------------------------------
    # THE END
    # ------------------------------------------------------------

    @api.private
    def _discard(self):
        """Delete what these answers hold of the persons: files, texts, what was read. The answers themselves stay."""
        answers = self.sudo()
        files = self.env["ir.attachment"].sudo()
        files.search([("res_model", "=", self._name), ("res_id", "in", self.ids)]).unlink()
        answers.item_ids.unlink()
        answers.place_ids.unlink()
        self.env["gdpr.link"].sudo().search([("answer_id", "in", self.ids)]).unlink()
        # Why a message didn't leave names the address.
        answers.write({"state": "expired", "failure_reason": False})

    @api.private
    def _discard_expired(self):
        """Delete the files whose time is over, and what was read for requests that were closed without an answer."""
        # What went by paper, or was answered in another way: its term runs from the end of the request.
        unsent = [("state", "=", "ready"), ("expires_on", "=", False), ("request_id.state", "=", "done")]
        for answer in self.sudo().search(unsent):
            answer.expires_on = answer.request_id.done_on + timedelta(days=answer.company_id.gdpr_download_days)
        over = [("state", "not in", ["expired"]), ("expires_on", "<", fields.Datetime.now())]
        closed = [
            ("state", "in", ["collecting", "review", "assembling", "ready", "failed"]),
            ("request_id.state", "in", ["refused", "cancelled"]),
        ]
        (self.sudo().search(over) | self.sudo().search(closed))._discard()
