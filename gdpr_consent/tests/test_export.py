import csv
import io
import json

from odoo.http import Request
from odoo.tests import HttpCase, tagged

from .test_import import ImportCase

CARD_COLUMNS = {
    "name": "Name",
    "gdpr_legal_basis": "Legal Basis",
    "gdpr_legal_basis_reason": "Reason for the Legal Basis",
    "gdpr_consent_state": "Consent",
    "gdpr_consent_on": "Consent Given On",
    "gdpr_consent_source": "Collected By",
    "gdpr_consent_expires_on": "Valid Until",
    "gdpr_purpose_ids": "Purposes Agreed To",
    "gdpr_channel_ids": "Channels Allowed",
}
EVENT_COLUMNS = {
    "number": "Number",
    "subject_id": "Subject",
    "occurred_on": "When",
    "description": "What",
    "source": "Source",
    "details": "Details",
    "version_id": "Wording",
    "version_sha256": "SHA-256 of the Wording",
}


@tagged("post_install", "-at_install")
class TestExport(ImportCase, HttpCase):
    """Odoo's own export, as the browser asks for it."""

    def export(self, records, columns, user="privacy_officer"):
        """Give the rows of the file, as dictionaries."""
        self.officer.group_ids += self.env.ref("base.group_allow_export")
        self.authenticate(user, user)
        listed = self.make_jsonrpc_request(
            "/web/export/get_fields", {"model": records._name, "domain": [], "import_compat": False}
        )
        self.assertLessEqual(set(columns), {field["id"] for field in listed})
        request = {
            "model": records._name,
            "fields": [{"name": name, "label": label} for name, label in columns.items()],
            "ids": records.ids,
            "domain": [],
            "groupby": [],
            "import_compat": False,
        }
        response = self.url_open(
            "/web/export/csv", data={"data": json.dumps(request), "csrf_token": Request.csrf_token(self)}
        )
        response.raise_for_status()
        return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))

    def test_cards(self):
        """What the tab shows goes into the file, and the basis comes back in by an import."""
        people = self.make_people(3)
        people[0].gdpr_set_legal_basis("legitimate_interests", "Weighed")
        people[1:].gdpr_set_legal_basis("consent")
        people[1].gdpr_record_consent("marketing", ["email", "phone"], "phone", evidence="Call 7")
        rows = self.export(people, CARD_COLUMNS)
        # As Odoo does, each further channel has a line of its own.
        self.assertEqual(rows.pop(2), dict.fromkeys(CARD_COLUMNS.values(), "") | {"Channels Allowed": "Phone"})
        self.assertEqual([row["Legal Basis"] for row in rows], ["Legitimate interests", "Consent", "Consent"])
        self.assertEqual([row["Consent"] for row in rows], ["Not applicable", "Obtained", "Pending"])
        self.assertEqual(rows[0]["Reason for the Legal Basis"], "Weighed")
        self.assertEqual(rows[1]["Collected By"], "Phone")
        self.assertEqual(rows[1]["Purposes Agreed To"], self.marketing.name)
        self.assertEqual(rows[1]["Channels Allowed"], "E-mail")
        self.assertTrue(rows[1]["Consent Given On"] and rows[1]["Valid Until"])
        self.assertEqual(rows[2]["Purposes Agreed To"], "")
        names = ("name", "gdpr_legal_basis", "gdpr_legal_basis_reason")
        again = self.load([{name: row[CARD_COLUMNS[name]] for name in names} for row in rows])
        self.assertEqual(again.mapped("gdpr_legal_basis"), people.mapped("gdpr_legal_basis"))
        self.assertEqual(again[0].gdpr_legal_basis_reason, "Weighed")
        self.assertEqual(again.mapped("gdpr_consent_state"), ["not_applicable", "pending", "pending"])

    def test_update(self):
        """A file made to be imported again changes nothing when it is."""
        people = self.make_people(2, gdpr_legal_basis="contract")
        self.officer.group_ids += self.env.ref("base.group_allow_export")
        names = ["id", "name", "gdpr_legal_basis"]
        rows = people.with_user(self.officer).with_context(import_compat=True).export_data(names)["datas"]
        self.assertEqual(self.load([dict(zip(names, row, strict=True)) for row in rows]), people)
        self.assertEqual(self.get_events(people[0]), ["basis_changed"])

    def test_events(self):
        """The history leaves with its evidence and the fingerprint of the words."""
        person = self.load([self.make_row(gdpr_legal_basis="consent", **self.proof)])
        rows = self.export(person.gdpr_event_ids, EVENT_COLUMNS)
        given = next(row for row in rows if row["What"].startswith("Consent given"))
        self.assertIn("Call 4711", given["Details"])
        self.assertEqual(given["Source"], "Phone")
        self.assertEqual(given["When"], self.yesterday)
        self.assertIn(self.form.name, given["Wording"])
        self.assertEqual(given["SHA-256 of the Wording"], self.form._get_version("en_US").sha256)
        self.assertIn(person.gdpr_subject_id.reference, given["Number"])
        # And what an export says of the wording can be imported.
        row = self.make_row(2, gdpr_legal_basis="consent", **self.proof | {"gdpr_import_wording": given["Wording"]})
        self.assertEqual(self.load([row]).gdpr_consent_state, "obtained")

    def test_columns_of_the_import_hold_nothing(self):
        """They aren't offered for an export."""
        self.authenticate("privacy_officer", "privacy_officer")
        for import_compat in (False, True):
            listed = self.make_jsonrpc_request(
                "/web/export/get_fields", {"model": "res.partner", "domain": [], "import_compat": import_compat}
            )
            names = {field["id"] for field in listed}
            self.assertIn("gdpr_legal_basis", names)
            self.assertFalse([name for name in names if name.startswith("gdpr_import_") and name.endswith("s")])
            self.assertNotIn("gdpr_import_evidence", names)
