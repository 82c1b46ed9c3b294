"""The one family of errors that users of this package meet."""

from napari_beamwatch.harmless import printable

LONGEST = 1500
"""Letters of a message: of a header that goes on for ever, a part is enough."""


class BeamwatchError(Exception):
    """Something about the data or the request prevents an answer.

    The message is one sentence (or two) that a microscopist can act on: what is wrong,
    where, and what would help. The command line prints it as it is, so names of files and
    words of headers in it are made harmless here; of a message that they make very long the
    middle is left out.
    """

    def __init__(self, message: object = "") -> None:
        said = printable(message)
        if len(said) > LONGEST:
            said = f"{said[: LONGEST // 2]} … {said[-LONGEST // 2 :]}"
        super().__init__(said)
