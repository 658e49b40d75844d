"""Keep the tokens of personal links out of the server's access log (law.md R-86, R-92)."""

import logging
import re

LINK = re.compile(r"(/gdpr/(?:consent|preferences|unsubscribe|download)/)[^\s/?\"]+")


class MaskTokens(logging.Filter):
    """Replaces the token in what the web server logs of a request."""

    def filter(self, record):
        message = record.getMessage()
        masked = LINK.sub(r"\1***", message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


def install():
    """Mask tokens in the log of the web server of this process; once, however often it is called."""
    logger = logging.getLogger("werkzeug")
    if not any(isinstance(known, MaskTokens) for known in logger.filters):
        logger.addFilter(MaskTokens())
