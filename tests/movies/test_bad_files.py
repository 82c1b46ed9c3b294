"""Files that were broken in one particular way once; `tests/test_fuzz.py` breaks them in all."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
import tifffile

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign import open_foreign
from napari_beamwatch.movies.formats.npy import open_npy
from napari_beamwatch.movies.formats.tiff import open_tiff
from napari_beamwatch.movies.formats.zarr_arrays import open_zarr

STACK = np.random.default_rng(11).poisson(5, (4, 16, 20)).astype(np.uint16)


def test_damaged_zarr_chunks_are_refused_in_words(tmp_path):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "a.zarr"
    made = zarr.create_array(str(path), shape=STACK.shape, dtype=STACK.dtype, chunks=(1, 16, 20))
    made[:] = STACK
    chunk = next(p for p in sorted(path.rglob("*")) if p.is_file() and p.name != "zarr.json")
    chunk.write_bytes(chunk.read_bytes()[:10])
    with pytest.raises(BeamwatchError):
        open_zarr(path).frames.read(0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite_are_handed_on(tmp_path, value):
    frames = STACK.astype(np.float32)
    frames[1, 2, 3] = value
    np.save(tmp_path / "a.npy", frames)
    np.testing.assert_array_equal(open_npy(tmp_path / "a.npy").frames.read(1), frames[1])


def test_a_chain_of_pages_that_bites_its_tail_ends(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        for frame in STACK:
            out.write(frame, contiguous=False, metadata=None, compression="lzw", rowsperstrip=4)
    with tifffile.TiffFile(path) as tif:
        last = tif.pages[-1]
        first, end = tif.pages[0].offset, last.offset + 2 + 12 * len(last.tags)
    data = bytearray(path.read_bytes())
    data[end : end + 4] = struct.pack("<I", first)
    path.write_bytes(data)
    assert open_tiff(path).frames.shape[0] == 4


def test_pixels_are_not_taken_for_tags_of_a_damaged_dm3(shared_data, tmp_path):
    data = bytearray(shared_data("dmTest_3D_int16_64,65,66.dm3").read_bytes())
    data[480] ^= 1 << 4  # rosettasciio would follow this for seconds, or for hours
    path = tmp_path / "a.dm3"
    path.write_bytes(data)
    begun = time.process_time()
    with pytest.raises(BeamwatchError, match="tags"):
        open_foreign(path)
    assert time.process_time() - begun < 2
