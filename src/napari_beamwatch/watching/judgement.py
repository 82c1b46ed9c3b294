"""Whether a loss that lasts is damage: what the analysis says of all that was recorded so far.

The sequential test says *that* a loss lasts. Focus, a tilt, a layer and a beam that fades make such
losses, too, and only the analysis has spots of different |g|, other places and the mean signal to
tell them apart. So both must agree before anybody is told to stop: of a lattice that holds the
chance of a stop is no more than that of the sequential test, however often the analysis is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_beamwatch.analysis import analyze
from napari_beamwatch.analysis.first_seen import in_words
from napari_beamwatch.log import why_failed
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.summary import CHANGED
from napari_beamwatch.settings import Settings
from napari_beamwatch.watching.live import Live
from napari_beamwatch.watching.state import Onset

SOON, LATER = 1.05, 1.25
"""Times as many frames after which an analysis that could not tell is asked again; the latter while
frames wait to be watched, for it takes its time. Asked again after a quarter, or a tenth where more
than half was gone, stops came at 1.27 times the dose of the off-line detection in the median, and
in 5 of 8 movies by 1.3."""


@dataclass(frozen=True)
class Judgement:
    """What was said of a loss that lasts.

    Attributes
    ----------
    damage : bool
    onset : Onset or None
    words : str
        The answer if it is damage, the reason why that cannot be told if not.
    at : str
        How far the movie was.
    frames : int
        With which it was asked.
    """

    damage: bool
    onset: Onset | None
    words: str
    at: str
    frames: int

    @classmethod
    def of(cls, live: Live, settings: Settings) -> Judgement:
        """Analyse what was recorded so far."""
        now = (live.so_far, live.frames)
        try:
            result = analyze(live.recorded(), settings)
        except Exception as error:  # whatever it is, it must not end the watch
            return cls(False, None, f"no analysis yet: {why_failed('the analysis', error)}", *now)
        answer, damage = str(result.summary["answer"]), result.summary["status"] in CHANGED
        words = answer if damage else _why_not(result) or answer
        return cls(damage, onset_of(result), words, *now)

    def is_old(self, frames: int, *, behind: bool) -> bool:
        """Whether to ask again; what was found to be damage stays so until the lattice is back."""
        return not self.damage and frames >= (LATER if behind else SOON) * self.frames


def _why_not(result: Result) -> str:
    """Why the field is not said to be damaged, without what is said of its phases."""
    phases = in_words(result.phases[result.phases["region"] == FIELD])
    return str(result.onsets["reason"].iloc[0]).removesuffix(phases).removesuffix("; ")


def onset_of(result: Result) -> Onset | None:
    """The onset of a field that was analysed; in frames where doses are unknown."""
    row = result.onsets.iloc[0]
    if row["status"] not in CHANGED:
        return None
    values = [row[f"onset_{end}e_per_A2"] for end in ("dose_", "low_", "high_")]
    if any(value != value or value is None for value in values):
        frame = row["onset_frame"]
        if frame != frame or frame is None:
            return None
        return Onset(float(frame), float(frame), float(frame), analysed=True)
    dose, low, high = map(float, values)
    return Onset(dose, low, high, analysed=True)
