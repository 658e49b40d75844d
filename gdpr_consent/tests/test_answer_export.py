import hashlib
import json

import vobject

from odoo.tests import tagged

from .answer_common import AnswerCase


@tagged("post_install", "-at_install")
class TestAnswerExport(AnswerCase):
    """A file of all the person's data, and of nobody else's (S34)."""

    def test_files(self):
        archive = self.open_archive(self.prepare("portability"))
        manifest = json.loads(archive.read("manifest.json"))
        self.assertEqual(
            sorted(entry["name"] for entry in manifest["files"]),
            sorted(name for name in archive.namelist() if name != "manifest.json"),
        )
        for entry in manifest["files"]:
            content = archive.read(entry["name"])
            self.assertEqual(entry["sha256"], hashlib.sha256(content).hexdigest(), entry["name"])
            self.assertEqual(entry["size"], len(content))
        self.assertEqual((manifest["schema"], manifest["schema_version"]), ("gdpr_consent/answer", "1.1"))
        self.assertIn(b"a letter", [archive.read(name) for name in archive.namelist() if name.startswith("files/")])
        self.assertTrue(all(name.isascii() for name in archive.namelist()))

    def test_data(self):
        document = self.read_json(self.prepare("portability"))
        [card] = self.get_values(document, "Contact")
        self.assertEqual(card["name"], "Anna Rossi")
        self.assertEqual(card["city"], "Torino")
        [lead] = self.get_values(document, "Leads")
        self.assertEqual(lead["name"], "=2+3 chairs")
        self.assertNotIn("probability", lead, "what was derived isn't the person's to take (article 20)")
        self.assertNotIn("information", document)

    def test_vcard(self):
        archive = self.open_archive(self.prepare("portability"))
        card = next(vobject.readComponents(archive.read("contact.vcf").decode()))
        self.assertEqual(card.version.value, "4.0")
        self.assertEqual(card.fn.value, "Anna Rossi")
        self.assertEqual(card.email.value, "Anna.Rossi@example.com")

    def test_csv(self):
        archive = self.open_archive(self.prepare("portability"))
        rows = self.read_csv(archive.read("Leads.csv"))
        self.assertIn("'=2+3 chairs", rows[1])
        self.assertIn("'+39 02 5550123", rows[1])

    def test_nobody_else(self):
        archive = self.open_archive(self.prepare("portability"))
        everything = "".join(
            archive.read(name).decode() for name in archive.namelist() if not name.startswith("files/")
        )
        for other in ("Bob", "Verdi", "carla", "5550001", "5550001", self.colleague.email, self.officer.name):
            self.assertNotIn(other, everything)
        self.assertIn("Please call me, not [redacted].", everything)
        self.assertIn("Spoke with Anna.", everything)
        manifest = json.loads(archive.read("manifest.json"))
        self.assertTrue(manifest["redactions"])

    def test_left_out(self):
        request = self.make_request("portability")
        request.action_prepare_answer()
        items = request.answer_id.item_ids
        items.filtered(lambda item: not item.decision).decision = "leave_out"
        items.filtered(lambda item: item.original_text == "Likes tea").action_leave_out()
        request.answer_id.action_approve()
        archive = self.open_archive(request)
        self.assertFalse([name for name in archive.namelist() if name.startswith("files/")])
        self.assertNotIn(b"Likes tea", archive.read("data.json"))
        manifest = json.loads(archive.read("manifest.json"))
        gaps = {(gap["place"], gap.get("kind")): gap.get("count") for gap in manifest["left_out"]}
        self.assertEqual(gaps["Files", "file"], 1)
        self.assertEqual(gaps["Contact", "text"], 1)
        self.assertIn("probability", str(manifest["left_out"]).lower())
