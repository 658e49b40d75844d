"""Keep the tokens of personal links out of the server's log (law.md R-86, R-92)."""

import logging
import re

# The web server's access log, and Odoo's own words on a refused request.
LOGGERS = ("werkzeug", "odoo.http")
LINK = re.compile(r"(/gdpr/(?:consent|preferences|unsubscribe|download)/)[^\s/?\"']+")


class MaskTokens(logging.Filter):
    """Replaces the token in what is logged of a request."""

    def filter(self, record):
        message = record.getMessage()
        masked = LINK.sub(r"\1***", message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


def install():
    """Mask tokens in the logs of this process; once, however often it is called."""
    for logger in map(logging.getLogger, LOGGERS):
        if not any(isinstance(known, MaskTokens) for known in logger.filters):
            logger.addFilter(MaskTokens())
