import codecs
import csv
import io
import re

from odoo import models
from odoo.exceptions import UserError
from odoo.tools.mail import email_normalize

from ..tools.safe_csv import restore
from .gdpr_rectification_line import Proposal
from .gdpr_subject_request import OPEN_STATES

# A spreadsheet saves what is typed on this machine in one of them.
ENCODINGS = ("utf-8-sig", "cp1252")
# Or in UTF-16, which begins with a mark, or has an octet of zero in every letter of the head.
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LINE_WIDTH = 4
# What a person writes in the column for corrections to have a value removed; an empty cell says nothing.
REMOVAL = "-"


class GdprSubjectRequest(models.Model):
    """The CSV file of corrections that a person sends back (S33): only what was written or changed is a correction."""

    _inherit = "gdpr.subject.request"

    def _message_post_after_hook(self, message, msg_vals):
        """Read a CSV file that the person sent back by answering the message; nothing is proposed in a closed case."""
        result = super()._message_post_after_hook(message, msg_vals)
        if message.message_type != "email":
            return result
        if self.state not in OPEN_STATES:
            self.sudo()._schedule_reading_of_late_message()
        elif self.type == "rectification":
            sender = email_normalize(message.email_from or "")
            for file in message.sudo().attachment_ids if sender and sender == email_normalize(self.email or "") else ():
                if file.name.lower().endswith(".csv"):
                    self._read_returned_file(file.raw)
        return result

    def _schedule_reading_of_late_message(self):
        """Tell whoever is responsible that something came to this closed request; once, until somebody has looked."""
        responsible = self.user_id or self._get_default_responsible(self.company_id) or self.env.user
        speaking = self.with_context(lang=responsible.lang)
        summary = speaking.env._("A message came to %(number)s, which is closed: read it", number=self.name)
        self._schedule_for(responsible, "mail.mail_activity_data_todo", summary)

    def _read_returned_file(self, content):
        """Take what a file says that came by mail; one that can't be read waits in the thread for somebody to look."""
        try:
            self.sudo()._propose_corrections(self.sudo()._parse_corrections(content))
        except UserError as error:
            self.sudo()._message_log(body=str(error))

    def _parse_corrections(self, content):
        """Give what a CSV file that came back says, as ``_propose_corrections`` takes it.

        What is written in the column for corrections counts, and where that is empty, what was written over what was
        sent: some write there instead of beside it.

        :param bytes content: as a spreadsheet saved it, in whatever encoding and with whatever separator
        :rtype: list[Proposal]
        :raise UserError: it isn't the file that was sent
        """
        self.ensure_one()
        text = self._decode(content)
        known = {(line["record"], line["label"]): line for line in self.env["gdpr.answer"]._read_cards(self)}
        sent = self._read_sent_files()
        found, proposals, unclear = 0, [], []
        for record, label, shown, right in self._read_rows(text):
            line = known.get((record, label))
            if not line:
                continue
            found += 1
            before = sent.get((record, label), [])
            same = next((value for value in before if is_same(shown, value)), None)
            place = (line["model"], line["res_id"], line["field"])
            if right:
                old = same if same is not None else before[0] if before else line["value"]
                proposals.append(Proposal(*place, "" if right == REMOVAL else right, old))
            elif shown and same is None and not is_same(shown, line["value"]):
                if before:
                    proposals.append(Proposal(*place, "" if shown == REMOVAL else shown, before[0]))
                else:
                    unclear.append(label)
        if not found:
            raise UserError(self.env._("This isn't the file that was sent: no line of it is on record."))
        if unclear:
            self.sudo()._message_log(
                body=self.env._(
                    "The file shows other values than the records: %(labels)s. What was sent isn't kept any more, so it"
                    " isn't clear whether the person changed them: ask.",
                    labels=", ".join(unclear),
                )
            )
        return proposals

    def _read_sent_files(self):
        """Give what the person was sent, as far as the files are still there.

        :return: the values by (record, label), the last sent first
        :rtype: dict[tuple[str, str], list[str]]
        """
        sent = {}
        # Of a request that was taken for another kind at first there may be answers that are no such file.
        answers = self.sudo().answer_ids.filtered(lambda answer: answer.kind == "rectification")
        for answer in answers.sorted("id", reverse=True):
            for file in answer.attachment_ids:
                for record, label, value, _right in self._read_rows(self._decode(file.raw)):
                    sent.setdefault((record, label), []).append(value)
        return sent

    def _read_rows(self, text):
        """Give the lines of a file of corrections, without their head: record, label, what was sent, what is right."""
        first_line = text.partition("\n")[0]
        separator = max(",;\t", key=first_line.count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        return [[restore(cell) for cell in (*row, "", "", "", "")[:LINE_WIDTH]] for row in rows[1:]]

    def _decode(self, content):
        encodings = ENCODINGS
        if content.startswith(UTF_16_MARKS):
            encodings = ("utf-16",)
        elif b"\0" in content[:2]:
            encodings = ("utf-16-be" if content.startswith(b"\0") else "utf-16-le",)
        for encoding in encodings:
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise UserError(self.env._("The file can't be read: save it as CSV, in UTF-8."))


def is_same(text, other):
    """Tell whether two cells say the same, after a spreadsheet has opened and saved one of them.

    It takes the zeros off postcodes and turns dates round.
    """
    if text.split() == other.split():
        return True
    numbers = [re.findall(r"\w+", value) for value in (text, other)]
    if not all(words and all(word.isdecimal() for word in words) for words in numbers):
        return False
    return sorted(map(int, numbers[0])) == sorted(map(int, numbers[1]))
