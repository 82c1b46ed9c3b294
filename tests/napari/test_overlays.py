"""Overlays: layers of a result lie on the movie, with its scale and units, and say what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_beamwatch import Settings, analyze
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._napari.map_scale import map_scale, window_colours
from napari_beamwatch._napari.overlays import (
    DRIFT,
    LATTICE,
    ONSET_MAP,
    PHASES,
    lattice_over_dose,
    onset_map,
    overlays,
    particle_outlines,
    phase_over_dose,
)
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch.columns import WINDOWS
from napari_beamwatch.particles.bins import Bin
from napari_beamwatch.particles.result import Particles, table_of
from napari_beamwatch.simulate.cases import simulate


@pytest.fixture(scope="module")
def result() -> Any:
    movie = simulate("lif-room-temperature", frames=60, frame_dose=10.0, size=512, seed=0)
    found = analyze(movie, Settings(window=256, step=128, drift="off", criteria=("fading",)))
    way = np.linspace(0, 20, 60)
    return replace(found, drift=found.drift.assign(dy_px=way, dx_px=-way))


@pytest.fixture
def placement(result: Any) -> Placement:
    return Placement.of_movie(result.movie, (0.0, 3.0, -2.0))


def test_every_overlay_has_the_units_and_the_place_of_the_movie(
    result: Any, placement: Placement
) -> None:
    viewer = ViewerModel()
    frames, known, _ = movie_layer(result.movie)
    viewer.add_image(frames, **known, translate=placement.translate)
    names = []
    for made in overlays(result, placement):
        layer = Layer.create(*made)
        viewer.add_layer(layer)
        names.append(layer.name)
        low, high = np.asarray(layer.extent.world)[:, -2:]
        assert (low >= np.array([3.0, -2.0]) - 0.01).all()
        assert (high <= np.array([3.0, -2.0]) + 512 * 0.0125 + 0.01).all()
    assert names == [DRIFT, LATTICE, PHASES, ONSET_MAP]
    units = [str(unit) for unit in viewer.layers.extent.units]
    assert units == ["second", "nanometer", "nanometer"]
    assert viewer.dims.nsteps[0] == len(result.movie)


def test_the_map_has_a_cell_for_each_window_around_its_middle(
    result: Any, placement: Placement
) -> None:
    made = onset_map(result, placement)
    assert made is not None
    shapes, known, _ = made
    cells = [s for s, k in zip(shapes, known["shape_type"], strict=True) if k == "rectangle"]
    assert len(cells) == len(result.windows)
    row = result.windows.iloc[4]
    middle = cells[4].mean(axis=0) + 0.5
    assert middle == pytest.approx([(row["y0"] + row["y1"]) / 2, (row["x0"] + row["x1"]) / 2])
    side = np.ptp(cells[4], axis=0)
    assert (side < result.settings.step).all()


def test_colours_follow_the_dose_and_other_statuses_look_different(result: Any) -> None:
    statuses = ["onset", "onset", "survived", "no_lattice", "ambiguous", "damaged_at_start"]
    windows = result.windows.iloc[:6].assign(
        status=statuses, onset_dose_e_per_A2=[100.0, 300.0, *[np.nan] * 4]
    )
    colours = window_colours(windows)
    assert len({tuple(colour) for colour in colours}) == 6
    scale = map_scale(windows)
    assert (scale.low, scale.high, scale.unit) == (100.0, 300.0, "e/Å²")
    assert set(scale.statuses) == set(statuses) - {"onset"}


def test_what_is_ambiguous_is_hatched(result: Any, placement: Placement) -> None:
    def lines(status: str) -> int:
        windows = result.windows.assign(status=status, onset_dose_e_per_A2=np.nan)
        made = onset_map(replace(result, windows=windows), placement)
        assert made is not None
        return sum(kind == "line" for kind in made[1]["shape_type"])

    assert lines("survived") == lines("no_lattice") == 0
    assert lines("ambiguous") == 3 * len(result.windows)
    assert lines("damaged_at_start") == 2 * len(result.windows)


def test_without_doses_the_map_shows_frames(result: Any) -> None:
    windows = result.windows.assign(onset_dose_e_per_A2=np.nan)
    scale = map_scale(windows)
    assert scale.unit == "frame"
    assert scale.low == windows["onset_frame"].min() + 1


def test_a_map_too_fine_for_outlines_is_a_picture(
    result: Any, placement: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_beamwatch._napari.overlays.MOST_OUTLINES", 4)
    made = onset_map(result, placement)
    assert made is not None
    layer = Layer.create(*made)
    assert layer.rgb
    outline = np.asarray(layer.extent.world)
    assert outline.shape == (2, 2)
    assert layer.data.shape[:2] == (3, 3)
    first = np.array([127.5, 127.5]) * 0.0125 + [3.0, -2.0]
    assert layer.translate == pytest.approx(first)


def test_the_lattice_starts_at_1_and_ends_low_where_it_is_lost(
    result: Any, placement: Placement
) -> None:
    made = lattice_over_dose(result, placement)
    assert made is not None
    frames = made[0]
    assert frames.shape == (60, 3, 3)
    lost = result.windows["status"].to_numpy().reshape(3, 3) == "onset"
    assert lost.any()
    assert np.nanmean(frames[:5, lost]) == pytest.approx(1.0, abs=0.15)
    assert np.nanmean(frames[-5:, lost]) < 0.4
    none = result.windows["n_spots"].to_numpy().reshape(3, 3) == 0
    assert np.isnan(frames[:, none]).all()


def test_the_lattice_of_a_window_is_the_mean_of_its_spots(result: Any) -> None:
    from napari_beamwatch._napari.window_maps import lattice_map

    found = lattice_map(result)
    assert found is not None
    spots = result.spots[result.spots["window"].notna()].reset_index(drop=True)
    window = int(spots["window"].mode()[0])
    column = np.flatnonzero(spots["window"] == window)
    values = result.window_traces.intensity[:, column].sum(axis=1)
    start = values[:6].mean()
    frame = 30
    assert found[frame].flat[window] == pytest.approx(
        values[frame - 2 : frame + 3].mean() / start, rel=1e-4
    )


def test_a_window_has_its_first_phase_up_to_its_onset_and_the_other_after_it(
    result: Any, placement: Placement
) -> None:
    windows = result.windows.copy()
    windows["status"], windows["onset_frame"] = "survived", pd.NA
    windows["phase_before"], windows["phase_after"] = "LiF|LiH", pd.NA
    windows.loc[0, ["status", "onset_frame", "phase_after"]] = ["onset", 20, "Li2O"]
    windows.loc[1, ["status", "onset_frame", "phase_after"]] = ["onset", 30, "none"]
    windows.loc[2, "phase_before"] = pd.NA
    made = phase_over_dose(replace(result, windows=windows), placement)
    assert made is not None
    numbers, known, kind = made
    names = ("–", *known["metadata"]["phases"])
    assert kind == "labels"
    rows, columns = windows["y0"].rank(method="dense"), windows["x0"].rank(method="dense")

    def phase(window: int, frame: int) -> str:
        return names[numbers[frame, int(rows[window]) - 1, int(columns[window]) - 1]]

    assert [phase(0, frame) for frame in (0, 19, 20, 59)] == ["LiF", "LiF", "Li2O", "Li2O"]
    assert [phase(1, frame) for frame in (29, 30)] == ["LiF", "lattice lost"]
    assert (phase(2, 0), phase(3, 59)) == ("–", "LiF")
    assert list(known["features"]["phase"]) == list(names)


def test_an_empty_result_makes_no_layers(result: Any, placement: Placement) -> None:
    empty = replace(
        result,
        windows=result.windows.iloc[:0][list(WINDOWS)],
        spots=result.spots.iloc[:0],
        drift=result.drift.assign(dy_px=np.nan, dx_px=np.nan),
        particles=None,
    )
    assert overlays(empty, placement) == []


def test_particles_show_with_the_frames_of_their_bin(result: Any, placement: Placement) -> None:
    square = np.array([[10.0, 10.0], [10.0, 50.0], [50.0, 50.0], [50.0, 10.0]])
    bins = tuple(Bin(k, min(k + 8, 60), np.nan, np.nan) for k in range(0, 60, 8))
    outlines = {(1, number): square + number for number in range(len(bins))}
    particles = Particles(table_of([]), bins, outlines)
    made = particle_outlines(replace(result, particles=particles), placement)
    assert made is not None
    layer = Layer.create(*made)
    for number, one in enumerate(bins):
        for frame in (one.first, one.last - 1):
            plane = layer.world_to_data((placement.world_of(frame), 0, 0))[0]
            assert round(float(plane)) == number
    corner = layer.data_to_world(made[0][0][0])[1:]
    assert corner == pytest.approx([3.0 + 9.5 * 0.0125, -2.0 + 9.5 * 0.0125])
