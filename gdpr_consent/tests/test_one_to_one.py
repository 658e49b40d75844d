from odoo import Command
from odoo.tests import Form, new_test_user, tagged

from odoo.addons.mail.tools.discuss import Store

from .test_restriction import RestrictionCase


class OneToOneCase(RestrictionCase):
    """Who said no to marketing, in each way, and who didn't."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.form.action_publish()
        cls.env["gdpr.subject"]._record_acts(
            [
                {
                    "subject_id": cls.card.gdpr_subject_id.id,
                    "action": "refused",
                    "purpose_id": cls.marketing.id,
                    "occurred_on": "2026-03-02 09:30:00",
                }
            ]
        )
        cls.other.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        cls.untouched = cls.make_person("Ugo New", "not_applicable")

    def get_records_of_writing(self, card):
        return card.sudo().gdpr_event_ids.filtered(lambda event: event.action == "written_to")


@tagged("post_install", "-at_install")
class TestDenials(OneToOneCase):
    """Which channels a person has closed (law.md R-38, R-82)."""

    def explain(self, card, code="email"):
        return [
            self.env["gdpr.subject"]._explain_denial(card._gdpr_get_name(), denial)
            for _person_id, denial in card._gdpr_find_denials(code).values()
        ]

    def test_no_answer(self):
        pending = self.make_person("Pia Wait")
        for card in (pending, self.untouched, self.make_person("Carl Contract", "contract"), self.env["res.partner"]):
            self.assertFalse(self.explain(card))

    def test_answers(self):
        self.assertEqual(self.explain(self.card), ["Rita Stop refused “News and offers” (March 2, 2026)."])
        self.assertFalse(self.explain(self.other))
        [explanation] = self.explain(self.other, "sms")
        self.assertIn("Olga Go agreed to “News and offers”, but not through this channel (", explanation)
        self.other.gdpr_withdraw_consent("marketing")
        self.assertIn("Olga Go took back the consent to “News and offers” (", self.explain(self.other)[0])
        self.other.gdpr_record_objection()
        self.assertIn("Olga Go objects to any marketing (", self.explain(self.other, "phone")[0])
        self.restrict(self.other)
        self.assertEqual(self.explain(self.other), ["The processing of the data of Olga Go is suspended."])

    def test_no_to_something_else(self):
        """Suggestions and disclosure say nothing of how the company itself may write."""
        for purpose in self.profiling + self.third_parties:
            self.act(self.untouched, "refused", purpose_id=purpose.id)
        self.assertFalse(self.explain(self.untouched))

    def test_another_purpose_allows_it(self):
        self.act(self.card, "refused", purpose_id=self.regulars.id)
        self.agree(self.card)
        self.assertFalse(self.explain(self.card))

    def test_address(self):
        """What was said at an address counts for a contact with it, which isn't said to have said it."""
        self.act(self.lead, "refused", purpose_id=self.marketing.id)
        contact = self.env["res.partner"].create({"name": "Bruno", "email": self.lead.email_from})
        shared = "Somebody with the same address or number refused"
        self.assertIn(shared, self.explain(contact)[0])
        contact.gdpr_legal_basis = "contract"
        self.assertIn(shared, self.explain(contact)[0], "A basis is no word of the person.")
        contact.gdpr_legal_basis = "consent"
        contact.gdpr_record_consent(self.marketing, ["email"], "phone", evidence="Call 7")
        self.assertFalse(self.explain(contact))

    def test_written_to_where_nobody_has_looked(self):
        """A second record with the address has no history: that of who said no from it keeps that somebody wrote."""
        self.act(self.lead, "refused", purpose_id=self.marketing.id)
        contact = self.env["res.partner"].create({"name": "Bruno", "email": self.lead.email_from})
        composer = self.env["mail.compose.message"].with_user(self.salesperson)
        composer = composer.with_context(default_model="res.partner", default_res_ids=contact.ids)
        with self.catch_mails():
            composer.create({"subject": "Yours", "body": "Hello", "partner_ids": contact.ids}).action_send_mail()
        self.assertIn("written_to", self.lead.sudo().gdpr_subject_id.event_ids.mapped("action"))

    def test_not_covered(self):
        self.env["gdpr.scope"].search([("model", "=", "res.partner")]).active = False
        self.assertFalse(self.explain(self.card))
        self.assertFalse(self.card.gdpr_channel_denials)

    def test_colleague(self):
        partner = self.salesperson.partner_id
        self.act(partner, "objected")
        self.assertFalse(self.explain(partner))

    def test_number_on_the_form(self):
        for user in (self.salesperson, self.officer):
            denials = self.card.with_user(user).gdpr_channel_denials
            self.assertEqual(
                denials["phone"],
                {"explanation": "Rita Stop refused “News and offers” (March 2, 2026).", "restricted": False},
            )
        self.assertEqual(self.other.gdpr_channel_denials.keys(), {"phone", "sms"})
        self.assertFalse(self.untouched.gdpr_channel_denials)
        self.restrict()
        self.assertTrue(self.card.with_user(self.salesperson).gdpr_channel_denials["phone"]["restricted"])

    def test_italian(self):
        self.env["res.lang"]._activate_lang("it_IT")
        card = self.card.with_context(lang="it_IT")
        self.assertIn("2 marzo 2026", self.card.with_context(lang="it_IT").gdpr_channel_denials["phone"]["explanation"])
        self.assertIn("2 marzo 2026", self.compose(card).with_context(lang="it_IT").gdpr_denials)


