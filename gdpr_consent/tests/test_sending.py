import re
from contextlib import contextmanager
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import html2plaintext, mute_logger

from odoo.addons.base.models.ir_mail_server import IrMail_Server, MailDeliveryException

from ..models.mail_mail import CONSENT_PLACEHOLDER, PREFERENCES_PLACEHOLDER
from .common import ConsentCase

BOUNCE = """\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.com>
To: bounce.test@test.mycompany.com
Subject: Undelivered Mail Returned to Sender
Date: Mon, 5 Jan 2026 10:00:00 +0000
Message-Id: <bounce-{number}@mx.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="limit"

--limit
Content-Type: text/plain; charset=us-ascii

The mailbox of {email} is unknown here.

--limit
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {email}
Action: failed
Status: 5.1.1

--limit
Content-Type: text/rfc822-headers

Message-Id: {message_id}

--limit--
"""


@tagged("post_install", "-at_install")
class TestSending(ConsentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lead.user_id = cls.salesperson

    def compose(self, card, user=None):
        """Open the composer as the button does."""
        card = card.with_user(user or self.salesperson)
        action = card.action_gdpr_send_consent_request()
        return Form(card.env[action["res_model"]].with_context(**action["context"]))

    def send(self, card, user=None):
        """Send what the composer proposes.

        :return: the new request
        """
        composer = self.compose(card, user).save()
        with self.catch_mails():
            composer.action_send_mail()
        return self.get_requests(card)[:1]

    def get_requests(self, card):
        return card.sudo().gdpr_subject_id.request_ids.sorted("id", reverse=True)

    def create_template(self, card, body=None, **values):
        body = body or f'<p>Hello, <a href="{CONSENT_PLACEHOLDER}">please choose</a>.</p>'
        return self.env["mail.template"].create(
            {
                "name": "Our own",
                "model_id": self.env["ir.model"]._get_id(card._name),
                "subject": "Our own words",
                "body_html": body,
                "auto_delete": False,
                **values,
            }
        )

    @contextmanager
    def failing_server(self, refused=None, error="550 5.1.1 No such mailbox"):
        """Have the mail server refuse everything, or one recipient."""
        send_email = IrMail_Server.send_email

        def refuse(server, message, *args, **kwargs):
            if refused is None or refused in message["To"]:
                raise MailDeliveryException("Mail Delivery Failed", error)
            return send_email(server, message, *args, **kwargs)

        with (
            self.catch_mails(),
            patch.object(IrMail_Server, "send_email", refuse),
            mute_logger("odoo.addons.mail.models.mail_mail"),
        ):
            yield

    def assertWaiting(self, card, request):
        self.assertEqual(request.state, "sent")
        self.assertTrue(request.sent_on)
        self.assertEqual(card.gdpr_consent_state, "waiting")
        self.assertEqual(card.gdpr_requested_on, request.sent_on)
        self.assertEqual(self.get_events(card)[-1], "asked")

    def assertPending(self, card):
        self.assertEqual(card.gdpr_consent_state, "pending")
        self.assertFalse(card.gdpr_requested_on)

    # ------------------------------------------------------------
    # THE COMPOSER
    # ------------------------------------------------------------

    def test_composer_asks_one_person(self):
        for card, address, template in (
            (self.partner, '"Anna Rossi" <anna.rossi@example.com>', self.template),
            (self.lead, '"Bruno Neri" <bruno.neri@example.com>', self.lead_template),
        ):
            with self.subTest(card=card):
                form = self.compose(card)
                self.assertEqual(form.template_id, template)
                self.assertEqual(form.gdpr_recipient, address)
                self.assertFalse(form.partner_ids[:])
                self.assertIn("may we stay in touch?", form.subject)
                self.assertIn(CONSENT_PLACEHOLDER, form.body)
                request = self.send(card)
                self.assertEqual([mail["email_to"] for mail in self._mails], [[address]])
                self.assertWaiting(card, request)
                self.assertEqual(request.user_id, self.salesperson)
                self.assertEqual(request.template_id, template)
                self.assertEqual(request.form_id, self.form)
                self.assertEqual(request.version_number, self.form.version_number)
                self.assertEqual(request.mail_mail_ids.state, "sent")
                self.assertLedgerSound()

    def test_asking_is_evidence(self):
        request = self.send(self.partner)
        event = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "asked").ensure_one()
        self.assertEqual((event.actor, event.user_id, event.source), ("operator", self.salesperson, "email"))
        self.assertEqual(event.version_id, self.form._get_version("en_US"))
        self.assertEqual(event.request_id, request)
        self.assertEqual(event._get_value("email"), "anna.rossi@example.com")

    def test_other_template(self):
        template = self.create_template(self.partner)
        form = self.compose(self.partner)
        form.template_id = template
        with self.catch_mails():
            form.save().action_send_mail()
        self.assertEqual(self._mails[0]["subject"], "Our own words")
        self.assertTrue(self.find_token(self._mails[0]["body"], "consent"))
        request = self.get_requests(self.partner)
        self.assertWaiting(self.partner, request)
        self.assertEqual(request.template_id, template)

    def test_own_text(self):
        """The operator may write the words; the link is what counts, wherever it stands."""
        for text in (
            f'<p>Dear Anna, <a href="{CONSENT_PLACEHOLDER}">this way</a></p>',
            f'<p>Dear Anna, <a href="https://old.example.com{CONSENT_PLACEHOLDER}">this way</a></p>',
            f"<p>Dear Anna, go to {CONSENT_PLACEHOLDER} please</p>",
        ):
            with self.subTest(text=text):
                form = self.compose(self.partner)
                form.body = text
                with self.catch_mails():
                    form.save().action_send_mail()
                body = self._mails[0]["body"]
                self.assertTrue(self.find_token(body, "consent"))
                self.assertIn(f"{self.get_requests(self.partner)[0].get_base_url()}/gdpr/consent/", body)
                self.assertNotIn("old.example.com", body)
                self.assertNotIn(CONSENT_PLACEHOLDER, body)

    def test_text_without_the_link_is_refused(self):
        template = self.create_template(self.partner, body="<p>Hello</p>")
        form = self.compose(self.partner)
        form.template_id = template
        composer = form.save()
        with self.catch_mails(), self.assertRaisesRegex(UserError, "has no consent link"):
            composer.action_send_mail()
        self.assertFalse(self._mails)
        self.assertIn("Hello", composer.body)
        self.assertFalse(self.get_requests(self.partner))
        self.assertPending(self.partner)
        with self.assertRaisesRegex(UserError, "no consent link"):
            self.partner.gdpr_request_consent(template=template)

    def test_template_of_another_model_is_refused(self):
        with self.assertRaisesRegex(UserError, "made for other records"):
            self.partner.gdpr_request_consent(template=self.lead_template)

    def test_scheduling_is_refused(self):
        composer = self.compose(self.partner).save()
        composer.scheduled_date = "2030-01-01 10:00:00"
        with self.catch_mails(), self.assertRaisesRegex(UserError, "can't be scheduled"):
            composer.action_schedule_message()
        self.assertPending(self.partner)

    def test_any_other_composer_is_left_alone(self):
        composer = self.env["mail.compose.message"].create(
            {
                "model": "res.partner",
                "res_ids": self.partner.ids,
                "partner_ids": self.partner.ids,
                "body": "<p>Good morning</p>",
            }
        )
        with self.catch_mails():
            composer.action_send_mail()
        self.assertEqual(len(self._mails), 1)
        self.assertIn("Good morning", self._mails[0]["body"])
        self.assertFalse(self.get_requests(self.partner))

    # ------------------------------------------------------------
    # WHO GETS IT
    # ------------------------------------------------------------

    def test_nobody_but_the_person_gets_it(self):
        follower = self.env["res.partner"].create({"name": "Curious", "email": "curious@example.com"})
        other = self.env["res.partner"].create({"name": "Other", "email": "other@example.com"})
        for card in (self.partner, self.lead):
            card.message_subscribe((follower | self.officer.partner_id).ids)
            template = self.create_template(
                card, email_to="boss@example.com", email_cc="archive@example.com", partner_to=str(other.id)
            )
            for ask in (
                lambda card: self.send(card),
                lambda card, template=template: self.ask(card, template=template),
            ):
                with self.subTest(card=card):
                    ask(card)
                    email = card._gdpr_get_email()
                    self.assertEqual([sent["smtp_to_list"] for sent in self.emails], [[email]])
                    self.assertFalse(self._mails[0]["email_cc"])

    def test_address_typed_into_the_template_is_ignored(self):
        template = self.create_template(self.partner, email_to="boss@example.com", email_cc="archive@example.com")
        form = self.compose(self.partner)
        form.template_id = template
        with self.catch_mails():
            form.save().action_send_mail()
        self.assertEqual([sent["smtp_to_list"] for sent in self.emails], [["anna.rossi@example.com"]])

    def test_address_of_a_lead_makes_no_contact(self):
        before = self.env["res.partner"].with_context(active_test=False).search_count([])
        self.send(self.lead)
        self.ask(self.lead)
        self.assertEqual(self.env["res.partner"].with_context(active_test=False).search_count([]), before)
        self.assertFalse(self.lead.partner_id)
        self.assertFalse(
            self.lead.message_follower_ids.partner_id.filtered(lambda p: p.email == "bruno.neri@example.com")
        )

    def test_lead_of_a_contact_is_asked_at_its_own_address(self):
        self.lead.write({"partner_id": self.partner.id, "email_from": "bruno@work.example.com"})
        self.lead.gdpr_legal_basis = "consent"
        request = self.send(self.lead)
        self.assertEqual(request.email, self.lead.email_normalized)
        self.assertEqual([sent["smtp_to_list"] for sent in self.emails], [[self.lead.email_normalized]])

    def test_roles(self):
        """Who sells asks; other colleagues don't."""
        self.send(self.lead, self.salesperson)
        with self.assertRaises(AccessError):
            self.compose(self.partner, self.employee)
        with self.assertRaises(AccessError):
            self.partner.with_user(self.employee).gdpr_request_consent()

    # ------------------------------------------------------------
    # THE LINK
    # ------------------------------------------------------------

    def test_token_is_in_the_outgoing_copy_only(self):
        for card in (self.partner, self.lead):
            with self.subTest(card=card):
                request = self.send(card)
                body = self._mails[0]["body"]
                tokens = {page: self.find_token(body, page) for page in ("consent", "preferences")}
                self.assertRegex(tokens["consent"], r"^[\w-]{43}$")
                self.assertRegex(tokens["preferences"], r"^[\w-]{43}$")
                self.env.flush_all()
                self.env.invalidate_all()
                mail = request.mail_mail_ids
                message = mail.mail_message_id
                self.assertIn(CONSENT_PLACEHOLDER, mail.body_html)
                self.assertIn(PREFERENCES_PLACEHOLDER, mail.body_html)
                kept = [
                    mail.body_html,
                    message.body,
                    str(mail.read()),
                    str(message.read()),
                    str(request.read()),
                    str(card.export_data(["id", "message_ids/body", "gdpr_event_ids/details"])["datas"]),
                    str(message.export_data(["id", "body", "subject"])["datas"]),
                ]
                for text in kept:
                    self.assertNoToken(text)
                    for token in tokens.values():
                        self.assertNotIn(token, text)
                for token in tokens.values():
                    self.assertEqual(self.find_in_database(token), [])

    def find_in_database(self, needle):
        """Give the text columns of the tables concerned that hold a string."""
        self.env.cr.execute(
            """
            SELECT table_name, column_name FROM information_schema.columns
             WHERE table_schema = current_schema()
               AND data_type IN ('text', 'character varying', 'jsonb')
               AND (table_name LIKE 'gdpr%%' OR table_name LIKE 'mail%%'
                    OR table_name IN ('res_partner', 'crm_lead', 'ir_attachment', 'ir_logging', 'ir_config_parameter'))
               AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = current_schema())
            """
        )
        found = []
        for table, column in self.env.cr.fetchall():
            self.env.cr.execute(f'SELECT 1 FROM "{table}" WHERE "{column}"::text LIKE %s LIMIT 1', [f"%{needle}%"])
            if self.env.cr.fetchone():
                found.append(f"{table}.{column}")
        return found

    def test_every_request_has_its_own_link(self):
        tokens = [self.ask(self.partner)[1] for _time in range(3)]
        self.assertEqual(len(set(tokens)), 3)

    def test_no_tracking(self):
        """No pixel, no redirection, no link but the personal ones."""
        self.send(self.partner)
        message = self._mails[0]["EmailMessage"]
        body = self._mails[0]["body"]
        self.assertFalse(re.findall(r"<img|background=|/mail/track|/r/|blank\.gif", body))
        links = re.findall(r'href="([^"]*)"', body)
        self.assertEqual(len(links), 2)
        base_url = self.get_requests(self.partner)[0].get_base_url()
        for link in links:
            self.assertRegex(link, rf"^{re.escape(base_url)}/gdpr/(consent|preferences)/[\w-]{{43}}$")
        self.assertNotIn("Disposition-Notification-To", message)

    def test_plain_text_part(self):
        self.send(self.partner)
        message = self._mails[0]["EmailMessage"]
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        for page in ("consent", "preferences"):
            self.assertEqual(self.find_token(parts["text/plain"], page), self.find_token(parts["text/html"], page))
        self.assertIn("Dear Anna Rossi", parts["text/plain"])
        self.assertEqual(message["Subject"], self.get_requests(self.partner).mail_mail_ids.subject)

    def test_earlier_link_is_superseded(self):
        first, _grant, _preferences = self.ask(self.partner)
        second, _grant, _preferences = self.ask(self.partner)
        self.assertEqual((first.state, second.state), ("cancelled", "sent"))
        self.assertFalse(first._is_answerable())
        self.assertEqual(self.get_events(self.partner).count("asked"), 2)

    def test_earlier_link_counts_until_the_next_one_left(self):
        first, _grant, _preferences = self.ask(self.partner)
        with self.failing_server():
            second = self.partner.gdpr_request_consent().sudo()
        self.assertEqual((first.state, second.state), ("sent", "failed"))
        self.assertTrue(first._is_answerable())
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")

    # ------------------------------------------------------------
    # DID IT LEAVE?
    # ------------------------------------------------------------

    def test_waiting_only_when_the_mail_left(self):
        requests = (self.partner | self.partner.copy({"email": "second@example.com"})).with_context(active_test=False)
        requests[1].gdpr_legal_basis = "consent"
        with self.catch_mails():
            requests = requests.gdpr_request_consent().sudo()
            self.assertFalse(self._mails)
            self.assertEqual(requests.mapped("state"), ["queued", "queued"])
            self.assertPending(self.partner)
            self.env["mail.mail"].process_email_queue(email_ids=requests.mail_mail_ids.ids)
            self.assertEqual(len(self._mails), 2)
        self.assertEqual(requests.mapped("state"), ["sent", "sent"])
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")
        self.assertLedgerSound()

    def test_refused_by_the_server(self):
        with self.failing_server():
            self.compose(self.partner).save().action_send_mail()
        request = self.get_requests(self.partner)
        self.assertEqual(request.state, "failed")
        self.assertIn("No such mailbox", request.failure_reason)
        self.assertFalse(request.sent_on)
        self.assertPending(self.partner)
        self.assertIn("No such mailbox", self.partner.gdpr_failure_reason)
        self.assertEqual(self.get_events(self.partner)[-1], "delivery_failed")
        self.assertEqual(request.mail_mail_ids.state, "exception")
        again = self.send(self.partner)
        self.assertWaiting(self.partner, again)
        self.assertFalse(self.partner.gdpr_failure_reason)
        self.assertLedgerSound()

    def test_server_is_dead(self):
        with self.catch_mails(), patch("smtplib.SMTP", side_effect=ConnectionRefusedError(111, "Connection refused")):
            request = self.partner.gdpr_request_consent().sudo()
        self.assertEqual(request.state, "failed")
        self.assertIn("Connection refused", request.failure_reason)
        self.assertPending(self.partner)

    def test_failed_mail_tried_again(self):
        """Odoo's own retry of a failed mail sends a working link, and the first one never works."""
        with self.failing_server():
            request = self.partner.gdpr_request_consent().sudo()
        failed_token = self.find_token(self._mails[0]["body"], "consent")
        mail = request.mail_mail_ids
        mail.action_retry()
        self.assertEqual(mail.state, "outgoing")
        with self.catch_mails():
            mail.send()
        self.assertWaiting(self.partner, request)
        self.assertFalse(request.failure_reason)
        token = self.find_token(self._mails[0]["body"], "consent")
        self.assertTrue(self.env["gdpr.link"]._find("grant", token))
        self.assertFalse(self.env["gdpr.link"]._find("grant", failed_token))

    def test_failed_mail_tried_again_after_another_left(self):
        with self.failing_server():
            failed = self.partner.gdpr_request_consent().sudo()
        second, grant, _preferences = self.ask(self.partner)
        with self.catch_mails():
            failed.mail_mail_ids.action_retry()
            failed.mail_mail_ids.filtered(lambda mail: mail.state == "outgoing").send()
        # Whatever was sent, exactly one link works.
        usable = (failed | second).filtered(lambda request: request._is_answerable())
        self.assertEqual(len(usable), 1)
        self.assertTrue(self.env["gdpr.link"]._find("grant", grant))

    def test_mail_that_left_is_not_sent_again(self):
        """The sender was killed before the mail was on record as sent; the request has been put on record since."""
        requests = self.partner | self.partner.copy({"email": "second@example.com"})
        requests[1].gdpr_legal_basis = "consent"
        with self.catch_mails():
            requests = requests.gdpr_request_consent().sudo()
            left, waiting = requests
            self.assertEqual(set(requests.mail_mail_ids.mapped("state")), {"outgoing"})
            left._mark_sent({left.id: "<left@example.com>"})
            self.env["mail.mail"].process_email_queue(email_ids=requests.mail_mail_ids.ids)
        self.assertEqual([sent["smtp_to_list"] for sent in self.emails], [["second@example.com"]])
        self.assertEqual((left.mail_mail_ids.state, left.mail_mail_ids.message_id), ("sent", "<left@example.com>"))
        self.assertEqual(waiting.state, "sent")
        self.assertEqual(self.get_events(self.partner).count("asked"), 1)

    def test_queued_mail_of_a_changed_basis_is_not_sent(self):
        requests = self.partner | self.partner.copy({"email": "second@example.com"})
        requests[1].gdpr_legal_basis = "consent"
        with self.catch_mails():
            requests = requests.gdpr_request_consent().sudo()
            self.partner.gdpr_set_legal_basis("contract")
            self.env["mail.mail"].process_email_queue(email_ids=requests.mail_mail_ids.ids)
        self.assertEqual([sent["smtp_to_list"] for sent in self.emails], [["second@example.com"]])
        self.assertEqual(requests.mapped("state"), ["cancelled", "sent"])

    def test_queued_mail_of_who_has_answered_is_not_sent(self):
        requests = self.partner | self.partner.copy({"email": "second@example.com"})
        requests[1].gdpr_legal_basis = "consent"
        with self.catch_mails():
            requests = requests.gdpr_request_consent().sudo()
            self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call of today")
            self.env["mail.mail"].process_email_queue(email_ids=requests.mail_mail_ids.ids)
        self.assertEqual([sent["smtp_to_list"] for sent in self.emails], [["second@example.com"]])
        self.assertEqual(requests.mapped("state"), ["answered", "sent"])

    def test_template_deleted_while_queued(self):
        template = self.create_template(self.partner)
        requests = self.partner | self.partner.copy({"email": "second@example.com"})
        requests[1].gdpr_legal_basis = "consent"
        with self.catch_mails():
            requests = requests.gdpr_request_consent(template=template).sudo()
            template.unlink()
            self.env["mail.mail"].process_email_queue(email_ids=requests.mail_mail_ids.ids)
        self.assertEqual(requests.mapped("state"), ["sent", "sent"])
        self.assertFalse(requests.template_id)

    # ------------------------------------------------------------
    # BOUNCES
    # ------------------------------------------------------------

    def bounce(self, request, email=None, message_id=None):
        """Receive the notice that a mail couldn't be delivered."""
        notice = BOUNCE.format(
            number=request.id, email=email or request.email, message_id=message_id or request.message_id
        )
        with self.catch_mails():
            self.env["mail.thread"].sudo().message_process("res.partner", notice)

    def test_bounce_is_marked(self):
        for card in (self.partner, self.lead):
            with self.subTest(card=card):
                request = self.send(card)
                self.bounce(request)
                self.assertEqual(request.state, "failed")
                self.assertIn("is unknown here", request.failure_reason)
                self.assertEqual(self.get_events(card)[-1], "bounced")
                self.assertEqual(card.gdpr_consent_state, "pending")
                self.assertIn("is unknown here", card.gdpr_failure_reason)
                history = self.get_events(card)
                self.bounce(request)
                self.assertEqual(self.get_events(card), history)
                self.assertWaiting(card, self.send(card))
                self.assertLedgerSound()

    def test_bounce_of_something_else(self):
        request = self.send(self.partner)
        self.bounce(request, message_id="<other@example.com>")
        self.assertEqual(request.state, "sent")

    def test_bounce_of_another_recipient(self):
        """A message can have other recipients, whose mailboxes don't matter here."""
        request = self.send(self.partner)
        self.bounce(request, email="colleague@example.com")
        self.assertEqual(request.state, "sent")

    def test_bounce_after_the_answer(self):
        """A late notice takes nothing back."""
        request = self.send(self.partner)
        request._answer(request._get_version(), "accept", {self.marketing.id: ["email"]}, {})
        self.bounce(request)
        self.assertEqual(request.state, "answered")
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    # ------------------------------------------------------------
    # OTHER WAYS OF ODOO
    # ------------------------------------------------------------

    def process_queue(self):
        """Send what is queued for the people of the tests."""
        mails = self.env["mail.mail"].search([("state", "=", "outgoing"), ("gdpr_request_id", "!=", False)])
        mails.send()

    def test_template_sent_in_a_batch(self):
        for card, template in ((self.partner, self.template), (self.lead, self.lead_template)):
            with self.catch_mails():
                mails = template.send_mail_batch(card.ids)
                self.assertEqual(mails.gdpr_request_id.state, "queued")
                self.assertPending(card)
                mails.send()
            self.assertEqual([sent["smtp_to_list"] for sent in self.emails], [[card._gdpr_get_email()]])
            self.assertTrue(self.find_token(self._mails[0]["body"], "consent"))
            self.assertWaiting(card, mails.gdpr_request_id)
            self.assertNoToken(mails.body_html)

    def test_template_sent_with_other_recipients(self):
        """A copy that goes to several addresses at once carries no link, and nobody is waited for."""
        template = self.create_template(
            self.partner, email_to="{{ object.email }}", email_cc="archive@example.com", use_default_to=False
        )
        with self.catch_mails():
            mails = template.send_mail_batch(self.partner.ids)
            mails.send()
        for mail in self._mails:
            self.assertNoToken(mail["body"])
        self.assertEqual(
            mails.gdpr_request_id.filtered(lambda request: request.state == "sent"), mails.gdpr_request_id.browse()
        )
        self.assertPending(self.partner)

    def test_template_sent_to_somebody_else(self):
        template = self.create_template(self.partner, email_to="boss@example.com", use_default_to=False)
        with self.catch_mails():
            template.send_mail_batch(self.partner.ids).send()
        for mail in self._mails:
            self.assertNoToken(mail["body"])
        self.assertPending(self.partner)

    def test_mass_mail_composer(self):
        second = self.partner.copy({"name": "Second", "email": "second@example.com"})
        second.gdpr_legal_basis = "consent"
        unasked = self.env["res.partner"].create({"name": "No basis", "email": "none@example.com"})
        people = self.partner | second | unasked
        composer = (
            self.env["mail.compose.message"]
            .with_context(active_test=False)
            .create(
                {
                    "model": "res.partner",
                    "res_ids": people.ids,
                    "composition_mode": "mass_mail",
                    "template_id": self.template.id,
                    "force_send": True,
                }
            )
        )
        with self.catch_mails():
            composer.action_send_mail()
            self.process_queue()
        self.assertEqual(
            sorted(address for sent in self.emails for address in sent["smtp_to_list"]),
            ["anna.rossi@example.com", "second@example.com"],
        )
        tokens = {self.find_token(mail["body"], "consent") for mail in self._mails}
        self.assertEqual(len(tokens), 2)
        for card in (self.partner, second):
            self.assertWaiting(card, self.get_requests(card).ensure_one())
            for message in card.message_ids:
                self.assertNoToken(message.body)
        self.assertFalse(unasked.gdpr_subject_id)
        refused = self._new_mails.filtered(lambda mail: mail.res_id == unasked.id)
        self.assertEqual(refused.state, "cancel")
        self.assertIn("isn't Consent", refused.failure_reason)

    def test_automation(self):
        """A server action that sends the template, as a mail of its own or as a message to the followers."""
        follower = self.env["res.partner"].create({"name": "Curious", "email": "curious@example.com"})
        for card, template in ((self.partner, self.template), (self.lead, self.lead_template)):
            card.message_subscribe((follower | self.officer.partner_id).ids)
            for method in ("email", "comment"):
                with self.subTest(card=card, method=method):
                    action = self.env["ir.actions.server"].create(
                        {
                            "name": "Ask for consent",
                            "model_id": self.env["ir.model"]._get_id(card._name),
                            "state": "mail_post",
                            "template_id": template.id,
                            "mail_post_method": method,
                            "mail_post_autofollow": False,
                        }
                    )
                    with self.catch_mails():
                        action.with_context(active_model=card._name, active_id=card.id, active_ids=card.ids).run()
                        self.process_queue()
                    request = self.get_requests(card)[:1]
                    self.assertWaiting(card, request)
                    with_token = [
                        mail for mail in self._mails if self.find_token(mail["body"], "consent") != "personal-link"
                    ]
                    self.assertEqual(len(with_token), 1)
                    self.assertIn(request.email, with_token[0]["email_to"][0])
                    token = self.find_token(with_token[0]["body"], "consent")
                    self.assertEqual(self.env["gdpr.link"]._find("grant", token).request_id, request)
                    self.assertTrue(request._is_answerable())
                    for message in card.message_ids:
                        self.assertNoToken(message.body)

    def test_mailbox_of_a_follower_out_of_order(self):
        """What counts is whether the person's own copy left, before or after that of another."""
        for name, reached in (("Zoe", True), ("Aaron", False)):
            with self.subTest(name=name):
                follower = self.env["res.partner"].create({"name": name, "email": "follower@example.com"})
                with self.failing_server(refused="follower@example.com"):
                    mail = self.env["mail.mail"].create(
                        {
                            "model": "res.partner",
                            "res_id": self.partner.id,
                            "recipient_ids": (self.partner | follower).sorted("name").ids,
                            "body_html": f'<a href="{CONSENT_PLACEHOLDER}">Choose</a>',
                        }
                    )
                    mail.send()
                self.assertEqual(mail.state, "exception")
                self.assertEqual(bool(self.emails), reached)
                self.assertEqual(mail.gdpr_request_id.state, "sent" if reached else "failed")
                for sent in self._mails:
                    token = self.find_token(sent["body"], "consent")
                    self.assertEqual(token != "personal-link", "anna.rossi@example.com" in sent["email_to"][0])

    def test_mail_about_something_else(self):
        """A text with the placeholder that isn't about a card is not sent."""
        with self.catch_mails():
            mail = self.env["mail.mail"].create(
                {
                    "model": "res.users",
                    "res_id": self.salesperson.id,
                    "email_to": "anna.rossi@example.com",
                    "body_html": f'<a href="{CONSENT_PLACEHOLDER}">x</a>',
                }
            )
            mail.send()
        self.assertFalse(self._mails)
        self.assertEqual(mail.state, "cancel")
        self.assertIn("only be sent from a contact or a lead", mail.failure_reason)

    # ------------------------------------------------------------
    # WHO CAN'T BE ASKED
    # ------------------------------------------------------------

    def assertRefused(self, card, message):
        """Check that every way of asking says why not, and changes nothing."""
        events = self.get_events(card)
        state = card.gdpr_consent_state
        with self.catch_mails():
            for ask in (
                lambda: card.with_user(self.salesperson).action_gdpr_send_consent_request(),
                lambda: card.with_user(self.salesperson).gdpr_request_consent(),
            ):
                with self.assertRaisesRegex(UserError, message):
                    ask()
        self.assertFalse(self._mails)
        self.assertEqual(self.get_events(card), events)
        self.assertEqual(card.gdpr_consent_state, state)
        self.assertFalse(self.get_requests(card).filtered(lambda request: request.state in ("queued", "sent")))

    def test_without_an_address(self):
        for card, field in ((self.partner, "email"), (self.lead, "email_from")):
            for address in (False, "", "  "):
                card[field] = address
                self.assertRefused(card, "has no e-mail address")

    def test_malformed_address(self):
        for card, field in ((self.partner, "email"), (self.lead, "email_from")):
            for address in ("anna", "anna@", "@example.com", "anna.example.com", "<>"):
                with self.subTest(address=address):
                    card[field] = address
                    self.assertRefused(card, "isn't valid|has no e-mail address")

    def test_several_addresses(self):
        for card, field in ((self.partner, "email"), (self.lead, "email_from")):
            for address in (
                "a@example.com, b@example.com",
                "a@example.com;b@example.com",
                '"A" <a@example.com>, b@example.com',
            ):
                with self.subTest(address=address):
                    card[field] = address
                    self.assertRefused(card, "several e-mail addresses")

    def test_other_basis(self):
        for basis in ("not_applicable", "contract", "legal_obligation"):
            self.partner.gdpr_set_legal_basis(basis)
            self.assertRefused(self.partner, "isn't Consent")

    def test_suspended(self):
        self.env["gdpr.subject"]._record_acts([{"subject_id": self.partner.gdpr_subject_id.id, "action": "restricted"}])
        self.assertRefused(self.partner, "suspend the processing")

    def test_archived(self):
        for card in (self.partner, self.lead):
            card.active = False
            self.assertRefused(card, "is archived")

    def test_without_a_published_form(self):
        self.form.active = False
        self.assertRefused(self.partner, "no published consent form")

    def test_unpublished_form(self):
        draft = self.form.copy({"name": "Draft"})
        with self.assertRaisesRegex(UserError, "isn't published yet"):
            self.partner.gdpr_request_consent(form=draft)
        self.assertFalse(self.get_requests(self.partner))
        with self.assertRaisesRegex(UserError, "isn't published yet"):
            self.partner.gdpr_request_consent(form=draft.id)

    def test_form_archived_while_composing(self):
        composer = self.compose(self.partner).save()
        self.form.active = False
        with self.catch_mails(), self.assertRaisesRegex(UserError, "published"):
            composer.action_send_mail()
        self.assertFalse(self._mails)
        self.assertTrue(composer.body)

    def test_template_deleted(self):
        """Any other template with the link will do; without one, the message says what to do."""
        self.template.unlink()
        self.assertRefused(self.partner, "no e-mail template with a consent link")
        own = self.create_template(self.partner)
        self.assertEqual(self.compose(self.partner).template_id, own)
        self.assertWaiting(self.partner, self.send(self.partner))

    def test_template_deleted_while_composing(self):
        template = self.create_template(self.partner)
        form = self.compose(self.partner)
        form.template_id = template
        composer = form.save()
        template.unlink()
        with self.catch_mails():
            composer.action_send_mail()
        self.assertWaiting(self.partner, self.get_requests(self.partner))

    def test_card_changed_while_composing(self):
        composer = self.compose(self.partner).save()
        self.partner.email = False
        with self.catch_mails(), self.assertRaisesRegex(UserError, "has no e-mail address"):
            composer.action_send_mail()
        self.assertIn(CONSENT_PLACEHOLDER, composer.body)

    def test_one_of_several_cannot_be_asked(self):
        """Nobody is asked then, and the message names who is in the way."""
        second = self.env["res.partner"].create({"name": "Nobody's Mailbox"})
        second.gdpr_legal_basis = "consent"
        with self.catch_mails(), self.assertRaisesRegex(UserError, "Nobody's Mailbox has no e-mail address"):
            (self.partner | second).gdpr_request_consent()
        self.assertPending(self.partner)

    # ------------------------------------------------------------
    # LANGUAGES
    # ------------------------------------------------------------

    def test_person_without_a_language(self):
        self.partner.lang = False
        self.lead.lang_id = False
        self.assertEqual(self.send(self.partner).lang, "en_US")
        self.assertIn("Dear Anna Rossi", html2plaintext(self._mails[0]["body"]))
        self.assertEqual(self.send(self.lead).lang, "en_US")
        self.assertIn("Dear Bruno Neri", html2plaintext(self._mails[0]["body"]))

    def test_italian_person(self):
        self.env["res.lang"]._activate_lang("it_IT")
        italian = self.env["res.lang"]._lang_get("it_IT")
        self.form.with_context(lang="it_IT").title = "Possiamo restare in contatto?"
        self.form.action_publish()
        for template in (self.template, self.lead_template):
            template.with_context(lang="it_IT").write(
                {
                    "subject": "Possiamo restare in contatto?",
                    "body_html": f'<p>Gentile signora, <a href="{CONSENT_PLACEHOLDER}">scelga</a></p>',
                }
            )
        self.partner.lang = "it_IT"
        self.lead.lang_id = italian
        for card in (self.partner, self.lead):
            request = self.send(card)
            self.assertEqual(request.lang, "it_IT")
            self.assertEqual(request._get_version().lang, "it_IT")
            self.assertEqual(self._mails[0]["subject"], "Possiamo restare in contatto?")
            self.assertIn("Gentile signora", self._mails[0]["body"])
            event = card.sudo().gdpr_event_ids.filtered(lambda event: event.action == "asked")
            self.assertEqual(event.version_id.lang, "it_IT")
            _request, _grant, _preferences = self.ask(card)
            self.assertEqual(self._mails[0]["subject"], "Possiamo restare in contatto?")

    def test_form_not_in_the_language_of_the_person(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.partner.lang = "it_IT"
        request = self.send(self.partner)
        self.assertEqual(request._get_version().lang, "en_US")

    def test_sent_on_is_now(self):
        before = fields.Datetime.now()
        request = self.send(self.partner)
        self.assertTrue(before <= request.sent_on <= fields.Datetime.now())
