from datetime import timedelta
from odoo import fields
from odoo.tests import HttpCase, tagged
from .browser import BrowserMixin
from .campaign_common import CampaignCase


@tagged("post_install", "-at_install")
class TestShots(BrowserMixin, CampaignCase, HttpCase):
    def queue(self):
        self.cron.method_direct_trigger()
        self.env.invalidate_all()

    def test_shots(self):
        P = self.env["res.partner"]
        extra = P.create([{"name": f"No mail {i}"} for i in range(3)] + [{"name": "Dup", "email": "person1@example.com"}])
        many = P.create([{"name": f"More {i}", "email": f"more{i}@example.com"} for i in range(20)])
        (extra | many).gdpr_legal_basis = "consent"
        P.create([{"name": "Basis", "email": "b@example.com"}])
        draft = self.make(user=self.officer, name="Customers of this year", domain="[('name','!=','x')]")
        draft.action_check()
        fresh = self.make(user=self.officer, name="Fresh one")
        sched = self.make(user=self.officer, name="At a time", scheduled_on=fields.Datetime.now() + timedelta(days=2))
        sched.action_start()
        run = self.start(many, user=self.officer, name="Fair of March")
        self.send(run.request_ids[:14])
        run.request_ids[13].sudo()._mark_failed("550 No such mailbox")
        for i, request in enumerate(run.request_ids[:9]):
            self.answer(request, {self.marketing.id: ["email"]} if i % 3 else {})
        for i, request in enumerate(run.request_ids[:9]):
            request.sudo().answered_on = fields.Datetime.now() - timedelta(days=i % 4)
        paused = self.start(self.people, user=self.officer, name="Paused")
        paused.sudo().write({"state": "paused", "failure_reason": "Sara Conti has no right to ask people for consent: choose somebody else."})
        self.env.flush_all()
        with self.browse("privacy_officer", "/odoo/privacy-campaigns", viewport={"width": 1440, "height": 900}) as page:
            page.locator(".o_list_view .o_data_row").first.wait_for()
            self.settle(page)
            page.screenshot(path="/tmp/shot_list.png")
            for name, campaign in (("draft", draft), ("fresh", fresh), ("sched", sched), ("run", run), ("paused", paused)):
                page.goto(f"/odoo/privacy-campaigns/{campaign.id}")
                page.locator(".o_form_view").wait_for()
                self.settle(page)
                page.screenshot(path=f"/tmp/shot_{name}.png")
            page.goto(f"/odoo/privacy-campaigns/{run.id}")
            page.locator("button[name=action_show_answers]").click()
            page.locator(".o_graph_view canvas").wait_for()
            self.settle(page)
            page.wait_for_timeout(1000)
            page.screenshot(path="/tmp/shot_graph.png")
            page.goto(f"/odoo/privacy-campaigns/{run.id}")
            page.locator("button[name=action_show_requests]").first.click()
            page.locator(".o_list_view .o_data_row").first.wait_for()
            self.settle(page)
            page.screenshot(path="/tmp/shot_requests.png")
            page.locator("button[name=action_show_wording]").first.click()
            page.locator(".modal").wait_for()
            self.settle(page)
            page.screenshot(path="/tmp/shot_wording.png")
