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
        denied = {
            (act["subject_id"], act["purpose_id"])
            for act in acts
            if act["action"] in ("refused", "withdrawn") and act.get("actor") == "person"
        }
        if denied:
            # The question is answered: nobody waits any more.
            self._find_awaited(denied).gdpr_is_awaited = False
        return events

    def _resubscribe(self, given):
        """Put persons back on the lists of a purpose that they asked to be on and have now confirmed.

        :param set[tuple[int, int]] given: ids of the person and of the purpose agreed to
        """
        self._find_awaited(given).write({"opt_out": False, "gdpr_is_awaited": False})

    def _find_awaited(self, answered):
        """Give the subscriptions that wait for one of these answers.

        :param set[tuple[int, int]] answered: ids of the person and of the purpose
        :rtype: mailing.subscription
        """
        people = self.sudo().browse({subject_id for subject_id, _purpose_id in answered})
        roots = {person.id: person.root_id.id for person in people}
        answered = {(roots[subject_id], purpose_id) for subject_id, purpose_id in answered}
        subscriptions = self.env["mailing.subscription"].sudo()
        subscriptions.flush_model(["gdpr_is_awaited", "contact_id"])
        self.env["mailing.contact"].flush_model(["gdpr_subject_id"])
        # Every answer passes here, and hardly anybody is awaited.
        rows = self.env.execute_query(
            SQL(
                """
                SELECT subscription.id FROM mailing_subscription subscription
                  JOIN mailing_contact contact ON contact.id = subscription.contact_id
                  JOIN gdpr_subject member ON member.id = contact.gdpr_subject_id
                 WHERE subscription.gdpr_is_awaited AND member.root_id IN %s
                """,
                tuple(roots.values()),
            )
        )
        return subscriptions.browse(row[0] for row in rows).filtered(
            lambda subscription: (
                (subscription.contact_id.gdpr_subject_id.root_id.id, subscription.list_id.gdpr_purpose_id.id)
                in answered
            )
        )
