import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.service.model import retrying
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

# How long an act keeps its transaction open, so that the other one runs into it.
OVERLAP = 0.3


@tagged("post_install", "-at_install")
class TestCampaignConcurrency(TransactionCase):
    """Two users press a button at the same moment, in real transactions that are committed."""

    registry_test_mode = False

    def setUp(self):
        super().setUp()
        # Odoo waits up to two seconds before it tries again.
        self.startPatcher(patch("odoo.service.model.random.uniform", lambda _low, _high: 0.01))
        self.enterContext(mute_logger("odoo.sql_db", "odoo.service.model"))
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            self.campaign_id = env["gdpr.consent.campaign"].create({"name": "Fair", "domain": "[('id', '=', 0)]"}).id
        self.addCleanup(self.clean_up)

    def clean_up(self):
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            env["gdpr.consent.campaign"].browse(self.campaign_id).unlink()
            jobs = env["ir.cron"].search([("cron_name", "like", "Data Privacy: %")])
            env["ir.cron.trigger"].search([("cron_id", "in", jobs.ids)]).unlink()

    def press_together(self, *names):
        """Press buttons of the campaign at once; give what became of each: None, or the message."""
        begun = threading.Barrier(len(names))

        def press(name):
            is_first_try = True

            def attempt():
                nonlocal is_first_try
                campaign = env["gdpr.consent.campaign"].browse(self.campaign_id)
                campaign.read(["state"])
                if is_first_try:
                    is_first_try = False
                    begun.wait(10)
                getattr(campaign, name)()
                env.flush_all()
                time.sleep(OVERLAP)

            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                try:
                    retrying(attempt, env)
                except UserError as error:
                    return str(error)
                return None

        with ThreadPoolExecutor(len(names)) as pool:
            return [future.result(30) for future in [pool.submit(press, name) for name in names]]

    def read_state(self):
        with self.registry.cursor() as cr:
            return api.Environment(cr, SUPERUSER_ID, {})["gdpr.consent.campaign"].browse(self.campaign_id).state

    def test_two_start(self):
        outcomes = self.press_together("action_start", "action_start")
        (message,) = filter(None, outcomes)
        self.assertIn("Running", message)
        self.assertEqual(self.read_state(), "running")

    def test_start_and_check(self):
        """Whoever comes second is told, or both went well one after the other."""
        self.press_together("action_start", "action_check")
        self.assertEqual(self.read_state(), "running")

    def test_pause_and_cancel(self):
        self.press_together("action_start")
        self.press_together("action_pause", "action_cancel")
        self.assertEqual(self.read_state(), "cancelled")
