from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from .common import ConsentCase

CALL = {"source": "phone", "evidence": "Call 7"}


class IdentityCase(ConsentCase):
    """Two contacts, with nothing on record but the basis, and a lead without one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["res.partner"].create({"name": "A. Rossi", "email": "a.rossi@example.org"})
        cls.other.gdpr_legal_basis = "consent"

    def join(self, *cards, user=None):
        """Join records by the wizard, as a user does."""
        first, *others = cards
        wizard = Form.from_action(self.env(user=user or self.officer), self.with_user(first, user).action_gdpr_join())
        if others:
            wizard.other = f"{others[0]._name},{others[0].id}"
        wizard.reason = "She wrote from both addresses"
        wizard.save().action_join()
        self.env.invalidate_all()

    def with_user(self, card, user=None):
        return card.with_user(user or self.officer)

    def split(self, card, user=None):
        wizard = Form.from_action(self.env(user=user or self.officer), self.with_user(card, user).action_gdpr_split())
        wizard.reason = "Father and son"
        wizard.save().action_split()
        self.env.invalidate_all()

    def get_verdict(self, card, purpose="marketing", channel="email"):
        return card.gdpr_may_contact(purpose, channel)[card.id]["reason"]


@tagged("post_install", "-at_install")
class TestJoin(IdentityCase):
    """Two histories that are one person's."""

    def test_one_person(self):
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        first, second = self.partner.gdpr_subject_id, self.other.gdpr_subject_id
        count = len(first.event_ids), len(second.event_ids)
        self.join(self.partner, self.other)
        self.assertEqual(self.other.gdpr_subject_id, first)
        self.assertEqual(second.root_id, first)
        self.assertEqual(second.survivor_id, first)
        self.assertEqual((len(first.event_ids), len(second.event_ids)), (count[0] + 1, count[1] + 1), "none is moved")
        self.assertEqual(len(self.partner.gdpr_event_ids), sum(count) + 2, "the history reads all")
        self.assertEqual(self.partner.gdpr_event_ids, self.other.gdpr_event_ids)
        joined = first.event_ids[0]
        self.assertEqual((joined.action, joined.related_subject_id), ("joined", second))
        self.assertEqual((joined.actor, joined.user_id), ("operator", self.officer))
        self.assertIn("She wrote from both addresses", joined.details)
        self.assertEqual(self.get_verdict(self.other), "allowed", "what the person said counts for each record")
        self.assertEqual((self.partner.gdpr_card_count, self.other.gdpr_card_count), (2, 2))
        self.assertLedgerSound()

    def test_the_stricter_answer_wins(self):
        """Whichever record it was said on, and whichever was said last."""
        for denied_last in (True, False):
            for survivor_denied in (True, False):
                with self.subTest(denied_last=denied_last, survivor_denied=survivor_denied):
                    one, two = self.env["res.partner"].create([{"name": "One"}, {"name": "Two"}])
                    (one + two).gdpr_legal_basis = "consent"
                    denying, agreeing = (one, two) if survivor_denied else (two, one)
                    if not denied_last:
                        denying.gdpr_record_consent("marketing", ["email"], **CALL)
                        denying.gdpr_withdraw_consent()
                    agreeing.gdpr_record_consent("marketing", ["email"], **CALL)
                    if denied_last:
                        denying.gdpr_record_consent("marketing", ["email"], **CALL)
                        denying.gdpr_withdraw_consent()
                    self.join(one, two)
                    self.assertEqual(one.gdpr_consent_state, "withdrawn")
                    self.assertEqual(self.get_verdict(one), "withdrawn")
                    self.assertEqual(self.get_verdict(two), "withdrawn")
        self.assertLedgerSound()

    def test_the_ledger_says_why(self):
        self.other.gdpr_record_consent("marketing", ["email"], **CALL)
        self.other.gdpr_withdraw_consent()
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        self.join(self.partner, self.other)
        event = self.partner.gdpr_event_ids[0]
        self.assertEqual((event.action, event.actor), ("withdrawn", "system"))
        self.assertIn("the stricter answer counts", event.details)

    def test_channels_in_common(self):
        self.partner.gdpr_record_consent("marketing", ["email", "phone"], **CALL)
        self.other.gdpr_record_consent("marketing", ["phone", "sms"], **CALL)
        self.join(self.partner, self.other)
        self.assertEqual(self.partner.gdpr_channel_ids, self.phone_channel)
        self.assertEqual(self.get_verdict(self.partner, channel="sms"), "channel_not_allowed")
        self.assertLedgerSound()

    def test_no_channel_in_common(self):
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        self.other.gdpr_record_consent("marketing", ["phone"], **CALL)
        self.join(self.partner, self.other)
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertLedgerSound()

    def test_basis_restriction_and_objection(self):
        self.other.gdpr_set_legal_basis("contract")
        self.other.gdpr_subject_id._record_acts(
            [{"subject_id": self.other.gdpr_subject_id.id, "action": action} for action in ("restricted", "objected")]
        )
        self.join(self.other, self.partner)
        self.assertEqual(self.other.gdpr_legal_basis, "consent")
        self.assertTrue(self.partner.gdpr_restricted and self.partner.gdpr_objected)
        self.assertLedgerSound()

    def test_earlier_restriction_is_not_lifted_by_the_others_history(self):
        one, two = self.partner.gdpr_subject_id, self.other.gdpr_subject_id
        one._record_acts([{"subject_id": one.id, "action": "restricted"}])
        two._record_acts([{"subject_id": two.id, "action": action} for action in ("restricted", "unrestricted")])
        self.join(self.partner, self.other)
        self.assertTrue(self.partner.gdpr_restricted)
        self.assertLedgerSound()

    def test_untouched_records(self):
        """Records without a history are joined too, so that what comes counts for both."""
        one, two = self.env["res.partner"].create([{"name": "One"}, {"name": "Two"}])
        self.join(one, two)
        self.assertEqual(one.gdpr_subject_id, two.gdpr_subject_id)
        self.assertEqual((one + two).mapped("gdpr_legal_basis"), ["not_applicable"] * 2)
        one.gdpr_legal_basis = "consent"
        self.assertEqual(two.gdpr_consent_state, "pending")

    def test_from_the_list(self):
        third = self.env["res.partner"].create({"name": "Third"})
        contacts = self.partner + self.other + third
        wizard = Form.from_action(self.env(user=self.officer), contacts.with_user(self.officer).action_gdpr_join())
        self.assertFalse(wizard.asks_for_other)
        wizard.reason = "One and the same"
        wizard.save().action_join()
        self.assertEqual(len(contacts.gdpr_subject_id), 1)
        self.assertLedgerSound()

    def test_the_wizard_shows_the_outcome(self):
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        self.other.gdpr_record_consent("marketing", ["email"], **CALL)
        self.other.gdpr_withdraw_consent()
        wizard = Form.from_action(self.env(user=self.officer), self.partner.with_user(self.officer).action_gdpr_join())
        wizard.other = f"res.partner,{self.other.id}"
        rows = wizard.outcome
        self.assertIn("Together", rows)
        self.assertEqual(rows.count("Withdrawn"), 2)
        self.assertEqual(rows.count("Given"), 1)

    def test_needs_a_reason_and_two_records(self):
        with self.assertRaises(ValidationError):
            self.partner.gdpr_join(self.other, " ")
        with self.assertRaises(ValidationError):
            self.partner.gdpr_join(self.partner.browse(), "Alone")
        with self.assertRaises(AccessError):
            self.partner.with_user(self.employee).action_gdpr_join()
        wizard = self.env["gdpr.subject.joining"].create(
            {"res_model": "res.partner", "res_ids": str(self.partner.ids), "reason": "Alone"}
        )
        with self.assertRaises(ValidationError):
            wizard.action_join()

    def test_twice_is_once(self):
        self.join(self.partner, self.other)
        events = self.partner.gdpr_event_ids
        self.join(self.partner, self.other)
        self.assertEqual(self.partner.gdpr_event_ids, events)

    def test_chain_of_joins(self):
        third = self.env["res.partner"].create({"name": "Third"})
        third.gdpr_legal_basis = "consent"
        third.gdpr_record_consent("marketing", ["email"], **CALL)
        third.gdpr_withdraw_consent()
        self.join(self.other, third)
        self.join(self.partner, self.other)
        self.assertEqual(self.get_verdict(self.partner), "withdrawn")
        self.assertEqual(len((self.partner + self.other + third).gdpr_subject_id), 1)
        self.assertEqual(len(self.partner.gdpr_subject_id.member_ids), 3)
        self.assertLedgerSound()

    def test_links_and_requests_follow(self):
        """A link that was sent before works for the person both are now."""
        request, grant, _preferences = self.ask(self.other)
        self.join(self.partner, self.other)
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")
        link = self.env["gdpr.link"]._find("grant", grant)
        self.assertEqual(link.subject_id, self.partner.gdpr_subject_id)
        request._answer(request._get_version(), "save", {self.marketing.id: ["email"]}, {})
        self.assertEqual((self.partner + self.other).mapped("gdpr_consent_state"), ["obtained", "obtained"])
        self.assertLedgerSound()

    def test_one_question_at_a_time(self):
        self.ask(self.partner)
        self.ask(self.other)
        self.join(self.partner, self.other)
        states = self.partner.gdpr_subject_id.request_ids.sorted("id").mapped("state")
        self.assertEqual(states, ["cancelled", "sent"])

    def test_an_old_reference_still_leads_to_the_person(self):
        """What still points to the absorbed history acts on the person."""
        absorbed = self.other.gdpr_subject_id
        self.join(self.partner, self.other)
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        self.assertEqual(absorbed.consent_state, "obtained")
        absorbed._record_withdrawal(source="email", actor="person")
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertEqual(absorbed._get_contact_reasons(self.marketing, self.email_channel), {absorbed.id: "withdrawn"})
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestSplit(IdentityCase):
    """One history that turns out to be two persons'."""

    def test_each_gets_its_own_again(self):
        self.other.gdpr_record_consent("marketing", ["phone"], **CALL)
        absorbed = self.other.gdpr_subject_id
        self.join(self.partner, self.other)
        self.split(self.other)
        self.assertEqual(self.other.gdpr_subject_id, absorbed)
        self.assertFalse(absorbed.survivor_id)
        self.assertEqual(absorbed.root_id, absorbed)
        self.assertEqual(self.other.gdpr_consent_state, "obtained")
        self.assertEqual(self.partner.gdpr_consent_state, "pending", "it was the other's word")
        self.assertEqual(self.get_events(self.other)[-1], "separated")
        self.assertEqual(self.get_events(self.partner)[-1], "split")
        self.assertLedgerSound()

    def test_a_no_is_not_lost(self):
        """What was taken back while both were one counts for both."""
        self.other.gdpr_record_consent("marketing", ["email"], **CALL)
        self.join(self.partner, self.other)
        self.partner.gdpr_withdraw_consent()
        self.split(self.other)
        self.assertEqual(self.get_verdict(self.other), "withdrawn")
        self.assertEqual(self.get_verdict(self.partner), "withdrawn")
        self.assertLedgerSound()

    def test_a_yes_is_not_doubled(self):
        self.join(self.partner, self.other)
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        self.split(self.other)
        self.assertEqual(self.get_verdict(self.partner), "allowed")
        self.assertEqual(self.get_verdict(self.other), "no_consent")
        self.assertLedgerSound()

    def test_a_lead_that_was_never_apart(self):
        """A lead took its contact's person over, and turns out to be about somebody else."""
        lead = self.env["crm.lead"].create({"name": "Inquiry", "partner_id": self.partner.id})
        self.assertEqual(lead.gdpr_subject_id, self.partner.gdpr_subject_id)
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        self.split(lead)
        self.assertNotEqual(lead.gdpr_subject_id, self.partner.gdpr_subject_id)
        self.assertEqual(lead.gdpr_legal_basis, "consent")
        self.assertEqual((lead.gdpr_consent_state, self.partner.gdpr_consent_state), ("pending", "obtained"))
        self.assertLedgerSound()

    def test_out_of_a_chain(self):
        third = self.env["res.partner"].create({"name": "Third"})
        third.gdpr_legal_basis = "consent"
        third.gdpr_record_consent("marketing", ["email"], **CALL)
        own = third.gdpr_subject_id
        self.join(self.other, third)
        self.join(self.partner, self.other)
        self.split(third)
        self.assertEqual(third.gdpr_subject_id, own)
        self.assertEqual(self.other.gdpr_subject_id, self.partner.gdpr_subject_id)
        self.assertEqual((third.gdpr_consent_state, self.partner.gdpr_consent_state), ("obtained", "pending"))
        self.assertLedgerSound()
        self.join(third, self.partner)
        self.assertEqual(len((self.partner + self.other + third).gdpr_subject_id), 1)
        self.assertLedgerSound()

    def test_one_record_must_stay(self):
        with self.assertRaises(UserError):
            self.partner.gdpr_split("Nobody left")
        with self.assertRaises(ValidationError):
            self.partner.gdpr_split(" ")

    def test_requests_follow_their_record(self):
        request, grant, _preferences = self.ask(self.other)
        self.join(self.partner, self.other)
        self.split(self.other)
        self.assertEqual(request.subject_id, self.other.gdpr_subject_id)
        self.assertEqual(self.env["gdpr.link"]._find("grant", grant).subject_id, self.other.gdpr_subject_id)


