import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

_logger = logging.getLogger(__name__)

# So long a mail server may be away until the person isn't told any more.
TELLING_PATIENCE = timedelta(days=5)


class GdprSubjectRequest(models.Model):
    """What the person is told of an erasure as the last act, and how the request is closed."""

    _inherit = "gdpr.subject.request"

    erasure_mail_id = fields.Many2one("mail.mail", readonly=True, copy=False, ondelete="set null")

    def _tell_erased(self):
        """Tell the person, as the last act, at the address that is forgotten afterwards; then close the request."""
        mail = self.erasure_mail_id
        if not self.email:
            self._close_erased()
        elif not mail:
            kind = "done" if self._get_erasure_summary() else "nothing"
            template = self.env.ref(f"gdpr_consent.mail_template_erasure_{kind}").sudo()
            values = {"auto_delete": False, "is_notification": False, **self.company_id._gdpr_prepare_reply_to()}
            mail_id = template.send_mail(self.id, email_values=values)
            self.erasure_mail_id = mail_id
            return True
        elif mail.state == "sent":
            self._close_erased()
        elif self.erased_on < fields.Datetime.now() - TELLING_PATIENCE:
            self._log_step("executed", self.env._("The person couldn't be told: the mail can't be delivered."))
            self._close_erased()
        else:
            if mail.state in ("exception", "cancel"):
                mail.mark_outgoing()
            mail.send()
            # Whoever sends commits: a mail that left is never sent again.
            return mail.state == "sent"
        return False

    def _close(self, state, action, note=None):
        """What is being erased can't be stopped half-way."""
        under_way = self.filtered(lambda request: request.erasure_state in ("running", "blocked", "telling"))
        if under_way:
            raise UserError(self.env._("%(number)s is being erased: it can't be closed.", number=under_way[0].name))
        if state != "done":
            self._check_not_begun()
        # Whoever takes a request up again doesn't order its erasure.
        ordered = self.filtered(lambda request: request.erasure_state in ("approved", "queued"))
        ordered.sudo().write(
            {"erasure_state": "planned", "approved_on": False, "approved_by_id": False, "erase_on": False}
        )
        super()._close(state, action, note)
        lapsed = self.filtered("is_order_lapsed")
        lapsed.sudo().is_order_lapsed = False
        lapsed._resume_held()

    def _check_not_begun(self):
        """Refuse to give up an erasure that was stopped half-way, also after it was planned again.

        :raise UserError: so
        """
        stopped = self.env["gdpr.erasure.journal"].sudo()
        stopped = stopped.search([("request_id", "in", self.ids), ("finished_on", "=", False)], limit=1)
        if stopped:
            gone = sum(stopped.entry_ids.filtered(lambda entry: entry.state == "done").mapped("count"))
            raise UserError(
                self.env._(
                    "The erasure of %(number)s has begun, and %(count)s records are erased already, so it can't be"
                    " closed half-way. Plan what is left: keep what has to stay, and carry it out.",
                    number=stopped.request_id.name,
                    count=gone,
                )
            )

    def _close_erased(self):
        """Forget the address, file the certificate, and close the request."""
        self._forget_messages()
        self.write({"erasure_state": "finished", "email": False, "note": False})
        self._file_certificate()
        self.action_fulfil()

    def _fulfil_erasure(self):
        """Give what was done, in the language of the context.

        :raise UserError: it isn't erased yet
        """
        self.ensure_one()
        if self.erasure_state != "finished":
            raise UserError(
                self.env._("Plan, approve and carry out the erasure of %(number)s first.", number=self.name)
            )
        return "\n".join(self._get_erasure_sentences())

    def _get_erasure_summary(self):
        """Give what is told of the erasure: for each set of records what ``gdpr.erasure.plan.line._describe`` gives.

        :rtype: list[dict]
        """
        self.ensure_one()
        lang = self.lang or self.env.lang or "en_US"
        summary = self._get_earlier_erasures(lang)
        for told in [line._describe(lang) for line in self.plan_line_ids if line.count]:
            alike = [done for done in summary if (done["name"], done["action"]) == (told["name"], told["action"])]
            if alike and told["action"] != "keep":
                alike[0]["count"] += told["count"]
            else:
                summary.append(told)
        return summary

    def _get_earlier_erasures(self, lang):
        """Give what was erased for this request before its erasure was stopped and planned anew.

        :rtype: list[dict]
        """
        self.ensure_one()
        journals = self.env["gdpr.erasure.journal"].sudo().search([("request_id", "=", self.id)], order="id")
        journals -= self.erasure_journal_id
        # What was carried out before is told already.
        finished = journals.filtered(lambda journal: not journal.is_stopped)[-1:]
        stopped = journals.filtered(lambda journal: journal.is_stopped and journal.id > finished.id)
        entries = stopped.entry_ids.filtered(lambda entry: entry.state == "done" and entry.action != "keep")
        return [
            {
                "name": place.with_context(lang=lang).name or model,
                "count": sum(alike.mapped("count")),
                "action": action,
                "ground": None,
                "reason": None,
                "until": False,
            }
            for (place, model, action), alike in entries.grouped(
                lambda entry: (entry.map_id, entry.model, entry.action)
            ).items()
        ]

    def _get_erasure_sentences(self):
        self.ensure_one()
        summary = self._get_erasure_summary()
        words = {
            "delete": self.env._("Deleted: %(records)s."),
            "anonymise": self.env._("Made anonymous: %(records)s."),
            "detach": self.env._("Your data taken out of: %(records)s."),
        }
        sentences = []
        for action, sentence in words.items():
            names = [f"{line['name']} ({line['count']})" for line in summary if line["action"] == action]
            if names:
                sentences.append(sentence % {"records": ", ".join(names)})
        kept = {}
        for line in summary:
            if line["action"] == "keep":
                reason = (line["reason"] or line["ground"] or "").rstrip(". ")
                kept.setdefault((line["until"], reason), []).append(f"{line['name']} ({line['count']})")
        for (until, reason), names in kept.items():
            sentences.append(
                self.env._(
                    "Kept until %(date)s, and used for nothing else: %(records)s. Why: %(reason)s.",
                    date=format_date(self.env, until, lang_code=self.lang),
                    records=", ".join(names),
                    reason=reason,
                )
            )
        if sentences and (told := self._get_recipients_sentence()):
            sentences.append(told)
        sentences = sentences or [self.env._("We hold nothing of you, and held nothing when we looked.")]
        if self.closed_with_it:
            sentences.append(
                self.env._(
                    "What else you had asked is closed with it, for nothing is left to answer with: %(requests)s.",
                    requests=self.closed_with_it,
                )
            )
        return sentences

    def _file_certificate(self):
        """Put the certificate into the request: what was done, without a word about who it was."""
        report = self.env.ref("gdpr_consent.erasure_certificate_report").sudo()
        try:
            with self.env.cr.savepoint():
                content, kind = report._render_qweb_pdf(report.id, self.ids)
        except OperationalError:
            raise
        except Exception:
            # Where PDF can't be made, the same as a page.
            _logger.warning("The certificate of request %s can't be made as PDF.", self.id, exc_info=True)
            content, kind = report._render_qweb_html(report.id, self.ids)
        self.env["ir.attachment"].sudo().create(
            {
                "name": f"{self.env._('Certificate of erasure')} {self.name}.{kind}".replace("/", "-"),
                "raw": content,
                "mimetype": "application/pdf" if kind == "pdf" else "text/html",
                "res_model": self._name,
                "res_id": self.id,
            }
        )
