from datetime import timedelta

from odoo import fields
from odoo.tests import freeze_time, new_test_user, tagged
from odoo.tools import mute_logger

from .page_common import PageCase


@tagged("post_install", "-at_install")
class TestPreferencesPage(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.publish_several_purposes()

    def agree(self, card=None):
        """Ask and accept everything.

        :return: the token of the preferences link
        """
        _request, grant, preferences = self.ask(card or self.partner)
        self.answer(grant, "accept")
        return preferences

    def withdraw(self, token, *fields_sent):
        """Take back everything."""
        return self.press(token, "withdraw", *fields_sent)

    def press(self, token, button, *fields_sent):
        """Press a button of the page that is about no purpose, with fields filled in."""
        csrf_token = self.parse(self.open_preferences(token)).forms[-1].fields["csrf_token"]
        data = [("csrf_token", csrf_token), ("answer", button), *fields_sent]
        return self.open_preferences(token, data=data)

    def get_take_back_forms(self, response):
        """Give the purpose each form on the page takes back, None for all."""
        forms = self.parse(response).xpath("//form[.//button[@value='withdraw']]")
        return [dict(form.fields).get("purpose") for form in forms]

    def test_shows_what_is_on_record(self):
        _request, grant, preferences = self.ask(self.partner)
        self.assertIn("you haven't agreed to anything", self.open_preferences(preferences).text)
        self.answer(grant, "save", ("purpose", "profiling"), ("channel", "profiling.phone"))
        response = self.open_preferences(preferences)
        text = " ".join(self.parse(response).text_content().split())
        self.assertIn("News and offers: you refused", text)
        self.assertIn("Personal suggestions: you agreed By Phone. Since", text)
        self.assertIn("valid until", text)
        self.assertEqual(self.get_take_back_forms(response), ["profiling", None])

    def test_takes_back_all(self):
        preferences = self.agree()
        response = self.withdraw(preferences, ("note", "Too many mails"))
        self.assertEqual(response.status_code, 200)
        self.assertIn("Done.", response.text)
        self.assertNotIn("you agreed", response.text)
        self.assertEqual(self.get_take_back_forms(response), [])
        outcome = " ".join(self.parse(response).find_class("o_gdpr_outcome")[0].text_content().split())
        for told in ("News and offers: you took your consent back", "Personal suggestions: you took your consent back"):
            self.assertIn(told, outcome)
        self.assertRegex(outcome, r"\(\d\d/\d\d/\d{4} \d\d?:\d\d", "when")
        self.assertEqual(self.get_given(self.partner), {})
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        self.assertEqual(self.get_history(self.partner)[-2:], ["withdrawn", "withdrawn"])
        self.assertEqual(len(set(self.partner.gdpr_event_ids.sorted("sequence")[-2:].mapped("act"))), 1)
        self.assertEqual(self.partner.gdpr_consent_note, "Too many mails")
        self.assertLedgerSound()

    def test_takes_back_one(self):
        preferences = self.agree()
        form = self.parse(self.open_preferences(preferences)).forms[0]
        self.assertEqual(form.fields["purpose"], "marketing")
        response = self.open_preferences(preferences, data=form.form_values())
        self.assertIn("you took your consent back", response.text)
        self.assertEqual(self.get_given(self.partner), {"profiling": {"email", "phone"}})
        self.assertEqual(self.get_state(self.partner), "obtained")
        event = self.partner.gdpr_event_ids.sorted("sequence")[-1]
        self.assertEqual((event.action, event.purpose_id), ("withdrawn", self.marketing))
        self.assertFalse(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])
        self.assertTrue(self.partner.gdpr_may_contact("profiling", "email")[self.partner.id]["allowed"])

    # ------------------------------------------------------------
    # WHAT IS SHOWN
    # ------------------------------------------------------------

    def get_record(self, response):
        """Give the text of each answer on record."""
        items = self.parse(response).xpath("//ul[contains(@class, 'o_gdpr_record')]/li")
        return [" ".join(item.text_content().split()) for item in items]

    def test_shows_every_state(self):
        preferences = self.agree()
        with freeze_time(fields.Datetime.now() + timedelta(days=900)):
            self.env["gdpr.subject"]._record_acts(
                [
                    {
                        "subject_id": self.partner.gdpr_subject_id.id,
                        "action": "expired",
                        "actor": "system",
                        "purpose_id": self.marketing.id,
                    }
                ]
            )
            self.assertIn("your consent has lapsed", self.get_record(self.open_preferences(preferences))[0])
        _request, grant, _preferences = self.ask(self.partner)
        self.answer(grant, "accept")
        self.assertNotIn("has changed since", self.get_record(self.open_preferences(preferences))[0])
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
        self.assertIn("has changed since", self.get_record(self.open_preferences(preferences))[0])

    def test_shows_the_words_agreed_to(self):
        """The frozen words, in the language they were read in, whatever the form says by now."""
        self.publish_in_italian()
        self.env["res.lang"]._activate_lang("it_IT")
        self.marketing.with_context(lang="it_IT").description = "Parole di allora"
        self.form.action_publish()
        self.partner.lang = "it_IT"
        _request, grant, preferences = self.ask(self.partner)
        self.answer(grant, "accept")
        self.marketing.with_context(lang="it_IT").description = "Parole di oggi"
        self.form.action_publish()
        page = self.parse(self.open_preferences(f"{preferences}?lang=en_US"))
        details = page.xpath("//details")
        self.assertEqual(len(details), 2)
        self.assertIn("Parole di allora", details[0].text_content())
        self.assertNotIn("Parole di oggi", page.text_content())
        self.assertEqual(details[0].xpath("./div/@lang"), ["it-IT"])
        # Each purpose with its own words.
        self.assertNotIn("Parole di allora", details[1].text_content())

    def test_offers_nothing_that_would_be_refused(self):
        """Every button that is there does what it says; what is denied can't be ticked."""
        _request, grant, preferences = self.ask(self.partner)
        self.answer(grant, "save", ("purpose", "profiling"), ("channel", "profiling.phone"))
        page = self.parse(self.open_preferences(preferences))
        self.assertFalse(page.xpath("//input[@type='checkbox']"), "one channel alone: to take back, or to keep")
        self.agree()
        page = self.parse(self.open_preferences(preferences))
        offered = set(page.xpath("//input[@type='checkbox']/@value"))
        self.assertEqual(offered, {"email", "phone", "sms", "post"} & offered)
        self.assertFalse(page.xpath("//input[@type='checkbox'][not(@checked)]"))
        self.press(preferences, "object")
        page = self.parse(self.open_preferences(preferences))
        self.assertFalse(page.xpath("//button[@value='object']"))

    # ------------------------------------------------------------
    # TAKING BACK A PART
    # ------------------------------------------------------------

    def keep(self, token, purpose, *channels):
        """Untick all channels of a purpose but these, and save."""
        form = next(
            form
            for form in self.parse(self.open_preferences(token)).forms
            if form.fields.get("purpose") == purpose and form.xpath(".//button[@value='channels']")
        )
        data = [("csrf_token", form.fields["csrf_token"]), ("purpose", purpose)]
        data += [("channel", channel) for channel in channels]
        return self.open_preferences(token, data=[*data, ("answer", "channels")])

    def test_takes_back_channels(self):
        preferences = self.agree()
        response = self.keep(preferences, "profiling", "phone")
        self.assertEqual(self.get_given(self.partner)["profiling"], {"phone"})
        self.assertEqual(self.get_given(self.partner)["marketing"], {"email", "phone", "sms", "post"})
        outcome = " ".join(self.parse(response).find_class("o_gdpr_outcome")[0].text_content().split())
        self.assertRegex(outcome, r"Personal suggestions: you agreed, by Phone \(\d\d/\d\d/\d{4}")
        self.assertNotIn("News and offers", outcome)
        self.assertEqual(self.get_history(self.partner)[-1], "channels_withdrawn")
        self.assertFalse(self.partner.gdpr_may_contact("profiling", "email")[self.partner.id]["allowed"])
        self.assertTrue(self.partner.gdpr_may_contact("profiling", "phone")[self.partner.id]["allowed"])
        self.assertLedgerSound()

    def test_takes_back_every_channel(self):
        preferences = self.agree()
        self.keep(preferences, "profiling")
        self.assertEqual(set(self.get_given(self.partner)), {"marketing"})
        self.assertEqual(self.get_history(self.partner)[-1], "withdrawn")

    def test_keeps_every_channel(self):
        preferences = self.agree()
        history = self.get_history(self.partner)
        self.keep(preferences, "profiling", "email", "phone")
        self.assertEqual(self.get_history(self.partner), history)

    def test_channels_cannot_be_granted(self):
        preferences = self.agree()
        self.keep(preferences, "profiling", "phone")
        history = self.get_history(self.partner)
        data = [("purpose", "profiling"), *[("channel", channel) for channel in ("phone", "email", "sms", "nothing")]]
        self.press(preferences, "channels", *data)
        self.press(preferences, "channels", ("purpose", "third_parties"), ("channel", "email"))
        self.assertEqual(self.get_given(self.partner)["profiling"], {"phone"})
        self.assertEqual(self.get_history(self.partner), history)

    def test_unknown_button(self):
        preferences = self.agree()
        before = self.get_history(self.partner)
        for button in ("accept", "save", "refuse", "erase", "channels"):
            self.assertEqual(self.press(preferences, button).status_code, 200)
        self.press(preferences, "accept", ("purpose", "marketing"), ("channel", "marketing.email"))
        self.assertEqual(self.get_history(self.partner), before)

    def test_no_marketing_at_all(self):
        preferences = self.agree()
        for _click in range(2):
            response = self.press(preferences, "object", ("note", "Never again"))
            self.assertIn("no marketing at all", response.text)
        self.assertEqual(self.get_history(self.partner).count("objected"), 1)
        self.assertTrue(self.partner.gdpr_subject_id.objected)
        self.assertEqual(self.partner.gdpr_consent_note, "Never again")
        self.assertFalse(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])
        self.assertLedgerSound()

    def test_no_marketing_whatever_the_basis(self):
        preferences = self.agree()
        self.partner.gdpr_set_legal_basis("legitimate_interests", "Weighed")
        self.press(preferences, "object")
        self.assertTrue(self.partner.gdpr_subject_id.objected)

    def test_only_a_note(self):
        preferences = self.agree()
        given = self.get_given(self.partner)
        for _click in range(2):
            response = self.press(preferences, "note", ("note", "Please write in Italian"))
            self.assertIn("We have your note", response.text)
        self.press(preferences, "note", ("note", "  "))
        self.assertEqual(self.get_given(self.partner), given)
        self.assertEqual(self.get_history(self.partner).count("noted"), 1)
        self.assertEqual(self.partner.gdpr_consent_note, "Please write in Italian")
        self.assertLedgerSound()

    def test_as_easy_as_giving(self):
        """Clicks from opening the page: taking back needs no more than giving (law.md R-12)."""
        _request, grant, preferences = self.ask(self.partner)
        page = self.parse(self.open_consent(grant))
        steps_to_give = len(page.xpath("//button[@value='accept']"))
        self.answer(grant, "accept")
        for button, purposes in (("withdraw", ["marketing", "profiling", None]), ("object", [None])):
            forms = self.parse(self.open_preferences(preferences)).xpath(f"//form[.//button[@value='{button}']]")
            self.assertEqual([form.fields.get("purpose") for form in forms], purposes)
            for form in forms:
                self.assertFalse(form.xpath(".//*[@required]"))
                self.assertEqual(form.method, "POST")
        steps_to_take_back = 1
        self.press(preferences, "withdraw")
        self.assertLessEqual(steps_to_take_back, steps_to_give)
        self.assertEqual(self.get_given(self.partner), {})

    @mute_logger("odoo.http")
    def test_csrf_token_is_needed(self):
        preferences = self.agree()
        before = self.take_snapshot()
        for answer in ("withdraw", "channels", "object", "note", "fresh_link", "request"):
            data = {"answer": answer, "purpose": "marketing", "note": "x", "type": "access"}
            self.assertEqual(self.open_preferences(preferences, data=data).status_code, 400)
        self.assertEqual(self.take_snapshot(), before)

    # ------------------------------------------------------------
    # A FRESH LINK
    # ------------------------------------------------------------

    def ask_for_fresh_link(self, token):
        """Press the button; give the page and the mails that left."""
        with self.catch_mails():
            response = self.press(token, "fresh_link")
        self.assertEqual(response.status_code, 200)
        return response, [mail for mail in self._mails if "/gdpr/consent/" in mail["body"]]

    def test_fresh_link(self):
        """Who took everything back and wants to agree again gets a form by mail, and only by mail."""
        self.lead.user_id = self.salesperson
        request, grant, preferences = self.ask(self.partner.with_user(self.salesperson))
        self.answer(grant, "refuse")
        response, mails = self.ask_for_fresh_link(preferences)
        self.assertIn("Look into your mailbox", response.text)
        self.assertEqual(len(mails), 1)
        self.assertIn("anna.rossi@example.com", mails[0]["email_to"][0])
        token = self.find_token(mails[0]["body"], "consent")
        self.assertNotIn(token, response.text)
        self.env.invalidate_all()
        fresh = self.partner.gdpr_subject_id.request_ids[0]
        self.assertEqual((fresh.kind, fresh.state, fresh.form_id), ("fresh_link", "sent", request.form_id))
        asked = self.partner.gdpr_event_ids[0]
        self.assertEqual((asked.action, asked.actor, asked.user_id.id), ("asked", "person", False))
        self.assertEqual(fresh.user_id, self.salesperson, "who asked at first learns of the answer")
        self.answer(token, "accept")
        self.assertEqual(set(self.get_given(self.partner)), {"marketing", "profiling"})
        self.assertLedgerSound()

    def test_fresh_link_once_an_hour(self):
        preferences = self.agree()
        pages = set()
        sent = 0
        for _time in range(5):
            response, mails = self.ask_for_fresh_link(preferences)
            sent += len(mails)
            pages.add(" ".join(self.parse(response).find_class("o_gdpr_outcome")[0].text_content().split()))
        self.assertEqual(sent, 1)
        self.assertEqual(len(pages), 1, "the page doesn't tell")
        with freeze_time(fields.Datetime.now() + timedelta(minutes=61)):
            self.assertEqual(len(self.ask_for_fresh_link(preferences)[1]), 1)

    def test_fresh_link_to_the_same_address_only(self):
        """The link of a message to an address that isn't the person's any more brings nothing there."""
        preferences = self.agree()
        expected = self.ask_for_fresh_link(self.agree(self.lead))[0]
        for change in ({"email": "new@example.com"}, {"email": False}, {"active": False}):
            self.partner.write({"email": "anna.rossi@example.com", "active": True, **change})
            response, mails = self.ask_for_fresh_link(preferences)
            self.assertFalse(mails)
            outcomes = [
                self.parse(page).find_class("o_gdpr_outcome")[0].text_content() for page in (response, expected)
            ]
            self.assertEqual(*outcomes)

    def test_fresh_link_where_it_makes_sense(self):
        preferences = self.agree()
        csrf_token = self.parse(self.open_preferences(preferences)).forms[-1].fields["csrf_token"]
        self.partner.gdpr_set_legal_basis("contract")
        self.assertNotIn("Send me a new form", self.open_preferences(preferences).text)
        with self.catch_mails():
            self.open_preferences(preferences, data={"csrf_token": csrf_token, "answer": "fresh_link"})
        self.assertFalse(self._mails)
        self.partner.gdpr_set_legal_basis("consent")
        self.assertIn("Send me a new form", self.open_preferences(preferences).text)
        self.env["gdpr.subject"]._record_acts(
            [{"subject_id": self.partner.gdpr_subject_id.id, "action": "restricted", "actor": "system"}]
        )
        self.assertNotIn("Send me a new form", self.open_preferences(preferences).text)

    def test_fresh_link_after_a_merge(self):
        """The record the person was asked from is gone; another one of the person has the address."""
        _request, _grant, preferences = self.ask(self.lead)
        contact = self.env["res.partner"].create({"name": "Bruno Neri", "email": "bruno.neri@example.com"})
        self.lead.partner_id = contact
        self.lead.unlink()
        self.assertEqual(len(self.ask_for_fresh_link(preferences)[1]), 1)

    def test_forwarded_mail_grants_nothing(self):
        """Whoever was passed the message can press every button and agree to nothing."""
        _request, grant, preferences = self.ask(self.partner)
        self.answer(grant, "refuse")
        page = self.parse(self.open_preferences(preferences))
        for button in page.xpath("//button"):
            with self.catch_mails():
                self.press(preferences, button.get("value"), ("type", "access"), ("note", "Hello"))
        self.assertEqual(self.get_given(self.partner), {})
        self.assertNotIn("anna.rossi@example.com", self.open_preferences(preferences).text)

    def test_link_without_a_request(self):
        """The preferences link of a message that asked nothing: the page follows the person."""
        self.agree()
        token = self.env["gdpr.link"]._issue(
            "preferences", self.partner.gdpr_subject_id, None, "anna.rossi@example.com"
        )
        response = self.open_preferences(token)
        self.assertEqual(response.status_code, 200)
        self.assertIn(self.env.company.name, response.text)
        self.assertEqual(len(self.ask_for_fresh_link(token)[1]), 1)
        self.press(token, "withdraw")
        self.assertEqual(self.get_given(self.partner), {})

    def test_link_of_a_joined_person(self):
        preferences = self.agree()
        self.lead.gdpr_subject_id._join(self.partner.gdpr_subject_id, "The same person")
        self.assertIn("you agreed", self.open_preferences(preferences).text)
        self.press(preferences, "withdraw")
        self.assertEqual(self.get_given(self.lead), {})

    def test_double_click(self):
        preferences = self.agree()
        fields_sent = self.parse(self.open_preferences(preferences)).forms[-1].form_values()
        for _click in range(3):
            self.assertEqual(self.open_preferences(preferences, data=fields_sent).status_code, 200)
        self.assertEqual(self.get_history(self.partner).count("withdrawn"), 2, "one of each purpose")

    def test_evidence(self):
        self.env.company.gdpr_ip_retention = "full"
        preferences = self.agree()
        self.withdraw(preferences)
        event = self.partner.gdpr_event_ids.sorted("sequence")[-2]
        self.assertEqual((event.actor, event.source, event.user_id.id), ("person", "email", False))
        self.assertTrue(event.version_id)
        values = self.get_last_values(self.partner)
        self.assertEqual(values["email"], "anna.rossi@example.com")
        self.assertEqual(values["language"], "en_US")
        self.assertEqual(values["ip_address"], "127.0.0.1")
        self.assertTrue(values["user_agent"])

    def test_no_before_any_answer(self):
        """Who was asked can say no here at once; the other link can't grant any more."""
        request, grant, preferences = self.ask(self.partner)
        self.assertIn("I don't want to be contacted", self.open_preferences(preferences).text)
        self.withdraw(preferences)
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        self.assertEqual(request.state, "answered")
        self.assertEqual(self.open_consent(grant).status_code, 404)
        self.assertFalse(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])

    def test_no_after_being_asked_again(self):
        """Who refused and is asked again can say no here too, and isn't waited for any more."""
        _request, grant, _preferences = self.ask(self.partner)
        self.answer(grant, "refuse")
        request, grant, preferences = self.ask(self.partner)
        self.assertEqual(self.get_state(self.partner), "waiting")
        self.assertIn("I don't want to be contacted", self.open_preferences(preferences).text)
        self.withdraw(preferences)
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        self.assertEqual(request.state, "answered")
        self.assertEqual(self.open_consent(grant).status_code, 404)
        self.assertLedgerSound()

    def test_cannot_grant(self):
        preferences = self.agree()
        self.withdraw(preferences)
        history = self.get_history(self.partner)
        token = dict(self.get_hidden_fields(self.open_preferences(self.agree(self.lead))))["csrf_token"]
        for button in ("accept", "save"):
            response = self.open_preferences(
                preferences,
                data=[
                    ("csrf_token", token),
                    ("answer", button),
                    ("purpose", "marketing"),
                    ("channel", "email"),
                    ("channel", "marketing.email"),
                    ("state", "given"),
                ],
            )
            self.assertEqual(response.status_code, 200)
        self.assertEqual(self.get_given(self.partner), {})
        self.assertEqual(self.get_history(self.partner), history)
        text = self.open_preferences(preferences).text
        self.assertIn("can't be given on this page", text.replace("\u2019", "'"))
        self.assertNotIn('type="checkbox"', text)

    def test_unknown_purpose(self):
        """What isn't on record can't be taken back, and settles nothing."""
        preferences = self.agree()
        request, _grant, _preferences = self.ask(self.partner)
        history = self.get_history(self.partner)
        for purpose in ("nothing", "third_parties", "'--", str(self.marketing.id)):
            self.assertEqual(self.withdraw(preferences, ("purpose", purpose)).status_code, 200)
        self.assertEqual(self.get_history(self.partner), history)
        self.assertEqual(request.state, "sent")

    def test_note_of_any_kind(self):
        preferences = self.agree()
        self.withdraw(preferences, ("note", "Basta\0 così 😀" + "n" * 3000))
        self.env.invalidate_all()
        self.assertEqual(len(self.partner.gdpr_consent_note), 2000)
        self.assertTrue(self.partner.gdpr_consent_note.startswith("Basta così 😀"))

    def test_never_expires(self):
        preferences = self.agree()
        with freeze_time(fields.Datetime.now() + timedelta(days=3650)):
            self.assertEqual(self.open_preferences(preferences).status_code, 200)
            self.withdraw(preferences)
        self.assertEqual(self.get_given(self.partner), {})

    def test_outlives_later_requests(self):
        """The link of any message works, however many came after it."""
        first = self.agree()
        self.agree()
        self.ask(self.partner)
        self.withdraw(first)
        self.assertEqual(self.get_given(self.partner), {})

    def test_outlives_the_basis(self):
        preferences = self.agree()
        self.partner.gdpr_set_legal_basis("contract")
        self.withdraw(preferences)
        self.assertEqual(self.get_given(self.partner), {})

    def test_link_of_the_thank_you_page(self):
        _request, grant, _preferences = self.ask(self.partner)
        page = self.parse(self.answer(grant, "accept"))
        links = [link for link in page.xpath("//a/@href") if "/gdpr/preferences/" in link]
        self.assertEqual(len(links), 2, "the preferences, and the copy to keep")
        for link in links:
            self.assertEqual(self.url_open(link).status_code, 200)
        self.submit(min(links, key=len), [], form=-1)
        self.assertEqual(self.get_given(self.partner), {})

    def test_only_the_own_record(self):
        mine, theirs = self.agree(), self.agree(self.lead)
        self.withdraw(mine, ("subject_id", str(self.lead.gdpr_subject_id.id)))
        self.assertEqual(self.get_given(self.partner), {})
        self.assertEqual(set(self.get_given(self.lead)), {"marketing", "profiling"})
        self.assertNotIn("you agreed", self.open_preferences(mine).text)
        self.assertIn("you agreed", self.open_preferences(theirs).text)

    def test_who_is_logged_in_does_not_matter(self):
        new_test_user(self.env, login="portal_other", groups="base.group_portal", email="other@example.com")
        for login in (None, "portal_other", "privacy_employee", "privacy_salesperson"):
            with self.subTest(login=login):
                preferences = self.agree()
                self.authenticate(login, login)
                self.assertIn("you agreed", self.open_preferences(preferences).text)
                self.assertEqual(self.open_preferences(f"{preferences}/copy").status_code, 200)
                self.assertEqual(self.withdraw(preferences).status_code, 200)
                self.assertEqual(self.get_given(self.partner), {})
                event = self.partner.gdpr_event_ids.sorted("sequence")[-1]
                self.assertEqual((event.actor, event.user_id.id), ("person", False))
                self.authenticate(None, None)

    def test_who_asked_is_told(self):
        _request, grant, preferences = self.ask(self.partner.with_user(self.salesperson))
        self.answer(grant, "accept")
        self.withdraw(preferences)
        self.env.invalidate_all()
        message = self.partner.message_ids.sorted("id")[-1]
        self.assertIn("Withdrawn", message.body)
        self.assertEqual(message.notified_partner_ids, self.salesperson.partner_id)
        self.assertNotIn(preferences, message.body)

    def test_languages(self):
        self.publish_in_italian()
        self.partner.lang = "it_IT"
        _request, _grant, preferences = self.ask(self.partner)
        self.assertEqual(self.parse(self.open_preferences(preferences)).get("lang"), "it-IT")

    def test_copy_to_keep(self):
        """A file that stands by itself: what was said when, and the wording (law.md R-27)."""
        preferences = self.agree()
        response = self.open_preferences(f"{preferences}/copy")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Disposition"], 'attachment; filename="consent-record.html"')
        self.assertEqual(response.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertTrue(response.text.startswith("<!DOCTYPE html>"))
        text = " ".join(self.parse(response).text_content().split())
        version = self.form._get_version("en_US")
        subject = self.partner.gdpr_subject_id
        for told in (
            subject.reference,
            "Consent asked",
            "Consent given: News and offers",
            "E-mail link",
            version.sha256,
            self.form.title,
            "We tell you about our products",
            self.env.company.name,
        ):
            self.assertIn(told, text)
        self.assertRegex(text, r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
        self.assertFalse(self.parse(response).xpath("//script | //img | //link | //iframe | //@src"))
        self.assertNotIn(preferences, response.text)

    @mute_logger("odoo.http")
    def test_copy_is_read_only(self):
        preferences = self.agree()
        before = self.take_snapshot()
        path = f"/gdpr/preferences/{preferences}/copy"
        for method in ("GET", "HEAD"):
            self.assertEqual(self.url_open(path, method=method).status_code, 200)
        token = dict(self.get_hidden_fields(self.open_preferences(preferences)))["csrf_token"]
        self.assertEqual(self.url_open(path, data={"csrf_token": token}).status_code, 405)
        self.assertEqual(self.take_snapshot(), before)