@tagged("post_install", "-at_install")
class TestOdooJoins(IdentityCase):
    """What Odoo does with records that are one person's."""

    def test_merge_of_contacts(self):
        for denied in (self.partner, self.other):
            with self.subTest(denied=denied.name), self.env.cr.savepoint() as savepoint:
                (self.partner + self.other).gdpr_record_consent("marketing", ["email"], **CALL)
                denied.gdpr_withdraw_consent(note="Enough")
                histories = self.partner.gdpr_event_ids + self.other.gdpr_event_ids
                self.env["base.partner.merge.automatic.wizard"]._merge((self.partner + self.other).ids, self.partner)
                self.assertFalse(self.other.exists())
                self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
                self.assertLessEqual(histories, self.partner.gdpr_event_ids, "nothing of the history is lost")
                self.assertLedgerSound()
                savepoint.close(rollback=True)
            self.env.invalidate_all()

    def test_lead_linked_to_a_contact_with_a_history(self):
        self.lead.gdpr_record_consent("marketing", ["email"], **CALL)
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        self.lead.gdpr_withdraw_consent()
        self.lead.user_id = self.salesperson
        self.lead.with_user(self.salesperson).partner_id = self.partner
        self.assertEqual(self.lead.gdpr_subject_id, self.partner.gdpr_subject_id)
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertIn("linked to the contact", "".join(self.partner.gdpr_event_ids.mapped("details")))
        self.assertLedgerSound()

    def test_lead_moved_to_another_contact(self):
        """The two contacts aren't one person because a lead went from one to the other."""
        lead = self.env["crm.lead"].create({"name": "Inquiry", "partner_id": self.partner.id})
        lead.partner_id = self.other
        self.assertEqual(lead.gdpr_subject_id, self.other.gdpr_subject_id)
        self.assertNotEqual(self.partner.gdpr_subject_id, self.other.gdpr_subject_id)
        fresh = self.env["res.partner"].create({"name": "Fresh"})
        lead.partner_id = fresh
        self.assertEqual(lead.gdpr_subject_id, fresh.gdpr_subject_id)
        self.assertNotEqual(fresh.gdpr_subject_id, self.other.gdpr_subject_id)

    def test_lead_of_a_company_contact(self):
        company = self.env["res.partner"].create({"name": "Acme", "is_company": True})
        self.lead.partner_id = company
        self.assertFalse(company.gdpr_subject_id)

    def test_merge_of_leads(self):
        others = self.env["crm.lead"].create(
            [{"name": name, "email_from": "bruno.neri@example.com"} for name in ("Second", "Third")]
        )
        others.gdpr_legal_basis = "consent"
        others[1].gdpr_record_consent("marketing", ["email"], **CALL)
        others[1].gdpr_withdraw_consent()
        self.lead.gdpr_record_consent("marketing", ["email"], **CALL)
        left = (self.lead + others).merge_opportunity()
        self.assertEqual(left.gdpr_consent_state, "withdrawn")
        self.assertEqual(len(left.gdpr_subject_id.member_ids), 3)
        self.assertLedgerSound()

    def test_merge_of_two_contacts_deals(self):
        """Deals of two colleagues are merged, and stay two people's."""
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        deals = self.env["crm.lead"].create(
            [
                {"name": name, "type": "opportunity", "partner_id": partner.id}
                for name, partner in (("One", self.partner), ("Two", self.other))
            ]
        )
        deals.merge_opportunity()
        self.assertNotEqual(self.partner.gdpr_subject_id, self.other.gdpr_subject_id)
        self.assertEqual(self.get_verdict(self.other), "no_consent", "it was the colleague's yes")
        self.assertLedgerSound()

    def test_open_request_follows_the_merge(self):
        request, _grant, _preferences = self.ask(self.other)
        self.env["base.partner.merge.automatic.wizard"]._merge((self.partner + self.other).ids, self.partner)
        self.assertEqual(request._get_card(), self.partner)

    def test_two_contacts_with_one_address(self):
        """They may share a mailbox: nobody joins them but a user."""
        twin = self.env["res.partner"].create({"name": "Andrea Rossi", "email": self.partner.email})
        twin.gdpr_legal_basis = "consent"
        self.assertNotEqual(twin.gdpr_subject_id, self.partner.gdpr_subject_id)


