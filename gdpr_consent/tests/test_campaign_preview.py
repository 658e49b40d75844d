from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .campaign_common import CampaignCase
from .page_common import PageCase


@tagged("post_install", "-at_install")
class TestCampaignPreview(CampaignCase, PageCase, HttpCase):
    """Where the links of a campaign's test lead: nobody's answer can be given there."""

    def open_preview(self, version):
        return self.url_open(f"/gdpr/preview/version/{version.id}", allow_redirects=False)

    def test_shows_what_was_published(self):
        version = self.form._get_version("en_US")
        self.form.title = "A draft"
        before = self.take_snapshot()
        for user in (self.salesperson, self.officer, self.manager):
            self.authenticate(user.login, user.login)
            page = self.parse(self.open_preview(version))
            self.assertNotIn("A draft", page.text_content())
            self.assertEqual([button.get("type") for button in page.xpath("//button[@name='answer']")], ["button"] * 3)
            self.assertFalse(page.xpath("//script | //input[@name='csrf_token']"))
        with mute_logger("odoo.http"):
            url = f"/gdpr/preview/version/{version.id}"
            self.assertEqual(self.url_open(url, data={"answer": "accept"}).status_code, 405)
        self.assertEqual(self.take_snapshot(), before)

    def test_who_may_see_it(self):
        version = self.form._get_version("en_US")
        self.assertIn("/web/login", self.open_preview(version).headers["Location"])
        self.authenticate(self.employee.login, self.employee.login)
        with mute_logger("odoo.http"):
            self.assertEqual(self.open_preview(version).status_code, 403)
        other = self.env["res.company"].create({"name": "Second"})
        form = self.form.copy({"company_id": other.id})
        form.action_publish()
        self.authenticate(self.salesperson.login, self.salesperson.login)
        self.assertEqual(self.open_preview(form._get_version("en_US")).status_code, 404)
        self.assertEqual(self.url_open("/gdpr/preview/version/999999").status_code, 404)
