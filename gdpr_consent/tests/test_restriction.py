from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import Form, new_test_user, tagged

from .page_common import PageCase
from .smtp_common import SmtpCase
from .test_door_out import DoorOutCase


class RestrictionCase(DoorOutCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card = cls.make_person("Rita Stop")
        cls.other = cls.make_person("Olga Go")

    def restrict(self, card=None, **values):
        """Let a person ask for the processing to stop; the mail that confirms it leaves."""
        with self.catch_mails():
            return (card or self.card)._gdpr_receive_request("restriction", **values).sudo()

    def make_mail(self, **values):
        return self.env["mail.mail"].create({"subject": "Hello", "body_html": "<p>Hello</p>", **values})

    def send(self, mails):
        """Send mails; give the addresses they reach."""
        with self.catch_mails():
            mails.send()
        return {address for mail in self._mails for address in mail["email_to"]}

    def get_reached(self, card):
        """Give how many of the mails caught last went to a person."""
        return sum(card.email_normalized in " ".join(mail["email_to"]) for mail in self._mails)

    def compose(self, card, user=None, **values):
        composer = self.env["mail.compose.message"].with_user(user or self.salesperson)
        return composer.create(
            {
                "composition_mode": "comment",
                "model": card._name,
                "res_ids": repr(card.ids),
                "partner_ids": [Command.set(card.ids if card._name == "res.partner" else [])],
                "subject": "Offer",
                "body": "<p>Buy</p>",
                **values,
            }
        )


@tagged("post_install", "-at_install")
class TestTakesEffect(RestrictionCase):
    """What a person wants stopped stops when the request arrives (law.md R-61, R-65)."""

    def test_restriction(self):
        request = self.restrict(source="portal")
        self.assertTrue(self.card.gdpr_restricted and request.is_suspending)
        event = self.card.gdpr_subject_id.event_ids.filtered(lambda event: event.action == "restricted")
        self.assertEqual((event.actor, event.source, event._get_value("request")), ("person", "portal", request.name))
        self.assertEqual(self.ask_reason(self.card), "restricted")
        self.assertEqual(request.state, "new", "An officer hasn't done anything yet.")
        self.assertLedgerSound()

    def test_typed_in_by_staff(self):
        with self.catch_mails():
            self.card.with_user(self.salesperson)._gdpr_receive_request("restriction")
        event = self.card.sudo().gdpr_subject_id.event_ids.filtered(lambda event: event.action == "restricted")
        self.assertEqual((event.actor, event.user_id), ("operator", self.salesperson))

    def test_objection(self):
        """It suspends whatever article 21 is about, and stops marketing on any basis."""
        for basis, is_suspended in (
            ("legitimate_interests", True),
            ("public_interest", True),
            ("consent", True),
            ("not_applicable", True),
            ("contract", False),
            ("legal_obligation", False),
            ("vital_interests", False),
        ):
            card = self.make_person(f"With {basis.replace('_', ' ')}", basis)
            with self.subTest(basis=basis), self.catch_mails():
                card._gdpr_receive_request("objection")
                self.assertEqual((card.gdpr_restricted, card.gdpr_objected), (is_suspended, True))
        self.assertLedgerSound()

    def test_person_is_told_what_was_done(self):
        """Both kinds are answered, in writing, although the processing is suspended (article 12(3))."""
        for request_type, words in (("restriction", "We only store your data"), ("objection", "You get no marketing")):
            person = self.make_person(f"Told {request_type}")
            with self.catch_mails():
                request = person.with_user(self.officer)._gdpr_receive_request(request_type)
                request.action_start()
                if request_type == "objection":
                    request.objection_outcome = "upheld"
                self.assertIn("It counts already", self._mails[-1]["body"])
                self._mails.clear()
                request.action_fulfil()
            [mail] = [mail for mail in self._mails if person.email_normalized in str(mail["email_to"])]
            self.assertIn(request.name, mail["subject"])
            self.assertIn(words, mail["body"])

    def decide_on_grounds(self, card):
        """Give an objection that an officer has rejected, told the person so, and resumed the processing."""
        card.gdpr_set_legal_basis("legitimate_interests", "They owe us money.")
        with self.catch_mails():
            request = card.with_user(self.officer)._gdpr_receive_request("objection")
            request.action_start()
        request.write({"objection_outcome": "compelling_grounds", "compelling_grounds": "A claim in court."})
        person = card.gdpr_subject_id.with_user(self.officer)
        day = fields.Date.context_today(person)
        person._tell_lifting("phone", "A claim in court.", request=request, told_on=day, statement="Called")
        request._lift_restriction()
        return request

    def test_grounds_say_once_where_to_complain(self):
        request = self.decide_on_grounds(self.card)
        self.env.company.write({"gdpr_authority_name": "CNIL", "gdpr_authority_url": "https://www.cnil.fr"})
        with self.catch_mails():
            request.action_fulfil()
        body = self._mails[-1]["body"]
        self.assertIn("A claim in court.", body)
        self.assertEqual((body.count("complain"), body.count("to CNIL (")), (1, 1), body)

    def test_upheld_after_all(self):
        """An officer who had resumed the processing, and thinks better of it, suspends it again."""
        request = self.decide_on_grounds(self.card)
        self.assertFalse(self.card.gdpr_restricted)
        request.objection_outcome = "upheld"
        with self.catch_mails():
            request.action_fulfil()
        self.assertTrue(self.card.gdpr_restricted and request.is_suspending)
        self.assertIn("We only store your data", self._mails[-1]["body"])
        self.assertLedgerSound()

    def test_without_an_address_somebody_else_tells(self):
        request = self.restrict()
        request.email = False
        request.action_start()
        request.action_fulfil()
        self.assertIn("in another way", str(request.message_ids.mapped("body")))

    def test_other_requests(self):
        with self.catch_mails():
            for kind in ("access", "rectification", "portability", "erasure"):
                self.card._gdpr_receive_request(kind)
        self.assertFalse(self.card.gdpr_restricted)

    def test_type_corrected(self):
        with self.catch_mails():
            request = self.card._gdpr_receive_request("access").sudo()
        request.type = "restriction"
        self.assertTrue(self.card.gdpr_restricted)

    def test_misread(self):
        """What turns out to ask for something else suspends nothing; what does after all suspends again."""
        for kind in ("restriction", "objection"):
            with self.subTest(kind=kind):
                with self.catch_mails():
                    request = self.card._gdpr_receive_request(kind).with_user(self.officer)
                self.assertTrue(self.card.gdpr_restricted and request.is_suspending)
                with Form(request) as form:
                    form.type = "access"
                self.assertFalse(self.card.gdpr_restricted or request.is_suspending)
                self.assertEqual(request.step_ids.mapped("action")[-2:], ["typed", "lifted"])
                request.type = kind
                self.assertTrue(self.card.gdpr_restricted and request.is_suspending)
                request.type = "access"
                request.action_cancel()
        self.assertLedgerSound()

    def test_misread_while_another_suspends(self):
        self.restrict()
        with self.catch_mails():
            other = self.card._gdpr_receive_request("objection").with_user(self.officer)
        other.type = "access"
        self.assertFalse(other.is_suspending)
        self.assertTrue(self.card.gdpr_restricted)

    def test_chosen_by_the_person(self):
        """The person has obtained the restriction: it ends after the person was told (article 18(3))."""
        request = self.restrict(source="portal").with_user(self.officer)
        with self.assertRaisesRegex(UserError, "the person has chosen this"):
            request.type = "access"
        self.assertTrue(self.card.gdpr_restricted and request.is_suspending)

    def test_leads_and_joined_people(self):
        lead = self.env["crm.lead"].create({"name": "Inquiry", "partner_id": self.card.id})
        self.other.gdpr_subject_id._join(self.card.gdpr_subject_id, "One person")
        self.restrict()
        self.assertTrue(self.other.gdpr_restricted and lead.gdpr_restricted)

    def test_joined_later(self):
        request = self.restrict()
        self.other.gdpr_subject_id._join(self.card.gdpr_subject_id, "One person")
        self.assertTrue(self.other.gdpr_restricted)
        self.assertEqual(request.subject_id, self.other.gdpr_subject_id)

    def test_another_person_after_all(self):
        """As where somebody asked on behalf of a person who had to be found first."""
        nobody = self.env["gdpr.subject"].create({})
        with self.catch_mails():
            request = self.env["gdpr.subject.request"].create({"subject_id": nobody.id, "type": "restriction"})
        self.assertTrue(request.is_suspending)
        request.subject_id = self.card.gdpr_subject_id
        self.assertTrue(self.card.gdpr_restricted)

    def test_editing_goes_on(self):
        """Storing is allowed (article 18(2)): the card isn't locked."""
        self.restrict()
        self.card.with_user(self.salesperson).write({"phone": "+39 02 1234567", "comment": "Called"})
        self.assertEqual(self.card.phone, "+39 02 1234567")


@tagged("post_install", "-at_install")
class TestMessages(RestrictionCase):
    """Nothing goes to a person whose processing is suspended but what has to."""

    def test_any_mail(self):
        """By contact, by address, about the card, or about something else."""
        order = self.env["discuss.channel"].create({"name": "Any record"})
        mails = [
            self.make_mail(recipient_ids=[Command.link(self.card.id)]),
            self.make_mail(email_to="Rita <Rita.Stop@Example.com>"),
            self.make_mail(email_to=self.card.email, model="res.partner", res_id=self.card.id),
            self.make_mail(recipient_ids=[Command.link(self.card.id)], model="discuss.channel", res_id=order.id),
            self.make_mail(email_cc=self.card.email),
        ]
        self.restrict()
        for mail in mails:
            with self.subTest(mail=mail):
                self.assertFalse(self.send(mail))
                self.assertEqual(
                    (mail.state, mail.failure_type, mail.failure_reason),
                    ("cancel", "gdpr_restricted", "The processing is suspended."),
                )

    def test_others_get_their_copy(self):
        self.restrict()
        mail = self.make_mail(
            recipient_ids=[Command.set((self.card + self.other).ids)],
            email_to="Rita <rita.stop@example.com>, third@example.com",
            email_cc="rita.stop@example.com, fourth@example.com",
        )
        reached = " ".join(self.send(mail))
        self.assertIn("olga.go@example.com", reached)
        self.assertIn("third@example.com", reached)
        self.assertNotIn("rita", reached)
        self.assertEqual([mail["email_cc"] for mail in self._mails if mail["email_cc"]], [["fourth@example.com"]])
        self.assertEqual(mail.state, "sent")

    def test_a_second_card_with_the_address(self):
        """Nobody else's card is a way round."""
        double = self.make_person("Rita Again", email="Rita.Stop@example.com")
        lead = self.env["crm.lead"].create({"name": "Inquiry", "email_from": "rita.stop@example.com"})
        self.restrict()
        self.assertFalse(self.send(self.make_mail(recipient_ids=[Command.link(double.id)])))
        self.assertFalse(
            self.send(self.make_mail(email_to=lead.email_from, model="crm.lead", res_id=lead.id)),
        )

    def test_lead(self):
        self.restrict(self.lead)
        self.assertFalse(self.send(self.make_mail(email_to="Bruno.Neri@example.com")))

    def test_chatter(self):
        """Who writes in the chatter sees in red that it doesn't arrive; colleagues get it."""
        self.restrict()
        self.card.message_subscribe(self.officer.partner_id.ids)
        with self.catch_mails():
            message = self.card.with_user(self.salesperson).message_post(
                body="Offer", partner_ids=(self.card + self.other).ids, subtype_xmlid="mail.mt_comment"
            )
        reached = " ".join(address for mail in self._mails for address in mail["email_to"])
        self.assertNotIn("rita.stop", reached)
        self.assertIn("olga.go", reached)
        notification = message.notification_ids.filtered(lambda it: it.res_partner_id == self.card)
        self.assertEqual(
            (notification.notification_status, notification.failure_type, notification.failure_reason),
            ("exception", "gdpr_restricted", "The processing is suspended."),
        )
        sent = message.notification_ids.filtered(lambda it: it.res_partner_id == self.other)
        self.assertEqual(sent.notification_status, "sent")

    def test_template_of_an_automation(self):
        """Server actions that send a template, on the card or on something else of the person."""
        self.restrict()
        template = self.env["mail.template"].create(
            {
                "name": "Reminder",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "subject": "Reminder",
                "body_html": "<p>Don't forget</p>",
                "use_default_to": True,
            }
        )
        with self.catch_mails():
            template.send_mail(self.card.id, force_send=True)
            template.send_mail_batch((self.card + self.other).ids, force_send=True)
            for method in ("email", "comment"):
                action = self.env["ir.actions.server"].create(
                    {
                        "name": "Send",
                        "model_id": self.env["ir.model"]._get_id("res.partner"),
                        "state": "mail_post",
                        "template_id": template.id,
                        "mail_post_method": method,
                    }
                )
                action.with_context(active_model="res.partner", active_ids=self.card.ids, active_id=self.card.id).run()
            self.env["mail.mail"].process_email_queue()
        self.assertEqual(
            {address for mail in self._mails for address in mail["email_to"]}, {'"Olga Go" <olga.go@example.com>'}
        )
        stopped = self.card.message_ids.filtered(lambda message: message.subject == "Reminder")
        self.assertGreaterEqual(len(stopped), 3)
        for message in stopped:
            notice = message.notification_ids
            self.assertEqual((notice.notification_status, notice.failure_type), ("exception", "gdpr_restricted"))
            self.assertEqual(notice.failure_reason, "The processing is suspended.")

    def test_composer_to_many(self):
        self.restrict()
        composer = self.compose(
            self.card + self.other,
            user=self.officer,
            composition_mode="mass_mail",
            gdpr_message_class="service",
            partner_ids=False,
        )
        self.assertTrue(composer.gdpr_left_out.startswith("1 of 2"))
        with self.catch_mails():
            composer._action_send_mail()
            self.env["mail.mail"].process_email_queue()
        self.assertEqual(len(self._mails), 1)

    def test_composer_to_one(self):
        composer = self.compose(self.card)
        self.assertFalse(composer.gdpr_restricted_recipients)
        self.restrict()
        composer = self.compose(self.card)
        self.assertEqual(composer.gdpr_restricted_recipients, "Rita Stop")
        for user in (self.salesperson, self.employee, self.officer):
            with self.assertRaisesRegex(UserError, "suspended of: Rita Stop"):
                self.compose(self.card, user).action_send_mail()
        with self.assertRaisesRegex(UserError, "suspended of: Rita Stop"):
            self.compose(self.card, scheduled_date="2999-01-01 00:00:00")._action_schedule_message()
        with self.catch_mails():
            self.compose(self.other).action_send_mail()
        self.assertEqual(len(self._mails), 1)

    def test_composer_of_a_lead(self):
        """Its contact is made while the message is composed."""
        self.restrict(self.lead)
        partner = self.env["res.partner"].create({"name": "Bruno", "email": self.lead.email_from})
        composer = self.compose(self.lead, partner_ids=[Command.set(partner.ids)])
        with self.assertRaisesRegex(UserError, "suspended"):
            composer.action_send_mail()

    def test_what_the_law_demands(self):
        """An officer can say why a message must go out; that is in the history. Nobody else can."""
        self.restrict()
        context = {
            "default_model": "res.partner",
            "default_res_ids": self.card.ids,
            "default_partner_ids": self.card.ids,
        }
        with Form(self.env["mail.compose.message"].with_user(self.officer).with_context(**context)) as form:
            self.assertEqual(form.gdpr_restricted_recipients, "Rita Stop")
            form.gdpr_exemption = "Recall of a dangerous heater"
            form.subject = "Recall"
            form.body = "<p>Unplug it</p>"
        with self.catch_mails():
            form.record.action_send_mail()
        self.assertEqual([mail["email_to"] for mail in self._mails], [['"Rita Stop" <rita.stop@example.com>']])
        event = self.card.sudo().gdpr_subject_id.event_ids.filtered(lambda event: event.action == "exempted")
        self.assertEqual((event.user_id, event._get_value("reason")), (self.officer, "Recall of a dangerous heater"))
        self.assertTrue(self.card.gdpr_restricted)
        self.assertLedgerSound()
        with self.catch_mails():
            self.card.with_user(self.salesperson).with_context(gdpr_exemption="Because").message_post(
                body="Offer", partner_ids=self.card.ids
            )
        self.assertFalse(self._mails, "No client can claim it.")

    def test_answers_to_the_persons_own_request(self):
        request = self.restrict()
        self.assertEqual(self.get_reached(self.card), 1, "The request is confirmed.")
        with self.catch_mails():
            request.with_user(self.officer).message_post(
                body="Here is your answer", partner_ids=self.card.ids, subtype_xmlid="mail.mt_comment"
            )
            composer = self.compose(request, self.officer, partner_ids=[Command.set(self.card.ids)])
            self.assertFalse(composer.gdpr_restricted_recipients)
            composer.action_send_mail()
        self.assertEqual(self.get_reached(self.card), 2)

    def test_case_of_somebody_else(self):
        """A case is no way round for other persons who are restricted."""
        self.restrict()
        request = self.restrict(self.other)
        with self.catch_mails():
            request.message_post(body="Hello", partner_ids=self.card.ids, subtype_xmlid="mail.mt_comment")
        self.assertFalse(self.get_reached(self.card))

    def test_own_account(self):
        """Who wants to log in to the portal gets the mail for it."""
        user = new_test_user(self.env, login="rita", groups="base.group_portal", partner_id=self.card.id)
        self.card.email = "rita.stop@example.com"
        self.restrict()
        with self.catch_mails():
            user.action_reset_password()
        self.assertEqual(len(self._mails), 1)

    def test_colleague(self):
        """A colleague is written to as one, whatever the own data may be used for."""
        partner = self.employee.partner_id
        partner.email = "employee@example.com"
        partner.gdpr_legal_basis = "consent"
        self.restrict(partner)
        self.assertTrue(self.send(self.make_mail(recipient_ids=[Command.link(partner.id)])))

    def test_switched_off(self):
        self.restrict()
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "False")
        self.env.registry.clear_cache()
        self.addCleanup(self.env.registry.clear_cache)
        self.assertTrue(self.send(self.make_mail(recipient_ids=[Command.link(self.card.id)])))

    def test_consent_requests_and_campaigns(self):
        campaign = self.env["gdpr.consent.campaign"].create(
            {"name": "All", "model": "res.partner", "domain": repr([("id", "in", (self.card + self.other).ids)])}
        )
        self.restrict()
        self.assertEqual(self.card._gdpr_get_refusal_codes(), {self.card.id: "restricted"})
        campaign.action_start()
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("gdpr_consent.ir_cron_campaign").method_direct_trigger()
        self.assertEqual(campaign.request_ids.subject_id, self.other.gdpr_subject_id)
        self.restrict(self.other)
        self.assertFalse(campaign.request_ids._drop_refused())

    def test_number_of_queries(self):
        self.restrict()
        counts = []
        for number in (10, 300):
            partners = self.env["res.partner"].create(
                [{"name": str(i), "email": f"q{number}_{i}@example.com"} for i in range(number)]
            )
            mails = self.env["mail.mail"].create(
                [{"subject": "Hi", "body_html": "Hi", "recipient_ids": partner.ids} for partner in partners]
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(mails._stop_for_restricted(), ({}, {}))
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 3)


