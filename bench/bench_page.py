"""The consent page behind a personal link, opened and answered by eight people at once.

It is put next to the simplest page of the same web site, an empty one in the site's layout, from the same server: one
process with threads. That page comes with a parameter, as links in newsletters do: without one, Odoo keeps the
finished page for everybody and renders nothing. A page behind a personal link can't be kept; the rate of the kept page
is told too.

    bench_page.py [REQUESTS] [CLIENTS] [ROUNDS]
"""

import json
import re
from urllib.parse import urlencode

from common import (
    DATABASE,
    ask_contacts,
    compare,
    environment,
    execute,
    fill_contacts,
    measure_rate,
    print_rows,
    server,
    sizes,
)

REQUESTS, CLIENTS, ROUNDS = sizes(200, 8, 5)
# Before the clock runs: what the server loads once.
WARMING = 16


def send_contact_form(odoo, number):
    """Send the contact form of the web site, as its page does."""
    fields = {"contact_name": f"Visitor {number}", "email_from": f"visitor{number}@example.com", "name": "A question"}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, text, _headers = odoo.request("POST", "/website/form/crm.lead", urlencode(fields), headers)
    assert status == 200 and "id" in json.loads(text), (status, text)


def make_simplest_page(env):
    """Make a page that shows nothing but the layout of the web site; give its address."""
    view = env["ir.ui.view"].create(
        {
            "name": "Simplest page",
            "type": "qweb",
            "key": "website.benchmark",
            "arch": '<t t-name="website.benchmark"><t t-call="website.layout"><div id="wrap"/></t></t>',
        }
    )
    env["website.page"].create({"url": "/benchmark", "view_id": view.id, "is_published": True})
    return "/benchmark"


class Visitors:
    """What the clients do. Each is a visitor of its own, without a session, until it answers."""

    def __init__(self, odoo, page):
        self.odoo = odoo
        self.page = page

    def open_simplest(self, number):
        self.get(f"{self.page}?n={number}")

    def open_kept(self, _number):
        self.get(self.page)

    def open_consent(self, token):
        return self.get(f"/gdpr/consent/{token}")

    def get(self, path):
        status, text, headers = self.odoo.request("GET", path)
        assert status == 200, (path, status)
        return text, headers

    def read_form(self, token):
        """Give what the page needs to be answered: the body to send and the session it belongs to."""
        text, headers = self.open_consent(token)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
        cookie = "; ".join(cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie"))
        return urlencode({**hidden, "purpose": "marketing", "channel": "email", "answer": "save"}), cookie

    def answer(self, item):
        token, (body, cookie) = item
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        status, text, _headers = self.odoo.request("POST", f"/gdpr/consent/{token}", body, headers)
        assert status == 200 and "What is now on record" in text, status


def main():
    needed = WARMING + REQUESTS * ROUNDS
    fill_contacts(DATABASE, needed)
    with environment() as env:
        tokens = ask_contacts(env, needed)
        page = make_simplest_page(env)
    execute(DATABASE, "VACUUM ANALYZE")
    with server(DATABASE) as odoo:
        visitors = Visitors(odoo, page)
        for number, token in enumerate(tokens[:WARMING]):
            visitors.open_simplest(number)
            visitors.answer((token, visitors.read_form(token)))
            send_contact_form(odoo, number)
        tokens = tokens[WARMING:]

        def measure(work, items=range(REQUESTS)):
            return measure_rate(work, items, CLIENTS)

        opened, simplest = compare(
            lambda: measure(visitors.open_consent, tokens[:REQUESTS]), lambda: measure(visitors.open_simplest), ROUNDS
        )
        kept = measure(visitors.open_kept)
        # One page read a client: its session goes on to the next answers.
        forms = [visitors.read_form(token) for token in tokens[:CLIENTS]]
        left = [(token, forms[number % CLIENTS]) for number, token in enumerate(tokens)]
        answered, simplest_again = compare(
            lambda: measure(visitors.answer, [left.pop() for _number in range(REQUESTS)]),
            lambda: measure(visitors.open_simplest),
            ROUNDS,
        )
        contact_form = measure(lambda number: send_contact_form(odoo, number))
    events = execute(DATABASE, "SELECT count(*) FROM gdpr_consent_event WHERE action = 'given'")[0][0]
    assert events == WARMING + REQUESTS * ROUNDS, events
    size = f"{CLIENTS} clients, {REQUESTS:,} requests, median of {ROUNDS}; one process with threads"
    note = f"the simplest page of the web site, rendered; kept by Odoo: {kept:.0f}/s"
    print_rows(
        (f"open the consent page (theirs: {note})", size, round(opened, 1), round(simplest, 1), "requests/s"),
        (f"answer it (theirs: GET of {note})", size, round(answered, 1), round(simplest_again, 1), "requests/s"),
        (
            "answer it (theirs: POST of the contact form of the web site)",
            size,
            round(answered, 1),
            round(contact_form, 1),
            "requests/s",
        ),
    )


if __name__ == "__main__":
    main()
