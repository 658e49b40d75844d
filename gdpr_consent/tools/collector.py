class Collector(list):
    """A list that travels in the context. No client can send one, so what is found there was put there by the server."""

    # Odoo reuses an environment whose context is equal: two lists are two, even while both are empty.
    __eq__ = object.__eq__
    __hash__ = object.__hash__
