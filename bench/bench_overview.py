"""The overview on a million contacts and a ledger of half a million events, next to the bare SQL of the same figures.

bench_overview.py [CONTACTS] [PEOPLE] [ROUNDS]
"""

from functools import partial

from bench_filters import BASIS, STATE
from common import DATABASE, compare, environment, execute, fill_contacts, print_rows, sizes, take_time

CONTACTS, PEOPLE, ROUNDS = sizes(1_000_000, 250_000, 5)
# The first is asked, the second answers; half of all within the weeks that are shown.
FILL = """
    INSERT INTO gdpr_subject (id, root_id, reference, legal_basis, consent_state, restricted, objected, head_sequence,
                              head_hash)
    SELECT n, n, 'BENCH' || n, 'consent', 'obtained', false, false, 2, '' FROM generate_series(%(first)s, %(last)s) n;
    INSERT INTO gdpr_consent_event (subject_id, sequence, action, act, occurred_on, recorded_on, actor, company_id,
                                    previous_hash, hash)
    SELECT n, step, (ARRAY['asked', 'refused'])[step], n || '-' || step, moment, moment,
           (ARRAY['operator', 'person'])[step], 1, '', ''
      FROM generate_series(%(first)s, %(last)s) n, generate_series(1, 2) step,
           LATERAL (SELECT now() AT TIME ZONE 'UTC' - mod(n, 180) * interval '1 day' AS moment) at;
    UPDATE res_partner SET gdpr_subject_id = %(first)s + numbered.place
      FROM (SELECT id, row_number() OVER () - 1 AS place
              FROM (SELECT id FROM res_partner WHERE gdpr_subject_id IS NULL ORDER BY id DESC LIMIT %(people)s) last
           ) numbered
     WHERE res_partner.id = numbered.id;
    ANALYZE gdpr_subject, gdpr_consent_event, res_partner;
"""
CARDS = """
    SELECT gdpr_legal_basis, gdpr_consent_state, gdpr_restricted, count(*), count(gdpr_subject_id) FROM {} WHERE active
     GROUP BY 1, 2, 3
"""
WEEKS = """
    SELECT date_trunc('week', occurred_on), count(DISTINCT subject_id) FILTER (WHERE action = 'asked'),
           count(DISTINCT subject_id) FILTER (WHERE action <> 'asked' AND actor <> 'system'),
           count(DISTINCT subject_id) FILTER (WHERE action = 'given'),
           count(DISTINCT subject_id) FILTER (WHERE action IN ('withdrawn', 'objected'))
      FROM gdpr_consent_event WHERE occurred_on >= now() AT TIME ZONE 'UTC' - interval '13 weeks'
       AND action IN ('asked', 'given', 'refused', 'withdrawn', 'channels_withdrawn', 'objected') GROUP BY 1
"""


def fill_ledger(people):
    ((first,),) = execute(DATABASE, "SELECT coalesce(max(id), 0) + 1 FROM gdpr_subject")
    ((known,),) = execute(DATABASE, "SELECT count(*) FROM gdpr_subject WHERE reference LIKE 'BENCH%%'")
    missing = people - known
    if missing > 0:
        execute(DATABASE, FILL, {"first": first, "last": first + missing - 1, "people": missing})


def read_bare(env):
    """The figures that grow with the data, as SQL gives them."""
    figures = []
    for statement in (CARDS.format("res_partner"), CARDS.format("crm_lead"), WEEKS):
        env.cr.execute(statement)
        figures.append(env.cr.fetchall())
    return figures


def read_ours(env):
    env.invalidate_all()
    return env["gdpr.overview"].get_figures()


def main():
    fill_contacts(DATABASE, CONTACTS, BASIS, STATE)
    fill_ledger(PEOPLE)
    with environment() as env:
        ours = read_ours(env)
        contacts = next(kind for kind in ours["kinds"] if kind["model"] == "res.partner")
        assert contacts["count"] == sum(row[3] for row in read_bare(env)[0])
        results = compare(
            partial(take_time, partial(read_ours, env)), partial(take_time, partial(read_bare, env)), ROUNDS
        )
    print_rows(
        (
            "all figures of the overview (theirs: bare SQL)",
            f"{CONTACTS:,} contacts, {PEOPLE:,} people",
            *(round(value, 1) for value in results),
            "ms",
        )
    )


if __name__ == "__main__":
    main()
