from . import gdpr_mailing_check
from . import gdpr_mailing_check_line
from . import mailing_mailing_test
