import csv
import io

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools.mail import email_normalize

from ..tools.safe_csv import restore

# A spreadsheet saves what is typed on this machine in one of them.
ENCODINGS = ("utf-8-sig", "cp1252")
LINE_WIDTH = 4
VALUE_LIMIT = 2000


class GdprSubjectRequest(models.Model):
    """Corrections: proposed by the person, decided on by an officer (article 16, S33, law.md R-55)."""

    _inherit = "gdpr.subject.request"

    correction_ids = fields.One2many("gdpr.rectification.line", "request_id", string="Corrections")
    proposed_count = fields.Integer(compute="_compute_proposed_count")

    def _compute_proposed_count(self):
        for request in self:
            request.proposed_count = len(request.correction_ids.filtered(lambda line: line.state == "proposed"))

    def action_apply_corrections(self):
        """Write the ticked corrections to the records, with the user's own rights, and tell the recipients.

        :raise UserError: none is ticked, or one can't be written
        """
        self.check_access("write")
        for request in self:
            lines = request.correction_ids.filtered(lambda line: line.state == "proposed" and line.is_chosen)
            if not lines:
                raise UserError(self.env._("Tick the corrections to apply first."))
            lines._apply()
            # The labels alone: the log outlives the data.
            request._log_step("applied", ", ".join(lines.mapped("label")))
            request._tell_recipients()
        return True

    def action_reject_corrections(self):
        """Leave the records as they are where nothing is applied yet."""
        self.check_access("write")
        for request in self:
            lines = request.correction_ids.filtered(lambda line: line.state == "proposed")
            if lines:
                lines._decide("rejected")
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

    def _message_post_after_hook(self, message, msg_vals):
        """Read a CSV file that the person sent back by answering the message."""
        result = super()._message_post_after_hook(message, msg_vals)
        if self.type == "rectification" and message.message_type == "email":
            sender = email_normalize(message.email_from or "")
            for file in message.sudo().attachment_ids if sender and sender == email_normalize(self.email or "") else ():
                if file.name.lower().endswith(".csv"):
                    self._read_returned_file(file.raw)
        return result

    def _read_returned_file(self, content):
        """Take what a file says that came by mail; one that can't be read waits in the thread for somebody to look."""
        try:
            self.sudo()._propose_corrections(self.sudo()._parse_corrections(content))
        except UserError as error:
            self.sudo()._message_log(body=str(error))

    def _parse_corrections(self, content):
        """Give what a CSV file that came back says, as ``_propose_corrections`` takes it.

        :param bytes content: as a spreadsheet saved it, in whatever encoding and with whatever separator
        :raise UserError: it isn't the file that was sent
        """
        self.ensure_one()
        text = self._decode(content)
        first_line = text.partition("\n")[0]
        separator = max(",;\t", key=first_line.count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        known = {(line["record"], line["label"]): line for line in self.env["gdpr.answer"]._read_cards(self)}
        found, values = 0, []
        for row in rows[1:]:
            cells = [restore(cell) for cell in (*row, "", "", "", "")[:LINE_WIDTH]]
            line = known.get((cells[0], cells[1]))
            if not line:
                continue
            found += 1
            # Some write over what is there, instead of beside it.
            right = cells[3] or cells[2]
            if right:
                values.append((line["model"], line["res_id"], line["field"], right))
        if not found:
            raise UserError(self.env._("This isn't the file that was sent: no line of it is on record."))
        return values

    def _decode(self, content):
        for encoding in ENCODINGS:
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise UserError(self.env._("The file can't be read: save it as CSV, in UTF-8."))

    def _propose_corrections(self, values, statement=None):
        """Note what the person says is right, where it differs from what is on record; the officer decides.

        What the person proposed before for the same value is replaced. Only values that were shown can be proposed.

        :param list values: ``(model, id, field, text)``
        :param str statement: what else is wrong or missing, in the person's words
        :return: the new lines
        :rtype: gdpr.rectification.line
        """
        self.ensure_one()
        lines = self.env["gdpr.rectification.line"].sudo()
        cards = self.env["gdpr.answer"]._read_cards(self)
        known = {(line["model"], line["res_id"], line["field"]): line for line in cards}
        vals_list = []
        for model, res_id, field, text in values:
            line = known.get((model, res_id, field))
            text = (text or "").replace("\0", "").strip()[:VALUE_LIMIT]
            if line and text.split() != line["value"].split():
                vals_list.append(
                    {
                        "request_id": self.id,
                        "res_model": model,
                        "res_id": res_id,
                        "field": field,
                        "record": line["record"],
                        "label": line["label"],
                        "old_value": line["value"],
                        "new_value": text,
                    }
                )
        if statement:
            vals_list.append(
                {"request_id": self.id, "label": self.env._("In the person's words"), "new_value": statement}
            )
        proposed = {(vals.get("res_model"), vals.get("res_id"), vals.get("field")) for vals in vals_list}
        self.sudo().correction_ids.filtered(
            lambda line: (
                line.state == "proposed" and line.res_model and (line.res_model, line.res_id, line.field) in proposed
            )
        ).unlink()
        if vals_list:
            self._log_step("proposed", ", ".join(vals["label"] for vals in vals_list))
            self.sudo()._schedule_review_of_corrections()
        return lines.create(vals_list)

    def _schedule_review_of_corrections(self):
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("Look at the corrections of %(number)s", number=self.name),
            user_id=self.user_id.id or self.env.uid,
        )

    def _fulfil_rectification(self):
        """Say what was corrected.

        :raise UserError: something is undecided, or nobody has said yet what is right
        """
        self.ensure_one()
        lines = self.correction_ids
        if lines.filtered(lambda line: line.state == "proposed"):
            raise UserError(self.env._("%(number)s: apply or reject the corrections first.", number=self.name))
        applied = lines.filtered(lambda line: line.state == "applied")
        if applied:
            done = self.env._("We corrected: %(labels)s.", labels=", ".join(applied.mapped("label")))
            return " ".join(filter(None, [done, self._get_recipients_sentence()]))
        if not (self.resolution or "").strip():
            raise UserError(
                self.env._(
                    "%(number)s: send the person the data to correct, or say what you corrected by hand.",
                    number=self.name,
                )
            )
        self._tell_recipients()
        return None
