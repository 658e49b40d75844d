import json
from datetime import datetime, timedelta
from pathlib import Path

from pyld import jsonld

from odoo.exceptions import ValidationError
from odoo.tests import BaseCase, TransactionCase, tagged

from ..models.gdpr_purpose import DPV_PURPOSES, LEGAL_BASES
from ..tools.consent_record import Controller, Notice, Record, build_document, moment

NAMESPACES = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "legal-eu": "https://w3id.org/dpv/legal/eu#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "schema": "https://w3id.org/dpv/schema/dpv-27560#",
}
DPV = NAMESPACES["dpv"]
START = datetime(2026, 2, 1, 10, 0, 0)


def read_terms():
    """Give the terms of DPV 2.3 that may be used, as IRIs."""
    lines = (Path(__file__).parent / "data" / "dpv_2_3_terms.txt").read_text("utf-8").splitlines()
    names = (line.partition(":") for line in lines if line and not line.startswith("#"))
    return {NAMESPACES[prefix] + name for prefix, _colon, name in names}


def refuse_loading(url, _options):
    raise AssertionError(f"{url} would be fetched")


def expand(document):
    """Give a JSON-LD document with every IRI written out; nothing is fetched for it."""
    return jsonld.expand(json.loads(json.dumps(document)), {"documentLoader": refuse_loading})


