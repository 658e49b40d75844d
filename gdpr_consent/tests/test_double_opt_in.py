from datetime import timedelta

from dateutil.relativedelta import relativedelta
from lxml import html

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import freeze_time, tagged

from .page_common import PageCase
from .test_life_cycle import LifeCycleCase


class DeclaredCase(LifeCycleCase):
    def declare(self, card=None, purposes="marketing", channels=("email", "phone"), source="import", **options):
        """Record what a list says, the confirmation leaving.

        :return: the confirmation
        """
        card = self.partner if card is None else card
        options.setdefault("evidence", "List of the fair, line 7")
        with self.catch_mails():
            card.gdpr_record_consent(purposes, list(channels), source, **options)
            self.env["mail.mail"].process_email_queue()
        return card.sudo().gdpr_subject_id.root_id.request_ids.sorted("id")[-1:]

    def get_reason(self, card=None, purpose="marketing", channel="email"):
        card = card or self.partner
        return card.gdpr_may_contact(purpose, channel)[card.id]["reason"]

    def get_values(self, card=None):
        """Give the personal values in a history, by action and name."""
        self.env.invalidate_all()
        events = (card or self.partner).sudo().gdpr_subject_id.history_ids
        return {(value.event_id.action, value.name): value.value for value in events.value_ids}


