import re
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import freeze_time, tagged
from odoo.tools import config, mute_logger

from ..controllers import privacy_page
from .page_common import BUTTONS, PageCase

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
EMAIL = ("channel", "email")
PHONE = ("channel", "phone")
MARKETING = ("purpose", "marketing")
PROFILING = ("purpose", "profiling")
ALL_CHANNELS = {"email", "phone", "sms", "post"}


@tagged("post_install", "-at_install")
class TestConsentPage(PageCase):
    @contextmanager
    def behind_proxy(self):
        """Serve as behind a trusted proxy."""
        with patch.dict(config.options, proxy_mode=True):
            yield

    def assertPrivateHeaders(self, response):
        """Check the headers of law.md R-93."""
        for name, value in HEADERS.items():
            self.assertEqual(response.headers.get(name), value, name)
        policy = response.headers["Content-Security-Policy"]
        for directive in ("default-src 'none'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"):
            self.assertIn(directive, policy)
        self.assertNotIn("script-src", policy)
        self.assertNotIn("http", policy)

    # ------------------------------------------------------------
    # LOOKING CHANGES NOTHING
    # ------------------------------------------------------------

    def test_looking_changes_nothing(self):
        """Mail scanners open every link, and some browsers open it beforehand."""
        _request, grant, preferences = self.ask(self.partner)
        before = self.take_snapshot()
        for path in (f"/gdpr/consent/{grant}", f"/gdpr/preferences/{preferences}"):
            for method in ("GET", "HEAD"):
                for headers in ({}, {"Sec-Purpose": "prefetch", "Purpose": "prefetch", "X-Moz": "prefetch"}):
                    for _time in range(10):
                        response = self.url_open(path, method=method, headers=headers)
                        self.assertEqual(response.status_code, 200)
            # The counter of a link isn't the subject here.
            self.env["gdpr.rate.limit"].search([]).unlink()
        self.assertEqual(self.take_snapshot(), before)
        self.assertEqual(self.get_state(self.partner), "waiting")

    def test_answer_in_the_address_changes_nothing(self):
        _request, grant, _preferences = self.ask(self.partner)
        before = self.take_snapshot()
        for button in BUTTONS:
            response = self.open_consent(grant, params={"answer": button, "purpose": "marketing", "channel": "email"})
            self.assertEqual(response.status_code, 200)
        self.assertEqual(self.take_snapshot(), before)

    def test_other_methods_are_refused(self):
        _request, grant, _preferences = self.ask(self.partner)
        before = self.take_snapshot()
        for method in ("PUT", "DELETE", "PATCH"):
            self.assertEqual(self.open_consent(grant, method=method).status_code, 405)
        self.assertEqual(self.take_snapshot(), before)

    @mute_logger("odoo.http")
    def test_post_without_csrf_token_is_refused(self):
        _request, grant, preferences = self.ask(self.partner)
        before = self.take_snapshot()
        for path in (f"/gdpr/consent/{grant}", f"/gdpr/preferences/{preferences}"):
            for token in ({}, {"csrf_token": ""}, {"csrf_token": "0" * 40 + "o1999999999"}):
                response = self.url_open(path, data={"answer": "accept", "purpose": "marketing", **token})
                self.assertEqual(response.status_code, 400)
        self.assertEqual(self.take_snapshot(), before)

    def test_refusal_is_logged_without_the_token(self):
        _request, grant, _preferences = self.ask(self.partner)
        with self.assertLogs("odoo.http", "WARNING") as logs:
            self.url_open(f"/gdpr/consent/{grant}", data={"answer": "accept"})
        self.assertIn("/gdpr/consent/***", "".join(logs.output))
        self.assertNotIn(grant, "".join(logs.output))

    # ------------------------------------------------------------
    # THE PAGE
    # ------------------------------------------------------------

    def test_nothing_is_ticked_beforehand(self):
        self.publish_several_purposes()
        _request, grant, _preferences = self.ask(self.partner)
        page = self.parse(self.open_consent(grant))
        boxes = page.xpath("//input[@type='checkbox']")
        self.assertEqual([box.get("value") for box in boxes if box.name == "purpose"], ["marketing", "profiling"])
        self.assertIn("marketing.phone", [box.get("value") for box in boxes if box.name == "channel"])
        self.assertFalse(page.xpath("//input[@checked] | //option[@selected]"))
        self.assertFalse(page.xpath("//textarea[@name='note']")[0].text)

    def test_three_equal_buttons(self):
        _request, grant, _preferences = self.ask(self.partner)
        buttons = self.parse(self.open_consent(grant)).xpath("//button[@name='answer']")
        self.assertEqual({button.get("value") for button in buttons}, BUTTONS)
        self.assertEqual(len({button.get("class") for button in buttons}), 1)

    def test_page_tells_what_it_must(self):
        self.env.company.write({"gdpr_officer_name": "Olga Privacy", "gdpr_officer_email": "dpo@example.com"})
        self.form.action_publish()
        _request, grant, _preferences = self.ask(self.partner)
        text = self.parse(self.open_consent(grant)).text_content()
        for told in (
            self.form.title,
            self.marketing.name,
            self.marketing.description,
            "change your mind at any time",
            self.env.company.name,
            "Olga Privacy",
            "dpo@example.com",
        ):
            self.assertIn(told, text)

    def test_page_shows_the_address_masked(self):
        _request, grant, preferences = self.ask(self.partner)
        for response in (
            self.open_consent(grant),
            self.open_preferences(preferences),
            self.answer(grant, "accept"),
        ):
            self.assertNotIn("anna.rossi@example.com", response.text.lower())
            self.assertNotIn("anna rossi", response.text.lower())
        self.assertIn("a*******si@e******.com", self.open_preferences(preferences).text)

    def test_page_loads_nothing_from_elsewhere(self):
        _request, grant, preferences = self.ask(self.partner)
        for response in (
            self.open_consent(grant),
            self.open_preferences(preferences),
            self.open_consent("unknown"),
            self.answer(grant, "accept"),
        ):
            page = self.parse(response)
            self.assertFalse(page.xpath("//script | //iframe | //object | //embed | //base"))
            for event_handler in page.xpath("//@*[starts-with(name(), 'on')]"):
                self.fail(f"script in the page: {event_handler}")
            for address in page.xpath("//@src | //link/@href | //form/@action | //@srcset | //@poster"):
                self.assertNotRegex(address, r"^(?!data:)[a-z]+:|^//")
            for link in page.xpath("//a/@href"):
                self.assertRegex(link, r"^(/(?!/)|#|\?|mailto:)")
            # A theme's style sheet may import fonts from elsewhere: the browser mustn't fetch them.
            policy = response.headers["Content-Security-Policy"].split("; ")
            for directive in ("default-src 'none'", "style-src 'self' 'unsafe-inline'", "font-src 'self' data:"):
                self.assertIn(directive, policy)

    def test_page_holds_no_token_but_in_its_own_links(self):
        _request, grant, _preferences = self.ask(self.partner)
        self.assertNotIn(grant, self.open_consent(grant).text)
        self.assertNotIn(grant, self.answer(grant, "accept").text)

    def test_every_answer_has_the_headers(self):
        _request, grant, preferences = self.ask(self.partner)
        self.assertPrivateHeaders(self.open_consent(grant))
        self.assertPrivateHeaders(self.open_preferences(preferences))
        self.assertPrivateHeaders(self.open_preferences(f"{preferences}/copy"))
        refused = self.answer(grant, "save", EMAIL)
        self.assertEqual(refused.status_code, 422)
        self.assertPrivateHeaders(refused)
        thanks = self.answer(grant, "accept")
        self.assertEqual(thanks.status_code, 200)
        self.assertPrivateHeaders(thanks)
        unknown = self.open_consent("unknown")
        self.assertEqual(unknown.status_code, 404)
        self.assertPrivateHeaders(unknown)
        with patch.object(privacy_page, "MISSES_ALLOWED", 0):
            limited = self.open_consent("unknown")
        self.assertEqual(limited.status_code, 429)
        self.assertPrivateHeaders(limited)

    def test_languages(self):
        """The person's language, another one by the page's own switch, and the evidence says which."""
        self.publish_in_italian()
        self.partner.lang = "it_IT"
        _request, grant, _preferences = self.ask(self.partner)
        page = self.parse(self.open_consent(grant))
        self.assertEqual(page.get("lang"), "it-IT")
        self.assertIn("Possiamo restare in contatto?", page.text_content())
        self.assertEqual(len(page.xpath("//nav//a")), 2)
        page = self.parse(self.open_consent(f"{grant}?lang=en_US"))
        self.assertEqual(page.get("lang"), "en-US")
        self.assertIn("May we stay in touch?", page.text_content())
        page = self.parse(self.open_consent(f"{grant}?lang=xx_XX"))
        self.assertEqual(page.get("lang"), "it-IT")
        self.answer(grant, "accept", path="?lang=en_US")
        self.assertEqual(self.get_last_values(self.partner)["language"], "en_US")
        event = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "given")
        self.assertEqual(event.version_id.lang, "en_US")

    def test_language_not_installed_any_more(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.partner.lang = "it_IT"
        _request, grant, _preferences = self.ask(self.partner)
        self.partner.lang = "en_US"
        self.env["res.lang"].search([("code", "=", "it_IT")]).active = False
        page = self.parse(self.open_consent(grant))
        self.assertEqual(page.get("lang"), "en-US")
        self.assertIn("May we stay in touch?", page.text_content())

    # ------------------------------------------------------------
    # THE ANSWER
    # ------------------------------------------------------------

    def test_accept_without_a_tick_is_all(self):
        request, grant, _preferences = self.ask(self.partner)
        response = self.answer(grant, "accept")
        self.assertEqual(response.status_code, 200)
        self.assertIn("What is now on record", response.text)
        self.assertEqual(self.get_given(self.partner), {"marketing": ALL_CHANNELS})
        self.assertEqual(self.get_state(self.partner), "obtained")
        self.assertEqual(request.state, "answered")
        self.assertEqual(self.partner.gdpr_consent_source, "email")
        self.assertTrue(self.partner.gdpr_consent_on)
        self.assertLedgerSound()

    def test_accept_with_ticks_is_what_was_ticked(self):
        self.publish_several_purposes()
        for ticked, given in (
            ([MARKETING], {"marketing": ALL_CHANNELS}),
            ([PROFILING, ("channel", "profiling.phone")], {"profiling": {"phone"}}),
            (
                [MARKETING, PROFILING, ("channel", "marketing.email")],
                {"marketing": {"email"}, "profiling": {"email", "phone"}},
            ),
            # A tick at the channel of one purpose says nothing about the others.
            ([("channel", "marketing.email")], {"marketing": {"email"}}),
        ):
            with self.subTest(ticked=ticked):
                _request, grant, _preferences = self.ask(self.partner)
                self.assertEqual(self.answer(grant, "accept", *ticked).status_code, 200)
                self.assertEqual(self.get_given(self.partner), given)

    def test_accept_with_a_channel_only(self):
        """On a form with one purpose, a channel says how."""
        _request, grant, _preferences = self.ask(self.partner)
        self.answer(grant, "accept", PHONE)
        self.assertEqual(self.get_given(self.partner), {"marketing": {"phone"}})

    def test_save_is_what_was_ticked(self):
        self.publish_several_purposes()
        _request, grant, _preferences = self.ask(self.partner)
        response = self.answer(grant, "save", PROFILING, ("channel", "profiling.email"), ("channel", "profiling.phone"))
        self.assertEqual(response.status_code, 200)
        self.assertEqual(self.get_given(self.partner), {"profiling": {"email", "phone"}})
        self.assertEqual(self.get_history(self.partner)[-2:], ["refused", "given"])
        self.assertEqual(self.get_state(self.partner), "obtained")

    def test_save_nothing_is_no(self):
        _request, grant, _preferences = self.ask(self.partner)
        self.assertEqual(self.answer(grant, "save").status_code, 200)
        self.assertEqual(self.get_state(self.partner), "refused")

    def test_refuse_is_no_whatever_is_ticked(self):
        _request, grant, _preferences = self.ask(self.partner)
        response = self.answer(grant, "refuse", MARKETING, EMAIL, ("note", "Leave me alone"))
        self.assertEqual(response.status_code, 200)
        self.assertIn("you refused", response.text)
        self.assertEqual(self.get_given(self.partner), {})
        self.assertEqual(self.get_state(self.partner), "refused")
        self.assertEqual(self.partner.gdpr_consent_note, "Leave me alone")

    def test_lead(self):
        _request, grant, _preferences = self.ask(self.lead)
        self.assertEqual(self.answer(grant, "save", MARKETING, EMAIL).status_code, 200)
        self.assertEqual(self.get_given(self.lead), {"marketing": {"email"}})
        self.assertEqual(self.get_state(self.lead), "obtained")

    def test_unclear_answers_are_asked_again(self):
        """Nothing is recorded, nothing is lost, and the page says what is wrong."""
        self.publish_several_purposes()
        _request, grant, _preferences = self.ask(self.partner)
        before = self.take_snapshot()
        for button, fields_sent, problem in (
            ("save", [MARKETING], "choose at least one way to contact you"),
            ("save", [("channel", "marketing.email")], "You chose how to contact you, but"),
            ("accept", [PROFILING, ("channel", "marketing.email")], "You chose how to contact you, but"),
            ("yes", [MARKETING], "Please choose one of the three buttons"),
        ):
            with self.subTest(button=button, fields_sent=fields_sent):
                response = self.answer(grant, button, *fields_sent, ("note", "Call <b>after</b> six"))
                self.assertEqual(response.status_code, 422)
                page = self.parse(response)
                self.assertIn(problem, page.xpath("//*[@role='alert']")[0].text_content())
                self.assertEqual(page.xpath("//textarea[@name='note']")[0].text, "Call <b>after</b> six")
                self.assertEqual(
                    {(box.name, box.get("value")) for box in page.xpath("//input[@checked]")}, set(fields_sent)
                )
        self.assertEqual(self.take_snapshot(), before)
        self.assertEqual(self.answer(grant, "accept").status_code, 200)

    def test_unknown_fields_are_ignored(self):
        """Only what the form offers counts (law.md R-96)."""
        _request, grant, _preferences = self.ask(self.partner)
        other = self.env["res.partner"].create({"name": "Other", "email": "other@example.com"})
        response = self.answer(
            grant,
            "save",
            MARKETING,
            EMAIL,
            PROFILING,
            ("purpose", "third_parties"),
            ("purpose", "'; DROP TABLE gdpr_consent; --"),
            ("purpose", str(self.profiling.id)),
            ("channel", "pigeon"),
            ("channel", "profiling.email"),
            ("partner_id", str(other.id)),
            ("subject_id", "1"),
            ("state", "given"),
            ("email", "other@example.com"),
            ("gdpr_consent_state", "obtained"),
            ("source", "paper"),
            ("occurred_on", "2020-01-01"),
        )
        self.assertEqual(response.status_code, 200)
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email"}})
        self.assertFalse(other.gdpr_subject_id)
        self.assertEqual(self.get_last_values(self.partner)["email"], "anna.rossi@example.com")
        self.assertEqual(self.partner.gdpr_consent_source, "email")

    def test_foreign_version_is_ignored(self):
        """The page says which wording it showed; only one of the same request counts."""
        other_form = self.form.copy({"name": "Other form"})
        other_form.action_publish()
        _request, grant, _preferences = self.ask(self.partner)
        page = self.open_consent(grant)
        for version in (str(other_form.version_ids[:1].id), "0", "-1", "x", "9" * 30, "\u0663"):
            with self.subTest(version=version):
                _request, grant, _preferences = self.ask(self.partner)
                token = dict(self.get_hidden_fields(page))["csrf_token"]
                response = self.open_consent(grant, data={"csrf_token": token, "version": version, "answer": "accept"})
                self.assertEqual(response.status_code, 200)
                event = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "given")[:1]
                self.assertEqual(event.version_id.form_id, self.form)

    def test_note_of_any_kind(self):
        _request, grant, _preferences = self.ask(self.partner)
        note = "Perché no? \u202e😀 <script>alert(1)</script>\r\n='; DROP TABLE res_partner"
        response = self.answer(grant, "accept", ("note", f"{note}\0"))
        self.assertEqual(response.status_code, 200)
        self.env.invalidate_all()
        self.assertEqual(self.partner.gdpr_consent_note.replace("\r\n", "\n"), note.replace("\r\n", "\n"))
        self.assertLedgerSound()

    def test_note_too_long(self):
        _request, grant, _preferences = self.ask(self.partner)
        before = self.take_snapshot()
        response = self.answer(grant, "accept", ("note", "n" * 2001))
        self.assertEqual(response.status_code, 422)
        self.assertIn("too long", response.text)
        self.assertEqual(self.parse(response).xpath("//textarea[@name='note']")[0].text, "n" * 2001)
        self.assertEqual(self.take_snapshot(), before)
        self.assertEqual(self.answer(grant, "accept", ("note", "n" * 2000)).status_code, 200)
        self.env.invalidate_all()
        self.assertEqual(self.partner.gdpr_consent_note, "n" * 2000)

    def test_huge_submission_is_survived(self):
        _request, grant, _preferences = self.ask(self.partner)
        response = self.answer(grant, "accept", *[("purpose", f"p{number}") for number in range(1500)])
        self.assertIn(response.status_code, (200, 413))
        self.assertEqual(self.open_consent(grant).status_code, 404 if response.status_code == 200 else 200)

    def test_evidence(self):
        """Every answer is kept with what proves it."""
        self.partner.lang = "en_US"
        request, grant, _preferences = self.ask(self.partner)
        before = fields.Datetime.now() - timedelta(seconds=2)
        self.answer(grant, "accept", ("note", "Yes"))
        self.env.invalidate_all()
        event = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "given").ensure_one()
        self.assertTrue(before <= event.occurred_on <= fields.Datetime.now() + timedelta(seconds=2))
        self.assertEqual(event.actor, "person")
        self.assertFalse(event.user_id)
        self.assertEqual(event.source, "email")
        self.assertEqual(event.request_id, request)
        self.assertEqual(event.purpose_id, self.marketing)
        self.assertEqual(event.version_id, self.form._get_version("en_US"))
        self.assertRegex(event.version_id.sha256, r"^[0-9a-f]{64}$")
        self.assertTrue(event.expires_on)
        self.assertEqual(
            self.get_last_values(self.partner),
            {"note": "Yes", "email": "anna.rossi@example.com", "language": "en_US"},
        )
        self.assertEqual(set(event.commitments), {"note", "email", "language"})

    def test_address_is_kept_as_the_settings_say(self):
        for retention, kept in (("none", None), ("truncated", "127.0.0.0/24"), ("full", "127.0.0.1")):
            with self.subTest(retention=retention):
                self.env.company.gdpr_ip_retention = retention
                _request, grant, _preferences = self.ask(self.partner)
                self.opener.headers["User-Agent"] = "Browser of the test"
                self.answer(grant, "accept")
                values = self.get_last_values(self.partner)
                self.assertEqual(values.get("ip_address"), kept)
                self.assertEqual(values.get("user_agent"), "Browser of the test" if kept else None)

    def test_address_behind_a_proxy(self):
        """The person's address is what the trusted proxy says; without a proxy, what is claimed doesn't count."""
        self.env.company.gdpr_ip_retention = "full"
        self.opener.headers["X-Forwarded-For"] = "198.51.100.7"
        _request, grant, _preferences = self.ask(self.partner)
        self.answer(grant, "accept")
        self.assertEqual(self.get_last_values(self.partner)["ip_address"], "127.0.0.1")
        _request, grant, _preferences = self.ask(self.partner)
        self.opener.headers["X-Forwarded-Host"] = "127.0.0.1"
        with self.behind_proxy():
            self.answer(grant, "accept")
            self.assertEqual(self.get_last_values(self.partner)["ip_address"], "198.51.100.7")
            self.env.company.gdpr_ip_retention = "truncated"
            self.opener.headers["X-Forwarded-For"] = "2001:db8:1:2:3::7"
            _request, grant, _preferences = self.ask(self.partner)
            self.answer(grant, "accept")
            self.assertEqual(self.get_last_values(self.partner)["ip_address"], "2001:db8:1::/48")

    def test_who_asked_is_told(self):
        for button, told in (("accept", "Obtained"), ("refuse", "Withdrawn")):
            with self.subTest(button=button):
                _request, grant, preferences = self.ask(self.partner.with_user(self.salesperson))
                self.answer(grant, button)
                self.env.invalidate_all()
                message = self.partner.message_ids.sorted("id")[-1]
                self.assertIn(told, message.body)
                self.assertIn("Anna Rossi", message.body)
                self.assertEqual(message.subtype_id, self.env.ref("mail.mt_note"))
                self.assertEqual(message.notified_partner_ids, self.salesperson.partner_id)
                self.assertNotIn(grant, message.body)
                self.assertNoToken(message.body)
                self.assertNotIn(preferences, message.body)

    def test_who_asked_has_left(self):
        _request, grant, _preferences = self.ask(self.partner.with_user(self.salesperson))
        self.salesperson.active = False
        self.assertEqual(self.answer(grant, "accept").status_code, 200)
        self.env.invalidate_all()
        self.assertFalse(self.partner.message_ids.sorted("id")[-1].notified_partner_ids)

    def test_answering_asks_for_no_account(self):
        """Whoever is logged in on the computer, the link counts."""
        for login in (None, "privacy_salesperson", "privacy_employee"):
            with self.subTest(login=login):
                _request, grant, _preferences = self.ask(self.partner)
                self.authenticate(login, login)
                self.assertEqual(self.open_consent(grant).status_code, 200)
                self.assertEqual(self.answer(grant, "accept").status_code, 200)
                self.env.invalidate_all()
                event = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "given")[:1]
                self.assertEqual((event.actor, event.user_id), ("person", self.env["res.users"]))

    # ------------------------------------------------------------
    # ANSWERING AGAIN
    # ------------------------------------------------------------

    def test_double_click(self):
        """The same answer twice is one answer."""
        _request, grant, _preferences = self.ask(self.partner)
        fields_sent = [*self.get_hidden_fields(self.open_consent(grant)), MARKETING, EMAIL, ("answer", "save")]
        first = self.open_consent(grant, data=fields_sent)
        history = self.get_history(self.partner)
        second = self.open_consent(grant, data=fields_sent)
        self.assertEqual((first.status_code, second.status_code), (200, 200))
        self.assertEqual(self.get_history(self.partner), history)
        self.assertEqual(history.count("given"), 1)
        self.assertIn("What is now on record", second.text)

    def test_second_note_is_kept(self):
        """Who says more the second time is heard, once."""
        for button in ("accept", "refuse"):
            with self.subTest(button=button):
                _request, grant, _preferences = self.ask(self.partner)
                fields_sent = [*self.get_hidden_fields(self.open_consent(grant)), ("answer", button)]
                for note in ("", "Only in the morning", "Only in the morning"):
                    self.assertEqual(self.open_consent(grant, data=[*fields_sent, ("note", note)]).status_code, 200)
                self.assertEqual(self.get_history(self.partner)[-1], "late_answer")
                self.assertEqual(self.get_history(self.partner)[-2:].count("late_answer"), 1)
                self.assertEqual(self.get_last_values(self.partner)["note"], "Only in the morning")

    def test_refuse_after_accept_withdraws(self):
        _request, grant, _preferences = self.ask(self.partner)
        fields_sent = self.get_hidden_fields(self.open_consent(grant))
        self.open_consent(grant, data=[*fields_sent, ("answer", "accept")])
        for _click in range(2):
            response = self.open_consent(grant, data=[*fields_sent, ("answer", "refuse")])
            self.assertEqual(response.status_code, 200)
            self.assertIn("you took your consent back", response.text)
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        self.assertEqual(self.get_history(self.partner).count("withdrawn"), 1)
        self.assertLedgerSound()

    def test_accept_after_refuse_is_noted_only(self):
        _request, grant, _preferences = self.ask(self.partner)
        fields_sent = self.get_hidden_fields(self.open_consent(grant))
        self.open_consent(grant, data=[*fields_sent, ("answer", "refuse")])
        response = self.open_consent(grant, data=[*fields_sent, ("answer", "accept"), ("note", "Sorry")])
        self.assertEqual(response.status_code, 200)
        self.assertIn("you refused", response.text)
        self.assertEqual(self.get_state(self.partner), "refused")
        self.assertEqual(self.get_history(self.partner)[-2:], ["refused", "late_answer"])
        values = self.get_last_values(self.partner)
        self.assertEqual(values["answer"], "accept: marketing (email, phone, post, sms)")
        self.assertEqual(values["note"], "Sorry")
        self.assertLedgerSound()

    def test_second_answer_with_less_takes_back_the_rest(self):
        self.publish_several_purposes()
        _request, grant, _preferences = self.ask(self.partner)
        fields_sent = self.get_hidden_fields(self.open_consent(grant))
        self.open_consent(grant, data=[*fields_sent, ("answer", "accept")])
        for _click in range(2):
            less = [*fields_sent, PROFILING, ("channel", "profiling.email"), ("answer", "save")]
            self.assertEqual(self.open_consent(grant, data=less).status_code, 200)
        self.assertEqual(list(self.get_given(self.partner)), ["profiling"])
        self.assertEqual(self.get_history(self.partner)[-4:], ["given", "given", "withdrawn", "late_answer"])
        self.assertLedgerSound()

    def test_accept_after_withdrawal_is_noted_only(self):
        _request, grant, preferences = self.ask(self.partner)
        fields_sent = self.get_hidden_fields(self.open_consent(grant))
        self.submit(f"/gdpr/preferences/{preferences}", [])
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        response = self.open_consent(grant, data=[*fields_sent, ("answer", "accept")])
        self.assertEqual(response.status_code, 200)
        self.assertEqual(self.get_given(self.partner), {})
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        self.assertEqual(self.get_history(self.partner)[-2:], ["withdrawn", "late_answer"])

    def test_used_link_after_a_while(self):
        _request, grant, _preferences = self.ask(self.partner)
        fields_sent = self.get_hidden_fields(self.open_consent(grant))
        self.open_consent(grant, data=[*fields_sent, ("answer", "accept")])
        self.assertEqual(self.open_consent(grant).status_code, 404)
        self.env["gdpr.consent.request"].search([]).answered_on = fields.Datetime.now() - timedelta(hours=1)
        before = self.take_snapshot()
        response = self.open_consent(grant, data=[*fields_sent, ("answer", "refuse")])
        self.assertEqual(response.status_code, 404)
        self.assertEqual(self.take_snapshot(), before)

    # ------------------------------------------------------------
    # BAD LINKS
    # ------------------------------------------------------------

    def test_one_answer_for_every_bad_link(self):
        """Nobody learns from it whether a link ever was one (law.md R-89)."""
        self.publish_in_italian()
        self.partner.lang = "it_IT"
        _request, used, preferences = self.ask(self.partner)
        self.answer(used, "accept")
        _request, cancelled, _preferences = self.ask(self.partner)
        _request, expired, _preferences = self.ask(self.partner)
        self.env["gdpr.link"].search([("digest", "=", self.env["gdpr.link"]._get_digest(expired))]).expires_on = (
            fields.Datetime.now() - timedelta(seconds=1)
        )
        bad = {
            "unknown": "A" * 43,
            "used": used,
            "cancelled": cancelled,
            "expired": expired,
            "foreign kind": preferences,
            "truncated": cancelled[:-1],
            "prolonged": f"{cancelled}A",
            "other case": used.swapcase(),
            "short": "x",
            "long": "x" * 3000,
            "not ASCII": "привет-ключ",
            "not UTF-8": "%ff%fe%80",
            "NUL": "a%00b",
            "surrogate": "%ed%a0%80",
            "injection": "'%20OR%201=1%20--",
            "markup": "%3Cscript%3E",
        }
        answers = {}
        for name, token in bad.items():
            self.env["gdpr.rate.limit"].search([]).unlink()
            response = self.open_consent(token)
            answers[name] = (response.status_code, response.content)
        expected = answers.pop("unknown")
        self.assertEqual(expected[0], 404)
        self.assertIn(b"be used", expected[1])
        for name, answer in answers.items():
            self.assertEqual(answer, expected, name)

    def test_bad_links_of_the_other_pages(self):
        _request, grant, _preferences = self.ask(self.partner)
        unknown = self.open_preferences("A" * 43)
        self.assertEqual(unknown.status_code, 404)
        for path in (
            f"/gdpr/preferences/{grant}",
            f"/gdpr/preferences/{grant}/copy",
            "/gdpr/preferences/привет/copy",
            "/gdpr/preferences/%ff%fe",
        ):
            response = self.url_open(path)
            self.assertEqual((response.status_code, response.content), (404, unknown.content), path)

    def test_post_to_a_bad_link(self):
        """Every bad link answers a submitted form alike too, and nothing happens."""
        _request, cancelled, preferences = self.ask(self.partner)
        fields_sent = [*self.get_hidden_fields(self.open_consent(cancelled)), ("answer", "accept")]
        self.ask(self.partner)
        before = self.take_snapshot()
        answers = set()
        for token in (cancelled, preferences, "A" * 43, "привет"):
            response = self.open_consent(token, data=fields_sent)
            answers.add((response.status_code, response.content))
        self.assertEqual(len(answers), 1)
        self.assertEqual(answers.pop()[0], 404)
        self.assertEqual(self.take_snapshot(), before)

    def test_link_expires(self):
        self.env.company.gdpr_link_validity_days = 3
        _request, grant, preferences = self.ask(self.partner)
        with freeze_time(fields.Datetime.now() + timedelta(days=2)):
            self.assertTrue(self.env["gdpr.link"]._find("grant", grant))
        with freeze_time(fields.Datetime.now() + timedelta(days=3, minutes=1)):
            self.assertFalse(self.env["gdpr.link"]._find("grant", grant))
            self.assertTrue(self.env["gdpr.link"]._find("preferences", preferences))

    def test_guessing_is_limited(self):
        for attempt in range(privacy_page.MISSES_ALLOWED):
            # What a stranger claims about the address doesn't make another stranger.
            headers = {"X-Forwarded-For": f"198.51.100.{attempt}", "X-Forwarded-Host": "example.com"}
            self.assertEqual(self.open_consent(f"guess{attempt}", headers=headers).status_code, 404)
        response = self.open_consent("guess")
        self.assertEqual(response.status_code, 429)
        self.assertTrue(response.headers["Retry-After"].isdigit())
        self.assertEqual(self.open_preferences("guess").status_code, 429)
        _request, grant, _preferences = self.ask(self.partner)
        self.assertEqual(self.open_consent(grant).status_code, 200, "a good link is not a guess")

    def test_one_link_is_limited(self):
        _request, grant, preferences = self.ask(self.partner)
        with patch.object(privacy_page, "USES_ALLOWED", 3):
            for _time in range(3):
                self.assertEqual(self.open_consent(grant).status_code, 200)
            self.assertEqual(self.open_consent(grant).status_code, 429)
            self.assertEqual(self.open_preferences(preferences).status_code, 200)
            self.env["gdpr.rate.limit"].search([]).window_start = fields.Datetime.now() - timedelta(minutes=11)
            self.assertEqual(self.open_consent(grant).status_code, 200)

    def test_no_address_is_kept_by_the_limit(self):
        self.open_consent("guess")
        for key in self.env["gdpr.rate.limit"].search([]).mapped("key"):
            self.assertTrue(re.fullmatch(r"[0-9a-f]{64}", key))

    # ------------------------------------------------------------
    # WHAT CHANGED IN BETWEEN
    # ------------------------------------------------------------

    def test_message_in_doubt(self):
        """The sending was interrupted, but the person has the message: the link works, and an answer settles it."""
        request, grant, _preferences = self.ask(self.partner)
        request.write({"state": "failed", "is_in_doubt": True})
        before = self.take_snapshot()
        self.assertEqual(self.open_consent(grant).status_code, 200)
        self.assertEqual(self.take_snapshot(), before, "Looking changes nothing.")
        self.assertEqual(self.answer(grant, "accept").status_code, 200)
        self.assertEqual((request.state, request.is_in_doubt, request.outcome), ("answered", False, "accepted"))
        self.assertEqual(self.get_given(self.partner), {"marketing": ALL_CHANNELS})
        self.assertLedgerSound()

    def test_failed_without_doubt(self):
        request, grant, _preferences = self.ask(self.partner)
        request.state = "failed"
        self.assertEqual(self.open_consent(grant).status_code, 404)

    def test_archived_contact(self):
        _request, grant, _preferences = self.ask(self.partner)
        self.partner.active = False
        self.assertEqual(self.answer(grant, "accept").status_code, 200)
        self.assertEqual(self.get_given(self.partner), {"marketing": ALL_CHANNELS})

    def test_deleted_contact(self):
        """Nobody agrees through a record that is gone; a no still counts."""
        _request, grant, preferences = self.ask(self.partner)
        subject = self.partner.gdpr_subject_id
        self.partner.unlink()
        self.assertEqual(self.open_consent(grant).status_code, 404)
        self.assertEqual(self.submit(f"/gdpr/preferences/{preferences}", []).status_code, 200)
        self.env.invalidate_all()
        self.assertEqual(subject.consent_ids.state, "withdrawn")
        self.assertLedgerSound()

    def test_says_what_was_agreed_to_before(self):
        """Who is asked again sees what an answer takes back, and what a yes would end."""
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        _request, grant, _preferences = self.ask(self.partner)
        self.assertIn("You agreed before to: News and offers.", self.open_consent(grant).text)
        _request, grant, _preferences = self.ask(self.lead)
        self.assertNotIn("You agreed before to", self.open_consent(grant).text)

    def test_late_answer_is_told(self):
        """A second tab that agrees to more has changed nothing, and isn't thanked for it."""
        _request, grant, _preferences = self.ask(self.partner)
        fields = self.get_hidden_fields(self.open_consent(grant))
        first = [*fields, ("purpose", "marketing"), ("channel", "email"), ("answer", "save")]
        self.assertNotIn("You had answered already", self.open_consent(grant, data=first).text)
        self.assertNotIn("You had answered already", self.open_consent(grant, data=first).text, "a double click")
        later = self.open_consent(grant, data=[*fields, ("answer", "accept")]).text
        self.assertIn("You had answered already", later)
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email"}})

    def test_address_changed_in_between(self):
        """The answer is that of who got the mail."""
        _request, grant, _preferences = self.ask(self.partner)
        self.partner.email = "new@example.com"
        self.answer(grant, "accept")
        self.assertEqual(self.get_last_values(self.partner)["email"], "anna.rossi@example.com")

    def test_form_archived_in_between(self):
        _request, grant, _preferences = self.ask(self.partner)
        self.form.active = False
        self.assertIn("May we stay in touch?", self.open_consent(grant).text)
        self.assertEqual(self.answer(grant, "accept").status_code, 200)
        self.assertEqual(self.get_state(self.partner), "obtained")

    def test_form_republished_in_between(self):
        """The person sees, and agrees to, the wording the request was sent with."""
        _request, grant, _preferences = self.ask(self.partner)
        sent_with = self.form._get_version("en_US")
        self.form.title = "Something else"
        self.publish_several_purposes()
        page = self.open_consent(grant).text
        self.assertIn("May we stay in touch?", page)
        self.assertNotIn("Something else", page)
        self.assertNotIn("profiling", page)
        self.answer(grant, "accept", PROFILING)
        self.env.invalidate_all()
        event = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "given").ensure_one()
        self.assertEqual((event.version_id, event.purpose_id), (sent_with, self.marketing))

    def test_purpose_archived_in_between(self):
        _request, grant, _preferences = self.ask(self.partner)
        self.marketing.active = False
        self.email_channel.active = False
        self.assertEqual(self.answer(grant, "save", MARKETING, EMAIL).status_code, 200)
        self.assertEqual(self.get_state(self.partner), "obtained")

    def test_basis_changed_in_between(self):
        """Where consent isn't asked for any more, the link is void."""
        _request, grant, _preferences = self.ask(self.partner)
        self.partner.gdpr_set_legal_basis("contract")
        self.assertEqual(self.open_consent(grant).status_code, 404)

    def test_switched_off_in_between(self):
        """A person's answer counts whether or not the add-on shows in Odoo."""
        _request, grant, _preferences = self.ask(self.partner)
        self.env["res.config.settings"].create({"gdpr_enabled": False}).execute()
        self.assertEqual(self.answer(grant, "refuse").status_code, 200)
        self.env.invalidate_all()
        self.assertEqual(self.partner.gdpr_subject_id.consent_ids.state, "refused")
