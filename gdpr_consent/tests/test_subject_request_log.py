from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestSubjectRequestLog(ConsentCase):
    """Every step of a request with its date and who took it, and the dispatch of the work by its kind."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Requests = cls.env["gdpr.subject.request"]
        cls.request = cls.Requests.create({"subject_id": cls.partner.gdpr_subject_id.id, "type": "access"})

    def get_steps(self, request=None):
        return [(step.action, step.user_id) for step in (request or self.request).step_ids]

    def fulfil_by(self, request_type, result):
        """Let the work of a kind of request be done like this; give the requests it was done for."""
        seen = []

        def fulfil(request):
            seen.append(request.ids)
            if isinstance(result, Exception):
                raise result
            return result

        self.startPatcher(patch.object(type(self.Requests), f"_fulfil_{request_type}", fulfil, create=True))
        return seen

    def test_asked_again(self):
        with self.catch_mails():
            again = self.Requests._receive(self.partner.gdpr_subject_id, "access", source="operator")
        self.assertEqual(again, self.request)
        self.assertEqual(self.request.step_ids[-1].action, "repeated")

    def test_assigned_among_closed_ones(self):
        self.request.with_user(self.officer).action_cancel()
        other = self.Requests.create({"subject_id": self.partner.gdpr_subject_id.id, "type": "portability"})
        before = self.request.user_id
        (self.request | other).with_user(self.officer).action_assign_to_me()
        self.assertEqual(other.user_id, self.officer)
        self.assertEqual(self.request.user_id, before)

    def test_steps(self):
        nobody = self.env["res.users"]
        self.assertEqual(self.get_steps(), [("received", nobody), ("acknowledged", nobody)])
        self.fulfil_by("access", None)
        request = self.request.with_user(self.officer)
        request.action_start()
        request.resolution = "Sent a copy."
        request.action_fulfil()
        self.assertEqual(self.get_steps()[2:], [("started", self.officer), ("fulfilled", self.officer)])
        self.assertEqual(self.request.step_ids[-1].note, "Sent a copy.")
        request.action_fulfil()
        self.assertEqual(len(self.get_steps()), 4)

    def test_asked_by_somebody_without_an_account(self):
        self.env.registry.clear_cache()
        subject = self.lead.gdpr_subject_id
        request = self.Requests.with_user(self.env.ref("base.public_user"))._receive(subject, "access")
        self.assertFalse(request.sudo().step_ids.user_id)

    def test_followers_are_for_officers(self):
        """Who follows a request tells who asks: only officers see it, anybody sees what the own account follows."""
        self.request.message_subscribe(self.partner.ids + self.salesperson.partner_id.ids)
        self.partner.message_subscribe(self.officer.partner_id.ids)
        domain = [("res_model", "=", "gdpr.subject.request"), ("res_id", "=", self.request.id)]
        followers = self.env["mail.followers"].with_user(self.salesperson)
        self.assertEqual(followers.search(domain).partner_id, self.salesperson.partner_id)
        self.assertTrue(followers.search([("res_model", "=", "res.partner"), ("res_id", "=", self.partner.id)]))
        found = followers.with_user(self.officer).search(domain).partner_id
        self.assertLessEqual(self.partner | self.salesperson.partner_id, found)

    def test_nobody_changes_it(self):
        step = self.request.step_ids[0]
        for user in (self.officer, self.manager, self.env.ref("base.user_root")):
            with self.subTest(user=user.login):
                own = step.with_user(user)
                with self.assertRaises(AccessError):
                    own.note = "Something else"
                with self.assertRaises(AccessError):
                    own.unlink()
        for user in (self.officer, self.manager):
            with self.assertRaises(AccessError):
                step.with_user(user).create({"request_id": self.request.id, "action": "sent"})
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.env.cr.execute("UPDATE gdpr_subject_request_step SET occurred_on = now() WHERE id = %s", [step.id])

    def test_who_may_read(self):
        self.assertTrue(self.request.with_user(self.officer).step_ids.mapped("action"))
        for user in (self.salesperson, self.employee):
            with self.assertRaises(AccessError):
                self.env["gdpr.subject.request.step"].with_user(user).search([])

    # ------------------------------------------------------------
    # THE WORK OF EACH KIND
    # ------------------------------------------------------------

    def test_work_is_done_by_kind(self):
        seen = self.fulfil_by("access", "We sent you a copy.")
        self.request.action_start()
        self.request.action_fulfil()
        self.assertEqual(seen, [self.request.ids])
        self.assertEqual((self.request.state, self.request.resolution), ("done", "We sent you a copy."))

    def test_words_of_the_officer_come_first(self):
        self.fulfil_by("access", "We sent you a copy.")
        self.request.action_start()
        self.request.resolution = "Handed over in the shop."
        self.request.action_fulfil()
        self.assertEqual(self.request.resolution, "Handed over in the shop.")

    def test_nothing_is_done_before_the_work(self):
        self.fulfil_by("access", UserError("Approve the plan first."))
        self.request.action_start()
        with self.assertRaises(UserError):
            self.request.action_fulfil()
        self.assertEqual(self.request.state, "in_progress")
        self.assertFalse(self.request.done_on)

    def test_work_nobody_described(self):
        self.fulfil_by("access", None)
        self.request.action_start()
        with self.assertRaises(UserError) as caught:
            self.request.action_fulfil()
        self.assertIn(self.request.name, str(caught.exception))
