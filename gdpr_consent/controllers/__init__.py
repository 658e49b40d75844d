from . import consent_page
from . import portal
from . import preferences_page
from . import unsubscribe_page
