"""Installing the add-on into a company with a million contacts, next to the same install on an empty database.

Columns added to big tables must not be filled row by row: the difference is to stay below ten seconds.

    bench_install.py [CONTACTS] [LEADS]
"""

import time

from common import bare_database, execute, fill_contacts, print_rows, run_dev, sizes

CONTACTS, LEADS = sizes(1_000_000, 300_000)


def fill(database):
    """Put contacts and leads into a database, by SQL."""
    fill_contacts(database, CONTACTS)
    execute(
        database,
        """
        INSERT INTO crm_lead (name, email_from, email_normalized, active, type, won_status, create_date, write_date)
        SELECT 'Lead ' || n, email, email, true, 'lead', 'pending', now(), now()
          FROM (SELECT n, 'lead' || n || '@example.com' AS email FROM generate_series(1, %s) n) lead
        """,
        [LEADS],
    )
    execute(database, "VACUUM ANALYZE crm_lead")


def measure(database):
    """Give the seconds it takes to install the add-on, and check that every record is Not applicable."""
    started = time.monotonic()
    run_dev("odoo", "-d", database, "-i", "gdpr_consent", "--stop-after-init")
    seconds = time.monotonic() - started
    for table in ("res_partner", "crm_lead"):
        touched = execute(
            database,
            f"SELECT count(*) FROM {table} WHERE gdpr_legal_basis IS DISTINCT FROM 'not_applicable'"
            " OR gdpr_consent_state IS DISTINCT FROM 'not_applicable' OR gdpr_subject_id IS NOT NULL",
        )
        assert not touched[0][0], f"a record of {table} isn't Not applicable"
    return seconds


def main():
    with bare_database() as name:
        empty = measure(name)
    with bare_database() as name:
        fill(name)
        big = measure(name)
    size = f"{CONTACTS:,} contacts, {LEADS:,} leads"
    print_rows(
        ("install the add-on (theirs: the same on an empty database)", size, round(big, 1), round(empty, 1), "s")
    )


if __name__ == "__main__":
    main()
