from odoo import api, models, tools
from odoo.tools import SQL


class GdprSubject(models.Model):
    """What nobody has done yet needn't be asked about whenever a message leaves.

    Known to each process, and told to the others when it changes, as all that Odoo keeps: a request begins with what
    was told.
    """

    _inherit = "gdpr.subject"

    @api.model
    def _is_anybody_restricted(self):
        """Tell whether the processing of anybody's data is suspended.

        A job goes on for long, from one transaction to the next, and so asks the database.
        """
        return self._read_anybody_restricted() if self.env.context.get("cron_id") else self._know_anybody_restricted()

    @api.model
    @tools.ormcache()
    def _know_anybody_restricted(self):
        return self._read_anybody_restricted()

    @api.model
    def _read_anybody_restricted(self):
        self.flush_model(["restricted"])
        return bool(self.env.execute_query(SQL("SELECT FROM gdpr_subject WHERE restricted LIMIT 1")))

    @api.model
    @tools.ormcache()
    def _has_anybody_spoken(self):
        """Tell whether anybody has said anything that can close a channel, be it yes or no."""
        self.flush_model(["restricted", "objected"])
        self.env["gdpr.consent"].flush_model(["subject_id"])
        return any(
            self.env.execute_query(SQL("SELECT FROM %s LIMIT 1", people))
            for people in (
                SQL("gdpr_consent"),
                SQL("gdpr_subject WHERE restricted"),
                SQL("gdpr_subject WHERE objected"),
            )
        )

    @api.model
    def _is_first_of_a_kind(self, projections):
        """Tell whether nobody is restricted, or has spoken, before this is written of people."""
        is_restricted = any(projection.restricted for projection in projections)
        if is_restricted and not self._read_anybody_restricted():
            return True
        has_spoken = is_restricted or any(projection.objected or projection.answers for projection in projections)
        return has_spoken and not self._has_anybody_spoken()

    @api.model
    def _tell_every_process(self):
        """Let all processes find out anew whether there is anybody.

        With the commit, not after it as Odoo does: a crash in between would leave the others ignorant for long.
        """
        self.env.registry.clear_cache()
        self.env.cr.execute("INSERT INTO orm_signaling_default DEFAULT VALUES")
