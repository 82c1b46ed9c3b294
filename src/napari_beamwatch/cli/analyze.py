"""``beamwatch analyze``: movies in, run folders out, the answer on the screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_beamwatch import asked
from napari_beamwatch.batch import analyze_many
from napari_beamwatch.batch.tasks import SameFolderError
from napari_beamwatch.cli.ending import in_order
from napari_beamwatch.cli.progress import BatchTold
from napari_beamwatch.cli.usage import UsageError
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_text
from napari_beamwatch.movies import DoseCalibration, open_movie
from napari_beamwatch.regions import Region
from napari_beamwatch.results.record import LARGEST, settings_said
from napari_beamwatch.settings import KNOBS, Settings

if TYPE_CHECKING:
    from argparse import Namespace


TOLD = tuple(
    one.name
    for one in asked.every()
    if one not in (*asked.CONDITIONS, asked.BEAM_CURRENT, asked.BEAM_DIAMETER)
)
"""Keywords of `open_movie` that have options of their names."""


def analyze(args: Namespace) -> bool:
    """Analyse every movie that was named; True if all went well.

    Raises
    ------
    UsageError
        If the folder has no name, no movie is named, or two would be written to one folder.
    BeamwatchError
        If nothing could be analysed at all.
    """
    if not args.out.strip():
        raise UsageError("--out needs the name of a folder; . is the current one")
    if not args.file and args.table is None:
        raise UsageError("name a movie (FILE), or a table of some (--table FILE)")
    settings, opening = settings_from(args), opening_from(args)
    regions = [Region.rectangle(f"roi{i}", *box) for i, box in enumerate(args.roi, start=1)]
    told = BatchTold(quiet=args.quiet, as_json=args.json)
    try:
        with in_order(), told:
            analyze_many(
                args.file, args.out, settings, regions, table=args.table, jobs=args.jobs,
                scheduler=args.scheduler, force=args.force, progress=told, **opening,
            )  # fmt: skip
    except SameFolderError as error:
        raise UsageError(str(error)) from None
    except KeyboardInterrupt:
        told.interrupted()
        return False
    return told.ended()


def settings_from(args: Namespace) -> Settings:
    """Settings of a file, if there is one, with what was said beside it."""
    settings = Settings() if args.settings is None else _settings_file(Path(args.settings))
    return replace(settings, **{name: said for name, said in vars(args).items() if name in KNOBS})


def _settings_file(path: Path) -> Settings:
    text = read_text(path.expanduser(), "a settings file", LARGEST)
    try:
        return Settings.from_json(settings_said(text))
    except BeamwatchError as error:
        raise BeamwatchError(f"{path}: {error}") from None


def opening_from(args: Namespace) -> dict[str, Any]:
    """What was said of a movie, as `open_movie` takes it; a vacuum movie is counted here.

    Raises
    ------
    UsageError
        If half of what measures the beam is missing.
    """
    if (args.beam_current_nA is None) != (args.beam_diameter_um is None):
        raise UsageError("--beam-current-nA and --beam-diameter-um measure the dose rate together")
    said = {name: getattr(args, name) for name in TOLD}
    if args.superres is None:
        said.pop("superres")
    if args.beam_current_nA is not None or args.vacuum_movie is not None:
        said["dose_calibration"] = _measured_rate(args)
    conditions = {one.name: getattr(args, one.name) for one in asked.CONDITIONS}
    return {"conditions": conditions, **said}


def _measured_rate(args: Namespace) -> DoseCalibration:
    """The dose rate of the beam without the specimen."""
    if args.vacuum_movie is not None:
        return open_movie(args.vacuum_movie).vacuum_calibration()
    (current, current_sd), (diameter, diameter_sd) = args.beam_current_nA, args.beam_diameter_um
    return DoseCalibration.of_beam(current, diameter, current_sd, diameter_sd)
