"""What is needed to do an analysis again, from the record of a run: its tables are not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import Region
from napari_beamwatch.results.array_files import read_arrays
from napari_beamwatch.results.movie_files import Door, PathLike
from napari_beamwatch.results.record import (
    explained,
    read_record,
    regions_of,
    settings_of,
    versions_here,
)
from napari_beamwatch.results.recorded_movie import movie_of_record
from napari_beamwatch.results.run_folder import PROFILE, RECORD, WINDOW_TRACES, recover
from napari_beamwatch.settings import Settings

AGAIN = Door("--movie FILE (movie=path)", "rerun", "it cannot be analysed again")


@dataclass(frozen=True, eq=False)
class Recorded:
    """An analysis as a run has it.

    Attributes
    ----------
    movie : Movie
        Opened and cut as it was, with the dose, the conditions and the beam profile it had.
    name : str
        Of the movie then; it may have another now.
    settings : Settings
        With all that was chosen.
    regions : tuple of Region
    versions : mapping of str to str
        Of what computed it.
    """

    movie: Movie
    name: str
    settings: Settings
    regions: tuple[Region, ...]
    versions: Mapping[str, str]

    @classmethod
    def read(
        cls, folder: Path, movie: Movie | PathLike | Sequence[PathLike] | None = None
    ) -> Recorded:
        """What a run folder says.

        Parameters
        ----------
        folder : Path
        movie : Movie or path or sequence of paths, optional
            Itself, or where it is now; otherwise it is looked for where it was, and where it was
            as seen from the folder.

        Raises
        ------
        BeamwatchError
            If it is no run, or its movie is gone or another.
        """
        recover(folder)
        record = read_record(folder)
        with explained(folder / RECORD):
            settings, regions = settings_of(record), regions_of(record)
            name = str(record["movie"]["name"])
            image = int(record["movie"]["height_px"]), int(record["movie"]["width_px"])
            versions = {str(what): str(which) for what, which in record["versions"].items()}
        with explained(folder / WINDOW_TRACES):
            arrays = read_arrays(folder / WINDOW_TRACES, {PROFILE: image}, others=True)
        found, said = movie_of_record(folder, record, arrays.get(PROFILE), movie, AGAIN)
        if found is None:
            raise BeamwatchError(said)
        return cls(found, name, settings, regions, versions)

    @property
    def other_versions(self) -> list[str]:
        """What another version of computed it than is here, in words."""
        here = versions_here()
        names = dict.fromkeys([*self.versions, *here])
        return [
            f"{name} {self.versions.get(name, 'none')} then, {here.get(name, 'none')} here"
            for name in names
            if self.versions.get(name) != here.get(name)
        ]
