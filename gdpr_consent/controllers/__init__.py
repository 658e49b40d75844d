from . import consent_page
from . import evidence
from . import form_preview
from . import ledger_heads
from . import portal
from . import preferences_page
from . import unsubscribe_page
from . import receipt_page
