from odoo import models

from ..tools.collector import Collector
from .gdpr_subject_mixin_import import PROBLEMS


class BaseImport(models.TransientModel):
    _inherit = "base_import.import"

    def execute_import(self, fields, columns, options, dryrun=False):
        """Tell whose consent won't count: row by row while testing, as a notice after the import itself.

        After the import Odoo would take a warning for a failure.
        """
        problems = Collector()
        self = self.with_context(**{PROBLEMS: problems})
        result = super().execute_import(fields, columns, options, dryrun=dryrun)
        if not problems or not result.get("ids"):
            return result
        if dryrun:
            result["messages"] += [
                {
                    **info,
                    "type": "warning",
                    "field": "gdpr_import_purposes",
                    "message": self.env._("The consent isn't usable: %(reason)s", reason=reason),
                }
                for info, reason in problems
            ]
        else:
            self.env.user._bus_send(
                "simple_notification",
                {
                    "type": "warning",
                    "sticky": True,
                    "message": self.env._(
                        "%(count)s rows: the consent isn't usable. The filter “Consent: Imported Without Proof” shows"
                        " the records, their Data Privacy tab says why.",
                        count=len(problems),
                    ),
                },
            )
        return result
