from itertools import islice

from odoo import api, fields, models
from odoo.tools import format_amount, format_date, format_datetime

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
            "day": lambda value: value and format_date(answer.env, value[:10]),
            "make_cell": lambda column, row: self._make_cell(answer, column, row),
            "information": answer._get_information(),
            "origins": answer._get_origins(),
            "sources": answer._get_sources(),
            "places": [
                {
                    "name": place.name,
                    "count": place._count_rows(),
                    # An amount is shown with its currency.
                    "columns": [column for column in place.columns or () if not column.get("is_currency")],
                    "has_changes": any(column["name"] == "old_value" for column in place.columns or ()),
                    "rows": list(islice(place._iterate_rows(), RECORDS_SHOWN)),
                }
                for place in answer.place_ids
            ],
            "shown": RECORDS_SHOWN,
            "left_out": answer._describe_left_out(),
            "redactions": self._tell_redactions(answer),
            "consents": receipt["person"].consent_ids,
            "events": receipt["events"],
            "versions": receipt["versions"],
        }

    @api.model
    def _tell_redactions(self, answer):
        """Give the sentence that says how often somebody else was taken out; empty for never."""
        count = sum(redaction["count"] for redaction in answer._describe_redactions())
        return count and answer.env._(
            "Other people were taken out of the text in %(count)s places: it says %(mark)s there.",
            count=count,
            mark=answer.mark,
        )

    @api.model
    def _make_cell(self, answer, column, row):
        """Give a value as the person reads it, dates and numbers in the person's language (moments are UTC)."""
        env, value = answer.env, row["values"][column["name"]]
        kind = row.get("kinds", {}).get(column["name"]) or column["type"]
        if kind == "boolean":
            # That nothing is ticked says something only where it was changed.
            return env._("Yes") if value else env._("No") if column["type"] == "json" else ""
        if kind in ("monetary", "float") and isinstance(value, float):
            name = row["values"].get(column.get("currency"))
            currency = self._find_currency(name) if kind == "monetary" and name else None
            return (
                format_amount(env, value, currency) if currency else env["ir.qweb.field.float"].value_to_html(value, {})
            )
        if value and kind == "date":
            return format_date(env, value)
        if value and kind == "datetime":
            moment = fields.Datetime.to_datetime(value[:19].replace("T", " "))
            return format_datetime(env, moment, tz="UTC", dt_format="medium")
        if value is True:
            return env._("Yes")
        return make_cell(value)

    @api.model
    def _find_currency(self, name):
        return self.env["res.currency"].with_context(active_test=False).search([("name", "=", name)], limit=1)
