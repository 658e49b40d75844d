"""Lists of a million contacts, filtered and grouped by legal basis and by consent, next to the bare SQL of the same.

Ours is what the web client asks for: the page of 80 with every field of the list and the number of all that match,
and the groups. The bare SQL finds the page, and Odoo reads its records by their ids, as it does in any list; or it counts.

    bench_filters.py [CONTACTS] [ROUNDS]
"""

from functools import partial

from common import (
    DATABASE,
    compare,
    environment,
    fill_contacts,
    make_specification,
    print_rows,
    sizes,
    take_time,
)

CONTACTS, ROUNDS = sizes(1_000_000, 5)
LIST_SIZE = 80
COUNT_LIMIT = 10_001
BASIS = "(ARRAY['not_applicable', 'consent', 'not_applicable', 'consent', 'contract'])[mod(n, 5) + 1]"
STATE = f"""CASE WHEN {BASIS} <> 'consent' THEN 'not_applicable' WHEN mod(n, 1000) = 1 THEN 'withdrawn'
    ELSE (ARRAY['pending', 'obtained', 'waiting', 'pending', 'refused'])[mod(n / 5, 5) + 1] END"""
# From many to few.
FILTERS = (
    ("gdpr_legal_basis", "not_applicable"),
    ("gdpr_legal_basis", "contract"),
    ("gdpr_consent_state", "obtained"),
    ("gdpr_consent_state", "withdrawn"),
)
GROUPS = ("gdpr_legal_basis", "gdpr_consent_state")


class Lists:
    """The contact list as the web client asks for it, and the same questions in SQL."""

    def __init__(self, env):
        self._env = env
        self._contacts = env["res.partner"]
        views = self._contacts.get_views([[False, "list"], [False, "search"]])
        self._specification = make_specification(views, "list", "res.partner")

    def _forget(self):
        self._env.invalidate_all()

    def _execute(self, statement, *values):
        self._env.cr.execute(statement, values)
        return self._env.cr.fetchall()

    def open(self, name, value):
        """Give the ids of a page, and how many match, up to the limit of the web client."""
        self._forget()
        page = self._contacts.web_search_read(
            [(name, "=", value)], self._specification, limit=LIST_SIZE, count_limit=COUNT_LIMIT
        )
        return [record["id"] for record in page["records"]], page["length"]

    def open_bare(self, name, value):
        """The same by SQL; Odoo reads the records found, as it does in any list."""
        self._forget()
        where = f"FROM res_partner WHERE active AND {name} = %s"
        page = self._execute(f"SELECT id {where} ORDER BY complete_name, id DESC LIMIT {LIST_SIZE}", value)
        count = self._execute(f"SELECT count(*) FROM (SELECT {where} LIMIT {COUNT_LIMIT}) found", value)
        ids = [row[0] for row in page]
        self._contacts.browse(ids).web_read(self._specification)
        return ids, count[0][0]

    def count(self, name, value):
        """Give how many match."""
        self._forget()
        return self._contacts.search_count([(name, "=", value)])

    def count_bare(self, name, value):
        return self._execute(f"SELECT count(*) FROM res_partner WHERE active AND {name} = %s", value)[0][0]

    def group(self, name):
        """Give how many there are, by each value."""
        self._forget()
        groups = self._contacts.web_read_group([], [name], ["__count"])["groups"]
        return {group[name]: group["__count"] for group in groups}

    def group_bare(self, name):
        return dict(self._execute(f"SELECT {name}, count(*) FROM res_partner WHERE active GROUP BY 1 ORDER BY 1"))


def main():
    fill_contacts(DATABASE, CONTACTS, BASIS, STATE)
    rows = []
    with environment() as env:
        lists = Lists(env)

        def measure(scenario, ours, theirs, *arguments):
            assert ours(*arguments) == theirs(*arguments), scenario
            results = compare(
                partial(take_time, partial(ours, *arguments)), partial(take_time, partial(theirs, *arguments)), ROUNDS
            )
            rows.append((scenario, f"{CONTACTS:,} contacts", *(round(value, 1) for value in results), "ms"))

        for name, value in FILTERS:
            where = f"where {name} = {value}"
            measure(
                f"list of {LIST_SIZE} {where} (theirs: bare SQL, Odoo reads the {LIST_SIZE})",
                lists.open,
                lists.open_bare,
                name,
                value,
            )
            measure(f"number of all {where} (theirs: bare SQL)", lists.count, lists.count_bare, name, value)
        for name in GROUPS:
            measure(f"groups by {name} (theirs: bare SQL)", lists.group, lists.group_bare, name)
    print_rows(*rows)


if __name__ == "__main__":
    main()
