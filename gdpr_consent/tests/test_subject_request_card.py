from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.service.model import call_kw
from odoo.tests import Form, freeze_time, tagged

from .common import ConsentCase

BUTTONS = {
    "action_gdpr_request_access": "access",
    "action_gdpr_request_rectification": "rectification",
    "action_gdpr_request_export": "portability",
    "action_gdpr_request_stop": "restriction",
    "action_gdpr_request_erasure": "erasure",
}


@tagged("post_install", "-at_install")
class TestSubjectRequestCard(ConsentCase):
    """The five choices on the tab of a card (S31 to S36), and what the card shows of what the person asks."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.gdpr_officer_email = cls.officer.email
        cls.Requests = cls.env["gdpr.subject.request"]
        cls.tab = cls.env.ref("gdpr_consent.gdpr_subject_mixin_view_form_person")

    def click(self, button, user, card=None):
        with self.catch_mails():
            return call_kw((card or self.partner).with_user(user), button, [(card or self.partner).ids], {})

    def test_buttons_are_on_the_tab(self):
        for model in ("res.partner", "crm.lead"):
            arch = etree.fromstring(self.env[model].with_user(self.officer).get_view(self.tab.id)["arch"])
            names = [node.get("name") for node in arch.xpath("//button")]
            self.assertEqual([name for name in names if name in BUTTONS], list(BUTTONS))
            labels = [node.get("string") for node in arch.xpath("//button") if node.get("name") in BUTTONS]
            self.assertEqual(labels, ["Access", "Rectification", "Export", "Stop", "Delete"])

    def test_officer_gets_the_request(self):
        for button, request_type in BUTTONS.items():
            with self.subTest(button=button):
                action = self.click(button, self.officer)
                request = self.Requests.browse(action["res_id"])
                self.assertEqual(action["res_model"], "gdpr.subject.request")
                self.assertEqual((request.type, request.state), (request_type, "new"))
                self.assertEqual(request.subject_id, self.partner.gdpr_subject_id)
                self.assertEqual(request.create_uid, self.officer)
                self.assertEqual(self.click(button, self.officer)["res_id"], request.id, "the open one is shown")

    def test_salesperson_hands_it_on(self):
        with freeze_time("2026-03-02 09:00:00"):
            result = self.click("action_gdpr_request_access", self.salesperson)
        request = self.Requests.search([("subject_id", "=", self.partner.gdpr_subject_id.id)])
        self.assertEqual(result["tag"], "display_notification")
        self.assertIn(request.name, result["params"]["message"])
        self.assertIn("04/02/2026", result["params"]["message"])
        self.assertEqual((request.user_id, request.create_uid), (self.officer, self.salesperson))

    def test_lead(self):
        self.lead.user_id = self.salesperson
        self.click("action_gdpr_request_erasure", self.salesperson, self.lead)
        self.assertEqual(self.Requests.search([("subject_id", "=", self.lead.gdpr_subject_id.id)]).type, "erasure")

    def test_nobody_else_may(self):
        for button in BUTTONS:
            with self.assertRaises(AccessError):
                self.click(button, self.employee)
        self.assertFalse(self.Requests.search([("subject_id", "=", self.partner.gdpr_subject_id.id)]))

    def test_what_the_card_shows(self):
        partner = self.partner.with_user(self.officer)
        self.assertFalse(partner.gdpr_has_data_request)
        self.click("action_gdpr_request_access", self.officer)
        request = partner.gdpr_data_request_ids
        self.assertEqual(request.type, "access")
        selling = self.partner.with_user(self.salesperson)
        self.assertTrue(selling.gdpr_has_data_request)
        with self.assertRaises(AccessError):
            selling.read(["gdpr_data_request_ids"])
        arch = selling.get_view(self.tab.id)["arch"]
        self.assertNotIn("gdpr_data_request_ids", arch)
        self.assertIn("The privacy officer answers it", arch)
        request.action_cancel()
        self.assertFalse(partner.gdpr_has_data_request)
        self.assertFalse(partner.gdpr_data_request_ids)

    def test_who_cannot_be_asked(self):
        """Where somebody's data may not be used, or who objects, the card offers no form to send."""
        view = self.env.ref("gdpr_consent.gdpr_subject_mixin_view_form_consent")
        root = etree.fromstring(self.partner.with_user(self.salesperson).get_view(view.id)["arch"])
        buttons = root.findall(".//button[@name='action_gdpr_send_consent_request']")
        self.assertEqual(len(buttons), 2)
        for button in buttons:
            self.assertIn("gdpr_restricted or gdpr_objected", button.get("invisible"))

    def test_what_is_asked_of_another_company(self):
        company = self.env["res.company"].create({"name": "Second"})
        self.Requests.create(
            {"subject_id": self.partner.gdpr_subject_id.id, "type": "access", "company_id": company.id}
        )
        self.assertFalse(self.partner.with_user(self.officer).gdpr_has_data_request)
        self.assertFalse(self.partner.with_user(self.officer).gdpr_data_request_ids)

    def test_each_company_has_its_own_request(self):
        """A contact that all companies see asks two controllers the same: each has to answer."""
        company = self.env["res.company"].create({"name": "Second"})
        earlier = self.Requests.create(
            {"subject_id": self.partner.gdpr_subject_id.id, "type": "access", "company_id": company.id}
        )
        self.click("action_gdpr_request_access", self.officer)
        request = self.Requests.search([("id", ">", earlier.id)])
        self.assertEqual((request.type, request.company_id), ("access", self.env.company))
        request.action_cancel()
        made = self.partner._gdpr_receive_requests("access")
        self.assertEqual(made.company_id, self.env.company)
        self.assertFalse(self.partner._gdpr_receive_requests("access"))
        self.assertEqual(self.partner._gdpr_receive_request("access"), made)

    def test_joined_people(self):
        self.click("action_gdpr_request_access", self.officer)
        self.lead.gdpr_subject_id._join(self.partner.gdpr_subject_id, "The same person")
        self.assertEqual(self.lead.gdpr_subject_id.root_id.open_request_count, 1)
        self.assertTrue(self.lead.with_user(self.officer).gdpr_has_data_request)
        self.assertTrue(self.partner.with_user(self.officer).gdpr_has_data_request)

    def test_cost(self):
        """Who asks nothing costs nothing."""
        people = self.env["res.partner"].create([{"name": f"Person {n}"} for n in range(20)])
        people._gdpr_ensure_subjects()
        people = people.with_user(self.officer)
        self.env.invalidate_all()
        people.mapped("gdpr_requested_on")
        # What is known of the access rights is looked up once.
        self.assertFalse(people[0].gdpr_has_data_request)
        with self.assertQueries([]):
            people[1:].mapped("gdpr_has_data_request")

    def test_scan_of_a_letter(self):
        action = self.partner.with_user(self.salesperson).action_gdpr_new_request()
        entry = Form(self.env[action["res_model"]].with_user(self.salesperson).with_context(**action["context"]))
        entry.type = "access"
        entry.received_on = "2026-03-03 09:00:00"
        entry.scan = b"UERG"
        entry = entry.save()
        # The screen sets it with the file.
        entry.scan_name = "letter.pdf"
        with self.catch_mails():
            entry.action_record()
        request = self.Requests.search([("subject_id", "=", self.partner.gdpr_subject_id.id)])
        self.assertEqual(str(request.due_on), "2026-04-03")
        scan = self.env["ir.attachment"].search([("res_model", "=", request._name), ("res_id", "=", request.id)])
        self.assertEqual((scan.name, scan.raw), ("letter.pdf", b"PDF"))
        [step] = request.sudo().step_ids.filtered(lambda step: step.action == "attached")
        self.assertEqual((step.note, step.user_id), ("letter.pdf", self.salesperson))
        with self.assertRaises(AccessError):
            scan.with_user(self.salesperson).read(["raw"])

    def test_letter_that_came_before_what_is_open(self):
        """The time runs from the first day the person asked, whatever was typed in first."""
        with freeze_time("2026-03-12 09:00:00"):
            self.click("action_gdpr_request_access", self.officer)
            request = self.Requests.search([("subject_id", "=", self.partner.gdpr_subject_id.id)])
            for day in ("2026-03-03 09:00:00", "2026-03-05 09:00:00"):
                action = self.partner.with_user(self.salesperson).action_gdpr_new_request()
                entry = self.env[action["res_model"]].with_user(self.salesperson).with_context(**action["context"])
                entry.create({"type": "access", "received_on": day}).action_record()
        self.assertEqual((str(request.received_on), str(request.due_on)), ("2026-03-03 09:00:00", "2026-04-03"))
        self.assertEqual(str(request.activity_ids.date_deadline), "2026-04-03")
        self.assertIn("dated", request.step_ids.mapped("action"))

    def test_officer_reads_the_own_language(self):
        """What the officer has to do is said in the officer's language, whoever asks in whatever other one."""
        self.env["res.lang"]._activate_lang("it_IT")
        self.partner.lang = "it_IT"
        with self.catch_mails():
            request = self.partner.with_context(lang="it_IT")._gdpr_receive_request("rectification")
        self.assertEqual((request.user_id, request.lang), (self.officer, "it_IT"))
        self.assertEqual(request.activity_ids.summary, f"Answer {request.name}")
        request = request.with_user(self.officer)
        request.action_start()
        with self.assertRaisesRegex(UserError, "send the person the data to correct"):
            request.action_fulfil()
