import json
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import HttpCase, freeze_time, tagged
from odoo.tools import mute_logger

from ..models.gdpr_subject_door_out import GdprSubject
from ..tools.server_context import SERVER
from .common import ConsentCase


class DoorOutCase(ConsentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.third_parties = cls.env.ref("gdpr_consent.purpose_third_parties")
        cls.sms_channel = cls.env.ref("gdpr_consent.channel_sms")
        cls.orders = cls.env["gdpr.purpose"].create(
            {"name": "Orders", "code": "orders", "legal_basis": "contract", "message_class": "service"}
        )
        cls.regulars = cls.env["gdpr.purpose"].create(
            {
                "name": "News for customers",
                "code": "regulars",
                "legal_basis": "legitimate_interests",
                "channel_ids": [Command.set((cls.email_channel + cls.phone_channel).ids)],
            }
        )

    @classmethod
    def make_person(cls, name="Carla Bruni", basis="consent", **values):
        reason = {"gdpr_legal_basis_reason": "A customer for years"} if basis == "legitimate_interests" else {}
        email = f"{name.lower().replace(' ', '.')}@example.com"
        card = cls.env["res.partner"].create({"name": name, "email": email, **values})
        if basis != "not_applicable":
            card.write({"gdpr_legal_basis": basis, **reason})
        return card

    def agree(self, card, channels=("email",), purposes="marketing", **options):
        """Record that these people agree; who objects to marketing confirms it."""
        with self.catch_mails():
            card.gdpr_record_consent(purposes, list(channels), "phone", evidence="Call 7", **options)
        for request in card.sudo().gdpr_subject_id.root_id.request_ids:
            if request.kind == "confirmation" and request._is_answerable():
                request._answer(request._get_version(), "confirm", request._get_declared_choices(), {})

    def act(self, card, action, **values):
        card._gdpr_ensure_subjects()
        self.env["gdpr.subject"]._record_acts([{"subject_id": card.gdpr_subject_id.id, "action": action, **values}])

    def ask_reason(self, card, purpose="marketing", channel="email"):
        verdict = card.gdpr_may_contact(purpose, channel)[card.id]
        self.assertEqual(verdict["allowed"], verdict["reason"] == "allowed")
        self.assertTrue(verdict["explanation"])
        return verdict["reason"]


@tagged("post_install", "-at_install")
class TestVerdict(DoorOutCase):
    """May we contact this person, for this purpose, through this channel, now (law.md R-28, R-30, R-33, R-38, R-61)?"""

    def test_states(self):
        """Each state a consent can be in, and no record at all."""
        later = fields.Datetime.now() + timedelta(days=3 * 365)
        prepare = {
            "no_consent": [lambda card: None, self.ask, lambda card: self.act(card, "no_response")],
            "allowed": [self.agree],
            "refused": [
                lambda card: self.act(card, "refused", purpose_id=self.marketing.id),
                lambda card: (self.agree(card), self.act(card, "refused", purpose_id=self.marketing.id)),
            ],
            "withdrawn": [lambda card: (self.agree(card), card.gdpr_withdraw_consent())],
            "expired": [
                lambda card: (
                    self.agree(card),
                    self.act(card, "expired", purpose_id=self.marketing.id, occurred_on=later),
                )
            ],
            "renewal_due": [
                lambda card: (self.agree(card), self.act(card, "renewal_due", purpose_id=self.marketing.id))
            ],
            "objected": [
                lambda card: card.gdpr_record_objection(),
                lambda card: (self.agree(card), card.gdpr_record_objection()),
            ],
            "restricted": [lambda card: (self.agree(card), self.act(card, "restricted"))],
        }
        number = 0
        for reason, ways in prepare.items():
            for way in ways:
                number += 1
                card = self.make_person(f"Person {number}")
                way(card)
                with self.subTest(reason=reason, number=number):
                    self.assertEqual(self.ask_reason(card), reason)
                    for flag, action in (("restricted", "restricted"), ("objected", "objected")):
                        self.act(card, action)
                        expected = "restricted" if reason == "restricted" else flag
                        self.assertEqual(self.ask_reason(card), expected)
                        self.act(card, "unrestricted")
                        self.act(card, "objection_lifted")
                        reason = "allowed" if reason == "restricted" else reason
        self.assertEqual(self.ask_reason(self.env["res.partner"].create({"name": "Nobody looked at"})), "no_consent")

    def test_expiry_by_time_alone(self):
        card = self.make_person()
        self.agree(card)
        expiry = card.gdpr_consent_expires_on
        with freeze_time(expiry - timedelta(seconds=1)):
            self.assertEqual(self.ask_reason(card), "allowed")
        with freeze_time(expiry):
            self.assertEqual(self.ask_reason(card), "expired")

    def test_legal_bases(self):
        """A basis other than consent allows what has this basis, and nothing else."""
        bases = [key for key, _label in self.partner._fields["gdpr_legal_basis"].selection]
        for basis in bases:
            card = self.make_person(f"Person {basis.replace('_', ' ')}", basis)
            with self.subTest(basis=basis):
                self.assertEqual(self.ask_reason(card), "no_consent")
                self.assertEqual(self.ask_reason(card, "orders"), "allowed" if basis == "contract" else "other_basis")
                self.assertEqual(
                    self.ask_reason(card, "regulars"), "allowed" if basis == "legitimate_interests" else "other_basis"
                )

    def test_message_class(self):
        """An objection and a blacklist stop marketing on whatever basis, and no service message."""
        card = self.make_person(basis="contract")
        regular = self.make_person("Dora Verdi", "legitimate_interests")
        (card + regular).gdpr_record_objection(source="phone")
        self.assertEqual(self.ask_reason(card, "orders"), "allowed")
        self.assertEqual(self.ask_reason(regular, "regulars"), "objected")
        self.act(card, "restricted")
        self.assertEqual(self.ask_reason(card, "orders"), "restricted")

    def test_channels(self):
        card = self.make_person()
        self.agree(card, ["email", "phone"])
        self.assertEqual(self.ask_reason(card, channel="phone"), "allowed")
        self.assertEqual(self.ask_reason(card, channel="sms"), "channel_not_allowed")
        card.gdpr_subject_id._record_channels_withdrawal({self.marketing.id: {"email"}})
        self.assertEqual(self.ask_reason(card), "channel_not_allowed")
        self.assertEqual(self.ask_reason(card, channel="phone"), "allowed")
        regular = self.make_person("Dora Verdi", "legitimate_interests")
        self.assertEqual(self.ask_reason(regular, "regulars", "phone"), "allowed")
        self.assertEqual(self.ask_reason(regular, "regulars", "post"), "channel_not_offered")
        self.phone_channel.active = False
        self.assertEqual(self.ask_reason(card, channel="phone"), "channel_not_offered")

    def test_company(self):
        other = self.env["res.company"].create({"name": "Other company"})
        ours = self.make_person(basis="contract", company_id=self.env.company.id)
        theirs = self.make_person("Dora Verdi", "contract", company_id=other.id)
        shared = self.make_person("Emma Neri", "contract")
        self.orders.company_id = self.env.company
        self.assertEqual(
            [self.ask_reason(card, self.orders) for card in (ours, theirs, shared)],
            ["allowed", "other_company", "allowed"],
        )

    def test_own_purpose_comes_before_the_shared_one(self):
        own = self.orders.copy({"company_id": self.env.company.id})
        own.active = False
        card = self.make_person(basis="contract")
        self.assertEqual(self.ask_reason(card, "orders"), "purpose_archived")

    def test_archived_purpose(self):
        card = self.make_person()
        self.agree(card)
        self.marketing.active = False
        self.assertEqual(self.ask_reason(card), "purpose_archived")
        card.gdpr_withdraw_consent()
        self.assertEqual(self.ask_reason(card), "withdrawn", "what the person said comes first")

    def test_blacklist(self):
        card = self.make_person(phone="+39 02 1234567", country_id=self.env.ref("base.it").id)
        self.agree(card, ["email", "phone", "sms"])
        silently = {"gdpr_blacklist_silent": SERVER}
        entry = self.env["mail.blacklist"].with_context(**silently)._add("CARLA.bruni@Example.com")
        self.assertEqual(self.ask_reason(card), "blacklisted")
        self.assertEqual(self.ask_reason(card, channel="phone"), "allowed")
        subject = card.gdpr_subject_id
        self.assertEqual(subject._get_contact_reasons(self.marketing, self.email_channel), {subject.id: "blacklisted"})
        entry.action_archive()
        self.assertEqual(self.ask_reason(card), "allowed")
        self.env["phone.blacklist"]._add([card.phone_sanitized])
        self.assertEqual(self.ask_reason(card, channel="phone"), "blacklisted")
        self.assertEqual(self.ask_reason(card, channel="sms"), "blacklisted")
        self.assertEqual(self.ask_reason(card), "allowed")

    def test_blacklisted_address_of_a_card_nobody_looked_at(self):
        self.env["mail.blacklist"]._add("old@example.com")
        card = self.env["res.partner"].create({"name": "Old", "email": "Old <old@example.com>"})
        self.assertEqual(self.ask_reason(card), "blacklisted")
        card.gdpr_legal_basis = "contract"
        self.assertEqual(self.ask_reason(card), "blacklisted")
        self.assertEqual(self.ask_reason(card, "orders"), "allowed")

    def test_joined_histories(self):
        card = self.make_person()
        self.agree(card)
        lead = self.env["crm.lead"].create({"name": "Inquiry", "email_from": "other@example.com"})
        lead.gdpr_legal_basis = "consent"
        absorbed = lead.gdpr_subject_id
        card.gdpr_subject_id._join(absorbed, "One person")
        self.assertEqual(absorbed._get_contact_reasons(self.marketing, self.email_channel), {absorbed.id: "allowed"})
        self.assertEqual(self.ask_reason(lead), "allowed")

    def test_fails_closed(self):
        """Whatever goes wrong inside, nobody is allowed, and the transaction goes on."""
        card = self.make_person()
        self.agree(card)

        def fail_in_database(*_arguments):
            self.env.cr.execute("SELECT no_such_column FROM gdpr_subject")

        for failure in (ValueError("Unexpected"), fail_in_database):
            with (
                patch.object(GdprSubject, "_read_contact_reasons", side_effect=failure),
                mute_logger("odoo.sql_db", "odoo.addons.gdpr_consent.models.gdpr_subject_door_out"),
            ):
                self.assertEqual(self.ask_reason(card), "undecided")
            self.assertEqual(self.ask_reason(card), "allowed")
        empty = self.env["gdpr.purpose"]
        self.assertEqual(set(card._gdpr_get_contact_reasons(empty, self.email_channel).values()), {"purpose_archived"})

    def test_explained(self):
        """Every reason that can come out has its explanation."""
        explanations = self.env["gdpr.subject"]._get_contact_explanations()
        self.assertTrue(all(explanations.values()))

    def test_bad_arguments(self):
        for arguments in (
            ("spam", "email"),
            ("marketing", "pigeon"),
            (False, "email"),
            (2**30, "email"),
            ("marketing", None),
        ):
            with self.subTest(arguments=arguments), self.assertRaises(ValidationError):
                self.partner.gdpr_may_contact(*arguments)

    def test_access(self):
        """Who can't read a card isn't told about it."""
        other = self.env["res.company"].create({"name": "Other company"})
        card = self.make_person(company_id=other.id)
        with self.assertRaises(AccessError):
            card.with_user(self.salesperson).gdpr_may_contact("marketing", "email")

    def test_number_of_queries(self):
        """As many for a hundred as for one."""
        many = self.env["res.partner"].create([{"name": str(i), "email": f"p{i}@example.com"} for i in range(100)])
        many.gdpr_legal_basis = "consent"
        for card in many[:20]:
            self.agree(card)
        many[20:40].gdpr_record_objection()
        subjects = many.gdpr_subject_id
        many[:1].gdpr_may_contact("marketing", "email")
        channel = self.email_channel
        for people in (subjects[:1], subjects):
            people.browse(people.ids)._get_contact_reasons(self.marketing, channel)
            # The verdict itself, in a savepoint.
            with self.assertQueryCount(3):
                people._get_contact_reasons(self.marketing, channel)
        for cards in (many[:1], many):
            with self.assertQueryCount(3):
                cards._gdpr_get_contact_reasons(self.marketing, channel)
        covered = many._gdpr_get_send_refusals(self.marketing, channel, "marketing")
        self.assertEqual(len(covered), 80)
        for cards in (many[20:21], many):
            self.env.flush_all()
            self.env.invalidate_all()
            with self.assertQueryCount(14):
                cards._gdpr_get_send_refusals(self.marketing, channel, "marketing")


@tagged("post_install", "-at_install")
class TestVerdictOverRpc(DoorOutCase, HttpCase):
    def test_json(self):
        self.agree(self.partner)
        self.authenticate("privacy_salesperson", "privacy_salesperson")
        for card in (self.partner, self.lead):
            card.user_id = self.salesperson
            answer = self.make_jsonrpc_request(
                "/web/dataset/call_kw",
                {
                    "model": card._name,
                    "method": "gdpr_may_contact",
                    "args": [card.ids, "marketing", "email"],
                    "kwargs": {},
                },
            )
            self.assertEqual(json.loads(json.dumps(answer)), answer)
            self.assertEqual(set(answer[str(card.id)]), {"allowed", "reason", "explanation"})
            self.assertEqual(answer[str(card.id)]["allowed"], card == self.partner)
