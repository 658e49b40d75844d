import re
from datetime import timedelta

from odoo import fields
from odoo.tests import freeze_time, tagged

from .page_common import PageCase

PATH = "/gdpr/request"


@tagged("post_install", "-at_install")
class TestSubjectRequestPage(PageCase):
    """Asking without a link or a login: the answer tells nothing, the mailbox confirms (law.md R-48)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["website"].search([], limit=1).company_id
        cls.Requests = cls.env["gdpr.subject.request"]
        cls.Declarations = cls.env["gdpr.subject.request.declaration"].sudo()
        cls.watched_models += ("gdpr.subject.request", "gdpr.subject.request.declaration")

    def setUp(self):
        super().setUp()
        self.env["gdpr.rate.limit"].sudo().search([]).unlink()

    def send(self, email="anna.rossi@example.com", request_type="access", **values):
        """Send the form as somebody would."""
        data = [("type", request_type), ("email", email), *values.items()]
        with self.catch_mails():
            return self.submit(PATH, data)

    def get_links(self):
        """Give the addresses in the mails caught, by addressee."""
        self.env.invalidate_all()
        found = {}
        for mail in self._mails:
            if match := re.search(r"/gdpr/request/[\w-]+", mail["body"]):
                found[mail["email_to"][0]] = match[0]
        return found

    def confirm(self, link, answer="confirm", number=0):
        with self.catch_mails():
            page = self.url_open(link)
            form = self.parse(page).forms[number]
            return self.url_open(link, data=[*form.form_values(), ("answer", answer)])

    def ask(self, email="anna.rossi@example.com", request_type="access", **values):
        """Ask and confirm; give the request made."""
        self.send(email, request_type, **values)
        before = self.Requests.search([])
        self.response = self.confirm(self.get_links()[email])
        self.env.invalidate_all()
        return self.Requests.search([]) - before

    # ------------------------------------------------------------
    # TYPING
    # ------------------------------------------------------------

    def test_page(self):
        response = self.url_open(PATH)
        self.assertEqual(response.status_code, 200)
        page = self.parse(response)
        self.assertFalse(page.xpath("//script"))
        self.assertEqual(len(page.xpath("//input[@name='type']")), 6)
        self.assertFalse(page.xpath("//input[@checked]"), "nothing is chosen beforehand")
        self.assertIn("frame-ancestors 'none'", response.headers["Content-Security-Policy"])
        self.assertTrue(page.xpath("//footer")[0].text_content().strip(), "the controller is named")
        before = self.take_snapshot()
        self.url_open(PATH, params={"type": "erasure", "email": "anna.rossi@example.com"})
        self.assertEqual(self.take_snapshot(), before)

    def test_same_answer(self):
        """Known, unknown, shared: one answer, and a message to the mailbox each time."""
        self.env["res.partner"].create([{"name": name, "email": "both@example.com"} for name in ("Ada", "Ugo")])
        pages = set()
        for email in ("anna.rossi@example.com", "nobody@example.net", "both@example.com"):
            response = self.send(email)
            self.assertEqual(response.status_code, 200)
            pages.add(re.sub(r'value="[^"]*"', "", response.text))
            self.assertEqual([mail["email_to"] for mail in self._mails], [[email]])
            self.assertTrue(self.get_links()[email])
        self.assertEqual(len(pages), 1)
        self.assertFalse(self.Requests.search([("source", "=", "website")]), "nothing is asked before it is confirmed")

    def test_no_look_up_before_the_mailbox_confirms(self):
        """The time tells nothing either: the queries are the same."""
        counts = []
        for email in ("warm.up@example.com", "anna.rossi@example.com", "nobody@example.net"):
            fields_sent = [*self.get_hidden_fields(self.url_open(PATH)), ("type", "access"), ("email", email)]
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            with self.catch_mails():
                self.url_open(PATH, data=fields_sent)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])

    def test_what_is_missing(self):
        for email, request_type, told in (
            ("anna.rossi@example.com", "", "Please choose what you ask."),
            ("anna.rossi@example.com", "everything", "Please choose what you ask."),
            ("", "access", "Please type one e-mail address"),
            ("anna", "access", "Please type one e-mail address"),
            ("anna@example.com, ugo@example.com", "access", "Please type one e-mail address"),
        ):
            with self.subTest(email=email, request_type=request_type):
                response = self.send(email, request_type, note="Please <b>")
                self.assertEqual(response.status_code, 422)
                self.assertIn(told, response.text)
                self.assertEqual(self.parse(response).xpath("//textarea")[0].text, "Please <b>")
                self.assertFalse(self._mails)
        self.assertFalse(self.Declarations.search([]))

    def test_one_message_in_a_while(self):
        self.send(request_type="access")
        first = self.get_links()["anna.rossi@example.com"]
        response = self.send("Anna.Rossi@EXAMPLE.com", "erasure")
        self.assertEqual(response.status_code, 200)
        self.assertFalse(self._mails)
        self.send(request_type="erasure")
        self.assertFalse(self._mails)
        self.assertEqual(len(self.parse(self.url_open(first)).forms), 2, "the link shows what came since")

    def test_rate_limit(self):
        for number in range(10):
            self.assertEqual(self.send(f"person{number}@example.com").status_code, 200)
        response = self.send("person11@example.com")
        self.assertEqual(response.status_code, 429)
        self.assertFalse(self._mails)

    def test_csrf(self):
        response = self.url_open(PATH, data={"type": "access", "email": "anna.rossi@example.com"})
        self.assertEqual(response.status_code, 400)
        self.assertFalse(self.Declarations.search([]))

    def test_message(self):
        """What somebody else typed isn't in it; the link is nowhere but in the copy that left."""
        self.send(note="Buy now http://example.net", name="Spam Spam")
        body = self._mails[0]["body"]
        for typed in ("Buy now", "Spam", "example.net"):
            self.assertNotIn(typed, body)
        token = self.get_links()["anna.rossi@example.com"].rpartition("/")[2]
        link = self.env["gdpr.link"]._find("request", token)
        self.assertEqual((link.email, link.subject_id.id), ("anna.rossi@example.com", False))
        self.assertFalse(self.env["mail.mail"].search([("body_html", "ilike", token)]))
        self.assertFalse(self.env["mail.message"].search([("body", "ilike", token)]))

    # ------------------------------------------------------------
    # CONFIRMING
    # ------------------------------------------------------------

    def test_confirmed(self):
        with freeze_time("2026-03-02 09:00:00"):
            request = self.ask(note="Everything", name="Anna")
        self.assertIn(request.name, self.response.text)
        self.assertIn("04/02/2026", self.response.text)
        self.assertEqual(request.subject_id, self.partner.gdpr_subject_id)
        self.assertEqual(
            (request.type, request.state, request.source, request.note, request.email, request.assurance),
            ("access", "new", "website", "Everything", "anna.rossi@example.com", "mailbox"),
        )
        self.assertEqual(request.step_ids.mapped("action"), ["received", "acknowledged", "confirmed"])
        self.assertFalse(request.step_ids.user_id)
        self.assertEqual(self.get_history(self.partner)[-1], "requested")
        self.assertFalse(self.Declarations.search([]).note, "it is with the request now")
        self.assertTrue([mail for mail in self._mails if mail["email_to"] == ["anna.rossi@example.com"]])

    def test_looking_changes_nothing(self):
        self.send()
        link = self.get_links()["anna.rossi@example.com"]
        before = self.take_snapshot()
        for _time in range(3):
            self.assertEqual(self.url_open(link).status_code, 200)
        self.assertEqual(self.take_snapshot(), before)

    def test_double_click(self):
        self.send()
        link = self.get_links()["anna.rossi@example.com"]
        sent = [*self.parse(self.url_open(link)).forms[0].form_values(), ("answer", "confirm")]
        with self.catch_mails():
            pages = [self.url_open(link, data=sent) for _click in range(2)]
        self.env.invalidate_all()
        request = self.Requests.search([("subject_id", "=", self.partner.gdpr_subject_id.id)])
        self.assertEqual(len(request), 1)
        for page in pages:
            self.assertIn(request.name, page.text)
        self.assertIn("Nothing is left to confirm", pages[1].text)

    def test_closed_meanwhile(self):
        """A page for what is over promises no answer."""
        self.send()
        [link] = self.get_links().values()
        self.confirm(link)
        self.env.invalidate_all()
        request = self.Requests.search([("email", "=", "anna.rossi@example.com")])
        request.with_user(self.officer).action_cancel()
        page = self.url_open(link)
        self.assertIn(f"Your request {request.name} is closed.", self.parse(page).text_content())
        self.assertNotIn("We answer by", page.text)

    def test_replies_come_to_the_address_for_requests(self):
        self.company._gdpr_set_request_alias("privacy", self.mail_alias_domain)
        self.send()
        [mail] = self._mails
        self.assertIn(self.company._gdpr_get_request_address(), mail["reply_to"])

    def test_discarded(self):
        self.send(request_type="erasure")
        link = self.get_links()["anna.rossi@example.com"]
        page = self.confirm(link, "discard")
        self.assertIn("Nothing is left to confirm", page.text)
        self.assertFalse(self.Declarations.search([]))
        self.assertFalse(self.Requests.search([("subject_id", "=", self.partner.gdpr_subject_id.id)]))

    def test_somebody_elses_declaration(self):
        self.send("anna.rossi@example.com")
        own = self.get_links()["anna.rossi@example.com"]
        self.send("bruno.neri@example.com")
        foreign = self.Declarations.search([("email", "=", "bruno.neri@example.com")])
        fields_sent = dict(self.parse(self.url_open(own)).forms[0].form_values())
        self.url_open(own, data={**fields_sent, "declaration": foreign.id, "answer": "confirm"})
        self.env.invalidate_all()
        self.assertFalse(foreign.request_id)
        self.assertFalse(self.Requests.search([("source", "=", "website")]))

    def test_link_of_no_use(self):
        with freeze_time(fields.Datetime.now() - timedelta(days=8)):
            self.send()
        link = self.get_links()["anna.rossi@example.com"]
        for path in (link, f"{PATH}/wrong", "/gdpr/identity/wrong", link.replace("request", "identity")):
            response = self.url_open(path)
            self.assertEqual(response.status_code, 404)
            self.assertIn('href="/gdpr/request"', response.text)

    def test_unconfirmed_ones_are_forgotten(self):
        with freeze_time(fields.Datetime.now() - timedelta(days=8)):
            self.send()
        self.send("bruno.neri@example.com")
        self.Declarations._gc_declarations()
        self.assertEqual(self.Declarations.search([]).mapped("email"), ["bruno.neri@example.com"])
        self.assertEqual(
            self.env["gdpr.link"].sudo().search([("kind", "=", "request")]).mapped("email"),
            ["bruno.neri@example.com"],
        )

    def test_asked_before(self):
        """One open request of a kind: what is said anew is kept with it."""
        first = self.partner._gdpr_receive_request("access")
        self.assertEqual(first.assurance, "none")
        self.assertFalse(self.ask(note="Hello?"))
        self.assertIn(first.name, self.response.text)
        self.assertIn("Hello?", first.message_ids[0].body + first.message_ids[1].body)
        self.assertEqual(first.assurance, "mailbox")

    # ------------------------------------------------------------
    # WHOSE IT IS
    # ------------------------------------------------------------

    def test_unknown_address(self):
        request = self.ask("nobody@example.net", "access", name="Nobody")
        self.assertTrue(request.is_unidentified)
        self.assertFalse(request.candidate_ids)
        self.assertEqual((request.applicant_name, request.email), ("Nobody", "nobody@example.net"))
        self.assertFalse(request.subject_id._get_all_cards())

    def test_unknown_address_asks_again(self):
        request = self.ask("nobody@example.net", "access")
        self.env["gdpr.rate.limit"].sudo().search([]).unlink()
        other = self.ask("nobody@example.net", "erasure")
        self.assertEqual(other.subject_id, request.subject_id)
        self.assertLedgerSound()

    def test_shared_address(self):
        ada, ugo = self.env["res.partner"].create(
            [{"name": name, "email": "Both@example.com"} for name in ("Ada", "Ugo")]
        )
        request = self.ask("both@example.com", name="Ugo")
        self.assertTrue(request.is_unidentified)
        self.assertEqual(request.candidate_ids, ada.gdpr_subject_id | ugo.gdpr_subject_id)
        request = request.with_user(self.officer)
        action = request.action_identify()
        wizard = self.env[action["res_model"]].with_user(self.officer).with_context(**action["context"])
        wizard.create({"subject_id": ugo.gdpr_subject_id.id, "reason": "The name given"}).action_confirm()
        self.assertEqual(request.subject_id, ugo.gdpr_subject_id)
        self.assertFalse(request.is_unidentified)
        self.assertEqual(request.email, "both@example.com")
        self.assertIn("identified", request.step_ids.mapped("action"))
        self.assertFalse(ada.gdpr_has_data_request)
        self.assertTrue(ugo.gdpr_has_data_request)
        self.assertIn("requested", ugo.gdpr_event_ids.mapped("action"))
        self.assertLedgerSound()

    def test_records_of_one_name_and_mailbox(self):
        """A contact and what a web form left behind: to stop stops for both, at once."""
        contact = self.env["res.partner"].create({"name": "Wanda Web", "email": "wanda@example.com"})
        lead = self.env["crm.lead"].create(
            {"name": "Chairs", "contact_name": "wanda  WEB", "email_from": "Wanda@example.com"}
        )
        self.assertFalse(lead.partner_id)
        request = self.ask("wanda@example.com", "restriction")
        self.assertFalse(request.is_unidentified)
        self.env.invalidate_all()
        self.assertTrue(contact.gdpr_restricted)
        self.assertTrue(lead.gdpr_restricted)
        self.assertLedgerSound()

    def test_to_stop_at_a_shared_address(self):
        """Nothing says that somebody is suspended before somebody is."""
        ada, _ugo = self.env["res.partner"].create(
            [{"name": name, "email": "Both@example.com"} for name in ("Ada", "Ugo")]
        )
        request = self.ask("both@example.com", "restriction")
        self.assertTrue(request.is_unidentified)
        self.assertNotIn("restricted", request.step_ids.mapped("action"))
        action = request.with_user(self.officer).action_identify()
        wizard = self.env[action["res_model"]].with_user(self.officer).with_context(**action["context"])
        wizard.create({"subject_id": ada.gdpr_subject_id.id, "reason": "Asked by phone"}).action_confirm()
        self.env.invalidate_all()
        self.assertTrue(ada.gdpr_restricted)
        self.assertIn("restricted", request.step_ids.mapped("action"))

    def test_address_is_matched_exactly(self):
        request = self.ask("anna_rossi@example.com")
        self.assertTrue(request.is_unidentified)
        self.env["gdpr.rate.limit"].sudo().search([]).unlink()
        self.partner.email = '"Anna" <anna_rossi@example.com>'
        self.env["res.partner"].create({"name": "Two", "email": "anna.rossi@example.com, x@example.com"})
        self.assertFalse(self.Requests._find_people("anna.rossi@example.com", self.env.company))
        self.assertEqual(
            self.Requests._find_people("ANNA_ROSSI@example.com", self.env.company), self.partner.gdpr_subject_id
        )

    def test_representative(self):
        """The mailbox of who asks for another tells nothing about whom it is about."""
        request = self.ask(request_type="restriction", on_behalf="1", name="Anna Rossi", note="For my mother")
        self.assertTrue(request.is_on_behalf)
        self.assertNotEqual(request.subject_id, self.partner.gdpr_subject_id)
        self.assertFalse(self.partner.gdpr_restricted)
        self.assertEqual((request.representative_name, request.assurance), ("Anna Rossi", "none"))

    def test_language(self):
        self.env["res.lang"]._activate_lang("it_IT")
        page = self.url_open(PATH, headers={"Accept-Language": "it"})
        self.assertEqual(self.parse(page).get("lang"), "it-IT")
        page = self.url_open(f"{PATH}?lang=en_US", headers={"Accept-Language": "it"})
        self.assertEqual(self.parse(page).get("lang"), "en-US")

    def test_language_of_the_address(self):
        """Who follows a link of the Italian web site reads Italian, whatever the browser says; the mail too."""
        italian = self.env["res.lang"]._activate_lang("it_IT")
        self.env["website"].get_current_website().language_ids |= italian
        page = self.url_open(f"/it{PATH}", headers={"Accept-Language": "en-US"})
        self.assertEqual(self.parse(page).get("lang"), "it-IT")
        page = self.url_open(f"/it{PATH}?lang=en_US", headers={"Accept-Language": "it"})
        self.assertEqual(self.parse(page).get("lang"), "en-US")
