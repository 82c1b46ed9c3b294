"""A film is known again after its lattice went, another film is not, and a blur is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_beamwatch.spectra.drift import Comparison, Texture
from napari_beamwatch.spectra.drift.blurring import Blur
from napari_beamwatch.spectra.drift.low_frequencies import Band

SIZE, FRAMES, CUT = 320, 24, 12
EARLY = np.arange(FRAMES) < CUT


def film(seed: int, blur: tuple[float, float] = (0.0, 0.0), contrast: float = 0.1) -> np.ndarray:
    """Speckle of mean 1, blurred by a Gaussian of so many pixels down and across."""
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((SIZE, SIZE)))
    k = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE))
    spectrum *= (k > 0.015) & (k < 0.09)
    speckle = np.fft.irfft2(spectrum)
    moved = np.hypot(blur[0] * np.fft.fftfreq(SIZE)[:, None], blur[1] * np.fft.rfftfreq(SIZE))
    damped = np.fft.irfft2(spectrum * np.exp(-2 * (np.pi * moved) ** 2))
    return 1 + contrast * damped / speckle.std()


def fringes(strength: float) -> np.ndarray:
    """A lattice of two spots."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return strength * (np.cos(2 * np.pi * (y + x) / 16) + np.cos(2 * np.pi * (y - x) / 14))


def textured(
    before: np.ndarray, after: np.ndarray, electrons: float = 1.0, astray: float = 0.0
) -> Texture:
    """Two pictures, filmed by a stage that runs; the drift is wrong by so much in the second."""
    band, rng = Band.of((SIZE, SIZE)), np.random.default_rng(0)
    path = np.arange(FRAMES)[:, None] * np.array([0.5, -0.3])
    kept = []
    for early, (dy, dx) in zip(EARLY, np.rint(path).astype(int), strict=True):
        picture = np.roll(before if early else after, (dy, dx), axis=(0, 1))
        reduced = band.reduce(rng.poisson(electrons * picture.clip(0)).astype(np.uint8))
        assert reduced is not None
        kept.append(reduced)
    path = np.rint(path) + astray * ~EARLY[:, None]
    frames = np.arange(FRAMES)
    return Texture(band, tuple(kept), frames, frames, path)


def compared(
    before: np.ndarray, after: np.ndarray, electrons: float = 1.0, astray: float = 0.0
) -> Comparison:
    """The same, the two pictures compared."""
    told = textured(before, after, electrons, astray).compared(EARLY, ~EARLY)
    assert told is not None
    return told


def test_a_film_is_known_again_when_its_lattice_went() -> None:
    told = compared(film(1) + fringes(0.3), film(1))
    assert told.seen
    assert told.shared == pytest.approx(1, abs=0.15)
    assert told.below_half < -4
    assert told.blur is not None
    assert told.blur.off(np.zeros(3)) < 16


def test_what_comes_to_lie_on_a_film_does_not_hide_it() -> None:
    told = compared(film(1), film(1) + film(2) - 1)
    assert told.below_half < -4


def test_another_film_is_another() -> None:
    told = compared(film(1) + fringes(0.3), film(2))
    assert told.seen
    assert abs(told.shared) < 0.2
    assert told.below_half > 4


def test_a_lattice_that_stays_does_not_pass_for_a_film() -> None:
    told = compared(film(1) + fringes(0.3), film(2) + fringes(0.3))
    assert told.below_half > 4


def test_a_film_is_found_where_the_drift_lost_its_way() -> None:
    assert compared(film(1), film(1), astray=20.0).below_half < -4


@pytest.mark.parametrize(("after", "same"), [(1, True), (2, False)])
@pytest.mark.long
def test_sides_whose_common_drift_is_wrong_are_told_apart_from_each_other(
    after: int, same: bool
) -> None:
    film_before, film_after = film(1), film(after)
    texture = textured(film_before, film_after)
    lost = replace(texture, path=texture.path * -1.5)
    told = lost.apart(EARLY, ~EARLY).compared(EARLY, ~EARLY)
    assert told is not None
    assert told.seen
    assert told.below_half < -4 if same else told.below_half > 4


@pytest.mark.parametrize(("contrast", "electrons"), [(0.0, 1.0), (0.1, 0.02)])
def test_what_is_too_faint_is_not_seen(contrast: float, electrons: float) -> None:
    pictures = film(1, contrast=contrast), film(2, contrast=contrast)
    assert not compared(*pictures, electrons).seen


