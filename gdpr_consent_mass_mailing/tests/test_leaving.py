from odoo.exceptions import UserError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.gdpr_consent.tests.migration_common import load_migration
from odoo.addons.gdpr_consent.tests.page_common import PageCase


@tagged("post_install", "-at_install")
class TestLeaving(PageCase):
    """Leaving a mailing list is on record, and one click leaves one list."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.news, cls.offers = cls.env["mailing.list"].create([{"name": "News"}, {"name": "Offers"}])
        cls.contact = cls.env["mailing.contact"].create(
            {"name": "Reader", "email": "reader@example.com", "list_ids": [(4, cls.news.id)]}
        )

    def leave(self, mailing_list):
        mailing_list._update_subscription_from_email("reader@example.com", opt_out=True)

    def test_leaving_takes_the_consent_back(self):
        self.leave(self.news)
        self.assertEqual(self.get_events(self.contact)[-1], "withdrawn")
        self.assertEqual(self.contact.gdpr_subject_id.consent_ids.purpose_id, self.marketing)
        self.assertLedgerSound()

    def test_name_of_the_person(self):
        self.leave(self.news)
        person = self.contact.gdpr_subject_id
        self.assertEqual(person.display_name, f"Reader ({person.reference})")

    def test_request_from_the_list(self):
        action = self.env.ref("gdpr_consent_mass_mailing.mailing_contact_action_request_access")
        action = action.with_user(self.officer).with_context(
            active_model="mailing.contact", active_ids=self.contact.ids
        )
        with self.catch_mails():
            action.run()
        requests = self.env["gdpr.subject.request"].search([("subject_id", "=", self.contact.gdpr_subject_id.id)])
        self.assertEqual(requests.type, "access")

    def test_another_list_of_the_purpose_is_kept(self):
        self.contact.list_ids += self.offers
        self.leave(self.news)
        self.assertEqual(self.get_events(self.contact)[-1], "noted")
        self.leave(self.offers)
        self.assertEqual(self.get_events(self.contact)[-1], "withdrawn")

    def test_another_record_of_the_address_stays(self):
        """Odoo goes by the address: it is off a purpose when no record of it is on a list for it."""
        other = self.contact.copy({"list_ids": [(6, 0, self.offers.ids)]})
        self.contact.subscription_ids.opt_out = True
        self.assertEqual(self.get_events(self.contact)[-1], "noted")
        other.subscription_ids.opt_out = True
        self.assertEqual(self.get_events(other)[-1], "withdrawn")

    def test_leaving_twice_is_recorded_once(self):
        self.leave(self.news)
        self.leave(self.news)
        self.assertEqual(self.get_events(self.contact).count("withdrawn"), 1)

    def test_taken_off_by_a_marketing_user(self):
        """Whoever sends mailings needs no role in data privacy to take somebody off a list."""
        marketer = new_test_user(self.env, "marketer", "base.group_user,mass_mailing.group_mass_mailing_user")
        self.contact.subscription_ids.with_user(marketer).opt_out = True
        event = self.contact.gdpr_subject_id.event_ids[-1]
        self.assertEqual((event.action, event.actor), ("withdrawn", "operator"))
        other = self.env["mailing.contact"].with_user(marketer)
        other = other.create(
            {"email": "other@example.com", "subscription_ids": [(0, 0, {"list_id": self.news.id, "opt_out": True})]}
        )
        self.assertEqual(self.get_events(other.sudo()), ["withdrawn"])

    def test_deleted_and_made_anew(self):
        """Who left isn't brought back by deleting the contact and importing it again; the own yes does."""
        self.leave(self.news)
        email = self.contact.email
        person = self.contact.gdpr_subject_id
        self.contact.unlink()
        self.assertTrue(person.former_address)
        self.assertNotIn(email, person.former_address)
        again = self.env["mailing.contact"].create({"email": f" {email.upper()}", "list_ids": [(4, self.news.id)]})
        other = self.env["mailing.contact"].create({"email": "other@example.com", "list_ids": [(4, self.news.id)]})
        self.assertEqual(
            (again | other)._gdpr_get_send_refusals(self.marketing, self.email_channel, "marketing"),
            {again.id: "withdrawn"},
        )
        self.assertIn(person.id, again._gdpr_find_people("mail.blacklist")[again.id])

    def test_every_address_is_known_again(self):
        """Whichever of the addresses, or the number alone, the record is made anew with; and nobody waits any more."""
        both = self.env["res.partner"].create(
            {"name": "Both", "email": "one@example.com, two@example.com", "phone": "+39027654321"}
        )
        both.gdpr_withdraw_consent(self.marketing)
        both.unlink()
        for values in ({"email": "one@example.com"}, {"email": "two@example.com"}):
            again = self.env["res.partner"].create({"name": "Again", **values})
            refusals = again._gdpr_get_send_refusals(self.marketing, self.email_channel, "marketing")
            self.assertEqual(refusals, {again.id: "withdrawn"})
        again = self.env["res.partner"].create({"name": "Again", "phone": "+39 02 7654321"})
        sms = self.env.ref("gdpr_consent.channel_sms")
        self.assertEqual(again._gdpr_get_send_refusals(self.marketing, sms, "marketing"), {again.id: "withdrawn"})

    def test_address_that_was_changed(self):
        """The address that somebody said no from stays known when the record gets another, and is deleted or not."""
        card = self.env["res.partner"].create({"name": "Moved", "email": "old@example.com"})
        card.gdpr_withdraw_consent(self.marketing)
        card.email = "new@example.com"
        again = self.env["res.partner"].create({"name": "Again", "email": "old@example.com"})
        refuse = again._gdpr_get_send_refusals
        self.assertEqual(refuse(self.marketing, self.email_channel, "marketing"), {again.id: "withdrawn"})
        self.assertFalse(refuse(self.marketing, self.email_channel, "service"))
        card.unlink()
        found = self.env["gdpr.subject"]._find_by_former_addresses({"old@example.com", "new@example.com"})
        self.assertEqual(found.keys(), {"old@example.com", "new@example.com"})

    def test_address_of_a_merged_record(self):
        """So does that of a record that was merged into one with another address, of contacts and of leads."""
        kept, merged = self.env["res.partner"].create(
            [{"name": "Kept", "email": "kept@example.com"}, {"name": "Merged", "email": "merged@example.com"}]
        )
        merged.gdpr_withdraw_consent(self.marketing)
        wizard = self.env["base.partner.merge.automatic.wizard"].create({"dst_partner_id": kept.id})
        wizard._merge((kept + merged).ids, kept)
        self.assertFalse(merged.exists())
        won, lost = self.env["crm.lead"].create(
            [
                {"name": "Won", "type": "opportunity", "email_from": "won@example.com", "probability": 90},
                {"name": "Lost", "type": "lead", "email_from": "lost@example.com"},
            ]
        )
        lost.gdpr_withdraw_consent(self.marketing)
        (won + lost).merge_opportunity()
        for email in ("merged@example.com", "lost@example.com"):
            again = self.env["res.partner"].create({"name": "Again", "email": email})
            refusals = again._gdpr_get_send_refusals(self.marketing, self.email_channel, "marketing")
            self.assertEqual(refusals, {again.id: "withdrawn"}, email)

    def test_suspended_address_of_a_merged_record(self):
        kept, merged = self.env["res.partner"].create(
            [{"name": "Kept", "email": "kept@example.com"}, {"name": "Merged", "email": "merged@example.com"}]
        )
        merged._gdpr_ensure_subjects()._record_restriction(actor="person")
        wizard = self.env["base.partner.merge.automatic.wizard"].create({"dst_partner_id": kept.id})
        wizard._merge((kept + merged).ids, kept)
        again = self.env["res.partner"].create({"name": "Again", "email": "merged@example.com"})
        refusals = again._gdpr_get_send_refusals(self.marketing, self.email_channel, "service")
        self.assertEqual(refusals, {again.id: "restricted"})

    def test_address_of_a_lead_that_gets_a_customer(self):
        """Its address follows the customer's, and the one that the no came from stays known, as that person's."""
        lead = self.env["crm.lead"].create({"name": "Lead", "email_from": "lead@example.com"})
        lead.gdpr_withdraw_consent(self.marketing)
        lead.partner_id = self.env["res.partner"].create({"name": "Customer", "email": "customer@example.com"})
        self.assertEqual(lead.email_from, "customer@example.com")
        again = self.env["res.partner"].create({"name": "Again", "email": "lead@example.com"})
        refusals = again._gdpr_get_send_refusals(self.marketing, self.email_channel, "marketing")
        self.assertEqual(refusals, {again.id: "withdrawn"})

    def test_several_records_deleted_at_once(self):
        """All addresses of one person are remembered."""
        contact = self.env["res.partner"].create({"name": "One", "email": "main@example.com"})
        contact.gdpr_withdraw_consent(self.marketing)
        leads = self.env["crm.lead"].create(
            [
                {"name": "Lead", "partner_id": contact.id, "email_from": address}
                for address in ("one@example.com", "two@example.com")
            ]
        )
        for lead, address in zip(leads, ("one@example.com", "two@example.com"), strict=True):
            lead.write({"partner_id": False, "email_from": address})
        self.assertEqual(leads.gdpr_subject_id, contact.gdpr_subject_id)
        contact.unlink()
        leads.unlink()
        found = self.env["gdpr.subject"]._find_by_former_addresses({"one@example.com", "two@example.com"})
        self.assertEqual(found.keys(), {"one@example.com", "two@example.com"})

    def test_nobody_waits_after_the_answer(self):
        self.contact.subscription_ids.write({"opt_out": True, "gdpr_is_awaited": True})
        person = self.contact._gdpr_ensure_subjects().root_id
        person._record_withdrawal(self.marketing, actor="person")
        waiting = self.contact.subscription_ids.filtered(
            lambda subscription: subscription.list_id.gdpr_purpose_id == self.marketing
        )
        self.assertFalse(any(waiting.mapped("gdpr_is_awaited")))

    def test_suspended_and_made_anew(self):
        """Whose processing is suspended gets nothing after the record was deleted and made anew."""
        card = self.env["res.partner"].create({"name": "Stop", "email": "stop@example.com"})
        card._gdpr_ensure_subjects()._record_restriction(actor="person")
        card.unlink()
        again = self.env["res.partner"].create({"name": "Again", "email": "stop@example.com"})
        mail = self.env["mail.mail"].create({"subject": "Hello", "recipient_ids": again.ids, "body_html": "<p>Hi</p>"})
        with self.catch_mails():
            mail.send()
        self.assertFalse(self._mails)
        refusals = again._gdpr_get_send_refusals(self.marketing, self.email_channel, "service")
        self.assertEqual(refusals, {again.id: "restricted"}, "Who gets it? says so before.")

    def test_no_after_the_record_was_deleted(self):
        """Who says no by the link of a message, when the record is gone, has said it for the address."""
        card = self.env["res.partner"].create({"name": "Gone", "email": "gone@example.com"})
        person = card._gdpr_ensure_subjects()
        self.env["gdpr.link"].sudo()._issue_unsubscribe(person, "Gone@example.com")
        card.unlink()
        self.assertFalse(person.former_address)
        person._record_restriction(actor="person")
        again = self.env["res.partner"].create({"name": "Again", "email": "gone@example.com"})
        refusals = again._gdpr_get_send_refusals(self.marketing, self.email_channel, "service")
        self.assertEqual(refusals, {again.id: "restricted"})

    def test_nothing_is_kept_of_who_said_nothing(self):
        silent = self.env["mailing.contact"].create({"email": "silent@example.com"})
        person = silent._gdpr_ensure_subjects()
        silent.unlink()
        self.assertFalse(person.former_address)

    def test_user_whom_no_list_knew(self):
        """Who chooses a list in the portal is on it, and asked to confirm, although no mailing contact was there."""
        self.form.action_publish()
        self.news.is_public = True
        user = new_test_user(self.env, "reader_of_none", "base.group_portal", email="none@example.com")
        with self.catch_mails():
            self.news.with_user(user).sudo()._update_subscription_from_email("none@example.com", opt_out=False)
        contact = self.env["mailing.contact"].search([("email_normalized", "=", "none@example.com")])
        self.assertEqual(contact.subscription_ids.list_id, self.news)
        self.assertIn("declared", self.get_events(contact))
        self.assertIn("none@example.com", str([mail["email_to"] for mail in self._mails]))
        # Anybody can type an address: what that causes doesn't fill the chatter.
        self.assertNotIn("please confirm", str(contact.message_ids.mapped("subject")))
        self.assertIn("please confirm", str(contact.gdpr_subject_id.request_ids.mail_mail_ids.mapped("subject")))

    def test_no_list_without_a_purpose(self):
        """What a list is for can't be emptied: leaving it would be on record nowhere, and hold for nobody."""
        with self.assertRaisesRegex(ValidationError, "what the mailing list is for"), self.env.cr.savepoint():
            self.news.gdpr_purpose_id = False
        poems = self.env["gdpr.purpose"].create({"name": "Poems", "code": "poems"})
        self.news.gdpr_purpose_id = poems
        with self.assertRaisesRegex(UserError, "Mailing lists are for it: News"), self.env.cr.savepoint():
            poems.unlink()

    def test_lists_that_were_without_a_purpose(self):
        """An update lets them be for marketing."""
        self.env.cr.execute("UPDATE mailing_list SET gdpr_purpose_id = NULL WHERE id = %s", [self.news.id])
        migration = load_migration("19.0.1.6.0", "pre-purpose", "gdpr_consent_mass_mailing")
        migration.migrate(self.env.cr, "19.0.1.5.0")
        self.env.invalidate_all()
        self.assertEqual(self.news.gdpr_purpose_id, self.marketing)

    def test_one_click_of_a_mailing_list(self):
        mailing = self.env["mailing.mailing"].create(
            {
                "subject": "News",
                "body_html": "<p>News</p>",
                "mailing_model_id": self.env["ir.model"]._get("mailing.list").id,
                "contact_list_ids": [(4, self.news.id)],
            }
        )
        self.assertEqual(mailing.gdpr_purpose_id, self.marketing)
        address = mailing._get_unsubscribe_oneclick_url("reader@example.com", self.contact.id)
        path = "/mailing" + address.partition("/mailing")[2]
        for _time in range(2):
            self.assertEqual(self.url_open(path, data={"List-Unsubscribe": "One-Click"}).status_code, 200)
        self.assertEqual(self.get_events(self.contact).count("withdrawn"), 1)
        event = self.contact.sudo().gdpr_subject_id.event_ids.filtered(lambda event: event.action == "withdrawn")
        self.assertEqual((event.actor, event.source), ("person", "website"))

    def choose(self, *lists):
        """Tick lists on Odoo's page of subscriptions, reached by the link of a mailing."""
        mailing = self.env["mailing.mailing"].create(
            {
                "subject": "News",
                "body_html": "<p>News</p>",
                "mailing_model_id": self.env["ir.model"]._get("mailing.list").id,
                "contact_list_ids": [(4, self.news.id)],
            }
        )
        token = mailing._generate_mailing_recipient_token(self.contact.id, "reader@example.com")
        with self.catch_mails():
            self.make_jsonrpc_request(
                "/mailing/list/update",
                {
                    "mailing_id": mailing.id,
                    "document_id": self.contact.id,
                    "email": "reader@example.com",
                    "hash_token": token,
                    "lists_optin_ids": [mailing_list.id for mailing_list in lists],
                },
            )
        self.env.invalidate_all()

    def send_to(self, mailing_list):
        """Send a mailing to a list; give whom it reached."""
        mailing = self.env["mailing.mailing"].create(
            {
                "subject": "News",
                "body_html": "<p>News</p>",
                "mailing_model_id": self.env["ir.model"]._get("mailing.list").id,
                "contact_list_ids": [(4, mailing_list.id)],
                "gdpr_purpose_id": mailing_list.gdpr_purpose_id.id,
            }
        )
        with self.catch_mails():
            mailing.action_send_mail()
            self.env["mail.mail"].sudo().search([("mailing_id", "=", mailing.id)]).send()
        mails, self._mails = self._mails, []
        return [address.split("<")[-1].strip(">") for mail in mails for address in mail["email_to"]]

    def test_choosing_a_list_again(self):
        """Who left is on the list again, but gets nothing before the words of the consent are confirmed from the
        mailbox.
        """
        self.form.action_publish()
        self.leave(self.news)
        self.choose(self.news)
        mails = [mail for mail in self._mails if "reader@example.com" in str(mail["email_to"])]
        self.assertFalse(self.contact.subscription_ids.opt_out)
        self.assertFalse(self.contact.gdpr_may_contact(self.marketing, self.email_channel)[self.contact.id]["allowed"])
        self.assertFalse(self.send_to(self.news))
        event = self.contact.sudo().gdpr_subject_id.event_ids.filtered(lambda event: event.action == "declared")
        self.assertIn("News", event._get_value("evidence"))
        self.answer(self.find_token(mails[-1]["body"], "consent"), "confirm")
        self.env.invalidate_all()
        self.assertEqual(self.send_to(self.news), ["reader@example.com"])
        self.assertTrue(self.contact.gdpr_may_contact(self.marketing, self.email_channel)[self.contact.id]["allowed"])
        self.assertLedgerSound()

    def test_choosing_again_what_is_agreed(self):
        """Who agrees still, for another list of the purpose was kept, is back at once; the history says so."""
        self.form.action_publish()
        self.contact.list_ids += self.offers
        self.contact.gdpr_legal_basis = "consent"
        self.contact.gdpr_record_consent(self.marketing, self.email_channel, "phone", evidence="Call")
        self.leave(self.news)
        self.assertTrue(self.contact.gdpr_may_contact(self.marketing, self.email_channel)[self.contact.id]["allowed"])
        self.choose(self.news, self.offers)
        self.assertFalse(any(self.contact.subscription_ids.mapped("opt_out")))
        event = self.contact.sudo().gdpr_subject_id.event_ids.sorted("sequence")[-1]
        self.assertEqual((event.action, event.actor), ("noted", "person"))
        self.assertIn("News", event._get_value("note"))
        self.assertLedgerSound()

    def test_choosing_on_the_own_page(self):
        """A colleague who chooses lists on the page of the own subscriptions is a person like any other."""
        self.form.action_publish()
        colleague = new_test_user(
            self.env, "colleague", "base.group_user", email="reader@example.com", password="colleague1"
        )
        self.leave(self.news)
        self.authenticate(colleague.login, "colleague1")
        with self.catch_mails():
            self.make_jsonrpc_request("/mailing/list/update", {"lists_optin_ids": self.news.ids})
        self.env.invalidate_all()
        self.assertFalse(self.send_to(self.news))
        self.assertIn("declared", self.get_events(self.contact))

    def test_choosing_where_nobody_can_be_asked(self):
        self.news.gdpr_purpose_id = self.env["gdpr.purpose"].create({"name": "Poems", "code": "poems"})
        self.leave(self.news)
        self.choose(self.news)
        self.assertFalse(self.send_to(self.news))
        self.assertEqual(self.get_events(self.contact)[-1], "noted")

    def test_choosing_by_the_staff_is_odoos(self):
        self.leave(self.news)
        self.news.with_user(self.env.ref("base.user_admin"))._update_subscription_from_email(
            "reader@example.com", opt_out=False
        )
        self.assertFalse(self.contact.subscription_ids.opt_out)