@tagged("post_install", "-at_install")
class TestDeclared(DeclaredCase):
    """What anybody could have typed doesn't count (law.md R-10)."""

    def test_nothing_is_given(self):
        for source in ("import", "api", "website"):
            with self.subTest(source=source):
                partner = self.env["res.partner"].create(
                    {"name": source, "email": f"{source}@example.com", "gdpr_legal_basis": "consent"}
                )
                request = self.declare(partner, source=source, note="Bikes only")
                self.assertEqual(
                    (request.kind, request.state, request.declared_source), ("confirmation", "sent", source)
                )
                self.assertEqual(request.declared_choices, {str(self.marketing.id): ["email", "phone"]})
                self.assertEqual(self.get_events(partner), ["basis_changed", "declared", "asked"])
                self.assertEqual(self.get_reason(partner), "no_consent")
                self.assertEqual(partner.gdpr_consent_state, "waiting")
                self.assertFalse(partner.gdpr_purpose_ids)
                event = partner.gdpr_event_ids.filtered(lambda event: event.action == "declared")
                self.assertEqual((event.source, event.purpose_id, event.request_id), (source, self.marketing, request))
                self.assertEqual(event.channel_codes, "email,phone")
                self.assertEqual(event.version_id, self.form._get_version("en_US"))
                self.assertEqual(event.actor, "system" if source == "website" else "operator")
                values = self.get_values(partner)
                self.assertEqual(values["declared", "evidence"], "List of the fair, line 7")
                self.assertEqual(values["declared", "note"], "Bikes only")
                self.assertEqual(values["declared", "email"], f"{source}@example.com")
        self.assertLedgerSound()

    def test_the_mail(self):
        """Says what was declared, whose it is and how long there is, and advertises nothing."""
        self.env.company.gdpr_confirmation_days = 9
        self.declare()
        mail = self._mails[-1]
        self.assertEqual(mail["email_to"], ['"Anna Rossi" <anna.rossi@example.com>'])
        text = " ".join(html.fromstring(mail["body"]).text_content().split())
        self.assertIn("Dear Anna Rossi, Somebody – we hope it was you – told", text)
        self.assertIn(self.env.company.name, text)
        self.assertIn("News and offers: E-mail, Phone", text)
        self.assertIn("after 9 days we erase what was typed", text)
        self.assertIn("valid for 9 days", text)
        self.assertIn("right to object", text)
        self.assertTrue(self.find_token(mail["body"], "consent") and self.find_token(mail["body"], "preferences"))
        self.assertNotIn("personal-link", mail["body"])
        self.assertFalse(html.fromstring(mail["body"]).xpath("//img"))
        self.assertNoToken(self.partner.gdpr_subject_id.request_ids.mail_mail_ids.body_html)

    def test_on_a_lead(self):
        request = self.declare(self.lead)
        self.assertEqual((request.res_model, request.res_id), ("crm.lead", self.lead.id))
        self.assertIn("Dear Bruno Neri", self._mails[-1]["body"])

    def test_a_list_does_not_ask_who_objects(self):
        self.partner.gdpr_subject_id._record_objection()
        with self.assertRaisesRegex(ValidationError, "objects to any marketing"):
            self.declare(source="import")
        self.assertEqual(self.declare(source="website").state, "sent")

    def test_an_earlier_no_is_not_touched(self):
        self.partner.gdpr_withdraw_consent("marketing")
        self.declare()
        self.assertEqual(self.get_reason(), "withdrawn")
        self.assertEqual(self.partner.gdpr_subject_id.consent_ids.state, "withdrawn")

    def test_an_earlier_yes_stays(self):
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.declare(channels=["email", "phone"])
        self.assertEqual(self.get_reason(), "allowed")
        self.assertEqual(self.get_reason(channel="phone"), "channel_not_allowed")
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.run_job(days=15)
        self.assertEqual(self.get_reason(), "allowed")
        self.assertEqual(self.get_reason(channel="phone"), "channel_not_allowed")

    def test_without_an_address(self):
        nobody = self.env["res.partner"].create({"name": "Nobody", "gdpr_legal_basis": "consent"})
        with self.assertRaisesRegex(ValidationError, "Nobody has no e-mail address"):
            self.declare(self.partner | nobody)
        self.assertEqual(self.get_events(self.partner), ["basis_changed"])
        self.assertFalse(self.partner.gdpr_subject_id.request_ids)

    def test_one_mail_for_each_person(self):
        self.lead.partner_id = self.partner
        twin = self.partner.copy({"name": "Anna R.", "email": "anna.r@example.com"})
        twin.gdpr_legal_basis = "consent"
        self.partner.gdpr_subject_id._join(twin.gdpr_subject_id, "The same person")
        request = self.declare(self.partner | twin)
        self.assertEqual(len(self._mails), 1)
        self.assertEqual(self.partner.gdpr_subject_id.request_ids.filtered(lambda r: r.kind == "confirmation"), request)
        self.assertEqual(self.get_events(self.partner).count("declared"), 1)

    def test_double_click(self):
        """Noted twice, mailed once; another choice is another question, and voids the first."""
        request = self.declare()
        self.assertEqual(self.declare(), request)
        self.assertFalse(self._mails)
        self.assertEqual(self.get_events(self.partner).count("declared"), 2)
        other = self.declare(channels=["email"])
        self.assertEqual((request.state, other.state), ("cancelled", "sent"))

    def test_open_request_stays_open(self):
        """What somebody types doesn't void the link a person was sent."""
        asked, _grant, _preferences = self.ask(self.partner)
        self.declare()
        self.assertEqual(asked.state, "sent")

    def test_switched_off_for_one_source(self):
        with self.assertRaisesRegex(ValidationError, "say why"):
            self.env.company.gdpr_confirm_import = False
        self.env.company.write(
            {"gdpr_confirm_import": False, "gdpr_confirm_exemption_reason": "Confirmed in the shop we import from"}
        )
        self.declare()
        self.assertFalse(self._mails)
        self.assertEqual((self.partner.gdpr_consent_state, self.partner.gdpr_consent_source), ("obtained", "import"))
        self.assertEqual(self.get_values()["given", "exemption"], "Confirmed in the shop we import from")
        with self.assertRaisesRegex(ValidationError, "say why"):
            self.env.company.gdpr_confirm_exemption_reason = " "
        self.declare(self.lead, source="api")
        self.assertEqual(self.lead.gdpr_consent_state, "waiting")
        self.assertLedgerSound()

    def test_each_company_decides(self):
        other = self.env["res.company"].create(
            {
                "name": "Second",
                "email": "second@example.com",
                "gdpr_confirm_import": False,
                "gdpr_confirm_exemption_reason": "Confirmed before",
            }
        )
        self.form.copy({"company_id": other.id}).action_publish()
        far = self.env["res.partner"].create({"name": "Far", "email": "far@example.com", "company_id": other.id})
        far.gdpr_legal_basis = "consent"
        self.declare(self.partner | far)
        self.assertEqual((self.partner | far).mapped("gdpr_consent_state"), ["waiting", "obtained"])

    def test_template_is_missing(self):
        self.env.ref("gdpr_consent.mail_template_confirmation").unlink()
        with self.assertRaisesRegex(Exception, "Confirmation.*missing"):
            self.declare()
        self.assertEqual(self.get_events(self.partner), ["basis_changed"])

    def test_many(self):
        def declare(people):
            people.gdpr_record_consent("marketing", ["email"], "import", evidence="List")

        self.declare(self.make_people(1, gdpr_legal_basis="consent"))
        queries = self.count_queries(declare, self.make_people(2, gdpr_legal_basis="consent"))
        many = self.make_people(100, gdpr_legal_basis="consent")
        self.assertLessEqual(self.count_queries(declare, many), queries + 40)
        self.assertEqual(set(many.gdpr_subject_id.request_ids.mapped("state")), {"queued"})
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestLapse(DeclaredCase):
    """Who doesn't confirm hasn't agreed, and what was typed is erased (law.md R-11)."""

    def test_boundary(self):
        request = self.declare(note="Bikes only")
        token = self.find_token(self._mails[-1]["body"], "consent")
        preferences = self.find_token(self._mails[-1]["body"], "preferences")
        end = request.expires_on
        self.assertEqual(end, request.sent_on + timedelta(days=14))
        with freeze_time(end - timedelta(seconds=1)):
            self.run_job()
            self.assertTrue(self.env["gdpr.link"]._find("grant", token))
        self.assertEqual(request.state, "sent")
        message = request.mail_mail_ids.mail_message_id
        with freeze_time(end):
            self.assertEqual(self.run_job()[0], 1)
            self.assertEqual(self.run_job()[0], 0)
        self.assertEqual(request.state, "expired")
        self.assertFalse(self.env["gdpr.link"]._find("grant", token))
        self.assertEqual(self.get_events(self.partner), ["basis_changed", "declared", "asked", "confirmation_lapsed"])
        self.assertEqual(self.partner.gdpr_consent_state, "no_response")
        self.assertEqual(self.get_values(), {})
        self.assertFalse(request.email or request.declared_note or request.mail_mail_ids or message.exists())
        self.assertFalse(self.env["gdpr.link"]._find("preferences", preferences).email)
        self.assertLedgerSound()

    def test_file_is_erased(self):
        scan = self.env["ir.attachment"].create({"name": "list.pdf", "raw": b"typed"})
        self.declare(evidence=[scan, "From the fair"])
        kept = self.partner.gdpr_event_ids.value_ids.attachment_id
        self.assertTrue(kept)
        self.run_job(days=15)
        self.assertFalse(kept.exists())
        self.assertTrue(scan.exists(), "the operator's own file isn't ours")
        self.assertLedgerSound()

    def test_never_left(self):
        """What waits in the queue for as long lapses too, and isn't sent."""
        self.make_people(1)
        people = self.make_people(2, gdpr_legal_basis="consent")
        people.gdpr_record_consent("marketing", ["email"], "import", evidence="List")
        requests = people.gdpr_subject_id.request_ids
        self.run_job(days=14, seconds=5)
        self.assertEqual(set(requests.mapped("state")), {"expired"})
        self.assertFalse(requests.mail_mail_ids)
        self.assertEqual(set(people.mapped("gdpr_consent_state")), {"pending"})

    def test_superseded(self):
        """What was typed first is erased at its end; the person is still waited for because of the second."""
        first = self.declare()
        with freeze_time(fields.Datetime.now() + timedelta(days=5)):
            second = self.declare(channels=["email"])
        self.run_job(days=15)
        self.assertEqual((first.state, second.state), ("cancelled", "sent"))
        self.assertEqual((first.email, second.email), (False, "anna.rossi@example.com"))
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")
        self.assertLedgerSound()
        self.run_job(days=20)
        self.assertEqual(self.partner.gdpr_consent_state, "no_response")
        self.assertEqual(self.get_values(), {})
        self.assertEqual(self.get_events(self.partner).count("confirmation_lapsed"), 2)
        self.assertLedgerSound()

    def test_taken_out_by_hand(self):
        """A value that is gone before the lapse shows."""
        self.declare()
        value = self.partner.gdpr_event_ids.value_ids.filtered(lambda value: value.name == "evidence")
        value.unlink()
        [fault] = self.env["gdpr.subject"]._verify_ledger()
        self.assertIn("“evidence”", fault)

    def test_after_a_split(self):
        """What was typed is found wherever its event is."""
        twin = self.partner.copy({"name": "Anna R.", "email": "anna.r@example.com"})
        twin.gdpr_legal_basis = "consent"
        person = self.partner.gdpr_subject_id._join(twin.gdpr_subject_id, "The same person")
        self.declare(twin)
        person._split([twin], "Two persons")
        self.run_job(days=15)
        self.assertNotIn(("declared", "evidence"), self.get_values())
        self.assertNotIn(("declared", "evidence"), self.get_values(twin))
        self.assertLedgerSound()

    def test_no_response_is_not_recorded_beside(self):
        self.env.company.gdpr_waiting_days = 3
        self.declare()
        self.run_job(days=10)
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")

    def test_answered_in_another_way(self):
        request = self.declare()
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.assertEqual(request.state, "answered")
        self.run_job(days=15)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.assertIn(("declared", "evidence"), self.get_values())

    def test_withdrawn_meanwhile(self):
        """A withdrawal is about what was declared, not about all of the form."""
        self.form.purpose_ids += self.profiling
        self.form.action_publish()
        request = self.declare()
        self.partner.gdpr_withdraw_consent()
        self.assertEqual(request.state, "answered")
        consents = self.partner.gdpr_subject_id.consent_ids
        self.assertEqual((consents.purpose_id, consents.state), (self.marketing, "withdrawn"))


