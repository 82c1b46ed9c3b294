"""A strip: movies below each other at chosen doses, each picture with its transform."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.image import imread

import napari_beamwatch as bw
from napari_beamwatch.cli import main
from napari_beamwatch.results.figure.strip import strip

DOSES = (90.0, 290.0, 590.0, 5000.0)


def titles(made) -> list[str]:
    return [axes.get_title() for axes in made.axes if axes.get_title()]


def test_each_movie_has_a_row_and_each_dose_a_picture_with_its_transform(
    result: bw.Result,
) -> None:
    made = strip([result, result], DOSES)
    assert [words.partition("–")[0] for words in titles(made)] == ["0", "199.4", "499.8"] * 2
    assert len(made.axes) == 2 * (3 * 2 + 1)
    ended = [text for axes in made.axes for text in axes.texts if "not rec" in text.get_text()]
    assert len(ended) == 2
    assert plt.get_fignums() == []


def test_what_was_taken_after_the_change_is_bold(result: bw.Result) -> None:
    onsets = result.onsets.copy()
    onsets.loc[0, ["status", "onset_frame"]] = "onset", 2
    onsets.loc[0, ["onset_dose_e_per_A2", "onset_high_e_per_A2"]] = 250.0, 310.0
    made = strip([replace(result, onsets=onsets)], DOSES[:3])
    weights = [axes.title.get_fontweight() for axes in made.axes if axes.get_title()]
    assert weights == ["normal", "normal", "bold"]
    assert "first lasting change at 250 e/Å²" in " ".join(text.get_text() for text in made.texts)


def test_nobody_need_name_doses(result: bw.Result) -> None:
    assert [words.partition("–")[0] for words in titles(strip([result]))[::4]] == ["0", "499.8"]


@pytest.mark.long
def test_the_command_line_draws_runs_at_doses_as_people_write_them(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "strip.png"
    assert main(["strip", str(saved), "--doses", "90,300", "--out", str(out)]) == 0
    assert imread(out).shape[1] > 2000


@pytest.mark.parametrize(
    ("doses", "name", "said"),
    [
        ((5000.0,), "a.png", "none of the doses lies in lif"),
        ((1.0,) * 11, "a.png", "1 to 10 doses, not 11"),
        ((90.0,), "a.jpg", r"\.png, \.svg or \.pdf, not a\.jpg"),
        ((90.0,), "absent/a.png", "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    result: bw.Result, tmp_path: Path, doses: tuple[float, ...], name: str, said: str
) -> None:
    with pytest.raises(bw.BeamwatchError, match=said):
        bw.write_strip([result], tmp_path / name, doses)
    assert list(tmp_path.iterdir()) == []


def test_a_movie_that_is_gone_is_said(result: bw.Result, tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match="was not found"):
        bw.write_strip([replace(result, movie=None)], tmp_path / "a.png")
