"""Installing the add-on into a company with a million contacts, next to the same install on an empty database.

Columns added to big tables must not be filled row by row: the difference is to stay below ten seconds.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parent.parent
CONTACTS = 1_000_000
LEADS = 300_000


def run(*arguments):
    """Run one of the project's commands; its output is shown only when it fails."""
    result = subprocess.run(
        [ROOT / "dev", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        sys.exit(f"./dev {' '.join(arguments)} failed:\n{result.stdout}")


def connect(database):
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    return connection


def fill(database):
    """Put contacts and leads into a database, by SQL."""
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO res_partner (name, complete_name, email, email_normalized, active, type, is_company,
                                     autopost_bills, create_date, write_date)
            SELECT name, name, email, email, true, 'contact', false, 'ask', now(), now()
              FROM (SELECT 'Contact ' || n AS name, 'contact' || n || '@example.com' AS email
                      FROM generate_series(1, %s) n) contact
            """,
            [CONTACTS],
        )
        cursor.execute(
            """
            INSERT INTO crm_lead (name, email_from, email_normalized, active, type, won_status, create_date, write_date)
            SELECT 'Lead ' || n, email, email, true, 'lead', 'pending', now(), now()
              FROM (SELECT n, 'lead' || n || '@example.com' AS email FROM generate_series(1, %s) n) lead
            """,
            [LEADS],
        )
        cursor.execute("ANALYZE")


def measure(database):
    """Give the seconds it takes to install the add-on, and check that every record is Not applicable."""
    started = time.monotonic()
    run("odoo", "-d", database, "-i", "gdpr_consent", "--stop-after-init")
    seconds = time.monotonic() - started
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        for table in ("res_partner", "crm_lead"):
            cursor.execute(
                f"SELECT count(*) FROM {table} WHERE gdpr_legal_basis IS DISTINCT FROM 'not_applicable'"
                " OR gdpr_consent_state IS DISTINCT FROM 'not_applicable' OR gdpr_subject_id IS NOT NULL"
            )
            assert not cursor.fetchone()[0], f"a record of {table} isn't Not applicable"
    return seconds


def main():
    names = {size: f"{os.environ['BENCH_DATABASE']}_{size}" for size in ("empty", "big")}
    seconds = {}
    try:
        for size, name in names.items():
            run("db", name, "--bare")
            if size == "big":
                fill(name)
            seconds[size] = measure(name)
    finally:
        with closing(connect("postgres")) as connection, connection.cursor() as cursor:
            for name in names.values():
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    print(
        json.dumps(
            [
                {
                    "scenario": "install the add-on (theirs: the same on an empty database)",
                    "size": f"{CONTACTS:,} contacts, {LEADS:,} leads",
                    "ours": round(seconds["big"], 1),
                    "theirs": round(seconds["empty"], 1),
                    "unit": "s",
                }
            ]
        )
    )


if __name__ == "__main__":
    main()
