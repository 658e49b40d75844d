from odoo.tests import tagged

from .erasure_common import EMAIL, NAME, PHONE, ErasureCase


@tagged("post_install", "-at_install")
class TestSuppression(ErasureCase):
    """An address that was erased isn't used again by mistake, whatever way it comes back."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        identified = cls.env["gdpr.data.map"]._identify(cls.person._gdpr_ensure_subjects())
        cls.env["gdpr.suppression"]._remember(identified, cls.env.company)
        cls.person.write({"email": "elsewhere@example.com", "phone": False})

    def assertSuppressed(self, card, restricted=True):
        """Check that a card gets no marketing, and says why."""
        self.env.invalidate_all()
        card = card.sudo()
        self.assertEqual((card.gdpr_objected, card.gdpr_restricted), (True, restricted))
        verdict = card.gdpr_may_contact(self.marketing, self.email_channel)[card.id]
        self.assertFalse(verdict["allowed"])
        self.assertIn("erased on", str(card.message_ids.mapped("body")))

    def test_no_clear_address(self):
        entries = self.env["gdpr.suppression"].search([])
        self.assertEqual(sorted(entries.mapped("kind")), ["email", "phone"])
        self.assertEqual(self.find_traces(terms=(EMAIL, PHONE), tables=["gdpr_suppression"]), [])

    def test_created_again(self):
        card = self.env["res.partner"].with_user(self.salesperson).create({"name": "Z. Q.", "email": EMAIL.upper()})
        self.assertSuppressed(card)
        lead = self.env["crm.lead"].create({"name": "Boat", "phone": "0039 347 881 29 90"})
        self.assertSuppressed(lead)

    def test_number_without_prefix(self):
        """A number typed as it is dialled in the country of the record, or of its company, is the same number."""
        italy = self.env.ref("base.it")
        card = self.env["res.partner"].create({"name": "Z. Q.", "phone": "347 8812990", "country_id": italy.id})
        self.assertSuppressed(card)
        self.env.company.country_id = italy
        for values in ({"name": "Boat", "phone": "347/8812990"}, {"name": "Boat", "phone": "347.881.2990"}):
            self.assertSuppressed(self.env["crm.lead"].create(values))

    def test_number_whose_country_is_said_later(self):
        card = self.env["res.partner"].create({"name": "Z. Q.", "phone": "347 8812990"})
        self.assertFalse(card.gdpr_objected)
        card.country_id = self.env.ref("base.it")
        self.assertSuppressed(card)

    def test_number_in_a_company_elsewhere(self):
        """What counts is the country of the record's company, not of the one the user looks at."""
        company = self.env["res.company"].create({"name": "Roma", "country_id": self.env.ref("base.it").id})
        self.env["gdpr.suppression"]._remember_digests(
            [(entry.kind, entry.digest) for entry in self.env["gdpr.suppression"].search([])], company
        )
        card = self.env["res.partner"].create({"name": "Z. Q.", "phone": "347 8812990", "company_id": company.id})
        self.assertSuppressed(card)

    def test_number_remembered_without_prefix(self):
        """The number of the erased person stood without prefix on the record."""
        italy = self.env.ref("base.it")
        company = self.env["res.company"].create({"name": "Roma", "country_id": italy.id})
        person = self.env["res.partner"].create({"name": "X. Y.", "phone": "348 8812991", "company_id": company.id})
        identified = self.env["gdpr.data.map"]._identify(person._gdpr_ensure_subjects())
        self.env["gdpr.suppression"]._remember(identified, company)
        person.phone = False
        card = self.env["res.partner"].create({"name": "X.", "phone": "+39 348 8812991", "company_id": company.id})
        self.assertSuppressed(card)

    def test_written_again(self):
        card = self.env["res.partner"].create({"name": "Z. Q."})
        card.email = f"Zelda <{EMAIL}>"
        self.assertSuppressed(card)

    def test_imported_again(self):
        result = self.env["res.partner"].load(["name", "email"], [["Z. Q.", EMAIL], ["Other", "other@example.com"]])
        card, other = self.env["res.partner"].browse(result["ids"])
        self.assertSuppressed(card)
        self.assertFalse(other.gdpr_objected)

    def test_one_query_for_many(self):
        vals_list = [{"name": f"P {n}", "email": f"p{n}@example.com"} for n in range(100)]
        self.env["gdpr.suppression"]._recognise({1: [("email", "warm@example.com")]})
        cards = self.env["res.partner"].create(vals_list)
        with self.assertQueryCount(1):
            cards._gdpr_suppress()

    def test_what_else_bears_an_address(self):
        """A registration, an answer or another record that the data map knows: no card, but no marketing either."""
        # A field that an add-on declares, as Odoo's events do with the address of a registration.
        self.env["gdpr.data.map"].create({"name": "Visits", "model": "calendar.event", "email_fields": "location"})
        self.env["gdpr.suppression"]._recognise({1: [("email", "warm@example.com")]})
        entries = self.env["mail.blacklist"].search([])
        others = [{"name": "Visit", "location": f"visitor{n}@example.com"} for n in range(3)]
        self.env["calendar.event"].create([*others, {"name": "Visit", "location": f"Zelda <{EMAIL.upper()}>"}])
        blocked = self.env["mail.blacklist"].search([]) - entries
        self.assertEqual((blocked.mapped("email"), blocked.gdpr_objection), ([EMAIL], True))

    def test_address_written_elsewhere(self):
        self.env["gdpr.data.map"].create({"name": "Visits", "model": "calendar.event", "email_fields": "location"})
        visit = self.env["calendar.event"].create({"name": "Visit"})
        visit.location = EMAIL
        self.assertTrue(self.env["mail.blacklist"].search([("email", "=", EMAIL)]))

    def test_incoming_mail(self):
        self.env["mail.alias"].create(
            {
                "alias_name": "boats",
                "alias_model_id": self.env["ir.model"]._get_id("crm.lead"),
                "alias_contact": "everyone",
            }
        )
        lead = self.format_and_process(
            "From: {email_from}\nTo: {to}\nSubject: {subject}\nMessage-Id: {msg_id}\n\nHello",
            f"{NAME} <{EMAIL}>",
            f"boats@{self.alias_domain}",
            subject="A boat",
            target_model="crm.lead",
        )
        self.assertTrue(lead)
        # The person writes: the processing goes on, marketing doesn't.
        self.assertSuppressed(lead, restricted=False)

    def test_consent_of_the_person_ends_it(self):
        card = self.env["res.partner"].create({"name": "Z. Q.", "email": EMAIL})
        self.assertSuppressed(card)
        version = self.form._get_version("en_US")
        card.gdpr_subject_id._record_answer(
            version, {self.marketing.id: ["email"]}, offered=self.marketing, actor="person", source="website"
        )
        self.env.invalidate_all()
        self.assertFalse(card.gdpr_restricted)
        self.assertFalse(card.gdpr_objected)
        again = self.env["crm.lead"].create({"name": "Boat", "email_from": EMAIL})
        self.assertFalse(again.gdpr_objected)

    def test_another_company_has_its_own(self):
        company = self.env["res.company"].create({"name": "Other"})
        card = self.env["res.partner"].create({"name": "Z. Q.", "email": EMAIL, "company_id": company.id})
        self.assertFalse(card.gdpr_objected)

    def test_customer_of_two_companies(self):
        """The address is remembered for the company that erased, whoever else has it as a customer."""
        other = self.env["res.company"].create({"name": "Other"})
        shared = "otto.sereni@example.com"
        kept = self.env["res.partner"].create({"name": "Otto Sereni", "email": shared, "company_id": other.id})
        person = self.env["res.partner"].create(
            {"name": "Otto Sereni", "email": shared, "company_id": self.env.company.id}
        )
        request = self.erase(self.ask_erasure(person))
        self.assertEqual(request.erasure_state, "finished", request.erasure_note)
        self.assertEqual(kept.email, shared)
        back = self.env["res.partner"].with_user(self.salesperson).create({"name": "O. S.", "email": shared})
        self.assertSuppressed(back)
        at_other = self.env["res.partner"].create({"name": "O. S.", "email": shared, "company_id": other.id})
        self.assertFalse(at_other.gdpr_objected)

    def test_address_that_two_of_one_company_have(self):
        shared = "family.sereni@example.com"
        self.env["res.partner"].create({"name": "Anna Sereni", "email": shared})
        person = self.env["res.partner"].create({"name": "Otto Sereni", "email": shared})
        request = self.ask_erasure(person)
        self.plan(request)
        request.sudo().plan_line_ids.doubt_ids.decision = "others"
        self.erase(request)
        self.assertFalse(self.env["res.partner"].create({"name": "A. S.", "email": shared}).gdpr_objected)

    def test_context_of_a_client(self):
        """What a client claims in the context is as good as nothing: the company has brought the person back."""
        context = {"gdpr_erasing": True, "gdpr_incoming": True, "gdpr_blacklist_silent": True}
        cards = self.env["res.partner"].with_user(self.salesperson).with_context(**context)
        self.assertSuppressed(cards.create({"name": "Z. Q.", "email": EMAIL}))
        later = cards.create({"name": "Zelda"})
        later.email = EMAIL
        self.assertSuppressed(later)
