class Collector(list):
    """A list that travels in the context.

    No client can send one, so what is found there was put there by the server. Each is itself alone: for Odoo two
    contexts with equal values are one, and what is collected would end up in the list of an earlier one.
    """

    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__
