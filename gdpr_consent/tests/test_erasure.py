from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import freeze_time, new_test_user, tagged
from odoo.tools import mute_logger

from ..tools.person_identifiers import PersonIdentifiers
from .erasure_common import EMAIL, NAME, PHONE, TERMS, ErasureCase

# A dot.
IMAGE = b"R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="


@tagged("post_install", "-at_install")
class TestErasurePlan(ErasureCase):
    """Nothing is erased before it was planned, looked at and approved."""

    def test_plan_names_what_happens(self):
        self.person.message_post(body="Hello")
        lead = self.env["crm.lead"].create({"name": "Boat", "partner_id": self.person.id})
        lines = self.plan()
        self.assertEqual(lines["res.partner", "all"].count, 1)
        self.assertIn(NAME, lines["res.partner", "all"].examples)
        self.assertEqual(lines["crm.lead", "all"].res_ids, lead.ids)
        self.assertEqual(lines["crm.lead", "all"].action, "delete")
        self.assertTrue(lines["mail.message", "all"].count)

    def test_plan_holds_no_personal_data(self):
        request = self.ask_erasure()
        self.plan(request)
        tables = ["gdpr_erasure_plan_line", "gdpr_erasure_doubt", "gdpr_erasure_journal", "gdpr_erasure_journal_entry"]
        self.assertEqual(self.find_traces(tables=tables), [])

    def test_keep_needs_ground_and_end(self):
        lines = self.plan()
        with self.assertRaises(ValidationError):
            lines["res.partner", "all"].action = "keep"
        with self.assertRaises(ValidationError):
            lines["res.partner", "all"].write({"action": "keep", "ground": "legal_claims"})
        kept = {"action": "keep", "ground": "legal_claims", "keep_until": "2030-01-01"}
        with self.assertRaisesRegex(UserError, "say why"):
            lines["res.partner", "all"].write({**kept, "reason": "  "})
        with self.assertRaisesRegex(UserError, "no end"):
            lines["res.partner", "all"].write({**kept, "reason": "Lawsuit 7", "keep_until": "9999-12-31"})
        lines["res.partner", "all"].write({**kept, "reason": "Lawsuit 7"})
        self.assertTrue(lines["res.partner", "all"].is_corrected)

    def test_corrections_outlive_a_new_plan(self):
        lead = self.env["crm.lead"].create({"name": "Boat", "partner_id": self.person.id})
        request = self.ask_erasure()
        line = self.plan(request)["crm.lead", "all"]
        line.write({"action": "keep", "ground": "legal_claims", "keep_until": "2030-01-01", "reason": "Lawsuit 7"})
        lead |= self.env["crm.lead"].create({"name": "Another boat", "partner_id": self.person.id})
        self.plan(request)
        self.assertEqual((line.action, line.reason, set(line.res_ids)), ("keep", "Lawsuit 7", set(lead.ids)))

    def test_what_came_in_since_is_said(self):
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        self.env["crm.lead"].create({"name": "Boat", "partner_id": self.person.id})
        action = request.action_approve()
        self.assertEqual(action["tag"], "display_notification")
        self.assertEqual(request.erasure_state, "planned")
        request.action_approve()
        self.env["crm.lead"].create({"name": "Another", "partner_id": self.person.id})
        self.assertEqual(request.action_execute()["tag"], "display_notification")
        self.assertEqual(request.erasure_state, "planned")

    def create_portal_user(self):
        """Give the person a login."""
        portal = self.env.ref("base.group_portal")
        values = {"login": EMAIL, "partner_id": self.person.id, "group_ids": [Command.set(portal.ids)]}
        return self.env["res.users"].create(values)

    def test_what_odoo_notes_by_itself_joins_the_plan(self):
        """Who logs in every day doesn't put the erasure off for ever."""
        user = self.create_portal_user()
        logs = self.env["res.users.log"].with_user(user).sudo()
        logs.create({})
        request = self.ask_erasure().with_user(self.officer)
        line = self.plan(request)["res.users.log", "all"]
        logs.create({})
        self.assertIs(request.action_approve(), True)
        self.assertEqual((request.erasure_state, len(line.res_ids)), ("approved", 2))
        logs.create({})
        self.assertIs(request.action_execute(), True)
        logs.create({})
        self.run_erasure()
        self.assertEqual(request.sudo().erasure_state, "finished", request.sudo().erasure_note)
        self.assertFalse(logs.search_count([("create_uid", "=", user.id)]))

    def test_what_odoo_notes_is_asked_about_where_it_is_kept(self):
        user = self.create_portal_user()
        logs = self.env["res.users.log"].with_user(user).sudo()
        logs.create({})
        request = self.ask_erasure().with_user(self.officer)
        line = self.plan(request)["res.users.log", "all"]
        line.write({"action": "keep", "ground": "legal_claims", "keep_until": "2030-01-01", "reason": "Lawsuit 7"})
        logs.create({})
        self.assertEqual(request.with_user(self.second_officer).action_approve()["tag"], "display_notification")

    def test_what_comes_in_after_the_order_is_looked_at(self):
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        self.env["crm.lead"].create({"name": "Boat", "partner_id": self.person.id})
        self.run_erasure()
        self.assertEqual(request.erasure_state, "planned")
        self.assertTrue(self.person.exists().name == NAME)
        self.assertIn("changed", str(request.activity_ids.mapped("summary")))

    def test_taking_up_again_is_no_order(self):
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        request.action_cancel()
        request.action_reopen()
        self.run_erasure()
        self.assertEqual((request.erasure_state, self.person.name), ("planned", NAME))

    def test_doubtful_records_need_a_word(self):
        self.env["res.partner"].create({"name": "Somebody Else", "email": EMAIL})
        theirs, others = self.env["crm.lead"].create(
            [{"name": "Boat", "email_from": EMAIL}, {"name": "Car", "email_from": EMAIL}]
        )
        request = self.ask_erasure().with_user(self.officer)
        line = self.plan(request)["crm.lead", "all"]
        self.assertEqual((line.count, line.doubtful_count), (0, 2))
        with self.assertRaisesRegex(UserError, "somebody else's"):
            request.action_approve()
        doubts = line.doubt_ids.grouped("res_id")
        doubts[theirs.id].action_theirs()
        doubts[others.id].action_others()
        self.erase(request)
        self.assertFalse(theirs.exists())
        self.assertTrue(others.exists())

    def test_address_of_doubtful_records_is_remembered(self):
        """Once all of them are said to be the person's nobody else has the address, so it doesn't come back."""
        twin = self.env["res.partner"].create({"name": "Zelda Q.", "email": EMAIL})
        lead = self.env["crm.lead"].create({"name": "Boat", "email_from": EMAIL, "partner_id": twin.id})
        lead.gdpr_legal_basis = "consent"
        lead.partner_id = False
        twin.unlink()
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.plan_line_ids.doubt_ids.action_theirs()
        self.erase(request)
        self.assertEqual(request.sudo().erasure_state, "finished", request.sudo().erasure_note)
        self.assertFalse(lead.exists())
        self.assertTrue(self.env["gdpr.suppression"]._recognise({1: [("email", EMAIL)]}))
        again = self.env["res.partner"].create({"name": "Zelda Again", "email": EMAIL})
        self.assertTrue(again.gdpr_restricted)

    def test_second_officer(self):
        self.env.company.gdpr_erasure_second_officer = True
        request = self.ask_erasure()
        self.plan(request)
        with self.assertRaisesRegex(UserError, "Somebody else"):
            request.with_user(self.officer).action_approve()
        request.with_user(self.second_officer).action_approve()
        self.assertEqual(request.approved_by_id, self.second_officer)

    def test_second_officer_who_corrects(self):
        """Who changes what happens can't approve it alone."""
        self.env.company.gdpr_erasure_second_officer = True
        request = self.ask_erasure()
        self.plan(request)
        request.plan_line_ids[:1].with_user(self.second_officer).reason = "Looked at once more"
        with self.assertRaisesRegex(UserError, "Somebody else"):
            request.with_user(self.second_officer).action_approve()

    def test_nothing_without_approval(self):
        request = self.ask_erasure().with_user(self.officer)
        with self.assertRaises(UserError):
            request.action_approve()
        self.plan(request)
        with self.assertRaises(UserError):
            request.action_execute()
        with self.assertRaises(UserError):
            request.action_fulfil()
        self.run_erasure()
        self.assertEqual(self.person.name, NAME)

    def test_approved_plan_stands(self):
        request = self.ask_erasure().with_user(self.officer)
        line = self.plan(request)["res.partner", "all"]
        request.action_approve()
        with self.assertRaisesRegex(UserError, "approved already"):
            line.action = "delete"

    def test_approved_plan_stands_in_any_context(self):
        self.env["crm.lead"].create([{"name": name, "email_from": EMAIL} for name in ("One", "Two")])
        self.env["res.partner"].create({"name": "Zoe Quirinale", "email": EMAIL})
        request = self.ask_erasure().with_user(self.officer)
        line = self.plan(request)["res.partner", "all"]
        doubts = request.plan_line_ids.doubt_ids
        doubts.decision = "others"
        request.action_approve()
        for record in (line, doubts):
            with self.assertRaisesRegex(UserError, "approved already"):
                name, value = ("action", "delete") if record == line else ("decision", "theirs")
                record.with_context(gdpr_planning=True)[name] = value
        for values in ({"model": "crm.lead"}, {"res_ids": [1]}, {"part": "identity"}):
            with self.assertRaises(AccessError):
                line.write(values)
        for values in ({"res_id": 1}, {"line_id": line.id}):
            with self.assertRaises(AccessError):
                doubts[:1].write(values)

    def test_what_nobody_declared_is_acknowledged(self):
        self.addCleanup(self.registry.reset_changes)
        self.env["ir.model.fields"].create(
            {
                "name": "x_witness_email",
                "ttype": "char",
                "field_description": "Witness",
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
            }
        )
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        with self.assertRaisesRegex(UserError, "crm.lead: x_witness_email"):
            request.action_approve()
        request.action_accept_gaps()
        self.assertIn("gaps_accepted", request.step_ids.mapped("action"))
        request.action_approve()
        self.assertEqual(request.erasure_state, "approved")

    def test_nonsense_is_refused(self):
        line = self.plan()["res.partner", "all"]
        with self.assertRaisesRegex(UserError, "the person's own"):
            line.action = "detach"
        with self.assertRaisesRegex(UserError, "a day that is over"):
            line.write({"action": "keep", "ground": "contract", "keep_until": "2001-01-01"})

    def test_only_officers(self):
        request = self.ask_erasure()
        for user in (self.salesperson, self.employee):
            with self.assertRaises(AccessError):
                request.with_user(user).action_plan()

    def test_delay_can_be_used_to_take_it_back(self):
        self.env.company.gdpr_erasure_delay_days = 3
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        self.run_erasure()
        self.assertEqual((request.erasure_state, self.person.name), ("queued", NAME))
        # Nobody writes any more to who is about to be erased.
        self.assertTrue(self.person.gdpr_restricted)
        for _time in range(2):
            request.action_hold_erasure()
        self.assertEqual(request.erasure_state, "approved")
        self.assertFalse(self.person.gdpr_restricted)
        steps = request.step_ids.filtered(lambda step: step.action in ("ordered", "held"))
        self.assertEqual(steps.mapped("action"), ["ordered", "held"])
        self.assertEqual(steps.user_id, self.officer)
        self.assertLedgerSound()

    def test_order_that_is_taken_back_undoes_nothing_else(self):
        """Whoever had asked to stop stays suspended; and an order lapses with the request."""
        self.env.company.gdpr_erasure_delay_days = 3
        with self.catch_mails():
            stop = self.person.with_user(self.officer)._gdpr_receive_request("restriction")
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        request.action_hold_erasure()
        self.assertTrue(self.person.gdpr_restricted and stop.is_suspending)
        other = self.env["res.partner"].create({"name": "Other", "email": "other@example.com"})
        request = self.ask_erasure(other).with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        self.assertTrue(other.gdpr_restricted)
        with self.catch_mails():
            request.action_cancel()
        self.assertFalse(other.gdpr_restricted)

    def test_other_companys_officer_holds_nothing(self):
        self.env.company.gdpr_erasure_delay_days = 3
        other = self.env["res.company"].create({"name": "Other company"})
        stranger = new_test_user(
            self.env, "stranger", "gdpr_consent.group_officer", company_id=other.id, company_ids=[(6, 0, other.ids)]
        )
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        with self.assertRaises(AccessError):
            request.with_user(stranger).action_hold_erasure()
        self.assertEqual((request.erasure_state, request.ordered_by_id), ("queued", self.officer))

    def test_other_companys_mails_stay(self):
        """What another company has in the queue to a contact of both is its own."""
        other = self.env["res.company"].create({"name": "Other company", "email": "other@example.com"})
        mails = self.env["mail.mail"]
        for company in (self.env.company, other):
            mails += mails.create(
                {
                    "subject": company.name,
                    "body_html": "Hello",
                    "email_to": EMAIL,
                    "record_company_id": company.id,
                }
            )
        card = self.person.with_user(self.officer)
        with self.catch_mails():
            self.person.sudo().with_company(other)._gdpr_receive_request("restriction")
        theirs = mails.search([("record_company_id", "=", other.id), ("id", "not in", mails.ids)])
        lines = self.plan(card._gdpr_receive_request("erasure"))
        planned = mails.browse(lines["mail.mail", "all"].res_ids)
        self.assertIn(mails[0], planned)
        self.assertFalse(planned.record_company_id - self.env.company)
        self.assertTrue(theirs)

    def test_done_twice(self):
        """A second click, or another officer, is told nothing that isn't so."""
        self.env.company.gdpr_erasure_delay_days = 3
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        for _click in range(2):
            request.action_approve()
        for _click in range(2):
            request.action_execute()
        self.assertEqual(request.step_ids.mapped("action").count("approved"), 1)
        self.assertEqual(request.step_ids.mapped("action").count("ordered"), 1)
        with self.assertRaisesRegex(UserError, "ordered already"):
            request.action_approve()
        with self.assertRaisesRegex(UserError, "Don't Erase Yet"):
            request.action_plan()

    def test_what_comes_in_before_it_begins(self):
        """The order lapses, and the person isn't written to until an officer has looked, or the request is closed."""
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        self.person.message_post(body="Came in")
        self.run_erasure()
        self.assertEqual(request.erasure_state, "planned")
        self.assertTrue(self.person.gdpr_restricted and request.is_order_lapsed)
        self.assertFalse(request.ordered_by_id)
        held = request.step_ids.filtered(lambda step: step.action == "held")
        self.assertIn("came in or went", held.note)
        with self.assertRaisesRegex(UserError, "about to be erased"):
            self.person.gdpr_subject_id.with_user(self.officer)._lift_restriction()
        for end in (request.action_hold_erasure, request.action_cancel):
            with self.subTest(end=end), self.env.cr.savepoint() as savepoint, self.catch_mails():
                end()
                self.assertFalse(self.person.gdpr_restricted or request.is_order_lapsed)
                savepoint.rollback()
            self.env.invalidate_all()
        request.action_approve()
        request.action_execute()
        self.run_erasure()
        self.assertEqual(request.sudo().erasure_state, "finished", request.sudo().erasure_note)

    def test_address_that_nobody_checked(self):
        """The last mail tells what was held: it goes to no address that may be anybody's."""
        self.env.company.gdpr_erasure_delay_days = 3
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.email = "anybody@example.com"
        request.sudo().assurance = "none"
        with self.assertRaisesRegex(UserError, "Check the identity first"):
            request.action_approve()
        request.email = EMAIL
        request.action_approve()
        request.action_execute()
        request.email = "anybody@example.com"
        request.sudo().assurance = "none"
        request.sudo().erase_on = fields.Datetime.now()
        self.run_erasure()
        self.assertEqual(request.erasure_state, "approved")
        self.assertIn("Nobody has made sure whose", str(request.activity_ids.mapped("summary")))
        self.assertTrue(self.person.exists())

    def test_held_after_what_had_suspended_ended(self):
        """Who had obtained the suspension is told before it ends, and the officer that it is left to do."""
        self.env.company.gdpr_erasure_delay_days = 3
        with self.catch_mails():
            stop = self.person.with_user(self.officer)._gdpr_receive_request("restriction")
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        stop.sudo().is_suspending = False
        request.action_hold_erasure()
        self.assertTrue(self.person.gdpr_restricted)
        self.assertIn("resume it on the data subject", str(request.activity_ids.mapped("summary")))

    def test_nothing_to_empty(self):
        """What the data map has no fields of can't be made anonymous: the person would read that it was."""
        self.person.message_post(body="Hello")
        place = self.env.ref("gdpr_consent.data_map_mail_message")
        place.write({"erasure": "anonymise"})
        place.field_ids.erasure = "keep"
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        with self.assertRaisesRegex(UserError, "names no field that is emptied"):
            request.action_approve()
        request.plan_line_ids.filtered(lambda line: line.map_id == place).action = "delete"
        request.action_approve()
        self.assertEqual(request.erasure_state, "approved")

    def test_nothing_to_take_out(self):
        """A row that neither leads straight to the person nor has texts takes nobody out."""
        message = self.person.message_post(body="Hello", author_id=self.person.id)
        colleague = self.officer.partner_id
        message.notification_ids = [(0, 0, {"res_partner_id": colleague.id, "notification_type": "inbox"})]
        place = self.env.ref("gdpr_consent.data_map_mail_notification")
        place.write({"erasure": "detach", "path": "mail_message_id.author_id", "email_fields": False})
        place.phone_fields = False
        place.field_ids.erasure = "keep"
        request = self.ask_erasure().with_user(self.officer)
        line = self.plan(request)["mail.notification", "all"]
        with self.assertRaisesRegex(UserError, "no link to the person"):
            request.action_approve()
        line.action = "delete"
        request.action_accept_gaps()
        request.action_approve()
        self.assertEqual(request.erasure_state, "approved")

    def test_plan_in_the_readers_language(self):
        self.env["res.lang"]._activate_lang("it_IT")
        place = self.env.ref("gdpr_consent.data_map_res_partner")
        place.with_context(lang="it_IT").name = "Contatti"
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        line = request.plan_line_ids.filtered(lambda line: line.map_id == place)
        self.assertEqual(line.place_name, place.name)
        self.assertEqual(line.with_context(lang="it_IT").place_name, "Contatti")

    def test_what_came_in_is_named(self):
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        self.env["calendar.event"].create(
            {"name": "Lunch", "partner_ids": [(6, 0, self.person.ids)], "start": "2026-01-02", "stop": "2026-01-02"}
        )
        request.action_approve()
        self.assertEqual(request.erasure_state, "planned")
        self.assertRegex(request.erasure_note, r"came in or went \(.*: 0 → 1")

    def test_colleagues_and_companies_are_refused(self):
        for card in (self.officer.partner_id, self.env.company.partner_id):
            request = self.env["gdpr.subject.request"]._receive(card._gdpr_ensure_subjects(), "erasure")
            with self.assertRaises(UserError):
                request.action_plan()


