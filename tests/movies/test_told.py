"""What a movie can be told beside its numbers: a measured rate, and where the beam is bright."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile

from napari_beamwatch import BeamwatchError, Conditions, DoseCalibration, Movie, asked, open_movie
from napari_beamwatch.cli import parser
from napari_beamwatch.cli.analyze import TOLD
from napari_beamwatch.movies.beam_profile import BeamProfile
from napari_beamwatch.movies.given import Given
from napari_beamwatch.spelling import CURRENT, DOSE_RATE, read_measured

SHAPE = (30, 40)
FRAMES = np.random.default_rng(0).poisson(20, (8, *SHAPE)).astype(np.uint8)
EMPTY = np.linspace(1, 3, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)


@pytest.fixture
def movie() -> Movie:
    return Movie.from_array(FRAMES, pixel_size=2.0, frame_dose=5.0)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    np.save(tmp_path / "movie.npy", FRAMES)
    return tmp_path / "movie.npy"


def test_the_list_holds_every_condition_and_every_keyword_that_opens_a_movie() -> None:
    assert {one.name for one in asked.CONDITIONS} == {field.name for field in fields(Conditions)}
    keywords = set(inspect.signature(open_movie).parameters) - {"source", "conditions", "table"}
    assert set(TOLD) == keywords
    every = [one.option for one in asked.every()]
    assert len(every) == len(set(every))


def test_every_word_of_the_list_is_an_option_and_stands_in_the_docs() -> None:
    # Where each stands on the panel, tests/napari/test_told.py looks.
    commands = parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr,index]
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    words = [one.option for one in asked.every()] + ["--table"]
    assert [one for one in words if one not in page] == []
    assert [one for one in words if one not in commands["analyze"]._option_string_actions] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("12.5", (12.5, None)),
        ("12,5 e/Å²/s ± 5 %", (12.5, 0.05)),
        ("80 +- 4", (80.0, 0.05)),
        ("80 e/A2/s +/- 10%", (80.0, 0.1)),
        ("5000 e/nm²/s ± 500 e/nm²/s", (50.0, 0.1)),
    ],
)
def test_a_measured_rate_is_read_with_its_uncertainty(
    text: str, said: tuple[float, float | None]
) -> None:
    assert read_measured(text, DOSE_RATE) == pytest.approx(said)


def test_a_rate_in_words_is_a_calibration_and_needs_its_uncertainty(saved: Path) -> None:
    movie = open_movie(saved, frame_time=0.1, dose_calibration="12.5 ± 4 %")
    assert movie.dose_uncertainty == pytest.approx(0.04)
    assert movie.dose[-1] == pytest.approx(12.5 * 0.8)  # type: ignore[index]
    assert movie.dose_source.startswith("Faraday cup: 12.5 e/Å²/s ± 4.0%")
    with pytest.raises(BeamwatchError, match="says no uncertainty"):
        open_movie(saved, dose_calibration="12.5")


def test_current_over_area_is_a_dose_rate_and_the_diameter_counts_twice() -> None:
    beam = DoseCalibration.of_beam(1.0, 1.0, 0.03, 0.02)
    assert beam.dose_rate == pytest.approx(6.241509e9 / (np.pi * 5000**2))  # 79.5 e/Å²/s
    assert beam.uncertainty == pytest.approx(0.05)
    assert beam.method == "beam of 1 nA over 1 µm"
    assert DoseCalibration.of_beam(2.0, 2.0).dose_rate == pytest.approx(beam.dose_rate / 2)
    assert read_measured("500 pA", CURRENT)[0] == 0.5
    with pytest.raises(BeamwatchError, match="the beam current cannot be 0"):
        DoseCalibration.of_beam(0, 1)


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".mrc"])
def test_an_image_of_the_empty_field_is_the_beam(tmp_path: Path, suffix: str, movie: Movie) -> None:
    path = tmp_path / f"empty{suffix}"
    if suffix == ".npy":
        np.save(path, EMPTY)
    elif suffix == ".tif":
        tifffile.imwrite(path, EMPTY)
    else:
        mrcfile.write(path, EMPTY)
    lit = movie.with_(beam_profile=path)
    np.testing.assert_allclose(lit.given.beam_profile, EMPTY / EMPTY.mean(), rtol=1e-6)
    assert f"beam profile: empty{suffix}" in lit.notes
    assert lit.exposure((20, 0, 30, 40)) > 1.3


def test_a_movie_of_the_empty_field_counts_as_its_mean(tmp_path: Path) -> None:
    np.save(tmp_path / "empty.npy", np.stack([EMPTY, 3 * EMPTY]))
    image = BeamProfile.of(tmp_path / "empty.npy", SHAPE).image
    np.testing.assert_allclose(image, EMPTY / EMPTY.mean(), rtol=1e-6)


def test_a_gaussian_is_half_as_bright_half_its_width_away(movie: Movie) -> None:
    lit = movie.with_(beam_profile="gauss:fwhm=20px,y=10,x=15")
    image = lit.given.beam_profile
    assert image is not None
    assert image[20, 15] / image[10, 15] == pytest.approx(0.5)
    assert image[10, 25] / image[10, 15] == pytest.approx(0.5)
    assert image.mean() == pytest.approx(1)
    middle = BeamProfile.of("gauss:fwhm=20px", SHAPE).image
    np.testing.assert_allclose(middle, middle[::-1, ::-1], rtol=1e-5)


def test_a_gaussian_in_nm_follows_the_pixel_size(movie: Movie) -> None:
    lit = movie.with_(beam_profile="gauss:fwhm=4nm")  # 20 px of 2 Å
    np.testing.assert_array_equal(
        lit.given.beam_profile, BeamProfile.of("gauss:fwhm=20 px", SHAPE).image
    )
    finer = lit.with_(pixel_size=1.0)
    np.testing.assert_array_equal(
        finer.given.beam_profile, BeamProfile.of("gauss:fwhm=40px", SHAPE).image
    )
    part = lit.crop(0, 10, 0, 10)
    assert part.with_(pixel_size=1.0).given.beam_source == "part of gauss:fwhm=4nm"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (np.ones((3, 3)), "the beam profile is 3 by 3 px, the frames are 30 by 40"),
        (-EMPTY, "0 or more everywhere"),
        (np.zeros(SHAPE), "not all zero"),
        (np.full(SHAPE, np.nan), "0 or more everywhere"),
        ("gauss:", "is no beam profile: write it as gauss:fwhm=400nm"),
        ("gauss:fwhm=wide", "'wide' is not understood; type a number in px"),
        ("gauss:y=3", "says no fwhm"),
        ("gauss:fwhm=0px", "the fwhm of the beam cannot be 0"),
        ("gauss:fwhm=9px,fwhm=8px", "is no beam profile"),
        ("nowhere.npy", "nowhere.npy"),
        ("movie.txt", "movie.txt"),
    ],
)
def test_a_beam_that_cannot_be_is_refused_in_a_sentence(
    movie: Movie, said: object, why: str
) -> None:
    with pytest.raises(BeamwatchError, match=why):
        movie.with_(beam_profile=said)


def test_a_strangers_word_for_the_beam_is_words() -> None:
    with pytest.raises(BeamwatchError, match="beam_source"):
        Given(beam_source=5)  # type: ignore[arg-type]


def test_a_gaussian_in_nm_needs_the_pixel_size() -> None:
    bare = Movie.from_array(FRAMES)
    with pytest.raises(BeamwatchError, match="say it in px, or give the pixel size first"):
        bare.with_(beam_profile="gauss:fwhm=400nm")
    assert (
        bare.with_(beam_profile="gauss:fwhm=400nm", pixel_size=2.0).given.beam_profile is not None
    )


def test_a_condition_is_taken_back_by_none(movie: Movie) -> None:
    told = movie.with_(conditions={"compound": "LiF", "thickness_nm": 60})
    assert told.with_(conditions={"compound": None}).conditions.stated() == {"thickness_nm": 60.0}
