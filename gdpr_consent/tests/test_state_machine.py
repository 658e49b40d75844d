from datetime import timedelta
from unittest.mock import patch

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import freeze_time, tagged

from .common import ConsentCase

CARDS = ("contact", "lead", "twin")
PURPOSES = ("marketing", "profiling")
CHANNELS = ("email", "phone")

cards = st.sampled_from(["contact", "contact", "lead", "lead", "twin"])
purposes = st.sampled_from(PURPOSES)
# Often the same few, so that acts meet.
some_purposes = st.sampled_from([{"marketing"}, {"marketing"}, {"profiling"}, set(PURPOSES)])
some_channels = st.sets(st.sampled_from(CHANNELS), min_size=1)
JOINS = st.sampled_from([("join", one, two) for one in CARDS for two in CARDS if one != two])
GIVE_LEAD = ("give", "lead", {"marketing"}, {"email", "phone"})
JOIN = ("join", "contact", "lead")
ACTS = st.one_of(
    st.tuples(st.just("give"), cards, some_purposes, some_channels),
    st.tuples(st.just("answer"), cards, st.sets(purposes), some_channels),
    st.tuples(st.just("withdraw"), cards, st.none() | some_purposes),
    st.tuples(st.just("narrow"), cards, purposes, some_channels),
    st.tuples(st.just("object"), cards),
    st.tuples(st.just("restrict"), cards, st.booleans()),
    st.tuples(st.just("basis"), cards, st.sampled_from(["consent", "contract", "not_applicable"])),
    JOINS,
    JOINS,
    st.tuples(st.just("split"), cards),
    st.tuples(st.just("wait"), st.sampled_from([1, 20, 400, 800])),
)


