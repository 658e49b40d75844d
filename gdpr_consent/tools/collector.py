class Collector(list):
    """A list that travels in the context. No client can send one, so what is found there was put there by the server."""
