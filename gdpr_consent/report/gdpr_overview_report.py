from odoo import api, fields, models
from odoo.tools.misc import format_datetime, formatLang


def format_share(count, total):
    """Give a share in whole percent; what isn't none, or isn't all, doesn't read as such."""
    if not total:
        return ""
    share = round(100 * count / total)
    if count and not share:
        return "< 1 %"
    return "> 99 %" if share == 100 and count < total else f"{share} %"


class GdprOverviewReport(models.AbstractModel):
    """The overview on paper, for the management."""

    _name = "report.gdpr_consent.overview_document"
    _description = "Data Privacy Overview on Paper"

    @api.model
    def _get_report_values(self, docids, data=None):
        figures = self.env["gdpr.overview"].get_figures()
        verified_on = fields.Datetime.to_datetime(figures["verification"].get("verified_on"))
        return {
            "docs": self.env.company,
            "figures": figures,
            "format_count": lambda count: formatLang(self.env, count, digits=0),
            "format_share": format_share,
            "trend_height": max((max(series["counts"]) for series in figures["trend"]["series"]), default=0) or 1,
            "verified_on": verified_on and format_datetime(self.env, verified_on),
            "printed_on": format_datetime(self.env, fields.Datetime.now()),
        }
