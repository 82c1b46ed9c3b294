"""What a watch has finished, so that the next one goes on where it ended."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path
from typing import Any

from napari_beamwatch.analysis.before import differs
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_text, write_whole
from napari_beamwatch.movies import Movie, open_movie
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
    opening : mapping
        What the user says of each movie, as `open_movie` takes it.
    token : str
        Of these.
    """

    folder: Path
    settings: Settings
    opening: Mapping[str, Any]
    token: str
    _known: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, settings: Settings, opening: Mapping[str, Any]) -> Diary:
        """That of a folder; one that cannot be read is begun anew, and runs tell what is done."""
        new = cls(folder, settings, opening, asked(settings, opening))
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
        entry = self._known.get(movie.name, {})
        run = self.folder / Path(entry.get("run", "")).name
        if entry.get("asked") == self.token and holds_run(run):
            with suppress(OSError):
                if entry.get("hash") == fingerprint([movie]):
                    return WatchState(movie, "finished", words=entry.get("words", ""), run=run)
        with suppress(BeamwatchError, OSError):  # the run may be there, and the diary lost
            for run in takewhile(holds_run, self._names(movie)):
                if not differs(run, open_movie(movie, **self.opening), self.settings, ()):
                    words = str(read_record(run)["summary"]["answer"])
                    return WatchState(movie, "finished", words=words, run=run)
        return None

    def free(self, movie: Path) -> Path:
        """A folder for the run of a movie; what is there is never replaced."""
        for run in self._names(movie):
            if obstacle(run) is None:
                return run
        raise BeamwatchError(f"{self.folder} holds too many runs of movies called {movie.stem}")

    def note(self, movie: Movie, state: WatchState) -> None:
        """Keep that a movie is finished, as it was opened."""
        digest = movie.recording.files.hash
        if state.run is None or digest is None:
            return
        self._known[state.path.name] = {
            "hash": digest, "asked": self.token, "run": state.run.name, "words": state.words,
        }  # fmt: skip
        text = json.dumps({"format": 1, "movies": self._known}, indent=1, ensure_ascii=False)
        with suppress(OSError):  # a full disk: the run itself tells that it is there
            write_whole(self.folder / NAME, text + "\n")

    def _names(self, movie: Path) -> list[Path]:
        stem = movie.stem or "movie"
        return [self.folder / stem, *(self.folder / f"{stem}-{i}" for i in range(2, MOST_NAMES))]


def size_of(path: Path) -> tuple[int, int, int] | None:
    """Bytes, time of writing and number of a file; None if it is not there."""
    try:
        known = os.stat(path)
    except OSError:
        return None
    return known.st_size, known.st_mtime_ns, known.st_ino
