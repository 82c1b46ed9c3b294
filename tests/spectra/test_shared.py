"""What windows share is found where none of them shows it, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_beamwatch.spectra.finding import Search, Segment, find_peaks, segment_peaks
from napari_beamwatch.spectra.floor import CUT, half_plane
from napari_beamwatch.spectra.shared import FAINT_LOBES, InCommon, least_cut, lobes_end
from napari_beamwatch.spectra.windows import Grid, Taper, taper_line

GRID = Grid(384, 384, 64, 32)
GY, GX = 9.3, -13.6
RATE = 2.0


def counted(snr: float, gy: float, gx: float, seed: int = 0, part: float = 1.0) -> np.ndarray:
    """Fringes of a power signal-to-noise ratio over part of the width; frequencies in bins."""
    contrast = 2 * np.sqrt(snr * GRID.weight_power / RATE) / GRID.weight_sum
    y, x = np.mgrid[: GRID.height, : GRID.width]
    wave = contrast * np.cos(2 * np.pi * (gy * y + gx * x) / GRID.window)
    wave[:, round(part * GRID.width) :] = 0
    return np.random.default_rng(seed).poisson(RATE * (1 + wave)).astype(np.float32)


def found(image: np.ndarray, alpha: float = 0.01) -> NDArray[np.float64]:
    """Rows of the peaks of an image."""
    return segment_peaks(Segment(0, 1, image, True), GRID, Search(alpha).limits(GRID, 1))


def test_a_fringe_that_no_window_shows_is_found_in_nearly_all() -> None:
    rows = found(counted(4.0, GY, GX))
    assert len(np.unique(rows[:, 0])) > 0.9 * len(GRID)
    assert len(np.unique(rows[:, 0])) == len(rows)
    hidden = rows[rows[:, 3] < np.log(1e4)]
    assert len(hidden) > 0.8 * len(GRID)
    assert hidden[:, 3] - 1 == pytest.approx(4.0, rel=0.25)
    at = np.sign(rows[:, 2:3]) * rows[:, 1:3] * GRID.window
    assert np.abs(at - [-GY, -GX]).max() < 1.0
    assert np.abs(np.median(at, axis=0) - [-GY, -GX]).max() < 0.1


def test_windows_that_show_it_keep_what_they_show() -> None:
    image = counted(10.0, GY, GX, seed=2)
    rows = found(image)
    shown = rows[rows[:, 3] > Search(0.01).limits(GRID, 1).max()]
    assert 3 < len(shown) < len(GRID) - 3
    assert len(rows) > 0.95 * len(GRID)
    assert len(np.unique(shown[:, 3])) == len(shown)


def test_what_a_third_of_the_field_has_is_not_given_to_the_rest() -> None:
    strong = found(counted(60.0, GY, GX, part=0.35))
    right = GRID.corners[strong[:, 0].astype(int), 1]
    assert (right < 0.35 * GRID.width).all()
    assert len(found(counted(3.0, GY, GX, part=0.35))) == 0


def test_what_two_thirds_have_ends_where_they_end() -> None:
    rows = found(counted(5.0, GY, GX, part=0.67, seed=4))
    middle = GRID.corners[rows[:, 0].astype(int), 1] + GRID.window / 2
    inside = GRID.corners[:, 1] + GRID.window < 0.67 * GRID.width
    assert (middle < 0.67 * GRID.width + GRID.step).all()
    assert len(rows) > 0.8 * inside.sum()


def test_two_grains_side_by_side_do_not_become_one() -> None:
    turned = 1.3  # bins
    left, right = counted(14.0, GY, GX, part=0.5), counted(14.0, GY + turned, GX, seed=1)
    left[:, 192:] = right[:, 192:]
    rows = found(left)
    assert 10 < len(rows) < len(GRID) - 10
    assert not rows[:, 7].any()


def test_nothing_is_shared_on_an_axis_or_beside_a_strong_spot() -> None:
    assert len(found(counted(4.0, 0.0, 12.0))) == 0
    assert len(found(counted(4.0, 12.0, 0.3))) == 0
    beside = found(counted(300.0, GY, GX) + counted(4.0, GY + 3.0, GX + 1.0, seed=5))
    assert len(np.unique(beside[:, 0])) == len(beside)


@pytest.mark.parametrize("taper", ["hann", "cosine"])
def test_lobes_are_as_far_as_is_said(taper: Taper) -> None:
    size = 64
    line = taper_line(taper, size)
    k = np.arange(0, 30, 0.125)
    waves = np.exp(-2j * np.pi * k[:, None] * np.arange(size) / size)
    power = np.abs(waves @ line) ** 2 / line.sum() ** 2
    for strength in (1e3, 1e5):
        far = k > max(4.0, float(lobes_end(taper, np.array([strength]))[0]))
        assert strength * power[far].max() < 1.1 * FAINT_LOBES


def test_lobes_under_a_cosine_are_not_shared() -> None:
    grid = Grid(384, 384, 64, 32, "cosine")
    image = counted(400.0, GY, GX, seed=3)
    rows = segment_peaks(Segment(0, 1, image, True), grid, Search(0.01).limits(grid, 1))
    assert not rows[:, 7].any()


def test_noise_has_nothing_in_common() -> None:
    rng = np.random.default_rng(11)
    for _ in range(40):
        film = 1 + 0.3 * rng.normal(size=(GRID.height, GRID.width)).clip(-3, 3)
        assert len(found(rng.poisson(RATE * film).astype(np.float32), alpha=1e-3)) == 0


def test_noise_that_repeats_itself_over_the_field_is_not_shared() -> None:
    tile = np.random.default_rng(5).poisson(RATE, (128, 128)).astype(np.float32)
    assert len(found(np.tile(tile, (3, 3)))) == 0


def test_the_bound_of_a_cut_mean_is_passed_no_more_often_than_is_said() -> None:
    rng = np.random.default_rng(3)
    for count in (8, 30):
        means = np.minimum(rng.exponential(size=(200_000, count)), CUT).mean(axis=1)
        passed = (means > least_cut(count, np.log(1e3))).mean()
        assert 1e-5 < passed < 1e-3
    assert least_cut(4, 18.0) == np.inf


def test_the_mean_is_that_of_each_window_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[InCommon] = []
    monkeypatch.setattr(InCommon, "peaks", lambda self, _, own: seen.append(self) or own[:0])
    image = counted(300.0, GY, GX)
    found(image)
    line = GRID.line
    total = np.zeros_like(seen[0].mean)
    for y, x in GRID.corners:
        tile = image[y : y + 64, x : x + 64].astype(float)
        taper = np.outer(line, line)
        mean = (tile * taper).sum() / GRID.weight_sum
        power = np.abs(np.fft.rfft2((tile - mean) * taper)) ** 2 / mean / GRID.weight_power
        total += np.minimum(power, CUT)
    used = half_plane(64).used
    assert seen[0].mean[used] == pytest.approx(total[used] / len(GRID), rel=0.01)


def test_a_segment_of_two_in_which_it_comes_tells_when() -> None:
    rng = np.random.default_rng(6)
    before = Segment(0, 1, rng.poisson(RATE, (384, 384)).astype(np.float32), True)
    after = Segment(1, 2, counted(5.0, GY, GX, seed=7), True)
    peaks = find_peaks([before, after], GRID, Search(0.01))
    assert len(peaks) > 0.8 * len(GRID)
    assert not peaks.seen[:, 0].any()
    assert peaks.seen[:, 1].all()
