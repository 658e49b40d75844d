from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError
from odoo.tools import SQL
from odoo.tools.mail import email_normalize

# What the history of a person begins with who was only asked to confirm.
BEGINNINGS = frozenset({"basis_changed", "declared", "asked", "delivery_failed", "bounced", "confirmation_lapsed"})


def is_colleague(user):
    """Tell whether a user is somebody of the staff, and not the account that runs the server."""
    return user._is_internal() and not user._is_superuser()


class MailingContact(models.Model):
    _inherit = "mailing.contact"

    gdpr_is_typed = fields.Boolean(
        "Made by the Newsletter Block",
        readonly=True,
        copy=False,
        help="Nothing is known but that somebody typed the address: it is deleted where nobody confirms it.",
    )

    def write(self, vals):
        """What a colleague has looked after is more than an address that somebody typed."""
        if is_colleague(self.env.user):
            vals = {"gdpr_is_typed": False, **vals}
        return super().write(vals)

    @api.model
    def _gdpr_find_typed(self, address):
        """Give the contacts with an address that somebody has just typed, once nobody else is typing it.

        A double click, or a second tab, would make the same contact twice.

        :raise ConcurrencyError: somebody else has made one: Odoo tries the whole request again
        """
        address = email_normalize(address)
        self.env.cr.execute(SQL("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", f"gdpr_newsletter {address}"))
        contacts = self.search([("email_normalized", "=", address)])
        # What was committed after this transaction began shows in another alone.
        with self.env.registry.cursor() as cr:
            cr.execute(SQL("SELECT id FROM mailing_contact WHERE email_normalized = %s", address))
            if {row[0] for row in cr.fetchall()} != {*contacts.ids}:
                raise ConcurrencyError("Somebody else has just typed this address.")
        return contacts

    def _gdpr_put_on(self, mailing_list):
        """Put this contact on a list once the person agrees to its purpose; tell whether it has to wait for that.

        Where nobody has chosen a basis the person gets whatever lists it is on, and goes on to get those alone.
        """
        if not self or self.gdpr_legal_basis != "not_applicable":
            return False
        values = {"contact_id": self.id, "list_id": mailing_list.id, "opt_out": True, "gdpr_is_awaited": True}
        return bool(self.env["mailing.subscription"].create(values))

    def _gdpr_forget_typed(self):
        """Delete those of these contacts of which nothing is known but that somebody typed an address which nobody
        confirmed: made by the newsletter block, changed by nobody since, and of a person who said nothing else.
        """
        typed = self.filtered(
            lambda contact: (
                contact.gdpr_is_typed
                and contact._gdpr_is_on_typed_lists_alone()
                and not any(map(is_colleague, contact.message_ids.create_uid))
            )
        )
        people = typed.gdpr_subject_id.root_id
        members = people.member_ids
        busy = self.env["gdpr.subject.request"].sudo().search([("subject_id", "in", members.ids)]).subject_id.root_id
        cards = defaultdict(int)
        for found in members._get_all_cards():
            for card in found:
                cards[card.gdpr_subject_id.root_id] += 1
        silent = people.filtered(
            lambda person: (
                cards[person] == 1
                and person not in busy
                and all(request.state not in ("queued", "sent") for request in person.request_ids)
                and all(event.action in BEGINNINGS and event.actor != "operator" for event in person.history_ids)
            )
        )
        typed.filtered(lambda contact: contact.gdpr_subject_id.root_id in silent).unlink()

    def _gdpr_is_on_typed_lists_alone(self):
        """Tell whether no colleague, and no program, has put the contact on a list."""
        self.ensure_one()
        makers = self.subscription_ids.create_uid
        return len(makers) == 1 and (makers == self.create_uid or not makers._is_internal())

    def _gdpr_record_number(self, version, purpose, page):
        """Record that somebody typed this contact's number into the newsletter block of the web site (law.md R-10).

        Anybody can type any number, and no mailbox confirms it: it is on record as a consent without proof, and no
        text message leaves before the person has agreed in another way. Where the company does without confirmation
        for its web site, it counts at once. Typing a number again says nothing new.

        :param gdpr.consent.form.version version: the wording of the web site that asks for the purpose by SMS
        :param gdpr.purpose purpose: what the list is for
        :param str page: where it was typed
        """
        if not self or not version or self.gdpr_may_contact(purpose, "sms")[self.id]["allowed"]:
            return
        is_to_confirm = self._gdpr_filter_to_confirm(purpose, "website")
        self._gdpr_take_up(is_to_confirm)
        person = self._gdpr_ensure_subjects().root_id
        values = {
            "language": version.lang,
            "evidence": self.env._("Number typed into the newsletter block of the web site: %(page)s", page=page),
        }
        act = {"source": "website", "occurred_on": fields.Datetime.now(), "attachment": None}
        if not is_to_confirm:
            values["exemption"] = self._gdpr_get_company()._get_gdpr_exemption("website")
            choices = {purpose.id: ["sms"]}
            person._record_answer(version, choices, offered=purpose, actor="person", values=values, **act)
            return
        if any(event.action == "unproven" and event.purpose_id == purpose for event in person.history_ids):
            return
        person._record_acts(
            [
                {
                    **act,
                    "subject_id": person.id,
                    "action": "unproven",
                    "actor": "system",
                    "purpose_id": purpose.id,
                    "channel_codes": ["sms"],
                    "version_id": version.id,
                    "company_id": version.form_id.company_id.id,
                    "values": values,
                }
            ]
        )
