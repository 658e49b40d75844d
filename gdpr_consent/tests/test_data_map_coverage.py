import io
import json
import zipfile

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

    def add_field(self, name, ttype="char", model="crm.lead", **values):
        self.addCleanup(self.registry.reset_changes)
        return self.env["ir.model.fields"].create(
            {
                "model_id": self.env["ir.model"]._get_id(model),
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

    def test_two_tabs(self):
        """What one tab shows stays when a second one lists anew; what was declared since goes."""
        self.add_field("x_second_email")
        fax = self.add_field("x_fax")
        gaps = self.env["gdpr.data.gap"]
        gaps.action_open()
        shown = gaps.search([("create_uid", "=", self.env.uid)])
        gaps.action_open()
        self.assertEqual(gaps.search([("create_uid", "=", self.env.uid)]), shown)
        fax.write({"gdpr_personal": "no", "gdpr_reason": "Of the company"})
        gaps.action_open()
        left = gaps.search([("create_uid", "=", self.env.uid)])
        self.assertEqual((left.mapped("field"), left <= shown), (["x_second_email"], True))

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
            # The records become the person's, which nothing else on the form tells.
            self.assertEqual(bool(wizard.consequence), values["decision"] == "path")
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

    def test_what_is_said_of_a_field_is_said_of_no_other(self):
        """No row is made for a model because one of its fields isn't personal, and the field is settled at once."""
        self.add_field("x_fax", model="res.country.state")
        self.env["gdpr.data.gap"].action_open()
        gap = self.env["gdpr.data.gap"].search([("field", "=", "x_fax")])
        self.assertFalse(gap.map_id)
        wizard = self.env["gdpr.data.declaration"].create(
            {"gap_ids": gap.ids, "decision": "none", "reason": "The office's"}
        )
        wizard.action_apply()
        self.assertEqual(self.gaps(), {})
        self.assertFalse(self.maps.search([("model", "=", "res.country.state")]))
        gone = self.env["gdpr.data.gap"].browse(gap.id)
        with self.assertRaisesRegex(UserError, "declared already"):
            gone.action_declare()

    def test_new_row(self):
        self.env.ref("gdpr_consent.data_map_crm_team_member").active = False
        self.env["gdpr.data.gap"].action_open()
        gap = self.env["gdpr.data.gap"].search([("model", "=", "crm.team.member")])
        self.assertEqual(gap.field, "user_id")
        wizard = self.env["gdpr.data.declaration"].create({"gap_ids": gap.ids, "decision": "path", "erasure": "delete"})
        self.assertTrue(wizard.has_new_row)
        wizard.action_apply()
        place = self.maps.search([("model", "=", "crm.team.member")])
        self.assertEqual((place.path, place.erasure), ("user_id", "delete"))

    def test_new_row_comes_after_what_it_leads_to(self):
        """Or the path would lead to what is found later, and so to nothing."""
        self.add_field("x_lead_id", "many2one", model="res.bank", relation="crm.lead")
        lead_place = self.env.ref("gdpr_consent.data_map_crm_lead")
        lead_place.sequence = 450
        gap = self.env["gdpr.data.gap"].create(
            {"model": "res.bank", "model_name": "Bank", "field": "x_lead_id", "kind": "part"}
        )
        self.env["gdpr.data.declaration"].create({"gap_ids": gap.ids, "decision": "path"}).action_apply()
        place = self.maps.search([("model", "=", "res.bank"), ("is_personal", "=", True)])
        self.assertEqual((place.path, place.sequence), ("x_lead_id", 451))

    def test_custom_field_of_a_model_that_is_not_personal(self):
        """That a model holds nothing personal was said of the fields that Odoo gives it."""
        self.assertFalse(self.maps.search([("model", "=", "res.bank")], limit=1).is_personal)
        self.add_field("x_witness_id", "many2one", model="res.bank", relation="res.partner")
        self.add_field("x_fax", model="res.bank")
        self.add_field("x_harmless", model="res.bank")
        self.assertEqual(self.gaps(), {("res.bank", "x_witness_id"): "link", ("res.bank", "x_fax"): "phone"})
        self.env["gdpr.data.gap"].action_open()
        for gap in self.env["gdpr.data.gap"].search([]):
            decision = "none" if gap.field == "x_fax" else "path"
            wizard = self.env["gdpr.data.declaration"].create(
                {"gap_ids": gap.ids, "decision": decision, "reason": "The office's"}
            )
            self.assertEqual(wizard.has_new_row, decision == "path")
            wizard.action_apply()
        self.assertEqual(self.gaps(), {})
        place = self.maps.search([("model", "=", "res.bank"), ("is_personal", "=", True)])
        self.assertEqual((place.path, place.erasure), ("x_witness_id", "anonymise"))
        self.assertFalse(place._get_fields()["x_fax"].is_personal)

    def test_flag_makes_a_place(self):
        """A field of a model without a row, said to be personal, is found, given and erased."""
        self.add_field(
            "x_tenant_id", "many2one", model="res.country.state", relation="res.partner", gdpr_personal="yes"
        )
        self.add_field("x_hobby", model="res.country.state", gdpr_personal="yes")
        place = self.maps.search([("model", "=", "res.country.state"), ("is_personal", "=", True)])
        self.assertEqual((place._get_paths(), place.found_by), (["x_tenant_id"], "links"))
        self.assertEqual(self.gaps(), {})
        person = self.env["res.partner"].create({"name": "Ann", "email": "ann@example.com"})
        flat = self.env["res.country.state"].create(
            {
                "name": "Flat",
                "code": "X1",
                "country_id": self.env.ref("base.it").id,
                "x_tenant_id": person.id,
                "x_hobby": "Chess",
            }
        )
        found = {found.place: found.ids for found in self.maps._find(person._gdpr_ensure_subjects())}
        self.assertEqual(found[place], flat.ids)
        self.assertTrue(place._get_fields()["x_hobby"].is_personal)

    def test_flag_that_would_find_nobody(self):
        with self.assertRaisesRegex(UserError, "“x_hobby” would not be found"):
            self.add_field("x_hobby", model="res.country.state", gdpr_personal="yes")
        field = self.env["ir.model.fields"]._get("res.country.state", "code")
        with self.assertRaisesRegex(UserError, "res.country.state"):
            field.gdpr_personal = "yes"
        # What isn't called so is an address if that is what was said.
        field.write({"gdpr_personal": "yes", "gdpr_category_id": self.env.ref("gdpr_consent.data_category_email").id})
        place = self.maps.search([("model", "=", "res.country.state"), ("is_personal", "=", True)])
        self.assertEqual(place.found_by, "addresses")

    def test_row_for_no_model(self):
        """What comes with an add-on waits for its app; what somebody typed here may be wrong."""
        shipped = self.maps.search([("is_installed", "=", False)])
        self.assertTrue(shipped)
        wrong = self.maps.create({"name": "Wrong", "model": "crm.laed", "path": "partner_id"})
        self.assertEqual(self.maps.search([("is_unknown", "=", True)]), wrong)
        self.assertNotIn(wrong, self.maps.search([("is_unknown", "=", False)]))
        self.assertTrue(wrong.is_unknown)
        self.assertFalse(any(shipped.mapped("is_unknown")))
        wrong.model = "crm.lead"
        self.assertFalse(wrong.is_unknown)

    def test_shipped_row_stays(self):
        """It is archived or changed; a row of one's own can go."""
        manager = new_test_user(self.env, "map_manager", groups="gdpr_consent.group_manager")
        shipped = self.env.ref("gdpr_consent.data_map_crm_lead").with_user(manager)
        own = self.maps.with_user(manager).create({"name": "Own", "model": "crm.lead", "path": "partner_id"})
        with self.assertRaisesRegex(UserError, "Archive them"):
            (shipped | own).unlink()
        own.with_user(self.env.user).export_data(["id"])
        own.unlink()
        shipped.active = False

    def test_found_by(self):
        place = self.maps.new({"model": "crm.lead", "path": "partner_id", "email_fields": "email_from"})
        self.assertEqual(place.found_by, "links, addresses")
        self.assertIn("the card itself", self.env.ref("gdpr_consent.data_map_res_partner").found_by)
        self.assertIn("what it is attached to", self.env.ref("gdpr_consent.data_map_mail_activity").found_by)

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

    def test_account_of_the_company(self):
        """The company's own bank account, to be paid on, isn't the person's data."""
        self.add_field("x_bank_id", "many2one", relation="res.partner.bank")
        self.env.ref("gdpr_consent.data_map_crm_lead").field_ids = [
            (0, 0, {"names": "x_bank_id", "origin": "provided"})
        ]
        card = self.env["res.partner"].create({"name": "Ann Example", "email": "ann@example.com"})
        banks = self.env["res.partner.bank"]
        ours = banks.create({"acc_number": "OURS1234567890", "partner_id": self.env.company.partner_id.id})
        hers = banks.create({"acc_number": "HERS1234567890", "partner_id": card.id})
        for bank in (ours, hers):
            self.env["crm.lead"].create({"name": "Bank", "partner_id": card.id, "x_bank_id": bank.id})
        with self.catch_mails():
            request = card.with_user(self.officer)._gdpr_receive_request("access").with_user(self.officer)
            request.action_prepare_answer()
        archive = request.sudo().answer_id.attachment_ids.filtered(lambda file: file.name == "data.zip").raw
        data = zipfile.ZipFile(io.BytesIO(archive)).read("data.json").decode()
        leads = str([part for part in json.loads(data)["data"] if part["place"] == "Leads"])
        self.assertNotIn("OURS1234567890", leads)
        self.assertIn("HERS1234567890", leads)

    def test_what_nobody_declared_is_acknowledged(self):
        """Where the data map leaves out what looks personal, whoever approves or sends says that they know."""
        card = self.env["res.partner"].create({"name": "Ann Example", "email": "ann@example.com"})
        card.message_post(body="Hello", message_type="comment")
        with self.catch_mails():
            request = card.with_user(self.officer)._gdpr_receive_request("access").with_user(self.officer)
            request.action_prepare_answer()
        self.assertFalse(request.has_open_gaps)
        self.add_field("x_witness_email")
        request.invalidate_recordset()
        self.assertEqual(request.undeclared_data, "crm.lead: x_witness_email")
        answer = request.answer_id
        answer.item_ids.decision = "include"
        for approve in (answer.action_approve, request.action_approve_answer):
            with self.assertRaisesRegex(UserError, "crm.lead: x_witness_email"):
                approve()
        request.action_accept_gaps()
        self.assertFalse(request.has_open_gaps)
        self.assertEqual(request.step_ids.filtered(lambda step: step.action == "gaps_accepted").user_id, self.officer)
        request.action_approve_answer()
        self.assertEqual(answer.state, "ready")
        # Another one since.
        self.add_field("x_other_email")
        request.invalidate_recordset()
        for send in (request.action_send_answer, request.action_sent_by_post, request.action_fulfil):
            with self.assertRaisesRegex(UserError, "x_other_email"):
                send()
