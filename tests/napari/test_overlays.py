"""Overlays: layers of a result lie on the movie, with its scale and units, and say what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.ndimage as ndi
from napari.components import ViewerModel
from napari.layers import Layer

from napari_beamwatch import Settings, analyze
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._napari.map_scale import map_scale, onset_colours
from napari_beamwatch._napari.onset_map import PLACES, SHOWN, cell, onset_map
from napari_beamwatch._napari.onset_map import WINDOWS as WINDOWS_KEY
from napari_beamwatch._napari.ours import DRIFT, LATTICE, ONSET_MAP, PHASES, PLACE_DOSES
from napari_beamwatch._napari.overlays import (
    lattice_over_dose,
    overlays,
    particle_outlines,
    phase_over_dose,
)
from napari_beamwatch._napari.place_doses import place_doses
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch.columns import WINDOWS
from napari_beamwatch.particles.bins import Bin
from napari_beamwatch.particles.result import Particles, table_of
from tests.filming import filmed


@pytest.fixture(scope="module")
def result() -> Any:
    movie = filmed("lif-room-temperature", frames=60, frame_dose=10.0, size=512, seed=0)
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
    assert names == [DRIFT, LATTICE, PHASES, ONSET_MAP, PLACE_DOSES]
    units = [str(unit) for unit in viewer.layers.extent.units]
    assert units == ["second", "nanometer", "nanometer"]
    assert viewer.dims.nsteps[0] == len(result.movie)


def without_places(result: Any) -> Any:
    """As runs were when nobody knew of places."""
    unknown = pd.array([pd.NA] * len(result.windows), "Int64")
    return replace(
        result, places=result.places.iloc[:0], windows=result.windows.assign(place=unknown)
    )


def test_the_map_shows_each_place_as_one_area_that_its_windows_own(
    result: Any, placement: Placement
) -> None:
    made = onset_map(result, placement)
    assert made is not None
    layer = Layer.create(*made)
    side = len(layer.data) // 3
    middles = layer.data[side // 2 :: side, side // 2 :: side].ravel()
    places = result.windows["place"].fillna(-1).to_numpy()
    said = dict(zip(layer.features["index"], layer.features["place"], strict=True))
    assert [said.get(label, -1) for label in middles] == list(places)
    edge = np.concatenate([layer.data[[0, -1]].ravel(), layer.data[:, [0, -1]].ravel()])
    assert not edge.any()  # so that the outline is closed there, too


def test_windows_are_the_second_picture_of_the_map(result: Any, placement: Placement) -> None:
    made = onset_map(result, placement)
    assert made is not None
    known = made[1]["metadata"]
    assert known[SHOWN] == PLACES
    old = onset_map(without_places(result), placement)
    assert old is not None
    assert (known[WINDOWS_KEY].labels == old[0]).all()
    assert known[WINDOWS_KEY].labels.shape == known[PLACES].labels.shape
    assert old[1]["metadata"][SHOWN] == WINDOWS_KEY


def test_without_places_nothing_is_written(result: Any, placement: Placement) -> None:
    assert place_doses(result, placement) is not None
    assert place_doses(without_places(result), placement) is None


def test_the_map_has_a_cell_for_each_window_around_its_middle(
    result: Any, placement: Placement
) -> None:
    made = onset_map(without_places(result), placement)
    assert made is not None
    layer = Layer.create(*made)
    assert len(np.unique(layer.data)) == len(result.windows) + 1
    row, step = result.windows.iloc[4], result.settings.step
    cells = np.argwhere(layer.data == 5)
    corners = [layer.data_to_world(at) for at in (cells.min(axis=0), cells.max(axis=0))]
    low, high = ((np.array(at) - [3.0, -2.0]) / 0.0125 + 0.5 for at in corners)
    middle = [(row["y0"] + row["y1"]) / 2, (row["x0"] + row["x1"]) / 2]
    assert (low + high) / 2 == pytest.approx(middle)
    assert (high - low > 0.8 * step).all()
    assert (high - low < step).all()


def test_the_pointer_reads_the_onset_of_a_window(result: Any, placement: Placement) -> None:
    made = onset_map(without_places(result), placement)
    assert made is not None
    layer, windows = Layer.create(*made), result.windows
    row = windows[windows["status"] == "onset"].iloc[1]
    middle = (row[["y0", "x0"]].to_numpy(float) + row[["y1", "x1"]].to_numpy(float)) / 2 - 0.5
    said = layer.get_status(middle * 0.0125 + [3.0, -2.0], world=True)["coordinates"]
    assert f"window: {row['window']}" in said
    assert f"onset (e/Å²): {row['onset_dose_e_per_A2']:.3g}" in said


def test_colours_follow_the_dose_and_other_statuses_look_different(result: Any) -> None:
    statuses = ["onset", "onset", "survived", "no_lattice", "ambiguous", "damaged_at_start"]
    windows = result.windows.iloc[:6].assign(
        status=statuses, onset_dose_e_per_A2=[100.0, 300.0, *[np.nan] * 4]
    )
    colours = onset_colours(windows)
    assert len({tuple(colour) for colour in colours}) == 6
    scale = map_scale(windows)
    assert (scale.low, scale.high, scale.unit) == (100.0, 300.0, "e/Å²")
    assert set(scale.statuses) == set(statuses) - {"onset"}


def test_what_is_ambiguous_is_hatched_and_what_was_damaged_at_the_start_crossed_out() -> None:
    whole, hatched, crossed = (
        cell(status, 32) for status in ("onset", "ambiguous", "damaged_at_start")
    )
    assert ndi.label(whole)[1] == 1
    assert ndi.label(hatched)[1] >= 3
    assert ndi.label(crossed)[1] == 4
    assert (crossed == crossed.T).all()
    assert (cell("survived", 32) == whole).all()


def test_without_doses_the_map_shows_frames(result: Any) -> None:
    windows = result.windows.assign(onset_dose_e_per_A2=np.nan)
    scale = map_scale(windows)
    assert scale.unit == "frame"
    assert scale.low == windows["onset_frame"].min() + 1


def test_a_map_of_very_many_windows_stays_small(result: Any, placement: Placement) -> None:
    corner = np.arange(0, 80 * 128, 128)
    y0, x0 = (one.ravel() for one in np.meshgrid(corner, corner, indexing="ij"))
    windows = result.windows.iloc[np.zeros(len(y0), int)].assign(
        window=np.arange(len(y0)), y0=y0, y1=y0 + 256, x0=x0, x1=x0 + 256
    )
    made = onset_map(replace(result, windows=windows), placement)
    assert made is not None
    assert made[0].shape == (640, 640)
    assert len(np.unique(made[1]["metadata"][WINDOWS_KEY].labels)) == 6401


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
