"""The onset map as OME-TIFF is what the table of windows says, in nm, and comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_beamwatch as bw
from napari_beamwatch.results.map_file import onset_picture, write_map
from napari_beamwatch.results.ome_tiff import OmePicture, read_picture, write_picture
from napari_beamwatch.results.place_map import Squares


@pytest.fixture
def dated(result: bw.Result) -> bw.Result:
    """With an onset that differs from window to window."""
    doses = 10.0 * np.arange(1, len(result.windows) + 1)
    return replace(result, windows=result.windows.assign(onset_dose_e_per_A2=doses))


def test_a_pixel_is_a_window_with_its_size_in_nm(dated: bw.Result, tmp_path: Path) -> None:
    path = write_map(dated, tmp_path / "map.ome.tif")
    squares = Squares.of(dated)
    with tifffile.TiffFile(path) as tif:
        assert tif.is_ome
        assert tif.series[0].axes == "CYX"
        said = str(tif.ome_metadata)
        data = tif.asarray()
    nm = squares.side * dated.movie.pixel_size / 10
    assert f'PhysicalSizeX="{nm}" PhysicalSizeXUnit="nm"' in said
    assert 'Name="onset (e/Å²)"' in said
    onset = data[0][squares.row, squares.column]
    assert onset == pytest.approx(dated.windows.onset_dose_e_per_A2.to_numpy())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_is_written_comes_back(dated: bw.Result, tmp_path: Path) -> None:
    made = onset_picture(dated)
    found = read_picture(write_map(dated, tmp_path / "map.ome.tif"))
    assert found is not None
    np.testing.assert_array_equal(found.data, made.data)
    assert (found.pixel, found.unit, found.channels) == (made.pixel, made.unit, made.channels)
    assert found.limits == made.limits
    assert made.limits[0] == (10.0, 10.0 * len(dated.windows))
    assert found.corner == pytest.approx(made.corner)
    assert found.about == made.about


def test_without_a_pixel_size_lengths_are_pixels(dated: bw.Result) -> None:
    picture = onset_picture(replace(dated, movie=None))
    assert (picture.pixel, picture.unit) == (Squares.of(dated).side, "pixel")


def test_without_doses_the_map_shows_frames(result: bw.Result) -> None:
    bare = replace(result, field=result.field.assign(dose_e_per_A2=np.nan))
    assert onset_picture(bare).channels == ("onset (frame, from 0)", "place")


def test_files_of_others_are_no_map(tmp_path: Path) -> None:
    path = tmp_path / "other.ome.tif"
    tifffile.imwrite(path, np.zeros((3, 8, 8), np.float32), ome=True, metadata={"axes": "CYX"})
    assert read_picture(path) is None
    path.write_bytes(b"II*\0" + bytes(40))
    assert read_picture(path) is None
    assert read_picture(tmp_path / "missing.ome.tif") is None


@pytest.mark.parametrize(
    "change",
    [(b'PhysicalSizeXUnit="nm"', b'PhysicalSizeXUnit="km"'), (b"<Image", b"<!mage"),
     (b'PhysicalSizeX="2.0"', b'PhysicalSizeX="nan"'), (b"written_by", b"written_in")],
)  # fmt: skip
def test_a_picture_that_was_edited_is_none_of_ours(
    tmp_path: Path, change: tuple[bytes, bytes]
) -> None:
    path = tmp_path / "map.ome.tif"
    write_picture(OmePicture(np.ones((4, 4), np.float32), 2.0, "nm"), path)
    assert read_picture(path) is not None
    content = path.read_bytes()
    assert change[0] in content
    path.write_bytes(content.replace(*change))
    assert read_picture(path) is None


def test_another_ending_is_refused(dated: bw.Result, tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match=r"a map is written as \.ome\.tif"):
        write_map(dated, tmp_path / "map.tif")
    with pytest.raises(bw.BeamwatchError, match="cannot be written"):
        write_map(dated, tmp_path / "nowhere" / "map.ome.tif")
