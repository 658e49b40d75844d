from datetime import timedelta

from odoo import fields
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from .page_common import PageCase

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@tagged("post_install", "-at_install")
class TestUnsubscribe(PageCase):
    """One click in the mail program is enough, and nothing but a click (RFC 8058, law.md R-77 to R-84)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.publish_several_purposes()

    def setUp(self):
        super().setUp()
        self.request, self.grant, self.preferences = self.ask(self.partner)
        self.address = self.read_header(self._mails[-1])

    def read_header(self, mail):
        """Give the path of the address in the headers of a mail."""
        headers = mail["headers"]
        self.assertEqual(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click")
        address = headers["List-Unsubscribe"].strip("<>")
        self.assertTrue(address.startswith(f"{self.request.get_base_url()}/gdpr/unsubscribe/"), address)
        return address.removeprefix(self.request.get_base_url())

    def click(self, path=None, data=None, **options):
        """Do what a mail program does: no cookie, no session, no redirect followed."""
        self.opener.cookies.clear()
        options = {"data": data or ONE_CLICK, "allow_redirects": False, **options}
        return self.url_open(path or self.address, **options)

    def agree(self):
        self.answer(self.grant, "accept")

    def get_acts(self):
        """Give what was taken back, by code of the purpose."""
        self.env.invalidate_all()
        events = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "withdrawn")
        return sorted(events.purpose_id.mapped("code")), len(events)

    # ------------------------------------------------------------
    # THE HEADERS
    # ------------------------------------------------------------

    def test_address_tells_nothing(self):
        token = self.address.rpartition("/")[2]
        self.assertRegex(token, r"^[\w-]{43}$")
        links = self.env["gdpr.link"].search([("kind", "=", "unsubscribe")])
        self.assertEqual(links.digest, links._get_digest(token), "only the digest is kept")
        self.assertNotIn(token, self.partner.message_ids.mapped("body"))
        self.assertNotIn(token, (self.grant, self.preferences))

    def test_only_in_the_copy_to_the_person(self):
        with self.mock_mail_gateway(mail_unlink_sent=False):
            self.template.send_mail(
                self.partner.id,
                force_send=True,
                email_values={"recipient_ids": [(4, self.salesperson.partner_id.id)]},
            )
        copies = {mail["email_to"][0]: mail["headers"] for mail in self._mails}
        self.assertEqual(len(copies), 2)
        for address, headers in copies.items():
            self.assertEqual("List-Unsubscribe" in headers, "anna.rossi@example.com" in address, address)

    def test_not_in_other_mails(self):
        with self.catch_mails():
            self.env["mail.mail"].create({"email_to": "anna.rossi@example.com", "body_html": "<p>Hello</p>"}).send()
        self.assertNotIn("List-Unsubscribe", self._mails[-1]["headers"])

    def test_each_mail_its_own(self):
        self.ask(self.partner)
        later = self.read_header(self._mails[-1])
        self.assertNotEqual(later, self.address)
        for address in (self.address, later):
            self.assertEqual(self.click(address).status_code, 200)

    # ------------------------------------------------------------
    # ONE CLICK
    # ------------------------------------------------------------

    def test_one_click(self):
        self.agree()
        for number, options in enumerate(({}, {"data": None, "files": {"List-Unsubscribe": (None, "One-Click")}}, {})):
            with self.subTest(time=number):
                response = self.click(**options)
                self.assertEqual(response.status_code, 200)
                self.assertNotIn("Set-Cookie", response.headers)
                self.assertNotIn("Location", response.headers)
                self.assertEqual(self.get_acts(), (["marketing", "profiling"], 2), "one of each purpose")
        self.assertEqual(self.get_given(self.partner), {})
        event = self.partner.gdpr_event_ids[0]
        self.assertEqual((event.actor, event.source, event.request_id), ("person", "email", self.request))
        self.assertEqual(self.get_last_values(self.partner)["email"], "anna.rossi@example.com")
        self.assertLedgerSound()

    def test_multipart_at_first(self):
        self.agree()
        self.click(data=None, files={"List-Unsubscribe": (None, "One-Click")})
        self.assertEqual(self.get_given(self.partner), {})

    def test_without_a_body(self):
        """The address alone says what is meant."""
        self.agree()
        self.assertEqual(self.click(data=b"", method="POST").status_code, 200)
        self.assertEqual(self.get_given(self.partner), {})

    def test_before_any_answer(self):
        """Who was asked says no; the open question is settled, and nobody is waited for."""
        self.click()
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        self.assertEqual(self.request.state, "answered")
        self.assertEqual(self.open_consent(self.grant).status_code, 404)
        self.assertFalse(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])

    def test_one_purpose_leaves_the_other(self):
        self.agree()
        address = self.env["gdpr.link"]._issue_unsubscribe(
            self.partner.gdpr_subject_id, "anna.rossi@example.com", purpose=self.profiling
        )
        path = address.removeprefix(self.partner.gdpr_subject_id.get_base_url())
        page = self.url_open(path)
        self.assertIn("Personal suggestions", page.text)
        self.assertNotIn("News and offers", page.text)
        response = self.click(path)
        self.assertEqual(response.status_code, 200)
        self.assertIn("Personal suggestions", response.text)
        self.assertNotIn("News and offers", response.text)
        self.assertEqual(set(self.get_given(self.partner)), {"marketing"})

    def test_message_for_no_purpose(self):
        """Without a purpose the message can only have been marketing of any kind."""
        self.agree()
        address = self.env["gdpr.link"]._issue_unsubscribe(self.partner.gdpr_subject_id, "anna.rossi@example.com")
        for _time in range(2):
            self.click(address.removeprefix(self.partner.gdpr_subject_id.get_base_url()))
        self.assertTrue(self.partner.gdpr_subject_id.objected)
        self.assertEqual(self.get_history(self.partner).count("objected"), 1)

    def test_no_marketing_at_all(self):
        self.agree()
        for _time in range(2):
            response = self.click(data={"scope": "all"})
            self.assertEqual(response.status_code, 200)
            self.assertIn("no marketing at all", response.text)
        self.assertEqual(self.get_history(self.partner).count("objected"), 1)
        self.assertTrue(self.partner.gdpr_subject_id.objected)
        self.assertNotIn("marketing", self.get_given(self.partner))

    def test_after_a_new_consent(self):
        """The link of an old message takes back what was agreed to since: it is the same person's no."""
        self.agree()
        self.click()
        _request, grant, _preferences = self.ask(self.partner)
        self.answer(grant, "accept")
        self.click()
        self.assertEqual(self.get_given(self.partner), {})

    def test_never_expires_and_never_limited(self):
        self.agree()
        with freeze_time(fields.Datetime.now() + timedelta(days=3650)):
            for _time in range(70):
                self.assertEqual(self.click().status_code, 200)
        self.assertEqual(self.get_given(self.partner), {})

    def test_who_asked_is_told_once(self):
        self.request.user_id = self.salesperson
        self.agree()
        for _time in range(2):
            self.click()
        self.env.invalidate_all()
        messages = self.partner.message_ids.filtered(lambda message: "Withdrawn" in message.body)
        self.assertEqual(len(messages), 1)

    def test_no_goodbye(self):
        """Nothing is sent to who wants no messages (law.md R-84)."""
        self.agree()
        before = self.env["mail.mail"].search_count([])
        with self.catch_mails():
            self.click()
        self.assertFalse(self._mails)
        self.assertEqual(self.env["mail.mail"].search_count([]), before)

    def test_person_joined_with_another(self):
        self.agree()
        other = self.lead.gdpr_subject_id
        other._join(self.partner.gdpr_subject_id, "The same person")
        self.assertEqual(self.click().status_code, 200)
        self.env.invalidate_all()
        self.assertFalse(other.consent_ids.filtered(lambda consent: consent.state == "given"))
        self.assertLedgerSound()

    # ------------------------------------------------------------
    # THE PAGE
    # ------------------------------------------------------------

    def test_looking_changes_nothing(self):
        self.agree()
        before = self.take_snapshot()
        for method in ("GET", "HEAD"):
            for _time in range(20):
                self.assertEqual(self.url_open(self.address, method=method).status_code, 200)
        self.url_open(self.address, params={"scope": "all", "List-Unsubscribe": "One-Click"})
        self.assertEqual(self.take_snapshot(), before)

    def test_page(self):
        self.agree()
        page = self.parse(self.url_open(self.address))
        self.assertEqual(page.xpath("//button/@value"), ["purpose", "all"])
        text = " ".join(page.text_content().split())
        self.assertIn("News and offers, Personal suggestions", text)
        self.assertNotIn("anna.rossi@example.com", text)
        self.assertNotIn("Phone", text, "what is on record isn't told")
        form = page.forms[0]
        response = self.url_open(self.address, data=[*form.form_values(), ("scope", "purpose")])
        text = " ".join(self.parse(response).text_content().split())
        self.assertRegex(text, r"News and offers: you took your consent back \(\d\d/\d\d/\d{4}")
        self.assertEqual(self.parse(response).xpath("//button/@value"), ["all"])
        self.assertEqual(self.get_given(self.partner), {})
        self.click(data={"scope": "all"})
        self.assertFalse(self.parse(self.url_open(self.address)).xpath("//button"))

    def test_language(self):
        self.publish_in_italian()
        self.partner.lang = "it_IT"
        self.ask(self.partner)
        self.assertEqual(self.parse(self.url_open(self.read_header(self._mails[-1]))).get("lang"), "it-IT")

    # ------------------------------------------------------------
    # BAD LINKS
    # ------------------------------------------------------------

    @mute_logger("odoo.http")
    def test_one_answer_for_every_bad_link(self):
        token = self.address.rpartition("/")[2]
        flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
        before = self.take_snapshot()
        for act in (self.click, self.url_open):
            answers = set()
            for bad in (flipped, self.grant, self.preferences, "x", "%F0%9F%98%80", "a" * 3000):
                response = act(f"/gdpr/unsubscribe/{bad}")
                answers.add((response.status_code, response.content))
            self.assertEqual(len(answers), 1, "the answers differ")
            self.assertEqual(answers.pop()[0], 404)
        self.assertEqual(self.take_snapshot(), before)

    def test_link_is_good_for_nothing_else(self):
        token = self.address.rpartition("/")[2]
        for path in (f"/gdpr/consent/{token}", f"/gdpr/preferences/{token}", f"/gdpr/preferences/{token}/copy"):
            self.assertEqual(self.url_open(path).status_code, 404)

    def test_headers_of_the_page(self):
        for response in (self.url_open(self.address), self.click(), self.click("/gdpr/unsubscribe/x")):
            self.assertEqual(response.headers["Referrer-Policy"], "no-referrer")
            self.assertEqual(response.headers["Cache-Control"], "no-store")
            self.assertIn("default-src 'none'", response.headers["Content-Security-Policy"])