@tagged("post_install", "-at_install")
class TestStateMachine(ConsentCase):
    """Any sequence of acts on three records that are joined and split again.

    Beside the add-on a model of the least that must hold is kept: who was denied what since the last yes.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.profiling.channel_ids = cls.email_channel + cls.phone_channel
        cls.form.purpose_ids = cls.marketing + cls.profiling
        cls.form.action_publish()
        cls.version = cls.form._get_version()

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
    @given(st.lists(ACTS, min_size=6, max_size=16))
    # The shortest ways to lose a no, whatever else the machine invents.
    @example([("withdraw", "contact", {"marketing"}), GIVE_LEAD, JOIN])
    @example([GIVE_LEAD, ("answer", "contact", set(), {"email"}), JOIN, ("split", "lead")])
    @example([GIVE_LEAD, JOIN, ("withdraw", "contact", None), ("split", "lead")])
    @example([("object", "contact"), GIVE_LEAD, JOIN, ("split", "contact"), JOIN])
    @example([("restrict", "contact", True), ("restrict", "lead", True), ("restrict", "lead", False), JOIN])
    @example(
        [("give", "contact", {"marketing"}, {"email"}), GIVE_LEAD, JOIN, ("narrow", "lead", "marketing", {"email"})]
    )
    @example([GIVE_LEAD, JOIN, ("wait", 800), ("split", "lead"), JOIN])
    def test_any_sequence(self, acts):
        with self.env.cr.savepoint() as savepoint:
            self.play(acts)
            savepoint.close(rollback=True)
        self.env.invalidate_all()

    def play(self, acts):
        self.cards = {
            "contact": self.env["res.partner"].create({"name": "Contact", "email": "contact@example.com"}),
            "twin": self.env["res.partner"].create({"name": "Twin", "email": "twin@example.com"}),
            "lead": self.env["crm.lead"].create({"name": "Lead", "email_from": "lead@example.com"}),
        }
        for card in self.cards.values():
            card.gdpr_legal_basis = "consent"
        self.groups = {name: {name} for name in CARDS}
        self.denied = {name: set() for name in CARDS}
        self.objecting = set()
        self.restricted = set()
        now = fields.Datetime.now()
        for action, *arguments in acts:
            now += timedelta(days=arguments[0]) if action == "wait" else timedelta(minutes=1)
            with freeze_time(now):
                try:
                    getattr(self, f"play_{action}")(*arguments)
                except (UserError, ValidationError):
                    self.env.invalidate_all()
                self.check()
        self.assertLedgerSound()

    def get_subject(self, name):
        return self.cards[name].sudo().gdpr_subject_id

    def note_denial(self, name, codes):
        for other in self.groups[name]:
            self.denied[other] |= set(codes)

    def note_agreement(self, name, codes):
        for other in self.groups[name]:
            self.denied[other] -= set(codes)
            self.objecting.discard(other)

    def play_give(self, name, codes, channels):
        self.cards[name].gdpr_record_consent(sorted(codes), sorted(channels), "phone", evidence="Call 7")
        self.note_agreement(name, codes)

    def play_answer(self, name, codes, channels):
        choices = {self.get_purpose(code).id: sorted(channels) for code in codes}
        self.get_subject(name)._record_answer(self.version, choices, source="portal", actor="person")
        if codes:
            self.note_agreement(name, codes)
        self.note_denial(name, set(PURPOSES) - codes)

    def play_withdraw(self, name, codes):
        given_before = set(self.cards[name].gdpr_purpose_ids.mapped("code"))
        self.cards[name].gdpr_withdraw_consent(codes and sorted(codes))
        self.note_denial(name, codes or given_before)

    def play_narrow(self, name, code, channels):
        before = set(self.get_channels(name, code))
        self.get_subject(name)._record_channels_withdrawal(
            {self.get_purpose(code).id: channels}, source="email", actor="person"
        )
        self.assertFalse(set(self.get_channels(name, code)) & channels)
        if before and before <= channels:
            self.note_denial(name, [code])

    def play_object(self, name):
        self.get_subject(name)._record_objection(source="email", actor="person")
        self.objecting |= self.groups[name]

    def play_restrict(self, name, restricted):
        subject = self.get_subject(name)
        subject._record_acts([{"subject_id": subject.id, "action": "restricted" if restricted else "unrestricted"}])
        self.restricted = self.restricted | self.groups[name] if restricted else self.restricted - self.groups[name]

    def play_basis(self, name, basis):
        self.cards[name].gdpr_set_legal_basis(basis)

    def play_join(self, one, two):
        joined = self.groups[one] | self.groups[two]
        if len(joined) > len(self.groups[one]):
            self.cards[one].gdpr_join(self.cards[two], "The same")
            denied = self.denied[one] | self.denied[two]
            for name in joined:
                self.groups[name] = joined
                self.denied[name] = set(denied)
            for marked in (self.objecting, self.restricted):
                if marked & joined:
                    marked |= joined

    def play_split(self, name):
        self.cards[name].gdpr_split("Not the same")
        rest = self.groups[name] - {name}
        for other in rest:
            self.groups[other] = rest
        self.groups[name] = {name}
        # What was agreed to stays where it was said: the rest may have lost a no of the other, never the other way.
        for other in rest:
            self.denied[other] = {
                code for code in self.denied[other] if self.get_state(other, code) in ("refused", "withdrawn")
            }
        left = self.get_subject(next(iter(rest)))
        self.objecting -= rest if not left.objected else set()
        self.restricted -= rest if not left.restricted else set()

    def play_wait(self, days):
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=1.0):
            self.env["gdpr.subject"]._cron_life_cycle()

    def get_purpose(self, code):
        return {"marketing": self.marketing, "profiling": self.profiling}[code]

    def get_consent(self, name, code):
        return self.get_subject(name).consent_ids.filtered(lambda consent: consent.purpose_id.code == code)

    def get_state(self, name, code):
        return self.get_consent(name, code).state

    def get_channels(self, name, code):
        consent = self.get_consent(name, code)
        return consent.channel_ids.mapped("code") if consent.state == "given" else []

    def check(self):
        """Check that nobody is contacted who said no, and that each yes is somebody's."""
        self.env.invalidate_all()
        for name, card in self.cards.items():
            subject = card.sudo().gdpr_subject_id
            self.assertEqual(subject.root_id, subject)
            self.assertEqual({self.get_subject(other) for other in self.groups[name]}, {subject})
            for consent in subject.consent_ids.filtered(lambda consent: consent.state == "given"):
                event = consent.event_id
                self.assertEqual(event.action, "given")
                self.assertTrue(event.version_id)
                act = subject.history_ids.filtered(lambda other, act=event.act: other.act == act)
                proven = "evidence" in act.value_ids.mapped("name")
                self.assertTrue(event.actor == "person" or proven, "nobody said so")
                self.assertEqual(event.subject_id.root_id, subject)
            for code in PURPOSES:
                for channel in CHANNELS:
                    allowed = card.gdpr_may_contact(code, channel)[card.id]["allowed"]
                    if code in self.denied[name] or name in self.objecting or name in self.restricted:
                        self.assertFalse(allowed, f"{name}: {code} by {channel}")
                    if allowed:
                        self.assertIn(channel, self.get_channels(name, code))
