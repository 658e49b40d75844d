from odoo.tests import tagged

from .common import ConsentCase
from .migration_common import load_migration


@tagged("post_install", "-at_install")
class TestMigration(ConsentCase):
    def test_from_the_first_version(self):
        """Histories made before they could be joined are each a person's own."""
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.marketing.data_category_ids = False
        request, _grant, _preferences = self.ask(self.lead)
        end = request.expires_on
        self.env.flush_all()
        self.env.cr.execute("UPDATE gdpr_subject SET root_id = NULL")
        self.env.cr.execute("UPDATE gdpr_consent_request SET expires_on = NULL")
        self.env.invalidate_all()
        load_migration("19.0.2.0.0").migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()
        self.assertEqual(self.partner.gdpr_subject_id.root_id, self.partner.gdpr_subject_id)
        self.assertEqual(len(self.partner.gdpr_event_ids), 2)
        self.assertEqual(request.expires_on, end)
        self.assertEqual(len(self.marketing.data_category_ids), 4)
        self.assertLedgerSound()

    def test_requests_to_stop_made_before(self):
        """Those that are open take effect, and cards without a basis get one."""
        with self.catch_mails():
            request = self.partner._gdpr_receive_request("access").sudo()
        untouched = self.env["res.partner"].create({"name": "Untouched"})
        self.env.flush_all()
        self.env.cr.execute("UPDATE gdpr_subject_request SET type = 'restriction' WHERE id = %s", [request.id])
        self.env.cr.execute("UPDATE res_partner SET gdpr_legal_basis = NULL WHERE id = %s", [untouched.id])
        self.env.invalidate_all()
        load_migration("19.0.4.0.0", "post-suspend").migrate(self.env.cr, "19.0.3.0.0")
        self.env.invalidate_all()
        self.assertTrue(self.partner.gdpr_restricted and request.is_suspending)
        self.assertEqual(untouched.gdpr_legal_basis, "not_applicable")
        self.assertLedgerSound()

    def test_rows_of_the_map(self):
        """What is as it was shipped is brought up to date; what an administrator changed stays."""
        line = self.env.ref("gdpr_consent.data_map_account_bank_statement_line")
        entry = self.env.ref("gdpr_consent.data_map_account_move_entry")
        new = line.path
        line.write({"sequence": 321, "path": "partner_id, move_id", "account_fields": False})
        entry.path = "partner_id"
        earlier = self.env.ref("gdpr_consent.data_map_mail_tracking_value")
        earlier.field_ids.filtered(lambda line: line.names == "field_id").unlink()
        self.env.flush_all()
        load_migration("19.0.5.0.0", "post-map").migrate(self.env.cr, "19.0.4.0.0")
        self.env.invalidate_all()
        self.assertEqual((line.sequence, line.path), (299, new))
        self.assertEqual(line.account_fields, "account_number, transaction_details")
        self.assertEqual(entry.path, "partner_id")
        self.assertTrue(earlier.field_ids.names.startswith("field_id, old_value_char,"))

    def test_not_on_a_new_database(self):
        self.env.flush_all()
        self.marketing.data_category_ids = False
        load_migration("19.0.2.0.0").migrate(self.env.cr, None)
        self.assertFalse(self.marketing.data_category_ids)

    def test_headers_of_mails(self):
        """They go out no more, but for an administrator who wants them."""
        place = self.env.ref("gdpr_consent.data_map_mail_mail")
        headers = place.field_ids.filtered(lambda line: line.names == "headers")
        self.assertEqual(headers.origin, "none")
        headers.unlink()
        line = place.field_ids.filtered(lambda line: line.names.startswith("failure_reason"))
        line.names = "headers, failure_reason, state, scheduled_date"
        for _again in range(2):
            load_migration("19.0.7.2.0", "post-map").migrate(self.env.cr, "19.0.7.1.0")
            fields_now = place._get_fields()
            self.assertEqual((fields_now["headers"].origin, fields_now["state"].origin), ("none", "observed"))

    def test_addresses_left_out(self):
        """They belong to the person, too, where nobody changed the line."""
        changed = self.env.ref("gdpr_consent.data_map_mailing_trace").field_ids[0]
        changed.names = "failure_reason"
        line = self.env.ref("gdpr_consent.data_map_mail_mail").field_ids[0]
        line.names = "email_to, email_cc"
        for _again in range(2):
            load_migration("19.0.7.4.0", "post-map").migrate(self.env.cr, "19.0.7.3.0")
            self.assertEqual(line.names, "email_to, email_cc, gdpr_left_out")
            self.assertEqual(changed.names, "failure_reason")
