"""The folder of a run: at every moment it holds one whole run, or none.

A run is written into a folder inside (`WORK` and a few letters), its record last. Then the old
record goes out, then the other files of the old run, the new ones come in, and the record last of
all: without a record there is no run. What fails on the way is undone. Whoever is killed on the way
leaves the folder inside behind, and who saves or loads there next goes on with it (`recover`): a
whole new run comes in where there is no other, everything else is cleared.

One at a time does so, by a lock; files that are not of a run are never touched.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.locks import alone

TABLES = (
    "onsets", "windows", "spots", "traces", "events", "places", "courses", "phases",
    "phase_area", "field", "rings", "drift",
)  # fmt: skip
"""Of a result, each a CSV file of its name."""

PARTICLE_TABLES = ("particles", "outlines")
OUTLINES = ("particle", "bin", "y_px", "x_px")
WINDOW_TRACES = "window_traces.npz"
PROFILE = "beam_profile"
"""Array beside the traces, of movies that have one."""
PICTURE = "figure.png"
FIGURES = (PICTURE, "figure.svg")
REPORT = "report.html"
RECORD = "run.json"

FILES = (
    *(f"{name}.csv" for name in (*TABLES, *PARTICLE_TABLES)),
    WINDOW_TRACES,
    *FIGURES,
    REPORT,
    RECORD,
)
"""Everything that belongs to a run, the record last: a folder holds a run when that is there."""

OURS = ("crystals.csv", *FILES)
"""The same with what runs had before there were places."""

WORK = ".beamwatch-run-"
OLD = "old"
LOCK = ".beamwatch-lock"
UNASKED = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What desktops leave in folders that somebody looked at."""

PATIENCE = 60.0
"""Seconds to wait while another saves to the same folder, which takes one or two."""

MOST_NAMED = 5


@dataclass(frozen=True)
class Obstacle:
    """Why nothing is saved to a folder unasked.

    Attributes
    ----------
    what : str
        Stands in the way.
    remedy : str
        What saving all the same would do.
    """

    what: str
    remedy: str


def holds_run(folder: Path) -> bool:
    """Whether there is a run in a folder."""
    return (folder / RECORD).is_file()


def strangers(folder: Path) -> list[str]:
    """Names of what lies in a folder and is not of a run."""
    ours = {*OURS, LOCK, *UNASKED}
    return [name for name in _names(folder) if name not in ours and not name.startswith(WORK)]


def obstacle(folder: Path) -> Obstacle | None:
    """What would be lost in a folder, or mixed with a run."""
    if holds_run(folder):
        return Obstacle(f"{folder} holds a run already", "replaces it")
    there = [name for name in OURS if os.path.lexists(folder / name)]
    if there:
        said = f"{folder} has {listed(there)} already, of no whole run"
        return Obstacle(said, "replaces them")
    others = strangers(folder)
    if others:
        said = f"{folder} holds no run, but {listed(others)}"
        return Obstacle(said, "writes the run beside that")
    return None


def check_free(folder: Path, *, force: bool) -> None:
    """Refuse a folder in which something would be lost, or that nothing can be written to."""
    recover(folder)
    _refuse(folder, force=force)
    parents = folder.absolute().parents
    there = next((one for one in (folder, *parents) if os.path.lexists(one)), folder)
    with writing_to(folder), tempfile.TemporaryFile(dir=there):
        pass


@contextmanager
def new_run(folder: Path, *, force: bool) -> Iterator[Path]:
    """A folder to write a run in, which takes its place in `folder` when all went well.

    Parameters
    ----------
    folder : Path
        Made with its parents where it is not there.
    force : bool
        Replace the files of a run that are there.
    """
    _refuse(folder, force=force)
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    try:
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with alone(folder / LOCK, PATIENCE):
                _go_on(folder)
                _refuse(folder, force=force)  # again: another may have saved meanwhile
                work = folder / f"{WORK}{secrets.token_hex(4)}"
                work.mkdir()
                try:
                    yield work
                    _move_in(work, folder)
                finally:
                    _clear(work, folder)
    finally:
        for made in missing:
            with suppress(OSError):  # it is not empty any more
                made.rmdir()


def recover(folder: Path) -> None:
    """Go on with what somebody began to save to a folder who was killed."""
    if not any(name.startswith((WORK, LOCK)) for name in _names(folder)):
        return
    # A run that is there can be read while another is being written.
    patience = 0.0 if holds_run(folder) else PATIENCE
    with suppress(OSError, BeamwatchError), alone(folder / LOCK, patience):
        _go_on(folder)


def _go_on(folder: Path) -> None:
    for name in _names(folder):
        work = folder / name
        if not name.startswith(WORK) or not _is_folder(work):
            continue
        for whole in (work, work / OLD):
            if _is_folder(whole) and holds_run(whole) and not holds_run(folder):
                for file in OURS:
                    if os.path.lexists(whole / file):
                        (whole / file).replace(folder / file)
        _clear(work, folder)


def _move_in(work: Path, folder: Path) -> None:
    """Put a whole run where it belongs, or leave all as it was."""
    old = work / OLD
    old.mkdir()
    moved: list[tuple[Path, Path]] = []

    def move(source: Path, place: Path) -> None:
        moved.append((source, place))
        source.replace(place)

    try:
        for name in reversed(OURS):
            if os.path.lexists(folder / name):
                move(folder / name, old / name)
        for name in FILES:
            move(work / name, folder / name)
    except BaseException:
        for source, place in reversed(moved):
            if os.path.lexists(place) and not os.path.lexists(source):
                place.replace(source)
        raise


def _clear(work: Path, folder: Path) -> None:
    if holds_run(work / OLD) and not holds_run(folder):
        return  # undoing failed: what is here is all there is
    with suppress(OSError):  # first, so that what is left of it is never taken for a run
        (work / RECORD).unlink()
    shutil.rmtree(work, ignore_errors=True)


def _is_folder(path: Path) -> bool:
    """Whether it is one, and no link to one elsewhere."""
    return path.is_dir() and not path.is_symlink()


def _refuse(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise BeamwatchError(f"{folder} is a file; a run needs a folder")
    for name in OURS:
        place = folder / name
        if _is_folder(place):
            raise BeamwatchError(f"{place} is a folder, which is never replaced: save elsewhere")
    found = obstacle(folder)
    if found is not None and not force:
        raise BeamwatchError(f"{found.what}: --force (force=True) {found.remedy}")


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Say of whatever the disk refuses inside that nothing can be written to a folder."""
    try:
        yield
    except OSError as error:
        raise BeamwatchError(
            f"nothing can be written to {folder}: {error.strerror or error}"
        ) from None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def listed(names: list[str]) -> str:
    """Names for a sentence, the first of many."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
