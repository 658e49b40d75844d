from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..tools.listing import list_names
from .gdpr_subject_request_sweeping import LISTED

# From the order on.
ORDERED_STATES = ("queued", "running", "blocked", "telling")
# In these it can be planned, or planned again: what is left of somebody who was erased too.
PLANNING_STATES = ("planned", "approved", "blocked", "finished")


class GdprSubjectRequest(models.Model):
    """Erasure: the plan, and who approves it (article 17, law.md R-56, R-57, R-107). States, and who sets them:

    * planned: an officer has planned it, or the system has planned anew because something came in;
    * approved: an officer has approved the plan, another one where the company asks for it;
    * queued: an officer has ordered it; it begins when the delay of the company is over;
    * running: the journal is written, and the records are erased in batches;
    * blocked: something couldn't be erased, and an officer has to look;
    * telling: all is erased, the person is being told;
    * finished: the person was told, or can't be.
    """

    _inherit = "gdpr.subject.request"

    plan_line_ids = fields.One2many(
        "gdpr.erasure.plan.line",
        "request_id",
        string="Plan",
        copy=False,
        help="What is deleted, made anonymous or kept, and why. Nothing else is touched.",
    )
    erasure_state = fields.Selection(
        [
            ("planned", "Planned"),
            ("approved", "Approved"),
            ("queued", "Queued"),
            ("running", "Erasing"),
            ("blocked", "Needs Attention"),
            ("telling", "Telling the Person"),
            ("finished", "Erased"),
        ],
        string="Erasure",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="Nothing is erased before the plan is approved. Afterwards it goes on by itself, also after a crash.",
    )
    erasure_note = fields.Text(
        "What to Know", readonly=True, copy=False, help="What the plan can't say by itself: read it before you approve."
    )
    planned_on = fields.Datetime(
        readonly=True, copy=False, help="What has come up since isn't in the plan: make it again before you approve it."
    )
    planned_by_id = fields.Many2one("res.users", readonly=True, copy=False, help="Who had the plan made.")
    approved_on = fields.Datetime(readonly=True, copy=False, help="When the plan was approved.")
    approved_by_id = fields.Many2one(
        "res.users",
        readonly=True,
        copy=False,
        help="Who has approved the plan; somebody other than who made it, where the settings say so.",
    )
    erase_on = fields.Datetime(
        "Begins", readonly=True, copy=False, help="Until then the erasure can still be called off."
    )
    erasure_journal_id = fields.Many2one("gdpr.erasure.journal", string="Journal", readonly=True, copy=False)
    erasure_progress = fields.Float(compute="_compute_erasure_progress", help="Per cent of the records.")
    doubtful_count = fields.Integer(
        "To Be Looked At",
        compute="_compute_doubtful_count",
        help="Records that may be somebody else's. Decide about each before the plan is approved.",
    )
    erasure_warning = fields.Text(
        compute="_compute_erasure_warning", help="What whoever approves the plan should know."
    )

    @api.depends("plan_line_ids.count", "plan_line_ids.done_count")
    def _compute_erasure_progress(self):
        for request in self:
            total = sum(request.plan_line_ids.mapped("count"))
            done = sum(request.plan_line_ids.mapped("done_count"))
            request.erasure_progress = 100 * min(1, done / total) if total else 0

    @api.depends("plan_line_ids.doubtful_count")
    def _compute_doubtful_count(self):
        for request in self:
            request.doubtful_count = sum(request.plan_line_ids.mapped("doubtful_count"))

    @api.depends("erasure_state", "plan_line_ids.action", "plan_line_ids.proposed_action", "plan_line_ids.count")
    def _compute_erasure_warning(self):
        for request in self:
            request.erasure_warning = "\n".join(request._get_erasure_warnings()) or False

    def _get_erasure_warnings(self):
        """Give what whoever approves the plan should know, a sentence each.

        :rtype: list[str]
        """
        self.ensure_one()
        lines = self.plan_line_ids.filtered(
            lambda line: line.proposed_action == "keep" and line.action != "keep" and line.count
        )
        warnings = []
        over = self.plan_line_ids.filtered(lambda line: line.action != "keep" or line.part == "sealed")
        if sealed := over._find_sealed():
            warnings.append(
                self.env._(
                    "Secured by Odoo with a hash, so that nobody can change their labels and whom they lead to:"
                    " %(records)s. They stay so; the contact they lead to is made anonymous when its own time is over.",
                    records=", ".join(f"{line.place_name} ({count})" for line, count in sealed.items()),
                )
            )
        if lines:
            warnings.append(
                self.env._(
                    "Proposed to be kept, but corrected so that it is erased: %(records)s.",
                    records=", ".join(f"{line.place_name} ({line.count})" for line in lines),
                )
            )
        if self.erasure_state not in ("planned", "approved", "queued"):
            return warnings
        if self.assurance == "none" and self.source == "mail":
            warnings.append(
                self.env._(
                    "Asked by e-mail, whose sender anybody can forge, and nobody has checked who asks. What is erased"
                    " can't be brought back: check the identity first."
                )
            )
        if leftovers := self._find_leftovers():
            warnings.append(
                self.env._(
                    "The person has asked for more, which can't be answered once the data is gone, and is closed then:"
                    " %(requests)s. Answer it first, or ask the person.",
                    requests=leftovers._list_in_words(),
                )
            )
        if names := self._find_alike():
            warnings.append(
                self.env._(
                    "Others have an address or a number of the person, and stay: %(records)s. Is one of them the same"
                    " person? Then join them first (“Same person as…”), and plan again. An address that somebody else"
                    " has isn't remembered, so it can come back.",
                    records=list_names(names, LISTED),
                )
            )
        if others := self._find_others_of_mailbox():
            warnings.append(
                self.env._(
                    "Asked from the person's mailbox, and nobody has said by whom: %(requests)s. It stays open and"
                    " keeps the address. Say whose it is first.",
                    requests=others._list_in_words(),
                )
            )
        return warnings

    def _find_alike(self):
        """Give the names of the cards of others that have an address or a number of the person.

        :rtype: list[str]
        """
        self.ensure_one()
        asked_about = {
            model: set(doubts.mapped("res_id"))
            for model, doubts in self.plan_line_ids.doubt_ids.grouped("model").items()
        }
        return [
            f"{cards._description} “{card.display_name}” ({card.id})"
            for cards in self.env["gdpr.data.map"]._find_others_cards(self._identify_decided())
            for card in cards
            if card.id not in asked_about.get(card._name, ()) and card._gdpr_get_own_company() <= self.company_id
        ]

    def _list_in_words(self):
        """Give the numbers of the requests, each with what it asks for."""
        return ", ".join(
            f"{request.name} ({request.type_in_words})" if request.type else request.name for request in self
        )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_plan(self):
        """Find all that is held of the person, and propose what happens to it. Corrections made before are kept.

        :raise UserError: not an erasure, it has begun, or the person can't be erased
        """
        for request in self:
            request._check_erasable()
            if request.state != "in_progress":
                request.action_start()
            if request.erasure_state == "blocked":
                request.sudo().erasure_journal_id.is_stopped = True
            request.sudo()._make_plan()
            request.sudo()._propose_recipients()
            request.sudo().write(
                {
                    "erasure_state": "planned",
                    "erasure_note": False,
                    "planned_on": fields.Datetime.now(),
                    "planned_by_id": self.env.uid,
                    "approved_on": False,
                    "approved_by_id": False,
                    "erase_on": False,
                    "erased_on": False,
                    "erasure_journal_id": False,
                }
            )
            request._log_step("planned")
        return True

    def action_approve(self):
        """Approve the plans as they are.

        Where something came in since, the plan is made anew instead, and the user told.

        :raise UserError: not planned, a doubt is left, nobody said why something is kept, a recipient can't be told, or
            somebody else has to approve it
        """
        for request in self:
            request._check_officer()
            if request.erasure_state == "approved":
                # Done twice, it is done once.
                continue
            if request.erasure_state in ORDERED_STATES:
                raise UserError(
                    self.env._("The erasure of %(number)s is ordered already. Reload the page.", number=request.name)
                )
            if request.erasure_state != "planned":
                raise UserError(self.env._("Plan %(number)s first.", number=request.name))
            if request.company_id.gdpr_erasure_second_officer and self.env.user in (
                request.planned_by_id | request.create_uid
            ):
                raise UserError(
                    self.env._("Somebody else has to approve the plan of %(number)s: you made it.", number=request.name)
                )
            request._check_address()
            if stale := request._plan_anew_if_changed():
                return stale
            if request.doubtful_count:
                raise UserError(
                    self.env._(
                        "%(number)s: %(count)s records may be somebody else's. Say whose they are first.",
                        number=request.name,
                        count=request.doubtful_count,
                    )
                )
            request.plan_line_ids._check_reason()
            request.plan_line_ids._check_emptied()
            request._check_recipients_reachable()
            request._check_gaps()
            request.sudo().write(
                {"erasure_state": "approved", "approved_on": fields.Datetime.now(), "approved_by_id": self.env.uid}
            )
            request._log_step("approved", request.erasure_warning)
        return True

    def action_retry_erasure(self):
        """Try again what couldn't be erased, after its cause was removed."""
        for request in self.filtered(lambda request: request.erasure_state == "blocked"):
            request._check_officer()
            entries = request.sudo().erasure_journal_id.entry_ids.filtered(lambda entry: entry.state == "failed")
            entries.write({"state": "todo", "attempts": 0, "failure": False})
            state = "telling" if request.erased_on else "running"
            request.sudo().write({"erasure_state": state, "erasure_note": False})
        self.env.ref("gdpr_consent.ir_cron_erasure").sudo()._trigger()
        return True

    def action_show_doubts(self):
        """Open the records that may be somebody else's, to say whose they are."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Whose are they?"),
            "res_model": "gdpr.erasure.doubt",
            "view_mode": "list",
            "domain": [("line_id.request_id", "=", self.id)],
            "context": {"create": False},
        }

    # ------------------------------------------------------------
    # THE PLAN
    # ------------------------------------------------------------

    def _check_officer(self):
        if not self.env.su and not self.env.user.has_group("gdpr_consent.group_officer"):
            raise AccessError(self.env._("Only a privacy officer can erase a person."))

    def _check_erasable(self):
        self.ensure_one()
        self._check_officer()
        if self.type != "erasure":
            raise UserError(self.env._("%(number)s doesn't ask for erasure.", number=self.name))
        is_told_only = self.erasure_state == "blocked" and self.erased_on
        if self.erasure_state == "queued":
            raise UserError(
                self.env._(
                    "The erasure of %(number)s is ordered: press “Don't Erase Yet” before you plan it again.",
                    number=self.name,
                )
            )
        if self.erasure_state and (self.erasure_state not in PLANNING_STATES or is_told_only):
            raise UserError(self.env._("The erasure of %(number)s is under way already.", number=self.name))
        cards = self.subject_id.sudo().root_id._get_all_cards()
        for records in cards:
            if reason := records._gdpr_get_erasure_hindrance():
                raise UserError(reason)
