"""Names in a sentence, no more than somebody reads."""


def list_names(names, most):
    """Give names in one line, each once; where there are more than so many, the number of all of them.

    :param names: in the order to list them
    :param int most: how many are listed
    """
    names = list(dict.fromkeys(names))
    rest = f" … ({len(names)})" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
