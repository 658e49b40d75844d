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

    def test_shared_address_is_doubtful(self):
        self.env["res.partner"].create({"name": "Bob Example", "email": "ann@example.com"})
        lead = self.env["crm.lead"].create({"name": "Whose?", "email_from": "ann@example.com"})
        found = self.find()["crm.lead"]
        self.assertEqual(found.doubtful_ids, set(lead.ids))
        self.assertNotIn("Bob", self.env["res.partner"].browse(self.find()["res.partner"].ids).mapped("name"))

    def test_further_address_is_the_persons(self):
        delivery = self.env["res.partner"].create(
            {"name": "Home", "parent_id": self.person.id, "type": "delivery", "active": False}
        )
        self.assertEqual(set(self.find()["res.partner"].ids), {self.person.id, delivery.id})

    def test_wrong_field_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "isn't a field"):
            self.env["gdpr.data.map"].create({"name": "Wrong", "model": "res.partner", "path": "nothing_id"})

    def test_model_that_is_not_installed_waits(self):
        place = self.env["gdpr.data.map"].create({"name": "Waits", "model": "not.installed", "path": "partner_id"})
        self.assertFalse(place.is_installed)
        self.assertNotIn("not.installed", self.find())
