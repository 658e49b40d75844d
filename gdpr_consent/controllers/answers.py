"""How the fields of the consent form are read."""

from dataclasses import dataclass, field

NOTE_LIMIT = 2000


@dataclass
class Answer:
    """What a person sent with the consent form.

    ``choices`` holds the channel codes allowed, by id of each purpose agreed to; ``problems`` the sentences to show
    when the form must be shown again, nothing lost.
    """

    button: str
    choices: dict[int, list[str]]
    note: str
    ticked: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    @property
    def is_agreement(self):
        """Whether the person agrees to something, or means to."""
        return self.button != "refuse" and bool(self.choices or self.problems)


def read_answer(env, content, form):
    """Read a submitted consent form.

    Only what the form offers counts; whatever else was sent is ignored (law.md R-96). *Accept* agrees to
    what is ticked, or to all when nothing is; *Save* to what is ticked; *Refuse* to nothing.

    :param dict content: the frozen wording that was shown
    :param form: the submitted fields, a multi-dictionary
    :rtype: Answer
    """
    button = form.get("answer", "")
    note = (form.get("note") or "").replace("\0", "").strip()
    purposes = set(form.getlist("purpose"))
    channels = set(form.getlist("channel"))
    ticked = purposes | channels
    answer = Answer(button, {}, note, ticked)
    if button not in ("accept", "save", "refuse"):
        answer.problems.append(env._("Please choose one of the three buttons."))
    if len(note) > NOTE_LIMIT:
        answer.problems.append(env._("Your note is too long: %(limit)s characters at most.", limit=NOTE_LIMIT))
    if button == "refuse":
        return answer
    offered = content["purposes"]
    codes = {purpose["code"] for purpose in offered}
    if button == "accept" and purposes.isdisjoint(codes):
        # A tick at the channels of one purpose is about that purpose alone.
        purposes = codes & {channel.partition(".")[0] for channel in channels if "." in channel} or codes
    for purpose in offered:
        chosen_channels = [
            channel["code"]
            for channel in purpose["channels"]
            if channel["code"] in channels or f"{purpose['code']}.{channel['code']}" in channels
        ]
        chosen = purpose["code"] in purposes
        if chosen and not chosen_channels and button == "accept":
            chosen_channels = [channel["code"] for channel in purpose["channels"]]
        if chosen and purpose["channels"] and not chosen_channels:
            answer.problems.append(
                env._(
                    "“%(purpose)s”: choose at least one way to contact you, or leave it unticked.",
                    purpose=purpose["name"],
                )
            )
        elif chosen_channels and not chosen:
            answer.problems.append(
                env._("You chose how to contact you, but didn't tick “%(purpose)s”.", purpose=purpose["name"])
            )
        elif chosen:
            answer.choices[purpose["id"]] = chosen_channels
    return answer
