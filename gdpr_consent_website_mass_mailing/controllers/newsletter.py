from odoo import tools
from odoo.http import request, route

from odoo.addons.gdpr_consent.controllers.website_form import Choices, ConsentWebsiteForm
from odoo.addons.website_mass_mailing.controllers import main

# The channel by what the block asks for.
CHANNELS = {"email": "email", "mobile": "sms"}


class NewsletterController(main.MassMailController):
    """The newsletter block of the web site: anybody can type any address, so it counts when it is confirmed from the
    mailbox (law.md R-10), and nobody who has left a list is brought back by it. Where no form has the words to ask
    with, no address is taken.
    """

    @route()
    def subscribe(self, list_id, value, subscription_type, **post):
        mailing_list = NewsletterController._get_list(list_id)
        is_governed = bool(mailing_list._gdpr_get_governed_purpose())
        channel = CHANNELS[subscription_type]
        if is_governed and mailing_list._gdpr_is_silent_on(request.website, channel):
            return {"toast_type": "danger", "toast_content": self._refuse(mailing_list, channel)}
        if is_governed and channel == "email" and not tools.single_email_re.match(value.strip()):
            return {"toast_type": "danger", "toast_content": request.env._("This isn't an e-mail address.")}
        if is_governed and channel == "sms" and not NewsletterController._sanitize(value):
            return {"toast_type": "danger", "toast_content": request.env._("This isn't a phone number.")}
        answer = super().subscribe(list_id, value, subscription_type, **post)
        if answer["toast_type"] == "success" and is_governed and channel == "email":
            # The same whether the address was known or not.
            answer["toast_content"] = request.env._("Almost done: please confirm in the message we send you.")
        elif answer["toast_type"] == "success" and is_governed and not NewsletterController._counts_unconfirmed():
            answer["toast_content"] = request.env._(
                "We have noted your number. Nobody can confirm it here, so no text message comes before you have agreed"
                " in another way."
            )
        return answer

    def _refuse(self, mailing_list, channel):
        """Give what a visitor is told where nobody can be asked; whoever edits the web site is told why."""
        if channel == "sms":
            said = request.env._("You can't subscribe here at the moment. We haven't kept your number.")
        else:
            said = request.env._("You can't subscribe here at the moment. We haven't kept your address.")
        if not request.env.user._is_internal():
            return said
        if channel == "sms":
            return request.env._(
                "%(said)s No published consent form of this web site asks for “%(purpose)s” by SMS.",
                said=said,
                purpose=mailing_list.gdpr_purpose_id.name,
            )
        return request.env._(
            "%(said)s No published consent form of this web site asks for “%(purpose)s” by e-mail.",
            said=said,
            purpose=mailing_list.gdpr_purpose_id.name,
        )

    @staticmethod
    def subscribe_to_newsletter(subscription_type, value, list_id, fname, address_name=None):
        """Put a new address on the list, and ask the person behind it to confirm."""
        mailing_list = NewsletterController._get_list(list_id)
        purpose = mailing_list._gdpr_get_governed_purpose()
        if purpose and subscription_type == "mobile":
            contacts = NewsletterController._find_by_number(value)
            subscriptions = contacts.subscription_ids.filtered(lambda known: known.list_id == mailing_list)
            if any(subscriptions.mapped("opt_out")):
                # Nobody can confirm from a number, so who has left isn't brought back by who types it.
                request.session[f"mass_mailing_{fname}"] = value
                return None
            if not subscriptions and contacts[:1]._gdpr_put_on(mailing_list):
                request.session[f"mass_mailing_{fname}"] = value
            else:
                # The same person, however the number is written.
                value = (subscriptions.contact_id or contacts)[:1][fname] or value
                main.MassMailController.subscribe_to_newsletter(
                    subscription_type, value, list_id, fname, address_name=address_name
                )
            NewsletterController._find_by_number(value)[:1]._gdpr_record_number(
                mailing_list._gdpr_find_version(request.website, "sms"), purpose, ConsentWebsiteForm()._get_page()
            )
            return None
        if not purpose or subscription_type != "email":
            return main.MassMailController.subscribe_to_newsletter(
                subscription_type, value, list_id, fname, address_name=address_name
            )
        _name, address = tools.parse_contact_from_email(value)
        contacts = request.env["mailing.contact"].sudo()._gdpr_find_typed(address)
        request.session[f"mass_mailing_{fname}"] = address
        subscriptions = contacts.subscription_ids.filtered(lambda known: known.list_id == mailing_list)
        if subscriptions:
            # Who has left isn't brought back by who types the address.
            subscriptions.filtered("opt_out").gdpr_is_awaited = True
        elif not contacts[:1]._gdpr_put_on(mailing_list):
            main.MassMailController.subscribe_to_newsletter(
                subscription_type, contacts[:1].email or value, list_id, fname, address_name=address_name
            )
        awaited = subscriptions.filtered("gdpr_is_awaited") or subscriptions
        contact = (awaited.contact_id or contacts)[:1]
        if not contact:
            contact = NewsletterController._find_contact(int(list_id), address)
            contact.gdpr_is_typed = True
        version = mailing_list._gdpr_find_version(request.website)
        if contact and version:
            ConsentWebsiteForm()._record_choices(contact, Choices(version, {purpose.id: ["email"]}))
        return None

    @staticmethod
    def _counts_unconfirmed():
        return not request.website.company_id.sudo()._needs_gdpr_confirmation("website")

    @staticmethod
    def _get_list(list_id):
        return request.env["mailing.list"].sudo().browse(int(list_id)).exists()

    @staticmethod
    def _sanitize(number):
        return request.env["mailing.contact"].sudo().new({"mobile": number}).phone_sanitized

    @staticmethod
    def _find_by_number(number):
        contacts = request.env["mailing.contact"].sudo()
        sanitized = NewsletterController._sanitize(number)
        return contacts.search([("phone_sanitized", "=", sanitized)]) if sanitized else contacts

    @staticmethod
    def _find_contact(list_id, address):
        contacts = request.env["mailing.contact"].sudo()
        return contacts.search(
            [("email_normalized", "=", tools.email_normalize(address)), ("list_ids", "in", [list_id])], limit=1
        )
