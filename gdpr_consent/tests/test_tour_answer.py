from unittest.mock import patch

from odoo.tests import HttpCase, tagged

from .answer_common import AnswerCase
from .browser import BrowserMixin


@tagged("post_install", "-at_install")
class TestTourAnswer(BrowserMixin, AnswerCase, HttpCase):
    """An officer sends an answer in the composer, in a browser."""

    def test_follow_and_review(self):
        """The form follows what goes on in the background; the review counts down what is to be decided."""
        self.env["res.partner"].create({"name": "Ugo Blu", "email": "anna.rossi@example.com"})
        self.env["crm.lead"].create({"name": "Whose is it", "email_from": "anna.rossi@example.com"})
        request = self.make_request("access")
        with patch("odoo.addons.gdpr_consent.models.gdpr_subject_request_answer.IMMEDIATE", -1):
            request.action_prepare_answer()
        answer = request.sudo().answer_id
        self.assertEqual(answer.state, "collecting")
        with self.browse(self.officer.login, f"/odoo/privacy-requests/{request.id}") as page:
            page.locator("[name=answer_state]").get_by_text("Collecting").wait_for()
            page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
            self.settle(page)
            self.env.invalidate_all()
            answer._build_now()
            count = answer.undecided_count
            self.assertTrue(count)
            self.env.flush_all()
            page.evaluate("delete document.hidden")
            review = page.locator("button[name=action_review_answer]")
            review.get_by_text(f"{count} to decide").wait_for()
            review.click()
            page.locator(".o_gdpr_to_decide").get_by_text(f"{count} to decide").wait_for()
            self.assertEqual(page.get_by_role("button", name="Open", exact=True).count(), 0)
            page.locator("thead .o_list_record_selector input").check()
            page.get_by_role("button", name="Include").first.click()
            page.locator(".o_gdpr_to_decide").get_by_text("Everything is decided").wait_for()

    def test_send_answer(self):
        request = self.prepare("portability")
        with self.catch_mails(), self.browse(self.officer.login, f"/odoo/privacy-requests/{request.id}") as page:
            page.get_by_role("button", name="Send Answer").click()
            page.locator(".modal [name=gdpr_answer_recipient]").wait_for()
            page.locator(".modal footer button[name=action_send_mail]").click()
            page.locator(".modal").wait_for(state="detached")
            page.locator("[name=answer_state]").get_by_text("Sent").wait_for()
        self.env.invalidate_all()
        self.assertEqual(request.sudo().answer_id.state, "sent")
