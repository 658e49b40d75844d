from odoo import models


class GdprSubject(models.Model):
    """Who agrees again, after having left a list, is on it again."""

    _inherit = "gdpr.subject"

    def _record_acts(self, acts):
        events = super()._record_acts(acts)
        # Whoever records needn't see the ledger.
        given = events.sudo().filtered(lambda event: event.action == "given" and event.actor == "person")
        if given:
            self._resubscribe(given)
        return events

    def _resubscribe(self, given):
        """Put persons back on the lists of a purpose that they asked to be on and have now confirmed."""
        subscriptions = self.env["mailing.subscription"].sudo()
        subscriptions = subscriptions.search(
            [
                ("gdpr_is_awaited", "=", True),
                ("contact_id.gdpr_subject_id", "in", given.subject_id.root_id.ids),
                ("list_id.gdpr_purpose_id", "in", given.purpose_id.ids),
            ]
        )
        agreed = {(event.subject_id.root_id.id, event.purpose_id.id) for event in given}
        subscriptions.filtered(
            lambda subscription: (
                (subscription.contact_id.gdpr_subject_id.id, subscription.list_id.gdpr_purpose_id.id) in agreed
            )
        ).write({"opt_out": False, "gdpr_is_awaited": False})
