from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import email_normalize


class MailingList(models.Model):
    _inherit = "mailing.list"

    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose",
        string="Purpose",
        default=lambda self: self.env.ref("gdpr_consent.purpose_marketing", raise_if_not_found=False),
        domain="[('message_class', '=', 'marketing')]",
        ondelete="set null",
        help="What the list is for. Who leaves the list takes back the consent to this purpose, unless another list of"
        " the same purpose is kept.",
    )

    @api.constrains("gdpr_purpose_id")
    def _check_gdpr_purpose(self):
        """Let no list be for nothing: leaving it would be on record nowhere, and hold for nobody."""
        for mailing_list in self:
            if not mailing_list.gdpr_purpose_id:
                raise ValidationError(
                    self.env._("“%(list)s”: say what the mailing list is for.", list=mailing_list.display_name)
                )

    def _update_subscription_from_email(self, email, opt_out=True, force_message=None):
        """Who chooses lists on Odoo's page of subscriptions is on them, and asked to confirm, for the page hasn't the
        words of a consent: until then the door out lets no mailing of the purpose through.
        """
        subscriptions = self.env["mailing.subscription"]
        is_covered = "mailing.contact" in self.env["gdpr.scope"]._get_covered_models()
        is_own = email_normalize(email) == self.env.user.email_normalized
        is_person = is_own or subscriptions._gdpr_prepare_act()["actor"] == "person"
        if opt_out or not is_covered or not is_person:
            return super()._update_subscription_from_email(email, opt_out=opt_out, force_message=force_message)
        contacts = self.env["mailing.contact"].search([("email_normalized", "=", email_normalize(email))])
        if self and is_own and not contacts:
            # Odoo would say that the user is on the list, and keep nothing of it.
            contacts = contacts.create({"name": self.env.user.name, "email": email})
        known = contacts.subscription_ids.filtered(lambda subscription: subscription.list_id in self)
        left = known.filtered("opt_out")
        result = super()._update_subscription_from_email(email, opt_out=False, force_message=force_message)
        # The own choice counts now: what was typed before brings nobody back who leaves again.
        left.gdpr_is_awaited = False
        joined = self - (known - left).list_id
        for purpose, lists in joined.grouped("gdpr_purpose_id").items():
            again = left.filtered(lambda subscription, lists=lists: subscription.list_id in lists)
            (again.contact_id or contacts)[:1]._gdpr_declare_joining(purpose, lists)
        return result
