from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo import SUPERUSER_ID, fields
from odoo.tests import Form, freeze_time, new_test_user, tagged
from odoo.tools import mute_logger

from .common import ConsentCase


class NewRecordCase(ConsentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scope_contact = cls.env.ref("gdpr_consent.scope_contact")
        cls.scope_lead = cls.env.ref("gdpr_consent.scope_lead")
        cls.queue = cls.env["gdpr.new.record"]
        cls.env.company.gdpr_default_legal_basis = "consent"
        # As saved by the manager, some time ago.
        with freeze_time(fields.Datetime.now() - timedelta(hours=1)):
            cls.scope_contact.write({"ask_new": True, "ask_new_delay": 1})
            cls.scope_lead.write({"ask_new": True, "ask_new_delay": 1})

    def run_job(self, **later):
        """Run the job at a later time; ``self.requests`` are those it made."""
        before = self.env["gdpr.consent.request"].search([])
        with (
            freeze_time(fields.Datetime.now() + timedelta(**later)),
            patch.object(self.registry["ir.cron"], "_commit_progress", return_value=1.0),
            self.catch_mails(),
        ):
            self.queue._cron_ask()
        self.env.invalidate_all()
        self.requests = self.env["gdpr.consent.request"].search([]) - before
        return self.requests

    def make_contact(self, **values):
        return self.env["res.partner"].create({"name": "Carla", "email": "carla@example.com", **values})

    @contextmanager
    def writing_at(self, **later):
        """Have what is written bear a later date."""
        moment = fields.Datetime.now() + timedelta(**later)
        with patch.object(self.cr, "_now", moment, create=True), patch.object(type(self.cr), "now", lambda _cr: moment):
            yield


@tagged("post_install", "-at_install")
class TestNewRecords(NewRecordCase):
    """New records are asked by themselves, where the settings say so."""

    def test_contact_and_lead(self):
        contact = self.make_contact()
        lead = self.env["crm.lead"].create({"name": "Chairs", "email_from": "dino@example.com"})
        self.assertFalse(self.run_job(minutes=55))
        requests = self.run_job(minutes=65)
        self.assertEqual(
            set(requests.mapped(lambda request: (request.res_model, request.res_id))),
            {("res.partner", contact.id), ("crm.lead", lead.id)},
        )
        self.assertFalse(self.queue.search([]))
        self.assertFalse(self.run_job(days=3))

    def test_not_while_it_changes(self):
        contact = self.make_contact()
        with self.writing_at(minutes=50):
            contact.phone = "+39 02 1234"
            self.env.flush_all()
        self.assertFalse(self.run_job(minutes=65))
        self.assertFalse(self.run_job(minutes=105))
        self.assertTrue(self.run_job(minutes=115))

    def test_restless_record(self):
        contact = self.make_contact()
        for hours in range(1, 26):
            with self.writing_at(hours=hours):
                contact.phone = f"+39 02 {hours}"
                self.env.flush_all()
            self.assertEqual(bool(self.run_job(hours=hours, minutes=5)), hours == 25, hours)

    def test_off(self):
        self.scope_contact.ask_new = False
        self.make_contact()
        self.assertFalse(self.queue.search([]))

    def test_made_before(self):
        """Records made before, or while it was off, aren't asked."""
        self.make_contact()
        self.scope_contact.ask_new = False
        with freeze_time(fields.Datetime.now() + timedelta(minutes=1)):
            self.scope_contact.ask_new = True
        self.assertFalse(self.run_job(hours=2))
        self.assertFalse(self.queue.search([]))

    def test_master_switch(self):
        self.make_contact()
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "False")
        self.env.registry.clear_cache()
        self.assertFalse(self.run_job(hours=2))
        self.make_contact()
        self.assertEqual(self.queue.search_count([]), 1)
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "True")
        self.env.registry.clear_cache()
        self.assertFalse(self.run_job(days=40), "Not new any more.")
        self.assertFalse(self.queue.search([]))

    def test_imported(self):
        values = {"name": "Imported", "email": "imported@example.com"}
        self.env["res.partner"].with_context(import_file=True).create(values)
        self.env["res.partner"].load(["name", "email"], [["Loaded", "loaded@example.com"]])
        self.env["res.partner"].with_context(install_mode=True).create(values)
        self.assertFalse(self.queue.search([]))
        self.scope_contact.ask_new_imported = True
        self.env["res.partner"].load(["name", "email"], [["Wanted", "wanted@example.com"]])
        self.env["res.partner"].load(["name", "email"], [["Not wanted", "not.wanted@example.com"]])
        self.scope_contact.ask_new_imported = False
        self.assertFalse(self.run_job(hours=2))
        self.scope_contact.ask_new_imported = True
        self.env["res.partner"].load(["name", "email"], [["Wanted", "wanted@example.com"]])
        self.assertEqual(self.run_job(hours=2).email, "wanted@example.com")

    def test_other_basis(self):
        self.make_contact(gdpr_legal_basis="contract")
        self.make_contact(is_company=True, email="company@example.com")
        self.assertFalse(self.run_job(hours=2))

    def test_basis_comes_later(self):
        self.env.company.gdpr_default_legal_basis = "not_applicable"
        contact = self.make_contact()
        self.assertFalse(self.run_job(hours=2))
        contact.gdpr_legal_basis = "consent"
        self.assertTrue(self.run_job(days=2))

    def test_address_comes_later(self):
        contact = self.make_contact(email=False)
        self.assertFalse(self.run_job(hours=2))
        self.assertFalse(self.run_job(days=20))
        contact.email = "carla@example.com"
        self.assertTrue(self.run_job(days=22))

    def test_patience_ends(self):
        contact = self.make_contact(email=False)
        self.assertFalse(self.run_job(days=29))
        self.assertTrue(self.queue.search([]))
        self.assertFalse(self.run_job(days=31))
        self.assertFalse(self.queue.search([]))
        contact.email = "carla@example.com"
        self.assertFalse(self.run_job(days=32))

    def test_asked_meanwhile(self):
        contact = self.make_contact()
        self.ask(contact)
        self.assertFalse(self.run_job(hours=2))
        self.assertFalse(self.queue.search([]))

    def test_answered_meanwhile(self):
        contact = self.make_contact()
        contact.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.assertFalse(self.run_job(hours=2))
        self.assertFalse(self.queue.search([]))

    def test_same_address(self):
        """Who submits a form twice, or shares a mailbox, is asked once."""
        self.make_contact()
        self.make_contact(email="Carla@Example.com")
        self.assertEqual(len(self.run_job(hours=2)), 1)
        self.make_contact()
        self.assertFalse(self.run_job(days=1))

    def test_lead_and_its_contact(self):
        lead = self.env["crm.lead"].create({"name": "Chairs", "contact_name": "Dino", "email_from": "dino@example.com"})
        lead._handle_partner_assignment(create_missing=True)
        self.assertTrue(lead.partner_id)
        self.assertEqual(len(self.run_job(hours=2)), 1)
        self.assertFalse(self.queue.search([]))

    def test_gone_and_merged(self):
        contacts = self.make_contact() | self.make_contact(email="elio@example.com") | self.partner
        contacts[0].unlink()
        self.env["base.partner.merge.automatic.wizard"]._merge(contacts[1:].ids, self.partner)
        self.env["crm.lead"].create(
            [{"name": "Deal", "email_from": "fabia@example.com"}, {"name": "Same", "email_from": "fabia@example.com"}]
        ).merge_opportunity()
        self.assertEqual(self.run_job(hours=2).mapped("email"), ["fabia@example.com"])
        self.assertFalse(self.queue.search([]))

    def test_colleague(self):
        new_test_user(self.env, "new_colleague", email="colleague@example.com")
        new_test_user(self.env, "new_customer", "base.group_portal", email="customer@example.com")
        self.assertEqual(self.run_job(hours=2).email, "customer@example.com")

    def test_of_another_scope(self):
        """A record is asked by the setting of the scope in whose hands it is when it is due."""
        scope = self.env["gdpr.scope"].create(
            {"name": "Press", "model": "res.partner", "domain": "[('ref', '=', 'press')]"}
        )
        self.make_contact(ref="press")
        with freeze_time(fields.Datetime.now() + timedelta(minutes=1)):
            scope.ask_new = True
        self.assertFalse(self.run_job(hours=2), "Made before the scope's own setting was switched on.")
        scope.active = False
        self.make_contact(ref="press")
        self.assertFalse(self.run_job(hours=2), "Not covered.")

    def test_who_asks(self):
        """The system asks; who made the record learns of the answer."""
        lead = (
            self.env["crm.lead"]
            .with_user(self.salesperson)
            .create({"name": "Chairs", "email_from": "dino@example.com", "user_id": self.salesperson.id})
        )
        from_site = (
            self.env["crm.lead"]
            .with_user(SUPERUSER_ID)
            .create({"name": "Site", "email_from": "elsa@example.com", "user_id": self.officer.id})
        )
        self.run_job(hours=2)
        by_card = {request.res_id: request for request in self.requests}
        self.assertEqual(by_card[lead.id].user_id, self.salesperson)
        self.assertEqual(by_card[from_site.id].user_id, self.officer)
        with self.catch_mails():
            self.requests.mail_mail_ids.send()
        asked = lead.gdpr_event_ids.filtered(lambda event: event.action == "asked")
        self.assertEqual((asked.actor, asked.user_id), ("system", self.env["res.users"]))
        self.assertEqual(lead.gdpr_consent_state, "waiting")
        self.assertLedgerSound()

    def test_one_that_fails(self):
        """What fails for one stops nobody else, and is tried again."""
        contacts = self.make_contact() | self.make_contact(email="gino@example.com")
        original = self.registry["mail.template"]._generate_template

        def fail_for_one(template, ids, *args, **options):
            if contacts[0].id in ids:
                raise ValueError("A field of the template is gone")
            return original(template, ids, *args, **options)

        with (
            patch.object(self.registry["mail.template"], "_generate_template", fail_for_one),
            mute_logger("odoo.addons.gdpr_consent.models.gdpr_new_record"),
        ):
            self.assertEqual(self.run_job(hours=2).email, "gino@example.com")
        left = self.queue.search([])
        self.assertEqual(left.res_id, contacts[0].id)
        self.assertGreater(left.due_on, fields.Datetime.now() + timedelta(hours=2, minutes=5), "Not over and over.")
        self.assertEqual(self.run_job(hours=3).email, "carla@example.com")

    def test_not_in_force(self):
        """Without a published form nobody can be asked; the record's save isn't stopped."""
        self.env["gdpr.consent.form"].search([]).active = False
        self.make_contact()
        self.assertFalse(self.run_job(hours=2))
        self.form.active = True
        self.assertTrue(self.run_job(days=1))

    def test_cost(self):
        """Many new records cost one statement; where it is off, nothing."""
        vals_list = [{"name": f"Person {n}", "email": f"p{n}@example.com"} for n in range(100)]
        self.env["gdpr.scope"]._get_asking_kinds()
        cards = self.env["res.partner"].create(vals_list)
        self.env.flush_all()
        with self.assertQueryCount(1):
            self.queue._note(cards)
            self.env.flush_all()
        self.scope_contact.ask_new = False
        self.env["gdpr.scope"]._get_asking_kinds()
        with self.assertQueryCount(0):
            self.queue._note(cards)

    def test_cron(self):
        self.make_contact()
        with self.enter_registry_test_mode(), freeze_time(fields.Datetime.now() + timedelta(hours=2)):
            self.env.ref("gdpr_consent.ir_cron_ask_new_records").method_direct_trigger()
        self.assertFalse(self.queue.search([]))

    def test_created_without_rights(self):
        """Whoever may make a contact can, and sees nothing of the queue."""
        self.env["res.partner"].with_user(self.employee).create({"name": "Ida", "email": "ida@example.com"})
        self.assertEqual(self.run_job(hours=2).email, "ida@example.com")


@tagged("post_install", "-at_install")
class TestNewRecordSettings(NewRecordCase):
    def test_settings(self):
        self.scope_lead.ask_new = False
        with Form(self.env["res.config.settings"].with_user(self.manager)) as form:
            self.assertTrue(form.gdpr_ask_new_contact)
            self.assertFalse(form.gdpr_ask_new_lead)
            form.gdpr_ask_new_lead = True
            form.gdpr_ask_new_delay_lead = 4
        form.record.set_values()
        self.assertTrue(self.scope_lead.ask_new and self.scope_lead.ask_new_since)
        self.assertEqual(self.scope_lead.ask_new_delay, 4)
        since = self.scope_contact.ask_new_since
        form.record.set_values()
        self.assertEqual(self.scope_contact.ask_new_since, since)

    def test_delay(self):
        for delay in (0.01, -1, 1000):
            with self.subTest(delay=delay), mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
                self.scope_contact.ask_new_delay = delay
                self.env.flush_all()
