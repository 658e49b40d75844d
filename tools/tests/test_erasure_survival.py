"""An erasure that is killed half-way is finished by who comes next, and the person is told once; real processes."""

import contextlib
import subprocess
import time

from tools.tests.real_servers import OdooServer, run_shell, wait_until

MESSAGES = 6_000
EMAIL = "zelda.quirinale@example.com"

START = f"""
env.company.email = "info@example.com"
person = env["res.partner"].create({{"name": "Zelda Quirinale", "email": "{EMAIL}", "phone": "+39 347 8812 990"}})
env.cr.execute(
    "INSERT INTO mail_message (model, res_id, body, message_type, author_id, date, create_date)"
    " SELECT 'res.partner', %s, '<p>Dear Zelda Quirinale ' || n || '</p>', 'comment', %s, now(), now()"
    " FROM generate_series(1, {MESSAGES}) n", [person.id, person.id]
)
request = env["gdpr.subject.request"]._receive(person._gdpr_ensure_subjects(), "erasure")
request.action_plan()
request.action_approve()
request.action_execute()
env.cr.commit()
print("REQUEST", request.id)
"""
CHECK = f"""
from odoo.addons.gdpr_consent.tools.trace_scanner import scan_database
print("TRACES", [str(trace) for trace in scan_database(env.cr, ["Zelda Quirinale", "{EMAIL}", "+39 347 8812 990"])])
print("FAULTS", env["gdpr.subject"]._verify_ledger())
"""


def wake(database):
    """Have the scheduled action called, which would come by itself in minutes."""
    with contextlib.suppress(subprocess.CalledProcessError):
        database.wake("ir_cron_erasure")
    time.sleep(0.3)


def count_done(database):
    """Give how many pieces are done, and how many are to do."""
    rows = dict(database.query("SELECT state, count(*) FROM gdpr_erasure_journal_entry GROUP BY state"))
    return int(rows.get("done", 0)), int(rows.get("todo", 0))


def get_state(database):
    """Give how far the erasure is."""
    return database.query("SELECT erasure_state FROM gdpr_subject_request WHERE type = 'erasure'")[0][0]


def test_erasure_is_killed(database, mail):
    assert "REQUEST" in run_shell(database, START)
    for pieces in (2, 6):
        odoo = OdooServer(database, mail)

        def is_far_enough(pieces=pieces):
            wake(database)
            return count_done(database)[0] >= pieces

        wait_until(is_far_enough, what=f"erasing {pieces} pieces")
        odoo.kill()
        assert count_done(database)[1], "It was over before it was killed."
        # What is on record as done is done, and nothing else is.
        left = int(database.query("SELECT count(*) FROM mail_message WHERE body LIKE '%Zelda%'")[0][0])
        done = database.query(
            "SELECT COALESCE(sum(jsonb_array_length(res_ids)), 0) FROM gdpr_erasure_journal_entry"
            " WHERE state = 'done' AND model = 'mail.message'"
        )
        assert left + int(done[0][0]) >= MESSAGES
    odoo = OdooServer(database, mail)
    try:

        def is_over():
            wake(database)
            return get_state(database) == "finished"

        wait_until(is_over, what="finishing the erasure")
    finally:
        odoo.stop()
    checked = run_shell(database, CHECK)
    assert "TRACES []" in checked, checked
    assert "FAULTS []" in checked, checked
    # One to say that the request has arrived, one to say that it is done.
    assert mail.received[EMAIL] <= 2, mail.received
    assert mail.received[EMAIL] >= 1, mail.received