@tagged("post_install", "-at_install")
class TestChatter(OneToOneCase):
    """What the chatter tells of those whom a short message goes to."""

    def read_chatter(self, record, user=None):
        store = Store()
        record.with_user(user or self.salesperson)._thread_to_store(store, [], request_list=["gdprDenials"])
        return store.get_result()["mail.thread"][0].get("gdpr_denials")

    def test_denials(self):
        refused = {"explanation": "Rita Stop refused “News and offers” (March 2, 2026).", "restricted": False}
        self.assertEqual(self.read_chatter(self.card), [refused])
        self.assertEqual(self.read_chatter(self.untouched), [])
        lead = self.env["crm.lead"].create({"name": "Boat", "partner_id": self.card.id, "user_id": self.salesperson.id})
        self.assertEqual(self.read_chatter(lead), [refused], "one person, one line")
        self.restrict()
        [denial] = self.read_chatter(self.card)
        self.assertTrue(denial["restricted"])

    def test_portal_user_learns_nothing(self):
        portal = new_test_user(self.env, "visitor", "base.group_portal")
        self.card.message_subscribe(portal.partner_id.ids)
        store = Store()
        self.card.with_user(portal).sudo()._thread_to_store(store, [], request_list=["gdprDenials"])
        self.assertNotIn("gdpr_denials", str(store.get_result()))


