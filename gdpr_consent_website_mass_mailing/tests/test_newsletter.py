from odoo.tests import new_test_user, tagged

from odoo.addons.gdpr_consent.tests.page_common import PageCase


@tagged("post_install", "-at_install")
class TestNewsletter(PageCase):
    """Who types an address into the newsletter block is asked to confirm; nobody who left is brought back by it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.news = cls.env["mailing.list"].create({"name": "News", "is_public": True})
        cls.form.action_publish()

    def subscribe(self, address="reader@example.com"):
        with self.catch_mails():
            answer = self.make_jsonrpc_request(
                "/website_mass_mailing/subscribe",
                {"list_id": self.news.id, "value": address, "subscription_type": "email"},
            )
        self.env.invalidate_all()
        return answer

    def get_contact(self):
        return self.env["mailing.contact"].search([("email_normalized", "=", "reader@example.com")])

    def confirm(self):
        mails = [mail for mail in self._mails if "reader@example.com" in str(mail["email_to"])]
        return self.answer(self.find_token(mails[-1]["body"], "consent"), "confirm")

    def test_new_reader_confirms(self):
        answer = self.subscribe()
        self.assertEqual(answer["toast_type"], "success")
        self.assertIn("confirm", answer["toast_content"])
        contact = self.get_contact()
        self.assertIn("declared", self.get_events(contact))
        self.assertEqual(
            contact.gdpr_may_contact(self.marketing, self.email_channel)[contact.id]["reason"], "no_consent"
        )
        self.confirm()
        self.assertTrue(contact.gdpr_may_contact(self.marketing, self.email_channel)[contact.id]["allowed"])
        self.assertLedgerSound()

    def find_question(self):
        """Give the token of the last question that was mailed."""
        mails = [mail for mail in self._mails if "reader@example.com" in str(mail["email_to"])]
        return self.find_token(mails[-1]["body"], "consent")

    def test_who_typed_nothing_is_forgotten(self):
        """The contact that the block made of somebody's address goes when the owner of the mailbox disowns it."""
        self.subscribe()
        token = self.find_question()
        self.assertTrue(self.get_contact().list_ids)
        self.assertIn("Nothing has changed", self.answer(token, "disown").text)
        self.env.invalidate_all()
        self.assertFalse(self.get_contact())
        self.subscribe()
        self.confirm()
        self.assertEqual(self.get_contact().gdpr_consent_state, "obtained")
        self.assertLedgerSound()

    def test_no_after_all(self):
        """A no by the other link of the message counts for the address, although nothing else is known of it."""
        self.subscribe()
        person = self.get_contact().gdpr_subject_id
        self.answer(self.find_question(), "disown")
        self.env.invalidate_all()
        self.assertFalse(self.get_contact() or person.former_address)
        person._record_acts([{"subject_id": person.id, "action": "objected", "actor": "person"}])
        again = self.env["res.partner"].create({"name": "Again", "email": "reader@example.com"})
        self.assertEqual(self.get_refusals(again), {again.id: "objected"})
        self.assertLedgerSound()

    def test_who_does_not_confirm_is_forgotten(self):
        self.subscribe()
        request = self.get_contact().gdpr_subject_id.request_ids
        request._lapse_unconfirmed()
        self.assertFalse(self.get_contact())
        self.assertLedgerSound()

    def test_what_is_known_otherwise_stays(self):
        """Nobody loses a contact, or a list, that is more than what a stranger typed."""
        marketer = new_test_user(self.env, "marketer", "base.group_user,mass_mailing.group_mass_mailing_user")
        other = self.env["mailing.list"].create({"name": "Other"})

        def put_on_list(contact):
            self.env["mailing.subscription"].create({"contact_id": contact.id, "list_id": other.id})

        def suspend(contact):
            contact.gdpr_subject_id._record_restriction(actor="person")

        def ask(contact):
            contact._gdpr_receive_request("access")

        def join(contact):
            partner = self.env["res.partner"].create({"name": "Jane", "email": contact.email})
            partner._gdpr_ensure_subjects()._join(contact.gdpr_subject_id, "The same person")

        for place, known in enumerate(
            (
                lambda contact: contact.with_user(marketer).write({"name": "Jane"}),
                lambda contact: contact.with_user(marketer).message_post(body="Wants the catalogue"),
                put_on_list,
                suspend,
                ask,
                join,
            )
        ):
            address = f"reader{place}@example.com"
            self.subscribe(address)
            contact = self.env["mailing.contact"].search([("email_normalized", "=", address)])
            requests = contact.gdpr_subject_id.request_ids
            with self.catch_mails():
                known(contact)
            requests._lapse_unconfirmed()
            self.assertTrue(contact.exists().list_ids, place)
        known = self.get_known(email="known@example.com", list_ids=[(4, other.id)])
        self.subscribe("known@example.com")
        known.gdpr_subject_id.request_ids._lapse_unconfirmed()
        self.assertTrue(known.exists().subscription_ids)

    def test_imported_contact_stays(self):
        """An import that has to be confirmed makes the contact and the question at once: it is no typed address."""
        contact = self.get_known(email="imported@example.com", list_ids=[(4, self.news.id)])
        self.form.action_publish()
        with self.catch_mails():
            contact._gdpr_declare_joining(self.marketing, self.news)
        contact.gdpr_subject_id.request_ids._lapse_unconfirmed()
        self.assertTrue(contact.exists())

    def test_language_of_the_page(self):
        italian = self.env["res.lang"]._activate_lang("it_IT")
        self.env["website"].get_current_website().language_ids |= italian
        self.opener.cookies["frontend_lang"] = "it_IT"
        self.subscribe()
        self.assertEqual(self.get_contact().gdpr_subject_id.request_ids.lang, "it_IT")

    def test_who_left_is_not_brought_back(self):
        self.subscribe()
        contact = self.get_contact()
        self.confirm()
        self.news._update_subscription_from_email("reader@example.com", opt_out=True)
        said = self.subscribe("new@example.com")["toast_content"]
        self.assertEqual(self.subscribe()["toast_content"], said)
        self.assertTrue(contact.subscription_ids.opt_out, "Anybody can type an address.")
        self.assertFalse(contact.gdpr_may_contact(self.marketing, self.email_channel)[contact.id]["allowed"])
        self.confirm()
        self.assertFalse(contact.subscription_ids.opt_out)
        self.assertTrue(contact.gdpr_may_contact(self.marketing, self.email_channel)[contact.id]["allowed"])

    def get_known(self, **values):
        """Give a reader whom nobody has looked at, and who was there before anybody typed the address."""
        contact = self.env["mailing.contact"].create({"email": "reader@example.com", **values})
        self.env.flush_all()
        self.env.cr.execute("UPDATE mailing_contact SET create_date = '2026-01-01' WHERE id = %s", [contact.id])
        self.env.invalidate_all()
        return contact

    def get_refusals(self, contact):
        return contact._gdpr_get_send_refusals(self.marketing, self.email_channel, "marketing")

    def test_reader_whose_address_is_typed_goes_on_reading(self):
        """A stranger can't stop what somebody gets by typing the address."""
        contact = self.get_known(list_ids=[(4, self.news.id)])
        self.assertEqual(self.subscribe(" Reader@Example.com ")["toast_type"], "success")
        self.assertEqual((contact.gdpr_legal_basis, contact.gdpr_consent_state), ("not_applicable", "not_applicable"))
        self.assertEqual(self.get_contact(), contact)
        self.assertFalse(self.get_refusals(contact))
        self.confirm()
        self.assertEqual((contact.gdpr_legal_basis, contact.gdpr_consent_state), ("consent", "obtained"))
        self.assertEqual(self.get_events(contact), ["declared", "asked", "basis_changed", "given"])
        self.assertFalse(self.get_refusals(contact))
        self.assertLedgerSound()

    def test_reader_of_other_lists(self):
        """Who gets other lists goes on to get them, and this one only once it is confirmed."""
        other = self.env["mailing.list"].create({"name": "Other", "is_public": True})
        contact = self.get_known(list_ids=[(4, other.id)])
        self.subscribe()
        added = contact.subscription_ids.filtered(lambda subscription: subscription.list_id == self.news)
        self.assertTrue(added.opt_out and added.gdpr_is_awaited)
        self.assertEqual(self.get_events(contact), ["declared", "asked"])
        self.assertFalse(self.get_refusals(contact))
        self.confirm()
        self.assertFalse(added.opt_out or added.gdpr_is_awaited)
        self.assertEqual(contact.gdpr_consent_state, "obtained")

    def test_address_of_who_objects(self):
        """Whoever confirms is told that another record with the address keeps the mails away, and what to do."""
        partner = self.env["res.partner"].create({"name": "Reader", "email": "reader@example.com"})
        self.subscribe()
        self.assertNotIn("no marketing at all", self.confirm().text)
        partner.gdpr_record_objection()
        self.get_contact().gdpr_withdraw_consent(self.marketing)
        self.subscribe()
        self.assertIn("no marketing at all", self.confirm().text)
        self.assertTrue(self.get_refusals(self.get_contact()))

    def test_what_is_no_address(self):
        before = self.env["mailing.contact"].search_count([])
        for nonsense in ("nonsense", "a b@example.com", "<script>@example.com", "abc@def"):
            self.assertEqual(self.subscribe(nonsense)["toast_type"], "danger")
        self.assertEqual(self.env["mailing.contact"].search_count([]), before)

    def test_what_is_no_number(self):
        answer, _contacts = self.type_number("hello")
        self.assertEqual(answer["toast_type"], "danger")
        self.assertFalse(self.env["mailing.contact"].search([("mobile", "=", "hello")]))

    def test_number_of_who_left(self):
        """The block takes numbers too where SMS Marketing is installed: however it is typed, who left stays away."""
        contacts = self.env["mailing.contact"]
        if "mobile" not in contacts._fields:
            self.skipTest("SMS Marketing isn't installed.")
        reader = contacts.create({"name": "Reader", "mobile": "+32456001122", "list_ids": [(4, self.news.id)]})
        reader.subscription_ids.opt_out = True
        for number in ("+32456001122", "+32 456 00 11 22"):
            self.make_jsonrpc_request(
                "/website_mass_mailing/subscribe",
                {"list_id": self.news.id, "value": number, "subscription_type": "mobile"},
            )
        self.env.invalidate_all()
        self.assertTrue(reader.subscription_ids.opt_out, "Anybody can type a number.")
        self.assertEqual(contacts.search([("phone_sanitized", "=", "+32456001122")]), reader)

    def type_number(self, number="+32456001133"):
        if "mobile" not in self.env["mailing.contact"]._fields:
            self.skipTest("SMS Marketing isn't installed.")
        answer = self.make_jsonrpc_request(
            "/website_mass_mailing/subscribe",
            {"list_id": self.news.id, "value": number, "subscription_type": "mobile"},
        )
        self.env.invalidate_all()
        return answer, self.env["mailing.contact"].search([("phone_sanitized", "=", "+32456001133")])

    def test_number_is_on_record(self):
        """A number anybody can type is a consent without proof: on record once, and no reason to write."""
        for _time in range(2):
            answer, contact = self.type_number()
        self.assertEqual(answer["toast_type"], "success")
        self.assertIn("no text message comes before", answer["toast_content"])
        self.assertEqual(self.get_events(contact), ["basis_changed", "unproven"])
        event = contact.gdpr_subject_id.event_ids.filtered(lambda event: event.action == "unproven")
        self.assertEqual((event.purpose_id, event.channel_codes, event.source), (self.marketing, "sms", "website"))
        self.assertTrue(event.version_id)
        self.assertFalse(contact.gdpr_may_contact(self.marketing, "sms")[contact.id]["allowed"])
        self.assertLedgerSound()

    def test_number_counts_where_the_company_says_so(self):
        company = self.env["website"].get_current_website().company_id
        company.write({"gdpr_confirm_exemption_reason": "Known to us", "gdpr_confirm_website": False})
        contact = self.type_number()[1]
        self.assertEqual(self.get_events(contact), ["basis_changed", "given"])
        self.assertTrue(contact.gdpr_may_contact(self.marketing, "sms")[contact.id]["allowed"])
        self.assertFalse(contact.gdpr_may_contact(self.marketing, "email")[contact.id]["allowed"])

    def test_number_where_no_form_asks(self):
        self.news.gdpr_purpose_id = self.env["gdpr.purpose"].create({"name": "Poems", "code": "poems"})
        answer, contact = self.type_number()
        self.assertEqual(answer["toast_type"], "danger")
        self.assertFalse(contact)

    def test_contacts_that_are_not_covered_are_odoos(self):
        self.env["gdpr.scope"].search([("model", "=", "mailing.contact")]).active = False
        self.assertNotIn("confirm", self.subscribe()["toast_content"])
        self.assertFalse(self.get_contact().gdpr_subject_id)

    def test_no_form_asks(self):
        """Where no message can be sent, none is announced, and no address kept; the administrator knows before."""
        self.assertFalse(self.news.gdpr_silent_websites)
        self.news.gdpr_purpose_id = self.env["gdpr.purpose"].create({"name": "Poems", "code": "poems"})
        website = self.env["website"].get_current_website()
        self.assertIn(website.name, self.news.gdpr_silent_websites)
        answer = self.subscribe()
        self.assertEqual(answer["toast_type"], "danger")
        self.assertNotIn("confirm", answer["toast_content"])
        self.assertNotIn("Poems", answer["toast_content"])
        self.assertFalse(self.get_contact())
        self.authenticate("admin", "admin")
        self.assertIn("Poems", self.subscribe()["toast_content"])

    def test_silent_list_on_the_form(self):
        view = self.env["mailing.list"].get_view(view_type="form")
        self.assertIn("gdpr_silent_alert", view["arch"])
