"""Pictures as OME-Zarr: others read axes, units and places; nobody's folder is replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.ome_tiff import OmePicture
from napari_beamwatch.results.ome_zarr import write_zarr

DATA = np.random.default_rng(0).random((3, 5, 7), np.float32)
MAP = OmePicture(DATA, 0.8, "nm", (1.5, 2.0), ("onset (e/Å²)", "lost (e/Å²)", "place"))


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
    assert [one["label"] for one in group.attrs["omero"]["channels"]] == list(MAP.channels)


def test_one_picture_without_a_pixel_size_has_two_axes_and_no_unit(tmp_path: Path) -> None:
    write_zarr(OmePicture(DATA[0], 1.0, "pixel"), tmp_path / "sum.ome.zarr")
    group = zarr.open_group(tmp_path / "sum.ome.zarr", mode="r")
    assert (np.asarray(group["0"]) == DATA[0]).all()
    assert group.attrs["multiscales"][0]["axes"] == [
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]


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
