from . import consent_page
from . import form_preview
from . import portal
from . import preferences_page
