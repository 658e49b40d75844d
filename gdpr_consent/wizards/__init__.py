from . import gdpr_card_wizard
from . import gdpr_consent_entry
from . import gdpr_consent_withdrawal
