from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..tools.server_context import SERVER
from .test_door_out import DoorOutCase


@tagged("post_install", "-at_install")
class TestBlacklist(DoorOutCase):
    """An objection blacklists, and a blacklisting from elsewhere is an objection (law.md R-38)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.blacklist = cls.env["mail.blacklist"]
        cls.person = cls.make_person()

    def get_entry(self, email="carla.bruni@example.com"):
        return self.blacklist.with_context(active_test=False).search([("email", "=", email)])

    def is_blacklisted(self, email="carla.bruni@example.com"):
        return bool(self.get_entry(email).active)

    # ------------------------------------------------------------
    # FROM THE LEDGER
    # ------------------------------------------------------------

    def test_objection_blacklists_all_addresses(self):
        self.person.write({"phone": "+39 02 1234567", "country_id": self.env.ref("base.it").id})
        lead = self.env["crm.lead"].create({"name": "Inquiry", "email_from": "Carla <carla@example.org>"})
        lead.gdpr_legal_basis = "consent"
        self.person.gdpr_subject_id._join(lead.gdpr_subject_id, "One person")
        self.agree(self.person)
        self.person.with_user(self.salesperson).gdpr_record_objection(source="phone", note="No more!")
        self.assertTrue(self.is_blacklisted() and self.is_blacklisted("carla@example.org"))
        self.assertTrue(self.get_entry().gdpr_objection)
        self.assertIn("objects to marketing", self.get_entry().message_ids.mapped("body")[0])
        numbers = self.env["phone.blacklist"].search([]).mapped("number")
        self.assertIn(self.person.phone_sanitized, numbers)
        self.assertEqual(self.get_events(self.person)[-2:], ["objected", "withdrawn"])
        self.assertTrue(self.person.gdpr_objected)
        self.assertLedgerSound()

    def test_blacklisted_again_after_a_removal(self):
        """Never created anew: Odoo would leave an archived entry archived."""
        self.blacklist._add("carla.bruni@example.com")
        self.blacklist._remove("carla.bruni@example.com")
        subject = self.person.gdpr_subject_id
        self.act(self.person, "objection_lifted")
        self.assertFalse(self.is_blacklisted())
        subject._record_objection()
        self.assertTrue(self.is_blacklisted())
        self.assertEqual(len(self.get_entry()), 1)

    def test_agreeing_later_lifts(self):
        self.person.write({"phone": "+39 02 1234567", "country_id": self.env.ref("base.it").id})
        self.person.gdpr_record_objection()
        self.agree(self.person)
        self.assertFalse(self.person.gdpr_objected)
        self.assertFalse(self.is_blacklisted())
        self.assertFalse(self.env["phone.blacklist"].search([("number", "=", self.person.phone_sanitized)]))
        self.assertEqual(self.ask_reason(self.person), "allowed")
        self.assertLedgerSound()

    def test_what_others_added_stays(self):
        """What was on the list before, or was put there by somebody else since, isn't the add-on's to remove."""
        silent = self.blacklist.with_context(gdpr_blacklist_silent=SERVER)
        silent._add("carla.bruni@example.com")
        self.person.gdpr_record_objection()
        other = self.make_person("Dora Verdi")
        other.gdpr_record_objection()
        self.blacklist._add("dora.verdi@example.com")
        for card in (self.person, other):
            self.agree(card)
            self.assertTrue(self.is_blacklisted(card.email))
            self.assertEqual(self.ask_reason(card), "blacklisted")

    def test_context_of_a_client(self):
        """A client that sends the key of the add-on's own context takes nobody off the list."""
        self.person.gdpr_record_objection()
        entry = self.get_entry().with_context(gdpr_blacklist_silent=True)
        for change in (entry.action_archive, entry.unlink, lambda: entry.write({"email": "other@example.com"})):
            with self.assertRaisesRegex(UserError, "objects to marketing"):
                change()
        self.assertTrue(self.is_blacklisted())

    def test_shared_address(self):
        """Lifted by one, an objection of the other at the same address keeps it on the list."""
        other = self.make_person("Dora Verdi", email="carla.bruni@example.com")
        (self.person + other).gdpr_record_objection()
        self.agree(self.person)
        self.assertTrue(self.is_blacklisted())
        self.assertEqual(self.ask_reason(self.person), "blacklisted")
        self.agree(other)
        self.assertFalse(self.is_blacklisted())

    def test_the_other_person_at_a_shared_address_said_nothing(self):
        other = self.make_person("Dora Verdi", email="carla.bruni@example.com")
        self.person.gdpr_record_objection()
        self.assertFalse(other.gdpr_objected)
        self.assertNotIn("objected", self.get_events(other))

    def test_new_address(self):
        self.person.gdpr_record_objection()
        self.person.email = "Carla <new@example.com>"
        self.assertTrue(self.is_blacklisted("new@example.com"))
        lead = self.env["crm.lead"].create({"name": "Inquiry", "partner_id": self.person.id})
        self.assertEqual(lead.gdpr_subject_id, self.person.gdpr_subject_id)
        lead.email_from = "third@example.com"
        self.assertTrue(self.is_blacklisted("third@example.com"))

    def test_joined_card(self):
        lead = self.env["crm.lead"].create({"name": "Inquiry", "email_from": "carla@example.org"})
        lead.gdpr_legal_basis = "consent"
        self.person.gdpr_record_objection()
        lead.gdpr_subject_id._join(self.person.gdpr_subject_id, "One person")
        self.assertTrue(lead.gdpr_objected)
        self.assertTrue(self.is_blacklisted("carla@example.org"))

    def test_odd_addresses(self):
        """An objection is never lost to an address that the blacklist wouldn't take."""
        for address in (False, "nonsense", "a@x.example.com, b@x.example.com"):
            card = self.make_person("Odd", email=address, phone="12")
            card.gdpr_record_objection()
            self.assertTrue(card.gdpr_objected)
        self.assertTrue(self.is_blacklisted("a@x.example.com"))

    def test_one_address_change_costs_little(self):
        card = self.make_person("Dora Verdi")
        card.email = "d1@example.com"
        self.env.flush_all()
        queries = self.env.cr.sql_log_count
        card.comment = "x"
        self.env.flush_all()
        plain = self.env.cr.sql_log_count - queries
        queries = self.env.cr.sql_log_count
        card.email = "d2@example.com"
        self.env.flush_all()
        self.assertLessEqual(self.env.cr.sql_log_count - queries, plain + 8)
        self.assertFalse(self.get_entry("d2@example.com"))

    # ------------------------------------------------------------
    # FROM THE BLACKLIST
    # ------------------------------------------------------------

    def test_every_way_in(self):
        ways = {
            "add": lambda email: self.blacklist._add(email.upper(), message="Asked by mail"),
            "create": lambda email: self.blacklist.create({"email": f"Name <{email}>"}),
            "unarchive": lambda email: self.blacklist._remove(email).action_unarchive(),
            "address": lambda email: self.blacklist.create({"email": "x@example.net"}).write({"email": email}),
            "import": lambda email: self.blacklist.load(["email"], [[email]]),
        }
        for name, way in ways.items():
            card = self.make_person(f"By {name}")
            self.agree(card)
            with self.subTest(way=name):
                way(card.email)
                self.env.invalidate_all()
                self.assertEqual(self.get_events(card)[-2:], ["objected", "withdrawn"])
                self.assertEqual(self.ask_reason(card), "objected")
                self.assertFalse(self.get_entry(card.email).gdpr_objection, "somebody else's")
        event = (
            self.env["gdpr.consent.event"]
            .search([("action", "=", "objected")])
            .filtered(
                lambda event: (
                    event.subject_id == self.env["res.partner"].search([("name", "=", "By add")]).gdpr_subject_id
                )
            )
        )
        self.assertEqual(event._get_value("reason"), "The e-mail address was blacklisted.")
        self.assertEqual(event._get_value("note"), "Asked by mail")
        self.assertLedgerSound()

    def test_who_blacklisted(self):
        actors = {}
        public = self.env.ref("base.public_user")
        for name, blacklist in (
            ("operator", self.blacklist.with_user(self.manager)),
            ("visitor", self.blacklist.with_user(public).sudo()),
            ("job", self.blacklist.with_user(self.env.ref("base.user_root"))),
        ):
            card = self.make_person(f"By {name}")
            blacklist._add(card.email)
            event = card.gdpr_subject_id.event_ids.filtered(lambda event: event.action == "objected")
            actors[name] = (event.actor, event.user_id, event.source)
        nobody = self.env["res.users"]
        self.assertEqual(
            actors,
            {
                "operator": ("operator", self.manager, False),
                "visitor": ("person", nobody, "website"),
                "job": ("system", nobody, False),
            },
        )

    def test_unsubscribed_whom_nobody_looked_at(self):
        """Who unsubscribes says no, whoever has looked at the record; who is blacklisted by others says nothing."""
        looked, unsubscribing = self.env["res.partner"].create(
            [{"name": name, "email": f"{name}@example.com"} for name in ("looked", "unsubscribing")]
        )
        self.blacklist._add(looked.email)
        self.assertFalse(looked.gdpr_subject_id)
        self.blacklist.with_user(self.env.ref("base.public_user")).sudo()._add(unsubscribing.email)
        self.assertEqual(self.get_events(unsubscribing), ["objected"])
        self.assertEqual(unsubscribing.gdpr_legal_basis, "not_applicable")
        refusals = unsubscribing._gdpr_get_send_refusals(
            self.marketing, self.env.ref("gdpr_consent.channel_email"), "marketing"
        )
        self.assertEqual(refusals, {unsubscribing.id: "objected"})

    def test_all_persons_with_the_address(self):
        other = self.make_person("Dora Verdi", "legitimate_interests", email="carla.bruni@example.com")
        lead = self.env["crm.lead"].create({"name": "Inquiry", "email_from": "Carla.Bruni@example.com"})
        lead.gdpr_legal_basis = "contract"
        self.blacklist._add("carla.bruni@example.com")
        for card in (self.person, other, lead):
            self.assertTrue(card.gdpr_objected)

    def test_once(self):
        """No loop between the two, and no second event for the same thing."""
        self.blacklist._add("carla.bruni@example.com")
        self.blacklist._add("carla.bruni@example.com")
        self.blacklist.create({"email": "carla.bruni@example.com"})
        self.person.gdpr_record_objection()
        self.assertEqual(self.get_events(self.person).count("objected"), 1)

    def test_cards_nobody_looked_at_stay_untouched(self):
        card = self.env["res.partner"].create({"name": "Untouched", "email": "untouched@example.com"})
        self.blacklist._add("untouched@example.com")
        self.assertFalse(card.gdpr_subject_id)

    def test_too_many_bounces_are_no_objection(self):
        """An address that Odoo's mail gateway blacklists because it doesn't work."""

        def blacklist_bounced(thread, _message, _message_dict):
            thread.env["mail.blacklist"].sudo()._add("carla.bruni@example.com", message="Too much bounced")

        self.agree(self.person)
        with patch.object(self.registry["mail.thread"], "_routing_handle_bounce", blacklist_bounced):
            self.env["mail.thread"].message_process(
                "res.partner",
                "From: MAILER-DAEMON@example.com\nTo: bounce@example.com\nSubject: Undelivered\n"
                "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n"
                "--x\nContent-Type: text/plain\n\nNo such user\n"
                "--x\nContent-Type: message/delivery-status\n\n"
                "Final-Recipient: rfc822; carla.bruni@example.com\nAction: failed\n--x--\n",
            )
        self.assertTrue(self.is_blacklisted())
        self.assertFalse(self.person.gdpr_objected)
        self.assertEqual(self.ask_reason(self.person), "blacklisted")

    def test_removal_does_not_lift(self):
        self.blacklist._add("carla.bruni@example.com")
        self.env["mail.blacklist.remove"].create(
            {"email": "carla.bruni@example.com", "reason": "By mistake"}
        ).action_unblacklist_apply()
        self.assertFalse(self.is_blacklisted())
        self.assertTrue(self.person.gdpr_objected)
        self.assertEqual(self.ask_reason(self.person), "objected")
        self.agree(self.person)
        self.assertEqual(self.ask_reason(self.person), "allowed")

    def test_open_question_is_answered(self):
        request, token, _preferences = self.ask(self.person)
        self.blacklist._add("carla.bruni@example.com")
        self.assertEqual(request.state, "answered")
        self.assertEqual(self.get_events(self.person)[-2:], ["objected", "withdrawn"])

    def test_many(self):
        """A list of a thousand addresses takes a number of queries that hardly depends on its length."""
        people = self.env["res.partner"].create(
            [{"name": str(number), "email": f"p{number}@example.com"} for number in range(1000)]
        )
        people.gdpr_legal_basis = "consent"
        self.env.flush_all()
        plain, counts = [], []
        for prefix, found in (("q", plain), ("p", counts)):
            for numbers in (range(10), range(10, 1000)):
                self.env.invalidate_all()
                before = self.env.cr.sql_log_count
                self.blacklist.create([{"email": f"{prefix}{number}@example.com"} for number in numbers])
                self.env.flush_all()
                found.append(self.env.cr.sql_log_count - before)
        # What Odoo itself needs for as many addresses of nobody aside.
        self.assertLessEqual((counts[1] - plain[1]) - (counts[0] - plain[0]), 40)
        self.assertTrue(all(people.mapped("gdpr_objected")))

    def test_many_objections(self):
        people = self.env["res.partner"].create(
            [{"name": str(number), "email": f"p{number}@example.com"} for number in range(200)]
        )
        people.gdpr_legal_basis = "consent"
        self.env.flush_all()
        counts = []
        for some in (people[:10], people[10:]):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some.gdpr_subject_id._record_objection()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 20)

    # ------------------------------------------------------------
    # ON THE SCREEN
    # ------------------------------------------------------------

    def test_wizard(self):
        """The button is there on whatever basis, and for a record without one."""
        for basis in ("not_applicable", "legitimate_interests", "consent"):
            card = self.make_person(f"With {basis}", basis)
            action = card.with_user(self.salesperson).action_gdpr_record_objection()
            wizard = (
                self.env["gdpr.consent.withdrawal"]
                .with_user(self.salesperson)
                .with_context(**action["context"])
                .create({"source": "meeting", "note": "At the fair"})
            )
            wizard.action_withdraw()
            self.assertTrue(card.gdpr_objected)
            event = card.gdpr_subject_id.event_ids.filtered(lambda event: event.action == "objected")
            self.assertEqual((event.source, event.user_id), ("meeting", self.salesperson))
            self.assertEqual(event._get_value("note"), "At the fair")
