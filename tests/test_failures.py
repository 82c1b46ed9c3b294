"""What fails in judging or naming one thing does not lose the run; what is odd does not fail."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis import answers, passes, places, road
from napari_beamwatch.damage.failures import Failures
from napari_beamwatch.results import summary
from napari_beamwatch.simulate.cases.parts import AMORPHOUS, LIF_100, LIF_110
from napari_beamwatch.simulate.laws import Knots
from napari_beamwatch.simulate.scene import Change, Patch, Scene
from napari_beamwatch.simulate.shapes import Oval
from tests.filming import filmed

REGION = bw.Region.rectangle("A", 0, 130, 0, 128)


@pytest.fixture(scope="module")
def movie() -> bw.Movie:
    return filmed(
        "lif-room-temperature", frames=16, frame_dose=40.0, size=256, drift=None, pixel_size=0.25
    )


def failing(*args: Any, **kwargs: Any) -> Any:
    raise ZeroDivisionError("division by zero")


def analysed(movie: bw.Movie) -> bw.Result:
    return bw.analyze(movie, bw.Settings(drift="off", window=64), regions=[REGION])


@pytest.fixture(scope="module")
def good(movie: bw.Movie) -> bw.Result:
    return analysed(movie)


def test_a_place_that_cannot_be_judged_is_ambiguous_and_the_others_stand(
    movie: bw.Movie,
    good: bw.Result,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    examined: Callable[..., Any] = places.examine

    def first_fails(scope: Any, *rest: Any, **more: Any) -> Any:
        if scope.name.startswith("place 0 "):
            return failing()
        return examined(scope, *rest, **more)

    monkeypatch.setattr(places, "examine", first_fails)
    with caplog.at_level(logging.ERROR, "napari_beamwatch"):
        found = analysed(movie)
    row = found.places.set_index("place").loc[0]
    assert row.status == "ambiguous"
    assert "ZeroDivisionError: division by zero" in row.reason
    assert found.places.place.tolist() == good.places.place.tolist()
    said = found.summary["warnings"]
    assert any(line.startswith("examining place 0 ") for line in said)
    assert any(record.exc_info for record in caplog.records)


BREAKABLE = {
    "judging places": (road, "judge_places"),
    "judging particles": (road, "judge_particles"),
    "telling which rings came": (road, "_rings_that_came"),
    "naming phases of A": (answers.Phases, "of"),
    "naming phases of windows": (answers.Phases, "of_windows"),
    "summing up A": (answers.Answer, "onset_row"),
    "applying thresholds": (answers, "apply_thresholds"),
    "finding particles": (passes, "solve"),
    "finding rings and focus": (passes, "find_rings"),
    "telling the answer for A": (summary, "_line"),
    "telling of places": (answers.Answer, "places"),
    "counting places": (summary, "_places"),
}


@pytest.mark.long
def test_a_run_in_which_all_of_it_fails_is_written_and_says_so(
    movie: bw.Movie, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for place, name in BREAKABLE.values():
        monkeypatch.setattr(place, name, failing)
    found = analysed(movie)
    assert (found.onsets.status == "ambiguous").all()
    assert found.onsets.reason.str.contains("division by zero").all()
    assert (found.windows.status == "ambiguous").all()
    assert len(found.spots)
    assert found.traces.intensity.notna().any()
    warnings = " ".join(found.summary["warnings"])
    assert [doing for doing in BREAKABLE if doing + " failed" not in warnings] == []
    loaded = bw.load_result(found.save(tmp_path / "run"))
    assert loaded.onsets.status.tolist() == ["ambiguous"] * 2
    assert "summing up A failed" in " ".join(loaded.summary["warnings"])


@pytest.mark.parametrize("stops", [bw.BeamwatchError("no"), CancelledError(), KeyboardInterrupt()])
def test_what_stops_an_analysis_or_is_said_in_words_goes_on(stops: BaseException) -> None:
    def work() -> None:
        raise stops

    notes: list[str] = []
    with pytest.raises(type(stops)):
        Failures(notes).tried("this", lambda why: None, work)
    assert notes == []


def test_an_onset_without_a_dose_or_a_frame_can_be_told(good: bw.Result) -> None:
    row = good.onsets.iloc[0].copy()
    row["status"], row["onset_frame"], row["onset_dose_e_per_A2"] = "onset", None, np.nan
    assert summary.answer(good, row).startswith("field changed · ")


def rocking(seed: int, side: float, dose: float, grains: int = 6) -> Scene:
    """Small grains that rock into view and out of it again, and some that do the other way."""
    rng = np.random.default_rng([seed, 77])
    across = int(np.ceil(np.sqrt(grains)))
    width = side / across
    patches = []
    for i in range(grains):
        since, long = rng.uniform(0.1, 0.4) * dose, rng.uniform(0.2, 0.5) * dose
        if rng.integers(4) < 3:
            view = since + np.array([0, 0.03, 0.9, 1.0]) * long
            law = Knots(tuple(view), (0.0, 1.0, 1.0, 0.0))
        else:
            law = Knots((since, since + long / 2, since + long), (1.0, 0.0, 1.0))
        where = Oval(
            (i // across + 0.5) * width, (i % across + 0.5) * width, 0.45 * width, 0.45 * width,
            2.0, 0.0,
        )  # fmt: skip
        picture, turn = LIF_110 if i % 2 else LIF_100, float(round(rng.uniform(0, 180), 1))
        patches.append(Patch(f"grain {i}", picture, (Change(law, AMORPHOUS),), where, turn=turn))
    return Scene("rocking", "grains that rock", tuple(patches))


@pytest.mark.long
@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("seed", [2, 3])
def test_grains_that_rock_into_view_and_out_of_it_have_an_answer(seed: int) -> None:
    scene = rocking(seed, 48.0, 1600.0)
    movie = filmed(scene, frames=20, frame_dose=80.0, size=192, pixel_size=0.25, seed=seed)
    found = bw.analyze(movie, bw.Settings(drift="off", window=64, criteria=("fading", "new_phase")))
    assert found.summary["answer"]
    assert found.summary["warnings"] == []
    onset = found.onsets.iloc[0]
    assert (onset.status == "onset") == np.isfinite(onset.onset_dose_e_per_A2)


@pytest.mark.long
def test_no_warning_of_numpy_reaches_the_terminal(movie: bw.Movie) -> None:
    frames = movie.frames.compute().astype(np.float32)
    late = frames.copy()
    late[:6] = 0  # nothing to take a plateau from
    below = frames - 0.9 * frames.mean()  # grey values on both sides of 0
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for odd in (late, below):
            settings = bw.Settings(drift="off", window=128, criteria=("fading",))
            bw.analyze(bw.Movie.from_array(odd, 0.25, 40.0), settings)
