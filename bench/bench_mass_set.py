"""Setting the legal basis of many contacts at once, next to Odoo writing one plain field on the same ones.

The ledger is part of it: each person gets an event in a chain of its own. Twice: with nobody known before, and with
everybody. ``BENCH_SIZE`` contacts, 100,000 by default.
"""

import json
import os
import resource
import time

import odoo.tools
from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

SIZE = int(os.environ.get("BENCH_SIZE", 100_000))


def fill(cursor):
    """Put contacts into the database, by SQL; give their ids."""
    cursor.execute(
        """
        INSERT INTO res_partner (name, complete_name, email, email_normalized, active, type, is_company,
                                 autopost_bills, gdpr_legal_basis, gdpr_consent_state, create_date, write_date)
        SELECT name, name, email, email, true, 'contact', false, 'ask', 'not_applicable', 'not_applicable', now(), now()
          FROM (SELECT 'Contact ' || n AS name, 'contact' || n || '@example.com' AS email
                  FROM generate_series(1, %s) n) contact
        RETURNING id
        """,
        [SIZE],
    )
    return [row[0] for row in cursor.fetchall()]


def measure(registry, ids, act):
    """Give the seconds an act on these contacts takes in a transaction of its own, the commit included."""
    with registry.cursor() as cursor:
        env = api.Environment(cursor, SUPERUSER_ID, {})
        officer = env.ref("base.user_admin")
        contacts = env(user=officer)["res.partner"].browse(ids)
        started = time.monotonic()
        act(contacts)
        contacts.env.flush_all()
        cursor.commit()
        return time.monotonic() - started


def main():
    odoo.tools.config.parse_config(["-d", os.environ["BENCH_DATABASE"], "--no-http"], setup_logging=False)
    registry = Registry(os.environ["BENCH_DATABASE"])
    with registry.cursor() as cursor:
        ids = fill(cursor)
        officer = api.Environment(cursor, SUPERUSER_ID, {}).ref("base.user_admin")
        officer.group_ids += officer.env.ref("gdpr_consent.group_officer")
    with registry.cursor() as cursor:
        cursor.execute("ANALYZE")
    measure(registry, ids[:10], lambda contacts: contacts.gdpr_set_legal_basis("contract"))
    measure(registry, ids[:10], lambda contacts: contacts.write({"function": "Buyer"}))
    theirs = measure(registry, ids, lambda contacts: contacts.write({"function": "Manager"}))
    ours = {
        "set the basis to consent": measure(registry, ids, lambda contacts: contacts.gdpr_set_legal_basis("consent")),
        "set it to contract afterwards": measure(
            registry, ids, lambda contacts: contacts.gdpr_set_legal_basis("contract")
        ),
    }
    with registry.cursor() as cursor:
        env = api.Environment(cursor, SUPERUSER_ID, {})
        cursor.execute(
            "SELECT count(*) FROM res_partner WHERE id = ANY(%s) AND gdpr_legal_basis = 'contract'"
            " AND gdpr_consent_state = 'not_applicable'",
            [ids],
        )
        assert cursor.fetchone()[0] == SIZE, "some contacts have another basis"
        assert env["gdpr.subject"]._verify_ledger() == [], "the ledger isn't sound"
    print(f"At most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB of memory.")
    print(
        json.dumps(
            [
                {
                    "scenario": f"{scenario} (theirs: write one plain field)",
                    "size": f"{SIZE:,} contacts",
                    "ours": round(seconds, 2),
                    "theirs": round(theirs, 2),
                    "unit": "s",
                }
                for scenario, seconds in ours.items()
            ]
        )
    )


if __name__ == "__main__":
    main()
