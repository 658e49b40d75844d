from functools import partial

from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from .test_composer import ToManyCase


@tagged("post_install", "-at_install")
class TestTemplates(ToManyCase):
    """Templates sent in bulk by programs and automation rules obey what they say they are (law.md R-28, R-82)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reminder = cls.env["mail.template"].create(
            {
                "name": "Reminder",
                "model_id": cls.env["ir.model"]._get_id("res.partner"),
                "subject": "Reminder",
                "body_html": "<p>Don't forget</p>",
                "use_default_to": True,
            }
        )
        cls.may_get_marketing = {"agreed", "second", "untouched"}
        cls.all_but_suspended = {
            "agreed",
            "second",
            "untouched",
            "pending",
            "refused",
            "customer",
            "objecting",
        }

    def get_reached(self, send):
        """Give who of the people gets a mail when a function sends and the queue is run."""
        with self.catch_mails():
            send()
            self.env["mail.mail"].process_email_queue()
        return {
            card.name.lower()
            for card in self.people
            if card.email_normalized in " ".join(address for mail in self._mails for address in mail["email_to"])
        }

    def run_action(self, method):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Send",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "state": "mail_post",
                "template_id": self.reminder.id,
                "mail_post_method": method,
            }
        )
        context = {"active_model": "res.partner", "active_ids": self.people.ids, "active_id": self.people.ids[0]}
        return self.get_reached(action.with_context(**context).run)

    def test_company_of_a_mail(self):
        """Each mail is its company's, in the order of the records; what the system sends by itself is of all."""
        other = self.env["res.company"].create({"name": "Other company"})
        template = self.env["mail.template"].create(
            {
                "name": "Any",
                "subject": "Hello",
                "body_html": "<p>Hello</p>",
                "email_to": "{{ object.email }}",
                "auto_delete": True,
                "model_id": self.env["ir.model"]._get_id("res.partner"),
            }
        )
        shared, theirs, also_shared = self.env["res.partner"].create(
            [
                {"name": "Shared", "email": "shared@example.com"},
                {"name": "Theirs", "email": "theirs@example.com", "company_id": other.id},
                {"name": "Also", "email": "also@example.com"},
            ]
        )
        people = shared + theirs + also_shared
        mails = template.with_user(self.officer).sudo().send_mail_batch(people.ids)
        self.assertEqual(mails.mapped("res_id"), people.ids)
        own = self.officer.company_id
        self.assertEqual([mail.record_company_id for mail in mails], [own, other, own])
        mails = template.send_mail_batch(people.ids)
        self.assertEqual([mail.record_company_id.id for mail in mails], [False, other.id, False])
        away = template.send_mail_batch(people.ids, email_values={"model": False, "res_id": False})
        self.assertEqual([mail.recipient_ids for mail in away], [*people])
        with self.catch_mails():
            template.send_mail_batch(people.ids, True)
        self.assertEqual(len(self._mails), 3)

    def test_no_kind(self):
        """A message of no kind is a service message."""
        for method in ("email", "comment"):
            self.assertEqual(self.run_action(method), self.all_but_suspended, method)
        self.assertEqual(
            self.get_reached(lambda: self.reminder.send_mail_batch(self.people.ids)), self.all_but_suspended
        )

    def test_service_message(self):
        self.reminder.gdpr_message_class = "service"
        self.assertEqual(self.run_action("email"), self.all_but_suspended)

    def test_marketing(self):
        self.reminder.gdpr_message_class = "marketing"
        for method in ("email", "comment"):
            self.assertEqual(self.run_action(method), self.may_get_marketing, method)
        for options in ({}, {"force_send": True}):
            send = partial(self.reminder.send_mail_batch, self.people.ids, **options)
            self.assertEqual(self.get_reached(send), self.may_get_marketing)
        self.assertEqual(self.get_reached(lambda: self.reminder.send_mail(self.refused.id)), set())
        self.assertEqual(
            self.get_reached(lambda: self.people.message_mail_with_source(self.reminder)), self.may_get_marketing
        )

    def test_purpose(self):
        self.reminder.write({"gdpr_message_class": "marketing", "gdpr_purpose_id": self.regulars.id})
        regular = self.make_person("Regular", "legitimate_interests")
        self.people += regular
        self.assertEqual(self.run_action("email"), {"untouched", "regular"})
        composer = self.compose(template_id=self.reminder.id)
        self.assertEqual((composer.gdpr_message_class, composer.gdpr_purpose_id), ("marketing", self.regulars))

    def test_reason(self):
        self.reminder.gdpr_message_class = "marketing"
        mail = self.env["mail.mail"].browse(self.reminder.send_mail(self.refused.id))
        mail.send()
        self.assertEqual(
            (mail.state, mail.failure_type, mail.failure_reason),
            ("cancel", "mail_optout", "The person took the consent back."),
        )

    def test_written_by_hand(self):
        """A template for marketing is no service message: a user can't send it to one who said no."""
        self.reminder.gdpr_message_class = "marketing"
        composers = self.env["mail.compose.message"].with_user(self.salesperson)
        for card, reached in ((self.refused, set()), (self.agreed, {"agreed"}), (self.untouched, {"untouched"})):
            context = {"default_model": "res.partner", "default_res_ids": card.ids}
            form = Form(composers.with_context(**context))
            form.template_id = self.reminder
            form.partner_ids.add(card)
            composer = form.save()
            if reached:
                self.assertFalse(composer.gdpr_denials)
                self.assertEqual(self.get_reached(composer.action_send_mail), reached)
                continue
            with self.assertRaisesRegex(UserError, "took back the consent .*\n\nThe template “Reminder” is marketing"):
                composer.action_send_mail()
            composer.template_id = False
            composer.write({"subject": "Order 7", "body": "<p>It is on its way</p>", "partner_ids": card.ids})
            self.assertEqual(self.get_reached(composer.action_send_mail), {"refused"})
