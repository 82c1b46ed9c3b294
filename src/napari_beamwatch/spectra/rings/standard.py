"""What a ring of known spacing tells of the recording: pixel size and distortion.

A ring that is an ellipse, ``k(θ) = k₀ (1 + ε cos 2(θ − φ))``, tells a linear distortion of the
detector or the projector [1]_; its mean radius tells the pixel size.

References
----------
.. [1] Capitani, G. C. et al. Ultramicroscopy 106, 66-74 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.spectra.power import power_spectrum
from napari_beamwatch.spectra.rings.finding import Line, fit_line
from napari_beamwatch.spectra.rings.profile import RadialProfile, radial_profile
from napari_beamwatch.spectra.rings.radial import SECTORS, RadialPower, radial_bins

Floats = NDArray[np.float64]

NOMINAL = 0.08
"""Part by which a nominal pixel size may be wrong."""

CLEAR = 5.0
"""Standard errors of the height from which a ring is a standard."""

FEWEST_SECTORS = 6


@dataclass(frozen=True)
class Distortion:
    """An elliptical distortion of frequencies.

    Attributes
    ----------
    ratio, ratio_se : float
        Longest over shortest radius of a ring that ought to be a circle.
    angle, angle_se : float
        Of the longest radius in degrees, counter-clockwise from +x as displayed, in (-90, 90].
    """

    ratio: float
    ratio_se: float
    angle: float
    angle_se: float

    def undistorted(self, gy: Floats, gx: Floats) -> tuple[Floats, Floats]:
        """Frequencies as they would be without it; a ring keeps its mean radius."""
        epsilon = (self.ratio - 1) / (self.ratio + 1)
        turn = np.radians(self.angle)
        along_y, along_x = -np.sin(turn), np.cos(turn)  # y goes down
        along = np.asarray(gy) * along_y + np.asarray(gx) * along_x
        across = np.asarray(gx) * along_y - np.asarray(gy) * along_x
        along, across = along / (1 + epsilon), across / (1 - epsilon)
        return along * along_y - across * along_x, along * along_x + across * along_y


def distortion_of_ring(power: RadialPower, k: float) -> Distortion:
    """Elliptical distortion from the ring nearest to a frequency.

    Parameters
    ----------
    power : RadialPower
    k : float
        Of the ring, in cycles per pixel.
    """
    radius = power.k * power.window
    middles, errors, angles = [], [], []
    for sector, angle in enumerate(radial_bins(power.window).angles):
        bins = power.bins[sector]
        known = bins > 0.5
        mean = power.power[sector, known]
        line = _line(radius[known], mean, mean / np.sqrt(bins[known]), k * power.window)
        if line is not None:
            middles.append(line.middle)
            errors.append(float(np.sqrt(line.covariance[0, 0])))
            angles.append(np.radians(angle))
    if len(middles) < FEWEST_SECTORS:
        raise BeamwatchError(
            f"the ring at {k:.4g} cycles a pixel is clear in {len(middles)} of {SECTORS} sectors; "
            f"{FEWEST_SECTORS} are needed to tell a distortion"
        )
    theta = np.array(angles)
    weight = 1 / np.array(errors)
    design = np.stack([np.ones_like(theta), np.cos(2 * theta), np.sin(2 * theta)], axis=1)
    scaled = design * weight[:, None]
    covariance = np.linalg.inv(scaled.T @ scaled)
    solution = covariance @ scaled.T @ (np.array(middles) * weight)
    left = ((design @ solution - np.array(middles)) * weight) ** 2
    covariance *= max(1.0, float(left.sum()) / max(1, len(middles) - 3))
    even, odd = solution[1] / solution[0], solution[2] / solution[0]
    epsilon = float(np.hypot(even, odd))
    # Along the axis of the ellipse, and across it.
    along = np.array([0, even, odd]) / max(epsilon, 1e-12)
    across = np.array([0, -odd, even]) / max(epsilon, 1e-12)
    size_se = float(np.sqrt(along @ covariance @ along)) / solution[0]
    turn_se = float(np.sqrt(across @ covariance @ across)) / solution[0] / max(epsilon, 1e-12)
    angle = np.degrees(np.arctan2(odd, even)) / 2
    return Distortion(
        (1 + epsilon) / (1 - epsilon),
        2 * size_se / (1 - epsilon) ** 2,
        float(angle),
        float(min(90.0, np.degrees(turn_se) / 2)),
    )


def pixel_size_from_standard(
    source: RadialProfile | Movie,
    d_standard_A: float,  # noqa: N803 - units are part of names
) -> tuple[float, float]:
    """Pixel size from a ring whose spacing is known.

    Parameters
    ----------
    source : RadialProfile or Movie
        With a nominal pixel size, right to 8 %, that tells which ring is meant. Of a movie all
        frames are added up, the drift not taken out.
    d_standard_A : float
        Spacing in Å.

    Returns
    -------
    pixel_size, se : float
        Å.
    """
    if not d_standard_A > 0:
        raise BeamwatchError(f"a spacing is above 0 Å, not {d_standard_A!r}")
    if isinstance(source, Movie):
        frames = len(source)
        profile = radial_profile(power_spectrum(source, None, frames // 2, frames))
    else:
        profile = source
    if profile.pixel_size is None:
        raise BeamwatchError("a nominal pixel size is needed to tell which ring is the standard")
    expected = profile.pixel_size / d_standard_A
    if not profile.k[0] < expected < profile.k[-1]:
        raise BeamwatchError(
            f"a ring of {d_standard_A:g} Å lies outside of what pixels of "
            f"{profile.pixel_size:g} Å show"
        )
    spacing = float(np.median(np.diff(profile.k)))
    radius = profile.k / spacing
    line = _line(radius, profile.power, profile.se, expected / spacing)
    if line is None:
        raise BeamwatchError(
            f"no clear ring within {NOMINAL:.0%} of {d_standard_A:g} Å: the pixel size stays "
            "nominal"
        )
    k = line.middle * spacing
    return k * d_standard_A, float(np.sqrt(line.covariance[0, 0])) * spacing * d_standard_A


def _line(radius: Floats, power: Floats, se: Floats, expected: float) -> Line | None:
    """The clearest ring near a radius, or None."""
    near = np.abs(radius - expected) < max(NOMINAL * expected, 2.0)
    if not near.any():
        return None
    best: Line | None = None
    highest = CLEAR
    start = float(radius[near][np.argmax(power[near])])
    for width in (1.0, 2.0, 4.0, 8.0):
        line = fit_line(radius, power, se, start, width)
        if line is None or not line.height > 0:
            continue
        clear = line.height / float(np.sqrt(line.covariance[2, 2]))
        if clear > highest and np.abs(line.middle - expected) < max(NOMINAL * expected, 2.0):
            best, highest = line, clear
    return best
