"""Erasing a person with 10,000 linked records among a million contacts, killed once and resumed, next to the floor.

The floor deletes the same number of the same records with the ORM, batch by batch, and does nothing else: no plan, no
journal, no look at what is left. The plan, which looks through all tables of the data map, is measured by itself,
next to Odoo's ``privacy_lookup`` finding the same.

    bench_erase.py [CONTACTS] [RECORDS]
"""

import os
import resource
import signal
import subprocess
import sys
import time

from common import DATABASE, environment, execute, fill_contacts, print_rows, sizes

RESUME = "--resume"


def get_memory():
    """Give the most memory this process has used, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_person(env, name, records):
    """Give a contact with so many messages and leads of its own, nine to one."""
    person = env["res.partner"].create({"name": name, "email": f"{name.split()[0].lower()}@erase.example.com"})
    leads = env["crm.lead"].create(
        [{"name": f"Lead {number}", "partner_id": person.id} for number in range(records // 10)]
    )
    env["mail.message"].sudo().search([("model", "=", "crm.lead"), ("res_id", "in", leads.ids)]).unlink()
    env.cr.execute(
        "INSERT INTO mail_message (model, res_id, body, message_type, author_id, date, create_date)"
        " SELECT 'res.partner', %s, '<p>Dear ' || n || '</p>', 'comment', %s, now(), now()"
        " FROM generate_series(1, %s) n",
        [person.id, person.id, records - len(leads)],
    )
    return person


def measure_floor(records):
    """Give the records a second that are deleted and nothing else."""
    with environment() as env:
        env = env(su=True, context={"tracking_disable": True})
        person = make_person(env, "Floor Example", records)
        env.cr.commit()
        started = time.monotonic()
        for model, domain in (
            ("mail.message", [("model", "=", "res.partner"), ("res_id", "=", person.id)]),
            ("crm.lead", [("partner_id", "=", person.id)]),
        ):
            while batch := env[model].search(domain, limit=500):
                batch.unlink()
                env.cr.commit()
        return records / (time.monotonic() - started)


def measure_lookup(email, name):
    """Give the milliseconds in which Odoo's own privacy look-up finds the person."""
    with environment() as env:
        wizard = env(su=True)["privacy.lookup.wizard"].create({"email": email, "name": name})
        started = time.monotonic()
        wizard.action_lookup()
        env.flush_all()
        milliseconds = (time.monotonic() - started) * 1000
        env.cr.rollback()
        return milliseconds


def order(records):
    """Plan, approve and order an erasure; give the id of the request and the milliseconds the plan took."""
    with environment() as env:
        env = env(su=True)
        person = make_person(env, "Zelda Example", records)
        request = env["gdpr.subject.request"]._receive(person._gdpr_ensure_subjects(), "erasure", email=False)
        env.cr.commit()
        started = time.monotonic()
        request.action_plan()
        env.flush_all()
        milliseconds = (time.monotonic() - started) * 1000
        request.action_approve()
        request.action_execute()
        return request.id, person.email, milliseconds


def erase():
    """Erase all that is ordered, a transaction a batch; print a word for each."""
    with environment() as env:
        env = env(su=True)
        request = env["gdpr.subject.request"].search([("type", "=", "erasure")], order="id DESC", limit=1)
        before = get_memory()
        while request._erase_next():
            env.cr.commit()
            print("BATCH", round(get_memory() - before), flush=True)
        env.cr.commit()
        print("STATE", request.erasure_state, flush=True)


def run(kill_after=None):
    """Erase in a process of its own; kill it after some batches. Give what it printed and the seconds it took.

    The seconds begin with the first batch: Odoo's start isn't counted.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, RESUME], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    lines, started = [], None
    for line in process.stdout:
        started = started or time.monotonic()
        lines.append(line.split())
        if kill_after and len(lines) == kill_after:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.wait()
    return lines, time.monotonic() - (started or time.monotonic())


def main():
    contacts, records = sizes(1_000_000, 10_000)
    fill_contacts(DATABASE, contacts)
    floor = measure_floor(records)
    request_id, email, plan = order(records)
    lookup = measure_lookup(email, "Zelda Example")
    first, seconds = run(kill_after=max(2, records // 500 // 2))
    second, more_seconds = run()
    state = second[-1]
    assert state == ["STATE", "finished"], state
    left = execute(DATABASE, "SELECT count(*) FROM mail_message WHERE body LIKE '<p>Dear %%'")[0][0]
    assert not left, f"{left} messages are left."
    growth = max(int(words[1]) for words in first + second if words[0] == "BATCH")
    size = f"{records:,} records, {contacts:,} contacts"
    print_rows(
        (f"erase a person, killed once; memory: +{growth} MiB", size, round(records / (seconds + more_seconds)),
         round(floor), "records/s"),
        ("plan an erasure (privacy_lookup: find)", size, round(plan), round(lookup), "ms"),
    )  # fmt: skip


if __name__ == "__main__":
    if RESUME in sys.argv:
        erase()
    else:
        main()
