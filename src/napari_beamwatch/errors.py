"""The one family of errors that users of this package meet."""


class BeamwatchError(Exception):
    """Something about the data or the request prevents an answer.

    The message is one sentence (or two) that a microscopist can act on: what is wrong,
    where, and what would help. The command line prints it as it is.
    """
