"""A known ring sets the pixel size to 0.3 %, and its shape tells a distortion."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError, Movie
from napari_beamwatch.spectra.power import power_spectrum
from napari_beamwatch.spectra.rings import (
    Distortion,
    distortion_of_ring,
    pixel_size_from_standard,
    radial_profile,
)


def powder_movie(specimen, pixel_size: float | None, contrast: float = 0.15) -> Movie:  # type: ignore[no-untyped-def]
    """A ring at 0.15 cycles a pixel."""
    powder = specimen.powder(0.15, 0.004, contrast, 1)
    counts = np.random.default_rng(2).poisson(np.clip(1 + powder, 0, None), (4, 512, 512))
    return Movie.from_array(counts.astype(np.uint8), pixel_size=pixel_size, frame_dose=5.0)


def test_a_known_ring_sets_the_pixel_size(specimen) -> None:  # type: ignore[no-untyped-def]
    movie = powder_movie(specimen, 0.36)
    found, se = pixel_size_from_standard(movie, 2.355)
    true = 0.15 * 2.355
    assert found == pytest.approx(true, rel=0.003)
    assert found == pytest.approx(true, abs=3 * se)
    profile = radial_profile(power_spectrum(movie, None, 2, 4))
    assert pixel_size_from_standard(profile, 2.355) == (found, se)


def test_a_standard_that_is_not_seen_is_refused(specimen) -> None:  # type: ignore[no-untyped-def]
    movie = powder_movie(specimen, 0.36)
    with pytest.raises(BeamwatchError, match="no clear ring"):
        pixel_size_from_standard(movie, 1.2)
    with pytest.raises(BeamwatchError, match="lies outside"):
        pixel_size_from_standard(movie, 0.5)
    with pytest.raises(BeamwatchError, match="above 0"):
        pixel_size_from_standard(movie, -1.0)
    with pytest.raises(BeamwatchError, match="nominal pixel size"):
        pixel_size_from_standard(powder_movie(specimen, None), 2.355)


@pytest.mark.long
def test_an_ellipse_is_told_with_its_errors(specimen) -> None:  # type: ignore[no-untyped-def]
    ratio, angle = [], []
    for seed in range(6):

        def ellipse(k: np.ndarray, theta: np.ndarray) -> np.ndarray:
            stretched = 1 + 0.02 * np.cos(2 * (theta - np.radians(30)))
            return np.exp(-(((k / stretched - 0.2) / 0.006) ** 2) / 4)

        contrast = specimen.field(ellipse, seed)
        contrast *= 0.15 / contrast.std()
        found = distortion_of_ring(specimen.counted(contrast, 4.0, seed), 0.2)
        ratio.append((found.ratio - 1.02 / 0.98) / found.ratio_se)
        angle.append((found.angle - 30) / found.angle_se)
    assert np.abs(ratio).max() < 3.5
    assert np.abs(angle).max() < 3.5
    assert found.ratio_se < 0.01


def test_a_round_ring_is_round_within_its_errors(specimen) -> None:  # type: ignore[no-untyped-def]
    contrast = specimen.powder(0.2, 0.006, 0.15, 3)
    found = distortion_of_ring(specimen.counted(contrast, 4.0, 3), 0.2)
    assert found.ratio - 1 < 3.5 * found.ratio_se


def test_a_ring_in_too_few_sectors_tells_nothing(specimen) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BeamwatchError, match="of 12 sectors"):
        distortion_of_ring(specimen.counted(0.0, 1.0, 0), 0.2)


def test_frequencies_on_the_ellipse_lie_on_a_circle_afterwards() -> None:
    theta = np.linspace(-np.pi, np.pi, 50)
    epsilon, turn = 0.03, np.radians(25)
    # An ellipse of mean radius 0.2, its long axis counter-clockwise from +x; y goes down.
    along, across = 0.2 * (1 + epsilon) * np.cos(theta), 0.2 * (1 - epsilon) * np.sin(theta)
    gx = along * np.cos(turn) - across * np.sin(turn)
    gy = -(along * np.sin(turn) + across * np.cos(turn))
    distortion = Distortion((1 + epsilon) / (1 - epsilon), 0.001, 25.0, 1.0)
    assert np.hypot(*distortion.undistorted(gy, gx)) == pytest.approx(np.full(50, 0.2))
