"""What the add-on puts into the context to tell itself what it is doing.

Much of it lifts a check. A client can send any context, but no object: what isn't one of these was put there by a
client, and counts for nothing. The classes of their own keep it apart too, for Odoo takes two contexts with equal
values for one.
"""

REQUEST_OPTIONS = "gdpr_request_options"


class ServerMark:
    """What only the server can put into the context."""


SERVER = ServerMark()


class RequestOptions(dict):
    """How somebody is asked for consent: see ``gdpr.subject.mixin._gdpr_get_refusal_codes``."""

    __hash__ = None

    def __eq__(self, other):
        return isinstance(other, RequestOptions) and super().__eq__(other)

    def __ne__(self, other):
        return not self == other


def is_set(env, key):
    """Tell whether the server has put a mark into the context."""
    return env.context.get(key) is SERVER


def get_request_options(env):
    """Give how somebody is asked, as the server says; empty where only a client does.

    :rtype: RequestOptions
    """
    options = env.context.get(REQUEST_OPTIONS)
    return options if isinstance(options, RequestOptions) else RequestOptions()