def test_a_blur_is_measured() -> None:
    told = compared(film(1), film(1, blur=(3.0, 3.0)))
    rate = (2 * np.pi * 3.0) ** 2
    assert told.blur is not None
    assert told.blur.off(np.array([rate, rate, 0.0])) < 16
    assert told.blur.sure > 8


def test_a_blur_along_one_direction_is_told_from_one_along_another() -> None:
    told = compared(film(1), film(1, blur=(4.0, 0.0)))
    rate = (2 * np.pi * 4.0) ** 2
    assert told.blur is not None
    assert told.blur.off(np.array([rate, 0.0, 0.0])) < 16
    assert told.blur.off(np.array([0.0, rate, 0.0])) > 100
    assert told.blur.sure_along > told.blur.sure > 8
    assert told.below_half < -4


def test_a_part_that_is_blurred_is_told_from_one_that_is_not() -> None:
    sharp, soft = film(1), film(1, blur=(3.0, 3.0))
    after = sharp.copy()
    after[:, SIZE // 2 :] = soft[:, SIZE // 2 :]
    texture, rate = textured(sharp + fringes(0.1), after), (2 * np.pi * 3.0) ** 2
    for columns, rates in ((slice(0, 128), (0.0, 0.0, 0.0)), (slice(192, 320), (rate, rate, 0.0))):
        box = np.array([[0, columns.start, SIZE, columns.stop]])
        told = texture.within(box, EARLY, ~EARLY).below(0.08).compared(EARLY, ~EARLY)
        assert told is not None
        assert told.blur is not None
        assert told.blur.off(np.array(rates)) < 16
        assert (told.blur.sure > 8) is bool(rates[0])


def test_most_that_a_blur_leaves_is_that_of_its_rates_less_their_errors() -> None:
    blur = Blur(np.array([40.0, 10.0, 5.0]), np.diag([16.0, 4.0, 1.0]))
    left = np.exp(-(40 * 0.04 + 10 * 0.01 + 2 * 5 * 0.02))
    error = np.sqrt(16 * 0.04**2 + 4 * 0.01**2 + 4 * 0.02**2)
    told = blur.most_left(np.array([0.2]), np.array([0.1]), errors=1.5)
    assert told == pytest.approx(left * np.exp(1.5 * error))


FINEST = 107 / SIZE
"""Cycles per pixel to which a band reaches."""


def focused(phase: float, coarse: float = 1.0) -> np.ndarray:
    """White speckle at a focus: shown with the sine of a phase that goes with k²."""
    spectrum = np.fft.rfft2(np.random.default_rng(1).normal(0, 0.3, (SIZE, SIZE)))
    part = (np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)) / FINEST) ** 2
    return 1 + np.fft.irfft2(spectrum * np.sin(phase * part) * np.where(part < 1 / 6, coarse, 1))


def test_a_film_is_told_to_be_seen_at_another_focus() -> None:
    told = compared(focused(1.5) + fringes(0.1), focused(2.8)).transfer
    assert told is not None
    assert told.refocused
    part = (np.arange(6) + 0.5)[-len(told.ratio) :] / 6
    assert len(part) >= 4
    assert told.ratio == pytest.approx(np.sin(2.8 * part) / np.sin(1.5 * part), abs=0.15)


def test_what_changes_coarse_shades_alone_is_mass_and_no_focus() -> None:
    told = compared(focused(1.5, 3.0) + fringes(0.1), focused(1.5, 6.0)).transfer
    assert told is not None
    assert not told.refocused


@pytest.mark.parametrize("added", [0.0, 0.1, 0.4])
def test_a_film_on_which_something_comes_to_lie_is_seen_as_it_was(added: float) -> None:
    before = focused(1.5)
    told = compared(before + fringes(0.1), before + film(2, contrast=added) - 1).transfer
    assert told is not None
    assert len(told.ratio) >= 4
    assert (np.abs(told.ratio - 1) < 3 * told.se).all()
    assert not told.refocused


def test_less_than_two_frames_are_not_compared() -> None:
    frames = np.arange(FRAMES)
    kept = (np.zeros((2, 2), np.complex64),) * FRAMES
    texture = Texture(Band.of((SIZE, SIZE)), kept, frames, frames, np.zeros((FRAMES, 2)))
    assert texture.compared(frames < 1, frames > 3) is None
