"""Opening a contact, and a list of 80 contacts, with the add-on and without it.

Two databases with the same contacts and Odoo's own apps, one with the add-on besides; data privacy is switched on, and
each contact there has a legal basis, was asked and has answered. One server, asked in turn for what the web client asks for:
the views of the window action, then the record or the page of the list with every field of the view.

    bench_open.py [CONTACTS] [ROUNDS]
"""

import itertools
from functools import partial

from common import (
    DATABASE,
    ask_contacts,
    bare_database,
    compare,
    environment,
    execute,
    fill_contacts,
    make_specification,
    print_rows,
    server,
    sizes,
    take_time,
)

CONTACTS, ROUNDS = sizes(500, 150)
LIST_SIZE = 80
VIEWS = [[False, "kanban"], [False, "list"], [False, "form"], [False, "activity"], [False, "search"]]
# What the chatter asks for besides the messages.
CHATTER = ["activities", "attachments", "contact_fields", "followers", "scheduledMessages", "suggestedRecipients"]
SIZE = f"{CONTACTS:,} contacts, theirs without the add-on; median of {ROUNDS} in turn"
DOMAIN = [["name", "=like", "Contact %"]]


def make_history(count):
    """Let all contacts have been asked, and have answered."""
    with environment() as env:
        ask_contacts(env, count)
        contacts = env["res.partner"].search(DOMAIN)
        contacts.gdpr_record_consent("marketing", ["email", "phone"], "phone", evidence="Call")
        assert set(contacts.mapped("gdpr_consent_state")) == {"obtained"}


class Client:
    """The web client of a user, as far as the server sees it."""

    def __init__(self, odoo, database):
        self._session = odoo.log_in(database)
        answer = self.get_views()
        self._specifications = {kind: make_specification(answer, kind, "res.partner") for kind in ("form", "list")}
        found = self._session.call("res.partner", "search", DOMAIN, order="id")
        self._contacts = itertools.cycle(found)
        self._offsets = itertools.cycle(range(0, len(found) - LIST_SIZE, LIST_SIZE))

    def get_views(self):
        options = {"toolbar": True, "load_filters": True}
        return self._session.call("res.partner", "get_views", VIEWS, options=options)

    def open_record(self):
        specification = self._specifications["form"]
        [record] = self._session.call("res.partner", "web_read", [next(self._contacts)], specification)
        assert len(record) >= len(specification)

    def open_chatter(self):
        thread = {"thread_model": "res.partner", "thread_id": next(self._contacts)}
        self._session.post("/mail/data", {"fetch_params": [["mail.thread", {**thread, "request_list": CHATTER}]]})
        self._session.post("/mail/thread/messages", {**thread, "fetch_params": {"limit": 30}})

    def open_list(self):
        values = {"specification": self._specifications["list"], "limit": LIST_SIZE, "offset": next(self._offsets)}
        answer = self._session.call("res.partner", "web_search_read", domain=DOMAIN, count_limit=10_001, **values)
        assert len(answer["records"]) == LIST_SIZE


def main():
    with bare_database() as bare:
        for database in (DATABASE, bare):
            fill_contacts(database, CONTACTS)
        make_history(CONTACTS)
        execute(DATABASE, "VACUUM ANALYZE")
        with server(DATABASE, bare) as odoo:
            clients = [Client(odoo, database) for database in (DATABASE, bare)]
            results = {}
            for what in ("get_views", "open_record", "open_chatter", "open_list"):
                works = [partial(take_time, getattr(client, what)) for client in clients]
                # Before the clock runs: what the server loads once.
                compare(*works, 10)
                results[what] = [round(milliseconds, 1) for milliseconds in compare(*works, ROUNDS)]

    def make_row(scenario, *parts):
        return scenario, SIZE, *map(sum, zip(*(results[part] for part in parts), strict=True)), "ms"

    print_rows(
        make_row("open a contact form: views, record, chatter", "get_views", "open_record", "open_chatter"),
        make_row("open a contact form: views and record", "get_views", "open_record"),
        make_row("open a contact form: record", "open_record"),
        make_row(f"open a list of {LIST_SIZE} contacts", "open_list"),
    )


if __name__ == "__main__":
    main()
