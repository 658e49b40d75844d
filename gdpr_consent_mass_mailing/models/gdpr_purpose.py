from odoo import api, models
from odoo.exceptions import UserError


class GdprPurpose(models.Model):
    _inherit = "gdpr.purpose"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_of_lists(self):
        """Keep what mailing lists are for."""
        lists = self.env["mailing.list"].sudo().with_context(active_test=False)
        lists = lists.search([("gdpr_purpose_id", "in", self.ids)])
        if lists:
            raise UserError(
                self.env._(
                    "Mailing lists are for it: %(lists)s. Choose another purpose there first, or archive this one.",
                    lists=", ".join(lists.mapped("name")),
                )
            )
