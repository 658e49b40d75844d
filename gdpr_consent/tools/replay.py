"""The present, derived from the past: what a person's events add up to.

Kept free of the ORM and of the clock, so that the same events give the same answer always.
"""

from dataclasses import dataclass, field
from datetime import datetime

# What the person, or somebody for the person, said.
ANSWERS = frozenset({"given", "refused", "withdrawn"})
DENIALS = frozenset({"refused", "withdrawn"})
# The states of one purpose; each is the name of the event that leads to it.
OUTCOMES = ANSWERS | {"expired"}


@dataclass
class Answer:
    """The present answer of a person for one purpose."""

    state: str
    channel_codes: str
    event_id: int
    occurred_on: datetime
    given_on: datetime | None = None
    expires_on: datetime | None = None
    source: str | None = None


@dataclass
class Projection:
    """What is on record for one person after a number of events."""

    legal_basis: str = "not_applicable"
    restricted: bool = False
    requested_on: datetime | None = None
    answers: dict[int, Answer] = field(default_factory=dict)
    _awaited: bool = False
    _given_up: bool = False
    _last_outcome: str | None = None

    @property
    def given(self):
        """The answers that agree, latest first."""
        answers = [answer for answer in self.answers.values() if answer.state == "given"]
        return sorted(answers, key=lambda answer: answer.event_id, reverse=True)

    @property
    def consent_state(self):
        """The state of the person as the card shows it."""
        if self.legal_basis != "consent":
            return "not_applicable"
        if self.given:
            return "obtained"
        if self._awaited:
            return "no_response" if self._given_up else "waiting"
        return self._last_outcome or "pending"

    def apply(self, event):
        """Add one event, given as a row with the columns of ``gdpr.consent.event``."""
        action = event["action"]
        if action in OUTCOMES:
            self._apply_outcome(action, event)
        elif action == "basis_changed":
            self.legal_basis = event["legal_basis"]
            self._awaited = self._given_up = False
        elif action == "asked":
            self.requested_on = event["occurred_on"]
            self._awaited, self._given_up = True, False
        elif action == "bounced":
            self._awaited = self._given_up = False
        elif action == "no_response":
            self._given_up = True
        elif action in ("restricted", "unrestricted"):
            self.restricted = action == "restricted"

    def _apply_outcome(self, action, event):
        before = self.answers.get(event["purpose_id"])
        if action == "given" and before and before.state in DENIALS and event["occurred_on"] < before.occurred_on:
            # Learnt late of a consent that the person has denied since.
            return
        answer = Answer(action, event["channel_codes"] or "", event["id"], event["occurred_on"])
        if action == "given":
            answer.given_on = event["occurred_on"]
            answer.expires_on = event["expires_on"]
            answer.source = event["source"]
        else:
            answer.given_on = before.given_on if before else None
        self.answers[event["purpose_id"]] = answer
        self._last_outcome = action if action != "given" else self._last_outcome
        if action in ANSWERS:
            self._awaited = self._given_up = False
