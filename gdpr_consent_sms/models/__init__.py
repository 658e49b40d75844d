from . import sms_sms
from . import sms_sms_gate
