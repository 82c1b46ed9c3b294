"""The image of the specimen as it was, from frames that each place still stood in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_beamwatch as bw
from napari_beamwatch.results.ome_tiff import read_picture
from napari_beamwatch.results.ome_zarr import read_zarr
from napari_beamwatch.simulate.movie import SimulatedMovie
from napari_beamwatch.summing.adding import _add, _moved_back
from napari_beamwatch.summing.mrc import read_mrc
from napari_beamwatch.summing.weights import between, weights_alike
from napari_beamwatch.summing.writing import write_image
from tests.filming import filmed


@pytest.fixture(scope="module")
def movie() -> SimulatedMovie:
    return filmed("stretched", seed=3, size=320, frames=60, frame_dose=8.0)


@pytest.fixture(scope="module")
def result(movie: SimulatedMovie) -> bw.Result:
    return bw.analyze(movie, bw.Settings(phases=("LiF",), criteria=("fading",)))


@pytest.fixture(scope="module")
def best(movie: SimulatedMovie, result: bw.Result) -> bw.UndamagedImage:
    return bw.sum_undamaged(movie, result)


def spot_snr(image: np.ndarray, result: bw.Result) -> float:
    """Signal-to-noise ratio of the spots in windows of 128 px, all together."""
    taper = np.outer(*[np.hanning(129)[:-1]] * 2)
    g = np.fft.fftfreq(128)
    radius = np.hypot(*np.meshgrid(g, g, indexing="ij"))
    field = result.spots[result.spots.region == "field"]
    total = 0.0
    for y in range(0, image.shape[0] - 127, 64):
        for x in range(0, image.shape[1] - 127, 64):
            tile = image[y : y + 128, x : x + 128]
            power = np.abs(np.fft.fft2((tile - tile.mean()) * taper)) ** 2
            for gy, gx in field[["gy_per_px", "gx_per_px"]].to_numpy(float):
                ring = np.abs(radius - np.hypot(gy, gx)) < 0.02
                peak = power[round(gy * 128) % 128, round(gx * 128) % 128]
                total += peak / (np.median(power[ring]) / np.log(2)) - 1
    return total


def test_no_plain_sum_shows_the_lattice_better(
    movie: SimulatedMovie, result: bw.Result, best: bw.UndamagedImage
) -> None:
    ours, plain = spot_snr(best.image, result), 0.0
    total = np.zeros(movie.shape[1:])
    for t in range(len(movie)):
        total += movie.frame(t)
        if t % 6 == 5:
            plain = max(plain, spot_snr(total, result))
    assert ours > plain


def test_frames_up_to_a_part_of_the_lattice_count_alike(
    movie: SimulatedMovie, result: bw.Result, best: bw.UndamagedImage
) -> None:
    image = bw.sum_undamaged(movie, result, survive=0.9)
    assert image.frames < best.frames
    assert image.dose is not None
    assert image.dose <= result.places.dose_10_e_per_A2.max()
    assert image.worth.max() == image.frames


def test_the_image_counts_as_a_frame_does(movie: SimulatedMovie, best: bw.UndamagedImage) -> None:
    assert best.image.mean() == pytest.approx(movie.frame(0).mean(), rel=0.05)
    assert best.pixel_size == movie.pixel_size


def test_spacings_are_those_of_the_movie(result: bw.Result, best: bw.UndamagedImage) -> None:
    still = bw.Movie.from_array(best.image[None], best.pixel_size)
    found = bw.find_spots(still, bw.Settings(window=256))
    field = result.spots[result.spots.region == "field"].sort_values("snr", ascending=False)
    for d in field.d_A[:3].astype(float):
        assert (np.abs(found.d_A.astype(float) / d - 1) < 0.01).any()


def test_each_place_counts_up_to_its_own_dose(result: bw.Result) -> None:
    first = result.places.iloc[[0]]
    held = first.assign(place=first.place + 100, status="survived")
    two = replace(
        result,
        places=pd.concat([first, held], ignore_index=True),
        windows=result.windows.assign(
            place=np.where(np.arange(len(result.windows)) % 2, first.place[0], held.place[0])
        ),
    )
    weights = weights_alike(two, np.ones(len(result.field), bool), 0.9)
    last = weights.windows[-1].ravel()
    assert (last[0::2] == 1).all()
    assert (last[1::2] == 0).all()


def test_of_a_change_of_unknown_cause_what_is_known_to_have_held_counts(result: bw.Result) -> None:
    lit = np.ones(len(result.field), bool)
    held = result.places.onset_low_e_per_A2.min()
    unsure = replace(
        result, places=result.places.assign(status="ambiguous", held_until_e_per_A2=held)
    )
    last = weights_alike(unsure, lit, 0.9).frames[-1]
    assert result.field.dose_e_per_A2[last] <= held < result.field.dose_e_per_A2[last + 1]


def test_where_no_lattice_was_frames_count_as_around_it(result: bw.Result) -> None:
    windows = result.windows.assign(place=result.windows.place.where(result.windows.index > 0))
    lit = np.ones(len(result.field), bool)
    weights = weights_alike(replace(result, windows=windows), lit, 0.9).windows
    assert weights == pytest.approx(weights_alike(result, lit, 0.9).windows)


def test_frames_without_beam_count_nothing(result: bw.Result) -> None:
    lit = np.ones(len(result.field), bool)
    lit[:4] = False
    assert min(weights_alike(result, lit, 0.9).frames) == 4


def test_without_a_lattice_all_frames_count_alike(movie: SimulatedMovie, result: bw.Result) -> None:
    bare = replace(result, spots=result.spots.iloc[:0])
    image = bw.sum_undamaged(movie, bare)
    assert image.frames == len(movie)
    assert np.percentile(image.worth, 5) == len(movie)


def test_frames_that_were_written_twice_count_once(
    movie: SimulatedMovie, result: bw.Result
) -> None:
    frames = np.array([movie.frame(t) for t in range(len(movie))])
    frames[7:10] = frames[6]
    copied = bw.Movie.from_array(frames, movie.pixel_size, 8.0)
    still = replace(result, drift=result.drift.assign(dy_px=0.0, dx_px=0.0))
    image = bw.sum_undamaged(copied, still, survive=0.9)
    plain = bw.sum_undamaged(movie, still, survive=0.9)
    assert image.frames == plain.frames - 3
    assert image.note.startswith("3 frames are exact copies of the one before")
    assert image.provenance["left_out"] == image.note
    assert not plain.note
    assert image.dose == plain.dose
    kept = [t for t in range(plain.frames) if not 7 <= t < 10]
    off = np.abs(image.image - frames[kept].mean(axis=0))
    assert np.percentile(off, 99.9) < 1e-6  # but for pixels that were capped


def test_weights_go_from_window_to_window_in_proportion() -> None:
    rng = np.random.default_rng(1)
    frame, grid = rng.random((30, 40)).astype(np.float32), rng.random((3, 2)).astype(np.float32)
    middles, shift = (np.array([5.0, 15.0, 25.0]), np.array([10.0, 30.0])), np.array([4, -7])
    sums = [np.zeros(frame.shape, np.float32) for _ in range(3)]
    ways = (*between(middles[0], np.arange(30)), *between(middles[1], np.arange(40)))
    _add(*sums, frame, grid, ways, shift)
    along = np.array([np.interp(np.arange(40), middles[1], row) for row in grid])
    weight = np.array([np.interp(np.arange(30), middles[0], column) for column in along.T]).T
    weight[26:] = weight[:, :7] = 0  # out of the frame
    moved = np.roll(frame, (-4, 7), axis=(0, 1))
    for found, expected in zip(sums, (weight * moved, weight, weight**2), strict=True):
        assert found == pytest.approx(expected, abs=1e-6)


def test_an_image_is_moved_back_by_parts_of_a_pixel() -> None:
    y, x = np.mgrid[:32, :32]

    def waves(dy: float, dx: float) -> np.ndarray:
        return np.cos(2 * np.pi * (3 * (y - dy) + 5 * (x - dx)) / 32).astype(np.float32)

    back = np.fft.irfft2(_moved_back(waves(0.25, -0.5), (2, -4)), s=(32, 32))
    assert back == pytest.approx(waves(0, 0), abs=1e-6)


def test_another_movie_is_refused(movie: SimulatedMovie, result: bw.Result) -> None:
    with pytest.raises(bw.BeamwatchError, match="60 frames and the movie 30"):
        bw.sum_undamaged(movie.sum(2), result)
    with pytest.raises(bw.BeamwatchError, match=r"0\.5 to 1"):
        bw.sum_undamaged(movie, result, survive=90)


@pytest.mark.parametrize("suffix", [".mrc", ".tif", ".ome.tif", ".ome.zarr"])
def test_files_know_pixel_size_and_where_they_come_from(
    best: bw.UndamagedImage, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"best{suffix}"
    write_image(best, path)
    if suffix == ".mrc":
        with mrcfile.open(path) as mrc:
            assert (mrc.data == best.image).all()
            assert float(mrc.voxel_size.x) == pytest.approx(best.pixel_size)
            assert any("stretched" in str(label) for label in mrc.header.label)
        picture = read_mrc(path)
        assert picture is not None
        assert (picture.data == best.image).all()
        assert (picture.pixel, picture.unit) == (pytest.approx(best.pixel_size / 10), "nm")
        assert picture.about["movie"] == "stretched"
        assert picture.limits == (pytest.approx(best.shown),)
    elif ".ome" in suffix:
        picture = (read_zarr if suffix == ".ome.zarr" else read_picture)(path)
        assert picture is not None
        assert (picture.data == best.image).all()
        assert (picture.pixel, picture.unit) == (pytest.approx(best.pixel_size / 10), "nm")
        assert picture.about["movie"] == "stretched"
        assert picture.limits == (best.shown,)
    else:
        with tifffile.TiffFile(path) as tif:
            assert (tif.asarray() == best.image).all()
            told = tif.imagej_metadata
            assert told is not None
            assert json.loads(told["Info"])["movie"] == "stretched"
            per_nm, one = tif.pages[0].tags["XResolution"].value  # type: ignore[union-attr]
            assert per_nm / one == pytest.approx(10 / best.pixel_size)
    with pytest.raises(bw.BeamwatchError, match="there already"):
        write_image(best, path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_sum_without_a_pixel_size_or_of_one_ångström_says_so(
    best: bw.UndamagedImage, tmp_path: Path
) -> None:
    for size, known in ((None, (1.0, "pixel")), (1.0, (0.1, "nm"))):
        provenance = {**best.provenance, "pixel_size_A": size, "movie": "a\nb"}
        write_image(
            replace(best, pixel_size=size, provenance=provenance), tmp_path / "a.mrc", force=True
        )
        picture = read_mrc(tmp_path / "a.mrc")
        assert picture is not None
        assert (picture.pixel, picture.unit) == known


def test_images_of_others_are_no_sums(best: bw.UndamagedImage, tmp_path: Path) -> None:
    path = tmp_path / "still.mrc"
    with mrcfile.new(path, data=best.image) as mrc:
        mrc.add_label("made_by: somebody")
    assert read_mrc(path) is None
    write_image(best, tmp_path / "cut.mrc")
    (tmp_path / "cut.mrc").write_bytes((tmp_path / "cut.mrc").read_bytes()[:1500])
    path.write_text("no header")
    assert not any(read_mrc(tmp_path / name) for name in ("still.mrc", "cut.mrc", "absent.mrc"))


def test_what_is_no_image_is_refused_before_the_work(best: bw.UndamagedImage) -> None:
    with pytest.raises(bw.BeamwatchError, match=r"as \.mrc, \.tif, \.ome\.tif or \.ome\.zarr"):
        write_image(best, Path("best.png"))
