from axe_playwright_python.sync_playwright import Axe

from odoo.tests import tagged

from .answer_common import AnswerCase
from .browser import BLOCKED_BY_PAGE, DESKTOP, NARROW, BrowserMixin
from .test_accessibility import TAGS


@tagged("post_install", "-at_install")
class TestAccessibilityAnswers(BrowserMixin, AnswerCase):
    """The pages behind the links of an answer, for everybody: WCAG 2.2 AA, without scripts, on narrow screens."""

    def test_pages(self):
        self.start_server()
        axe = Axe()
        message = self.send(self.prepare("rectification"))
        paths = [self.find_link(message, page) for page in ("download", "rectification")]
        for viewport in (DESKTOP, NARROW):
            with self.browse(viewport=viewport, expected_errors=BLOCKED_BY_PAGE) as page:
                for path in paths:
                    with self.subTest(path=path.split("/")[2], width=viewport["width"]):
                        page.goto(path)
                        results = axe.run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
                        self.assertEqual(results.violations_count, 0, results.generate_report())
                        width = page.evaluate("document.documentElement.scrollWidth")
                        self.assertLessEqual(width, viewport["width"])

    def test_correct_without_scripts(self):
        self.start_server()
        request = self.prepare("rectification")
        path = self.find_link(self.send(request), "rectification")
        with self.browse(java_script_enabled=False, expected_errors=BLOCKED_BY_PAGE) as page:
            page.goto(path)
            page.get_by_label("City").first.fill("Milano")
            page.get_by_role("button", name="Send", exact=True).click()
            page.locator(".alert-success").wait_for()
        self.env.invalidate_all()
        self.assertEqual(request.correction_ids.new_value, "Milano")
