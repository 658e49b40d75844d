from . import gdpr_consent_request
from . import mailing_contact
from . import mailing_list
