"""A database with the tables of OCA's privacy_consent is brought over by the command, killed half way."""

import importlib.util
import os
import re
import signal
import subprocess

from tools.places import ROOT

PEOPLE = 3000
FILL = """
from datetime import datetime
tables, metadata, body = {tables!r}, {metadata!r}, {body!r}
env.cr.execute(tables)
env.cr.execute('''
    INSERT INTO privacy_activity (name, controller_id, active)
    SELECT '{{"en_US": "News"}}', partner_id, true FROM res_company WHERE id = 1
''')
people = env["res.partner"].create(
    [{{"name": f"Person {{n}}", "email": f"person{{n}}@example.com"}} for n in range({people})]
)
env.flush_all()
env.cr.execute('''
    INSERT INTO privacy_consent (
        partner_id, activity_id, active, state, accepted, last_metadata, create_date, write_date)
    SELECT id, 1, true, CASE WHEN id %% 4 = 0 THEN 'sent' ELSE 'answered' END, id %% 4 = 1 OR id %% 4 = 2,
           CASE WHEN id %% 4 > 0 THEN %(metadata)s END, now() - interval '9 days', now() - interval '8 days'
      FROM res_partner WHERE id = ANY(%(ids)s);
    INSERT INTO mail_message (model, res_id, date, subject, message_type, body)
    SELECT 'privacy.consent', id, now() - interval '9 days', 'Your consent', 'email_outgoing', %(body)s
      FROM privacy_consent WHERE partner_id %% 4 <> 2;
''', {{"metadata": metadata.format(env.cr.now().replace(microsecond=0)), "ids": people.ids, "body": body}})
env.cr.commit()
"""
COUNT = """
env.cr.execute('''
    SELECT event.action, count(*) FROM gdpr_consent_event event JOIN gdpr_subject subject ON subject.id = subject_id
     GROUP BY 1 ORDER BY 1
''')
print("EVENTS", dict(env.cr.fetchall()))
env.cr.execute("SELECT gdpr_outcome, count(*) FROM privacy_consent GROUP BY 1")
print("ROWS", dict(env.cr.fetchall()))
"""
RUN = [ROOT / "dev", "odoo", "gdpr_migrate_oca"]


def run(*command, script: str = "") -> str:
    result = subprocess.run(command, input=script, capture_output=True, text=True, timeout=300)
    assert not result.returncode, result.stdout + result.stderr
    return result.stdout


def load_tables():
    spec = importlib.util.spec_from_file_location("oca_common", ROOT / "gdpr_consent" / "tests" / "oca_common.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_migration_survives_a_kill():
    oca = load_tables()
    name = f"gdpr_oca_{os.getpid()}"
    run(ROOT / "dev", "db", name)
    shell = [ROOT / "dev", "odoo", "shell", "-d", name, "--no-http"]
    try:
        run(*shell, script=FILL.format(tables=oca.TABLES, metadata=oca.METADATA, body=oca.BODY, people=PEOPLE))
        process = subprocess.Popen(
            [*RUN, "-d", name, "--apply"], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert any(line == "1000 contacts\n" for line in process.stdout)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        trial = run(*RUN, "-d", name)
        printed = run(*RUN, "-d", name, "--apply")
        done = int(re.search(r"(\d+) rows were brought over", printed)[1])
        assert done in (1000, 2000)
        assert f"{PEOPLE - done}  rows" in printed
        assert trial.partition("\n\n")[2].replace("made for it", "") == printed.partition("\n\n")[2]
        counted = run(*shell, script=COUNT)
        quarter = PEOPLE // 4
        assert (
            f"EVENTS {{'asked': {quarter}, 'basis_changed': {PEOPLE}, 'given': {quarter}, 'refused': {quarter},"
            f" 'unproven': {quarter}}}" in counted
        )
        assert "None" not in counted[counted.index("ROWS") :].splitlines()[0]
        assert run(ROOT / "dev", "odoo", "gdpr_verify", "-d", name) == "The ledger is sound.\n"
    finally:
        run(ROOT / "dev", "odoo", "db", "drop", name)
