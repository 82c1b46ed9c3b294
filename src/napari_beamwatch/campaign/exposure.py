"""What an exposure will show: electrons, the signal of a fringe, and how well its spacing is told.

A fringe ``λ (1 + C cos)`` in a window w has a power of ``C² n_e / 4`` over that of counting
electrons, with ``n_e = λ (Σw)² / Σw²``, which is 4/9 of the electrons in the window for Hann's.
The spacing is then told to ``σ_d / d = 0.50 / (√SNR · N)`` with N fringes across the window, where
SNR is above 18; measured for Hann's window and a peak found on a finer grid (docs/spectra.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from napari_beamwatch.spectra.windows import snr_of_fringe

HANN = 4 / 9
"""Of the electrons in a window, those that count."""

SHARP = 18.0
"""Signal-to-noise ratio from which on the error of a spacing is as the formula says."""


@dataclass(frozen=True)
class Exposure:
    """A movie as it would be recorded.

    Attributes
    ----------
    dose : float
        e/Å² in all, what came before included.
    seconds : float
    frames : int
        As analysed.
    frame_time : float
        s of each.
    frame_dose : float
        e/Å² of each.
    snr_frame, snr_total : float
        Of one fringe in one window: in a frame, and in the sum of all.
    d_error : float
        Relative standard deviation of a spacing in the sum; NaN where the fringe is too weak.
    electrons_per_px_s : float
        That a pixel of the camera has to count a second; NaN without a pixel size.
    """

    dose: float
    seconds: float
    frames: int
    frame_time: float
    frame_dose: float
    snr_frame: float
    snr_total: float
    d_error: float
    electrons_per_px_s: float


def fringe_snr(dose: float, window_nm: float, contrast: float) -> float:
    """Signal-to-noise ratio of a fringe after a dose in e/Å², in a Hann window.

    Parameters
    ----------
    dose : float
    window_nm : float
        Side of the window.
    contrast : float
        C of the fringe.
    """
    return snr_of_fringe(contrast, HANN * dose * (10 * window_nm) ** 2)


def spacing_error(snr: float, d_A: float, window_nm: float) -> float:  # noqa: N803
    """Relative standard deviation of a spacing; NaN below the SNR the formula holds for."""
    if snr < SHARP:
        return math.nan
    return 0.50 / (math.sqrt(snr) * 10 * window_nm / d_A)


def exposure(
    dose: float,
    dose_rate: float,
    *,
    d_A: float,  # noqa: N803
    window_nm: float,
    contrast: float,
    frames: int,
    frame_time: float | None = None,
    pixel_size: float | None = None,
) -> Exposure:
    """A movie of a dose.

    Parameters
    ----------
    dose, dose_rate : float
        e/Å² and e/Å²/s.
    d_A : float
        Spacing of the fringe in Å.
    window_nm, contrast : float
    frames : int
        Into which it is divided where the time of a frame is left open.
    frame_time : float, optional
        s; what is left of the dose after the last whole frame is not recorded.
    pixel_size : float, optional
        Å.
    """
    if frame_time is None:
        frame_time = dose / dose_rate / frames
    else:
        frames = max(1, math.floor(dose / dose_rate / frame_time + 1e-9))
    seconds = frames * frame_time
    recorded = seconds * dose_rate
    snr = fringe_snr(recorded, window_nm, contrast)
    return Exposure(
        recorded, seconds, frames, frame_time, recorded / frames, snr / frames, snr,
        spacing_error(snr, d_A, window_nm),
        math.nan if pixel_size is None else dose_rate * pixel_size**2,
    )  # fmt: skip
