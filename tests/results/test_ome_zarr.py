"""Pictures as OME-Zarr: others read axes, units and places; nobody's folder is replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.ome_tiff import OmePicture
from napari_beamwatch.results.ome_zarr import read_zarr, write_zarr

DATA = np.random.default_rng(0).random((3, 5, 7), np.float32)
MAP = OmePicture(
    DATA, 0.8, "nm", (1.5, 2.0), ("onset (e/Å²)", "lost (e/Å²)", "place"),
    {"shows": "onset map"}, ((10.0, 20.0), (10.0, 30.0), (0.0, 5.0)),
)  # fmt: skip


def test_a_map_is_read_with_its_axes_units_and_place(tmp_path: Path) -> None:
    write_zarr(MAP, tmp_path / "map.ome.zarr")
    group = zarr.open_group(tmp_path / "map.ome.zarr", mode="r")
    (said,) = group.attrs["multiscales"]
    assert (np.asarray(group[said["datasets"][0]["path"]]) == DATA).all()
    assert said["version"] == "0.4"
    assert [axis["name"] for axis in said["axes"]] == ["c", "y", "x"]
    assert [axis.get("unit") for axis in said["axes"]] == [None, "nanometer", "nanometer"]
    scale, translation = said["datasets"][0]["coordinateTransformations"]
    assert scale == {"type": "scale", "scale": [1.0, 0.8, 0.8]}
    assert translation == {"type": "translation", "translation": [0.0, 1.5, 2.0]}
    channels = group.attrs["omero"]["channels"]
    assert [one["label"] for one in channels] == list(MAP.channels)
    assert [(one["window"]["start"], one["window"]["end"]) for one in channels] == list(MAP.limits)


def test_one_picture_without_a_pixel_size_has_two_axes_and_no_unit(tmp_path: Path) -> None:
    write_zarr(OmePicture(DATA[0], 1.0, "pixel"), tmp_path / "sum.ome.zarr")
    group = zarr.open_group(tmp_path / "sum.ome.zarr", mode="r")
    assert (np.asarray(group["0"]) == DATA[0]).all()
    assert group.attrs["multiscales"][0]["axes"] == [
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]


@pytest.mark.parametrize("made", [MAP, OmePicture(DATA[0], 1.0, "pixel", limits=((0.1, 0.9),))])
def test_what_was_written_comes_back(tmp_path: Path, made: OmePicture) -> None:
    write_zarr(made, tmp_path / "a.ome.zarr")
    found = read_zarr(tmp_path / "a.ome.zarr")
    assert found is not None
    np.testing.assert_array_equal(found.data, made.data)
    assert vars(found) | {"data": None} == vars(made) | {"data": None}


@pytest.mark.parametrize(
    ("file", "was", "now"),
    [
        (".zattrs", '"napari-beamwatch"', '"others"'),
        (".zattrs", '"multiscales"', '"scales"'),
        (".zattrs", "0.8", "NaN"),
        (".zattrs", "0.8", "-1"),
        ("0/.zarray", '"<f4"', '"<f8"'),
        ("0/.zarray", '"compressor": null', '"compressor": {"id": "blosc"}'),
        ("0/.zarray", " 5,", " 50000000,"),
        ("0/.zarray", "{", "["),
    ],
)
def test_what_was_edited_is_none_of_ours(tmp_path: Path, file: str, was: str, now: str) -> None:
    folder = tmp_path / "a.ome.zarr"
    write_zarr(MAP, folder)
    text = (folder / file).read_text("utf-8")
    assert was in text
    (folder / file).write_text(text.replace(was, now), "utf-8")
    assert read_zarr(folder) is None


def test_folders_of_others_and_cut_ones_are_none_of_ours(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "b.ome.zarr", shape=(4, 4), dtype="u1")
    assert read_zarr(tmp_path / "b.ome.zarr") is None
    assert read_zarr(tmp_path / "c.ome.zarr") is None
    folder = tmp_path / "a.ome.zarr"
    write_zarr(MAP, folder)
    plane = folder / "0" / "1" / "0" / "0"
    plane.write_bytes(plane.read_bytes()[:-1])
    assert read_zarr(folder) is None


def test_only_our_own_is_replaced(tmp_path: Path) -> None:
    ours, others = tmp_path / "a.ome.zarr", tmp_path / "b.ome.zarr"
    write_zarr(MAP, ours)
    write_zarr(OmePicture(DATA[0], 0.8, "nm"), ours)
    assert zarr.open_group(ours, mode="r")["0"].shape == (5, 7)
    zarr.create_array(others, shape=(4, 4), dtype="u1")
    before = sorted(others.rglob("*"))
    with pytest.raises(BeamwatchError, match="no picture that was written here"):
        write_zarr(MAP, others)
    assert sorted(others.rglob("*")) == before
    assert sorted(tmp_path.iterdir()) == [ours, others]
