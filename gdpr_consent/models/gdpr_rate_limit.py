from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, hmac


class GdprRateLimit(models.Model):
    """How often an address or a link was used of late (law.md R-90). Holds keyed hashes only."""

    _name = "gdpr.rate.limit"
    _description = "Rate Limit"
    _log_access = False

    key = fields.Char(required=True)
    window_start = fields.Datetime(required=True)
    hits = fields.Integer(required=True)

    _key_uniq = models.UniqueIndex("(key)", "One counter a key.")

    def init(self):
        """Spare every page a wait for the disk: what a crash forgets is a few counts."""
        self.env.cr.execute("ALTER TABLE gdpr_rate_limit SET UNLOGGED")

    @api.model
    def _hit(self, scope, identifier, limit, minutes=10):
        """Count one use.

        Counted in a transaction of its own: a page that ends in an error counts too, and nobody waits.

        :param str scope: what is counted
        :param str identifier: whose use; only a keyed hash of it is kept
        :param int limit: uses allowed in the window
        :param int minutes: length of the window
        :return: whether this use is still allowed
        :rtype: bool
        """
        key = hmac(self.env(su=True), "gdpr_consent.rate_limit", (scope, identifier))
        now = fields.Datetime.now()
        with self.env.registry.cursor() as cr:
            cr.execute(
                SQL(
                    """
                    INSERT INTO gdpr_rate_limit (key, window_start, hits) VALUES (%(key)s, %(now)s, 1)
                    ON CONFLICT (key) DO UPDATE SET
                        hits = CASE WHEN gdpr_rate_limit.window_start < %(limit)s THEN 1
                                    ELSE gdpr_rate_limit.hits + 1 END,
                        window_start = CASE WHEN gdpr_rate_limit.window_start < %(limit)s THEN %(now)s
                                            ELSE gdpr_rate_limit.window_start END
                    RETURNING hits
                    """,
                    key=key,
                    now=now,
                    limit=now - timedelta(minutes=minutes),
                )
            )
            return cr.fetchone()[0] <= limit

    @api.autovacuum
    def _gc_windows(self):
        """Forget what is older than a day."""
        self.env.cr.execute(
            SQL("DELETE FROM gdpr_rate_limit WHERE window_start < %s", fields.Datetime.now() - timedelta(days=1))
        )
