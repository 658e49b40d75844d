from itertools import islice

from odoo import api, fields, models
from odoo.tools import format_date, format_datetime

from ..tools.cells import make_cell

# A document of thousands of pages helps nobody: what is beyond is in the file for machines, and the document says so.
RECORDS_SHOWN = 200


class GdprAnswerReport(models.AbstractModel):
    """What a person reads of the own data; made from what was collected and reviewed, by nobody's hand."""

    _name = "report.gdpr_consent.answer_document"
    _description = "Copy of a Person's Data"

    @api.model
    def _get_report_values(self, docids, data=None):
        answers = self.env["gdpr.answer"].browse(docids)
        answers.check_access("read")
        return {
            "doc_ids": docids,
            "doc_model": "gdpr.answer",
            "docs": answers,
            "get_values": self._get_values,
        }

    @api.model
    def _get_values(self, answer):
        """Give what the document of one answer tells."""
        answer = answer._speak()
        receipt = answer.request_id.subject_id._get_receipt()
        return {
            "moment": lambda value: value and format_datetime(answer.env, value, tz="UTC", dt_format="medium"),
            "make_cell": lambda column, value: self._make_cell(answer, column, value),
            "information": answer._get_information(),
            "origins": answer._get_origins(),
            "sources": answer._get_sources(),
            "places": [
                {
                    "name": place.name,
                    "count": len(place.record_ids),
                    "columns": place.columns,
                    "rows": list(islice(place._iterate_rows(), RECORDS_SHOWN)),
                }
                for place in answer.place_ids
            ],
            "shown": RECORDS_SHOWN,
            "left_out": answer._describe_left_out(),
            "redactions": sum(redaction["count"] for redaction in answer._describe_redactions()),
            "consents": receipt["person"].consent_ids,
            "events": receipt["events"],
            "versions": receipt["versions"],
        }

    @api.model
    def _make_cell(self, answer, column, value):
        """Give a value as the person reads it, dates in the person's language (moments are UTC)."""
        if value and column["type"] == "date":
            return format_date(answer.env, value)
        if value and column["type"] == "datetime":
            return format_datetime(
                answer.env, fields.Datetime.to_datetime(value[:19].replace("T", " ")), tz="UTC", dt_format="medium"
            )
        if value is True:
            return answer.env._("Yes")
        return make_cell(value)
