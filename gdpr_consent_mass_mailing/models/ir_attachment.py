from odoo import models

# What a file says, and where it is.
CONTENT = frozenset({"datas", "raw", "db_datas", "store_fname", "name", "mimetype", "type", "url"})


class IrAttachment(models.Model):
    """What is attached to a released service mailing leaves as it was released."""

    _inherit = "ir.attachment"

    def write(self, vals):
        if not self.env.su and not CONTENT.isdisjoint(vals):
            self._gdpr_check_mailings()
        return super().write(vals)

    def unlink(self):
        if not self.env.su:
            self._gdpr_check_mailings()
        return super().unlink()

    def _gdpr_check_mailings(self):
        """Refuse to change a file of a mailing that waits to be sent, or of which a winner may be sent.

        :raise ValidationError: the user isn't who may send it
        """
        if self.env.user.has_group("gdpr_consent.group_officer"):
            return
        mailings = self.env["mailing.mailing"].sudo()
        mailings = mailings.search([("attachment_ids", "in", self.ids), ("state", "!=", "draft")])
        mailings._gdpr_check_release()
