from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, freeze_time, tagged
from odoo.tools import mute_logger

from ..models.gdpr_subject_door_out import GdprSubject
from ..tools.server_context import SERVER
from .test_door_out import DoorOutCase

EXPLAINED = {
    "refused": "The person refused.",
    "no_consent": "The person hasn't agreed to this purpose.",
}


class ToManyCase(DoorOutCase):
    """People in every state, and a message to all of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agreed, cls.second = cls.make_person("Agreed"), cls.make_person("Second")
        for card in cls.agreed + cls.second:
            card.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        cls.pending = cls.make_person("Pending")
        cls.refused = cls.make_person("Refused")
        cls.refused.gdpr_withdraw_consent("marketing")
        cls.customer = cls.make_person("Customer", "contract")
        cls.untouched = cls.make_person("Untouched", "not_applicable")
        cls.objecting = cls.make_person("Objecting", "not_applicable")
        cls.objecting.gdpr_record_objection()
        cls.suspended = cls.make_person("Suspended", "contract")
        cls.env["gdpr.subject"]._record_acts([{"subject_id": cls.suspended.gdpr_subject_id.id, "action": "restricted"}])
        cls.people = (
            cls.agreed
            + cls.second
            + cls.pending
            + cls.refused
            + cls.customer
            + cls.untouched
            + cls.objecting
            + cls.suspended
        )

    def compose(self, cards=None, user=None, **values):
        cards = self.people if cards is None else cards
        context = {
            "default_model": cards._name,
            "default_res_ids": cards.ids,
            "default_composition_mode": "mass_mail",
        }
        composer = self.env["mail.compose.message"].with_user(user or self.env.user).with_context(**context)
        return composer.create({"subject": "News", "body": "<p>What is new</p>", "force_send": False, **values})

    def send(self, cards=None, **values):
        """Send to many; give the mails by card."""
        mails, _messages = self.compose(cards, **values)._action_send_mail()
        cards = self.people if cards is None else cards
        return {cards.browse(mail.res_id): mail for mail in mails}

    def get_going_out(self, mails):
        return {card for card, mail in mails.items() if mail.state == "outgoing"}

    def run_queue(self, mails):
        """Run the queue; give the addresses that got a mail."""
        ids = [mail.id for mail in mails.values()]
        with self.catch_mails():
            self.env["mail.mail"].process_email_queue(email_ids=ids)
        return {address for mail in self._mails for address in mail["email_to"]}


@tagged("post_install", "-at_install")
class TestComposer(ToManyCase):
    """Odoo's composer for a message to many leaves out who may not be contacted (law.md R-28, R-38, R-61, R-82)."""

    def test_marketing(self):
        mails = self.send()
        self.assertEqual(self.get_going_out(mails), set(self.agreed + self.second + self.untouched))
        reasons = {card: mail.failure_reason for card, mail in mails.items() if mail.state == "cancel"}
        self.assertEqual(
            reasons,
            {
                self.pending: EXPLAINED["no_consent"],
                self.refused: "The person took the consent back.",
                self.customer: EXPLAINED["no_consent"],
                self.objecting: "The person objects to any marketing.",
                self.suspended: "The processing is suspended.",
            },
        )
        self.assertEqual({mails[card].failure_type for card in reasons}, {"mail_optout"})
        self.assertEqual({mail.gdpr_purpose_id for mail in mails.values()}, {self.marketing})
        self.assertFalse(mails[self.pending].is_notification, "as Odoo's own exclusion, not for the chatter")
        self.assertEqual(len(self.run_queue(mails)), 3)

    def test_service_message(self):
        mails = self.send(gdpr_message_class="service")
        self.assertEqual(self.get_going_out(mails), set(self.people - self.suspended))
        self.assertFalse(mails[self.agreed].gdpr_purpose_id)
        self.assertIn("objecting@example.com", " ".join(self.run_queue(mails)))

    def test_service_message_obeys_what_others_blacklisted(self):
        self.env["mail.blacklist"].with_context(gdpr_blacklist_silent=SERVER)._add("agreed@example.com")
        mails = self.send(gdpr_message_class="service")
        self.assertEqual(mails[self.agreed].failure_type, "mail_bl")

    def test_another_purpose(self):
        card = self.make_person("Regular", "legitimate_interests")
        mails = self.send(self.people + card, gdpr_purpose_id=self.regulars.id)
        self.assertEqual(self.get_going_out(mails), set(self.untouched + card))

    def test_single_record_in_mass_mode(self):
        self.assertFalse(self.get_going_out(self.send(self.pending)))
        self.assertTrue(self.get_going_out(self.send(self.agreed)))

    def test_sent_at_once(self):
        with self.catch_mails():
            self.send(force_send=True)
        self.assertEqual(len(self._mails), 3)

    def test_same_address(self):
        """One who gets nothing isn't taken for the first of two with the same address."""
        card = self.make_person("Twin", email=self.refused.email)
        self.agree(card)
        self.assertEqual(self.get_going_out(self.send(self.refused + card)), {card})

    def test_leads(self):
        lead = self.env["crm.lead"].create({"name": "Other", "email_from": "lead@example.com"})
        self.assertEqual(self.get_going_out(self.send(self.lead + lead)), {lead})
        self.agree(self.lead)
        self.assertEqual(self.get_going_out(self.send(self.lead + lead)), {self.lead, lead})

    def test_switched_off(self):
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "False")
        self.env.registry.clear_cache()
        self.addCleanup(self.env.registry.clear_cache)
        composer = self.compose()
        self.assertFalse(composer.gdpr_is_gated or composer.gdpr_left_out or composer.gdpr_purpose_id)
        # Odoo's own blacklist still holds.
        self.assertEqual(self.get_going_out(self.send()), set(self.people - self.objecting))

    def test_not_covered(self):
        self.env.ref("gdpr_consent.scope_contact").active = False
        self.assertEqual(self.get_going_out(self.send()), set(self.people - self.objecting))

    def test_other_models(self):
        """What isn't a card is sent as ever."""
        channel = self.env["discuss.channel"].create({"name": "Others"})
        composer = self.compose(channel)
        self.assertFalse(composer.gdpr_is_gated or composer.gdpr_message_class)

    def test_by_code(self):
        """Odoo's own code that sends with a template."""
        template = self.env["mail.template"].create(
            {
                "name": "Reminder",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "subject": "Reminder",
                "body_html": "<p>Don't forget</p>",
                "use_default_to": True,
            }
        )
        mails = self.people.message_mail_with_source(template, force_send=False)
        going = mails.filtered(lambda mail: mail.state == "outgoing")
        self.assertEqual(set(going.mapped("res_id")), set((self.agreed + self.second + self.untouched).ids))
        template.gdpr_message_class = "service"
        mails = self.people.message_mail_with_source(template, force_send=False)
        going = mails.filtered(lambda mail: mail.state == "outgoing")
        self.assertEqual(set(going.mapped("res_id")), set((self.people - self.suspended).ids))

    def test_consent_request_to_many(self):
        """Asking isn't marketing: who is to be asked gets the question."""
        composer = self.compose(self.pending + self.suspended, force_send=True)
        composer.template_id = self.template
        self.assertFalse(composer.gdpr_is_gated)
        with self.catch_mails():
            composer._action_send_mail()
        self.assertEqual(self.pending.gdpr_consent_state, "waiting")
        self.assertEqual(len(self._mails), 1)

    def test_message_to_one(self):
        """A salesperson's own message to one person isn't a message to many."""
        composer = self.compose(self.pending, composition_mode="comment")
        self.assertFalse(composer.gdpr_is_gated)
        with self.catch_mails():
            composer.write({"partner_ids": self.pending.ids})
            composer._action_send_mail()
        self.assertTrue(self.pending.message_ids.filtered(lambda message: message.subject == "News"))

    def test_undecided(self):
        """When it can't be found out, nobody whose data privacy is looked after gets it."""
        with (
            patch.object(GdprSubject, "_read_contact_reasons", side_effect=ValueError("Unexpected")),
            mute_logger("odoo.addons.gdpr_consent.models.gdpr_subject_door_out"),
        ):
            self.assertFalse(self.get_going_out(self.send()))

    def test_what_the_user_sees(self):
        context = {
            "default_model": "res.partner",
            "default_res_ids": self.people.ids,
            "default_composition_mode": "mass_mail",
        }
        with Form(self.env["mail.compose.message"].with_user(self.salesperson).with_context(**context)) as form:
            self.assertEqual(form.gdpr_purpose_id, self.marketing)
            self.assertEqual(
                form.gdpr_left_out.splitlines(),
                [
                    "5 of 8 won't receive this message.",
                    "2 – The person hasn't agreed to this purpose.",
                    "1 – The person took the consent back.",
                    "1 – The person objects to any marketing.",
                    "1 – The processing is suspended.",
                ],
            )
            with self.assertRaises(AssertionError):
                form.gdpr_message_class = "service"
            form.subject = "News"
            form.body = "<p>Text</p>"
        with Form(self.env["mail.compose.message"].with_user(self.officer).with_context(**context)) as form:
            form.gdpr_message_class = "service"
            self.assertFalse(form.gdpr_purpose_id)
            self.assertEqual(form.gdpr_left_out.splitlines()[0], "1 of 8 won't receive this message.")
            form.gdpr_message_class = "marketing"
            self.assertEqual(form.gdpr_purpose_id, self.marketing)
            form.subject = "News"
            form.body = "<p>Text</p>"

    def test_who_declares_a_service_message(self):
        """A privacy officer who sends it, or the template: it goes to people who didn't agree."""
        composer = self.compose(user=self.salesperson, gdpr_message_class="service")
        self.assertFalse(composer.gdpr_may_declare)
        with self.assertRaisesRegex(UserError, "Choose such a template"):
            composer.action_send_mail()
        mails, _messages = self.compose(user=self.officer, gdpr_message_class="service")._action_send_mail()
        self.assertEqual(len(mails.filtered(lambda mail: mail.state == "outgoing")), 7)
        template = self.env["mail.template"].create(
            {
                "name": "Opening hours",
                "subject": "Closed on Monday",
                "body_html": "<p>Dear <t t-out='object.name'>Anna</t>, we are closed.</p>",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "gdpr_message_class": "service",
            }
        )
        values = {"template_id": template.id, "subject": "Closed on Monday", "body": template.body_html}
        for rewritten in ({"subject": "Half price"}, {"body": f"{template.body_html}<p>Half price on Sunday!</p>"}):
            composer = self.compose(user=self.salesperson, **{**values, **rewritten})
            self.assertFalse(composer.gdpr_may_declare)
            with self.assertRaisesRegex(UserError, "nobody rewrote it"):
                composer.action_send_mail()
        offer, conditions = self.env["ir.attachment"].create(
            [{"name": name, "raw": b"Text", "res_model": "mail.template", "res_id": template.id} for name in "ab"]
        )
        template.attachment_ids = conditions
        composer = self.compose(user=self.salesperson, **values)
        self.assertTrue(composer.gdpr_may_declare)
        composer.attachment_ids += offer
        with self.assertRaisesRegex(UserError, "nobody rewrote it"):
            composer.action_send_mail()
        # An editor writes the markup anew.
        body = str(template.body_html).replace("<p>", '<p style="margin: 0;">')
        composer = self.compose(user=self.salesperson, **{**values, "body": body})
        self.assertTrue(composer.gdpr_may_declare)
        mails, _messages = composer._action_send_mail()
        self.assertEqual(len(mails.filtered(lambda mail: mail.state == "outgoing")), 7)

    def make_template(self, **values):
        """Give a template that goes to the contact it is about."""
        model_id = self.env["ir.model"]._get_id("res.partner")
        return self.env["mail.template"].create(
            {"name": "Any", "model_id": model_id, "partner_to": "{{ object.id }}", **values}
        )

    def test_posted_on_many_at_once(self):
        """A marketing template reaches who may get it, and nobody else is on record as written to; nor is a service
        template rewritten.
        """
        template = self.make_template(
            subject="Closed on Monday", body_html="<p>We are closed.</p>", gdpr_message_class="marketing"
        )
        people = self.agreed + self.refused
        values = {"default_composition_mode": "comment", "default_template_id": template.id}
        composers = self.env["mail.compose.message"].with_user(self.salesperson).with_context(**values)
        composers = composers.with_context(default_model="res.partner", default_res_ids=people.ids)
        with self.catch_mails():
            composers.create({}).action_send_mail()
            self.env["mail.mail"].sudo().search([("state", "=", "outgoing")]).send()
        reached = str([mail["email_to"] for mail in self._mails])
        self.assertIn(self.agreed.email, reached)
        self.assertNotIn(self.refused.email, reached)
        actions = self.refused.sudo().gdpr_subject_id.event_ids.mapped("action")
        self.assertNotIn("written_to", actions)
        template.gdpr_message_class = "service"
        with self.assertRaisesRegex(UserError, "nobody rewrote it"):
            composers.create({"subject": "Half price"}).action_send_mail()

    def test_posted_on_many_without_a_word_of_its_kind(self):
        """It is marketing, as what is mailed to many is."""
        template = self.make_template(subject="Half price", body_html="<p>Buy now.</p>")
        people = self.agreed + self.refused
        context = {"default_composition_mode": "comment", "default_model": "res.partner"}
        composers = self.env["mail.compose.message"].with_user(self.salesperson).with_context(**context)
        for person in people:
            person.message_subscribe(person.ids)
        typed = {"subject": "Half price", "body": "<p>Buy now.</p>", "subtype_id": self.env.ref("mail.mt_comment").id}
        for values in ({"template_id": template.id}, typed):
            with self.subTest(values=values), self.catch_mails():
                composers.create({"res_ids": repr(people.ids), **values}).action_send_mail()
                self.env["mail.mail"].sudo().search([("state", "=", "outgoing")]).send()
                reached = str([mail["email_to"] for mail in self._mails])
                self.assertIn(self.agreed.email, reached)
                self.assertNotIn(self.refused.email, reached)
                self.assertNotIn("written_to", self.refused.sudo().gdpr_subject_id.event_ids.mapped("action"))

    def test_posted_on_many_where_others_follow(self):
        """Each who would get it is asked about: a follower who refused, and a colleague who follows who refused."""
        template = self.make_template(subject="Half price", body_html="<p>Buy now.</p>")
        colleague = self.officer.partner_id
        self.agreed.message_subscribe((self.refused + colleague).ids)
        self.refused.message_subscribe(colleague.ids)
        people = self.agreed + self.refused
        composers = (
            self.env["mail.compose.message"]
            .with_user(self.salesperson)
            .with_context(default_composition_mode="comment", default_model="res.partner")
        )
        values = {
            "res_ids": repr(people.ids),
            "template_id": template.id,
            "subtype_id": self.env.ref("mail.mt_comment").id,
        }
        with self.catch_mails():
            composers.create(values).action_send_mail()
            self.env["mail.mail"].sudo().search([("state", "=", "outgoing")]).send()
        reached = [str(mail["email_to"]) for mail in self._mails]
        self.assertTrue(any(self.agreed.email in address for address in reached))
        self.assertFalse(any(self.refused.email in address for address in reached))
        self.assertEqual(sum(colleague.email in address for address in reached), 2)
        self.assertNotIn("written_to", self.refused.sudo().gdpr_subject_id.event_ids.mapped("action"))
        noted = self.env["mail.notification"].search([("res_partner_id", "=", self.refused.id)])
        self.assertEqual(set(noted.mapped("notification_status")), {"canceled"})

    def test_who_makes_a_service_template(self):
        """Otherwise whoever may not declare a message would make a template that does."""
        values = {"name": "Mine", "model_id": self.env["ir.model"]._get_id("res.partner")}
        templates = self.env["mail.template"]
        for user in (self.officer, self.env.ref("base.user_admin")):
            templates |= templates.with_user(user).create({**values, "gdpr_message_class": "service"})
        own = (
            self.env["mail.template"].with_user(self.salesperson).create({**values, "gdpr_message_class": "marketing"})
        )
        for refused in (
            lambda: own.write({"gdpr_message_class": "service"}),
            lambda: own.create({**values, "gdpr_message_class": "service"}),
        ):
            with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
                refused()
        self.assertEqual(own.gdpr_message_class, "marketing")

    def test_user_without_the_role(self):
        """Who may not see the privacy state is held to it all the same."""
        mails, _messages = self.compose(user=self.employee)._action_send_mail()
        going = mails.filtered(lambda mail: mail.state == "outgoing")
        self.assertEqual(set(going.mapped("res_id")), set((self.agreed + self.second + self.untouched).ids))

    def test_by_domain(self):
        composer = self.compose(res_domain=repr([("id", "in", self.people.ids)]), res_ids=False)
        self.assertTrue(composer.gdpr_left_out.startswith("5 of 8"))

    def test_number_of_queries(self):
        many = self.env["res.partner"].create([{"name": str(i), "email": f"p{i}@example.com"} for i in range(1000)])
        many[:500].gdpr_legal_basis = "consent"
        self.env.flush_all()
        counts = []
        for cards in (many[400:600], many):
            composer = self.compose(cards)
            composer.gdpr_is_gated  # noqa: B018
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            refusals = composer._get_gdpr_refusals(cards.ids)
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(len(refusals), len(cards) // 2)
        self.assertLessEqual(counts[1], counts[0] + 2)


@tagged("post_install", "-at_install")
class TestQueue(ToManyCase):
    """Asked again when the queue is sent: what happened meanwhile counts (law.md R-14)."""

    def setUp(self):
        super().setUp()
        self.mails = self.send()

    def assertStopped(self, card, reason, going=None):
        reached = self.run_queue(self.mails)
        self.assertNotIn(card.email_normalized, " ".join(reached))
        mail = self.mails[card]
        self.assertEqual((mail.state, mail.failure_type, mail.failure_reason), ("cancel", "mail_optout", reason))
        self.assertEqual({notification.notification_status for notification in mail.notification_ids}, {"canceled"})
        self.assertIn("untouched@example.com", " ".join(reached))
        self.assertEqual(len(reached), 2 if going is None else going)

    def test_withdrawn_meanwhile(self):
        self.agreed.gdpr_withdraw_consent()
        self.assertStopped(self.agreed, "The person took the consent back.")

    def test_objected_meanwhile(self):
        self.agreed.gdpr_record_objection()
        self.assertStopped(self.agreed, "The person objects to any marketing.")

    def test_unsubscribed_from_odoo_meanwhile(self):
        self.env["mail.blacklist"]._add("agreed@example.com")
        self.assertStopped(self.agreed, "The person objects to any marketing.")

    def test_restricted_meanwhile(self):
        self.act(self.agreed, "restricted")
        self.assertStopped(self.agreed, "The processing is suspended.")

    def test_expired_meanwhile(self):
        with freeze_time(self.agreed.gdpr_consent_expires_on + timedelta(days=1)):
            self.assertStopped(self.agreed, "The consent has lapsed.", going=1)

    def test_untouched_objects_meanwhile(self):
        self.untouched.gdpr_record_objection()
        self.assertEqual(len(self.run_queue(self.mails)), 2)
        self.assertEqual(self.mails[self.untouched].state, "cancel")

    def test_single_channel_withdrawn_meanwhile(self):
        self.agreed.gdpr_subject_id._record_channels_withdrawal({self.marketing.id: {"email"}})
        self.assertStopped(self.agreed, "The person took the consent back.")

    def test_purpose_archived_meanwhile(self):
        self.marketing.active = False
        self.assertStopped(self.agreed, "The purpose isn't in use any more.", going=1)

    def test_purpose_removed_meanwhile(self):
        mails = self.send(self.customer + self.untouched, gdpr_purpose_id=self.regulars.id)
        self.regulars.unlink()
        self.assertEqual({mail.gdpr_purpose_id.id for mail in mails.values()}, {False})
        # Nobody can tell any more who said no to it.
        self.assertFalse(self.run_queue(mails))

    def test_one_click_unsubscription(self):
        """A marketing message carries the header that takes back its purpose, for that person alone (RFC 8058)."""
        self.run_queue(self.mails)
        headers = {mail["email_to"][0]: mail["headers"] or {} for mail in self._mails}
        addresses = {to: found.get("List-Unsubscribe") for to, found in headers.items()}
        [(to, address)] = [(to, address) for to, address in addresses.items() if "<agreed@example.com>" in to]
        self.assertRegex(address, r"^<https?://[^<>@]+/gdpr/unsubscribe/[\w-]{43}>$")
        self.assertEqual(headers[to]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click")
        link = self.env["gdpr.link"]._find("unsubscribe", address.strip("<>").rpartition("/")[2])
        self.assertEqual((link.subject_id, link.purpose_id), (self.agreed.gdpr_subject_id, self.marketing))
        self.assertEqual(len(set(filter(None, addresses.values()))), len(list(filter(None, addresses.values()))))

    def test_service_message_has_nothing_to_unsubscribe_from(self):
        self.run_queue(self.send(gdpr_message_class="service"))
        self.assertTrue(self._mails)
        self.assertFalse([mail for mail in self._mails if "List-Unsubscribe" in (mail["headers"] or {})])

    def test_sent_by_hand(self):
        self.agreed.gdpr_withdraw_consent()
        with self.catch_mails():
            self.mails[self.agreed].send()
            self.mails[self.second].send()
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(self.mails[self.agreed].state, "cancel")

    def test_tried_again(self):
        """A mail that failed and is tried again is asked about again."""
        self.mails[self.agreed].state = "exception"
        self.agreed.gdpr_withdraw_consent()
        self.mails[self.agreed].mark_outgoing()
        self.assertStopped(self.agreed, "The person took the consent back.")

    def test_service_message(self):
        mails = self.send(gdpr_message_class="service")
        self.act(self.customer, "restricted")
        self.agreed.gdpr_record_objection()
        reached = " ".join(self.run_queue(mails))
        self.assertNotIn("customer@example.com", reached)
        self.assertIn('"Agreed" <agreed@example.com>', reached)

    def test_undecided(self):
        """Not sent, and not lost: it can be tried again."""
        with (
            patch.object(GdprSubject, "_read_contact_reasons", side_effect=ValueError("Unexpected")),
            mute_logger("odoo.addons.gdpr_consent.models.gdpr_subject_door_out"),
        ):
            self.assertFalse(self.run_queue(self.mails))
        self.assertEqual(self.mails[self.agreed].state, "exception")
        self.mails[self.agreed].mark_outgoing()
        self.assertEqual(len(self.run_queue(self.mails)), 1)

    def test_other_mails_leave(self):
        """A message of no kind, as Odoo's own, isn't asked about."""
        mail = self.env["mail.mail"].create(
            {"email_to": "refused@example.com", "model": "res.partner", "res_id": self.refused.id, "body_html": "Hi"}
        )
        with self.catch_mails():
            mail.send()
        self.assertEqual(mail.state, "sent")

    def test_consent_request_of_a_restricted_person(self):
        with patch.object(type(self.env["mail.mail"]), "send_after_commit"):
            request = self.pending.gdpr_request_consent().sudo()
        mail = request.mail_mail_ids
        self.act(self.pending, "restricted")
        with self.catch_mails():
            self.env["mail.mail"].process_email_queue(email_ids=mail.ids)
        self.assertFalse(self._mails)
        self.assertEqual((mail.state, request.state), ("cancel", "failed"))
        self.assertEqual(request.failure_reason, "The processing is suspended.")
        self.assertLedgerSound()

    def test_consent_request_is_no_marketing(self):
        self.assertEqual(self.ask_reason(self.pending), "no_consent")
        request, token, _preferences = self.ask(self.pending)
        self.assertTrue(token)
        self.assertEqual(request.state, "sent")

    def test_number_of_queries(self):
        counts = []
        for number in (10, 200):
            cards = self.env["res.partner"].create(
                [{"name": str(i), "email": f"n{number}_{i}@example.com"} for i in range(number)]
            )
            mails = self.env["mail.mail"].browse(mail.id for mail in self.send(cards).values())
            cards.gdpr_legal_basis = "consent"
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(mails._stop_forbidden()[0], mails)
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 5)
