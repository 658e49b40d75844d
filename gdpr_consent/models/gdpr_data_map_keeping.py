from dateutil.relativedelta import relativedelta

from odoo import fields, models


class GdprDataMap(models.Model):
    """How long what is kept is kept."""

    _inherit = "gdpr.data.map"

    def _get_ends(self, ids):
        """Give the day on which the time of each record is over.

        :rtype: dict[int, datetime.date]
        """
        self.ensure_one()
        records = self._get_records().sudo().with_context(active_test=False).browse(ids)
        today = fields.Date.context_today(self)
        term = relativedelta(months=self.keep_months)
        name = next(iter(self._split(self.keep_from)), None) or ("create_date" if records._log_access else None)
        if not name:
            return dict.fromkeys(ids, today + term)
        if "." not in name:
            records.fetch([name])
        ends = {}
        for record in records:
            value = record.mapped(name)
            value = value[0] if isinstance(value, list) and value else value
            ends[record.id] = (fields.Date.to_date(value) if value else today) + term
        return ends
