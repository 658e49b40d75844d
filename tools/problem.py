"""The one exception that is shown to the user as it is."""


class Problem(Exception):
    """Something the person at the keyboard can mend.

    The message is one sentence that says what is wrong and what to do about it.
    """
