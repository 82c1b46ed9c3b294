"""`plan`: the next movie, from one's own campaign or from what others have published."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.campaign.between import dose_text
from napari_beamwatch.campaign.exposure import Exposure, exposure, fringe_snr
from napari_beamwatch.campaign.loading import read_places
from napari_beamwatch.campaign.measures import known_measure
from napari_beamwatch.campaign.safe_dose import (
    CONFIDENCE,
    SafeDose,
    from_places,
    from_published,
    group_for,
    regime,
)
from napari_beamwatch.campaign.tables import CampaignTables
from napari_beamwatch.errors import BeamwatchError

CONTRAST = 0.06
"""Of a fringe, where nobody says: weak ones of nanometre crystals on a film."""

FRAMES, MOST_FRAMES = 40, 200
"""Into which a dose is divided, where nobody says: a change is told to a part of a frame."""

STRONG = 10.0
"""Signal-to-noise ratio of a fringe in a frame beyond which more frames tell more."""

COLD_C, ROOM_C = -170.0, 20.0

FASTEST = 10.0
"""Electrons a pixel and second above which counting cameras lose a tenth and more."""

NYQUIST, COMFORTABLE = 2.0, 2.5
"""Pixels that a fringe must have, and should have."""


@dataclass(frozen=True)
class Plan:
    """The next movie.

    Attributes
    ----------
    compound : str
    temperature_C : float
    safe : SafeDose
        The dose to stop at, and where it comes from.
    exposure : Exposure
        What it takes, and what it will show.
    dose_rate, d_A, window_nm, contrast : float
        As they were asked for.
    other : SafeDose or None
        The same at the other temperature, cryo or room; None if nothing is known of it.
    advice : str
        Cryo or not.
    warnings : tuple of str
    """

    compound: str
    temperature_C: float  # noqa: N815 - units are part of names
    safe: SafeDose
    exposure: Exposure
    dose_rate: float
    d_A: float  # noqa: N815
    window_nm: float
    contrast: float
    other: SafeDose | None
    advice: str
    warnings: tuple[str, ...]

    @property
    def words(self) -> str:
        """The plan on a page, with what to type."""
        made = self.exposure
        lines = [
            f"{self.compound} at {self.temperature_C:g} °C: stop at {dose_text(made.dose)} e/Å² = "
            f"{made.seconds:.3g} s at {self.dose_rate:.3g} e/Å²/s, focusing and search included",
            f"  from {self.safe.source}",
            f"  {made.frames} frames of {made.frame_time:.3g} s, {made.frame_dose:.3g} e/Å² each",
            f"  a fringe of {self.d_A:g} Å and contrast {self.contrast:g} in a window of "
            f"{self.window_nm:g} nm: SNR {made.snr_frame:.2g} a frame, {made.snr_total:.3g} in all",
        ]
        if math.isnan(made.d_error):
            lines.append("  too weak in one window to tell its spacing (SNR below 18)")
        else:
            lines.append(
                f"  its spacing to ± {100 * made.d_error:.2g} % = ± {self.d_A * made.d_error:.2g} "
                "Å in the sum of all frames"
            )
        if not math.isnan(made.electrons_per_px_s):
            lines.append(f"  {made.electrons_per_px_s:.3g} electrons a pixel and second")
        lines.append(f"  {self.advice}")
        lines += [f"  warning: {said}" for said in self.warnings]
        lines += ["  to type:", *(f"    {line}" for line in self.to_type)]
        return "\n".join(lines)

    @property
    def to_type(self) -> tuple[str, ...]:
        """What to type: a script for SerialEM, the fields of EPU."""
        made = self.exposure
        return (
            f"SerialEM   SetExposure R {made.seconds:.4g}",
            f"           SetFrameTime R {made.frame_time:.4g}",
            "           Record",
            f"EPU        exposure time {made.seconds:.4g} s, fractions {made.frames}, dose "
            f"{dose_text(made.dose)} e/Å² (EER: {made.frame_dose:.3g} e/Å² a fraction)",
        )


def plan(
    compound: str,
    temperature_C: float,  # noqa: N803
    *,
    d: float,
    window_nm: float,
    dose_rate: float,
    source: CampaignTables | str | os.PathLike[str] | None = None,
    measure: str = "onset",
    intact: float = 0.9,
    movies: float | None = None,
    frame_time: float | None = None,
    pixel_size: float | None = None,
    contrast: float = CONTRAST,
) -> Plan:
    """Plan a movie whose specimen stays as it was.

    Parameters
    ----------
    compound : str
    temperature_C : float
        At which it is to be recorded.
    d : float
        Spacing to be seen, Å.
    window_nm : float
        Side of the window of the Fourier transform.
    dose_rate : float
        e/Å²/s.
    source : Campaign or path, optional
        One's own summary; the published limits if left open.
    measure : {"onset", "detected", "half_gone"}
        What must not have happened.
    intact : float
        Part of the places that must be intact, with 95 % confidence.
    movies : float, optional
        How many movies will be recorded so; as many as the summary has if left open.
    frame_time : float, optional
        Of the camera, s.
    pixel_size : float, optional
        Å.
    contrast : float
        Of the fringe, 0 to 1.
    """
    for name, value, least, most in (
        ("d", d, 0.0, math.inf), ("window", window_nm, 0.0, math.inf),
        ("dose rate", dose_rate, 0.0, math.inf), ("part that is intact", intact, 0.5, 1.0),
        ("contrast", contrast, 0.0, math.inf), ("frame time", frame_time, 0.0, math.inf),
        ("pixel size", pixel_size, 0.0, math.inf), ("number of movies", movies, 0.0, math.inf),
    ):  # fmt: skip
        if value is not None and not least < value < most:
            told = f"between {least:g} and {most:g}" if math.isfinite(most) else "above 0"
            raise BeamwatchError(f"the {name} must be {told}, not {value:g}")
    known_measure(measure)
    if 10 * window_nm < 3 * d:
        raise BeamwatchError(f"a window of {window_nm:g} nm holds no three fringes of {d:g} Å")
    if pixel_size is not None and d < NYQUIST * pixel_size:
        raise BeamwatchError(
            f"pixels of {pixel_size:g} Å cannot show {d:g} Å: two a fringe are needed"
        )

    def safe_at(temperature: float) -> SafeDose:
        return _safe(source, compound, temperature, measure, intact, movies)

    safe = safe_at(temperature_C)
    here = regime(temperature_C)
    other = None
    if here:
        try:
            other = safe_at(ROOM_C if here == "cryo" else COLD_C)
        except BeamwatchError:  # nobody knows, which the advice says
            other = None
    enough = fringe_snr(safe.dose, window_nm, contrast) / STRONG
    made = exposure(
        safe.dose, dose_rate, d_A=d, window_nm=window_nm, contrast=contrast,
        frames=round(min(max(FRAMES, enough), MOST_FRAMES)),
        frame_time=frame_time, pixel_size=pixel_size,
    )  # fmt: skip
    return Plan(
        compound, temperature_C, safe, made, dose_rate, d, window_nm, contrast, other,
        _advice(here, safe, other), (*safe.warnings, *_warnings(made, safe, d, pixel_size)),
    )  # fmt: skip


def _safe(
    source: CampaignTables | str | os.PathLike[str] | None,
    compound: str,
    temperature: float,
    measure: str,
    intact: float,
    movies: float | None,
) -> SafeDose:
    if source is None:
        return from_published(compound, temperature)
    if isinstance(source, CampaignTables):
        places, groups, name = source.places, source.summary.to_dict("records"), "your campaign"
    else:
        places, record = read_places(source)
        groups, name = record["groups"], str(Path(source))
    named = regime(temperature)
    if not named:
        raise BeamwatchError(
            f"{temperature:g} °C is neither room temperature nor cryo: a summary tells of these"
        )
    row = group_for([{str(k): v for k, v in one.items()} for one in groups], compound, named)
    mine = places[(places["group"] == row["group"]) & (places["measure"] == measure)]
    if not len(mine):
        raise BeamwatchError(f"{row['group']}: no place tells of {measure}")
    return from_places(mine, intact, CONFIDENCE, movies, f"{name}, {row['group']}, {measure}")


def _advice(here: str, safe: SafeDose, other: SafeDose | None) -> str:
    if not here:
        return "cryo or not: neither is known to be comparable with this temperature"
    there = "room temperature" if here == "cryo" else "cryo"
    if other is None:
        return f"cryo or not: of {there} nothing is known here"
    times = safe.dose / other.dose if here == "cryo" else other.dose / safe.dose
    if times > 1:
        return f"cryo: {dose_text(times)} times the dose ({there}: {dose_text(other.dose)} e/Å²)"
    return f"cryo gains nothing here ({there}: {dose_text(other.dose)} e/Å²)"


def _warnings(
    made: Exposure, safe: SafeDose, d: float, pixel_size: float | None
) -> tuple[str, ...]:
    said = []
    if made.dose > safe.dose * 1.001:
        said.append(
            f"one frame has {dose_text(made.frame_dose)} e/Å², more than the {dose_text(safe.dose)}"
            " to stop at: shorten it, or lower the dose rate"
        )
    elif made.frames < FRAMES / 4:
        said.append(f"{made.frames} frames tell little of when a change began: shorten them")
    if pixel_size is not None and d < COMFORTABLE * pixel_size:
        said.append(f"{d:g} Å has {d / pixel_size:.2g} pixels: near to what they can show at all")
    if made.electrons_per_px_s > FASTEST:
        said.append(
            f"{made.electrons_per_px_s:.3g} electrons a pixel and second: a counting camera loses "
            "a tenth or more of them"
        )
    return tuple(said)
