"""The one family of errors that users of this package meet."""

from napari_beamwatch.harmless import printable


class BeamwatchError(Exception):
    """Something about the data or the request prevents an answer.

    The message is one sentence (or two) that a microscopist can act on: what is wrong,
    where, and what would help. The command line prints it as it is, so names of files and
    words of headers in it are made harmless here.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(message))
