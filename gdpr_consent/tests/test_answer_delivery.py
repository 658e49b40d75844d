from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import freeze_time, tagged

from ..controllers.privacy_page import HEADERS
from ..models.gdpr_answer_sending import DOWNLOAD_PLACEHOLDER
from .answer_common import AnswerCase


@tagged("post_install", "-at_install")
class TestAnswerDelivery(AnswerCase):
    """The files reach the person, by a link that expires and is logged, and nobody else (law.md R-49)."""

    def setUp(self):
        super().setUp()
        self.start_server()

    def get_steps(self, request):
        self.env.invalidate_all()
        return request.step_ids.mapped("action")

    def test_link_in_the_copy_of_the_person_alone(self):
        request = self.prepare("portability")
        message = self.send(request)
        self.assertEqual(message["To"], "anna.rossi@example.com")
        self.assertFalse(list(message.iter_attachments()))
        path = self.find_link(message, "download")
        self.assertNotIn(DOWNLOAD_PLACEHOLDER, path)
        self.assertIn(DOWNLOAD_PLACEHOLDER, request.message_ids.filtered(lambda note: "download" in note.body).body)
        answer = request.answer_id
        self.assertEqual(answer.state, "sent")
        self.assertEqual(answer.expires_on - answer.sent_on, timedelta(days=14))
        self.assertEqual(self.get_steps(request)[-3:], ["prepared", "dispatched", "sent"])

    def test_download(self):
        request = self.prepare("portability")
        path = self.find_link(self.send(request), "download")
        page = self.url_open(path)
        self.assertEqual(page.status_code, 200)
        self.assertEqual(self.parse(page).xpath("//button/@value"), ["data.zip"])
        self.assertNotIn("<script", page.text)
        self.assertNotIn("Anna", page.text)
        response = self.download(path, "data.zip")
        self.assertEqual(response.content, self.get_file(request, "data.zip"))
        self.assertEqual(response.headers["Content-Type"], "application/zip")
        self.assertEqual(response.headers["Content-Disposition"], "attachment; filename=data.zip")
        for name, value in HEADERS.items():
            self.assertEqual(response.headers[name], value)
        self.assertEqual(self.get_steps(request)[-1], "downloaded")
        self.assertEqual(request.answer_id.download_count, 1)
        self.assertFalse(request.step_ids[-1].user_id)

    def test_looking_changes_nothing(self):
        self.watched_models += ("gdpr.subject.request.step", "gdpr.answer")
        request = self.prepare("portability")
        path = self.find_link(self.send(request), "download")
        before = self.take_snapshot()
        self.url_open(path)
        self.url_open(f"{path}?file=data.zip")
        self.assertEqual(self.take_snapshot(), before)
        self.assertEqual(request.answer_id.download_count, 0)

    def test_dead_links_look_the_same(self):
        """Unknown, of another kind, used up, expired: one page, one status."""
        self.env.company.gdpr_download_limit = 1
        _request, _grant, preferences = self.ask(self.partner)
        request = self.prepare("portability")
        path = self.find_link(self.send(request), "download")
        unknown = self.url_open("/gdpr/download/unknown")
        self.assertEqual(unknown.status_code, 404)
        self.assertEqual(self.url_open(f"/gdpr/download/{preferences}").text, unknown.text)
        page = self.url_open(path)
        data = [*self.get_hidden_fields(page), ("file", "data.zip")]
        self.assertEqual(self.url_open(path, data=data).status_code, 200)
        used_up = self.url_open(path, data=data)
        self.assertEqual((used_up.status_code, used_up.text), (404, unknown.text))
        self.assertEqual(self.url_open(path).text, unknown.text)
        self.env.company.gdpr_download_limit = 10
        with freeze_time(fields.Datetime.now() + timedelta(days=15)):
            self.assertEqual(self.url_open(path).text, unknown.text)

    def test_dead_link_leads_on(self):
        """Who comes too late is told what happened, and can ask again; not sent to the preferences."""
        page = self.parse(self.url_open("/gdpr/download/unknown"))
        text = " ".join(page.xpath("//main")[0].text_content().split())
        self.assertIn("newer link replaces it", text)
        self.assertNotIn("preferences", text)
        [path] = page.xpath("//main//a/@href")
        self.assertEqual(self.url_open(path).status_code, 200)
        self.assertTrue(self.parse(self.url_open(path)).xpath("//form[@action='/gdpr/request']"))

    def test_files_are_deleted_in_the_end(self):
        request = self.prepare("portability")
        self.send(request)
        answer = request.answer_id
        files = answer.sudo().attachment_ids
        with freeze_time(fields.Datetime.now() + timedelta(days=13)):
            self.env["gdpr.answer"]._discard_expired()
        self.assertTrue(files.exists())
        with freeze_time(fields.Datetime.now() + timedelta(days=15)):
            self.env["gdpr.answer"]._discard_expired()
        self.assertFalse(files.exists())
        self.assertEqual(answer.state, "expired")
        self.assertFalse(answer.sudo().place_ids | answer.sudo().item_ids.place_id)

    def test_unknown_file(self):
        path = self.find_link(self.send(self.prepare("portability")), "download")
        self.assertEqual(self.download(path, "../../etc/passwd").status_code, 422)

    def test_attached_where_the_administrator_chose_so(self):
        self.env.company.gdpr_answer_delivery = "attachment"
        message = self.send(self.prepare("portability"))
        self.assertEqual([part.get_filename() for part in message.iter_attachments()], ["data.zip"])
        self.assertFalse(self.find_link(message, "download"))

    def test_sent_again(self):
        """The link of the first message stops working."""
        request = self.prepare("portability")
        first = self.find_link(self.send(request), "download")
        second = self.find_link(self.send(request), "download")
        self.assertEqual(self.url_open(first).status_code, 404)
        self.assertEqual(self.url_open(second).status_code, 200)

    def test_officer_changes_the_text(self):
        request = self.prepare("portability")
        action = request.action_send_answer()
        composer = self.env["mail.compose.message"].with_user(self.officer).with_context(**action["context"]).create({})
        self.assertIn("files you can take elsewhere", composer.body)
        self.assertFalse(composer.partner_ids)
        composer.body = "<p>Nothing else</p>"
        with self.assertRaisesRegex(UserError, "no link to the answer"):
            composer._action_send_mail()
        composer.body = f'<p>Here you are: <a href="{DOWNLOAD_PLACEHOLDER}">files</a></p>'
        composer._action_send_mail()
        self.leave()
        self.assertTrue(self.find_link(self.receive()[1], "download"))

    def test_fulfil_sends_what_is_ready(self):
        request = self.prepare("portability")
        request.action_fulfil()
        self.assertEqual(request.state, "done")
        self.assertIn("We sent you your data as files", request.resolution)
        self.leave()
        self.assertTrue(self.find_link(self.receive()[1], "download"))
        self.assertEqual(request.answer_id.state, "sent")

    def test_fulfil_waits_for_the_review(self):
        request = self.make_request("portability")
        request.action_start()
        with self.assertRaisesRegex(UserError, "review them first"):
            request.action_fulfil()
        self.assertEqual(request.state, "in_progress")

    def test_what_odoo_wrote_itself_needs_no_review(self):
        """“Contact created” names nobody."""
        card = self.env["res.partner"].create({"name": "Ugo Blu", "email": "ugo.blu@example.com"})
        self.assertEqual(card.message_ids.message_type, "notification")
        request = self.make_request("access", subject_id=card._gdpr_ensure_subjects().id)
        request.action_start()
        request.action_fulfil()
        self.assertEqual(request.state, "done")
        self.assertFalse(request.sudo().answer_id.item_ids)

    def test_mail_that_does_not_leave(self):
        """The request isn't done before the answer has left."""
        request = self.prepare("portability")
        # As it is outside of tests: the mail leaves when all is committed.
        self.patch(type(self.env["mail.mail"]), "send_after_commit", lambda mail: None)
        request.action_fulfil()
        self.assertEqual(request.state, "done")
        self.mailbox.refused["anna.rossi@example.com"] = "550 Unknown"
        self.leave()
        self.env.invalidate_all()
        self.assertEqual(request.state, "in_progress")
        self.assertTrue(request.answer_failure)
        self.assertEqual(request.answer_id.state, "ready")
        self.assertEqual(self.get_steps(request)[-1], "reopened")

    def test_mail_that_does_not_leave_at_once(self):
        request = self.prepare("portability")
        self.mailbox.refused["anna.rossi@example.com"] = "550 Unknown"
        with self.assertRaises(UserError):
            request.action_fulfil()
        self.assertEqual(request.state, "in_progress")

    def test_no_address(self):
        request = self.prepare("portability")
        request.email = False
        with self.assertRaisesRegex(UserError, "no e-mail address"):
            request.action_send_answer()

    def test_sent_by_post(self):
        request = self.prepare("portability")
        request.write({"email": False, "resolution": "Sent on a stick, by post."})
        request.action_fulfil()
        self.assertEqual((request.state, request.resolution), ("done", "Sent on a stick, by post."))

    def test_who_may(self):
        request = self.prepare("portability")
        answer = request.answer_id
        for user in (self.salesperson, self.employee):
            for records in (answer, answer.sudo().attachment_ids, request):
                with self.subTest(user=user.login, model=records._name), self.assertRaises(AccessError):
                    records.with_user(user).read(["name"])
            with self.assertRaises(AccessError):
                request.with_user(user).action_prepare_answer()
        self.assertTrue(answer.attachment_ids.with_user(self.officer).read(["name", "raw"]))

    def test_who_is_restricted_is_answered(self):
        """An answer isn't a use of the data that the person wanted stopped."""
        self.make_request("restriction")
        self.assertTrue(self.subject.restricted)
        self.assertTrue(self.find_link(self.send(self.prepare("portability")), "download"))

    def test_in_the_language_of_the_person(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.partner.lang = "it_IT"
        template = self.env.ref("gdpr_consent.mail_template_answer_portability")
        template.with_context(lang="it_IT").subject = "I tuoi dati ({{ object.name }})"
        request = self.prepare("portability")
        message = self.send(request)
        self.assertEqual(message["Subject"], f"I tuoi dati ({request.name})")
        page = self.url_open(self.find_link(message, "download"))
        self.assertEqual(self.parse(page).get("lang"), "it-IT")
