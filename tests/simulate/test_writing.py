"""Writing: what is read back is what was simulated."""

import json

import mrcfile
import numpy as np
import pytest
import tifffile

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.truth import Truth
from napari_beamwatch.simulate.writing import write_movie

FEW = {"pixel_size": 0.25, "size": (64, 96), "frames": 5}


@pytest.fixture
def movie():
    return simulate("lif-room-temperature", **FEW)


def frames_of(movie):
    return np.stack([movie.frame(t) for t in range(len(movie))])


@pytest.mark.parametrize("ending", ["mrc", "mrcs"])
def test_mrc_holds_the_frames_and_their_pixel_size(movie, tmp_path, ending):
    path = tmp_path / "made" / f"lif.{ending}"
    write_movie(movie, path)
    assert mrcfile.validate(path)
    with mrcfile.open(path) as mrc:
        np.testing.assert_array_equal(mrc.data, frames_of(movie))
        assert mrc.is_image_stack()
        assert mrc.voxel_size.x == pytest.approx(0.25)
        assert mrc.voxel_size.y == pytest.approx(0.25)


def test_tiff_holds_the_frames_and_their_scales(movie, tmp_path):
    path = tmp_path / "lif.tif"
    write_movie(movie, path)
    with tifffile.TiffFile(path) as tiff:
        np.testing.assert_array_equal(tiff.asarray(), frames_of(movie))
        assert tiff.is_imagej
        assert tiff.imagej_metadata["unit"] == "nm"
        assert tiff.imagej_metadata["finterval"] == pytest.approx(0.1)
        per_nm = tiff.pages[0].resolution[0]
        assert 1 / per_nm == pytest.approx(0.025)


def test_float_and_blob_frames_are_written_too(tmp_path):
    for detector in (Detector("blobs"), Detector(smoothing=0.7)):
        movie = simulate("survivor", **FEW, detector=detector)
        write_movie(movie, tmp_path / "a.mrc")
        write_movie(movie, tmp_path / "a.tif")
        np.testing.assert_array_equal(mrcfile.read(tmp_path / "a.mrc"), frames_of(movie))
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), frames_of(movie))


def test_eer_holds_the_electrons_but_those_that_meet_in_a_raw_frame(movie, tmp_path):
    write_movie(movie, tmp_path / "lif.eer", raw_per_frame=8)
    with tifffile.TiffFile(tmp_path / "lif.eer") as eer:
        raw = np.array([page.asarray() for page in eer.pages])
    frames, counts = raw.reshape(5, 8, 64, 96).sum(axis=1), frames_of(movie)
    assert (frames <= counts).all()
    mean = counts.mean() / 8
    assert frames.sum() / counts.sum() == pytest.approx((1 - np.exp(-mean)) / mean, abs=0.005)


def test_blobs_are_not_taken_for_electrons(tmp_path):
    movie = simulate("survivor", **FEW, detector=Detector("blobs"))
    with pytest.raises(BeamwatchError, match="single electrons"):
        write_movie(movie, tmp_path / "lif.eer")


def test_the_truth_lies_beside_the_movie(movie, tmp_path):
    seen = []
    beside = write_movie(
        movie, tmp_path / "lif.mrc", progress=lambda done, of: seen.append((done, of))
    )
    assert beside == tmp_path / "lif.truth.json"
    assert Truth.from_dict(json.loads(beside.read_text("utf-8"))).to_dict() == movie.truth.to_dict()
    assert seen[-1] == (5, 5)


def test_an_unknown_format_or_place_is_refused_in_a_sentence(movie, tmp_path):
    with pytest.raises(BeamwatchError, match=r"\.mrc, \.mrcs, \.tif"):
        write_movie(movie, tmp_path / "lif.jpg")
    (tmp_path / "file").write_text("")
    with pytest.raises(BeamwatchError, match="cannot write"):
        write_movie(movie, tmp_path / "file" / "lif.mrc")
