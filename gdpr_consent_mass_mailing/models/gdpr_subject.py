from odoo import models
from odoo.tools import SQL


class GdprSubject(models.Model):
    """Who agrees again, after having left a list, is on it again."""

    _inherit = "gdpr.subject"

    def _record_acts(self, acts, heads=None):
        events = super()._record_acts(acts, heads)
        given = {
            (act["subject_id"], act["purpose_id"])
            for act in acts
            if act["action"] == "given" and act.get("actor") == "person"
        }
        if given:
            self._resubscribe(given)
        return events

    def _resubscribe(self, given):
        """Put persons back on the lists of a purpose that they asked to be on and have now confirmed.

        :param set[tuple[int, int]] given: ids of the person and of the purpose agreed to
        """
        subscriptions = self.env["mailing.subscription"].sudo()
        subscriptions.flush_model(["gdpr_is_awaited", "contact_id", "list_id"])
        self.env["mailing.contact"].flush_model(["gdpr_subject_id"])
        self.env["mailing.list"].flush_model(["gdpr_purpose_id"])
        # Every answer passes here, and hardly anybody is awaited.
        rows = self.env.execute_query(
            SQL(
                """
                SELECT subscription.id FROM mailing_subscription subscription
                  JOIN mailing_contact contact ON contact.id = subscription.contact_id
                  JOIN mailing_list list ON list.id = subscription.list_id
                  JOIN gdpr_subject member ON member.id = contact.gdpr_subject_id
                  JOIN gdpr_subject person ON person.root_id = member.root_id
                 WHERE subscription.gdpr_is_awaited AND (person.id, list.gdpr_purpose_id) IN %s
                """,
                tuple(given),
            )
        )
        subscriptions.browse(row[0] for row in rows).write({"opt_out": False, "gdpr_is_awaited": False})
