from odoo import api, fields, models
from odoo.tools.misc import format_datetime


class GdprOverviewReport(models.AbstractModel):
    """The overview on paper, for the management."""

    _name = "report.gdpr_consent.overview_document"
    _description = "Data Privacy Overview on Paper"

    @api.model
    def _get_report_values(self, docids, data=None):
        return {
            "docs": self.env.company,
            "figures": self.env["gdpr.overview"].get_figures(),
            "printed_on": format_datetime(self.env, fields.Datetime.now()),
        }
