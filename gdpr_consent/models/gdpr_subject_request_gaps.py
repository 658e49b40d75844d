from odoo import api, fields, models
from odoo.exceptions import UserError

# What is found for these goes by the data map.
MAPPED_TYPES = ("access", "portability", "erasure")


class GdprSubjectRequest(models.Model):
    """What looks personal and isn't in the data map: nothing was looked for there, and whoever approves says that they
    know (law.md R-54).
    """

    _inherit = "gdpr.subject.request"

    undeclared_data = fields.Text(
        "Not in the Data Map",
        compute="_compute_undeclared_data",
        compute_sudo=True,
        help="Fields that look personal and that nobody declared: nothing of the person was looked for there.",
    )
    accepted_gaps = fields.Text(
        "Left Out Knowingly", readonly=True, copy=False, help="The undeclared fields that somebody went on without."
    )
    has_open_gaps = fields.Boolean(compute="_compute_undeclared_data", compute_sudo=True)

    @api.depends("type", "state", "answer_state", "erasure_state", "accepted_gaps")
    def _compute_undeclared_data(self):
        concerned = self.filtered(lambda request: request._goes_by_the_map())
        text = concerned and self._describe_gaps()
        for request in self:
            request.undeclared_data = text if request in concerned else False
            request.has_open_gaps = bool(request.undeclared_data) and request.undeclared_data != request.accepted_gaps

    def action_accept_gaps(self):
        """Say that these requests go on although nothing was looked for in what nobody declared; it is logged."""
        self.check_access("write")
        for request in self.filtered("has_open_gaps"):
            request.sudo().accepted_gaps = request.undeclared_data
            request._log_step("gaps_accepted", request.undeclared_data)
        return True

    def _goes_by_the_map(self):
        """Tell whether what was found by the data map is about to be given out or erased."""
        self.ensure_one()
        return (
            self.type in MAPPED_TYPES
            and self.state == "in_progress"
            and (self.erasure_state == "planned" or self.answer_state in ("review", "ready"))
        )

    def _check_gaps(self):
        """Refuse to go on while nobody has said that they know what was left out.

        :raise UserError: so
        """
        for request in self.filtered("has_open_gaps"):
            raise UserError(
                self.env._(
                    "%(number)s: these fields look personal and aren't in the data map, so nothing of the person was"
                    " looked for there. Declare them under Undeclared Data, or go on without them knowingly, with the"
                    " button in the request.\n\n%(fields)s",
                    number=request.name,
                    fields=request.undeclared_data,
                )
            )

    @api.model
    def _describe_gaps(self):
        """Give what nobody declared, a line for each model; empty where nothing is missing."""
        found = {}
        for gap in self.env["gdpr.data.map"]._find_gaps():
            found.setdefault(gap.model, []).append(gap.field)
        # The names of models and fields: what is compared with what was accepted, in whatever language.
        return "\n".join(f"{model}: {', '.join(sorted(names))}" for model, names in sorted(found.items()))