@tagged("post_install", "-at_install")
class TestOneToOne(OneToOneCase):
    """A message to one who said no: a warning, and a record of it."""

    def test_warning(self):
        for user in (self.salesperson, self.officer, self.employee):
            composer = self.compose(self.card, user)
            self.assertEqual(composer.gdpr_denials, "Rita Stop refused “News and offers” (March 2, 2026).")
        for card in (self.other, self.untouched):
            self.assertFalse(self.compose(card).gdpr_denials)
        self.assertFalse(self.compose(self.card, composition_mode="mass_mail").gdpr_denials)
        self.restrict()
        self.assertFalse(self.compose(self.card).gdpr_denials, "It is stopped for another reason.")

    def test_recipient_added(self):
        context = {"default_model": "res.partner", "default_res_ids": self.other.ids}
        with Form(self.env["mail.compose.message"].with_user(self.salesperson).with_context(**context)) as form:
            self.assertFalse(form.gdpr_denials)
            form.partner_ids.add(self.card)
            self.assertIn("Rita Stop", form.gdpr_denials)
            form.subject = "Your order"
            form.body = "<p>It is on its way</p>"

    def test_recorded(self):
        with self.catch_mails():
            self.compose(self.card, partner_ids=[Command.set((self.card + self.other).ids)]).action_send_mail()
        self.assertEqual(self.get_reached(self.card), 1)
        [event] = self.get_records_of_writing(self.card)
        self.assertEqual((event.actor, event.user_id, event.channel_codes), ("operator", self.salesperson, "email"))
        self.assertEqual(event.description, "Message to one person in spite of a no: E-mail")
        self.assertEqual(
            event.details, "Stated: A service message: about an order, a contract or a question of the person"
        )
        self.assertFalse(self.get_records_of_writing(self.other))
        self.assertEqual(self.card.gdpr_consent_state, "refused")
        self.assertLedgerSound()

    def test_sent_later(self):
        """Who chose a later time was warned as well."""
        self.compose(self.card, scheduled_date="2040-03-02 09:30:00").action_schedule_message()
        scheduled = self.env["mail.scheduled.message"].sudo().search([("res_id", "=", self.card.id)])
        with self.catch_mails():
            scheduled._post_message()
        self.assertIn("Stated: A service message", self.get_records_of_writing(self.card).details)

    def test_document_is_shared(self):
        """Sharing a document by mail warns as the composer does, and is on record."""
        if "purchase.order" not in self.env:
            self.skipTest("No app with documents to share is installed.")
        order = self.env["purchase.order"].create({"partner_id": self.other.id})
        self.restrict(self.untouched)
        recipients = self.card | self.other | self.untouched
        wizard = self.env["portal.share"].with_context(active_model=order._name, active_id=order.id)
        wizard = wizard.create({"res_model": order._name, "res_id": order.id, "partner_ids": recipients.ids})
        self.assertIn("Rita Stop refused “News and offers”", wizard.gdpr_denials)
        self.assertIn("Ugo New is suspended", wizard.gdpr_denials)
        with self.catch_mails():
            wizard.action_send_mail()
        self.assertEqual([self.get_reached(card) for card in recipients], [1, 1, 0])
        self.assertIn("Stated: A service message", self.get_records_of_writing(self.card).details)
        self.assertFalse(self.get_records_of_writing(self.other) | self.get_records_of_writing(self.untouched))

    def test_said_no_after_it_was_written(self):
        """What waits to be sent when the person says no isn't, and whoever wrote it is told why."""
        # Warned of one, and not of the other.
        recipients = [Command.set((self.card + self.other).ids)]
        self.compose(self.other, scheduled_date="2040-03-02 09:30:00", partner_ids=recipients).action_schedule_message()
        scheduled = self.env["mail.scheduled.message"].sudo().search([("res_id", "=", self.other.id)])
        self.env.flush_all()
        self.env.cr.execute("UPDATE mail_scheduled_message SET create_date = '2026-05-01'")
        self.env.invalidate_all()
        self.other.gdpr_record_objection()
        with self.catch_mails():
            scheduled.with_user(self.salesperson).post_message()
        self.assertEqual(self.get_reached(self.other), 0)
        self.assertFalse(scheduled.exists())
        told = self.env["mail.message"].search(
            [("notified_partner_ids", "in", self.salesperson.partner_id.ids)], limit=1
        )
        self.assertIn("Olga Go objects to any marketing", told.body)
        self.assertFalse(self.get_records_of_writing(self.other))

    def test_chatter(self):
        """Nobody is warned there, so nothing is stated; that the person was written to is recorded all the same."""
        card = self.card.with_user(self.salesperson)
        with self.catch_mails():
            card.message_post(
                body="Your order", message_type="comment", subtype_xmlid="mail.mt_comment", partner_ids=card.ids
            )
        self.assertEqual(self.get_reached(self.card), 1)
        [event] = self.get_records_of_writing(self.card)
        self.assertEqual((event.user_id, event.details), (self.salesperson, ""))

    def test_written_by_a_program(self):
        with self.catch_mails():
            self.card.message_post(body="Order 7", message_type="notification", partner_ids=self.card.ids)
            self.card.message_notify(body="Order 7", partner_ids=self.card.ids)
            self.card.with_user(self.salesperson).message_post(body="A note", message_type="comment")
        self.assertFalse(self.get_records_of_writing(self.card))

    def test_number_of_queries(self):
        """To compose to twenty costs the queries of composing to one."""
        people = self.env["res.partner"].create(
            [{"name": f"Person {n}", "email": f"person{n}@example.com"} for n in range(20)]
        )
        people[:10].gdpr_legal_basis = "consent"
        for person in people[:10]:
            person.gdpr_withdraw_consent("marketing")
        composers = [self.compose(self.card, partner_ids=[Command.set(cards.ids)]) for cards in (people[:1], people)]
        self.compose(self.card).gdpr_denials  # noqa: B018
        for composer, count in zip(composers, (1, 10), strict=True):
            self.env.flush_all()
            self.env.invalidate_all()
            composer.partner_ids.mapped("name")
            self.assertFalse(composer.subtype_is_log)
            # Every request knows its user.
            (composer.env.user.partner_id + composer.env.company.partner_id).mapped("name")
            with self.assertQueryCount(3):
                self.assertEqual(len(composer._get_gdpr_denials()), count)
