import io

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger
from odoo.tools.convert import convert_xml_import

from .common import ConsentCase

OTHERS = """<?xml version="1.0" encoding="UTF-8" ?>
<odoo noupdate="1">
    <record id="data_map_test_one" model="gdpr.data.map">
        <field name="name">Tags of the person</field>
        <field name="model">res.partner.category</field>
        <field name="path">partner_ids</field>
        <field name="field_ids" eval="[Command.create({'names': 'name', 'origin': 'observed'})]" />
    </record>
    <record id="data_map_test_none" model="gdpr.data.map">
        <field name="name">Countries</field>
        <field name="model">res.country</field>
        <field name="is_personal" eval="False" />
        <field name="reason">A list.</field>
    </record>
</odoo>
"""


@tagged("post_install", "-at_install")
class TestDataMapCoverage(ConsentCase):
    """Nothing of the registry that looks personal is left out unseen (law.md R-54)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maps = cls.env["gdpr.data.map"]

    def gaps(self):
        return {(gap.model, gap.field): gap.kind for gap in self.maps._find_gaps()}

    def add_field(self, name, ttype="char", **values):
        self.addCleanup(self.registry.reset_changes)
        return self.env["ir.model.fields"].create(
            {
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
                "name": name,
                "ttype": ttype,
                "field_description": name,
                **values,
            }
        )

    def test_nothing_is_undeclared(self):
        """The apps that are installed here; tools/tests does it with all of Odoo's."""
        self.assertEqual(self.gaps(), {})

    def test_kinds(self):
        self.add_field("x_witness_id", "many2one", relation="res.partner")
        self.add_field("x_witness_ids", "many2many", relation="res.users")
        self.add_field("x_second_email")
        self.add_field("x_fax")
        self.add_field("x_ip_address")
        self.add_field("x_any", "reference")
        self.add_field("x_harmless")
        self.assertEqual(
            self.gaps(),
            {
                ("crm.lead", "x_witness_id"): "link",
                ("crm.lead", "x_witness_ids"): "link",
                ("crm.lead", "x_second_email"): "email",
                ("crm.lead", "x_fax"): "phone",
                ("crm.lead", "x_ip_address"): "network",
                ("crm.lead", "x_any"): "reference",
            },
        )

    def test_said_on_the_field(self):
        self.add_field("x_second_email", gdpr_personal="yes")
        self.add_field("x_fax", gdpr_personal="no", gdpr_reason="That of the company")
        self.assertEqual(self.gaps(), {})

    def test_path_that_is_gone(self):
        """A field that a row names can go with its app: the screen says so."""
        place = self.env.ref("gdpr_consent.data_map_crm_lead")
        self.env.cr.execute("UPDATE gdpr_data_map SET path = 'partner_id, gone_id' WHERE id = %s", [place.id])
        place.invalidate_recordset()
        self.assertEqual(self.gaps(), {("crm.lead", "gone_id"): "missing"})
        self.assertIn("gone_id", place.warning)
        self.assertEqual(place._get_paths(), ["partner_id"])

    def test_another_add_on(self):
        """It declares its data in its own XML, or says why it has none."""
        file = io.BytesIO(OTHERS.encode())
        file.name = "data_map_data.xml"
        convert_xml_import(self.env, "gdpr_consent", file, {}, mode="init", noupdate=True)
        place = self.env.ref("gdpr_consent.data_map_test_one")
        tag = self.env["res.partner.category"].create({"name": "Vip"})
        person = self.env["res.partner"].create({"name": "Ann", "email": "ann@example.com", "category_id": tag.ids})
        found = self.maps._find(person._gdpr_ensure_subjects())
        self.assertIn((place.id, tag.ids), [(found_place.id, ids) for found_place, ids, _doubtful in found])

    def test_why_is_needed(self):
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.maps.create({"name": "Countries", "model": "res.country", "is_personal": False})
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.add_field("x_fax", gdpr_personal="no")

    def test_screen_and_declaring(self):
        self.add_field("x_witness_id", "many2one", relation="res.partner")
        self.add_field("x_second_email")
        self.add_field("x_fax")
        gaps = self.env["gdpr.data.gap"]
        gaps.action_open()
        gaps = gaps.search([])
        self.assertEqual(set(gaps.mapped("field")), {"x_witness_id", "x_second_email", "x_fax"})
        place = self.env.ref("gdpr_consent.data_map_crm_lead")
        self.assertEqual(gaps.map_id, place)

        def declare(field, **values):
            gap = gaps.exists().filtered(lambda gap: gap.field == field)
            action = gap.action_declare()
            wizard = self.env[action["res_model"]].with_context(**action["context"]).create(values)
            wizard.action_apply()

        declare("x_witness_id", decision="path")
        declare("x_second_email", decision="path")
        self.assertIn("x_witness_id", place._get_paths())
        self.assertIn("x_second_email", place._get_email_fields())
        with self.assertRaisesRegex(UserError, "Say why"):
            declare("x_fax", decision="none")
        declare("x_fax", decision="none", reason="That of the company")
        self.assertEqual(place._get_fields()["x_fax"].origin, "none")
        self.assertEqual(self.gaps(), {})
        self.assertFalse(gaps.exists())

    def test_new_row(self):
        self.env.ref("gdpr_consent.data_map_crm_team_member").unlink()
        self.env["gdpr.data.gap"].action_open()
        gap = self.env["gdpr.data.gap"].search([("model", "=", "crm.team.member")])
        self.assertEqual(gap.field, "user_id")
        wizard = self.env["gdpr.data.declaration"].create({"gap_ids": gap.ids, "decision": "path", "erasure": "delete"})
        self.assertTrue(wizard.has_new_row)
        wizard.action_apply()
        place = self.maps.search([("model", "=", "crm.team.member")])
        self.assertEqual((place.path, place.erasure), ("user_id", "delete"))

    def test_roles(self):
        officer = new_test_user(self.env, "map_officer", groups="gdpr_consent.group_officer")
        manager = new_test_user(self.env, "map_manager", groups="gdpr_consent.group_manager")
        place = self.env.ref("gdpr_consent.data_map_crm_lead")
        self.assertTrue(place.with_user(officer).read(["name", "warning"]))
        with self.assertRaises(AccessError):
            place.with_user(officer).name = "Other"
        with self.assertRaises(AccessError):
            self.env["gdpr.data.gap"].with_user(officer).action_open()
        place.with_user(manager).name = "Other"
        self.env["gdpr.data.gap"].with_user(manager).action_open()

    def test_flag_on_a_field_of_odoo(self):
        """What is said about data privacy can be said of any field; the rest of the field stays as Odoo has it."""
        field = self.env["ir.model.fields"]._get("res.partner", "barcode")
        field.write({"gdpr_personal": "no", "gdpr_reason": "A number of goods"})
        self.assertFalse(self.env.ref("gdpr_consent.data_map_res_partner")._get_fields()["barcode"].is_personal)
        with self.assertRaises(UserError):
            field.write({"gdpr_personal": "no", "required": True})
        user = new_test_user(self.env, "map_user", groups="gdpr_consent.group_user")
        with self.assertRaises(AccessError):
            field.with_user(user).write({"gdpr_personal": "yes"})

    def test_no_domain_nobody(self):
        with self.assertRaises(ValidationError):
            self.maps.create({"name": "Wrong", "model": "res.partner", "domain": "[('nothing', '=', 1)]"})