@tagged("post_install", "-at_install")
class TestConfirmationPage(PageCase, DeclaredCase):
    """The page behind the link of a confirmation."""

    def declare_and_open(self, **options):
        """Declare, and open the link of the mail.

        :return: the token and the page
        """
        self.declare(**options)
        token = self.find_token(self._mails[-1]["body"], "consent")
        return token, self.open_consent(token)

    def get_text(self, response):
        return " ".join(self.parse(response).text_content().split())

    def test_says_what(self):
        self.publish_several_purposes()
        _token, page = self.declare_and_open(note="Bikes only")
        text = self.get_text(page)
        self.assertEqual(page.status_code, 200)
        self.assertIn("Is this what you want?", text)
        self.assertIn("I agree: News and offers", text)
        self.assertIn("We tell you about our products, services and events.", text)
        self.assertIn("Contact by: E-mail, Phone", text)
        self.assertIn("Bikes only", text)
        self.assertNotIn("Personal suggestions", text)
        self.assertNotIn("anna.rossi@example.com", text)
        buttons = self.parse(page).xpath("//form//button")
        self.assertEqual([button.get("value") for button in buttons], ["confirm", "refuse", "disown"])
        self.assertEqual(len({button.get("class") for button in buttons}), 1)
        self.assertFalse(self.parse(page).xpath("//script | //input[@type='checkbox']"))
        self.assertEqual(page.headers["Referrer-Policy"], "no-referrer")

    def test_looking_changes_nothing(self):
        token, _page = self.declare_and_open()
        before = self.take_snapshot()
        self.open_consent(token)
        self.opener.head(f"{self.base_url()}/gdpr/consent/{token}", timeout=30)
        self.assertEqual(self.take_snapshot(), before)

    def test_confirm(self):
        self.publish_several_purposes()
        token, _page = self.declare_and_open(source="website", note="Bikes only")
        page = self.answer(token, "confirm")
        self.assertEqual(page.status_code, 200)
        self.assertIn("Thank you", self.get_text(page))
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email", "phone"}})
        self.assertEqual(self.partner.gdpr_consent_source, "website")
        self.assertEqual(self.partner.gdpr_consent_note, "Bikes only")
        self.assertEqual(self.get_history(self.partner)[-1], "given", "nothing but what was declared was decided")
        event = self.partner.gdpr_event_ids.sorted("sequence")[-1]
        self.assertEqual((event.actor, event.user_id.id), ("person", False))
        self.assertEqual(event.version_id, self.form._get_version("en_US"))
        self.assertEqual(event.request_id.kind, "confirmation")
        values = self.get_last_values(self.partner)
        self.assertEqual((values["email"], values["language"]), ("anna.rossi@example.com", "en_US"))
        self.assertEqual(self.get_reason(), "allowed")
        self.assertLedgerSound()
        self.run_job(days=15)
        self.assertEqual(self.get_state(self.partner), "obtained")

    def test_refuse(self):
        token, _page = self.declare_and_open()
        page = self.answer(token, "refuse")
        self.assertEqual(page.status_code, 200)
        self.assertEqual(self.get_state(self.partner), "refused")
        self.assertEqual(self.get_reason(), "refused")
        self.assertEqual(self.partner.gdpr_event_ids[0].source, "email")
        self.assertLedgerSound()

    def test_refuse_what_was_agreed_before(self):
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        token, page = self.declare_and_open()
        self.assertIn("You agreed before to: News and offers.", self.get_text(page))
        self.answer(token, "refuse")
        self.assertEqual(self.get_state(self.partner), "withdrawn")

    def test_it_was_somebody_else(self):
        """Whose address a stranger typed keeps what was agreed, and what was typed is erased; on a double click too."""
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        token, first = self.declare_and_open(note="Bikes only")
        asking = self.partner.gdpr_subject_id.request_ids.filtered(lambda asking: asking.kind == "confirmation")
        for _click in range(2):
            page = self.url_open(f"/gdpr/consent/{token}", data=[*self.get_hidden_fields(first), ("answer", "disown")])
            self.assertEqual(page.status_code, 200)
            self.assertIn("Nothing has changed", self.get_text(page))
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email"}})
        self.assertEqual(self.get_history(self.partner).count("confirmation_lapsed"), 1)
        self.assertEqual(self.partner.gdpr_event_ids.sorted("sequence")[-1].actor, "person")
        self.assertEqual((asking.state, asking.email, asking.declared_note), ("expired", False, False))
        self.assertEqual(self.open_consent(token).status_code, 404)
        late = self.url_open(f"/gdpr/consent/{token}", data=[*self.get_hidden_fields(first), ("answer", "confirm")])
        self.assertEqual(late.status_code, 404)
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email"}})
        self.assertLedgerSound()

    def test_somebody_else_after_the_yes(self):
        """A second tab doesn't take back what was confirmed in the first."""
        token, first = self.declare_and_open()
        self.answer(token, "confirm")
        page = self.url_open(f"/gdpr/consent/{token}", data=[*self.get_hidden_fields(first), ("answer", "disown")])
        self.assertEqual(page.status_code, 404)
        self.assertEqual(self.get_state(self.partner), "obtained")

    def test_confirmed_where_somebody_wants_no_marketing(self):
        """The page doesn't say that it counts from now on, and at once that nothing comes."""
        token, _page = self.declare_and_open()
        twin = self.env["res.partner"].create({"name": "Twin", "email": self.partner.email})
        twin.gdpr_record_objection()
        text = self.get_text(self.answer(token, "confirm"))
        self.assertEqual(self.get_state(self.partner), "obtained")
        self.assertIn("You won't get e-mails yet for: News and offers.", text)
        self.assertNotIn("from now on", text)

    def test_neither_button(self):
        token, _page = self.declare_and_open()
        for button in ("", "accept", "save"):
            page = self.answer(token, button)
            self.assertEqual(page.status_code, 422)
            self.assertIn("Please choose one of the buttons", self.get_text(page))
        self.assertEqual(self.get_state(self.partner), "waiting")

    def test_nothing_can_be_added(self):
        self.publish_several_purposes()
        token, _page = self.declare_and_open()
        self.answer(token, "confirm", ("purpose", "profiling"), ("channel", "marketing.sms"))
        self.assertEqual(self.get_given(self.partner), {"marketing": {"email", "phone"}})

    def test_double_click_and_two_tabs(self):
        token, first = self.declare_and_open()
        fields_sent = [*self.get_hidden_fields(first), ("answer", "confirm")]
        for _click in range(2):
            page = self.url_open(f"/gdpr/consent/{token}", data=fields_sent)
            self.assertEqual(page.status_code, 200)
        self.assertEqual(self.get_history(self.partner).count("given"), 1)
        self.assertNotIn("late_answer", self.get_history(self.partner))
        # The second tab, where the person says no.
        self.url_open(f"/gdpr/consent/{token}", data=[*self.get_hidden_fields(first), ("answer", "refuse")])
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        # And yes again, which a used link can't.
        self.url_open(f"/gdpr/consent/{token}", data=fields_sent)
        self.assertEqual(self.get_state(self.partner), "withdrawn")
        self.assertLedgerSound()

    def test_used_link(self):
        token, first = self.declare_and_open()
        self.answer(token, "confirm")
        self.assertEqual(self.open_consent(token).status_code, 404)
        with freeze_time(fields.Datetime.now() + timedelta(minutes=11)):
            page = self.url_open(f"/gdpr/consent/{token}", data=[*self.get_hidden_fields(first), ("answer", "refuse")])
        self.assertIn(page.status_code, (400, 404))

    def test_wording_that_changed_materially(self):
        """Nothing is agreed to in words the person hasn't seen, or that isn't asked for any more."""
        token, first = self.declare_and_open()
        self.marketing.description = "We tell you about the products of our partners."
        self.form.action_publish(material=True)
        confirmation = [*self.get_hidden_fields(first), ("answer", "confirm")]
        page = self.url_open(f"/gdpr/consent/{token}", data=confirmation)
        self.assertEqual(page.status_code, 422)
        self.assertIn("products of our partners", self.get_text(page))
        self.assertEqual(self.get_state(self.partner), "waiting")
        self.form.purpose_ids = self.profiling
        self.form.action_publish(material=True)
        self.assertEqual(self.open_consent(token).status_code, 404)
        self.url_open(f"/gdpr/consent/{token}", data=confirmation)
        self.assertEqual(self.get_given(self.partner), {})
        self.assertEqual(self.get_reason(), "no_consent")

    def test_after_the_period(self):
        token, _page = self.declare_and_open()
        self.run_job(days=14, seconds=30)
        self.assertEqual(self.open_consent(token).status_code, 404)

    def test_preferences_after_the_address_was_erased(self):
        """The page of a lapsed confirmation still takes a no, and offers no mail to nowhere."""
        self.declare()
        preferences = self.find_token(self._mails[-1]["body"], "preferences")
        self.run_job(days=15)
        page = self.open_preferences(preferences)
        self.assertEqual(page.status_code, 200)
        self.assertNotIn("This page is for", page.text)
        self.assertNotIn("Send me a new form", page.text)

    def test_in_the_persons_language(self):
        self.publish_in_italian()
        self.partner.lang = "it_IT"
        self.marketing.with_context(lang="it_IT").name = "Novità e offerte"
        self.form.action_publish()
        token, page = self.declare_and_open()
        self.assertIn("Novità e offerte", self.get_text(page))
        self.assertIn("Novità e offerte", self._mails[-1]["body"])
        self.answer(token, "confirm")
        self.assertEqual(self.partner.gdpr_event_ids[0].version_id.lang, "it_IT")

    def test_objected(self):
        """Only the person's own yes lifts an objection."""
        self.partner.gdpr_subject_id._record_objection()
        token, _page = self.declare_and_open(source="website")
        self.assertEqual(self.get_reason(), "objected")
        self.answer(token, "confirm")
        self.assertEqual(self.get_reason(), "allowed")

    def test_expiry_counts_from_the_confirmation(self):
        token, _page = self.declare_and_open(given_on=fields.Datetime.now() - relativedelta(months=12))
        self.answer(token, "confirm")
        self.assertGreater(self.partner.gdpr_consent_expires_on, fields.Datetime.now() + relativedelta(months=23))
