"""What a watch has finished, so that the next one goes on where it ended."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_text, write_whole
from napari_beamwatch.movies.fingerprint import fingerprint
from napari_beamwatch.results.record import read_record
from napari_beamwatch.results.run_folder import holds_run, obstacle
from napari_beamwatch.settings import Settings
from napari_beamwatch.watching.state import WatchState

NAME = "watch.json"
LARGEST = 16 * 2**20
MOST_NAMES = 1000


def asked(settings: Settings, opening: Mapping[str, Any]) -> str:
    """A short word for what was asked for: another word, another run."""
    said = settings.to_json() + repr(sorted((name, repr(v)) for name, v in opening.items()))
    return blake2b(said.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


@dataclass
class Diary:
    """What was finished in a folder of runs.

    Attributes
    ----------
    folder : Path
        Of the runs.
    settings : Settings
    token : str
        What is asked for now.
    """

    folder: Path
    settings: Settings
    token: str
    _known: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, settings: Settings, opening: Mapping[str, Any]) -> Diary:
        """That of a folder; one that cannot be read is begun anew, and runs tell what is done."""
        new = cls(folder, settings, asked(settings, opening))
        path = folder / NAME
        if path.is_file():
            try:
                read = json.loads(read_text(path, "the diary of a watch", LARGEST))
                entries = read["movies"].items()
                new._known = {
                    str(name): {str(k): str(v) for k, v in entry.items()} for name, entry in entries
                }
            except (BeamwatchError, ValueError, KeyError, AttributeError, TypeError):
                new._known = {}
        return new

    def finished(self, movie: Path) -> WatchState | None:
        """How a movie ended, if it is the one that is finished already."""
        entry = self._known.get(movie.name)
        if entry is None and not holds_run(self._names(movie)[0]):
            return None
        digest = self._hash(movie)
        if digest is None:
            return None
        if entry and (entry.get("hash"), entry.get("asked")) == (digest, self.token):
            run = self.folder / Path(entry.get("run", "")).name
            if holds_run(run):
                return WatchState(movie, "finished", words=entry.get("words", ""), run=run)
        if entry:
            return None
        for run in self._names(movie):  # its run may be there, and the diary lost
            if not holds_run(run):
                return None
            words = self._same(run, digest)
            if words is not None:
                return WatchState(movie, "finished", words=words, run=run)
        return None

    def free(self, movie: Path) -> Path:
        """A folder for the run of a movie; what is there is never replaced."""
        for run in self._names(movie):
            if obstacle(run) is None:
                return run
        raise BeamwatchError(f"{self.folder} holds too many runs of movies called {movie.stem}")

    def note(self, state: WatchState) -> None:
        """Keep that a movie is finished."""
        digest = self._hash(state.path)
        if state.run is None or digest is None:
            return
        self._known[state.path.name] = {
            "hash": digest, "asked": self.token, "run": state.run.name, "words": state.words,
        }  # fmt: skip
        text = json.dumps({"format": 1, "movies": self._known}, indent=1, ensure_ascii=False)
        write_whole(self.folder / NAME, text + "\n")

    def _names(self, movie: Path) -> list[Path]:
        stem = movie.stem or "movie"
        return [self.folder / stem, *(self.folder / f"{stem}-{i}" for i in range(2, MOST_NAMES))]

    def _same(self, run: Path, digest: str) -> str | None:
        """Answer of a run of the same movie with the same settings."""
        try:
            record = read_record(run)
            if record["movie"]["hash"] != digest:
                return None
            wanted, was = json.loads(self.settings.to_json()), record["settings"]
            chosen = {name for name in ("window", "step") if wanted.get(name) is None}
            if any(wanted[name] != was.get(name) for name in wanted if name not in chosen):
                return None
            return str(record["summary"]["answer"])
        except (BeamwatchError, KeyError, TypeError, AttributeError):
            return None

    @staticmethod
    def _hash(movie: Path) -> str | None:
        try:
            return fingerprint([movie])
        except OSError:
            return None


def size_of(path: Path) -> tuple[int, int, int] | None:
    """Bytes, time of writing and number of a file; None if it is not there."""
    try:
        known = os.stat(path)
    except OSError:
        return None
    return known.st_size, known.st_mtime_ns, known.st_ino
