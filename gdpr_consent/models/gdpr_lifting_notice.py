from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, format_datetime

MOMENT = timedelta(minutes=10)
WAYS = [("email", "By e-mail"), ("letter", "By letter"), ("phone", "On the phone"), ("meeting", "In a meeting")]


class GdprLiftingNotice(models.Model):
    """That a person was told before the processing is taken up again (article 18(3), law.md R-61).

    Counts once: ``lifted_on`` says when the suspension was lifted. One that the person answered by asking again to stop
    doesn't count any more.
    """

    _name = "gdpr.lifting.notice"
    _description = "Notice Before the Processing Resumes"
    _inherit = ["gdpr.notice.mixin", "gdpr.authority.mixin"]
    _order = "id DESC"
    _rec_name = "subject_id"

    _notice_template = "gdpr_consent.mail_template_lifting_notice"

    subject_id = fields.Many2one("gdpr.subject", required=True, readonly=True, index=True, ondelete="restrict")
    request_id = fields.Many2one("gdpr.subject.request", readonly=True, index="btree_not_null", ondelete="set null")
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    way = fields.Selection(WAYS, string="How", required=True, readonly=True)
    lang = fields.Char("Language", readonly=True)
    reason = fields.Text("What the Person Is Told", required=True, readonly=True)
    statement = fields.Text("How the Person Was Told", readonly=True, help="For anything but e-mail: what proves it.")
    state = fields.Selection(
        [("queued", "Queued"), ("sent", "Told"), ("failed", "Failed")], required=True, readonly=True, default="queued"
    )
    user_id = fields.Many2one("res.users", string="Told By", readonly=True, default=lambda self: self.env.user)
    lifted_on = fields.Datetime(readonly=True)
    is_void = fields.Boolean(readonly=True, help="The person has asked since to stop the processing.")

    @api.model
    def _find_current(self, person):
        """Give the last notice to a person that no suspension was lifted by yet; empty where there is none."""
        return self._find_all_current(person)[:1]

    @api.model
    def _find_all_current(self, people):
        domain = [
            ("subject_id.root_id", "in", people.root_id.ids),
            ("lifted_on", "=", False),
            ("is_void", "=", False),
        ]
        return self.sudo().search(domain)

    def _is_repeated_by(self, values):
        """Tell whether a notice says the same to the same person a moment later: a double click, a second tab.

        :param dict values: of the notice to be made
        """
        self.ensure_one()
        is_recent = self.create_date > fields.Datetime.now() - MOMENT
        names = ("way", "reason", "email")
        return is_recent and self.state != "failed" and all(self[name] == values[name] for name in names)

    def _get_liftable_from(self):
        """Give from when on (UTC) the suspension can be lifted, or None while the person hasn't been told."""
        if self.state != "sent" or not self.sent_on:
            return None
        return self.sent_on + timedelta(days=self.company_id.gdpr_lifting_days)

    def _check_liftable(self):
        """Check that the person was told, and long enough ago.

        :raise UserError: not told yet, or too recently
        """
        liftable_from = self._get_liftable_from()
        if not liftable_from:
            message = self.env._("Tell the person first that the processing resumes (article 18(3) GDPR).")
            if self.state == "queued":
                message = self.env._("The notice to the person hasn't left yet. Try again in a few minutes.")
            elif self.state == "failed":
                message = self.env._(
                    "The notice didn't reach the person: %(reason)s Tell the person in another way.",
                    reason=self.failure_reason,
                )
            raise UserError(message)
        if liftable_from > fields.Datetime.now():
            raise UserError(
                self.env._(
                    "The person was told on %(told)s: the processing can't resume before %(day)s.",
                    told=format_date(self.env, self.sent_on),
                    day=format_datetime(self.env, liftable_from),
                )
            )
