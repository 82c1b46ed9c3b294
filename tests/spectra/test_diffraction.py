"""Spots of diffraction patterns are where they are, no more than there are, and fade as they do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import binom

from napari_beamwatch import BeamwatchError
from napari_beamwatch.spectra.diffraction import (
    SpotTracker,
    find_centre,
    find_spots,
    measure_background,
    spacings,
)
from napari_beamwatch.spectra.diffraction.placing import settle
from napari_beamwatch.spectra.diffraction.reading import read_spots

CONSTANT = 75.0  # Å·px
SHAPE = (180, 192)


@dataclass(frozen=True)
class Pattern:
    """Kinematic pattern of a cubic crystal, [100], in counts a frame."""

    spot: float = 300.0  # counts of the strongest
    diffuse: float = 3.0  # a pixel, at the centre
    a: float = 4.03  # Å
    angle: float = 0.12
    cy: float = 88.3
    cx: float = 98.6
    width: float = 1.5
    stop: bool = False
    tilt: float = 0.0  # makes mates unequal
    direct: float = 2e4

    @property
    def spots(self) -> list[tuple[float, float, float]]:
        """(ry, rx, counts) of all reflections, both mates."""
        g = CONSTANT / self.a
        found = []
        for h in range(-4, 5):
            for k in range(-4, 5):
                if (h, k) == (0, 0) or h % 2 or k % 2:
                    continue
                ry = g * (h * np.cos(self.angle) + k * np.sin(self.angle))
                rx = g * (-h * np.sin(self.angle) + k * np.cos(self.angle))
                fall = np.exp(-((h * h + k * k) - 4) / 12)
                found.append((ry, rx, self.spot * fall * (1 + self.tilt * np.tanh(rx / 40))))
        return found

    @property
    def shadow(self) -> np.ndarray:
        y, x = np.indices(SHAPE)
        bar = (np.abs(y - self.cy - 2) < 6) & (x < self.cx)
        return bar | (np.hypot(y - self.cy, x - self.cx) < 11)

    def expected(self, scale: float = 1.0, stretch: float = 1.0) -> np.ndarray:
        y, x = np.indices(SHAPE).astype(float)
        r = np.hypot(y - self.cy, x - self.cx)
        image = self.diffuse * np.exp(-r / 45) + self.direct / (2 * np.pi * 4) * np.exp(-(r**2) / 8)
        for ry, rx, counts in self.spots:
            v, u = y - self.cy - ry * stretch, x - self.cx - rx * stretch
            peak = np.exp(-(v**2 + u**2) / (2 * self.width**2))
            image += scale * counts / (2 * np.pi * self.width**2) * peak
        if self.stop:
            image = np.where(self.shadow, 0.02 * image, image)
        return image

    @property
    def visible(self) -> list[tuple[float, float]]:
        """One of each pair that lies in the frame, in the half plane rx ≥ 0."""
        found = []
        for ry, rx, _ in self.spots:
            if rx < 0:
                continue
            for sign in (1, -1):
                y, x = self.cy + sign * ry, self.cx + sign * rx
                inside = 4 < y < SHAPE[0] - 5 and 4 < x < SHAPE[1] - 5
                if inside and not (self.stop and self.shadow[round(y), round(x)]):
                    found.append((ry, rx))
                    break
        return found


def counted(image: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(image)


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("direct", [2e4, 2e6])
def test_the_centre_is_found_whatever_hides_it(stop: bool, direct: float) -> None:
    pattern = Pattern(stop=stop, direct=direct)
    centre = find_centre(counted(20 * pattern.expected()))
    assert np.hypot(centre.y - pattern.cy, centre.x - pattern.cx) < 0.5


@pytest.mark.parametrize(("cy", "cx"), [(70.0, 112.0), (105.7, 82.2)])
def test_the_centre_need_not_lie_in_the_middle(cy: float, cx: float) -> None:
    pattern = Pattern(cy=cy, cx=cx, stop=True)
    centre = find_centre(counted(20 * pattern.expected()))
    assert np.hypot(centre.y - cy, centre.x - cx) < 0.5


def test_a_beam_stop_is_seen_and_nothing_else_is_taken_for_one() -> None:
    hidden = ~find_centre(counted(20 * Pattern(stop=True).expected())).seen
    shadow = Pattern(stop=True).shadow
    assert hidden[shadow].mean() > 0.95
    assert hidden[~shadow].mean() < 0.05
    assert find_centre(counted(20 * Pattern().expected())).seen.all()


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("tilt", [0.0, 0.6])
def test_every_pair_is_found_once_and_nothing_else(stop: bool, tilt: float) -> None:
    pattern = Pattern(stop=stop, tilt=tilt)
    spots = find_spots([counted(5 * pattern.expected(), 1)], CONSTANT)
    found = np.stack([spots.ry, spots.rx], axis=1)
    true = np.array(pattern.visible)
    away = np.hypot(*(found[:, None] - true).transpose(2, 0, 1))
    assert len(found) == len(true)
    assert away.min(axis=0).max() < 0.5
    assert (spots.rx >= 0).all()


@pytest.mark.long
@pytest.mark.parametrize("stop", [False, True])
def test_spacings_are_right_within_the_errors_they_state(stop: bool) -> None:
    pattern = Pattern(spot=60.0, stop=stop)
    image = pattern.expected()
    true = np.array(pattern.visible)
    errors = []
    for seed in range(20):
        spots = find_spots([counted(image, seed)], CONSTANT)
        found = np.stack([spots.ry, spots.rx], axis=1)
        away = np.hypot(*(found[:, None] - true).transpose(2, 0, 1))
        d = CONSTANT / np.hypot(*true[away.argmin(axis=1)].T)
        errors += list((spots.d - d) / spots.d_se)
    off = np.abs(errors)
    assert len(off) > 120
    assert abs(np.mean(errors)) < 0.35
    assert (off < 1).mean() == pytest.approx(0.68, abs=0.08)
    assert (off < 2).mean() == pytest.approx(0.95, abs=0.035)


@pytest.mark.long
@pytest.mark.parametrize("diffuse", [0.05, 3.0])
@pytest.mark.parametrize("grain", [0.0, 1.0])
def test_no_more_false_alarms_than_stated(diffuse: float, grain: float) -> None:
    alpha, trials = 0.3, 24
    image = Pattern(spot=0.0, diffuse=diffuse).expected()
    centre = find_centre(image)
    hits = 0
    for seed in range(trials):
        rng = np.random.default_rng([seed, 5])
        # Over-dispersed: each electron is a random number of grey levels, 1 + `grain` wide.
        light = image if grain == 0 else rng.gamma(image / grain, grain)
        hits += len(find_spots([rng.poisson(light)], CONSTANT, alpha, centre)) > 0
    assert hits <= binom.ppf(0.9995, trials, alpha)


@pytest.mark.long
@pytest.mark.parametrize("blur", [0.6, 0.9])
def test_nor_where_neighbours_share_electrons(blur: float) -> None:
    alpha, trials = 0.3, 15
    image = 20 * Pattern(spot=0.0).expected()
    centre = find_centre(image)
    hits = 0
    for seed in range(trials):
        drawn = 100 * ndimage.gaussian_filter(counted(image, seed).astype(float), blur)
        assert measure_background(drawn, centre).together > 1.5
        hits += len(find_spots([drawn], CONSTANT, alpha, centre)) > 0
    assert hits <= binom.ppf(0.9995, trials, alpha)
    assert measure_background(counted(image), centre).together == 1


def test_a_spot_that_comes_late_is_found_and_known_to_be_late() -> None:
    pattern = Pattern()
    images = [counted(pattern.expected(scale), i) for i, scale in enumerate((0.0, 1.0))]
    spots = find_spots(images, CONSTANT)
    assert len(spots) > 5
    assert (spots.seen == [False, True]).all()
    assert (spots.segment == 1).all()


def test_a_powder_ring_is_no_spot() -> None:
    pattern = Pattern(spot=0.0)
    y, x = np.indices(SHAPE)
    r = np.hypot(y - pattern.cy, x - pattern.cx)
    image = pattern.expected() + 4 * np.exp(-((r - 60) ** 2) / 8)
    assert len(find_spots([counted(image)], CONSTANT)) == 0


def fading(frames: int, scale: np.ndarray, flux: np.ndarray, pattern: Pattern) -> SpotTracker:
    spots = find_spots([counted(8 * pattern.expected(), 99)], CONSTANT)
    tracker = SpotTracker(spots, frames)
    with_spots, without = pattern.expected(), pattern.expected(0.0)
    for frame in range(frames):
        image = flux[frame] * (without + scale[frame] * (with_spots - without))
        tracker.add(frame, counted(image, frame))
    return tracker


def share(pattern: Pattern, tracker: SpotTracker) -> np.ndarray:
    """True counts of a mate over all that are seen, of each spot that was found."""
    seen = tracker.spots.centre.seen
    total = np.where(seen, pattern.expected(), 0.0).sum()
    vectors = np.array([(ry, rx) for ry, rx, _ in pattern.spots])
    counts = np.array([c for *_, c in pattern.spots])
    found = np.stack([tracker.spots.ry, tracker.spots.rx], axis=1)
    away = np.hypot(*(found[:, None] - vectors).transpose(2, 0, 1))
    return np.asarray(counts[away.argmin(axis=1)] / total)


@pytest.mark.long
def test_intensities_are_right_and_their_errors_cover() -> None:
    pattern = Pattern(spot=80.0, stop=True)
    tracker = fading(300, np.ones(300), np.ones(300), pattern)
    traces = tracker.traces()
    true = share(pattern, tracker)
    error = 4 * traces.intensity_se.mean(axis=0) / np.sqrt(300) + 0.03 * true
    assert (np.abs(traces.intensity.mean(axis=0) - true) < error).all()
    off = np.abs(traces.intensity - traces.intensity.mean(axis=0)) / traces.intensity_se
    assert (off < 1).mean() == pytest.approx(0.68, abs=0.03)
    assert (off < 2).mean() == pytest.approx(0.95, abs=0.02)


@pytest.mark.long
def test_spots_that_are_gone_are_nothing_on_average() -> None:
    scale = np.concatenate([np.ones(20), np.zeros(180)])
    tracker = fading(200, scale, np.ones(200), Pattern())
    gone = tracker.traces().intensity[25:] / tracker.traces().intensity_se[25:]
    assert np.abs(gone.mean(axis=0)).max() < 4 / np.sqrt(175)
    assert gone.std() == pytest.approx(0.95, abs=0.06)  # what might be signal adds to errors


def test_a_dimming_beam_changes_the_errors_only() -> None:
    flux = np.concatenate([np.ones(60), np.full(60, 0.25)])
    traces = fading(120, np.ones(120), flux, Pattern()).traces()
    bright, dim = traces.intensity[:60].mean(axis=0), traces.intensity[60:].mean(axis=0)
    error = np.sqrt(((traces.intensity_se / 60) ** 2).sum(axis=0))
    assert (np.abs(dim - bright) < 4 * error).all()
    assert traces.intensity_se[65:].mean() > 1.7 * traces.intensity_se[:55].mean()


@pytest.mark.long
def test_a_swelling_lattice_shows_in_its_spacings() -> None:
    pattern, frames = Pattern(), 60
    spots = find_spots([counted(8 * pattern.expected(), 99)], CONSTANT)
    tracker = SpotTracker(spots, frames)
    for frame in range(frames):
        stretch = 1.0 if frame < 30 else 0.99
        tracker.add(frame, counted(pattern.expected(stretch=stretch), frame))
    found = spacings(tracker.traces(), spots, CONSTANT)
    middle = (slice(8, 22), slice(38, 52))
    ratio = np.nanmean(found.d[middle[1]], axis=0) / np.nanmean(found.d[middle[0]], axis=0)
    assert np.nanmedian(ratio) == pytest.approx(1 / 0.99, abs=1e-3)
    true = CONSTANT / np.hypot(*np.array(pattern.visible).T)
    for part, stretch in zip(middle, (1.0, 0.99), strict=True):
        d = found.d[part]
        nearest = true[np.abs(np.nanmean(d, axis=0)[:, None] * stretch - true).argmin(axis=1)]
        off = np.abs(d - nearest / stretch) / np.hypot(found.d_se[part], spots.d_se)
        assert np.nanmean(off < 2) > 0.88


@pytest.mark.long
def test_a_pattern_that_moves_is_followed_where_told() -> None:
    pattern = Pattern()
    spots = find_spots([counted(8 * pattern.expected(), 99)], CONSTANT)
    still, moved = SpotTracker(spots, 20), SpotTracker(spots, 20)
    elsewhere = Pattern(cy=pattern.cy + 2.4, cx=pattern.cx - 1.7)
    for frame in range(20):
        still.add(frame, counted(pattern.expected(), frame))
        moved.add(frame, counted(elsewhere.expected(), frame + 50), (2.4, -1.7))
    a, b = still.traces().intensity.mean(axis=0), moved.traces().intensity.mean(axis=0)
    np.testing.assert_allclose(b, a, rtol=0.12)


def test_dead_frames_have_no_value() -> None:
    traces = fading(3, np.ones(3), np.array([1.0, 0.0, 1.0]), Pattern()).traces()
    assert np.isnan(traces.intensity[1]).all()
    assert np.isfinite(traces.intensity[[0, 2]]).all()


def test_the_background_is_what_lies_between_the_spots() -> None:
    pattern = Pattern(stop=True)
    image = counted(5 * pattern.expected(), 3)
    centre = find_centre(image)
    background = measure_background(image, centre)
    true = 5 * pattern.expected(0.0)
    y, x = np.indices(SHAPE)
    r = np.hypot(y - pattern.cy, x - pattern.cx)
    where = centre.seen & (r > 25) & (r < 80)
    assert np.median(background.level[where] / true[where]) == pytest.approx(1.0, abs=0.03)
    assert background.dispersion[30:80].mean() == pytest.approx(1.0, abs=0.1)


def test_the_kernels_are_their_definitions() -> None:
    rng = np.random.default_rng(8)
    image = rng.poisson(3.0, (40, 50)).astype(float)
    y, x = np.indices(image.shape)
    image += 40 * np.exp(-((y - 20.3) ** 2 + (x - 24.6) ** 2) / 4.5)
    read = np.full((1, 2, 9), np.nan)
    places = np.array([[[20.0, 25.0], [5.0, 5.0]]])
    near = np.hypot(y - 20, x - 25) <= 4
    read_spots(image, near, places, np.array([[True, False]]), 0.0, 0.0, read)
    v, u = y - 20.0, x - 25.0
    r = np.hypot(v, u)
    level = image[(r >= 5) & (r <= 9)].mean()
    weight = np.exp(-(r**2) / 4.5) * (r <= 4)
    norm = (weight**2).sum() / (2 * np.pi * 2.25)
    signal = image - level
    ring = ((r >= 5) & (r <= 9)).sum()
    expected = [
        (weight * signal).sum() / norm,
        level,
        ((weight**2).sum() + weight.sum() ** 2 / ring) / norm**2,
        (weight**2 * signal).sum() / norm**2,
        (weight * v * signal).sum(),
        (weight * u * signal).sum(),
        (weight * signal).sum(),
        (weight**2 * r**2 / 2).sum(),
        (weight**2 * r**2 / 2 * signal).sum(),
    ]
    np.testing.assert_allclose(read[0, 0], expected, rtol=1e-9)
    assert np.isnan(read[0, 1]).all()


def test_a_place_is_where_the_centre_of_gravity_stays() -> None:
    rng = np.random.default_rng(9)
    y, x = np.indices((60, 60)).astype(float)
    image = np.zeros((60, 60))
    for cy, cx in ((20.3, 24.6), (40.7, 36.4)):
        image += 40 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 4.5)
    image = rng.poisson(image + 3.0).astype(float)
    level, seen = np.full(image.shape, 3.0), np.ones(image.shape, bool)
    at = np.array([[20.0, 25.0], [41.0, 36.0]])
    both = np.array([True, True])
    dy, dx, vy, _, response, lean = settle(image, level, seen, at, both, 1.0)
    pull = total = noise = bend = bend_x = leaning = 0.0
    for (py, px), sign in zip(at, (1, -1), strict=True):
        v, u = sign * (y - py - sign * dy), sign * (x - px - sign * dx)
        weight = np.exp(-(v**2 + u**2) / 4.5) * (np.hypot(v, u) <= 4)
        pull += (weight * v * (image - 3)).sum()
        total += (weight * (image - 3)).sum()
        leaning += sign * (weight * (image - 3)).sum()
        noise += (weight**2 * v**2 * np.maximum(image, 3)).sum()
        bend += (weight * (1 - v**2 / 2.25) * (image - 3)).sum()
        bend_x += (weight * (1 - u**2 / 2.25) * (image - 3)).sum()
    assert abs(pull / total) < 2e-3
    assert vy == pytest.approx(noise / bend**2, rel=0.01)
    assert response == pytest.approx((bend + bend_x) / 2 / total, rel=0.01)
    assert lean == pytest.approx(leaning / total, abs=0.01)
    assert (dy, dx) == pytest.approx((0.3, -0.4), abs=0.1)


def test_without_a_camera_constant_there_are_no_angstroms() -> None:
    spots = find_spots([counted(5 * Pattern().expected())], None)
    assert len(spots)
    assert np.isnan(spots.d).all()
    assert np.isfinite(spots.r_se).all()


@pytest.mark.parametrize(
    ("patterns", "constant", "said"),
    [
        ([np.zeros((64, 64))], CONSTANT, "empty"),
        ([np.ones((64, 64))], -1.0, "camera constant"),
        ([np.ones((64, 64)), np.ones((64, 65))], CONSTANT, "one size"),
        ([np.ones((8, 64))], CONSTANT, "32 by 32"),
    ],
)
def test_what_cannot_be_asked_is_said(
    patterns: list[np.ndarray], constant: float, said: str
) -> None:
    with pytest.raises(BeamwatchError, match=said):
        find_spots(patterns, constant)
