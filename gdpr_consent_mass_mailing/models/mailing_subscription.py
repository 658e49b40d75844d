from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain


class MailingSubscription(models.Model):
    """Leaving a list is on record: it takes the consent to the purpose of the list back (article 7(3))."""

    _inherit = "mailing.subscription"

    gdpr_is_awaited = fields.Boolean(
        "Waits for Confirmation",
        readonly=True,
        copy=False,
        help="Somebody has typed the address of a person who left the list, or is known from elsewhere: it counts when"
        " it is confirmed from the mailbox.",
    )

    _gdpr_is_awaited_index = models.Index("(contact_id) WHERE gdpr_is_awaited")

    @api.model_create_multi
    def create(self, vals_list):
        subscriptions = super().create(vals_list)
        # Who has yet to confirm never was on the list.
        left = subscriptions.filtered(lambda subscription: subscription.opt_out and not subscription.gdpr_is_awaited)
        left._gdpr_record_leaving()
        return subscriptions

    def write(self, vals):
        staying = self.filtered(lambda subscription: not subscription.opt_out)
        result = super().write(vals)
        staying.filtered("opt_out")._gdpr_record_leaving()
        return result

    def _gdpr_record_leaving(self):
        """Record that these persons left lists. Whose address stays on a list of the same purpose keeps the consent to
        it: one click leaves one list (law.md R-83), and the history says which. Odoo goes by the address as well.
        """
        if "mailing.contact" not in self.env["gdpr.scope"]._get_covered_models():
            return
        leaving = self.sudo()
        if not leaving:
            return
        addresses = list(filter(None, leaving.contact_id.mapped("email_normalized")))
        same_person = Domain("contact_id", "in", leaving.contact_id.ids)
        same_person |= Domain("contact_id.email_normalized", "in", addresses)
        kept = set()
        for other in self.sudo().search(same_person & Domain("opt_out", "=", False)):
            kept.add((other.contact_id.email_normalized or other.contact_id, other.list_id.gdpr_purpose_id))
        leaving.contact_id._gdpr_ensure_subjects()
        by_lists, noted = defaultdict(leaving.browse), []
        for subscription in leaving:
            contact, purpose = subscription.contact_id, subscription.list_id.gdpr_purpose_id
            if (contact.email_normalized or contact, purpose) in kept:
                noted.append(subscription)
            else:
                by_lists[purpose, subscription.list_id] += subscription
        act = self._gdpr_prepare_act()
        for (purpose, mailing_list), subscriptions in by_lists.items():
            subscriptions.contact_id.gdpr_subject_id.root_id._record_withdrawal(
                purpose, **act, values={"reason": self._gdpr_say_left(mailing_list)}
            )
        if noted:
            self.env["gdpr.subject"]._record_acts(
                [
                    {
                        **act,
                        "subject_id": subscription.contact_id.gdpr_subject_id.root_id.id,
                        "action": "noted",
                        "values": {"note": self._gdpr_say_left(subscription.list_id)},
                    }
                    for subscription in noted
                ]
            )

    @api.model
    def _gdpr_say_left(self, mailing_list):
        return self.env._("Left the mailing list “%(list)s”.", list=mailing_list.name)

    @api.model
    def _gdpr_prepare_act(self):
        """Give how it came, as far as can be told: by the person's link, in the portal, or by somebody of the staff."""
        user = self.env.user
        if user._is_internal() and not user._is_superuser():
            return {"actor": "operator", "source": "import" if self.env.context.get("import_file") else None}
        return {"actor": "person", "source": "portal" if user._is_portal() else "website"}
