"""What fails on one thing must not lose what was measured of all the others.

Judging comes last, when the frames have been read for minutes or hours. What nobody thought of
there costs the verdict on one crystal, window or region, which is ambiguous then and says why;
the run is told and written.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import ParamSpec, TypeVar

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.log import LOG

In = ParamSpec("In")
Out = TypeVar("Out")

FAILED = "failed: "
"""How notes on it begin, as those on the drift begin with ``drift:``."""

WARNING = "warning: "
"""How notes begin that must not be overlooked."""


class Failures:
    """Does what may fail, and notes what did.

    Parameters
    ----------
    notes : list of str
        To which a sentence is added for each failure.
    """

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    def tried(
        self,
        doing: str,
        otherwise: Callable[[str], Out],
        work: Callable[In, Out],
        *args: In.args,
        **kwargs: In.kwargs,
    ) -> Out:
        """What `work` makes of the arguments; if it fails, what is made of why it did.

        Errors in the words of this package and whatever stops an analysis go on to the caller.

        Parameters
        ----------
        doing : str
            What is done, to begin a sentence.
        otherwise : callable
            Given the failure in words.
        work : callable
        """
        try:
            return work(*args, **kwargs)
        except (BeamwatchError, CancelledError):
            raise
        except Exception as error:
            why = f"{doing} failed ({type(error).__name__}: {error})"
            LOG.exception(why)
            self.notes.append(f"{FAILED}{why}; what was measured is kept, please report this")
            return otherwise(why)


def warnings_among(notes: tuple[str, ...]) -> list[str]:
    """Sentences of those notes that tell of a failure, or warn."""
    told = [note for note in notes if note.startswith((FAILED, WARNING))]
    return [note.removeprefix(FAILED).removeprefix(WARNING) for note in told]
