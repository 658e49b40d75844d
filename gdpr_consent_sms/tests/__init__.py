from . import test_sms
from . import test_sms_to_many
from . import test_tour_sms
