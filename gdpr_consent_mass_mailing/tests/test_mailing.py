from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tests.common import new_test_user

from odoo.addons.gdpr_consent.models.mail_mail import CONSENT_PLACEHOLDER
from odoo.addons.gdpr_consent.tests.common import ConsentCase
from odoo.addons.gdpr_consent.tests.migration_common import load_migration


@tagged("post_install", "-at_install")
class TestMailing(ConsentCase):
    """A mailing goes to those who may get it when it is sent, and says who was left out, and why."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        contacts = cls.env["res.partner"].create(
            [{"name": f"Reader {number}", "email": f"reader{number}@example.com"} for number in range(4)]
        )
        cls.agreeing, cls.refusing, cls.silent, cls.unknown = contacts
        cls.readers = contacts
        (cls.agreeing | cls.refusing | cls.silent).gdpr_legal_basis = "consent"
        cls.agreeing.gdpr_record_consent(cls.marketing, cls.email_channel, "phone", evidence="Call")
        cls.refusing.gdpr_withdraw_consent(cls.marketing)

    def make(self, records, **values):
        return self.env["mailing.mailing"].create(
            {
                "subject": "News",
                "body_html": "<p>News</p>",
                "mailing_model_id": self.env["ir.model"]._get(records._name).id,
                "mailing_domain": f"[('id', 'in', {records.ids})]",
                "gdpr_purpose_id": self.marketing.id,
                **values,
            }
        )

    def send(self, mailing):
        with self.catch_mails():
            mailing.action_send_mail()
            self.env["mail.mail"].sudo().search([("mailing_id", "=", mailing.id)]).send()
        return {address for mail in self._mails for address in mail["email_to"]}

    def test_second_record_of_who_left(self):
        """A record that nobody has looked at doesn't bring back who said no at its address; a yes there counts."""
        second, other = self.env["mailing.contact"].create(
            [{"email": " Reader1@Example.com"}, {"email": "reader0@example.com"}]
        )
        mailing = self.make(second | other)
        self.assertEqual({address.split("<")[-1].strip(">") for address in self.send(mailing)}, {"reader0@example.com"})
        trace = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id), ("gdpr_reason", "!=", False)])
        self.assertEqual((trace.res_id, trace.gdpr_reason), (second.id, "withdrawn"))

    def test_second_address_of_a_record(self):
        """A record with several addresses brings marketing to none of them whose owner said no."""
        objecting = self.env["res.partner"].create({"name": "Objecting", "email": "objecting@example.com"})
        objecting.gdpr_record_objection()
        self.agreeing.email = "reader0@example.com, reader1@example.com, home@example.com, objecting@example.com"
        listed = self.env["mailing.contact"].create({"email": "new@example.com, objecting@example.com"})
        for mailing in (self.make(self.agreeing), self.make(listed)):
            mailing.action_gdpr_check()
            check = self.env["gdpr.mailing.check"].search([("mailing_id", "=", mailing.id)])
            self.assertEqual((check.total_count, check.receiving_count), (1, 1))
            self.assertEqual((check.line_ids.reason[:14], check.line_ids.count), ("Some of severa", 1))
            recipients = {address.split("<")[-1].strip(">") for address in self.send(mailing)}
            self.assertIn(recipients, ({"reader0@example.com", "home@example.com"}, {"new@example.com"}))
            trace = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id)])
            self.assertEqual((trace.trace_status, trace.gdpr_reason), ("sent", "some_addresses"))
            self.assertIn("objecting@example.com", trace.gdpr_left_out)
            self.assertEqual(mailing.gdpr_left_out_count, 1)

    def test_second_address_of_who_objects(self):
        """An objection counts at every address of the record, also where another record has one of them."""
        self.unknown.email = "reader3@example.com; second@example.com"
        self.unknown.gdpr_record_objection()
        twin = self.env["res.partner"].create({"name": "Twin", "email": "second@example.com"})
        listed = self.env["mailing.contact"].create({"email": "Second@Example.com"})
        for record in (twin, listed):
            self.assertFalse(self.send(self.make(record)))
        person = self.unknown.gdpr_subject_id
        person._record_acts([{"subject_id": person.id, "action": "objection_lifted", "actor": "person"}])
        self.assertTrue(self.send(self.make(twin)))

    def test_second_record_with_a_history(self):
        """A history of its own in which nothing was said doesn't open a record to marketing (a no at the address)."""
        second = self.env["res.partner"].create({"name": "Second", "email": "reader1@example.com"})
        second.gdpr_legal_basis = "contract"
        second.gdpr_legal_basis = "not_applicable"
        listed = self.env["mailing.contact"].create({"email": "Reader1@example.com"})
        listed._gdpr_ensure_subjects()._record_note(values={"note": "Left another list"}, actor="person")
        for record in (second, listed):
            self.assertTrue(record.gdpr_subject_id)
            self.assertFalse(self.send(self.make(record)))
        self.assertIn(second.id, second._gdpr_find_denials("email"), "who writes to it alone is warned")
        gone = self.env["mailing.contact"].create({"email": "gone@example.com"})
        gone._gdpr_ensure_subjects().root_id._record_withdrawal(self.marketing, actor="person")
        gone.unlink()
        again = self.env["mailing.contact"].create({"email": "gone@example.com"})
        again._gdpr_ensure_subjects()
        self.assertFalse(self.send(self.make(again)))
        again.gdpr_legal_basis = "consent"
        again.gdpr_record_consent(self.marketing, self.email_channel, "phone", evidence="Call")
        self.assertTrue(self.send(self.make(again)), "the own yes counts")
        self.assertNotIn(again.id, again._gdpr_find_denials("email"))

    def test_basis_is_no_word_of_the_person(self):
        """Who unsubscribed isn't written to by way of a record whose legal basis allows it."""
        news = self.env["gdpr.purpose"].create(
            {"name": "Regular news", "code": "regular_news", "legal_basis": "legitimate_interests"}
        )
        first, twin, other = self.env["res.partner"].create(
            [
                {"name": "First", "email": "regular@example.com"},
                {"name": "Twin", "email": "Regular@example.com"},
                {"name": "Other", "email": "other.regular@example.com"},
            ]
        )
        (first | twin | other).gdpr_set_legal_basis("legitimate_interests", "Customers for years")
        first._gdpr_ensure_subjects()._record_withdrawal(news, actor="person")
        people = first | twin | other
        refusals = people._gdpr_get_send_refusals(news, self.email_channel, "marketing")
        self.assertEqual(refusals, {first.id: "withdrawn", twin.id: "withdrawn"})
        refusing = self.env["gdpr.subject"]._filter_refusing({"regular@example.com"}, news, self.email_channel)
        self.assertEqual(refusing, {"regular@example.com"})

    def test_former_address_beside_another(self):
        """Whose record was deleted is known as a further address of another record too."""
        self.refusing.unlink()
        both = self.env["mailing.contact"].create({"email": "new@example.com, reader1@example.com"})
        self.assertEqual(self.send(self.make(both)), {"new@example.com"})

    def test_left_out_of_what_did_not_leave(self):
        """A mailing that no server took isn't said to have been sent to some."""
        both = self.env["mailing.contact"].create({"email": "new@example.com, reader1@example.com"})
        mailing = self.make(both)
        mailing.action_send_mail()
        mail = self.env["mail.mail"].sudo().search([("mailing_id", "=", mailing.id)])
        mail.write({"state": "outgoing"})
        trace = mail.mailing_trace_ids
        trace.write({"gdpr_reason": False, "gdpr_left_out": False})
        mail._note_left_out({mail.id: {"reader1@example.com"}})
        self.assertEqual((mail.gdpr_left_out, trace.gdpr_reason), ("reader1@example.com", False))
        mail._postprocess_sent_message([], [], failure_type="mail_smtp")
        self.assertFalse(trace.gdpr_reason)
        mail.mark_outgoing()
        self.assertFalse(mail.gdpr_left_out)

    def test_second_address_of_who_left(self):
        """Who took the consent back isn't brought back by a record that has the second address alone."""
        self.refusing.email = "reader1@example.com; second@example.com"
        twin = self.env["res.partner"].create({"name": "Twin", "email": "second@example.com"})
        both = self.env["mailing.contact"].create({"email": "new@example.com, Second@example.com"})
        self.assertFalse(self.send(self.make(twin)))
        self.assertEqual(self.send(self.make(both)), {"new@example.com"})
        denied = self.env["gdpr.subject"]._find_denials({"second@example.com"})
        self.assertEqual(denied["second@example.com"].purpose_id, self.marketing, "who left isn't asked there either")

    def test_several_addresses_made_anew(self):
        """The record that is deleted is known by its first address."""
        self.refusing.email = "reader1@example.com, second@example.com"
        self.refusing.unlink()
        again = self.env["res.partner"].create({"name": "Again", "email": "reader1@example.com"})
        self.assertFalse(self.send(self.make(again)))

    def test_link_of_a_consent_form_opens_nothing(self):
        """What asks for consent is a request or a campaign: its link in a mailing lets nobody in who said no."""
        mailing = self.make(self.readers)
        mailing.body_html = f'{mailing.body_html}<a href="{CONSENT_PLACEHOLDER}">Choose</a>'
        self.assertNotIn(self.refusing.email_normalized, str(self.send(mailing)))
        self.assertEqual(mailing.gdpr_left_out_count, 2)

    def test_left_out_by_odoo(self):
        """Who is left out by Odoo's own rules is counted and listed with the reason too."""
        self.env["mail.blacklist"].create({"email": "reader3@example.com"})
        nowhere = self.env["res.partner"].create({"name": "Nowhere"})
        mailing = self.make(self.agreeing | self.unknown | nowhere)
        self.send(mailing)
        traces = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id), ("gdpr_reason", "!=", False)])
        self.assertEqual(
            {trace.res_id: trace.gdpr_reason for trace in traces},
            {self.unknown.id: "mail_bl", nowhere.id: "mail_email_missing"},
        )
        self.assertEqual(mailing.gdpr_left_out_count, 2)

    def test_reasons_kept_in_words(self):
        """What was sent before has the codes, whatever language whoever sent it speaks."""
        mailing = self.make(self.readers)
        self.send(mailing)
        traces = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id), ("gdpr_reason", "!=", False)])
        before = {trace: trace.gdpr_reason for trace in traces}
        words = dict(self.env["mailing.trace"]._gdpr_get_reasons())
        for trace, code in before.items():
            self.env.cr.execute("UPDATE mailing_trace SET gdpr_reason = %s WHERE id = %s", [words[code], trace.id])
        migration = load_migration("19.0.1.5.0", "post-reasons", "gdpr_consent_mass_mailing")
        migration.migrate(self.env.cr, "19.0.1.4.0")
        self.env.invalidate_all()
        self.assertEqual({trace: trace.gdpr_reason for trace in traces}, before)

    def test_contacts(self):
        mailing = self.make(self.readers)
        recipients = self.send(mailing)
        self.assertEqual(
            {address.split("<")[-1].strip(">") for address in recipients},
            # Nobody has looked at the last one: Odoo's own rules alone count.
            {"reader0@example.com", "reader3@example.com"},
        )
        traces = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id), ("gdpr_reason", "!=", False)])
        self.assertEqual(
            {trace.res_id: trace.gdpr_reason for trace in traces},
            {
                self.refusing.id: "withdrawn",
                self.silent.id: "no_consent",
            },
        )
        self.assertEqual(mailing.gdpr_left_out_count, 2)
        self.assertEqual(set(traces.mapped("trace_status")), {"cancel"})

    def test_service_message(self):
        mailing = self.make(self.readers, gdpr_message_class="service", gdpr_purpose_id=False)
        self.assertEqual(len(self.send(mailing)), 4)

    def test_service_message_is_sent_by_an_officer(self):
        mailing = self.make(self.readers, gdpr_message_class="service", gdpr_purpose_id=False)
        marketer = new_test_user(self.env, "marketer", "base.group_user,mass_mailing.group_mass_mailing_user")
        for send in ("action_launch", "action_put_in_queue"):
            with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
                getattr(mailing.with_user(marketer), send)()
        with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
            mailing.with_user(marketer).action_send_mail()
        mailing.with_user(marketer).gdpr_purpose_id = self.marketing
        mailing.with_user(marketer).gdpr_message_class = "marketing"
        mailing.with_user(marketer).action_put_in_queue()
        self.assertEqual(mailing.state, "in_queue")
        with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
            mailing.with_user(marketer).gdpr_message_class = "service"
        mailing.with_user(marketer).action_cancel()
        mailing.gdpr_message_class = "service"
        officer = new_test_user(self.env, "officer", "gdpr_consent.group_officer,mass_mailing.group_mass_mailing_user")
        mailing.with_user(officer).action_launch()
        self.assertEqual(mailing.state, "in_queue")
        # What was released is what leaves.
        for values in ({"subject": "Offer"}, {"body_html": "<p>Offer</p>"}, {"mailing_domain": "[]"}):
            with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
                mailing.with_user(marketer).write(values)
        mailing.with_user(marketer).action_cancel()
        mailing.with_user(marketer).subject = "Offer"

    def test_released_service_message_lends_its_name_to_no_other(self):
        """What an officer has released opens no door for other texts, other recipients, or after it was sent."""
        officer = new_test_user(self.env, "officer", "gdpr_consent.group_officer,mass_mailing.group_mass_mailing_user")
        marketer = new_test_user(
            self.env, "marketer", "base.group_user,base.group_partner_manager,mass_mailing.group_mass_mailing_user"
        )
        service = {"gdpr_message_class": "service", "gdpr_purpose_id": False}
        mailing = self.make(self.readers, ab_testing_enabled=True, ab_testing_pc=50, **service)
        mailing.with_user(officer).action_put_in_queue()
        composer = self.env["mail.compose.message"].with_user(marketer).with_context(active_ids=self.readers.ids)
        composer = composer.create(
            {
                "model": "res.partner",
                "composition_mode": "mass_mail",
                "mass_mailing_id": mailing.id,
                "subject": mailing.subject,
                "body": "<p>Offer</p>",
                "gdpr_message_class": "service",
            }
        )
        with self.assertRaisesRegex(UserError, "counts as marketing"), self.env.cr.savepoint():
            composer.action_send_mail()
        with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
            mailing.with_user(marketer).action_send_mail([self.refusing.id])
        # Whoever sends what was released sends just that.
        self.assertEqual(len(self.send(mailing.with_user(marketer))), 2)
        self.assertEqual(mailing.state, "done")
        mailing.with_user(marketer).favorite = True
        for values in (
            {"subject": "Offer"},
            {"body_html": "<p>Offer</p>"},
            {"email_from": "shop@example.com"},
            {"mailing_filter_id": False},
            {"user_id": marketer.id},
            {"state": "draft"},
        ):
            with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
                mailing.with_user(marketer).write(values)

    def test_service_message_in_no_roundabout_way(self):
        """Only an officer brings a service message to where it is sent, by whatever way, or changes its files."""
        marketer = new_test_user(self.env, "marketer", "base.group_user,mass_mailing.group_mass_mailing_user")
        service = {"gdpr_message_class": "service", "gdpr_purpose_id": False}
        draft = self.make(self.readers, ab_testing_enabled=True, ab_testing_pc=10, **service).with_user(marketer)
        for state in ("in_queue", "sending", "done"):
            with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
                draft.state = state
        file = self.env["ir.attachment"].create({"name": "recall.txt", "raw": b"Recall"})
        released = self.make(self.readers, attachment_ids=file.ids, **service)
        released.action_put_in_queue()
        released.with_user(marketer).action_cancel()
        for values in ({"state": "done"}, {"state": "in_queue"}):
            with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
                released.with_user(marketer).write(values)
        released.action_put_in_queue()
        file.write({"res_model": released._name, "res_id": released.id})
        for change in (lambda: file.with_user(marketer).write({"raw": b"Offer"}), file.with_user(marketer).unlink):
            with self.assertRaisesRegex(ValidationError, "Ask your privacy officer"), self.env.cr.savepoint():
                change()
        self.assertEqual(file.raw, b"Recall")

    def test_test_is_no_way_round(self):
        """A test of a marketing mailing goes to colleagues, not to who said no."""
        mailing = self.make(self.readers)
        test = self.env["mailing.mailing.test"].create(
            {"mass_mailing_id": mailing.id, "email_to": f"me@example.com\n{self.refusing.email_formatted}"}
        )
        with self.assertRaisesRegex(UserError, "reader1@example.com: whoever has this address or number said no"):
            test.send_mail_test()
        colleague = new_test_user(self.env, "tester", "base.group_user", email="reader1@example.com")
        with self.catch_mails():
            test.send_mail_test()
        self.assertEqual(len(self._mails), 2, colleague.name)

    def test_marketing_without_a_purpose(self):
        """What is for nothing goes to nobody: no purpose can be left out on the way."""
        mailing = self.make(self.readers)
        mailing.gdpr_purpose_id = False
        with self.assertRaisesRegex(ValidationError, "what the mailing is for"), self.env.cr.savepoint():
            mailing.state = "in_queue"
        self.assertFalse(self.send(mailing))

    def test_objection_outlives_the_record(self):
        """Who objects isn't brought back by a new record, whatever list a mailing is told to pass."""
        self.unknown.gdpr_record_objection()
        email = self.unknown.email
        self.unknown.unlink()
        again = self.env["res.partner"].create({"name": "Again", "email": email})
        self.assertFalse(self.send(self.make(again, use_exclusion_list=False)))

    def test_service_message_to_who_objects(self):
        """Calling a mailing a service message is no way around an objection; the list can be passed by unticking it."""
        self.agreeing[:1].gdpr_record_objection()
        values = {"gdpr_message_class": "service", "gdpr_purpose_id": False}
        self.assertEqual(len(self.send(self.make(self.readers, **values))), 3)
        self.assertEqual(len(self.send(self.make(self.readers, use_exclusion_list=False, **values))), 4)

    def test_check_before_sending(self):
        mailing = self.make(self.readers)
        check = self.env["gdpr.mailing.check"].browse(mailing.action_gdpr_check()["res_id"])
        self.assertEqual((check.total_count, check.receiving_count), (4, 2))
        shown = self.env["res.partner"]
        for line in check.line_ids:
            shown |= self.env["res.partner"].search(line.action_open()["domain"])
        self.assertEqual(shown, self.refusing | self.silent)

    def test_check_of_an_ab_test(self):
        """Whom the check is about is chosen at random, and the mailing chooses anew: it says so."""
        check = self.env["gdpr.mailing.check"]
        self.assertFalse(check.browse(self.make(self.readers).action_gdpr_check()["res_id"]).is_sample)
        mailing = self.make(self.readers, ab_testing_enabled=True, ab_testing_pc=50)
        check = check.browse(mailing.action_gdpr_check()["res_id"])
        self.assertEqual((check.is_sample, check.total_count), (True, 2))

    def test_check_says_odoos_reasons(self):
        """What Odoo leaves out by itself counts beforehand as it does when the mailing is sent."""
        people = self.env["res.partner"].create(
            [
                {"name": "Blocked", "email": "blocked@example.com"},
                {"name": "First", "email": "twice@example.com"},
                {"name": "Second", "email": "Twice@example.com"},
                {"name": "Unreachable", "email": "nonsense"},
                {"name": "Without"},
            ]
        )
        self.env["mail.blacklist"]._add("blocked@example.com")
        mailing = self.make(people)
        check = self.env["gdpr.mailing.check"].browse(mailing.action_gdpr_check()["res_id"])
        self.assertEqual((check.total_count, check.receiving_count), (5, 1))
        found = {line.card_ids[0]: line.reason for line in check.line_ids}
        self.assertEqual(set(found), set((people - people[1]).ids))
        self.assertEqual(len(set(found.values())), 4, "Each for a reason of its own.")
        self.assertEqual(len(self.send(mailing)), 1)

    def test_check_of_a_list(self):
        news = self.env["mailing.list"].create({"name": "News"})
        staying, leaving = self.env["mailing.contact"].create(
            [{"email": f"{name}@example.com", "list_ids": [(4, news.id)]} for name in ("staying", "leaving")]
        )
        # By Odoo alone, where the add-on doesn't cover mailing contacts.
        self.env["gdpr.scope"].search([("model", "=", "mailing.contact")]).active = False
        leaving.subscription_ids.opt_out = True
        mailing = self.env["mailing.mailing"].create(
            {
                "subject": "News",
                "body_html": "<p>News</p>",
                "mailing_model_id": self.env["ir.model"]._get("mailing.list").id,
                "contact_list_ids": [(4, news.id)],
            }
        )
        check = self.env["gdpr.mailing.check"].browse(mailing.action_gdpr_check()["res_id"])
        self.assertEqual((check.total_count, check.receiving_count), (2, 1))
        self.assertEqual(check.line_ids.card_ids, leaving.ids)

    def test_withdrawn_while_in_the_queue(self):
        mailing = self.make(self.agreeing)
        with patch.object(self.env.registry["mail.mail"], "send", return_value=True):
            mailing.action_send_mail()
        mails = self.env["mail.mail"].sudo().search([("mailing_id", "=", mailing.id), ("state", "=", "outgoing")])
        self.assertTrue(mails, "The mail waits in the queue.")
        self.agreeing.gdpr_withdraw_consent(self.marketing)
        with self.catch_mails():
            mails.send()
        self.assertFalse(self._mails)
        trace = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id)])
        self.assertEqual((trace.trace_status, trace.gdpr_reason), ("cancel", "withdrawn"))

    def test_leads_and_mailing_contacts(self):
        self.lead.gdpr_record_consent(self.marketing, self.email_channel, "phone", evidence="Call")
        contact = self.env["mailing.contact"].create({"name": "Reader", "email": "list@example.com"})
        contact.gdpr_legal_basis = "consent"
        self.assertEqual(len(self.send(self.make(self.lead))), 1)
        self.assertFalse(self.send(self.make(contact)))

    def test_purpose_is_asked_for(self):
        mailing = self.make(self.readers)
        mailing.gdpr_purpose_id = False
        with self.assertRaisesRegex(UserError, "what the mailing is for"):
            mailing.action_launch()

    def test_one_click_takes_back_the_purpose(self):
        mailing = self.make(self.agreeing)
        with self.catch_mails():
            mailing.action_send_mail()
            self.env["mail.mail"].sudo().search([("mailing_id", "=", mailing.id)]).send()
        headers = self._mails[-1]["headers"]
        self.assertIn("/gdpr/unsubscribe/", headers["List-Unsubscribe"])
        self.assertEqual(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click")

    def test_many_cost_as_few_queries(self):
        def count(number):
            people = self.env["res.partner"].create(
                [{"name": f"Many {number}", "email": f"many{number}-{place}@example.com"} for place in range(number)]
            )
            people.gdpr_legal_basis = "consent"
            check = self.env["gdpr.mailing.check"].create({"mailing_id": self.make(people).id})
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            check._check()
            return self.cr.sql_log_count - before

        count(2)
        self.assertLessEqual(count(80), count(2) + 2)
