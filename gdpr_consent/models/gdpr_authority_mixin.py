from odoo import fields, models


class GdprAuthorityMixin(models.AbstractModel):
    """To whom the person can complain, for the mails that have to say so (articles 12(4) and 77); needs a company."""

    _name = "gdpr.authority.mixin"
    _description = "What Names the Supervisory Authority"

    authority_name = fields.Char("Supervisory Authority", compute="_compute_authority")
    authority_url = fields.Char("Web Site of the Authority", compute="_compute_authority")

    def _compute_authority(self):
        for record in self:
            record.authority_name, record.authority_url = record.company_id._gdpr_get_authority()
