"""Particles of known shape under electrons counted one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch import BeamwatchError, Movie
from napari_beamwatch.particles import COLUMNS, Particles, find_particles

Place = Callable[[np.ndarray, np.ndarray], np.ndarray]


def disc(cy: float, cx: float, radius: float) -> Place:
    return lambda y, x: np.hypot(y - cy, x - cx) < radius


def square(cy: float, cx: float, half: float) -> Place:
    return lambda y, x: np.maximum(np.abs(y - cy), np.abs(x - cx)) < half


def picture(*places: Place, side: int = 192, contrast: float = 0.15) -> np.ndarray:
    y, x = np.mgrid[:side, :side].astype(float)
    image = np.ones((side, side))
    for place in places:
        image = np.where(place(y, x), 1 - contrast, image)
    return image


def filmed(
    pictures: Sequence[np.ndarray], electrons: float | Sequence[float] = 6.0, seed: int = 0
) -> Movie:
    rng = np.random.default_rng(seed)
    rates = np.broadcast_to(electrons, len(pictures))
    counts = [rng.poisson(rate * p) for rate, p in zip(rates, pictures, strict=True)]
    return Movie.from_array(
        np.stack(counts).astype(np.uint8), pixel_size=0.25, frame_dose=rates / 0.0625
    )


def worst(error: pd.Series, se: pd.Series) -> float:
    return float((error.abs() / se).max())


@pytest.fixture(scope="module")
def still() -> Particles:
    """A disc and a square under a beam that ripples and loses a third."""
    shapes = picture(disc(75, 80, 45), square(170, 175, 45), side=256)
    beam = 6.0 * np.linspace(1, 0.66, 16) * (1 + 0.1 * np.sin(np.arange(16)))
    return find_particles(filmed([shapes] * 16, beam))


def test_every_particle_has_a_row_in_every_bin(still: Particles) -> None:
    assert still.reason == ""
    assert list(still.table.columns) == list(COLUMNS)
    assert len(still.table) == 2 * len(still.bins) == 32
    assert still.bins[0].first == 0
    assert still.bins[-1].last == 16


def test_area_and_roundness_are_those_drawn_whatever_the_beam(still: Particles) -> None:
    for _, rows in still.table.groupby("particle"):
        round_one = rows["y_px"].mean() < 120
        area = np.pi * 45**2 if round_one else 89**2
        assert rows["area_px"].mean() == pytest.approx(area, rel=0.03)
        assert rows["area_nm2"].to_numpy() == pytest.approx(rows["area_px"] * 0.025**2)
        assert worst(rows["area_px"] - area, rows["area_se_px"]) < 3.5
        roundness = rows["roundness"].mean()
        assert 0.98 < roundness <= 1 if round_one else 0.8 < roundness < 0.97
        assert worst(rows["inside_over_outside"] - 0.85, rows["inside_over_outside_se"]) < 3.5
        place = rows[["y_px", "x_px"]].mean().to_numpy()
        assert place == pytest.approx((75.5, 80.5) if round_one else (170.5, 175.5), abs=1)
        assert (rows["void_area_px"] == 0).all()


def test_outlines_lie_around_the_particles(still: Particles) -> None:
    row = still.table.iloc[5]
    y, x = still.outline(1, 5).T
    area = abs(np.dot(y, np.roll(x, -1)) - np.dot(x, np.roll(y, -1))) / 2
    assert area == pytest.approx(row["area_px"], rel=0.03)
    assert (y.mean(), x.mean()) == pytest.approx((row["y_px"], row["x_px"]))
    with pytest.raises(BeamwatchError, match="no outline"):
        still.outline(1, 16)


@pytest.mark.long
@pytest.mark.parametrize("shape", [disc(90, 100, 50), square(90, 100, 45)])
def test_standard_errors_are_the_scatter(shape: Place) -> None:
    shown = picture(shape)
    runs = [find_particles(filmed([shown] * 8, seed=seed)).table for seed in range(8)]
    table = pd.concat(runs)
    assert len(table) == 64
    for column in ("area_px", "inside_over_outside", "roundness"):
        error = column.replace("_px", "_se_px") if column == "area_px" else f"{column}_se"
        off = (table[column] - table[column].mean()) / table[error]
        # A disc cannot be rounder: its roundness scatters less than noise upon noise does.
        assert (0.2 if column == "roundness" else 0.7) < off.std() < 1.3, column
        assert (off.abs() < 1.96).mean() > 0.87, column


def test_electrons_drawn_as_blobs_have_the_same_errors() -> None:
    shown = picture(disc(90, 100, 50))
    counts = filmed([shown] * 8).frames.compute().astype(np.float32)
    blobs = sum(
        weight * np.roll(counts, step, axis=(1, 2))
        for weight, step in ((50, (0, 0)), (25, (0, 1)), (25, (1, 0)))
    )
    one = find_particles(Movie.from_array(counts)).table
    other = find_particles(Movie.from_array(blobs)).table
    for column in ("area_se_px", "inside_over_outside_se"):
        assert other[column].mean() == pytest.approx(one[column].mean(), rel=0.15)


def test_a_particle_that_shrinks_steadily_is_followed() -> None:
    radii = np.linspace(60, 40, 16)
    found = find_particles(filmed([picture(disc(95, 95, r)) for r in radii])).table
    assert worst(found["area_px"] - np.pi * radii**2, found["area_se_px"]) < 3.5


def test_a_hole_that_opens_is_seen_when_it_opens() -> None:
    y, x = np.mgrid[:192, :192].astype(float)
    whole = picture(disc(95, 95, 60))
    voided = np.where(disc(90, 105, 22)(y, x), 1.0, whole)
    table = find_particles(filmed([whole] * 8 + [voided] * 8)).table
    hole = np.repeat([0.0, np.pi * 22**2], 8)
    assert worst(table["void_area_px"] - hole, table["void_area_se_px"]) < 4
    assert table["void_area_px"][8:].mean() == pytest.approx(hole[-1], rel=0.15)
    # The outline does not know of it.
    assert table["area_px"].mean() == pytest.approx(np.pi * 60**2, rel=0.03)


def test_a_particle_that_vanishes_keeps_its_rows_without_an_outline() -> None:
    shown, film = picture(disc(95, 95, 60)), picture()
    table = find_particles(filmed([shown] * 8 + [film] * 8)).table
    assert table["area_px"][:8].notna().all()
    assert table["area_px"][8:].isna().all()
    assert worst(table["inside_over_outside"][8:] - 1, table["inside_over_outside_se"][8:]) < 3.5


def test_a_particle_that_drifts_keeps_its_area_and_its_place_is_followed() -> None:
    path = np.stack([1.2 * np.arange(16), -0.8 * np.arange(16)], axis=1)
    pictures = [picture(disc(70 + dy, 120 + dx, 40)) for dy, dx in path]
    table = find_particles(filmed(pictures), drift=path).table
    assert worst(table["area_px"] - np.pi * 40**2, table["area_se_px"]) < 3.5
    place = table[["y_px", "x_px"]].to_numpy() - (70.5, 120.5)
    assert place == pytest.approx(path, abs=3)


def test_nothing_to_segment_says_why() -> None:
    y, x = np.mgrid[:128, :128] / 128 - 0.5
    for shown in (picture(side=128), np.exp(-2 * (y**2 + x**2)), 1 + 0.3 * y):
        found = find_particles(filmed([shown] * 8))
        assert "no particle" in found.reason
        assert list(found.table.columns) == list(COLUMNS)
        assert found.table.empty


@pytest.mark.filterwarnings("error")
def test_empty_and_even_frames_say_why() -> None:
    empty = find_particles(Movie.from_array(np.zeros((4, 64, 64), np.float32)))
    assert "no counts" in empty.reason
    even = find_particles(Movie.from_array(np.full((4, 64, 64), 3, np.uint8)))
    assert "no particle" in even.reason


def test_one_frame_or_a_specimen_that_left_says_why() -> None:
    shown = picture(disc(90, 95, 50))
    assert "two frames" in find_particles(filmed([shown])).reason
    drift = np.array([[0, 0], [0, 0], [180, 0]])
    assert "moved so far" in find_particles(filmed([shown] * 3), drift=drift).reason


def test_a_particle_cut_by_the_border_is_left_out() -> None:
    found = find_particles(filmed([picture(disc(90, 10, 50))] * 8))
    assert found.table.empty


def test_no_pixel_size_no_dose_bad_pixels() -> None:
    frames = filmed([picture(disc(90, 95, 50))] * 8).frames.compute().astype(np.float32)
    frames[3, 5:9, 5:90] = np.nan
    frames[:, 20, 150] = 5000
    frames[:, 95, 95] = 5000
    table = find_particles(Movie.from_array(frames)).table
    assert table["area_px"].to_numpy() == pytest.approx(np.pi * 50**2, rel=0.1)
    assert (table["void_area_px"] == 0).all()
    for column in ("area_nm2", "dose_end_e_per_A2"):
        assert table[column].isna().all()


def test_a_drift_of_another_length_is_refused() -> None:
    with pytest.raises(BeamwatchError, match="drift"):
        find_particles(filmed([picture()] * 3), drift=np.zeros((2, 2)))


def test_the_same_twice_and_it_can_be_stopped() -> None:
    movie = filmed([picture(disc(60, 64, 35), side=128)] * 4)
    seen: list[tuple[int, int]] = []
    first = find_particles(movie, progress=lambda done, total: seen.append((done, total)))
    pd.testing.assert_frame_equal(first.table, find_particles(movie).table)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_particles(movie, progress=stop)
