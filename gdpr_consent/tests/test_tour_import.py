from datetime import datetime

from odoo.tests import HttpCase, tagged

from .browser import BrowserMixin
from .test_import import TEMPLATE, ImportCase

AFTER_THE_TEMPLATE = datetime(2026, 11, 2, 10)


@tagged("post_install", "-at_install")
class TestTourImport(BrowserMixin, ImportCase, HttpCase):
    """An officer imports the template of the guides, and finds whose consent doesn't count."""

    def test_template(self):
        action = self.env["ir.actions.act_window"].create(
            {"name": "People", "res_model": "res.partner", "view_mode": "list,form"}
        )
        with self.browse("privacy_officer", f"/odoo/action-{action.id}", clock=AFTER_THE_TEMPLATE) as page:
            page.locator(".o_cp_action_menus button").first.click()
            page.get_by_role("menuitem", name="Import records").click()
            page.locator("input[type=file]").first.set_input_files(TEMPLATE)
            page.get_by_text("Consent: Evidence").first.wait_for()
            self.settle(page)
            page.get_by_role("button", name="Test", exact=True).click()
            page.get_by_text("Row 4 (Dario Riva): There is no date.").wait_for()
            self.settle(page)
            page.get_by_role("button", name="Import", exact=True).click()
            page.get_by_text("Consents that can't be used: 1.").wait_for()
            self.settle(page)
            page.locator(".o_searchview_dropdown_toggler").click()
            page.get_by_role("menuitemcheckbox", name="Consent: Imported Without Proof").click()
            page.keyboard.press("Escape")
            self.settle(page)
            page.get_by_role("cell", name="Dario Riva").click()
            page.get_by_role("tab", name="Data Privacy").click()
            page.get_by_role("status").get_by_text("There is no date.").wait_for()
            self.settle(page)
        people = self.env["res.partner"].search(
            [("email", "in", ["anna.verdi@example.com", "bruno.gallo@example.com"])]
        )
        self.assertEqual(people.mapped("gdpr_consent_state"), ["obtained", "obtained"])
