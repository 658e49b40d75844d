from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class GdprErasureDoubt(models.Model):
    """A record that an address leads to which somebody else has as well: an officer says whose it is.

    Holds nothing of the record but its number.
    """

    _name = "gdpr.erasure.doubt"
    _description = "Doubtful Record of an Erasure"
    _order = "line_id, res_id"

    line_id = fields.Many2one(
        "gdpr.erasure.plan.line",
        required=True,
        index=True,
        ondelete="cascade",
        help="The line of the plan that the record would be in.",
    )
    request_id = fields.Many2one(related="line_id.request_id")
    model = fields.Char(related="line_id.model")
    res_id = fields.Many2oneReference("Record", model_field="model", required=True, readonly=True)
    name = fields.Char(
        compute="_compute_name",
        compute_sudo=True,
        help="The record, which may be the person's or somebody else's. Open it before you decide.",
    )
    decision = fields.Selection(
        [("theirs", "It is this person's"), ("others", "It is somebody else's")],
        help="Only what is this person's is erased.",
    )

    @api.depends("model", "res_id")
    def _compute_name(self):
        for model, doubts in self.grouped("model").items():
            names = self.env["gdpr.erasure.plan.line"]._get_names(model, doubts.mapped("res_id"))
            for doubt in doubts:
                doubt.name = names.get(doubt.res_id, False)

    def write(self, vals):
        if not self.env.su and vals.keys() - {"decision"}:
            raise AccessError(self.env._("Only what happens to the records can be corrected."))
        # A client can send a context, too.
        is_planning = self.env.su and self.env.context.get("gdpr_planning")
        if (
            "decision" in vals
            and not is_planning
            and any(doubt.request_id.sudo().erasure_state != "planned" for doubt in self)
        ):
            raise UserError(self.env._("The plan was approved already: plan again to change it."))
        written = super().write(vals)
        if vals.get("decision"):
            self._decide_hanging(vals["decision"])
        return written

    def _decide_hanging(self, decision):
        """Decide alike what nobody decided yet and hangs on these records: their messages, their files."""
        for request, decided in self.grouped("request_id").items():
            waiting = request.plan_line_ids.doubt_ids.filtered(lambda doubt: not doubt.decision)
            hanging = waiting.browse()
            for model, doubts in decided.grouped("model").items():
                for line in waiting.line_id.filtered("map_id"):
                    own = waiting.filtered(lambda doubt, line=line: doubt.line_id == line)
                    ids = line.map_id._filter_hanging(own.mapped("res_id"), model, doubts.mapped("res_id"))
                    hanging |= own.filtered(lambda doubt, ids=ids: doubt.res_id in ids)
            if hanging:
                hanging.decision = decision

    def action_theirs(self):
        """Say that these records are the person's."""
        self.decision = "theirs"
        return True

    def action_others(self):
        """Say that these records are somebody else's: they stay."""
        self.decision = "others"
        return True
