from . import gdpr_card_wizard
from . import gdpr_consent_entry
from . import gdpr_consent_form_publication
from . import gdpr_consent_withdrawal
from . import gdpr_ledger_heads
from . import gdpr_subject_joining
from . import gdpr_subject_request_entry
from . import gdpr_subject_splitting