def find_iris(node):
    """Give all keys, types and identifiers of an expanded document."""
    if isinstance(node, list):
        for item in node:
            yield from find_iris(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("@id", "@type"):
                yield from value if isinstance(value, list) else [value]
            else:
                if not key.startswith("@"):
                    yield key
                yield from find_iris(value)


class RecordCase(BaseCase):
    """Checks of a JSON-LD document."""

    def assertTermsExist(self, document):
        """Check that every IRI is absolute, and that those of the vocabulary are in it."""
        terms = read_terms()
        for iri in find_iris(expand(document)):
            self.assertRegex(iri, r"^(https?|urn|mailto):|^_:")
            if iri.startswith("https://w3id.org/dpv"):
                self.assertIn(iri, terms)

    def assertMandatoryFields(self, record):
        """Check a record for what ISO/IEC TS 27560 makes mandatory (law.md Annex 1)."""
        for field in (
            "@id",
            "dct:conformsTo",
            "dct:identifier",
            "dpv:hasDataSubject",
            "dpv:hasNotice",
            "dpv:hasJurisdiction",
            "dpv:hasLegalBasis",
            "dpv:hasRight",
            "dpv:hasConsentControl",
            "dpv:hasConsentStatus",
        ):
            self.assertTrue(record.get(field), field)
        for field in ("@id", "dpv:hasName", "dpv:hasAddress", "dpv:hasContact", "@type"):
            self.assertTrue(record["dpv:hasDataController"].get(field), field)
        for notice in record["dpv:hasNotice"]:
            for field in ("dcat:version", "dct:language", "dct:date", "spdx:checksum"):
                self.assertTrue(notice.get(field), field)
        for process in record["dpv:hasProcess"]:
            for field in ("dpv:hasPurpose", "dpv:hasPersonalData", "dpv:hasRecipient"):
                self.assertTrue(process.get(field), field)
            conditions = {condition["@type"]: condition for condition in process["dpv:hasStorageCondition"]}
            self.assertTrue(conditions["dpv:StorageLocation"]["dpv:hasLocation"])
            self.assertIn("dpv:StorageDuration", conditions)
        for status in record["dpv:hasConsentStatus"]:
            self.assertTrue(status["dpv:isIndicatedAtTime"].endswith("Z"))
            self.assertTrue(status["dpv:isIndicatedBy"] and status["dpv:hasIndicationMethod"])


@tagged("post_install", "-at_install")
class TestConsentRecord(RecordCase):
    """The record of one consent, without a database."""

    def make_record(self, *actions, **values):
        """Make a record whose events are a day apart; each is an action, or an action and further columns.

        A consent is valid for a day.
        """
        events = []
        for number, action in enumerate(actions, 1):
            action, columns = action if isinstance(action, tuple) else (action, {})
            occurred_on = START + timedelta(days=number)
            expires_on = occurred_on + timedelta(days=1) if action == "given" else None
            events.append(
                {
                    "id": number,
                    "action": action,
                    "purpose_id": 1,
                    "channel_codes": "email,sms",
                    "legal_basis": None,
                    "occurred_on": occurred_on,
                    "expires_on": expires_on,
                    "source": "email",
                    "actor": "person",
                    "method": "E-mail link",
                    "valid_until": expires_on,
                }
                | columns
            )
        return Record(
            **{
                "reference": "ABCDEFGH23",
                "purpose_id": 1,
                "code": "marketing",
                "legal_basis": "consent",
                "dpv_purpose": "DirectMarketing",
                "data_terms": ["Name", "EmailAddress"],
                "recipients": ["Postal Service Ltd"],
                "recipient_kinds": "companies of our group",
                "retention_months": 24,
                "retention_reason": "",
                "controller": Controller(
                    "https://example.com/", "IT01234567890", "ACME", "Via Roma 1, Torino", "dpo@example.com", "IT"
                ),
                "exercised_at": "https://example.com/my/privacy",
                "notices": [Notice("urn:uuid:1", 3, "it_IT", START, "0" * 64, '{"title":"È permesso?"}')],
                "events": events,
                **values,
            }
        )

    def get_statuses(self, *actions):
        document = build_document([self.make_record(*actions)])
        self.assertTermsExist(document)
        statuses = document["@graph"][0]["dpv:hasConsentStatus"]
        return [
            (status["@type"][0] if isinstance(status["@type"], list) else status["@type"]).removeprefix("dpv:")
            for status in statuses
        ]

    def test_days_begun_count(self):
        """A link made two seconds before its message has left is valid for its thirty days."""
        until = START + timedelta(days=31, seconds=-2)
        document = build_document([self.make_record(("asked", {"valid_until": until}))])
        self.assertEqual(document["@graph"][0]["dpv:hasConsentStatus"][0]["dpv:hasDuration"], "P30D")

    def test_terms_and_fields(self):
        record = self.make_record("asked", "given", "withdrawn")
        document = build_document([record], {"identifier": "ABCDEFGH23-4", "created": START})
        self.assertTermsExist(document)
        receipt, node = document["@graph"]
        self.assertMandatoryFields(node)
        self.assertEqual(receipt["dct:references"], [node["@id"]])
        self.assertEqual(node["dct:identifier"], "ABCDEFGH23-marketing")
        self.assertEqual(node["dpv:hasLegalBasis"], "eu-gdpr:A6-1-a")
        self.assertEqual(node["dpv:hasProcess"][0]["dpv:hasPersonalData"], ["pd:Name", "pd:EmailAddress"])
        given = node["dpv:hasConsentStatus"][1]
        self.assertEqual(given["@type"], ["dpv:ConsentGiven", "dpv:ExpressedConsent"])
        self.assertEqual(given["dpv:hasDuration"], "P1D")
        self.assertEqual(given["dpv:isIndicatedBy"], node["dpv:hasDataSubject"]["@id"])
        self.assertRegex(node["dpv:hasDataSubject"]["@id"], r"^urn:uuid:[0-9a-f-]{36}$")

    def test_values_keep_their_kind(self):
        """What a machine reads after expansion: times are times, durations durations, links links."""
        expanded = expand(build_document([self.make_record("given")]))[0]
        status = expanded[f"{DPV}hasConsentStatus"][0]
        xsd = "http://www.w3.org/2001/XMLSchema#"
        self.assertEqual(
            status[f"{DPV}isIndicatedAtTime"], [{"@type": f"{xsd}dateTime", "@value": "2026-02-02T10:00:00Z"}]
        )
        self.assertEqual(status[f"{DPV}hasDuration"], [{"@type": f"{xsd}duration", "@value": "P1D"}])
        self.assertEqual(expanded[f"{DPV}hasJurisdiction"], [{"@id": f"{NAMESPACES['loc']}IT"}])
        notice = expanded[f"{DPV}hasNotice"][0]
        self.assertEqual(
            notice["http://www.w3.org/1999/02/22-rdf-syntax-ns#value"], [{"@value": '{"title":"È permesso?"}'}]
        )

    def test_the_same_each_time(self):
        self.assertEqual(build_document([self.make_record("given")]), build_document([self.make_record("given")]))

    def test_statuses(self):
        by_system = {"actor": "system"}
        for actions, expected in {
            (): ["ConsentUnknown"],
            ("asked",): ["ConsentRequested"],
            ("asked", "no_response"): ["ConsentRequested", "ConsentRequestDeferred"],
            ("declared", "confirmation_lapsed"): ["ConsentRequested", "ConsentRequestDeferred"],
            ("asked", "refused"): ["ConsentRequested", "ConsentRefused"],
            ("declared", "given"): ["ConsentRequested", "ConsentGiven"],
            ("given", "expired", "asked", "given"): [
                "ConsentGiven",
                "ConsentExpired",
                "ConsentRequested",
                "RenewedConsentGiven",
            ],
            ("given", "asked", "given"): ["ConsentGiven", "RenewedConsentGiven"],
            ("given", "renewal_due", "given"): ["ConsentGiven", "ConsentExpired", "RenewedConsentGiven"],
            ("given", "withdrawn", "given"): ["ConsentGiven", "ConsentWithdrawn", "ConsentGiven"],
            ("given", "withdrawn", "renewal_due"): ["ConsentGiven", "ConsentWithdrawn"],
        }.items():
            with self.subTest(actions=actions):
                self.assertEqual(self.get_statuses(*actions), expected)
        self.assertEqual(self.get_statuses("given", ("withdrawn", by_system)), ["ConsentGiven", "ConsentRevoked"])

    def test_fewer_channels_are_the_same_consent(self):
        taken_back = ("channels_withdrawn", {"channel_codes": "sms"})
        self.assertEqual(self.get_statuses("given", taken_back), ["ConsentGiven", "ConsentGiven"])
        self.assertEqual(self.get_statuses("given", "withdrawn", taken_back), ["ConsentGiven", "ConsentWithdrawn"])

    def test_consent_learnt_late(self):
        """A yes older than the no that is on record is told, and isn't the last word."""
        earlier = ("given", {"occurred_on": START - timedelta(days=9)})
        self.assertEqual(self.get_statuses("withdrawn", earlier), ["ConsentGiven", "ConsentWithdrawn"])

    def test_another_consent_lapsed(self):
        """The end of the consent of a history joined with this one isn't the end of this one."""
        self.assertEqual(self.get_statuses("given", "expired")[-1], "ConsentExpired")
        until = START + timedelta(days=900)
        lasting = ("given", {"expires_on": until, "valid_until": until})
        self.assertEqual(self.get_statuses(lasting, "expired"), ["ConsentGiven"])

    def test_every_basis_has_its_rights(self):
        for basis, _label in LEGAL_BASES:
            with self.subTest(basis=basis):
                document = build_document([self.make_record("given", legal_basis=basis)])
                self.assertTermsExist(document)
                rights = document["@graph"][0]["dpv:hasRight"]
                self.assertEqual("eu-gdpr:A7-3" in rights, basis == "consent")
                self.assertEqual("eu-gdpr:A21" in rights, basis in ("public_interest", "legitimate_interests"))

    def test_every_purpose_term_exists(self):
        terms = read_terms()
        for term, _label in DPV_PURPOSES:
            self.assertIn(DPV + term, terms)

    def test_little_is_known(self):
        """A company without country or address, a purpose without kinds of data or an end."""
        record = self.make_record(
            "given",
            data_terms=[],
            recipients=[],
            recipient_kinds="",
            retention_months=0,
            retention_reason="As long as you are a member",
            controller=Controller("https://example.com/", "1", "ACME", "", "", ""),
        )
        document = build_document([record])
        self.assertTermsExist(document)
        self.assertEqual(document["@graph"][0]["dpv:hasProcess"][0]["dpv:hasPersonalData"], ["dpv:PersonalData"])

    def test_moment(self):
        self.assertEqual(moment(datetime(2026, 3, 29, 1, 30, 0, 999)), "2026-03-29T01:30:00Z")


@tagged("post_install", "-at_install")
class TestDataCategory(TransactionCase):
    """The kinds of personal data bear terms of the vocabulary."""

    def test_shipped_terms_exist(self):
        terms = read_terms()
        for category in self.env["gdpr.data.category"].with_context(active_test=False).search([]):
            if category.get_external_id()[category.id].startswith("gdpr_consent."):
                self.assertIn(NAMESPACES["pd"] + category.dpv_term, terms)

    def test_form_of_a_term(self):
        for term in ("E-mail", "email", "pd:Name", "Name ", "https://w3id.org/dpv/pd#Name", "1st"):
            with self.subTest(term=term), self.assertRaises(ValidationError):
                self.env["gdpr.data.category"].create({"name": "Something", "dpv_term": term})
        self.env["gdpr.data.category"].create({"name": "Coordinates", "dpv_term": "GPSCoordinate"})
