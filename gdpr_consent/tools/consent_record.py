"""The proof for machines: consent records in the fields of ISO/IEC TS 27560:2023 and the terms of the W3C Data
Privacy Vocabulary 2.3, as JSON-LD (law.md R-114, Annexes 1 to 3).

Kept free of the ORM. No value of a person is in it but the opaque identifiers.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .replay import Projection

SCHEMA = "https://w3id.org/dpv/schema/dpv-27560"
IRI = {"@type": "@id"}
# What refers to something, rather than saying it.
LINKS = (
    "dpv:hasPurpose",
    "dpv:hasPersonalData",
    "dpv:hasLegalBasis",
    "dpv:hasLocation",
    "dpv:hasJurisdiction",
    "dpv:hasApplicableLaw",
    "dpv:hasRecipient",
    "dpv:hasRight",
    "dpv:isIndicatedBy",
    "dpv:isExercisedAt",
    "dct:conformsTo",
    "dct:references",
)
CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "legal-eu": "https://w3id.org/dpv/legal/eu#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "dct": "http://purl.org/dc/terms/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    **dict.fromkeys(LINKS, IRI),
    "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime"},
    "dct:created": {"@type": "xsd:dateTime"},
    "dct:date": {"@type": "xsd:dateTime"},
    "dpv:hasDuration": {"@type": "xsd:duration"},
}

LEGAL_BASES = {
    "consent": "eu-gdpr:A6-1-a",
    "contract": "eu-gdpr:A6-1-b",
    "legal_obligation": "eu-gdpr:A6-1-c",
    "vital_interests": "eu-gdpr:A6-1-d",
    "public_interest": "eu-gdpr:A6-1-e",
    "legitimate_interests": "eu-gdpr:A6-1-f",
}
# The rights to offer, by article; which ones depends on the legal basis (law.md R-67, Annex 3).
RIGHTS = {
    "consent": ("A7-3", "A13", "A14", "A15", "A16", "A17", "A18", "A20", "A22", "A77"),
    "contract": ("A13", "A14", "A15", "A16", "A17", "A18", "A20", "A22", "A77"),
    "legal_obligation": ("A13", "A15", "A16", "A18", "A77"),
    "vital_interests": ("A13", "A14", "A15", "A16", "A17", "A18", "A22", "A77"),
    "public_interest": ("A13", "A14", "A15", "A16", "A18", "A21", "A22", "A77"),
    "legitimate_interests": ("A13", "A14", "A15", "A16", "A17", "A18", "A21", "A22", "A77"),
}
# What an event makes of the consent to one purpose; what it says of a "given" depends on what was before.
STATUSES = {
    "asked": "dpv:ConsentRequested",
    "declared": "dpv:ConsentRequested",
    "no_response": "dpv:ConsentRequestDeferred",
    "confirmation_lapsed": "dpv:ConsentRequestDeferred",
    "given": "dpv:ConsentGiven",
    "refused": "dpv:ConsentRefused",
    "withdrawn": "dpv:ConsentWithdrawn",
    "expired": "dpv:ConsentExpired",
    "renewal_due": "dpv:ConsentExpired",
}
VALID = frozenset({"dpv:ConsentGiven", "dpv:RenewedConsentGiven"})
# What is no answer of the person.
NO_ANSWERS = frozenset({"asked", "declared", "no_response", "confirmation_lapsed"})


@dataclass
class Notice:
    """The frozen wording of a version, in one language."""

    iri: str
    number: int
    lang: str
    published_on: datetime
    sha256: str
    text: str


@dataclass
class Controller:
    """Who decides about the processing. ``country`` is a code of ISO 3166-1, two letters, or empty."""

    iri: str
    identifier: str
    name: str
    address: str
    email: str
    country: str


@dataclass
class Record:
    """The consent of one person to one purpose.

    ``events`` are those that bear on the purpose, oldest first: rows with the columns of ``gdpr.consent.event``, with
    ``method`` (how, in words) and ``valid_until`` (UTC, or None) added. ``recipients`` are names, ``recipient_kinds``
    words for those that can't be named; ``exercised_at`` is the address of the page where a person takes it back.
    """

    reference: str
    purpose_id: int
    code: str
    legal_basis: str
    dpv_purpose: str
    data_terms: list[str]
    recipients: list[str]
    recipient_kinds: str
    retention_months: int
    retention_reason: str
    controller: Controller
    exercised_at: str
    notices: list[Notice] = field(default_factory=list)
    events: list[dict] = field(default_factory=list)

    @property
    def identifier(self) -> str:
        """The number of the record: by it, the person and the purpose are found again."""
        return f"{self.reference}-{self.code}"


def moment(value: datetime) -> str:
    """Give a time (UTC, without a zone) as text, ending with Z (law.md R-29)."""
    return value.replace(microsecond=0).isoformat() + "Z"


def urn(*parts: str) -> str:
    """Give the identifier that stands for something of this product, the same each time."""
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'urn:gdpr_consent:' + ':'.join(parts))}"


def build_document(records: Iterable[Record], receipt: dict | None = None) -> dict:
    """Give the JSON-LD document of some records: one a purpose (law.md R-01).

    :param dict receipt: for a receipt, its ``identifier`` and ``created`` (UTC)
    """
    records = list(records)
    graph = [build_record(record) for record in records]
    if receipt:
        graph.insert(
            0,
            {
                "@id": urn("receipt", receipt["identifier"], moment(receipt["created"])),
                "dct:conformsTo": f"{SCHEMA}#receipt-eu-gdpr",
                "dct:identifier": receipt["identifier"],
                "dct:created": moment(receipt["created"]),
                "dct:references": [node["@id"] for node in graph],
            },
        )
    return {"@context": CONTEXT, "@graph": graph}


def build_record(record: Record) -> dict:
    """Give the JSON-LD node of one record."""
    person = urn("person", record.reference)
    node = {
        "@id": urn("record", record.identifier),
        "@type": "dpv:ConsentRecord",
        "dct:identifier": record.identifier,
        "dct:conformsTo": f"{SCHEMA}#record-eu-gdpr",
        "dpv:hasDataSubject": {"@id": person, "@type": "dpv:DataSubject", "dct:identifier": record.reference},
        "dpv:hasDataController": _build_controller(record.controller),
        "dpv:hasApplicableLaw": "legal-eu:law-GDPR",
        "dpv:hasLegalBasis": LEGAL_BASES[record.legal_basis],
        "dpv:hasProcess": [_build_process(record)],
        "dpv:hasNotice": [_build_notice(notice) for notice in record.notices],
        "dpv:hasConsentControl": {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dpv:isExercisedAt": record.exercised_at,
        },
        "dpv:hasRight": [f"eu-gdpr:{right}" for right in RIGHTS[record.legal_basis]],
        "dpv:hasConsentStatus": list(_build_statuses(record, person)),
    }
    if record.controller.country:
        node["dpv:hasJurisdiction"] = f"loc:{record.controller.country}"
    return node


def _build_controller(controller):
    node = {
        "@id": controller.iri,
        "@type": "dpv:DataController",
        "dpv:hasIdentifier": controller.identifier,
        "dpv:hasName": controller.name,
        "dpv:hasAddress": controller.address,
    }
    if controller.email:
        node["dpv:hasContact"] = f"mailto:{controller.email}"
    return node


def _build_process(record):
    recipients = [record.controller.iri, *({"dpv:hasName": name} for name in record.recipients)]
    if record.recipient_kinds:
        recipients.append({"dct:description": record.recipient_kinds})
    storage = []
    if record.controller.country:
        storage.append({"@type": "dpv:StorageLocation", "dpv:hasLocation": f"loc:{record.controller.country}"})
    kept = {"@type": "dpv:StorageDuration"}
    if record.retention_months:
        kept["dpv:hasDuration"] = f"P{record.retention_months}M"
    if record.retention_reason:
        kept["dct:description"] = record.retention_reason
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": f"dpv:{record.dpv_purpose}",
        # The most general term isn't in the vocabulary of the single kinds.
        "dpv:hasPersonalData": [
            f"{'dpv' if term == 'PersonalData' else 'pd'}:{term}" for term in record.data_terms or ["PersonalData"]
        ],
        "dpv:hasRecipient": recipients,
        "dpv:hasStorageCondition": [*storage, kept],
    }


def _build_notice(notice):
    return {
        "@id": notice.iri,
        "@type": "dpv:ConsentNotice",
        "dcat:version": str(notice.number),
        "dct:language": notice.lang.replace("_", "-"),
        "dct:date": moment(notice.published_on),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": notice.sha256,
        },
        # What the checksum is of: all the words the person saw.
        "rdf:value": notice.text,
    }


def _build_statuses(record, person):
    statuses = sorted(_find_statuses(record), key=lambda found: found[1]["occurred_on"])
    if not statuses:
        yield {"@type": "dpv:ConsentUnknown"}
    for status, event in statuses:
        node = {
            "@type": [status, "dpv:ExpressedConsent"] if status in VALID else status,
            "dpv:isIndicatedAtTime": moment(event["occurred_on"]),
            "dpv:isIndicatedBy": person if event["actor"] == "person" else record.controller.iri,
            "dpv:hasIndicationMethod": event["method"],
        }
        duration = _get_duration(status, event)
        if duration:
            node["dpv:hasDuration"] = duration
        yield node


def _find_statuses(record):
    """Give each status the consent has had, with the event that led to it, as they were recorded."""
    projection = Projection()
    current, valid_until = None, None
    for event in record.events:
        action = event["action"]
        before = projection.answers.get(record.purpose_id)
        projection.apply(event)
        answer = projection.answers.get(record.purpose_id)
        if action == "given" and answer is before:
            # Learnt late of a consent denied since: it was given, and doesn't count any more.
            yield "dpv:ConsentGiven", event
            continue
        if action in ("channels_withdrawn", "renewal_due") and (not answer or answer.narrowed_by_id != event["id"]):
            continue
        if action == "expired" and answer is before:
            # Of another history joined with this one: this consent goes on.
            continue
        if action in NO_ANSWERS and current in VALID:
            # Asked again while it holds: the consent stands.
            continue
        if action == "channels_withdrawn":
            # Fewer channels, the same consent.
            event = event | {"valid_until": valid_until}
        else:
            current, valid_until = _get_status(event, before), event["valid_until"]
        if current:
            yield current, event


def _get_status(event, before):
    if event["action"] == "given" and before and before.state in ("given", "expired"):
        return "dpv:RenewedConsentGiven"
    if event["action"] == "withdrawn" and event["actor"] == "system":
        return "dpv:ConsentRevoked"
    return STATUSES[event["action"]]


def _get_duration(status, event):
    until = event["valid_until"]
    if until and (status in VALID or status == "dpv:ConsentRequested"):
        # A day that has begun counts: a link is made moments before its message has left.
        return f"P{max(-((event['occurred_on'] - until) // timedelta(days=1)), 0)}D"
    return None if status in VALID or status == "dpv:ConsentRequested" else "P0D"
