from odoo.tests import tagged

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
        self.answer(self.find_token(mails[-1]["body"], "consent"), "confirm")

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

    def test_list_without_a_purpose_is_odoos(self):
        self.news.gdpr_purpose_id = False
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
