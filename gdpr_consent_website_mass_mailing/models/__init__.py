from . import mailing_list
