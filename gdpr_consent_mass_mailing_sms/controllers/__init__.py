from . import sms_unsubscribing
