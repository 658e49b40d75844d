from odoo.tests import freeze_time, tagged

from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestSubjectRequestRegister(ConsentCase):
    """The register is kept, minimal, with its own retention (law.md R-70)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.gdpr_officer_email = cls.officer.email
        cls.Requests = cls.env["gdpr.subject.request"]

    def create_closed(self):
        with freeze_time("2026-03-02 09:00:00"), self.catch_mails():
            request = self.Requests.create(
                {
                    "subject_id": self.partner.gdpr_subject_id.id,
                    "type": "access",
                    "note": "About Anna Rossi",
                    "is_on_behalf": True,
                    "representative_name": "Anna's lawyer",
                    "mandate_file": "UERG",
                }
            )
            request.message_post(body="Anna called", attachments=[("anna.txt", b"Anna")])
            request._propose_refusal("rights_of_others", "Anna Rossi, we can't.")
        return request

    def run_job(self, now):
        with freeze_time(now), self.enter_registry_test_mode():
            self.env.ref("gdpr_consent.ir_cron_subject_request_retention").method_direct_trigger()
        self.env.invalidate_all()

    def test_reduced_after_the_term(self):
        request = self.create_closed()
        number, ledger = request.name, len(self.partner.gdpr_event_ids)
        self.run_job("2031-03-01 09:00:00")
        self.assertFalse(request.reduced_on)
        self.run_job("2031-03-03 09:00:00")
        self.assertTrue(request.reduced_on)
        self.assertEqual(
            (request.type, request.state, request.refusal_ground, str(request.due_on), str(request.received_on)),
            ("access", "refused", "rights_of_others", "2026-04-02", "2026-03-02 09:00:00"),
        )
        self.assertEqual(request.step_ids[0].action, "received")
        self.assertEqual(len(self.partner.gdpr_event_ids), ledger)
        self.assertFalse(request.subject_id)
        self.assertFalse(request.message_ids)
        self.assertFalse(
            self.env["ir.attachment"].search([("res_model", "=", request._name), ("res_id", "=", request.id)])
        )
        self.env.flush_all()
        self.env.cr.execute("SELECT row_to_json(r)::text FROM gdpr_subject_request r WHERE id = %s", [request.id])
        kept = self.env.cr.fetchone()[0]
        self.env.cr.execute(
            "SELECT string_agg(row_to_json(s)::text, ' ') FROM gdpr_subject_request_step s WHERE request_id = %s",
            [request.id],
        )
        kept += self.env.cr.fetchone()[0]
        for identity in ("Anna", "anna.rossi", number):
            self.assertNotIn(identity, kept)

    def test_open_ones_stay(self):
        with freeze_time("2026-03-02 09:00:00"), self.catch_mails():
            request = self.Requests.create({"subject_id": self.partner.gdpr_subject_id.id, "type": "access"})
        self.run_job("2036-03-03 09:00:00")
        self.assertFalse(request.reduced_on)

    def test_switched_off(self):
        self.env.company.gdpr_request_retention_months = 0
        request = self.create_closed()
        self.run_job("2036-03-03 09:00:00")
        self.assertTrue(request.subject_id)
