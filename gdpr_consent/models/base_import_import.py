from odoo import models

from ..tools.collector import Collector
from .gdpr_subject_mixin_import import PROBLEMS


class BaseImport(models.TransientModel):
    _inherit = "base_import.import"

    def execute_import(self, fields, columns, options, dryrun=False):
        """Add a warning for each row whose consent doesn't count, to what Odoo says of a test or of an import."""
        problems = Collector()
        self = self.with_context(**{PROBLEMS: problems})
        skipped = options.get("skip") or 0
        result = super().execute_import(fields, columns, options, dryrun=dryrun)
        # Else nothing was imported, and what is wrong is said already.
        if result.get("ids"):
            result["messages"] += [
                {
                    **info,
                    "type": "warning",
                    "field": "gdpr_import_purposes",
                    "message": self._gdpr_describe_problem(info, reason, skipped, result["name"]),
                }
                for info, reason in problems
            ]
        return result

    def _gdpr_describe_problem(self, info, reason, skipped, names):
        """Give the text of a warning; rows are counted as Odoo's own messages count them, without the header."""
        row = skipped + info["rows"]["from"]
        name = names[row] if row < len(names) else ""
        if not name:
            return self.env._("Row %(row)s: %(reason)s", row=row + 1, reason=reason)
        return self.env._("Row %(row)s (%(name)s): %(reason)s", row=row + 1, name=name, reason=reason)
