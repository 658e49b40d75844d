from . import test_leaving
from . import test_mailing
