from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools.mail import email_normalize

from .gdpr_subject_request import OPEN_STATES

# How sure a way in makes who asks; what isn't here proves nothing: anybody can write a sender.
ASSURANCES = {"portal": "login", "email": "mailbox", "website": "mailbox"}
LEVELS = ("none", "mailbox", "login", "officer")
IDENTITY_PLACEHOLDER = "/gdpr/identity/personal-link"
IDENTITY_LINK_DAYS = 14


class GdprSubjectRequest(models.Model):
    """Who asks: checked only where there is doubt, and in proportion (articles 12(6) and 11, law.md R-46, R-68)."""

    _inherit = "gdpr.subject.request"

    assurance = fields.Selection(
        [
            ("none", "Not checked"),
            ("mailbox", "Confirmed from the mailbox"),
            ("login", "Logged in to the portal"),
            ("officer", "Checked by an officer"),
        ],
        string="Identity",
        required=True,
        readonly=True,
        default="none",
        copy=False,
        tracking=True,
        help="How sure it is who asks. A portal login or a confirmed mailbox is enough, unless there is doubt.",
    )
    identity_method = fields.Char(
        "How It Was Checked",
        readonly=True,
        copy=False,
        help="How you know that it is the person who asks. What was shown as proof is deleted after use.",
    )
    identity_email = fields.Char(
        "Asked To Confirm",
        readonly=True,
        copy=False,
        help="The mailbox that was asked to confirm the request. The clock stands still until it does.",
    )
    identity_evidence_ids = fields.Many2many(
        "ir.attachment",
        "gdpr_subject_request_identity_evidence_rel",
        string="Proof of Identity",
        copy=False,
        help="Deleted as soon as the check is over: only how it was done and its outcome are kept.",
    )
    is_on_behalf = fields.Boolean(
        "Asked by a Representative",
        tracking=True,
        help="Somebody else asks for the person, and must show that they may.",
    )
    representative_name = fields.Char("Representative", help="Who asks in the person's name. Check that they may.")
    mandate_file = fields.Binary(
        "Mandate",
        attachment=True,
        copy=False,
        help="What shows that the representative may ask."
        " It is deleted when the request is reduced to what the register keeps.",
    )
    mandate_file_name = fields.Char(copy=False)

    @api.model_create_multi
    def create(self, vals_list):
        """Note how sure the way in makes who asks."""
        self._check_untouched(set().union(*vals_list))
        if not self.env.su and any(vals.get("source", "operator") != "operator" for vals in vals_list):
            raise AccessError(self.env._("What is typed in didn't come from the person's mailbox or login."))
        return super().create(
            [
                {"assurance": ASSURANCES.get(vals.get("source"), "none"), **vals}
                if not vals.get("is_on_behalf")
                else {**vals, "assurance": "none"}
                for vals in vals_list
            ]
        )

    def action_check_identity(self):
        """Open the form by which an officer asks the person to confirm, or records a check."""
        self.ensure_one()
        self._check_is_open()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Who asks?"),
            "res_model": "gdpr.subject.request.identity.check",
            "view_mode": "form",
            "target": "new",
            "context": {"default_request_id": self.id},
        }

    def _fulfil(self):
        """What a representative asks is done when there is a mandate (law.md R-68)."""
        self.ensure_one()
        speaking = self.with_context(lang=self.env.user.lang).env
        if self.is_on_behalf and not self.mandate_file:
            raise UserError(
                speaking._(
                    "%(number)s is asked by a representative: add the mandate, or proof of the right to ask.",
                    number=self.name,
                )
            )
        if self.state == "verifying":
            raise UserError(speaking._("It isn't known yet who asks for %(number)s.", number=self.name))
        return super()._fulfil()

    def _close(self, state, action, note=None):
        """Keep no proof of identity of a request that is closed."""
        super()._close(state, action, note)
        self._delete_identity_evidence()

    def _get_known_addresses(self):
        """Give the addresses on record of the person: only these prove who answers."""
        self.ensure_one()
        cards = self.sudo().subject_id.root_id._get_all_cards()
        addresses = {card._gdpr_get_email() for records in cards for card in records} - {False}
        # Of somebody without a card the mailbox is all there is.
        return addresses or {email_normalize(self.email or "")} - {False, ""}

    def _ask_to_confirm(self, email):
        """Ask the person by e-mail to confirm that the request is the person's own.

        :param str email: an address on record of the person
        :raise UserError: it isn't on record
        """
        self.ensure_one()
        self._check_is_open()
        address = email_normalize(email or "")
        if address not in self._get_known_addresses():
            raise UserError(self.env._("Ask an address that is on record: whoever wrote can be anybody."))
        self.check_access("write")
        self.sudo().write({"state": "verifying", "identity_email": address})
        self._log_step("identity_asked")
        self._pause()
        self._write_to_person("gdpr_consent.mail_template_subject_request_identity", email=address)

    def _record_identity(self, level, method):
        """Note that it is known now who asks; the proof goes.

        :param str level: a key of ``assurance``
        :param str method: how it was checked
        """
        self.check_access("write")
        for request in self:
            better = max(level, request.assurance, key=LEVELS.index)
            values = {"assurance": better, "identity_method": method, "identity_email": False}
            if request.state == "verifying":
                # Back to where it was before the doubt.
                is_started = "started" in request.step_ids.mapped("action")
                values["state"] = "in_progress" if is_started else "new"
            request.sudo().write(values)
        self._log_step("identity_checked", method)
        self._resume()
        self._delete_identity_evidence()

    def _improve_assurance(self, source):
        """Raise how sure it is who asks, when the person asks again in a surer way."""
        level = ASSURANCES.get(source, "none")
        lower = self.filtered(
            lambda request: request.state in OPEN_STATES and LEVELS.index(request.assurance) < LEVELS.index(level)
        )
        if lower:
            lower._record_identity(level, dict(self._fields["assurance"]._description_selection(self.env))[level])

    def _delete_identity_evidence(self):
        self.sudo().identity_evidence_ids.unlink()

    def _message_post_after_hook(self, message, msg_vals):
        """What the person sends while the identity is in doubt is taken for proof of it."""
        result = super()._message_post_after_hook(message, msg_vals)
        if self.state == "verifying" and message.message_type == "email" and message.attachment_ids:
            self.sudo().identity_evidence_ids |= message.attachment_ids
        return result