@tagged("post_install", "-at_install")
class TestGone(IdentityCase):
    """The record goes, the proof stays, and nobody is asked through a record that is gone."""

    def test_deleted_while_asked(self):
        request, grant, preferences = self.ask(self.partner)
        subject = self.partner.gdpr_subject_id
        self.partner.unlink()
        self.assertEqual(request.state, "cancelled")
        self.assertEqual(subject.event_ids.mapped("action"), ["asked", "basis_changed"])
        self.assertTrue(self.env["gdpr.link"]._find("preferences", preferences), "can still say no")
        self.assertFalse(self.env["gdpr.link"]._find("grant", grant).request_id._is_answerable())
        self.assertLedgerSound()

    def test_deleted_with_mail_in_the_queue(self):
        with self.catch_mails():
            requests = (self.partner + self.other).gdpr_request_consent()
        mails = requests.sudo().mail_mail_ids
        self.assertEqual(mails.mapped("state"), ["outgoing", "outgoing"])
        self.partner.unlink()
        self.assertEqual(requests.sudo().mapped("state"), ["cancelled", "queued"])

    def test_one_of_two_deleted(self):
        request, _grant, _preferences = self.ask(self.partner)
        self.join(self.partner, self.other)
        self.other.unlink()
        self.assertEqual(request.state, "sent")
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")

    def test_archived_with_mail_in_the_queue(self):
        with self.catch_mails():
            requests = (self.partner + self.other).gdpr_request_consent()
        self.partner.action_archive()
        self.assertEqual(requests.sudo().mapped("state"), ["cancelled", "queued"])

    def test_deleted_and_made_anew(self):
        """Who said no isn't asked again because the contact was deleted and made anew."""
        self.env.company.gdpr_cooldown_months = 6
        self.ask(self.partner)
        self.partner.gdpr_withdraw_consent()
        email = self.partner.email
        self.partner.unlink()
        again = self.env["res.partner"].create({"name": "Anna Rossi", "email": email})
        again.gdpr_legal_basis = "consent"
        with self.assertRaisesRegex(UserError, "said no, and isn't asked again"):
            again.gdpr_request_consent()

    def test_archived(self):
        self.partner.gdpr_record_consent("marketing", ["email"], **CALL)
        self.partner.gdpr_withdraw_consent()
        self.partner.action_archive()
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        with self.assertRaises(UserError):
            self.partner.gdpr_request_consent()

    def test_portal_account_deleted_by_its_owner(self):
        user = new_test_user(self.env, login="leaving", groups="base.group_portal", email="leaving@example.com")
        partner = user.partner_id
        partner.gdpr_legal_basis = "consent"
        subject = partner.gdpr_subject_id
        subject._record_answer(
            self.form._get_version(), {self.marketing.id: ["email"]}, source="portal", actor="person"
        )
        subject._record_withdrawal(source="portal", actor="person")
        user.with_user(user).sudo()._deactivate_portal_user()
        with self.enter_registry_test_mode():
            self.env.ref("base.ir_cron_res_users_deletion").method_direct_trigger()
        self.assertFalse(user.exists())
        self.assertFalse(partner.exists())
        self.assertEqual(subject.consent_ids.state, "withdrawn")
        self.assertEqual(subject.event_ids.mapped("action"), ["withdrawn", "given", "basis_changed"])
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestCompanies(IdentityCase):
    """Records of two controllers are kept apart."""

    def test_merge_across_companies(self):
        """What was said to one controller isn't taken over by another."""
        self.partner.company_id = self.env.company
        self.other.gdpr_record_consent("marketing", ["email"], **CALL)
        self.other.company_id = self.env["res.company"].create({"name": "Second"})
        subject = self.other.gdpr_subject_id
        self.env["base.partner.merge.automatic.wizard"]._merge((self.partner + self.other).ids, self.partner)
        self.assertFalse(subject.survivor_id)
        self.assertEqual(self.get_verdict(self.partner), "no_consent")
        self.assertLedgerSound()

    def test_not_joined_across_companies(self):
        second = self.env["res.company"].create({"name": "Second"})
        self.partner.company_id = self.env.company
        self.other.company_id = second
        with self.assertRaises(UserError):
            self.partner.gdpr_join(self.other, "Same face")
