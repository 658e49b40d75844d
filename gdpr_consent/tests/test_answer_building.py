from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models import gdpr_answer, gdpr_answer_collecting, gdpr_subject_request_answer
from .answer_common import AnswerCase


@tagged("post_install", "-at_install")
class TestAnswerBuilding(AnswerCase):
    """Much is collected in the background, in batches that commit, and goes on after a crash."""

    def setUp(self):
        super().setUp()
        self.env["crm.lead"].create([{"name": f"Chair {n}", "partner_id": self.partner.id} for n in range(12)])
        for module in (gdpr_answer, gdpr_subject_request_answer):
            patcher = patch.object(module, "IMMEDIATE", 0)
            patcher.start()
            self.addCleanup(patcher.stop)
        patcher = patch.object(gdpr_answer_collecting, "BATCH", 5)
        patcher.start()
        self.addCleanup(patcher.stop)

    def run_job(self, seconds=1.0):
        """Run the scheduled action; ``seconds`` is the time left after each batch."""
        job = type(self.env["ir.cron"])
        self.progress = []

        def commit(_job, processed=0, *, remaining=None, deactivate=False):
            self.env.flush_all()
            self.progress.append(remaining)
            return seconds

        with patch.object(job, "_commit_progress", commit):
            self.env.ref("gdpr_consent.ir_cron_answer").with_user(
                self.env.ref("base.user_root")
            ).ir_actions_server_id.run()
        self.env.invalidate_all()

    def test_progress(self):
        request = self.make_request("portability")
        request.action_prepare_answer()
        answer = request.answer_id
        self.assertEqual((answer.state, answer.progress), ("collecting", 0))
        self.run_job(seconds=0)
        self.assertEqual(answer.state, "collecting")
        done = answer.done_count
        self.assertTrue(0 < done < answer.total_count)
        self.assertAlmostEqual(request.answer_progress, 100 * done / answer.total_count)
        self.run_job()
        self.assertEqual(answer.state, "review")
        self.assertEqual(answer.done_count, answer.total_count)
        answer.item_ids.filtered(lambda item: not item.decision).decision = "leave_out"
        answer.with_user(self.officer).action_approve()
        self.assertEqual(answer.state, "assembling")
        self.run_job()
        self.assertEqual(answer.state, "ready")
        names = [lead["name"] for lead in self.get_values(self.read_json(request), "Leads")]
        self.assertEqual(len(names), 13)
        self.assertEqual(len(set(names)), 13)

    def test_interrupted(self):
        """What a crash took back is read again; nothing is there twice."""
        request = self.make_request("portability")
        request.action_prepare_answer()
        self.run_job(seconds=0)
        collect = type(self.env["gdpr.answer"])._collect_batch

        def fail(answer, place, reader):
            collect(answer, place, reader)
            raise ValueError("Killed")

        with (
            patch.object(type(self.env["gdpr.answer"]), "_collect_batch", fail),
            mute_logger("odoo.addons.gdpr_consent.models.gdpr_answer_collecting"),
        ):
            self.run_job()
        answer = request.answer_id
        self.assertEqual((answer.state, answer.failure_reason), ("failed", "Killed"))
        answer.state = "collecting"
        self.run_job()
        answer.item_ids.filtered(lambda item: not item.decision).decision = "leave_out"
        answer.action_approve()
        self.run_job()
        names = [lead["name"] for lead in self.get_values(self.read_json(request), "Leads")]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(len(names), 13)

    def test_record_gone_meanwhile(self):
        request = self.make_request("portability")
        request.action_prepare_answer()
        self.inquiry.unlink()
        self.run_job()
        self.assertEqual(request.answer_state, "review")

    def test_fulfil_leaves_much_to_the_background(self):
        request = self.make_request("access")
        request.action_start()
        with self.assertRaisesRegex(UserError, "in the background"):
            request.action_fulfil()

    def test_prepared_again(self):
        request = self.make_request("portability")
        request.action_prepare_answer()
        self.run_job()
        first = request.answer_id
        request.action_prepare_answer()
        self.assertNotEqual(request.answer_id, first)
        self.assertFalse(first.item_ids | first.place_ids.answer_id.item_ids)
        self.assertEqual(first.state, "expired")

    def test_closed_meanwhile(self):
        request = self.make_request("portability")
        request.action_prepare_answer()
        request.action_cancel()
        self.run_job()
        self.assertEqual(request.answer_id.state, "expired")
        self.assertFalse(request.answer_id.sudo().place_ids)

    def test_review_is_final(self):
        request = self.make_request("portability")
        request.action_prepare_answer()
        self.run_job()
        answer = request.answer_id
        with self.assertRaisesRegex(UserError, "decide about"):
            answer.with_user(self.officer).action_approve()
        items = answer.item_ids.with_user(self.officer)
        with self.assertRaises(AccessError):
            items[0].original_text = "Something else"
        items.filtered(lambda item: not item.decision).action_leave_out()
        answer.with_user(self.officer).action_approve()
        self.assertEqual(answer.reviewer_id, self.officer)
        with self.assertRaisesRegex(UserError, "review is over"):
            items[0].action_include()

    def test_officer_edits_the_redaction(self):
        request = self.make_request("portability")
        request.action_prepare_answer()
        self.run_job()
        item = request.answer_id.item_ids.filtered(lambda item: "Spoke with Anna" in (item.original_text or ""))
        self.assertEqual((item.decision, item.outgoing_text.count("[redacted]")), ("redact", 2))
        item.with_user(self.officer).outgoing_text = "Spoke with Anna. [redacted]"
        request.answer_id.item_ids.filtered(lambda item: not item.decision).decision = "leave_out"
        request.answer_id.action_approve()
        self.run_job()
        self.assertIn("Spoke with Anna. [redacted]", str(self.read_json(request)))

    def test_company(self):
        """Who works for another company sees nothing of the answer."""
        other = self.env["res.company"].create({"name": "Other"})
        stranger = new_test_user(
            self.env, "stranger", "gdpr_consent.group_officer", company_id=other.id, company_ids=[(6, 0, other.ids)]
        )
        request = self.make_request("portability")
        request.action_prepare_answer()
        self.run_job()
        for records in (request.answer_id, request.answer_id.item_ids[0], request.answer_id.place_ids[0]):
            with self.subTest(model=records._name), self.assertRaises(AccessError):
                records.with_user(stranger).read(["display_name"])
