from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.mail import email_normalize


class GdprSubjectRequest(models.Model):
    """Where the answer goes: a person's data is sent to an address that is known to be the person's, or to none."""

    _inherit = "gdpr.subject.request"

    is_address_unchecked = fields.Boolean(
        "Address Not Checked",
        compute="_compute_is_address_unchecked",
        help="The address isn't on record of the person, and nobody has made sure that it is the person's.",
    )

    @api.depends("email", "subject_id", "assurance", "is_on_behalf", "mandate_file", "step_ids")
    def _compute_is_address_unchecked(self):
        for request in self:
            address = email_normalize(request.email or "")
            request.is_address_unchecked = bool(
                address
                and request.subject_id
                and address not in request._get_known_addresses()
                and not request._is_asserted()
            )

    def write(self, vals):
        """Note each change of the address; who had confirmed from the old mailbox hasn't from the new one."""
        before = {request: request.email for request in self} if "email" in vals else {}
        if vals.get("email") and (
            begun := self.filtered(lambda r: r.erasure_state in ("running", "blocked", "telling"))
        ):
            raise UserError(
                self.env._("%(number)s is being erased: the address can't be changed any more.", number=begun[0].name)
            )
        result = super().write(vals)
        for request, earlier in before.items():
            # What an erasure or the end of the term takes away, the log doesn't keep.
            is_forgotten = self.env.su and not request.email
            if email_normalize(earlier or "") != email_normalize(request.email or "") and not is_forgotten:
                request._log_step("readdressed", f"{earlier or '–'} → {request.email or '–'}")
                if request.assurance == "mailbox":
                    request.sudo().write({"assurance": "none", "identity_method": False})
        return result

    def _is_asserted(self):
        """Tell whether it was made sure who asks, since the answer goes to the present address."""
        self.ensure_one()
        is_sure = self.assurance != "none" or (self.is_on_behalf and self.mandate_file)
        actions = self.sudo().step_ids.sorted("id").mapped("action")
        if not is_sure or "readdressed" not in actions:
            return bool(is_sure)
        since = actions[len(actions) - actions[::-1].index("readdressed") :]
        return "identity_checked" in since

    def _check_address(self):
        """Refuse to send a person's data to an address that may be anybody's (articles 5(1)(f) and 12(6)).

        :raise UserError: so
        """
        for request in self:
            if request.is_address_unchecked:
                raise UserError(
                    self.env._(
                        "%(number)s: %(address)s isn't on record of this person, and nobody has made sure that it is"
                        " the person's. Check the identity first.",
                        number=request.name,
                        address=request.email,
                    )
                )
