from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestDataMap(ConsentCase):
    """All that is held of a person is found by declared paths and exact addresses, and nobody else's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.person = cls.env["res.partner"].create({"name": "Ann Example", "email": "ann@example.com"})
        cls.env["res.partner"].create({"name": "Joann Example", "email": "joann@example.com"})
        cls.subject = cls.person._gdpr_ensure_subjects()

    def find(self, **values):
        return {found.place.model: found for found in self.env["gdpr.data.map"]._find(self.subject, **values)}

    def test_reasons_of_lines_can_be_translated(self):
        """Each shipped line that says why has an external id, under which its words are translated; no other has."""
        lines = self.env["gdpr.data.map.field"]
        shipped = self.env["gdpr.data.map"].with_context(active_test=False).search([])._filter_shipped()
        explained = shipped.field_ids.filtered("reason")
        self.assertTrue(explained)
        names = explained.get_external_id()
        self.assertFalse([explained.browse(line).names for line, name in names.items() if not name])
        self.assertEqual(len(set(names.values())), len(explained))
        own = lines.create({"map_id": explained[0].map_id.id, "names": explained[0].names, "reason": "Our own."})
        lines._name_shipped_lines()
        self.assertFalse(own.get_external_id()[own.id])

    def test_card_and_what_hangs_on_it(self):
        message = self.person.message_post(body="Hello")
        attachment = self.env["ir.attachment"].create(
            {"name": "letter.txt", "raw": b"letter", "res_model": "res.partner", "res_id": self.person.id}
        )
        found = self.find()
        self.assertEqual(found["res.partner"].ids, self.person.ids)
        self.assertIn(message.id, found["mail.message"].ids)
        self.assertIn(attachment.id, found["ir.attachment"].ids)

    def test_exact_address(self):
        leads = self.env["crm.lead"].create(
            [
                {"name": "One", "email_from": "Ann Example <ANN@example.com>"},
                {"name": "Two", "email_from": "joann@example.com"},
                {"name": "Three", "email_from": "ann@example.com.org"},
            ]
        )
        self.assertEqual(self.find()["crm.lead"].ids, leads[0].ids)

    def test_address_of_a_card_without_an_owner_is_not_shared(self):
        """A lead that nobody tied to a contact is the person's: it bears the address, and no other name."""
        lead = self.env["crm.lead"].create({"name": "Chairs", "email_from": "ann@example.com"})
        found = self.find()["crm.lead"]
        self.assertEqual((found.ids, found.doubtful_ids), (lead.ids, frozenset()))

    def test_shared_address_is_doubtful(self):
        self.env["res.partner"].create({"name": "Bob Example", "email": "ann@example.com"})
        lead = self.env["crm.lead"].create({"name": "Whose?", "email_from": "ann@example.com"})
        found = self.find()["crm.lead"]
        self.assertEqual(found.doubtful_ids, set(lead.ids))
        self.assertNotIn("Bob", self.env["res.partner"].browse(self.find()["res.partner"].ids).mapped("name"))

    def test_what_hangs_on_a_doubtful_record_is_doubtful(self):
        self.env["res.partner"].create({"name": "Bob Example", "email": "ann@example.com"})
        lead = self.env["crm.lead"].create({"name": "Whose?", "email_from": "ann@example.com"})
        message = lead.message_post(body="Hello")
        own = self.person.message_post(body="Hello")
        found = self.find()["mail.message"]
        self.assertIn(message.id, found.doubtful_ids)
        self.assertIn(own.id, found.ids)
        self.assertNotIn(own.id, found.doubtful_ids)

    def test_shared_number_is_doubtful(self):
        self.person.phone = "+39 02 5550123"
        lead = self.env["crm.lead"].create({"name": "Chairs", "phone": "0039 (02) 555-0123"})
        longer = self.env["crm.lead"].create({"name": "Tables", "phone": "+39 02 55501234"})
        self.assertEqual(self.find()["crm.lead"].ids, lead.ids)
        self.assertFalse(self.find()["crm.lead"].doubtful_ids)
        self.env["res.partner"].create({"name": "Bob Example", "phone": "+39025550123"})
        found = self.find()["crm.lead"]
        self.assertEqual((found.ids, found.doubtful_ids), (lead.ids, frozenset(lead.ids)))
        self.assertNotIn(longer.id, found.ids)

    def test_users_are_the_persons(self):
        user = self.env["res.users"].create({"login": "ann", "partner_id": self.person.id})
        user.action_archive()
        self.assertEqual(self.find()["res.users"].ids, user.ids)
        person = self.env["gdpr.data.map"]._identify(self.subject)
        self.assertIn(user.id, person.found["res.users"])

    def test_documents_of_any_model(self):
        activity = self.person.activity_schedule("mail.mail_activity_data_todo", summary="Call")
        self.assertIn(activity.id, self.find()["mail.activity"].ids)
        self.assertTrue(self.find()["mail.followers"].ids if self.person.message_follower_ids else True)

    def test_other_company_is_left_out(self):
        other = self.env["res.company"].create({"name": "Other"})
        ours, theirs = self.env["crm.lead"].create(
            [
                {"name": "Ours", "partner_id": self.person.id, "company_id": self.env.company.id},
                {"name": "Theirs", "partner_id": self.person.id, "company_id": other.id},
            ]
        )
        message = theirs.message_post(body="Hello")
        self.assertIn(theirs.id, self.find()["crm.lead"].ids)
        found = self.find(company=self.env.company)
        self.assertEqual(found["crm.lead"].ids, ours.ids)
        self.assertNotIn(message.id, found["mail.message"].ids)

    def test_property_that_links_to_the_person_is_doubtful(self):
        team = self.env["crm.team"].create({"name": "Team"})
        team.lead_properties_definition = [
            {"name": "witness", "type": "many2one", "string": "Witness", "comodel": "res.partner"},
            {"name": "guests", "type": "many2many", "string": "Guests", "comodel": "res.partner"},
        ]
        one, many, nobody = self.env["crm.lead"].create(
            [
                {"name": "One", "team_id": team.id, "lead_properties": {"witness": self.person.id}},
                {"name": "Many", "team_id": team.id, "lead_properties": {"guests": self.person.ids}},
                {"name": "Nobody", "team_id": team.id, "lead_properties": {"witness": self.env.user.partner_id.id}},
            ]
        )
        found = self.find()["crm.lead"]
        self.assertEqual(found.doubtful_ids, frozenset((one | many).ids))
        self.assertNotIn(nobody.id, found.ids)

    def test_record_is_in_one_row(self):
        """A message by the person to the person is named once: erasing takes it once."""
        message = self.person.message_post(body="Hello", author_id=self.person.id, partner_ids=self.person.ids)
        ids = [
            record_id
            for found in self.env["gdpr.data.map"]._find(self.subject)
            for record_id in found.ids
            if found.place.model == "mail.message"
        ]
        self.assertEqual(ids.count(message.id), 1)

    def test_further_address_is_the_persons(self):
        delivery = self.env["res.partner"].create(
            {"name": "Home", "parent_id": self.person.id, "type": "delivery", "active": False}
        )
        self.assertEqual(set(self.find()["res.partner"].ids), {self.person.id, delivery.id})

    def test_wrong_field_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "isn't a field"):
            self.env["gdpr.data.map"].create({"name": "Wrong", "model": "res.partner", "path": "nothing_id"})
        kept = {"erasure": "keep", "keep_ground": "contract", "keep_reason": "Orders", "keep_months": 3}
        for values in (
            {"email_fields": "color"},
            {"email_fields": "parent_id"},
            {"email_fields": "user_id.email"},
            {"email_fields": "display_name"},
            {"phone_fields": "is_company"},
            {"account_fields": "color"},
            {"keep_from": "name", **kept},
        ):
            with self.assertRaisesRegex(ValidationError, "nothing can be found"):
                self.env["gdpr.data.map"].create({"name": "Wrong", "model": "res.partner", **values})

    def test_path_that_leads_nowhere_is_refused(self):
        maps = self.env["gdpr.data.map"]
        for path in ("name", "parent_id.name", "parent_id, city", "email"):
            with self.assertRaisesRegex(ValidationError, "leads to no record"):
                maps.create({"name": "Wrong", "model": "res.partner", "path": path})
        with self.assertRaisesRegex(ValidationError, "isn't a field"):
            maps.create({"name": "Wrong", "model": "res.partner", "path": "name.id"})
        for names in ("res_model", "res_id, res_model", "res_model, res_id, name", "res_model, name", "name, name"):
            with self.assertRaisesRegex(ValidationError, "names no record"):
                maps.create({"name": "Wrong", "model": "ir.attachment", "document_fields": names})
        with self.assertRaisesRegex(ValidationError, "isn't a field"):
            maps.create({"name": "Wrong", "model": "ir.attachment", "document_fields": "model, id_of_it"})
        maps.create({"name": "Right", "model": "ir.attachment", "document_fields": "res_model, res_id"})
        maps.create({"name": "Right", "model": "res.partner", "path": "parent_id.user_id, child_ids, nothing_id?"})

    def test_keeping_needs_a_reason_and_an_end(self):
        kept = {"name": "Kept", "model": "crm.tag", "erasure": "keep", "keep_ground": "contract"}
        for values, message in (
            ({"keep_months": 12}, "say why"),
            ({"keep_months": 12, "keep_reason": " "}, "say why"),
            ({"keep_months": 95676, "keep_reason": "Orders"}, "no term"),
        ):
            with self.assertRaisesRegex(ValidationError, message):
                self.env["gdpr.data.map"].create({**kept, **values})

    def test_name_alone(self):
        """Where only a name says whose a record is, it is found by the whole name, and somebody looks."""
        self.addCleanup(self.registry.reset_changes)
        for name, ttype, relation in (("x_payer", "char", False), ("x_partner_id", "many2one", "res.partner")):
            self.env["ir.model.fields"].create(
                {
                    "model_id": self.env["ir.model"]._get_id("crm.tag"),
                    "name": name,
                    "ttype": ttype,
                    "relation": relation,
                }
            )
        values = {
            "name": "Lines",
            "model": "crm.tag",
            "path": "x_partner_id",
            "name_fields": "x_payer",
            "sequence": 900,
        }
        self.env["gdpr.data.map"].create(values)
        other = self.env["res.partner"].create({"name": "Ann Example"})
        plain, turned, linked, _others, _longer, _nobody = self.env["crm.tag"].create(
            [
                {"name": "Plain", "x_payer": " ann  EXAMPLE"},
                {"name": "Turned", "x_payer": "EXAMPLE, ANN"},
                {"name": "Linked", "x_payer": "Ann Example", "x_partner_id": self.person.id},
                {"name": "Another's", "x_payer": "Ann Example", "x_partner_id": other.id},
                {"name": "Longer", "x_payer": "Joann Example"},
                {"name": "Nobody"},
            ]
        )
        found = self.find()["crm.tag"]
        self.assertEqual(set(found.ids), set((plain | turned | linked).ids))
        self.assertEqual(found.doubtful_ids, set((plain | turned).ids))

    def test_model_that_is_not_installed_waits(self):
        place = self.env["gdpr.data.map"].create({"name": "Waits", "model": "not.installed", "path": "partner_id"})
        self.assertFalse(place.is_installed)
        self.assertNotIn("not.installed", self.find())

    def test_field_of_another_app_waits(self):
        place = self.env["gdpr.data.map"].create(
            {"name": "Waits", "model": "res.partner", "path": "parent_id, nothing_id?"}
        )
        self.assertEqual(place._get_paths(), ["parent_id"])
        self.assertFalse(place.warning)

    def test_declared_fields(self):
        """By the lines, by what records are found by, and first of all by what is said on the field itself."""
        place = self.env["gdpr.data.map"].create(
            {
                "name": "Leads again",
                "model": "crm.lead",
                "email_fields": "email_from",
                "field_ids": [
                    (0, 0, {"names": "contact_name, referred", "origin": "provided"}),
                    (0, 0, {"names": "probability", "origin": "derived", "erasure": "keep"}),
                ],
            }
        )
        declared = place._get_fields()
        self.assertEqual(declared["probability"].origin, "derived")
        self.assertEqual(declared["email_from"].category, self.env.ref("gdpr_consent.data_category_email"))
        fields = self.env["ir.model.fields"]
        fields._get("crm.lead", "referred").write({"gdpr_personal": "no", "gdpr_reason": "A code"})
        fields._get("crm.lead", "function").write({"gdpr_personal": "yes", "gdpr_origin": "observed"})
        declared = place._get_fields()
        self.assertFalse(declared["referred"].is_personal)
        self.assertEqual(declared["function"].origin, "observed")
        self.assertEqual(declared["function"].erasure, "empty")

    def test_what_belongs_to_what_is_shared_is_not_the_persons(self):
        """The person is one of several on a record: what else hangs on that isn't the person's."""
        self.addCleanup(self.registry.reset_changes)
        self.env["ir.model.fields"].create(
            {
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
                "name": "x_deliver_to_id",
                "ttype": "many2one",
                "relation": "res.partner",
            }
        )
        place = self.env["gdpr.data.map"].create(
            {
                "name": "Of others",
                "model": "crm.lead",
                "path": "x_deliver_to_id",
                "has_documents": False,
                "erasure": "detach",
                "sequence": 36,
            }
        )
        lead = self.env["crm.lead"].create({"name": "Chairs", "x_deliver_to_id": self.person.id})
        meeting = {"start": "2026-03-02 10:00:00", "stop": "2026-03-02 11:00:00", "opportunity_id": lead.id}
        self.env["calendar.event"].create({"name": "Chairs", **meeting})
        found = self.find()
        self.assertEqual((found["crm.lead"].place, found["crm.lead"].ids), (place, lead.ids))
        self.assertNotIn("calendar.event", found)

    def test_number_of_a_bank_account(self):
        """Lines of a bank know nobody; the number of the person's account leads to them, exactly."""
        self.addCleanup(self.registry.reset_changes)
        for name, ttype in (("x_account", "char"), ("x_details", "json")):
            self.env["ir.model.fields"].create(
                {"model_id": self.env["ir.model"]._get_id("crm.tag"), "name": name, "ttype": ttype}
            )
        self.env["gdpr.data.map"].create(
            {"name": "Lines", "model": "crm.tag", "account_fields": "x_account, x_details", "sequence": 900}
        )
        bank = {"acc_number": "IT60 X054 2811 1010 0000 0123 456", "partner_id": self.person.id}
        self.env["res.partner.bank"].create(bank)
        plain, grouped, details, longer, _nobody = self.env["crm.tag"].create(
            [
                {"name": "Plain", "x_account": "it60x0542811101000000123456"},
                {"name": "Grouped", "x_account": "IT60-X054-2811-1010-0000-0123-456"},
                {"name": "Details", "x_details": {"from": [{"iban": "IT60X0542811101000000123456"}]}},
                {
                    "name": "Longer",
                    "x_account": "IT60X05428111010000001234567",
                    "x_details": {"iban": "XIT60X0542811101000000123456"},
                },
                {"name": "Nobody"},
            ]
        )
        self.env.flush_all()
        found = self.find()["crm.tag"]
        self.assertEqual((found.ids, found.doubtful_ids), ((plain | grouped | details).ids, frozenset()))
        self.assertNotIn(longer.id, found.ids)
        # Two people, one account.
        spouse = self.env["res.partner"].create({"name": "Bob Example"})
        self.env["res.partner.bank"].create({**bank, "partner_id": spouse.id})
        self.assertEqual(self.find()["crm.tag"].doubtful_ids, set(found.ids))

    def test_custom_field_leads_to_the_person(self):
        self.addCleanup(self.registry.reset_changes)
        self.env["ir.model.fields"].create(
            {
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
                "name": "x_witness_id",
                "ttype": "many2one",
                "relation": "res.partner",
                "gdpr_personal": "yes",
            }
        )
        lead = self.env["crm.lead"].create({"name": "Accident", "x_witness_id": self.person.id})
        self.assertIn(lead.id, self.find()["crm.lead"].ids)
