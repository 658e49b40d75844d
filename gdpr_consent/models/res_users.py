from odoo import models

from .mail_mail_gate import EXEMPTION, Exemption


class ResUsers(models.Model):
    """Messages about a person's own user account go out although the processing is suspended: the person uses it."""

    _inherit = "res.users"

    def _action_reset_password(self, signup_type="reset"):
        return super(ResUsers, self._gdpr_with_exemption())._action_reset_password(signup_type=signup_type)

    def _notify_security_setting_update(self, subject, content, mail_values=None, **kwargs):
        exempt = self._gdpr_with_exemption()
        return super(ResUsers, exempt)._notify_security_setting_update(
            subject, content, mail_values=mail_values, **kwargs
        )

    def _gdpr_with_exemption(self):
        return self.with_context(**{EXEMPTION: Exemption(self.env._("About the person's own user account."))})
