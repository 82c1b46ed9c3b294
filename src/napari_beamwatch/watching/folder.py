"""`watch`: a folder or a file, as long as somebody wants to know."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.opening import DATASET_READERS, EER, READERS, movie_suffix
from napari_beamwatch.quantities import number
from napari_beamwatch.results.run_folder import writing_to
from napari_beamwatch.settings import Settings
from napari_beamwatch.watching.diary import Diary
from napari_beamwatch.watching.follower import Follower, Options
from napari_beamwatch.watching.page import Page
from napari_beamwatch.watching.state import WatchState

SETTLE = 10.0
"""Seconds without a change after which a file is taken as finished."""

POLL = 0.5
"""Seconds between looks."""


def watch(
    path: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    settle: float = SETTLE,
    poll: float = POLL,
    once: bool = False,
    until: Callable[[], bool] = lambda: False,
    **opening: Any,
) -> Generator[WatchState]:
    """Watch movies while they are written, and say when to stop.

    Parameters
    ----------
    path : path
        A movie, which need not be there yet, or a folder that movies are written to.
    settings : Settings, optional
        `false_alarm` holds for all frames of a movie together.
    out : path, optional
        Folder of the run folders, with an index page; made with its parents. What is in it
        already, of the same movie and the same settings, is not analysed again.
    settle : float
        Seconds without a change after which a file is taken as finished and analysed in full.
    poll : float
        Seconds between looks.
    once : bool
        End when every movie that was seen is finished, also of a folder.
    until : callable
        Asked between looks; True ends a watch that would go on.
    **opening
        As `open_movie` takes it: ``pixel_size``, ``frame_dose``, ….

    Yields
    ------
    WatchState
        After every frame, and at every look that brought nothing the newest state once more. Of a
        file the last one is ``finished`` or ``failed``; a folder is watched until somebody ends it.
    """
    settle = number(settle, "the time to settle", 0.0, 86400.0, "s")
    poll = number(poll, "the time between looks", 0.001, 3600.0, "s")
    settings = settings or Settings()
    if settings.camera_constant is not None:
        raise BeamwatchError("diffraction movies cannot be watched yet: analyse them when finished")
    options = Options(settings, opening, settle)
    target = Path(path).expanduser()
    diary = page = None
    if out is not None:
        folder = Path(out).expanduser()
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        diary, page = Diary.of(folder, settings, opening), Page(folder)
    return _watching(target, options, diary, page, poll, once, until)


def _watching(
    target: Path,
    options: Options,
    diary: Diary | None,
    page: Page | None,
    poll: float,
    once: bool,
    until: Callable[[], bool],
) -> Generator[WatchState]:
    followers: dict[str, Follower] = {}
    newest = WatchState(target, "waiting", words="nothing there yet")
    try:
        while True:
            for file in _movies(target):
                known = followers.get(file.name)
                if known is None or (known.over and known.is_another()):
                    followers[file.name] = Follower(file, options, diary)
            idle = True
            for one in list(followers.values()):
                if one.over:
                    continue
                for state in one.step():
                    idle, newest = False, state
                    if page is not None:
                        page.tell(state)
                    yield state
            ended = bool(followers) and all(one.over for one in followers.values())
            if (ended and (once or not target.is_dir())) or until():
                return
            if idle:
                yield newest
                time.sleep(poll)
    finally:
        if page is not None:
            with suppress(OSError):
                page.write()


def _movies(target: Path) -> list[Path]:
    """Files that may be movies, the oldest name first."""
    if target.is_file():
        return [target]
    known = {*EER, *READERS, *DATASET_READERS}
    try:
        entries = sorted(os.scandir(target), key=lambda entry: entry.name)
    except OSError:
        return []  # not there yet, or a disk that went away
    found = []
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or movie_suffix(path) not in known:
            continue
        with suppress(OSError):
            if entry.is_file():
                found.append(path)
    return found
