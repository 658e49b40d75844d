"""What OCA's add-on privacy_consent (12.0 to 18.0) wrote down of one person and one activity."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from odoo.tools import html2plaintext

# Odoo's processes keep the time in UTC, and so did the add-on.
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
# 18.0 kept the address in full; the law doesn't ask for it (law.md R-25).
ADDRESS = re.compile(r"^Remote IP:.*\n?", re.MULTILINE)
# A mail filter that opens each link says yes and no in one go; a person doesn't.
CONTRADICTION = timedelta(minutes=1)


@dataclass
class Message:
    """The message that asked, as the database keeps it: the words, without the personal links."""

    id: int
    sent_on: datetime
    subject: str | None
    body: str

    def describe(self):
        """Give its words, and what tells it from others."""
        digest = hashlib.sha256(self.body.encode()).hexdigest()
        text = html2plaintext(self.body, include_references=False)
        return (
            f"Message {self.id} of {self.sent_on:%Y-%m-%d %H:%M:%S} UTC, SHA-256 of its HTML {digest}\n"
            f"{self.subject or ''}\n\n{text}"
        )


@dataclass
class OcaConsent:
    """One row of the table ``privacy_consent``."""

    id: int
    partner_id: int
    activity_id: int
    active: bool
    accepted: bool
    state: str
    metadata: str | None
    changed_on: datetime
    has_partner: bool
    messages: list[Message]
    # Moments at which an answer was recorded, and whether it changed the one before; oldest first.
    answers: list[tuple[datetime, bool]]

    @property
    def is_contradicted(self):
        """Whether the opposite answer was recorded just before the last one."""
        (before, _is_change), (last, is_change) = ([(datetime.min, False)] * 2 + self.answers)[-2:]
        return is_change and last - before < CONTRADICTION

    @property
    def dated_on(self):
        """When the person answered, as what was recorded with the answer says; None where it doesn't."""
        for text in reversed(MOMENT.findall(self.metadata or "")):
            try:
                return datetime.fromisoformat(text)
            except ValueError:
                continue
        return None

    @property
    def message(self):
        """The last message that asked, of those before the answer; None where none is kept."""
        before = self.dated_on if self.state == "answered" else None
        kept = [message for message in self.messages if before is None or message.sent_on <= before]
        return max(kept, key=lambda message: message.sent_on, default=None)

    @property
    def happened_on(self):
        """When the person answered or, without an answer, was asked; the last change of the row at the latest."""
        if self.state == "answered":
            return self.dated_on or self.changed_on
        return self.message.sent_on if self.message else self.changed_on

    def describe(self):
        """Give what is known of it, with the words of the message."""
        said = {"answered": "accepted" if self.accepted else "rejected"}.get(self.state, self.state)
        parts = [f"privacy_consent {self.id}: {said}"]
        if self.metadata:
            parts.append(ADDRESS.sub("", self.metadata).strip())
        if self.state != "answered" and self.accepted:
            parts.append("Silence was to be taken for consent. It isn't.")
        if self.message:
            parts.append(self.message.describe())
        return "\n\n".join(parts)
