"""Words that cannot be meant together."""


class UsageError(Exception):
    """What was typed is wrong usage, though each word by itself is none."""
