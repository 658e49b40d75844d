from odoo import tools
from odoo.http import request, route

from odoo.addons.gdpr_consent.controllers.website_form import Choices, ConsentWebsiteForm
from odoo.addons.website_mass_mailing.controllers import main


class NewsletterController(main.MassMailController):
    """The newsletter block of the web site: anybody can type any address, so it counts when it is confirmed from the
    mailbox (law.md R-10), and nobody who has left a list is brought back by it.
    """

    @route()
    def subscribe(self, list_id, value, subscription_type, **post):
        answer = super().subscribe(list_id, value, subscription_type, **post)
        is_governed = subscription_type == "email" and NewsletterController._get_purpose(int(list_id))
        if answer["toast_type"] == "success" and is_governed:
            # The same whether the address was known or not.
            answer["toast_content"] = request.env._("Almost done: please confirm in the message we send you.")
        return answer

    @staticmethod
    def subscribe_to_newsletter(subscription_type, value, list_id, fname, address_name=None):
        """Put a new address on the list, and ask the person behind it to confirm."""
        purpose = subscription_type == "email" and NewsletterController._get_purpose(int(list_id))
        if not purpose:
            return main.MassMailController.subscribe_to_newsletter(
                subscription_type, value, list_id, fname, address_name=address_name
            )
        _name, address = tools.parse_contact_from_email(value)
        subscriptions = request.env["mailing.subscription"].sudo()
        left = subscriptions.search(
            [
                ("list_id", "=", int(list_id)),
                ("contact_id.email_normalized", "=", tools.email_normalize(address)),
                ("opt_out", "=", True),
            ]
        )
        if left:
            left.gdpr_is_awaited = True
            request.session[f"mass_mailing_{fname}"] = address
        else:
            main.MassMailController.subscribe_to_newsletter(
                subscription_type, value, list_id, fname, address_name=address_name
            )
        contact = left[:1].contact_id or NewsletterController._find_contact(int(list_id), address)
        version = NewsletterController._find_version(purpose)
        if contact and version:
            ConsentWebsiteForm()._record_choices(contact, Choices(version, {purpose.id: ["email"]}))
        return None

    @staticmethod
    def _get_purpose(list_id):
        """Give the purpose of a list; empty where the add-on doesn't govern it."""
        mailing_list = request.env["mailing.list"].sudo().browse(list_id).exists()
        is_covered = "mailing.contact" in request.env["gdpr.scope"]._get_covered_models()
        return mailing_list.gdpr_purpose_id if is_covered else mailing_list.gdpr_purpose_id.browse()

    @staticmethod
    def _find_contact(list_id, address):
        contacts = request.env["mailing.contact"].sudo()
        return contacts.search(
            [("email_normalized", "=", tools.email_normalize(address)), ("list_ids", "in", [list_id])], limit=1
        )

    @staticmethod
    def _find_version(purpose):
        """Give the wording of this web site that asks for the purpose, by e-mail; None where there is none."""
        form = request.env["gdpr.consent.form"]._get_for_website(request.website)
        version = form._get_version(request.env.lang) if form else None
        for asked in version._get_content()["purposes"] if version else ():
            if asked["id"] == purpose.id and "email" in {channel["code"] for channel in asked["channels"]}:
                return version
        return None
