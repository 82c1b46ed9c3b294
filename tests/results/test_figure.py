"""The figure of a result: what it shows, for whom, and that it can always be drawn."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

import napari_beamwatch as bw
from napari_beamwatch.results.figure import figure, write_figure
from napari_beamwatch.results.figure_choices import around, curves, place, shots, subject
from napari_beamwatch.results.figure_panels import COLOURS, DASHES, MARKS
from napari_beamwatch.simulate.cases import simulate


@pytest.fixture(scope="module")
def movie() -> bw.Movie:
    return simulate("lif-to-li2o", frames=40, frame_dose=15.0, size=512, seed=0)


@pytest.fixture(scope="module")
def found(movie: bw.Movie) -> bw.Result:
    return bw.analyze(
        movie, bw.Settings(window=256, step=128, drift="off", criteria=("fading", "new_phase"))
    )


def words(made) -> str:
    return " ".join(
        text.get_text() for text in made.findobj(match=lambda a: hasattr(a, "get_text"))
    )


def test_pictures_are_of_frames_before_at_and_after_the_onset(movie, found) -> None:
    row = subject(found.onsets)
    before, at, after = shots(movie, row)
    onset = int(row.onset_frame)
    assert before.last == onset == at.first
    assert movie.dose[after.first] >= row.lost_dose_e_per_A2 or after.last == len(movie)


def test_a_record_without_an_onset_shows_its_start_middle_and_end(movie, found) -> None:
    row = subject(found.onsets).copy()
    row["onset_frame"] = pd.NA
    three = shots(movie, row)
    assert [shot.word for shot in three] == ["start", "middle", "end"]
    assert (three[0].first, three[-1].last) == (0, len(movie))


def test_every_panel_says_its_dose_or_its_unit(movie, found) -> None:
    said = words(figure(found, movie))
    row = subject(found.onsets)
    dose = movie.dose[int(row.onset_frame) - 1]
    for expected in (
        f"{dose:.4g} e/Å²", "1 nm", "1/nm", "accumulated dose (e/Å²)", "Δd (%)",
        "rel. intensity", "onset (e/Å²)", "Li2O", f"{row.onset_dose_e_per_A2:.0f} e/Å²",
    ):  # fmt: skip
        assert expected in said, expected


def test_the_transform_is_taken_where_it_tells_most(movie, found) -> None:
    row = subject(found.onsets)
    box = place(found, row, movie.shape[1:])
    windows = found.windows
    one = windows[(windows.y0 == box[0]) & (windows.x0 == box[1])].iloc[0]
    off = (windows.onset_dose_e_per_A2 - row.onset_dose_e_per_A2).abs()
    assert one.status == "onset"
    assert off[one.name] <= off.quantile(0.25)


def test_what_surrounds_a_box_stays_in_the_field() -> None:
    assert around((0, 300, 84, 384), (384, 384)) == (0, 216, 168, 384)
    assert around((100, 100, 200, 200), (150, 400)) == (0, 75, 150, 225)


def test_a_spot_that_appeared_is_told_by_its_end(found) -> None:
    appeared = [curve for curve in curves(found) if curve.label.startswith("Li2O")]
    assert appeared
    for curve in appeared:
        assert abs(curve.intensity[0]) < 0.5
        assert curve.intensity[-3:].mean() == pytest.approx(1, abs=0.4)


def test_without_the_movie_the_pictures_are_left_out(found) -> None:
    bare = figure(replace(found, movie=None), None)
    assert not [image for axes in bare.axes for image in axes.images]
    assert "accumulated dose (e/Å²)" in words(bare)


def test_curves_are_told_apart_without_colour() -> None:
    assert len(set(MARKS)) == len(set(DASHES)) == len(COLOURS)
    grey = [np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) for colour in COLOURS]
    assert max(grey) < 0.65  # dark enough on paper


def test_a_result_without_any_lattice_still_has_a_figure(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).poisson(1.0, (12, 192, 192)).astype(np.uint8)
    movie = bw.Movie.from_array(noise)
    result = bw.analyze(movie, bw.Settings(drift="off", criteria=("fading",)))
    write_figure(result, movie, tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").ndim == 3
    assert "no lattice" in words(figure(result, movie))


def test_the_same_result_makes_the_same_vector_file_with_words_in_it(
    movie, found, tmp_path: Path
) -> None:
    paths = [tmp_path / name for name in ("one.svg", "two.svg")]
    for path in paths:
        write_figure(found, movie, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    said = "".join(ElementTree.parse(paths[0]).getroot().itertext())
    assert "accumulated dose (e/Å²)" in said


def test_a_movie_that_can_no_longer_be_read_costs_the_pictures_alone(
    movie, found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(bw.Movie, "frame", gone)
    write_figure(found, movie, tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_other_endings_are_refused(found, tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match=r"\.png, \.svg or \.pdf"):
        write_figure(found, None, tmp_path / "figure.bmp")


def test_a_run_folder_holds_the_figure(found, tmp_path: Path) -> None:
    found.save(tmp_path / "run")
    assert imread(tmp_path / "run/figure.png").shape[1] > 1000
    assert (tmp_path / "run/figure.svg").stat().st_size > 10_000


def test_an_analysis_does_not_wait_for_matplotlib() -> None:
    code = "import sys, napari_beamwatch.cli.analyze; print('matplotlib' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
