"""Exporting a person with many linked records from a big database, next to Odoo's privacy_lookup finding them.

Ours finds all that is held of one person, reads it, and writes the ZIP with JSON, vCard, CSV and hashes; nobody reviews
anything by hand. Theirs only lists which records there are. Half of the records are leads, half messages. Each in a
process of its own, for the memory: how far it grows beyond where it stood when Odoo had loaded.

    bench_export.py [CONTACTS] [RECORDS] [ROUNDS]
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import DATABASE, environment, execute, fill_contacts, print_rows, sizes

CONTACTS, RECORDS, ROUNDS = sizes(1_000_000, 10_000, 3)
NAME, EMAIL = "Contact 1", "contact1@example.com"
PART = "BENCH_PART"


def fill():
    """Put contacts into the database, and leads and messages of one of them."""
    fill_contacts(DATABASE, CONTACTS)
    execute(
        DATABASE,
        """
        INSERT INTO crm_lead (name, partner_id, contact_name, email_from, email_normalized, phone, description, active,
                              type, won_status, gdpr_legal_basis, gdpr_consent_state,
                              create_uid, create_date, write_date)
        SELECT 'Chairs ' || n, partner.id, partner.name, partner.email, partner.email, '+39 02 5550123',
               '<p>Wants <b>' || n || '</b> chairs by Friday, in oak.</p>', true, 'lead', 'pending', 'not_applicable',
               'not_applicable', 2, now(), now()
          FROM generate_series(1, %(count)s) n JOIN res_partner partner ON partner.email = %(email)s
        """,
        {"count": RECORDS // 2, "email": EMAIL},
    )
    execute(
        DATABASE,
        """
        INSERT INTO mail_message (model, res_id, author_id, email_from, subject, body, message_type, date,
                                  create_uid, create_date, write_date)
        SELECT 'res.partner', partner.id, partner.id, partner.email, 'Order ' || n,
               '<p>Dear team,</p><p>please send me <b>' || n || '</b> chairs.</p><p>Kind regards</p>', 'email', now(),
               2, now(), now()
          FROM generate_series(1, %(count)s) n JOIN res_partner partner ON partner.email = %(email)s
        """,
        {"count": RECORDS - RECORDS // 2, "email": EMAIL},
    )
    execute(DATABASE, "VACUUM ANALYZE crm_lead")
    execute(DATABASE, "VACUUM ANALYZE mail_message")
    with environment() as env:
        env["res.partner"].search([("email", "=", EMAIL)])._gdpr_ensure_subjects()


def export(env):
    """Find, read and write all that is held of the person."""
    person = env["res.partner"].search([("email", "=", EMAIL)])
    request = env["gdpr.subject.request"].with_context(mail_notrack=True)
    request = request.create({"subject_id": person.gdpr_subject_id.id, "type": "portability", "email": False})
    yield
    answer = env["gdpr.answer"]._prepare(request, "portability")
    reader = answer._make_reader()
    while answer.state in ("collecting", "review", "assembling"):
        if answer.state == "review":
            answer.state = "assembling"
        answer._work(reader)
        env.flush_all()
        env.invalidate_all()
    assert answer.state == "ready" and answer.total_count > RECORDS, (answer.state, answer.total_count)


def look_up(env):
    """Let Odoo list the records of the person."""
    wizard = env["privacy.lookup.wizard"].create({"name": NAME, "email": EMAIL})
    yield
    wizard.action_lookup()
    env.flush_all()
    assert wizard.line_count >= RECORDS, wizard.line_count


def read_memory(name):
    """Give one of the sizes of this process, in MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{name}:")[2].split()[0]) / 1024


def measure_here(work):
    """Run one of the two, in this process, and take it back; print seconds and MB."""
    with environment() as env:
        steps = work(env)
        next(steps)
        env.flush_all()
        # From here on the peak is counted anew.
        Path("/proc/self/clear_refs").write_text("5")
        before, started = read_memory("VmRSS"), time.monotonic()
        next(steps, None)
        print(json.dumps([time.monotonic() - started, read_memory("VmHWM") - before]))
        env.cr.rollback()


def measure(part):
    """Give the seconds and the MB that one of the two takes, in a process of its own."""
    command = [sys.executable, sys.argv[0], str(CONTACTS), str(RECORDS)]
    answer = subprocess.run(command, env=os.environ | {PART: part}, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def main():
    fill()
    pairs = [(measure("export"), measure("look_up")) for _round in range(ROUNDS)]
    (ours, our_memory), (theirs, their_memory) = (
        [statistics.median(values) for values in zip(*results, strict=True)] for results in zip(*pairs, strict=True)
    )
    size = f"{RECORDS:,} records of one of {CONTACTS:,} contacts; median of {ROUNDS}"
    print_rows(
        ("find and export a person (theirs: find alone)", size, round(ours, 1), round(theirs, 1), "s"),
        ("the same: memory", size, round(our_memory), round(their_memory), "MB"),
    )


if __name__ == "__main__":
    if part := os.environ.get(PART):
        measure_here({"export": export, "look_up": look_up}[part])
    else:
        main()
