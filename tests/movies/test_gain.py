from __future__ import annotations

import pickle

import mrcfile
import numpy as np
import pytest
import tifffile

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.frames import ArrayFrames
from napari_beamwatch.movies.gain import GainFrames, load_gain

SHAPE = (24, 36)


@pytest.fixture
def reference() -> np.ndarray:
    return np.random.default_rng(2).uniform(0.5, 2, SHAPE).astype(np.float32)


def test_a_reference_of_mean_one_is_multiplied_with(reference):
    gain = load_gain(reference, SHAPE, counting_events=False)
    np.testing.assert_allclose(gain.factor, reference / reference.mean(), rtol=1e-6)
    assert gain.factor.dtype == np.float32
    assert gain.dead == 0
    assert "multiplied with the gain array" in gain.note


@pytest.mark.parametrize(
    ("name", "counting_events", "divisive"),
    [
        ("a.gain", True, False),
        ("a.tif", True, True),
        ("a.mrc", True, True),
        ("a.tif", False, False),
        ("a.mrc", False, False),
        ("a.npy", True, False),
    ],
)
def test_the_convention_follows_the_camera_and_the_file(
    tmp_path, reference, name, counting_events, divisive
):
    path = tmp_path / name
    if path.suffix == ".mrc":
        mrcfile.new(path, reference).close()
    elif path.suffix == ".npy":
        np.save(path, reference)
    else:
        tifffile.imwrite(path, reference)
    gain = load_gain(path, SHAPE, counting_events=counting_events)
    wanted = 1 / reference if divisive else reference
    np.testing.assert_allclose(gain.factor, wanted / wanted.mean(), rtol=1e-5)
    assert ("divided by" in gain.note) is divisive


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("counting_events", [False, True])
def test_zero_and_broken_gains_are_defective_pixels(tmp_path, reference, bad, counting_events):
    reference[3, 5] = bad
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, reference)
    gain = load_gain(path, SHAPE, counting_events=counting_events)
    assert np.isnan(gain.factor[3, 5])
    assert gain.dead == 1
    assert np.nanmean(gain.factor) == pytest.approx(1, rel=1e-6)
    assert "1 defective" in gain.note


@pytest.mark.parametrize("n", [2, 4])
def test_references_of_other_samplings_are_made_to_fit(reference, n):
    fine = reference.repeat(n, 0).repeat(n, 1)
    whole = load_gain(reference, SHAPE, counting_events=False).factor
    binned = load_gain(fine, SHAPE, counting_events=False)
    np.testing.assert_allclose(binned.factor, whole, rtol=1e-6)
    assert "binned" in binned.note
    repeated = load_gain(reference, (SHAPE[0] * n, SHAPE[1] * n), counting_events=False)
    np.testing.assert_allclose(repeated.factor, whole.repeat(n, 0).repeat(n, 1), rtol=1e-6)


def test_one_defective_pixel_spoils_its_bin(reference):
    fine = reference.repeat(2, 0).repeat(2, 1)
    fine[7, 9] = 0
    gain = load_gain(fine, SHAPE, counting_events=False)
    assert np.isnan(gain.factor[3, 4])
    assert gain.dead == 1


def test_any_other_size_is_an_error_that_names_both(reference):
    with pytest.raises(BeamwatchError, match="24 by 36, the frames are 30 by 36"):
        load_gain(reference, (30, 36), counting_events=False)
    with pytest.raises(BeamwatchError, match="turned"):
        load_gain(reference, (36, 24), counting_events=False)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_reference_without_live_pixels_is_refused(value):
    with pytest.raises(BeamwatchError, match="defective"):
        load_gain(np.full(SHAPE, value), SHAPE, counting_events=True)


def test_what_is_no_reference_is_refused(tmp_path, reference):
    with pytest.raises(BeamwatchError, match="no file"):
        load_gain(tmp_path / "none.gain", SHAPE, counting_events=True)
    (tmp_path / "a.txt").write_text("1")
    with pytest.raises(BeamwatchError, match="cannot be"):
        load_gain(tmp_path / "a.txt", SHAPE, counting_events=True)
    np.save(tmp_path / "a.npy", np.stack([reference] * 2))
    with pytest.raises(BeamwatchError, match="2 images"):
        load_gain(tmp_path / "a.npy", SHAPE, counting_events=True)
    for array in (np.ones(4), np.ones(SHAPE, complex)):
        with pytest.raises(BeamwatchError, match="real numbers"):
            load_gain(array, SHAPE, counting_events=True)


def filled_slowly(frame: np.ndarray) -> np.ndarray:
    """Defective pixels as the mean of their good neighbours, again and again."""
    frame = frame.astype(np.float64)
    while np.isnan(frame).any():
        old = frame.copy()
        for y, x in np.argwhere(np.isnan(old)):
            near = old[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            if not np.isnan(near).all():
                frame[y, x] = np.nanmean(near)
    return frame


def test_defective_pixels_are_filled_from_their_border_inwards(reference):
    rng = np.random.default_rng(9)
    reference[rng.random(SHAPE) < 0.05] = 0
    reference[8:15, 20:27] = 0  # a patch of three rounds
    reference[:, 0] = 0  # a column on the edge
    reference[0, :] = 0
    gain = load_gain(reference, SHAPE, counting_events=False)
    raw = rng.poisson(3, (4, *SHAPE)).astype(np.uint16)
    raw[:, 10, 22] = 60000  # a hot pixel
    frames = GainFrames(ArrayFrames(raw), gain)
    assert frames.dtype == np.float32
    assert len(gain.repairs) >= 4
    for t in range(4):
        read = frames.read(t)
        assert read.dtype == np.float32
        np.testing.assert_allclose(read, filled_slowly(raw[t] * gain.factor), rtol=1e-5)


def test_rows_are_the_same_as_in_the_whole_frame(reference):
    reference[8:15, 20:27] = 0
    reference[0, :] = 0
    gain = load_gain(reference, SHAPE, counting_events=False)
    raw = np.random.default_rng(4).poisson(3, (2, *SHAPE)).astype(np.uint8)
    frames = pickle.loads(pickle.dumps(GainFrames(ArrayFrames(raw), gain)))
    whole = frames.read(1)
    for y0 in range(0, SHAPE[0], 3):
        for y1 in range(y0 + 1, SHAPE[0] + 1, 2):
            np.testing.assert_array_equal(frames.read_rows(1, y0, y1), whole[y0:y1])


def test_sums_are_corrected_sums(reference):
    reference[5, 5] = 0
    gain = load_gain(reference, SHAPE, counting_events=False)
    raw = np.random.default_rng(4).poisson(3, (6, *SHAPE)).astype(np.uint8)
    frames = GainFrames(ArrayFrames(raw), gain)
    summed = frames.summed(3)
    assert summed.shape == (2, *SHAPE)
    one_by_one = sum(frames.read(t).astype(float) for t in range(3))
    np.testing.assert_allclose(summed.read(0), one_by_one, rtol=1e-5)


def test_frames_of_another_size_are_refused(reference):
    gain = load_gain(reference, SHAPE, counting_events=False)
    with pytest.raises(BeamwatchError, match="24 by 36"):
        GainFrames(ArrayFrames(np.zeros((2, 8, 8))), gain)