@tagged("post_install", "-at_install")
class TestErasure(ErasureCase):
    """What was approved is done, and nothing is left but what the plan keeps."""

    def answer_and_correct(self):
        """Let an officer prepare what the person asked for, and receive a correction."""
        request = self.person.with_user(self.officer)._gdpr_receive_request("portability")
        request.action_prepare_answer()
        self.assertIn(NAME, request.answer_id.item_ids.mapped("original_text"))
        request.answer_id.item_ids.decision = "include"
        request.answer_id.action_approve()
        self.assertTrue(request.sudo().answer_id.attachment_ids)
        correction = self.person.with_user(self.officer)._gdpr_receive_request("rectification")
        correction._propose_corrections([("res.partner", self.person.id, "name", f"{NAME} the Second")])
        self.assertTrue(correction.correction_ids)

    def test_nothing_is_left(self):
        self.ask(self.person)
        self.person.gdpr_record_consent(
            self.marketing, self.email_channel, "phone", note=f"{NAME} called", evidence=f"Heard {NAME}"
        )
        self.person.message_post(body=f"Dear {NAME}", attachments=[("zelda.txt", f"for {NAME}".encode())])
        self.person.activity_schedule("mail.mail_activity_data_todo", summary=f"Call {NAME}")
        lead = self.env["crm.lead"].create(
            {"name": f"Boat for {NAME}", "contact_name": NAME, "partner_id": self.person.id, "phone": PHONE}
        )
        lead.phone = "+39 02 1234567"
        self.env["res.partner"].create(
            {"name": f"{NAME}, home", "parent_id": self.person.id, "type": "delivery", "street": "Via Quirinale 9"}
        )
        self.env["res.users"].with_context(no_reset_password=True).create(
            {
                "login": EMAIL,
                "partner_id": self.person.id,
                "group_ids": [(6, 0, self.env.ref("base.group_portal").ids)],
            }
        )
        self.env["mail.blacklist"]._add(EMAIL)
        self.answer_and_correct()
        self.env.flush_all()
        request = self.erase()
        failures = request.plan_line_ids.mapped(lambda line: (line.model, line.failure))
        self.assertEqual(request.erasure_state, "finished", (request.erasure_note, failures))
        self.assertEqual(request.state, "done")
        self.assertEqual([str(trace) for trace in self.find_traces()], [])
        self.assertLedgerSound()
        self.assertIn("erased", request.subject_id.history_ids.mapped("action"))
        self.assertFalse(lead.exists())

    def test_person_is_told_and_a_certificate_filed(self):
        self.env.company._gdpr_set_request_alias("privacy", self.mail_alias_domain)
        request = self.ask_erasure()
        self.plan(request)
        request.with_user(self.officer).action_approve()
        request.with_user(self.officer).action_execute()
        with self.catch_mails(), self.enter_registry_test_mode():
            self.env.ref("gdpr_consent.ir_cron_erasure").method_direct_trigger()
            told = [mail for mail in self._mails if EMAIL in str(mail["email_to"])]
        self.env.invalidate_all()
        self.assertEqual(len(told), 1)
        self.assertIn("Made anonymous: Contact", told[0]["body"])
        self.assertIn("a code made from it", told[0]["body"])
        self.assertIn(self.env.company._gdpr_get_request_address(), told[0]["reply_to"])
        self.assertFalse(request.email)
        certificate = self.env["ir.attachment"].search(
            [("res_model", "=", "gdpr.subject.request"), ("res_id", "=", request.id)]
        )
        self.assertEqual(len(certificate), 1)
        self.assertNotIn(NAME.encode(), certificate.raw)
        self.assertTrue(request.resolution)
        self.assertIn("executed", request.step_ids.mapped("action"))

    def test_files_are_gone(self):
        content = f"a letter to {NAME}".encode()
        self.env["ir.attachment"].create(
            {"name": "letter.txt", "raw": content, "res_model": "res.partner", "res_id": self.person.id}
        )
        self.person.image_1920 = IMAGE
        self.assertTrue(self.find_files())
        self.erase()
        self.assertEqual(self.find_files(), [])
        images = [("res_model", "=", "res.partner"), ("res_id", "=", self.person.id), ("res_field", "!=", False)]
        self.assertFalse(self.env["ir.attachment"].search(images))

    def test_what_is_shared_stays(self):
        other = self.env["res.partner"].create({"name": "Other"})
        content = b"our terms and conditions"
        files = self.env["ir.attachment"].create(
            [
                {"name": "terms.txt", "raw": content, "res_model": "res.partner", "res_id": card.id}
                for card in (self.person, other)
            ]
        )
        self.erase()
        self.assertEqual(files.exists().raw, content)
        self.assertEqual(files.exists().res_id, other.id)

    @mute_logger("odoo.sql_db")
    def test_failure_is_said_and_tried_again(self):
        message = self.person.message_post(body="Hello")
        self.env.cr.execute(
            "CREATE TABLE gdpr_test_reference (message_id integer REFERENCES mail_message ON DELETE RESTRICT)"
        )
        self.env.cr.execute("INSERT INTO gdpr_test_reference VALUES (%s)", [message.id])
        request = self.erase()
        self.assertEqual(request.erasure_state, "blocked")
        line = request.plan_line_ids.filtered(lambda line: line.model == "mail.message")
        self.assertEqual(line.failed_count, 1)
        self.assertIn("gdpr_test_reference", line.failure)
        self.assertIn("couldn't be erased", str(request.activity_ids.mapped("summary")))
        # Nothing that leads to the rest is touched before the rest is gone.
        self.assertEqual(self.person.name, NAME)
        with self.assertRaises(UserError):
            request.with_user(self.officer).action_cancel()
        self.env.cr.execute("DELETE FROM gdpr_test_reference")
        request.with_user(self.officer).action_retry_erasure()
        self.run_erasure()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertFalse(message.exists())

    def test_card_that_others_refer_to_is_emptied(self):
        lead = self.env["crm.lead"].create({"name": "Boat", "contact_name": NAME, "partner_id": self.person.id})
        self.env.cr.execute("CREATE TABLE gdpr_test_reference (lead_id integer REFERENCES crm_lead ON DELETE RESTRICT)")
        self.env.cr.execute("INSERT INTO gdpr_test_reference VALUES (%s)", [lead.id])
        with mute_logger("odoo.sql_db"):
            request = self.erase()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertTrue(lead.exists())
        self.assertEqual([str(trace) for trace in self.find_traces()], [])

    def test_what_comes_in_meanwhile_goes_too(self):
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        request.action_execute()
        request.sudo()._erase_next()
        self.person.message_post(body=f"Late news for {NAME}")
        self.run_erasure()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertEqual([str(trace) for trace in self.find_traces()], [])

    def test_employer_and_colleagues_are_untouched(self):
        employer = self.env["res.partner"].create(
            {"name": "Boats Inc.", "is_company": True, "street": "Harbour 1", "vat": "IT12345670017"}
        )
        colleague = self.env["res.partner"].create({"name": "Bob", "parent_id": employer.id})
        self.person.write({"parent_id": employer.id, "street": "Harbour 1"})
        self.erase()
        self.env.invalidate_all()
        self.assertEqual((employer.street, employer.vat, colleague.parent_id), ("Harbour 1", "IT12345670017", employer))

    def test_twice_is_once(self):
        request = self.erase()
        entries = request.erasure_journal_id.entry_ids
        entries.write({"state": "todo"})
        for entry in entries:
            entry._carry_out()
        self.assertEqual(set(entries.mapped("state")), {"done"})

    def test_journal_names_nobody_and_stays(self):
        self.erase()
        journal = self.env["gdpr.erasure.journal"].search([], limit=1)
        self.assertTrue(journal.sudo().identifier_digests)
        with self.assertRaises(AccessError):
            journal.unlink()
        with self.assertRaises(AccessError):
            journal.with_user(self.officer).write({"name": "x"})

    def test_person_is_taken_out_of_what_is_others_too(self):
        place = self.env["gdpr.data.map"].create(
            {
                "name": "Meetings",
                "sequence": 200,
                "model": "calendar.event",
                "path": "partner_ids",
                "erasure": "detach",
                "field_ids": [(0, 0, {"names": "name, description", "origin": "observed", "is_free_text": True})],
            }
        )
        self.env["gdpr.data.map"].search([("model", "=", "calendar.event"), ("id", "!=", place.id)]).active = False
        meeting = self.env["calendar.event"].create(
            {
                "name": f"{NAME} and Bob",
                "start": "2026-03-02 10:00:00",
                "stop": "2026-03-02 11:00:00",
                "description": f"<p>Call {PHONE} or write to {EMAIL}. Bring the plans.</p>",
                "partner_ids": [(6, 0, (self.person | self.partner).ids)],
            }
        )
        called = meeting.copy({"name": f"Lunch with {NAME.split()[0]}", "description": False})
        request = self.ask_erasure()
        self.plan(request)
        # The rows that were archived declared more.
        request.with_user(self.officer).action_accept_gaps()
        self.erase(request)
        self.env.invalidate_all()
        self.assertEqual(meeting.partner_ids, self.partner)
        self.assertEqual(meeting.name, "[Erased] and Bob")
        self.assertIn("Bring the plans", meeting.description)
        self.assertEqual([str(trace) for trace in self.find_traces()], [])
        told = " ".join(request.activity_ids.mapped("summary"))
        self.assertIn(f"Calendar Event {called.id}", told)
        self.assertNotIn(f"Calendar Event {meeting.id}", told)

    def test_however_it_is_written(self):
        """In addresses of the web, and as it is dialled inside the country; what is longer is no number of a person."""
        person = PersonIdentifiers(emails={EMAIL}, phones={"390815550101"})
        person.names.add(NAME)
        encoded = EMAIL.replace("@", "%40")
        for text, redacted in (
            (f"mailto:{encoded}?subject=Boats", "mailto:[Erased]?subject=Boats"),
            ("tel:+39%20081%20555%200101", "tel:[Erased]"),
            ("tel:%2B390815550101", "tel:[Erased]"),
            ("Call 081 555 0101, or 081-5550101.", "Call [Erased], or [Erased]."),
            ("sms?to=%200815550101", "sms?to=[Erased]"),
            ("+39 (0)81 555", "+39 (0)81 555"),
            ("+39\u00a0081\u00a0555\u00a00101", "[Erased]"),
            ("?name=Zelda%20Quirinale", "?name=[Erased]"),
            *((text, text) for text in ("SO0815550101", "2026/0815550101", "08155501012", "40815550101")),
            *((text, text) for text in ("12-081-555-0101", "081-555-0101-777", "81 555 0101")),
        ):
            tag = self.env["crm.tag"].create({"name": f"About {text}"})
            self.assertEqual(
                bool(self.find_traces([EMAIL, "+390815550101", NAME], ["crm_tag"])), redacted != text, text
            )
            tag._gdpr_redact(["name"], person)
            self.assertEqual(tag.name, f"About {redacted}")
            tag.unlink()

    def test_every_language(self):
        self.env["res.lang"]._activate_lang("it_IT")
        tag = self.env["crm.tag"].create({"name": f"Boats of {NAME}"})
        tag.with_context(lang="it_IT").name = f"Barche di {NAME}"
        person = PersonIdentifiers()
        person.names.add(NAME)
        tag._gdpr_redact(["name"], person)
        self.assertEqual(tag.name, "Boats of [Erased]")
        self.assertEqual(tag.with_context(lang="it_IT").name, "Barche di [Erased]")
        self.assertEqual([str(trace) for trace in self.find_traces(tables=["crm_tag"])], [])

    def make_shared_meeting(self):
        """Give a meeting of the person with somebody else."""
        return self.env["calendar.event"].create(
            {
                "name": "Boats",
                "start": "2026-03-02 10:00:00",
                "stop": "2026-03-02 11:00:00",
                "partner_ids": [(6, 0, (self.person | self.partner).ids)],
            }
        )

    def test_person_is_taken_out_of_what_is_written_on_what_is_shared(self):
        meeting = self.make_shared_meeting()
        message = meeting.message_post(body=f"{NAME} ({PHONE}) brings the plans")
        field = self.env["ir.model.fields"]._get("calendar.event", "name")
        change = self.env["mail.tracking.value"].create(
            {"mail_message_id": message.id, "field_id": field.id, "new_value_char": f"Boats of {NAME}"}
        )
        self.erase()
        self.assertIn("brings the plans", message.body)
        self.assertEqual(change.new_value_char, "Boats of [Erased]")
        self.assertEqual([str(trace) for trace in self.find_traces()], [])

    def test_files_that_the_person_mailed_are_gone(self):
        meeting = self.make_shared_meeting()
        for author, kind in ((self.person, "email"), (self.partner, "email"), (self.officer.partner_id, "comment")):
            meeting.message_post(
                body="See there",
                author_id=author.id,
                message_type=kind,
                attachments=[(f"from {author.id}.txt", f"by {author.name}".encode())],
            )
        self.erase()
        files = self.env["ir.attachment"].search(
            [("res_model", "=", "calendar.event"), ("res_id", "=", meeting.id), ("mimetype", "=", "text/plain")]
        )
        others = self.partner | self.officer.partner_id
        self.assertEqual(set(files.mapped("name")), {f"from {author.id}.txt" for author in others})
        self.assertEqual(self.find_files(), [])

    def test_what_odoo_archives_when_it_is_deleted_is_emptied(self):
        accounts = self.env["res.partner.bank"].create(
            [
                {"acc_number": number, "acc_holder_name": NAME, "partner_id": self.person.id}
                for number in ("IT60 X054 2811 1010 0000 0123 456", "IT60 X054 2811 1010 0000 0123 457")
            ]
        )
        request = self.erase()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertFalse(any("1010" in account.acc_number for account in accounts.exists()))
        self.assertEqual([str(trace) for trace in self.find_traces((*TERMS, "IT60 X054 2811"))], [])

    def test_reminders_of_an_account_are_gone(self):
        user = self.env["res.users"].create({"login": EMAIL, "partner_id": self.person.id})
        own = self.env["mail.activity"].create({"summary": "Buy shoes", "user_id": user.id})
        self.partner.activity_schedule("mail.mail_activity_data_todo", summary="Call back", user_id=user.id)
        user.active = False
        request = self.erase()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertFalse(own.exists())

    @mute_logger("odoo.sql_db")
    def test_what_cant_be_erased_in_the_end_is_tried_again(self):
        message = self.person.message_post(body="Hello")
        request = self.ask_erasure()
        self.plan(request)["mail.message", "all"].write(
            {
                "action": "keep",
                "ground": "legal_claims",
                "keep_until": "2030-01-01",
                "reason": "Lawsuit 7",
                "after_keeping": "delete",
            }
        )
        self.erase(request)
        self.env.cr.execute(
            "CREATE TABLE gdpr_test_reference (message_id integer REFERENCES mail_message ON DELETE RESTRICT)"
        )
        self.env.cr.execute("INSERT INTO gdpr_test_reference VALUES (%s)", [message.id])
        with freeze_time("2030-01-02 10:00:00"):
            self.run_erasure("ir_cron_end_keeping")
            self.assertTrue(message.exists())
            self.env.cr.execute("DELETE FROM gdpr_test_reference")
            self.run_erasure("ir_cron_end_keeping")
        self.assertFalse(message.exists())

    def test_notes_that_odoo_makes_elsewhere_name_nobody(self):
        note = self.partner._message_log(body=f"Proposed by {NAME}, {EMAIL}, {PHONE}")
        self.erase()
        self.assertEqual(str(note.body), "<p>Proposed by [Erased], [Erased], [Erased]</p>")

    def test_what_must_have_a_link_keeps_it(self):
        attendee = self.make_shared_meeting().attendee_ids.filtered(lambda one: one.partner_id == self.person)
        attendee._gdpr_take_out("partner_id", {"res.partner": {self.person.id}})
        self.assertEqual(attendee.partner_id, self.person)

    def test_officer_says_that_the_person_has_come_back(self):
        self.erase()
        back = self.env["res.partner"].with_user(self.salesperson).create({"name": "Z. Q.", "email": EMAIL}).sudo()
        self.assertTrue(back.gdpr_subject_id.is_suppressed)
        with self.assertRaises(AccessError):
            back.gdpr_subject_id.with_user(self.salesperson).action_end_suppression()
        back.gdpr_subject_id.with_user(self.officer).action_end_suppression()
        self.assertFalse(back.gdpr_restricted)
        # The objection is the person's to take back.
        self.assertTrue(back.gdpr_objected)

    def test_earlier_values_on_records_of_others(self):
        """Odoo notes who was a record's customer before, and its earlier address."""
        other = self.env["res.partner"].create({"name": "Otto Sereni", "email": EMAIL})
        lead = self.env["crm.lead"].create({"name": "Boat", "partner_id": self.person.id})
        self.flush_tracking()
        lead.partner_id = other
        other.email = "otto.sereni@example.com"
        lead.email_from = other.email
        self.flush_tracking()
        request = self.ask_erasure()
        self.plan(request)
        request.plan_line_ids.doubt_ids.decision = "others"
        self.erase(request)
        self.assertTrue(lead.exists())
        self.assertEqual([str(trace) for trace in self.find_traces(tables=["mail_tracking_value"])], [])
        values = lead.message_ids.sudo().tracking_value_ids
        self.assertNotIn(self.person.id, values.mapped("old_value_integer"))

    def test_officer_is_told_where_else_the_address_is(self):
        other = self.env["res.partner"].create({"name": "Otto Sereni"})
        note = other.message_post(body=f"Spoke with her, {EMAIL}", message_type="comment")
        activity = other.activity_schedule("mail.mail_activity_data_todo", note=f"Call {PHONE}")
        request = self.erase()
        self.assertEqual(request.erasure_state, "finished")
        self.assertTrue(note.exists() and activity.exists())
        self.assertIn(f"Contact {other.id}", " ".join(request.activity_ids.mapped("summary")))

    def test_what_else_the_person_had_asked(self):
        """Whoever approves reads it; it is closed with the erasure, and can't be taken up again."""
        with self.catch_mails():
            access = self.person.with_user(self.officer)._gdpr_receive_request("access")
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        self.assertIn(access.name, request.erasure_warning)
        self.erase(request)
        self.assertEqual(access.state, "cancelled")
        self.assertIn(request.name, str(access.sudo().step_ids.mapped("note")))
        self.assertIn(f"is closed with it, for nothing is left to answer with: {access.name}", self._mails[-1]["body"])
        with self.assertRaisesRegex(UserError, "was erased since"):
            access.with_user(self.officer).action_reopen()
        self.assertEqual(request.sudo().erasure_state, "finished")

    def test_what_somebody_asked_from_the_same_mailbox(self):
        """Nobody has said that it is the same person, so it stays; whoever approves is told."""
        requests = self.env["gdpr.subject.request"].sudo()
        nobody = self.env["gdpr.subject"].sudo().create({"company_id": self.env.company.id})
        with self.catch_mails():
            other = requests._receive(
                nobody, "access", company_id=self.env.company.id, source="website", email=EMAIL, applicant_name="Pat"
            )
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        self.assertIn(other.name, request.erasure_warning)
        self.assertIn("nobody has said by whom", request.erasure_warning)

    def test_duplicates_are_pointed_out(self):
        """A second contact with the address stays, for it may be somebody else; who approves knows."""
        twin = self.env["res.partner"].create({"name": NAME, "email": EMAIL})
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        self.assertIn(f"“{twin.display_name}” ({twin.id})", request.erasure_warning)
        self.assertIn("Same person as…", request.erasure_warning)
        self.erase(request)
        self.assertEqual(request.erasure_state, "finished")
        # The address is still in use, so it isn't remembered, and nobody says so.
        self.assertNotIn("a code made from it", self._mails[-1]["body"])

    def test_code_is_kept_of_another_address(self):
        """Of the address that the mail goes to none is kept, for somebody else has it: nobody says so."""
        self.env["res.partner"].create({"name": "Carlo", "email": EMAIL})
        second = self.env["res.partner"].create({"name": NAME, "email": "zelda.own@example.com"})
        self.person.gdpr_subject_id._join(second._gdpr_ensure_subjects(), "One person")
        request = self.erase()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertNotIn("a code made from it", self._mails[-1]["body"])

    def test_nothing_is_called_anonymous_that_is_not(self, is_planned_anew=False):
        """Where the data map has changed since the approval the erasure stops, and says why."""
        place = self.env.ref("gdpr_consent.data_map_mail_activity")
        self.person.activity_schedule("mail.mail_activity_data_todo", summary=f"Call {NAME}")
        self.person.message_post(body="Hello")
        place.erasure = "anonymise"
        emptied = place.field_ids.filtered(lambda line: line.erasure == "empty")
        request = self.ask_erasure().with_user(self.officer)
        self.plan(request)
        request.action_approve()
        place.field_ids.erasure = "keep"
        request.action_execute()
        self.run_erasure()
        self.assertEqual(request.erasure_state, "blocked")
        line = request.plan_line_ids.filtered(lambda line: line.map_id == place)
        self.assertIn("names no field that is emptied", line.failure)
        actions = request.step_ids.mapped("action")
        self.assertIn("begun", actions)
        self.assertIn("blocked", actions)
        if is_planned_anew:
            request.action_plan()
            request.plan_line_ids.filtered(lambda line: line.map_id == place).action = "delete"
            request.action_approve()
            request.action_execute()
        else:
            emptied.erasure = "empty"
            request.action_retry_erasure()
        self.run_erasure()
        request = request.sudo()
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertIn("Messages (", request.resolution, "What was erased before it stopped is told, too.")
        return request

    def test_planned_anew_after_it_stopped(self):
        """The person is told all that was erased, not what the second plan did alone; so says the certificate."""
        request = self.test_nothing_is_called_anonymous_that_is_not(is_planned_anew=True)
        self.assertRegex(request.resolution, r"Deleted: .*Messages \(\d+\).*")
        report = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        html, _kind = report._render_qweb_html("gdpr_consent.erasure_certificate", request.ids)
        self.assertIn("Before the erasure was stopped", html.decode())
        # What was carried out isn't told again where more is erased later.
        request.erasure_journal_id = request.erasure_journal_id.copy()
        self.assertFalse(request._get_earlier_erasures("en_US"))

    def test_nobody_was_on_record(self):
        """Who was never on record isn't told that anything was deleted."""
        subjects = self.env["gdpr.subject"]
        person = subjects.browse(subjects._make([self.env.company.id]))
        requests = self.env["gdpr.subject.request"].sudo()
        with self.catch_mails():
            request = requests.create({"subject_id": person.id, "type": "erasure", "email": "nobody.here@example.com"})
        self.erase(request)
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertIn("held nothing", request.resolution)
        last = self._mails[-1]
        self.assertIn("no data of yours", last["subject"])
        self.assertIn("nothing to delete", last["body"])
        self.assertNotIn("a code made from it", last["body"])
