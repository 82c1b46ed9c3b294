"""What the layers of a result show is saved by napari's own Save, and opens again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zarr
from napari.components import ViewerModel

from napari_beamwatch import Movie, load_result
from napari_beamwatch._napari.map_file import get_reader
from napari_beamwatch._napari.map_scale import onset_colours
from napari_beamwatch._napari.overlays import overlay_layers
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._qt.overlay_stack import blank
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.result import Result


@pytest.fixture
def viewer(plugins: Any, movie: Movie, result: Result) -> ViewerModel:
    """Of a movie with what was found on it."""
    shown = ViewerModel()
    shown.add_image(movie.frames)
    shown.layers.extend(overlay_layers(result, Placement.of_movie(movie)))
    shown.layers.selection = {shown.layers["Onset map"]}
    return shown


@pytest.mark.parametrize("name", ["lif/run.json", "lif.json"])
@pytest.mark.long
def test_all_layers_of_a_result_are_saved_as_its_run(
    viewer: ViewerModel, movie: Movie, result: Result, tmp_path: Path, name: str
) -> None:
    (tmp_path / "lif").mkdir()
    assert viewer.layers.save(str(tmp_path / name)) == [str(tmp_path / "lif" / "run.json")]
    again = load_result(tmp_path / "lif", movie=movie)
    read, made = (
        table.astype(object).where(table.notna(), None) for table in (again.onsets, result.onsets)
    )
    pd.testing.assert_frame_equal(read, made)
    with pytest.raises(BeamwatchError, match="holds a run already"):
        viewer.layers.save(str(tmp_path / "lif.json"))
    assert viewer.layers.save(str(tmp_path / "lif" / "run.json"))  # named by its own name


def test_the_onset_map_is_saved_as_the_table_of_its_windows(
    viewer: ViewerModel, result: Result, tmp_path: Path
) -> None:
    path = tmp_path / "map.csv"
    assert viewer.layers.save(str(path), selected=True) == [str(path)]
    table = pd.read_csv(path)
    assert list(table.columns) == list(result.windows.columns)
    assert table["window"].tolist() == result.windows["window"].tolist()


@pytest.mark.usefixtures("plugins")
def test_labels_that_show_no_result_are_no_run(tmp_path: Path) -> None:
    viewer = ViewerModel()
    viewer.add_labels(np.zeros((8, 8), int))
    with pytest.raises(BeamwatchError, match="select one Onset map"):
        viewer.layers.save(str(tmp_path / "cells.csv"))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["", ".tif"])
def test_labels_of_others_go_to_naparis_own_writer(plugins: Any, ending: str) -> None:
    writer, _ = plugins.get_writer(f"cells{ending}", ["labels"])
    assert writer is not None
    assert writer.plugin_name == "napari"


def test_nothing_but_labels_is_claimed(plugins: Any) -> None:
    for kinds in (["image"], ["shapes"], ["points"], ["image", "shapes"]):
        writers = plugins.iter_compatible_writers(kinds)
        assert "napari-beamwatch" not in {one.plugin_name for one in writers}


def test_a_blank_map_has_no_run_to_save(viewer: ViewerModel, movie: Movie) -> None:
    layer = viewer.layers["Onset map"]
    blank(layer, Placement.of_movie(movie))
    with pytest.raises(BeamwatchError, match="none of these layers"):
        viewer.layers.save("nowhere.csv", selected=True)


@pytest.mark.parametrize("name", ["places.csv", "lif_spots.csv", "phase_area.csv"])
def test_a_table_is_asked_for_by_its_name(
    viewer: ViewerModel, result: Result, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    assert viewer.layers.save(str(path), selected=True) == [str(path)]
    table = getattr(result, path.stem.removeprefix("lif_"))
    assert list(pd.read_csv(path).columns) == list(table.columns)


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
@pytest.mark.long
def test_the_map_is_written_in_nm_and_opens_where_it_lay(
    viewer: ViewerModel, result: Result, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"map{ending}"
    assert viewer.layers.save(str(path), selected=True) == [str(path)]
    shown = viewer.layers["Onset map"]
    again, *others = viewer.open(str(path), plugin="napari-beamwatch")
    assert again.name == "Onset map: onset (e/Å²)"
    assert others[-1].name == "Onset map: place"
    assert [str(unit) for unit in again.units] == [str(unit) for unit in shown.units]
    cells = shown.data.shape[0] / again.data.shape[0]  # a window has several pixels there
    assert again.scale[0] == pytest.approx(cells * shown.scale[0])
    for end, sign in ((0, -1), (1, 1)):
        edges = [one.extent.world[end] + sign * one.scale / 2 for one in (again, shown)]
        assert edges[0] == pytest.approx(edges[1])
    assert not others[0].visible
    onsets = result.windows["onset_dose_e_per_A2"]
    assert again.contrast_limits == pytest.approx([onsets.min(), onsets.max()])
    dated = onset_colours(result.windows)[onsets.idxmax()]
    assert again.colormap.map(np.ones(1))[0] == pytest.approx(dated, abs=1e-6)


@pytest.mark.usefixtures("plugins")
@pytest.mark.long
def test_zarr_of_others_is_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "cells.ome.zarr"
    zarr.create_group(path, zarr_format=2).create_array("0", shape=(3, 8, 8), dtype="f4")
    assert get_reader(str(path)) is None
