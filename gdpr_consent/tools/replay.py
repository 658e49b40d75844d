"""The present, derived from the past: what a person's events add up to.

Kept free of the ORM and of the clock, so that the same events give the same answer always.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

# What the person, or somebody for the person, said.
ANSWERS = frozenset({"given", "refused", "withdrawn"})
DENIALS = frozenset({"refused", "withdrawn"})
# The states of one purpose; each is the name of the event that leads to it.
OUTCOMES = ANSWERS | {"expired"}
# Legal bases, those first that leave the person most to say.
BASES_BY_STRICTNESS = (
    "consent",
    "legitimate_interests",
    "public_interest",
    "vital_interests",
    "contract",
    "legal_obligation",
    "not_applicable",
)


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
    renewal_due: bool = False
    # The last event that narrowed the answer since, if any.
    narrowed_by_id: int | None = None

    @property
    def channels(self):
        """The codes of the channels allowed."""
        return frozenset(filter(None, self.channel_codes.split(",")))

    def outlives(self, moment):
        """Tell whether the answer is valid beyond a moment."""
        return self.expires_on is None or self.expires_on > moment


@dataclass
class Projection:
    """What is on record for one person after a number of events."""

    legal_basis: str = "not_applicable"
    restricted: bool = False
    objected: bool = False
    requested_on: datetime | None = None
    answers: dict[int, Answer] = field(default_factory=dict)
    _awaited: bool = False
    _given_up: bool = False
    _asked_by: int | None = None
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

    def combine(self, other):
        """Give what is on record when two people turn out to be one: of two answers the stricter.

        A no is stricter than a yes, fewer channels are stricter than more, and consent is the strictest basis. A
        consent that lapsed is no answer: another one stands.
        """
        combined = Projection(
            legal_basis=min(self.legal_basis, other.legal_basis, key=BASES_BY_STRICTNESS.index),
            restricted=self.restricted or other.restricted,
            objected=self.objected or other.objected,
        )
        for purpose_id in self.answers.keys() | other.answers.keys():
            answers = [p.answers[purpose_id] for p in (self, other) if purpose_id in p.answers]
            combined.answers[purpose_id] = _choose_stricter(answers)
        return combined

    def only_denials(self):
        """Give what was denied, without anything that was agreed to."""
        return Projection(
            restricted=self.restricted,
            objected=self.objected,
            answers={
                purpose_id: replace(answer) for purpose_id, answer in self.answers.items() if answer.state in DENIALS
            },
        )

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
            self._asked_by = event.get("request_id")
        elif action == "bounced":
            self._awaited = self._given_up = False
        elif action == "no_response":
            self._given_up = True
        elif action == "confirmation_lapsed":
            # Of a superseded one nothing was awaited any more.
            self._given_up = self._given_up or event.get("request_id") == self._asked_by
        elif action in ("restricted", "unrestricted"):
            self.restricted = action == "restricted"
        elif action in ("objected", "objection_lifted"):
            self.objected = action == "objected"
        elif action in ("channels_withdrawn", "renewal_due") and event["purpose_id"] in self.answers:
            self._apply_change(action, event, self.answers[event["purpose_id"]])

    def _apply_change(self, action, event, answer):
        """Narrow what was given. An answer that isn't a yes any more stays as it is."""
        if answer.state != "given":
            return
        if action == "renewal_due":
            answer.renewal_due = True
        else:
            taken_back = (event["channel_codes"] or "").split(",")
            answer.channel_codes = ",".join(code for code in answer.channel_codes.split(",") if code not in taken_back)
        answer.narrowed_by_id = event["id"]

    def _apply_outcome(self, action, event):
        before = self.answers.get(event["purpose_id"])
        if action == "expired" and before and before.state == "given" and before.outlives(event["occurred_on"]):
            # Another consent lapsed, of a history joined with this one.
            return
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
        # What lapsed lapsed, even while the person is asked to renew it.
        self._awaited = self._given_up = False


def _choose_stricter(answers):
    """Give the stricter of one or two answers for the same purpose, as a new answer."""
    for states in (DENIALS, {"given"}, {"expired"}):
        strictest = [answer for answer in answers if answer.state in states]
        if strictest:
            break
    latest = max(strictest, key=lambda answer: answer.event_id)
    if latest.state != "given":
        return replace(latest)
    common = frozenset.intersection(*(answer.channels for answer in strictest))
    if latest.channels and not common:
        return replace(latest, state="withdrawn", channel_codes="")
    return replace(
        latest,
        channel_codes=",".join(code for code in latest.channel_codes.split(",") if code in common),
        renewal_due=any(answer.renewal_due for answer in strictest),
    )
