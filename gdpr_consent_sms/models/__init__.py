from . import ir_actions_server
from . import mail_thread
from . import sms_sms
from . import sms_sms_gate
from . import sms_template