@tagged("post_install", "-at_install")
class TestMailServer(SmtpCase, RestrictionCase):
    """With a mail server: what was queued before the restriction doesn't arrive."""

    def test_queue(self):
        self.start_server()
        mails = self.make_mail(recipient_ids=[Command.set((self.card + self.other).ids)])
        mails += self.make_mail(email_to=self.card.email)
        request = self.card._gdpr_receive_request("restriction").sudo()
        self.env["mail.mail"].process_email_queue()
        reached = [address for envelope in self.mailbox.envelopes for address in envelope.rcpt_tos]
        self.assertEqual(reached.count("olga.go@example.com"), 1)
        subjects = [
            self.read(envelope)["Subject"]
            for envelope in self.mailbox.envelopes
            if "rita.stop@example.com" in envelope.rcpt_tos
        ]
        self.assertEqual(len(subjects), 1)
        self.assertIn(request.name, subjects[0], "Only the request is confirmed.")
        self.assertEqual(mails.mapped("state"), ["sent", "cancel"])

    def test_named_to_nobody(self):
        """The copies of the others don't name the person: who answers to all would write to it."""
        self.start_server()
        self.restrict()
        third = self.make_person("Tina Third")
        self.card.message_subscribe(self.officer.partner_id.ids)
        self.card.with_user(self.salesperson).message_post(
            body="Offer", partner_ids=(self.card + self.other + third).ids, subtype_xmlid="mail.mt_comment"
        )
        self.env["mail.mail"].process_email_queue()
        copies = {envelope.rcpt_tos[0]: self.read(envelope)["To"] for envelope in self.mailbox.envelopes}
        self.assertNotIn("rita.stop@example.com", str(copies))
        self.assertIn("tina.third@example.com", copies["olga.go@example.com"])
        self.assertIn("olga.go@example.com", copies[self.officer.email])


