from odoo.tests import HttpCase, tagged

from .browser import BrowserMixin
from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestTourMassSet(BrowserMixin, ConsentCase, HttpCase):
    """An officer sets the basis of all that match, from the list."""

    def test_all_that_match(self):
        people = self.env["res.partner"].create([{"name": f"Zeta {number:03}"} for number in range(120)])
        people[:7].gdpr_legal_basis = "contract"
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", 100)
        action = self.env["ir.actions.act_window"].create(
            {
                "name": "People",
                "res_model": "res.partner",
                "view_mode": "list,form",
                "domain": [("id", "in", people.ids)],
            }
        )
        with self.browse("privacy_officer", f"/odoo/action-{action.id}") as page:
            page.locator("thead .o_list_record_selector input").click()
            page.locator(".o_select_domain").click()
            page.get_by_role("button", name="Actions").first.click()
            page.get_by_role("menuitem", name="Set legal basis").click()
            dialog = page.get_by_role("dialog")
            dialog.locator("[name=legal_basis] input, [name=legal_basis] select").first.click()
            page.locator(".o_select_menu_item").get_by_text("Contract", exact=True).click()
            dialog.get_by_text("Left as they are").wait_for()
            self.assertTrue(dialog.get_by_label("All that match the filter of the list").is_checked())
            self.settle(page)
            # A colleague is faster.
            people[:20].gdpr_legal_basis = "consent"
            self.env.flush_all()
            dialog.get_by_role("button", name="Set legal basis").click()
            page.get_by_text("Nothing was set").wait_for()
            self.settle(page)
            self.env.invalidate_all()
            self.assertEqual(set(people[:20].mapped("gdpr_legal_basis")), {"consent"})
            page.get_by_role("dialog").get_by_role("button", name="Set legal basis").click()
            page.get_by_text("120 records: the legal basis is").wait_for()
            self.settle(page)
        self.env.invalidate_all()
        self.assertEqual(set(people.mapped("gdpr_legal_basis")), {"contract"})
        self.assertEqual(people.gdpr_subject_id.mapped("head_sequence"), [3] * 7 + [2] * 13 + [1] * 100)
