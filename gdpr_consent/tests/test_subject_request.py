from datetime import date, datetime, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.service.model import call_kw
from odoo.tests import Form, freeze_time, new_test_user, tagged
from odoo.tools import html2plaintext

from .page_common import PageCase

TYPES = ["access", "rectification", "portability", "restriction", "objection", "erasure"]


@tagged("post_install", "-at_install")
class TestSubjectRequest(PageCase):
    """What people ask about their data, whatever the way in, and the clock that starts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.partner_id.tz = "Europe/Rome"
        cls.env.company.gdpr_officer_email = cls.officer.email
        cls.watched_models += ("gdpr.subject.request", "mail.activity")

    def get_requests(self, card=None):
        self.env.invalidate_all()
        subject = (card or self.partner).sudo().gdpr_subject_id
        return self.env["gdpr.subject.request"].search([("subject_id", "=", subject.id)], order="id")

    def ask_by_link(self, request_type, *fields_sent):
        """Send the form of the preference page."""
        _request, _grant, preferences = self.ask(self.partner)
        return self.send(f"/gdpr/preferences/{preferences}", request_type, *fields_sent)

    def send(self, path, request_type, *fields_sent):
        form = self.parse(self.url_open(path)).find_class("o_gdpr_subject_request")[0]
        self.assertEqual(form.xpath(".//input[@name='type']/@value"), TYPES)
        self.assertFalse(form.xpath(".//input[@checked]"), "nothing is chosen beforehand")
        data = [("csrf_token", form.fields["csrf_token"]), ("type", request_type), *fields_sent, ("answer", "request")]
        with self.catch_mails():
            return self.url_open(path, data=data)

    def fulfil_by_hand(self):
        """Leave the work to the officer, as if no other answer was made."""
        self.startPatcher(patch.object(type(self.env["gdpr.subject.request"]), "_fulfil_access", lambda request: None))

    def create_request(self, **values):
        subject = self.partner.gdpr_subject_id
        return self.env["gdpr.subject.request"].create({"subject_id": subject.id, "type": "access", **values})

    # ------------------------------------------------------------
    # THE WAYS IN
    # ------------------------------------------------------------

    def test_by_link(self):
        with freeze_time("2026-03-02 09:00:00"):
            response = self.ask_by_link("access", ("note", "Everything, please"))
        self.assertEqual(response.status_code, 200)
        request = self.get_requests()
        self.assertRegex(request.name, r"^DSR/\d{4}/\d{5}$")
        self.assertIn(request.name, response.text)
        self.assertIn("04/02/2026", response.text)
        self.assertEqual(
            (request.type, request.state, request.source, request.note, request.email),
            ("access", "new", "email", "Everything, please", "anna.rossi@example.com"),
        )
        self.assertEqual(request.due_on, date(2026, 4, 2))
        self.assertEqual(request.create_uid, self.env.ref("base.user_root"))
        self.assertEqual(request.company_id, self.env.company)
        self.assertEqual(self.get_history(self.partner)[-1], "requested")
        self.assertEqual(self.get_last_values(self.partner)["request"], f"{request.name}: Access")
        self.assertLedgerSound()

    def test_every_type(self):
        _request, _grant, preferences = self.ask(self.partner)
        for request_type in TYPES:
            response = self.send(
                f"/gdpr/preferences/{preferences}",
                request_type,
                ("confirmed", "yes" if request_type == "erasure" else ""),
            )
            self.assertEqual(response.status_code, 200)
        self.assertEqual(self.get_requests().mapped("type"), TYPES)
        self.assertEqual(len(set(self.get_requests().mapped("name"))), len(TYPES))

    def test_acknowledgement(self):
        self.env.company.gdpr_sender = "Privacy <privacy@mycompany.example.com>"
        self.ask_by_link("rectification")
        request = self.get_requests()
        sent = [mail for mail in self._mails if mail["email_to"] == ["anna.rossi@example.com"]]
        self.assertEqual(len(sent), 1)
        self.assertIn(request.name, sent[0]["subject"])
        for told in (request.name, "Correct or complete my data", "What happens next"):
            self.assertIn(told, sent[0]["body"])
        self.assertIn("privacy@mycompany.example.com", sent[0]["email_from"])
        self.assertNotIn("/gdpr/consent", sent[0]["body"])
        self.assertNotIn("List-Unsubscribe", sent[0]["headers"])
        self.assertIn(request.name, request.message_ids.mapped("subject")[0] or "")

    def test_acknowledgement_of_what_is_late_already(self):
        """A letter that lay about: no day that has passed is promised."""
        with self.catch_mails():
            self.env["gdpr.subject.request"].create(
                {
                    "subject_id": self.partner._gdpr_ensure_subjects().id,
                    "type": "access",
                    "email": "anna.rossi@example.com",
                    "received_on": fields.Datetime.now() - timedelta(days=80),
                }
            )
        (mail,) = [mail for mail in self._mails if mail["email_to"] == ["anna.rossi@example.com"]]
        self.assertIn("are sorry that we haven't", mail["body"])
        self.assertNotIn("We answer by:", mail["body"])

    def test_officer_is_reminded(self):
        with freeze_time("2026-03-02 09:00:00"):
            self.ask_by_link("access")
        request = self.get_requests()
        self.assertEqual(request.user_id, self.officer)
        self.assertEqual(request.activity_ids.user_id, self.officer)
        self.assertEqual(request.activity_ids.date_deadline, date(2026, 4, 2))
        self.assertIn(request.name, request.activity_ids.summary)

    def test_asked_twice(self):
        """A double click, a second tab, an impatient person: one request, one message."""
        self.ask_by_link("access")
        response = self.ask_by_link("access", ("note", "Hello?"))
        self.assertIn(self.get_requests().name, response.text)
        self.assertEqual(len(self.get_requests()), 1)
        self.assertFalse([mail for mail in self._mails if "anna.rossi@example.com" in mail["email_to"]])
        self.assertEqual(len(self.get_requests().activity_ids), 1)

    def test_asked_again_after_the_answer(self):
        self.fulfil_by_hand()
        self.ask_by_link("access")
        self.get_requests().with_user(self.officer).action_start()
        self.get_requests().resolution = "Sent a copy."
        self.get_requests().with_user(self.officer).action_fulfil()
        self.ask_by_link("access")
        self.assertEqual(self.get_requests().mapped("state"), ["done", "new"])

    def test_erasure_is_confirmed(self):
        """What can't be undone is asked for twice (law.md R-109)."""
        response = self.ask_by_link("erasure", ("note", "All of it"))
        self.assertIn("Do you want us to delete your data?", response.text)
        self.assertFalse(self.get_requests())
        form = self.parse(response).find_class("o_gdpr_subject_request")[0]
        back = self.parse(self.url_open(form.action, data=[*form.form_values(), ("confirmed", "no")]))
        self.assertFalse(self.get_requests())
        self.assertEqual(back.xpath("//textarea[@id='gdpr_request_note']")[0].text, "All of it")
        self.assertEqual(back.xpath("//input[@name='type'][@checked]/@value"), ["erasure"])
        with self.catch_mails():
            self.url_open(form.action, data=[*form.form_values(), ("confirmed", "yes")])
        self.assertEqual((self.get_requests().type, self.get_requests().note), ("erasure", "All of it"))

    def test_type_is_missing(self):
        for wrong in ("", "everything"):
            response = self.ask_by_link(wrong, ("note", "Please"))
            self.assertEqual(response.status_code, 422)
            # Said at the top, too: on a phone the question is far below.
            self.assertEqual(response.text.count("Please choose what you ask."), 2)
            self.assertIn("Please", self.parse(response).xpath("//textarea[@id='gdpr_request_note']")[0].text)
        self.assertFalse(self.get_requests())

    def test_unknown_fields_are_ignored(self):
        other = self.lead.gdpr_subject_id
        self.ask_by_link(
            "access",
            ("subject_id", str(other.id)),
            ("email", "thief@example.com"),
            ("state", "done"),
            ("received_on", "2020-01-01 00:00:00"),
        )
        request = self.get_requests()
        self.assertEqual((request.email, request.state), ("anna.rossi@example.com", "new"))
        self.assertGreater(request.received_on, datetime(2025, 1, 1))
        self.assertFalse(self.get_requests(self.lead))

    def test_looking_changes_nothing(self):
        _request, _grant, preferences = self.ask(self.partner)
        before = self.take_snapshot()
        self.url_open(f"/gdpr/preferences/{preferences}", params={"answer": "request", "type": "access"})
        self.assertEqual(self.take_snapshot(), before)

    def test_page_shows_open_requests(self):
        _request, _grant, preferences = self.ask(self.partner)
        self.send(f"/gdpr/preferences/{preferences}", "access")
        self.assertIn(self.get_requests().name, self.open_preferences(preferences).text)
        self.get_requests().state = "cancelled"
        self.assertNotIn(self.get_requests().name, self.open_preferences(preferences).text)

    def test_in_the_portal(self):
        new_test_user(
            self.env, "portal_anna", "base.group_portal", partner_id=self.partner.id, email="anna.rossi@example.com"
        )
        self.authenticate("portal_anna", "portal_anna")
        response = self.send("/my/privacy", "portability", ("note", "As CSV"))
        request = self.get_requests()
        self.assertEqual((request.type, request.source, request.note), ("portability", "portal", "As CSV"))
        self.assertEqual(request.email, "anna.rossi@example.com")
        self.assertIn(f"We have your request: {request.name}", " ".join(html2plaintext(response.text).split()))
        response = self.send("/my/privacy", "erasure")
        self.assertIn("Do you want us to delete your data?", response.text)
        self.assertEqual(len(self.get_requests()), 1)

    def test_first_act_of_a_person(self):
        """Somebody in the portal of whom nothing is on record yet can ask too."""
        person = self.env["res.partner"].create({"name": "Ugo", "email": "ugo@example.com"})
        new_test_user(self.env, "portal_ugo", "base.group_portal", partner_id=person.id, email=person.email)
        self.authenticate("portal_ugo", "portal_ugo")
        self.send("/my/privacy", "access")
        self.assertEqual(self.get_requests(person).email, "ugo@example.com")

    def test_in_the_language_of_the_person(self):
        self.publish_in_italian()
        self.partner.lang = "it_IT"
        self.ask_by_link("access")
        self.assertEqual(self.get_requests().lang, "it_IT")

    # ------------------------------------------------------------
    # FROM A CARD
    # ------------------------------------------------------------

    def test_officer_opens_a_new_one(self):
        action = self.partner.with_user(self.officer).action_gdpr_new_request()
        self.assertEqual(action["res_model"], "gdpr.subject.request")
        with self.catch_mails():
            form = Form(self.env["gdpr.subject.request"].with_user(self.officer).with_context(**action["context"]))
            form.type = "restriction"
            form.received_on = "2026-01-31 10:00:00"
            request = form.save()
        self.assertEqual(request.subject_id, self.partner.gdpr_subject_id)
        self.assertEqual((request.email, request.source), ("anna.rossi@example.com", "operator"))
        self.assertEqual(request.due_on, date(2026, 3, 2), "28 February 2026 is a Saturday")
        self.assertEqual(len(self._mails), 1 + (self.officer != request.user_id))

    def test_salesperson_hands_it_on(self):
        action = self.partner.with_user(self.salesperson).action_gdpr_new_request()
        self.assertEqual(action["res_model"], "gdpr.subject.request.entry")
        entry = Form(self.env[action["res_model"]].with_user(self.salesperson).with_context(**action["context"]))
        entry.type = "erasure"
        entry.note = "Said so on the phone"
        with self.catch_mails():
            result = entry.save().action_record()
        request = self.get_requests()
        self.assertIn(request.name, result["params"]["message"])
        self.assertEqual(request.create_uid, self.salesperson)
        self.assertEqual((request.user_id, request.source), (self.officer, "operator"))

    def test_lead(self):
        self.lead.user_id = self.salesperson
        with self.catch_mails():
            request = self.lead.with_user(self.salesperson)._gdpr_receive_request("access")
        self.assertEqual(request.email, "bruno.neri@example.com")
        self.assertEqual(request.subject_id, self.lead.gdpr_subject_id)

    def test_who_may(self):
        request = self.create_request()
        for user in (self.salesperson, self.employee):
            for method, args in (("read", [["name"]]), ("write", [{"note": "x"}]), ("action_start", [])):
                with self.subTest(user=user.login, method=method), self.assertRaises(AccessError):
                    call_kw(self.env["gdpr.subject.request"].with_user(user), method, [request.ids, *args], {})
        with self.assertRaises(AccessError):
            call_kw(self.env["res.partner"].with_user(self.employee), "action_gdpr_new_request", [self.partner.ids], {})
        with self.assertRaises(AccessError):
            call_kw(self.env["gdpr.subject.request"].with_user(self.officer), "unlink", [request.ids], {})

    def test_no_address(self):
        """Somebody without an address is answered by letter; the clock runs all the same."""
        self.partner.email = False
        with self.catch_mails():
            request = self.create_request()
        self.assertFalse(request.email)
        self.assertTrue(request.due_on)
        self.assertFalse([mail for mail in self._mails if self.officer.email not in mail["email_to"][0]])

    def test_same_request_typed_twice(self):
        first = self.create_request()
        with self.assertRaises(ValidationError) as caught:
            self.create_request()
        self.assertIn(first.name, str(caught.exception))

    def test_joined_people(self):
        """Both asked the same: both requests go on, and a third isn't made."""
        first = self.create_request()
        other = self.lead._gdpr_receive_request("access")
        self.partner.gdpr_subject_id._join(self.lead.gdpr_subject_id, "The same person")
        self.assertEqual(other.subject_id, first.subject_id)
        (first | other).action_start()
        self.assertEqual(self.lead._gdpr_receive_request("access"), first)

    # ------------------------------------------------------------
    # THE CLOCK
    # ------------------------------------------------------------

    def test_due_day(self):
        """The examples of law.md R-42, but for public holidays."""
        for received_on, due_on in (
            ("2026-08-31 10:00:00", date(2026, 9, 30)),
            ("2027-01-31 10:00:00", date(2027, 3, 1)),
            ("2028-01-31 10:00:00", date(2028, 2, 29)),
            ("2026-07-31 22:30:00", date(2026, 9, 1)),
            ("2026-06-15 21:59:00", date(2026, 7, 15)),
            ("2026-04-02 10:00:00", date(2026, 5, 4)),
            ("2026-04-03 10:00:00", date(2026, 5, 4)),
        ):
            with self.subTest(received_on=received_on):
                due = self.env["gdpr.subject.request"]._get_due_date(
                    datetime.fromisoformat(received_on), self.env.company
                )
                self.assertEqual(due, due_on)

    def test_typed_in_later(self):
        """A letter counts from the day it came (law.md R-41)."""
        with freeze_time("2026-03-20 09:00:00"):
            request = self.create_request(received_on="2026-03-03 09:00:00")
        self.assertEqual(request.due_on, date(2026, 4, 3))

    def test_not_in_the_future(self):
        with self.assertRaises(ValidationError):
            self.create_request(received_on="2100-01-01 00:00:00")

    # ------------------------------------------------------------
    # THE WORK
    # ------------------------------------------------------------

    def test_start_and_fulfil(self):
        self.fulfil_by_hand()
        request = self.create_request().with_user(self.officer)
        with self.assertRaises(UserError):
            request.action_fulfil()
        for _click in range(2):
            request.action_start()
        self.assertEqual(request.state, "in_progress")
        with self.assertRaises(UserError) as caught:
            request.action_fulfil()
        self.assertIn(request.name, str(caught.exception))
        request.resolution = "Sent a copy by e-mail."
        for _click in range(2):
            request.action_fulfil()
        self.assertEqual(request.state, "done")
        self.assertTrue(request.done_on)
        self.assertFalse(request.activity_ids)
        with self.assertRaises(UserError):
            request.action_start()

    def test_default_officer(self):
        Requests = self.env["gdpr.subject.request"]
        self.assertEqual(Requests._get_default_responsible(self.env.company), self.officer)
        self.env.company.gdpr_officer_email = "somebody.else@example.com"
        self.assertIn(
            Requests._get_default_responsible(self.env.company), self.env.ref("gdpr_consent.group_officer").user_ids
        )
        company = self.env["res.company"].create({"name": "Second"})
        self.assertNotEqual(Requests._get_default_responsible(company), self.officer)
