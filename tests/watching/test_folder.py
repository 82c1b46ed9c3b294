"""A folder is watched, and its page tells of the day."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.watching.page import Page
from napari_beamwatch.watching.state import WatchState

from .conftest import OPENING, SETTINGS, Camera


@pytest.fixture
def day(tmp_path: Path) -> Path:
    folder = tmp_path / "day"
    folder.mkdir()
    return folder


def looks(path: Path, out: Path | None = None, **how: object) -> Iterator[WatchState]:
    return bw.watch(path, SETTINGS, out=out, settle=0.4, poll=0.01, **OPENING, **how)  # type: ignore[arg-type]


def test_two_movies_that_grow_at_once_are_followed_at_once(day: Path, steady: np.ndarray) -> None:
    cameras = [Camera(day / f"{name}.mrc", steady) for name in "ab"]
    for camera in cameras:
        camera.write(0)
    states = bw.watch(day, SETTINGS, settle=1e4, poll=0.001, **OPENING)
    next(states)
    newest = {"a.mrc": -1, "b.mrc": -1}
    for frames in range(1, 7):
        for camera in cameras:
            camera.write(frames)
        for _ in range(8):
            state = next(states)
            newest[state.path.name] = max(state.frame, newest[state.path.name])
        assert set(newest.values()) == {frames - 1}


def test_movies_that_come_later_are_found_and_what_fails_ends_nothing(day: Path, out: Path) -> None:
    (day / "notes.txt").write_text("no movie")
    (day / ".hidden.mrc").write_bytes(b"part of a copy")
    (day / "a.mrc").write_bytes(b"broken")
    ended: dict[str, str] = {}
    for state in looks(day, out, until=lambda: len(ended) == 2):
        if state.status in ("finished", "failed") and state.path.name not in ended:
            ended[state.path.name] = state.status
            if len(ended) == 1:
                (day / "b.mrc").write_bytes(b"broken, too")
    assert ended == {"a.mrc": "failed", "b.mrc": "failed"}
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "a.mrc" in page
    assert "notes.txt" not in page
    assert [one.name for one in out.iterdir()] == ["index.html"]


def test_a_watch_may_begin_before_its_movie(tmp_path: Path) -> None:
    path = tmp_path / "to-come.mrc"
    states = looks(path)
    first = next(states)
    assert (first.status, first.frame) == ("waiting", -1)
    path.write_bytes(b"broken")
    assert list(states)[-1].status == "failed"


def test_what_a_watch_cannot_do_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match="diffraction"):
        bw.watch(tmp_path, bw.Settings(camera_constant=10.0))
    with pytest.raises(bw.BeamwatchError, match="settle"):
        bw.watch(tmp_path, settle=-1)


def test_names_of_movies_are_harmless_in_the_page(tmp_path: Path) -> None:
    page = Page(tmp_path)
    name = '<script>alert("x")</script>\x1b[2J.mrc'
    page.tell(WatchState(tmp_path / name.replace("/", "∕"), "holding", 3, 40.0, 0.97, words="<b>"))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "\x1b" not in text
    assert "<b>" not in text
    assert html.escape("<b>") in text
    assert "97%" in text
    assert "http://" not in text
    assert "https://" not in text


def test_the_page_links_a_run_and_its_figure(tmp_path: Path) -> None:
    page = Page(tmp_path)
    run = tmp_path / "movie #1"
    page.tell(WatchState(tmp_path / "movie #1.mrc", "finished", words="survived", run=run))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="movie%20%231/"' in text
    assert 'src="movie%20%231/figure.png"' in text


def test_the_page_is_written_when_a_status_changes_and_otherwise_now_and_then(
    tmp_path: Path,
) -> None:
    now = [0.0]
    page = Page(tmp_path, lambda: now[0])
    state = WatchState(tmp_path / "a.mrc", "holding", 1, 10.0)
    page.tell(state)
    path = tmp_path / "index.html"
    path.unlink()
    page.tell(WatchState(tmp_path / "a.mrc", "holding", 2, 20.0))
    assert not path.exists()
    now[0] = 3.0
    page.tell(state)
    assert path.exists()
    path.unlink()
    page.tell(WatchState(tmp_path / "a.mrc", "stop", 3, 30.0))
    assert path.exists()


def test_a_disk_that_is_full_does_not_end_the_watch(tmp_path: Path) -> None:
    page = Page(tmp_path / "gone")
    page.tell(WatchState(tmp_path / "a.mrc", "holding"))
