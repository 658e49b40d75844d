from . import gdpr_mailing_check
from . import sms_composer
