"""A movie is watched from its first byte to its run folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.results.run_folder import holds_run
from napari_beamwatch.watching.diary import Diary
from napari_beamwatch.watching.judgement import Judgement

from .conftest import OPENING, SETTINGS, Camera, Watched, filmed


def recorded(camera: Camera, watched: Watched, frames: int) -> list[bw.WatchState]:
    """States of a movie that grows by a frame at a time."""
    said = []
    for n in range(1, frames + 1):
        camera.write(n)
        said += watched.look(seconds=1.0)
    return said


def test_damage_is_said_while_the_movie_is_written_and_once_more_when_it_is_finished(
    tmp_path: Path, out: Path, fading: np.ndarray
) -> None:
    camera = Camera(tmp_path / "live.mrc", fading)
    camera.write(0)
    watched = Watched(camera.path, out)
    said = recorded(camera, watched, 40)
    stop = next(state for state in said if state.status == "stop")
    assert 20 < stop.frame < 32
    assert stop.dose == 10.0 * (stop.frame + 1)
    assert stop.onset is not None
    assert stop.onset.low <= 205 <= stop.onset.high + 10
    assert "stop" in stop.words
    assert any(s.onset is not None and s.onset.analysed for s in said if s.status == "stop")
    assert "finished" not in {s.status for s in said}
    last = watched.look(seconds=11.0)[-1]
    assert (last.status, last.run) == ("finished", out / "live")
    assert bw.load_result(out / "live").summary["status"] == "onset"
    # Who watches again finds it done, whatever became of the diary.
    again = Watched(camera.path, out).look()
    assert [(s.status, s.run, s.words) for s in again] == [("finished", last.run, last.words)]
    (out / "watch.json").write_text("{]")
    assert Watched(camera.path, out).look()[-1].status == "finished"
    other = Diary.of(out, bw.Settings(alpha=0.02), OPENING)
    assert other.finished(camera.path) is None
    assert other.free(camera.path) == out / "live-2"


def test_a_lattice_that_holds_is_said_to_hold(tmp_path: Path, steady: np.ndarray) -> None:
    camera = Camera(tmp_path / "live.mrc", steady)
    camera.write(0)
    said = recorded(camera, Watched(camera.path), 24)
    assert {state.status for state in said[5:]} == {"holding"}
    assert said[-1].left is not None
    assert 0.7 < said[-1].left < 1.3


@pytest.mark.long
def test_a_loss_that_a_layer_explains_is_no_stop(tmp_path: Path) -> None:
    course = np.where(np.arange(36) < 18, 1.0, 0.6)
    camera = Camera(tmp_path / "live.mrc", filmed(course, 6, light=3.0))
    camera.write(0)
    said = recorded(camera, Watched(camera.path), 36)
    assert "stop" not in {state.status for state in said}
    asked, answered = [state for state in said if state.status == "ambiguous"][:2]
    assert "analysing" in asked.words
    assert "a layer on top" in answered.why
    assert "native" not in answered.why
    assert answered.why in answered.words
    assert answered.onset is not None
    assert not answered.onset.analysed


@pytest.mark.long
def test_a_movie_replaced_by_another_of_the_same_name_begins_anew(
    tmp_path: Path, steady: np.ndarray, fading: np.ndarray
) -> None:
    camera = Camera(tmp_path / "live.mrc", steady)
    camera.write(0)
    watched = Watched(camera.path)
    recorded(camera, watched, 8)
    other = Camera(tmp_path / "live.mrc", fading)
    other.write(12)  # longer than the first, in one go
    said = watched.look(3)
    assert "replaced" in said[0].words
    assert [state.frame for state in said[1:3]] == [0, 1]


def test_a_file_that_is_begun_anew_is_another_movie(tmp_path: Path, steady: np.ndarray) -> None:
    camera = Camera(tmp_path / "live.mrc", steady)
    camera.write(0)
    watched = Watched(camera.path)
    recorded(camera, watched, 5)
    camera.written = 0
    camera.write(2)
    assert "begins anew" in watched.look(2)[0].words


def test_a_clock_of_the_day_that_jumps_finishes_nothing(tmp_path: Path, steady: np.ndarray) -> None:
    camera = Camera(tmp_path / "live.mrc", steady)
    camera.write(0)
    watched = Watched(camera.path)
    recorded(camera, watched, 4)
    os.utime(camera.path, (0, 0))  # a server whose clock is of another century
    assert watched.look(seconds=9.0) == []
    assert watched.look(seconds=9.0) == []
    assert not watched.follower.over


def test_a_beam_that_comes_on_late_is_waited_for(tmp_path: Path) -> None:
    frames = np.concatenate([filmed(np.zeros(6), 2, 0.02), filmed(np.ones(12), 3)])
    camera = Camera(tmp_path / "live.mrc", frames)
    camera.write(0)
    watched = Watched(camera.path)
    said = recorded(camera, watched, 18)
    assert {state.status for state in said[:6]} == {"waiting"}
    assert said[-1].status == "holding"
    assert said[-1].dose == 120.0  # counted from when it came


def test_frames_written_twice_are_no_further_exposures_and_that_is_said_once(
    tmp_path: Path,
) -> None:
    noise = filmed(np.zeros(12), 5)
    noise[3:7], noise[9] = noise[2], noise[8]
    camera = Camera(tmp_path / "live.mrc", noise)
    camera.write(0)
    said = recorded(camera, Watched(camera.path), 12)
    assert {state.status for state in said} == {"waiting"}
    assert "no lattice spots yet, in 7 frames with beam" in said[-1].words
    assert said[-1].dose == 120.0
    told = [state for state in said if state.note]
    assert [state.frame for state in told] == [3]
    assert "exact copy of the one before" in told[0].note
    assert told[0].words.endswith(told[0].note)


@pytest.mark.long
def test_spots_that_rise_as_the_specimen_comes_to_rest_are_no_loss(tmp_path: Path) -> None:
    course = 1 - 0.6 * np.exp(-np.arange(24) / 4)
    camera = Camera(tmp_path / "live.mrc", filmed(course, 4))
    camera.write(0)
    said = recorded(camera, Watched(camera.path), 24)
    assert {state.status for state in said} <= {"waiting", "holding"}


def test_a_file_that_holds_no_movie_fails_in_words_and_the_watch_goes_on(
    tmp_path: Path, out: Path
) -> None:
    path = tmp_path / "broken.mrc"
    path.write_bytes(b"no movie")
    watched = Watched(path, out)
    assert watched.look() == []
    last = watched.look(seconds=11.0)[-1]
    assert last.status == "failed"
    assert "too short" in last.words
    assert not holds_run(out / "broken")


def test_a_movie_that_is_replaced_while_it_is_analysed_is_not_taken_for_done(
    tmp_path: Path, out: Path, steady: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = Camera(tmp_path / "live.mrc", steady)
    camera.write(4)

    def replaced(movie: bw.Movie, _: bw.Settings) -> bw.Result:
        Camera(camera.path, filmed(np.ones(6), 9)).write(6)
        movie.recording.files.certify()
        raise AssertionError

    monkeypatch.setattr("napari_beamwatch.watching.follower.analyze", replaced)
    watched = Watched(camera.path, out)
    assert {state.status for state in watched.look(seconds=11.0)} == {"waiting"}
    assert not watched.follower.over
    assert Diary.of(out, SETTINGS, OPENING).finished(camera.path) is None


def test_a_full_disk_does_not_lose_the_answer(
    tmp_path: Path, out: Path, steady: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsaved:
        summary = {"answer": "field survived"}  # noqa: RUF012

        def save(self, _: Path) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_beamwatch.watching.follower.analyze", lambda *_: Unsaved())
    camera = Camera(tmp_path / "live.mrc", steady)
    camera.write(4)
    last = Watched(camera.path, out).look(seconds=11.0)[-1]
    assert last.status == "failed"
    assert "No space left" in last.words
    assert "field survived" in last.words


def test_states_can_be_written_as_json(tmp_path: Path) -> None:
    state = bw.WatchState(tmp_path, "stop", 3, 40.0, 0.2, bw.Onset(20, 10, 30, False))
    assert json.loads(json.dumps(state.to_plain()))["onset"]["low"] == 10


def test_who_could_not_tell_is_asked_again_soon_unless_frames_wait() -> None:
    unclear = Judgement(False, None, "", "200 e/Å²", 20)
    assert [unclear.is_old(n, behind=False) for n in (20, 21)] == [False, True]
    assert [unclear.is_old(n, behind=True) for n in (21, 24, 25)] == [False, False, True]
    assert not Judgement(True, None, "", "200 e/Å²", 20).is_old(99, behind=False)
