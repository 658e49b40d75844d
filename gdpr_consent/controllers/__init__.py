from . import consent_page
from . import portal
from . import preferences_page
