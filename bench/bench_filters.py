"""Lists of a million contacts, filtered and grouped by legal basis and by consent, next to the bare SQL of the same question.

Ours is what the web client asks for: the page of 80 with every field of the list and the number of all that match, and the
groups. The bare SQL reads the columns of the table alone.

    bench_filters.py [CONTACTS] [ROUNDS]
"""

import json
from functools import partial

from common import (
    DATABASE,
    compare,
    environment,
    fill_contacts,
    make_specification,
    print_rows,
    sizes,
    take_time,
)

CONTACTS, ROUNDS = sizes(1_000_000, 5)
LIST_SIZE = 80
COUNT_LIMIT = 10_001
BASIS = "(ARRAY['not_applicable', 'consent', 'not_applicable', 'consent', 'contract'])[n % 5 + 1]"
STATE = f"""CASE WHEN {BASIS} <> 'consent' THEN 'not_applicable' WHEN n % 1000 = 1 THEN 'withdrawn'
    ELSE (ARRAY['pending', 'obtained', 'waiting', 'pending', 'refused'])[n / 5 % 5 + 1] END"""
# From many to few.
FILTERS = (
    ("gdpr_legal_basis", "not_applicable"),
    ("gdpr_legal_basis", "contract"),
    ("gdpr_consent_state", "obtained"),
    ("gdpr_consent_state", "withdrawn"),
)
