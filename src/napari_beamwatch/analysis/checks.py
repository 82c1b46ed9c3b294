"""What is asked of a record before the work begins."""

from __future__ import annotations

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.counting import measure_flux
from napari_beamwatch.settings import Settings

LARGEST_SUM = 4
"""Of a record at least so many running sums: in fewer, before and after are one."""


def check_record(movie: Movie, settings: Settings) -> None:
    """Refuse settings that no answer could come from in this movie.

    A movie that nothing was looked for in, or that was added up until before and after are one,
    would be answered as one that survived.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    """
    lit = int(movie.lit.sum())
    if movie.counts is not None and not (movie.counts > 0).any():
        raise BeamwatchError(f"{movie.name} is dark: no frame holds any counts. Was the beam on?")
    lost = movie.recording.lost
    if lit and lost is not None and lost[movie.lit].all():
        raise BeamwatchError(
            f"{movie.name} shows nothing: every frame is saturated, or all its pixels are alike "
            "(on an offset so large that single electrons are lost on it? Subtract it first)"
        )
    if not lit:
        raise BeamwatchError(f"{movie.name} has no frame with beam; one shows spots, if no change")
    if movie.counts is None and measure_flux(movie.recording.frames, movie.name).counts is None:
        raise BeamwatchError(
            f"the grey values of {movie.name} are not above zero in the mean, so that they are no "
            "electrons: give the frames as the camera counted them, not normalised"
        )
    if settings.running_sum > max(1, lit // LARGEST_SUM):
        raise BeamwatchError(
            f"a running sum of {settings.running_sum} frames hides when something changed in the "
            f"{lit} of {movie.name}: {max(1, lit // LARGEST_SUM)} at most"
        )
    if not settings.criteria:
        raise BeamwatchError("no sign of damage is looked for: choose at least one of the criteria")
