from odoo.tests import HttpCase, tagged

from .answer_common import AnswerCase
from .browser import BrowserMixin


@tagged("post_install", "-at_install")
class TestTourAnswer(BrowserMixin, AnswerCase, HttpCase):
    """An officer sends an answer in the composer, in a browser."""

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
