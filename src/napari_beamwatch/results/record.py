"""``run.json``: how a run came about, whole, for people and for `load_result`."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.description import describe
from napari_beamwatch.movies.dose_scale import dose_scale
from napari_beamwatch.particles import Bin, Particles
from napari_beamwatch.regions import Region
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.methods import methods_sentence
from napari_beamwatch.results.reopening import Recipe, given_to_plain
from napari_beamwatch.results.run_folder import RECORD
from napari_beamwatch.results.summary import summary_of
from napari_beamwatch.settings import Settings

FORMAT = 1
"""Of the run folder; another number is another way to read it."""

SAID = ("notes", "warnings")
"""What `describe` says of a movie in sentences."""

LARGEST = 64 * 2**20
"""Bytes; a longer record was not written by us."""

PACKAGES = (
    "napari-beamwatch", "numpy", "scipy", "numba", "pandas", "dask", "scikit-image", "imagecodecs",
    "mrcfile", "tifffile", "napari",
)  # fmt: skip


def record_of(
    result: Findings, movie: Movie, folder: Path, kinds: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """What stands in ``run.json``.

    Parameters
    ----------
    result : Findings
    movie : Movie
        Of the result.
    folder : Path
        Where the run will stand.
    kinds : mapping
        Types of the columns of each table.
    """
    recipe = Recipe.of(movie)
    # What was said of the movie stands in the notes and the summary already.
    facts = {name: fact for name, fact in describe(movie).items() if name not in SAID}
    versions = versions_here()
    return {
        "format": FORMAT,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "methods": methods_sentence(movie, result.settings, versions["napari-beamwatch"]),
        "summary": summary_of(result),
        "dose_scale": _dose_scale(movie, result.settings),
        "settings": json.loads(result.settings.to_json()),
        "regions": [{"name": r.name, "vertices": r.vertices} for r in result.regions],
        "movie": {
            **facts,
            "name": movie.name,
            "files": [str(file) for file in recipe.files],
            "files_from_here": [_from(folder, file) for file in recipe.files],
            "files_beside": [file.name for file in movie.recording.files.beside],
            "hash": movie.recording.files.hash,
            **recipe.to_plain(),
            "given": given_to_plain(movie.given),
        },
        "notes": result.notes,
        "timings_s": dict(result.timings),
        "versions": versions,
        "particles": _particles(result.particles),
        "tables": kinds,
    }


def write_record(record: Mapping[str, Any], path: Path) -> None:
    """Write ``run.json``, or the record of a campaign; what is no number is null."""
    text = json.dumps(_finite(record), indent=2, ensure_ascii=False, allow_nan=False)
    begun = path.with_suffix(".part")
    begun.write_text(text + "\n", encoding="utf-8")
    begun.replace(path)  # a record that is there is whole


def read_record(folder: Path) -> dict[str, Any]:
    """Read ``run.json`` of a run that may come from anybody."""
    path = folder / RECORD
    if not path.is_file():
        raise BeamwatchError(f"{folder} holds no run: there is no {RECORD}")
    with explained(path):
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.stat().st_size / 2**20:.0f} MB")
        record: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or "format" not in record:
            raise BeamwatchError(f"{path} is not the record of a beamwatch run")
        if record["format"] != FORMAT:
            raise BeamwatchError(
                f"{path} is of format {record['format']!r}; this napari-beamwatch "
                f"({versions_here()['napari-beamwatch']}) reads {FORMAT}"
            )
    return record


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say of whatever goes wrong inside that a file of a run is damaged."""
    try:
        yield
    except BeamwatchError:
        raise
    except (
        ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError,
        RecursionError, TypeError, ValueError,
    ) as error:  # fmt: skip
        said = f"nothing is called {error}" if isinstance(error, KeyError) else str(error)
        said = said.splitlines()[0] if said else type(error).__name__
        raise BeamwatchError(f"{path} is damaged or was edited: {said}") from None


def settings_of(record: Mapping[str, Any]) -> Settings:
    """Settings of a run."""
    return Settings.from_json(json.dumps(record["settings"]))


def settings_said(text: str) -> str:
    """Settings as JSON, also where they stand in a whole record.

    Parameters
    ----------
    text : str
        Of a file of settings, or of ``run.json``.
    """
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text  # whoever reads it as settings says what is wrong
    if not isinstance(said, dict) or "settings" not in said:
        return text
    if said.get("format") != FORMAT:
        raise BeamwatchError(f"a record of format {said.get('format')!r}; this reads {FORMAT}")
    return json.dumps(said["settings"])


def regions_of(record: Mapping[str, Any]) -> tuple[Region, ...]:
    """Regions of a run."""
    return tuple(
        Region(str(one["name"]), tuple((float(y), float(x)) for y, x in one["vertices"]))
        for one in record["regions"]
    )


def sentences(values: Any) -> tuple[str, ...]:
    """Texts of a list."""
    if not isinstance(values, list):
        raise TypeError(f"a list of sentences is needed, not {values!r}")
    return tuple(map(str, values))


def bins_of(said: Mapping[str, Any]) -> tuple[Bin, ...]:
    """Bins of the particles of a run."""
    bins = []
    for one in said["bins"]:
        values = {name: math.nan if value is None else float(value) for name, value in one.items()}
        first, last = int(values.pop("first")), int(values.pop("last"))
        bins.append(Bin(first, last, **values))
    return tuple(bins)


def _particles(particles: Particles | None) -> dict[str, Any] | None:
    if particles is None:
        return None
    return {
        "bins": [asdict(one) for one in particles.bins],
        "reason": particles.reason,
        "notes": particles.notes,
    }


def _from(folder: Path, file: Path) -> str | None:
    """The way from the run folder to a file; None between drives."""
    try:
        return Path(os.path.relpath(file, folder.absolute())).as_posix()
    except ValueError:
        return None


def _dose_scale(movie: Movie, settings: Settings) -> dict[str, Any] | None:
    """Relative standard deviations of the dose scale and of its parts, in percent."""
    scale = dose_scale(movie, settings.specimen_pixel_uncertainty)
    if scale is None:
        return None
    return {
        "sd_percent": 100 * scale.sd,
        "pixel_size_sd_percent": 100 * scale.pixel_size,
        "calibration_sd_percent": 100 * scale.calibration,
        "calibration": scale.method or None,
    }


def versions_here() -> dict[str, str]:
    """Versions of what computes here."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # an installation by hand, without all of them
            found[package] = "unknown"
    return found


def _finite(value: Any) -> Any:
    """The value with plain types that JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # of NumPy
        value = value.item()
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