@tagged("post_install", "-at_install")
class TestByThePerson(PageCase):
    """A person who asks on a page is restricted before the page has loaded."""

    def submit_request(self, path, request_type):
        form = self.parse(self.url_open(path)).find_class("o_gdpr_subject_request")[0]
        data = [("csrf_token", form.fields["csrf_token"]), ("type", request_type), ("answer", "request")]
        with self.catch_mails():
            self.url_open(path, data=data)
        self.env.invalidate_all()

    def test_by_link(self):
        _request, _token, preferences = self.ask(self.partner)
        self.submit_request(f"/gdpr/preferences/{preferences}", "restriction")
        self.assertTrue(self.partner.gdpr_restricted)
        event = self.partner.gdpr_subject_id.event_ids.filtered(lambda event: event.action == "restricted")
        self.assertEqual((event.actor, event.source), ("person", "email"))

    def test_page_says_that_nothing_is_used(self):
        _request, _grant, preferences = self.ask(self.partner)
        page = f"/gdpr/preferences/{preferences}"
        self.assertNotIn("we only store your data", self.url_open(page).text)
        self.submit_request(page, "restriction")
        self.assertIn("we only store your data", self.url_open(page).text)
        self.assertIn("We tell you before we use it again", self.url_open(page).text)

    def test_objection_in_the_portal(self):
        self.partner.gdpr_set_legal_basis("legitimate_interests", "A customer for years")
        new_test_user(
            self.env,
            login="privacy_portal",
            password="privacy_portal",
            groups="base.group_portal",
            partner_id=self.partner.id,
        )
        self.authenticate("privacy_portal", "privacy_portal")
        self.submit_request("/my/privacy", "objection")
        self.assertTrue(self.partner.gdpr_restricted and self.partner.gdpr_objected)


@tagged("post_install", "-at_install")
class TestExport(RestrictionCase):
    """What is only stored isn't taken out of Odoo, but by an officer (law.md R-61)."""

    def test_export(self):
        cards = self.card + self.other
        self.assertEqual(len(cards.with_user(self.manager).export_data(["name"])["datas"]), 2)
        self.restrict()
        exporting = Command.link(self.env.ref("base.group_allow_export").id)
        (self.salesperson + self.officer).write({"group_ids": [exporting]})
        self.assertEqual(cards.with_user(self.salesperson).export_data(["name"])["datas"], [["Olga Go"]])
        self.assertEqual(len(cards.with_user(self.officer).export_data(["name"])["datas"]), 2)
