from itertools import starmap

from odoo import api, fields, models
from odoo.exceptions import UserError

from .gdpr_rectification_line import Proposal

VALUE_LIMIT = 2000


class GdprSubjectRequest(models.Model):
    """Corrections: proposed by the person, decided on by an officer (article 16, S33, law.md R-55)."""

    _inherit = "gdpr.subject.request"

    correction_ids = fields.One2many(
        "gdpr.rectification.line",
        "request_id",
        string="Corrections",
        help="What the person wants changed, next to what is on record. Apply what is right.",
    )
    proposed_count = fields.Integer(compute="_compute_decision_counts")
    rejected_count = fields.Integer(compute="_compute_decision_counts")

    @api.depends("correction_ids.state")
    def _compute_decision_counts(self):
        for request in self:
            states = request.correction_ids.mapped("state")
            request.proposed_count = states.count("proposed")
            request.rejected_count = states.count("rejected")

    def action_apply_corrections(self):
        """Write the ticked corrections to the records, with the user's own rights, and tell the recipients.

        Nothing is written where a record was changed since the person saw it: the officer looks and ticks again.

        :return: a warning where there is something to look at again
        :raise UserError: none is ticked, one can't be written, or it isn't said what was done about the person's words
        """
        self.check_access("write")
        chosen = self.correction_ids.filtered(lambda line: line.state == "proposed" and line.is_chosen)
        if any(not request.correction_ids & chosen for request in self):
            raise UserError(self.env._("Tick the corrections to apply first."))
        overtaken = chosen.filtered("is_overtaken")
        if overtaken:
            overtaken._ask_again()
            return self._warn_of_overtaken(overtaken)
        for request in self:
            lines = request.correction_ids & chosen
            lines._apply()
            # The labels alone: the log outlives the data.
            request._log_step("applied", ", ".join(lines.mapped("label")))
            request._tell_recipients(is_again=True)
        return True

    def _warn_of_overtaken(self, lines):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "message": self.env._(
                    "Changed on the record since the person was shown it: %(labels)s. Nothing was written. Look at what"
                    " is there now, and tick again what is still right.",
                    labels=", ".join(lines.mapped("label")),
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def action_reject_corrections(self):
        """Leave the records as they are where nothing is applied yet; each line says on what ground (article 12(4)).

        :raise UserError: a line doesn't say why
        """
        self.check_access("write")
        for request in self:
            lines = request.correction_ids.filtered(lambda line: line.state == "proposed")
            if lines:
                lines._reject()
                request._log_step("rejected", ", ".join(lines.mapped("label")))
        return True

    def action_read_corrections(self):
        """Open the form that takes the CSV file the person sent back."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Read CSV file"),
            "res_model": "gdpr.rectification.upload",
            "view_mode": "form",
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def _propose_corrections(self, values, statement=None):
        """Note what the person says is right, where it differs from what is on record; the officer decides.

        What the person proposed before for the same value is replaced. Only values that were shown can be proposed.

        :param list values: ``Proposal``, or its parts: an empty text to have a value removed
        :param str statement: what else is wrong or missing, in the person's words
        :return: the new lines
        :rtype: gdpr.rectification.line
        """
        self.ensure_one()
        lines = self.env["gdpr.rectification.line"].sudo()
        cards = self.env["gdpr.answer"]._read_cards(self)
        known = {(line["model"], line["res_id"], line["field"]): line for line in cards}
        vals_list = []
        for proposal in starmap(Proposal, values):
            line = known.get(proposal[:3])
            text = clean(proposal.text)
            if line and text.split() != line["value"].split():
                vals_list.append(
                    {
                        "request_id": self.id,
                        "res_model": line["model"],
                        "res_id": line["res_id"],
                        "field": line["field"],
                        "record": line["record"],
                        "label": line["label"],
                        "old_value": line["value"] if proposal.shown is None else clean(proposal.shown),
                        "new_value": text,
                    }
                )
        if statement:
            vals_list.append(
                {"request_id": self.id, "label": self.env._("In your own words"), "new_value": clean(statement)}
            )
        proposed = {(vals.get("res_model"), vals.get("res_id"), vals.get("field")) for vals in vals_list}
        words = {vals["new_value"] for vals in vals_list if not vals.get("res_model")}
        self.sudo().correction_ids.filtered(
            lambda line: (
                line.state == "proposed"
                and (
                    (line.res_model, line.res_id, line.field) in proposed if line.res_model else line.new_value in words
                )
            )
        ).unlink()
        if vals_list:
            self._log_step("proposed", ", ".join(vals["label"] for vals in vals_list))
            self.sudo()._schedule_review_of_corrections()
        return lines.create(vals_list)

    def _get_card_values(self):
        """Give what is on record now, by ``(model, id, field)``, as the person would read it."""
        self.ensure_one()
        return {
            (line["model"], line["res_id"], line["field"]): line["value"]
            for line in self.env["gdpr.answer"]._read_cards(self)
        }

    def _schedule_review_of_corrections(self):
        user = self.user_id or self.env.user
        speaking = self.with_context(lang=user.lang)
        summary = speaking.env._("Look at the corrections of %(number)s", number=self.name)
        self._schedule_for(user, "mail.mail_activity_data_todo", summary)

    def _fulfil_rectification(self):
        """Say what was corrected, and what wasn't and why (article 12(4)), after what the officer says.

        :raise UserError: something is undecided, or nobody has said yet what is right
        """
        self.ensure_one()
        speaking = self.with_context(lang=self.env.user.lang).env
        if self.proposed_count:
            raise UserError(speaking._("%(number)s: apply or reject the corrections first.", number=self.name))
        said = (self.resolution or "").strip()
        if self.correction_ids:
            # Who closes a request again has the sentences there already.
            added = [sentence for sentence in self._describe_decisions() if sentence and sentence not in said]
            self.resolution = "\n".join(filter(None, [said, *added]))
            return None
        if not said:
            raise UserError(
                speaking._(
                    "%(number)s: send the person the data to correct, or say what you corrected by hand.",
                    number=self.name,
                )
            )
        self._tell_recipients()
        return None

    def _describe_decisions(self):
        """Give the sentences that tell the person what became of the corrections."""
        by_state = self.correction_ids.grouped("state")
        applied, handled, rejected = (by_state.get(state) for state in ("applied", "handled", "rejected"))
        if applied:
            # The same value of several records, as a contact and its lead, is told once.
            labels = ", ".join(dict.fromkeys(line._describe(line.explanation) for line in applied))
            yield self.env._("We corrected: %(labels)s.", labels=labels)
            yield self._get_recipients_sentence()
        for line in handled or ():
            yield self.env._("About what you wrote: %(done)s", done=line.explanation)
        if rejected:
            reasons = "; ".join(line._describe(line._get_reason()) for line in rejected)
            yield self.env._("We didn't correct: %(reasons)s.", reasons=reasons)

    def _close(self, state, action, note=None):
        """Write to the people what became of their corrections, also where the officer has made them by hand."""
        super()._close(state, action, note)
        if state == "done":
            requests = self.filtered(lambda request: request.type == "rectification")
            requests._write_outcome("gdpr_consent.mail_template_answer_corrected")


def clean(text):
    """Give what can be stored of a text that somebody outside sent."""
    return (text or "").replace("\0", "").strip()[:VALUE_LIMIT]
