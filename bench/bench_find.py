"""Finding all that is held of a person with many linked records in a big database, next to Odoo's privacy_lookup.

Ours goes through the whole data map: exact paths and addresses, what is attached, and who else has the address. Each
in a process of its own, for the memory: how far it grows beyond where it stood when Odoo had loaded.

    bench_find.py [CONTACTS] [RECORDS] [ROUNDS]
"""

import os
import statistics

from bench_export import CONTACTS, EMAIL, PART, RECORDS, ROUNDS, fill, look_up, measure, measure_here
from common import print_rows


def find(env):
    """Find the records of the person."""
    person = env["res.partner"].search([("email", "=", EMAIL)])
    yield
    found = env["gdpr.data.map"]._find(person.gdpr_subject_id, company=env.company)
    count = sum(len(place.ids) for place in found)
    assert count >= RECORDS and not any(place.doubtful_ids for place in found), count


def main():
    fill()
    pairs = [(measure("find"), measure("look_up")) for _round in range(ROUNDS)]
    (ours, our_memory), (theirs, their_memory) = (
        [statistics.median(values) for values in zip(*results, strict=True)] for results in zip(*pairs, strict=True)
    )
    size = f"{RECORDS:,} records of one of {CONTACTS:,} contacts; median of {ROUNDS}"
    print_rows(
        ("find a person", size, round(ours, 2), round(theirs, 2), "s"),
        ("the same: memory", size, max(round(our_memory), 1), max(round(their_memory), 1), "MB"),
    )


if __name__ == "__main__":
    if part := os.environ.get(PART):
        measure_here({"find": find, "look_up": look_up}[part])
    else:
        main()
