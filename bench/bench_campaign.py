"""Starting a campaign on a hundred thousand contacts until all are queued, next to ``mail.template.send_mail_batch``.

Ours has to be fifteen times as fast at least, and the memory must not grow with the number of people. Odoo's own way is
measured on a sample: it takes the same time for each.

    bench_campaign.py [CONTACTS] [SAMPLE]
"""

import json
import os
import resource
import sys
import time

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config

CONTACTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
SAMPLE = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000


def get_memory():
    """Give the most memory this process has used, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(cursor, count):
    """Put contacts whose basis is consent, each with a person of its own, into the database by SQL."""
    cursor.execute(
        """
        WITH subject AS (
            INSERT INTO gdpr_subject (reference, legal_basis, consent_state, head_sequence, head_hash, create_date)
            SELECT 'BENCH' || n, 'consent', 'pending', 0, '', now() FROM generate_series(1, %s) n
            RETURNING id, reference
        )
        INSERT INTO res_partner (name, complete_name, email, email_normalized, lang, active, type, is_company,
                                 autopost_bills, create_date, write_date, gdpr_subject_id, gdpr_legal_basis,
                                 gdpr_consent_state)
        SELECT 'Contact ' || reference, 'Contact ' || reference, email, email, 'en_US', true, 'contact', false,
               'ask', now(), now(), id, 'consent', 'pending'
          FROM (SELECT *, lower(reference) || '@example.com' AS email FROM subject) subject
        """,
        [count],
    )
    cursor.execute("UPDATE gdpr_subject SET root_id = id WHERE root_id IS NULL")
    cursor.commit()
    cursor._cnx.autocommit = True
    cursor.execute("VACUUM ANALYZE res_partner, gdpr_subject")
    cursor._cnx.autocommit = False


def make(env, limit=None):
    """Make a campaign for all the contacts, or the first of them."""
    domain = [("gdpr_consent_state", "=", "pending")]
    if limit:
        domain = [("id", "in", env["res.partner"].search(domain, limit=limit, order="id").ids)]
    return env["gdpr.consent.campaign"].create({"name": "Benchmark", "domain": repr(domain)})


def measure_check(env):
    """Give the people a second a campaign looks at to tell whom it will ask."""
    campaign = make(env)
    started = time.monotonic()
    campaign.action_check()
    seconds = time.monotonic() - started
    assert campaign.to_ask_count == CONTACTS, campaign.summary
    env.cr.rollback()
    return CONTACTS / seconds


def measure_campaign(env):
    """Give the people a second a campaign queues."""
    campaign = make(env)
    env.cr.commit()
    started = time.monotonic()
    campaign.action_start()
    campaign.sudo()._cron_queue()
    env.cr.commit()
    seconds = time.monotonic() - started
    env.invalidate_all()
    assert campaign.queued_on and campaign.total_count == CONTACTS, campaign.summary
    return CONTACTS / seconds


def measure_template(env):
    """Give the mails a second that Odoo's own way makes of the same template."""
    template = env.ref("gdpr_consent.mail_template_consent_request_partner")
    contacts = env["res.partner"].search([("gdpr_consent_state", "=", "pending")], limit=SAMPLE, order="id")
    env.invalidate_all()
    started = time.monotonic()
    mails = template.send_mail_batch(contacts.ids)
    env.flush_all()
    seconds = time.monotonic() - started
    assert len(mails) == SAMPLE
    env.cr.rollback()
    return SAMPLE / seconds


def main():
    config.parse_config(["-d", os.environ["BENCH_DATABASE"], "--no-http", "--log-level=warn"], setup_logging=True)
    registry = Registry(os.environ["BENCH_DATABASE"])
    with registry.cursor() as cursor:
        fill(cursor, CONTACTS)
        admin = api.Environment(cursor, SUPERUSER_ID, {}).ref("base.user_admin")
        env = api.Environment(cursor, admin.id, {})
        # What is loaded once, and what two batches need, isn't counted.
        make(env, limit=4_000).action_check()
        cursor.rollback()
        before = get_memory()
        check_rate = measure_check(env)
        campaign_rate = measure_campaign(env)
        growth = get_memory() - before
        template_rate = measure_template(env)
    size = f"{CONTACTS:,} contacts (send_mail_batch: {SAMPLE:,})"
    print(
        json.dumps(
            [
                {
                    "scenario": f"start a campaign until all are queued; memory: +{growth:.0f} MiB",
                    "size": size,
                    "ours": round(campaign_rate),
                    "theirs": round(template_rate),
                    "unit": "people/s",
                },
                {
                    "scenario": "check who a campaign will ask",
                    "size": size,
                    "ours": round(check_rate),
                    "theirs": round(template_rate),
                    "unit": "people/s",
                },
            ]
        )
    )


if __name__ == "__main__":
    main()
