from datetime import datetime, timedelta

from odoo.http import _generate_routing_rules
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .page_common import BUTTONS, PageCase


@tagged("post_install", "-at_install")
class TestPortal(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = new_test_user(
            cls.env,
            login="portal_anna",
            groups="base.group_portal",
            name=cls.partner.name,
            email=cls.partner.email,
            partner_id=cls.partner.id,
        )

    def setUp(self):
        super().setUp()
        self.authenticate("portal_anna", "portal_anna")

    def answer_in_portal(self, button, *fields_sent):
        """Open the page and press a button; fields are ticked or filled in."""
        token = self.parse(self.url_open("/my/privacy")).xpath("//input[@name='csrf_token']/@value")[0]
        data = [("csrf_token", token), *fields_sent, ("answer", button)]
        return self.url_open("/my/privacy", data=data)

    def get_ticked(self, response):
        return {(box.name, box.get("value")) for box in self.parse(response).xpath("//input[@checked]")}

    def test_login_is_needed(self):
        self.authenticate(None, None)
        response = self.url_open("/my/privacy", allow_redirects=False)
        self.assertIn("/web/login", response.headers["Location"])

    def test_other_pages_are_those_of_all_apps(self):
        """No page of Odoo's is served without what other apps add to it: neither the portal's nor those of forms."""
        for address in ("/my", "/my/account", "/my/addresses"):
            self.assertEqual(self.url_open(address).status_code, 200, address)
        classes = {}
        for address, endpoint in _generate_routing_rules(sorted(self.env.registry._init_modules), nodb_only=False):
            classes.setdefault(address, set()).add(type(endpoint.func.__self__).__name__)
        twice = {address for address, names in classes.items() if len(names) > 1 and "Privacy" in str(names)}
        self.assertEqual(twice, set())

    def test_card_on_the_account_page(self):
        page = self.parse(self.url_open("/my"))
        self.assertTrue(page.xpath("//a[@href='/my/privacy']"))

    def test_switched_off(self):
        """Off, nobody is asked any more; what was given can still be taken back."""
        self.answer_in_portal("accept")
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "False")
        self.env.registry.clear_cache()
        page = self.parse(self.url_open("/my/privacy"))
        self.assertNotIn("accept", page.xpath("//button[@name='answer']/@value"))
        self.assertFalse(page.xpath("//input[@name='purpose'][@type='checkbox']"))
        self.answer_in_portal("withdraw")
        self.assertEqual(self.get_given(self.partner), {})
        self.assertFalse(self.parse(self.url_open("/my")).xpath("//a[@href='/my/privacy']"))

    def test_same_form_with_nothing_ticked(self):
        self.publish_several_purposes()
        response = self.url_open("/my/privacy")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        page = self.parse(response)
        form = page.find_class("o_gdpr_consent_form")[0]
        self.assertEqual({button.get("value") for button in form.xpath(".//button[@name='answer']")}, BUTTONS)
        self.assertEqual(page.xpath("//input[@name='purpose']/@value"), ["marketing", "profiling"])
        self.assertIn(self.form.title, page.text_content())
        self.assertEqual(self.get_ticked(response), set())

    def test_looking_changes_nothing(self):
        before = self.take_snapshot()
        for method in ("GET", "HEAD"):
            for _time in range(20):
                self.url_open("/my/privacy", method=method)
        self.url_open("/my/privacy", params={"answer": "accept", "purpose": "marketing"})
        self.assertEqual(self.take_snapshot(), before)

    @mute_logger("odoo.http")
    def test_csrf_token_is_needed(self):
        before = self.take_snapshot()
        self.assertEqual(self.url_open("/my/privacy", data={"answer": "accept"}).status_code, 400)
        self.assertEqual(self.take_snapshot(), before)

    def test_answers(self):
        self.env.company.gdpr_ip_retention = "truncated"
        response = self.answer_in_portal("save", ("purpose", "marketing"), ("channel", "email"), ("note", "Only news"))
        self.assertEqual(response.status_code, 200)
        self.assertIn("saved=changed", response.url, "a page that can be reloaded")
        outcome = " ".join(self.parse(response).find_class("o_gdpr_outcome")[0].text_content().split())
        self.assertIn("This is now on record", outcome)
        self.assertRegex(outcome, r"News and offers: you agreed, by E-mail \(\d\d/\d\d/\d{4} \d\d?:\d\d")
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email"}})
        self.assertEqual(self.get_state(self.partner), "obtained")
        self.assertEqual(self.partner.gdpr_consent_source, "portal")
        self.assertEqual(self.partner.gdpr_consent_note, "Only news")
        event = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "given")
        self.assertEqual((event.actor, event.user_id.id), ("person", False), "the portal account can be deleted")
        self.assertEqual(event.version_id, self.form._get_version("en_US"))
        self.assertEqual(self.get_last_values(self.partner)["ip_address"], "127.0.0.0/24")
        self.assertLedgerSound()

    def test_shows_and_changes_the_present_choices(self):
        self.publish_several_purposes()
        for sent, given in (
            (["marketing.email", "marketing.phone"], {"marketing": {"email", "phone"}}),
            (["marketing.phone"], {"marketing": {"phone"}}),
            (["profiling.email"], {"profiling": {"email"}}),
        ):
            purpose = sent[0].partition(".")[0]
            self.answer_in_portal("save", ("purpose", purpose), *[("channel", channel) for channel in sent])
            self.assertEqual(self.get_given(self.partner), given)
            self.assertEqual(
                self.get_ticked(self.url_open("/my/privacy")),
                {("purpose", purpose), *[("channel", channel) for channel in sent]},
            )
        self.assertEqual(self.get_history(self.partner)[-2:], ["withdrawn", "given"])

    def test_saving_what_is_ticked_already_prolongs_nothing(self):
        """The ticks are the person's earlier ones: left alone or narrowed, the consent lasts no longer than before."""
        self.backdate_wordings()
        long_ago = datetime.now() - timedelta(days=500)
        self.partner.gdpr_record_consent("marketing", ["email", "phone"], "phone", evidence="Call 7", given_on=long_ago)
        consent = self.partner.gdpr_subject_id.consent_ids
        ends_on = consent.expires_on
        response = self.answer_in_portal("save", ("purpose", "marketing"), ("channel", "email"), ("channel", "phone"))
        self.assertIn("saved=unchanged", response.url)
        self.assertEqual(self.get_history(self.partner)[-1], "given")
        self.answer_in_portal("save", ("purpose", "marketing"), ("channel", "email"))
        self.assertEqual(self.get_history(self.partner)[-1], "channels_withdrawn")
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email"}})
        self.assertEqual(consent.expires_on, ends_on)
        self.answer_in_portal("save", ("purpose", "marketing"), ("channel", "email"), ("channel", "sms"))
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email", "sms"}})
        self.assertGreater(consent.expires_on, ends_on, "more than before is agreed to anew")
        self.assertLedgerSound()

    def test_leaves_open_what_it_does_not_ask(self):
        """A request for more than the portal's form asks is still to be answered."""
        more = self.form.copy({"purpose_ids": (self.marketing | self.profiling).ids, "sequence": 99})
        more.action_publish()
        request, grant, _preferences = self.ask(self.partner, form=more)
        self.answer_in_portal("save", ("purpose", "marketing"), ("channel", "email"))
        self.env.invalidate_all()
        self.assertEqual(request.state, "sent")
        self.assertEqual(self.open_consent(grant).status_code, 200)

    def test_form_with_one_purpose_shows_the_present_channels(self):
        self.answer_in_portal("save", ("purpose", "marketing"), ("channel", "phone"))
        self.assertEqual(
            self.get_ticked(self.url_open("/my/privacy")), {("purpose", "marketing"), ("channel", "phone")}
        )

    def test_unclear_answer_is_asked_again(self):
        response = self.answer_in_portal("save", ("purpose", "marketing"), ("note", "Hello"))
        self.assertEqual(response.status_code, 422)
        self.assertIn("choose at least one way", response.text)
        self.assertEqual(self.get_ticked(response), {("purpose", "marketing")})
        self.assertEqual(self.parse(response).xpath("//textarea[@name='note']")[0].text, "Hello")
        self.assertEqual(self.get_state(self.partner), "pending")

    def test_accept_all_means_all(self):
        """The present choices are ticked; “Accept all” doesn't keep just these."""
        self.publish_several_purposes()
        self.answer_in_portal("save", ("purpose", "marketing"), ("channel", "marketing.phone"))
        ticked = self.get_ticked(self.url_open("/my/privacy"))
        response = self.answer_in_portal("accept", *ticked, ("note", "Everything"))
        self.assertIn("“Accept all” agrees to everything above, whatever is ticked.", response.text)
        self.assertEqual(
            self.get_given(self.partner),
            {"marketing": {"email", "phone", "sms", "post"}, "profiling": {"email", "phone"}},
        )
        self.assertEqual(self.partner.gdpr_consent_note, "Everything")

    def test_says_what_the_wording_on_record_says(self):
        """What the buttons do here is part of the words an answer refers to."""
        content = self.form._get_version("en_US")._get_content()
        page = self.url_open("/my/privacy").text
        self.assertIn(content["texts"]["portal_buttons"], page)
        self.assertNotIn(content["texts"]["buttons"], page)

    def test_what_is_due_for_renewal_is_not_ticked(self):
        self.answer_in_portal("accept")
        self.env["gdpr.subject"]._record_acts(
            [
                {
                    "subject_id": self.partner.gdpr_subject_id.id,
                    "action": "renewal_due",
                    "actor": "system",
                    "purpose_id": self.marketing.id,
                }
            ]
        )
        self.assertEqual(self.get_ticked(self.url_open("/my/privacy")), set())

    def test_withdraws_one(self):
        self.publish_several_purposes()
        self.answer_in_portal("accept")
        form = next(form for form in self.parse(self.url_open("/my/privacy")).forms if form.fields.get("purpose"))
        self.assertEqual(form.fields["purpose"], "marketing")
        response = self.answer_in_portal("withdraw", ("purpose", "marketing"))
        self.assertEqual(set(self.get_given(self.partner)), {"profiling"})
        self.assertIn(
            "News and offers: you took your consent back", " ".join(response.text.split()).replace("</strong>", "")
        )

    def test_withdraws_channels_where_no_form_asks(self):
        self.publish_several_purposes()
        self.answer_in_portal("accept")
        self.partner.gdpr_set_legal_basis("contract")
        page = self.parse(self.url_open("/my/privacy"))
        self.assertTrue(page.xpath("//button[@value='channels']"))
        self.answer_in_portal("channels", ("purpose", "profiling"), ("channel", "phone"), ("channel", "post"))
        self.assertEqual(self.get_given(self.partner)["profiling"], {"phone"})
        self.assertLedgerSound()

    def test_no_marketing_at_all(self):
        self.answer_in_portal("accept")
        for _click in range(2):
            self.assertIn("no marketing at all", self.answer_in_portal("object").text)
        self.assertEqual(self.get_history(self.partner).count("objected"), 1)
        self.assertEqual(self.get_given(self.partner), {})
        # Who agrees again has changed the mind.
        self.answer_in_portal("accept")
        self.assertFalse(self.partner.gdpr_subject_id.objected)

    def test_unknown_button_changes_nothing(self):
        self.answer_in_portal("accept")
        before = self.get_history(self.partner)
        for button in ("", "erase", "fresh_link"):
            self.answer_in_portal(button)
        self.assertEqual(self.get_history(self.partner), before)

    def test_shows_the_words_agreed_to(self):
        self.answer_in_portal("accept")
        details = self.parse(self.url_open("/my/privacy")).xpath("//details")
        self.assertIn("We tell you about our products", details[0].text_content())

    def test_refuses(self):
        self.answer_in_portal("refuse")
        self.assertEqual(self.get_state(self.partner), "refused")

    def test_withdraws(self):
        self.answer_in_portal("accept")
        self.assertEqual(self.get_state(self.partner), "obtained")
        for _click in range(2):
            self.assertEqual(self.answer_in_portal("withdraw").status_code, 200)
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        self.assertEqual(self.get_history(self.partner).count("withdrawn"), 1)

    def test_withdraws_where_consent_is_not_asked_any_more(self):
        self.answer_in_portal("accept")
        self.partner.gdpr_set_legal_basis("contract")
        response = self.url_open("/my/privacy")
        self.assertIn("We don't ask for your consent", response.text)
        self.assertIn("Take back everything", response.text)
        self.answer_in_portal("withdraw")
        self.assertEqual(self.get_given(self.partner), {})
        self.assertLedgerSound()

    def test_withdraws_where_the_form_is_gone(self):
        self.answer_in_portal("accept")
        self.form.active = False
        self.answer_in_portal("withdraw")
        self.assertEqual(self.get_given(self.partner), {})

    def test_nothing_is_asked_without_the_basis(self):
        token = self.parse(self.url_open("/my/privacy")).xpath("//input[@name='csrf_token']/@value")[0]
        self.partner.gdpr_set_legal_basis("contract")
        response = self.url_open("/my/privacy")
        self.assertFalse(self.parse(response).xpath("//input[@name='purpose']"))
        before = self.take_snapshot()
        self.url_open("/my/privacy", data={"csrf_token": token, "answer": "accept", "purpose": "marketing"})
        self.assertEqual(self.take_snapshot(), before)

    def test_answers_an_open_request(self):
        """Answering here settles the question that went out by mail, and who asked learns of it."""
        request, grant, _preferences = self.ask(self.partner.with_user(self.salesperson))
        self.answer_in_portal("refuse")
        self.env.invalidate_all()
        self.assertEqual(request.state, "answered")
        self.assertEqual(self.open_consent(grant).status_code, 404)
        message = self.partner.message_ids.sorted("id")[-1]
        self.assertIn("Refused", message.body)
        self.assertEqual(message.notified_partner_ids, self.salesperson.partner_id)

    def test_sees_and_changes_only_the_own_record(self):
        other = self.env["res.partner"].create({"name": "Other", "email": "other@example.com"})
        other.gdpr_legal_basis = "consent"
        other.gdpr_record_consent("marketing", "email", "phone", evidence="Call")
        new_test_user(self.env, login="portal_other", groups="base.group_portal", partner_id=other.id)
        self.assertNotIn("you agreed", self.url_open("/my/privacy").text)
        sent = (("partner_id", str(other.id)), ("subject_id", str(other.gdpr_subject_id.id)))
        self.url_open("/my/privacy", params=dict(sent))
        self.answer_in_portal("refuse", *sent)
        self.assertEqual(self.get_given(other), {"marketing": {"email"}})
        self.authenticate("portal_other", "portal_other")
        self.assertIn("you agreed", self.url_open("/my/privacy").text)

    @mute_logger("odoo.http")
    def test_no_other_way_in(self):
        """A portal user reads nothing of the add-on but the own page."""
        self.answer_in_portal("accept")
        for model in (
            "gdpr.subject",
            "gdpr.consent",
            "gdpr.consent.event",
            "gdpr.consent.event.value",
            "gdpr.consent.request",
            "gdpr.consent.form",
            "gdpr.link",
        ):
            with self.assertRaises(Exception, msg=model) as caught:
                self.make_jsonrpc_request(
                    "/web/dataset/call_kw",
                    {"model": model, "method": "search_read", "args": [[]], "kwargs": {"fields": ["id"]}},
                )
            self.assertIn("AccessError", str(caught.exception))

    def test_internal_user(self):
        """A colleague has an account page too."""
        self.authenticate("privacy_employee", "privacy_employee")
        self.employee.partner_id.gdpr_legal_basis = "consent"
        self.assertEqual(self.url_open("/my/privacy").status_code, 200)
        self.answer_in_portal("accept")
        self.assertEqual(self.get_state(self.employee.partner_id), "obtained")

    def test_language(self):
        """The wording kept as evidence is the one on the screen."""
        self.publish_in_italian()
        italian = self.env["res.lang"]._lang_get("it_IT")
        self.env["website"].get_current_website().language_ids |= italian
        response = self.url_open("/it/my/privacy")
        form = self.parse(response).find_class("o_gdpr_consent_form")[0]
        self.assertIn("Possiamo restare in contatto?", response.text)
        data = [("csrf_token", form.fields["csrf_token"]), ("answer", "accept")]
        self.assertEqual(self.url_open(form.action, data=data).status_code, 200)
        self.env.invalidate_all()
        event = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "given")
        self.assertEqual(event.version_id.lang, "it_IT")
        self.assertEqual(self.get_last_values(self.partner)["language"], "it_IT")

    def test_no_card_when_switched_off(self):
        self.env["res.config.settings"].create({"gdpr_enabled": False}).execute()
        self.assertFalse(self.parse(self.url_open("/my")).xpath("//a[@href='/my/privacy']"))
