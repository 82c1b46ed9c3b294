"""``beamwatch analyze``: movies in, run folders out, the answer on the screen."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_beamwatch import asked
from napari_beamwatch.analysis import Progress, Step, said_before
from napari_beamwatch.analysis import analyze as analyze_movie
from napari_beamwatch.cli.ending import in_order
from napari_beamwatch.cli.usage import UsageError
from napari_beamwatch.cli.words import print_answer
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_text
from napari_beamwatch.harmless import printable
from napari_beamwatch.log import LOG
from napari_beamwatch.movies import DoseCalibration, open_movie
from napari_beamwatch.movies.names import unpacked_name
from napari_beamwatch.regions import Region
from napari_beamwatch.results.record import LARGEST, settings_said
from napari_beamwatch.results.run_folder import check_free, listed, strangers
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
        If the folder has no name, or two movies would be written to one.
    BeamwatchError
        If nothing could be analysed at all.
    """
    if not args.out.strip():
        raise UsageError("--out needs the name of a folder; . is the current one")
    jobs = folders(args.file, Path(args.out).expanduser())
    settings, opening = settings_from(args), opening_from(args)
    regions = [Region.rectangle(f"roi{i}", *box) for i, box in enumerate(args.roi, start=1)]
    good = True
    with in_order(), _client(args.scheduler) as client:
        for source, folder in jobs:
            try:
                _analyze_one(source, folder, opening, settings, regions, client, force=args.force)
            except BrokenPipeError:
                raise
            except (BeamwatchError, OSError, MemoryError) as error:
                if len(jobs) == 1:
                    raise
                said = f"beamwatch: {source}: {error or type(error).__name__}"
                print(printable(said), file=sys.stderr)
                good = False
    return good


def folders(files: list[str], out: Path) -> list[tuple[str, Path]]:
    """Each movie and the run folder it goes to."""
    if len(files) == 1:
        return [(files[0], out)]
    jobs: dict[str, tuple[str, Path]] = {}
    for file in files:
        stem = _stem(Path(file).expanduser())
        # Many disks take A and a for one name.
        if stem.casefold() in jobs:
            other, folder = jobs[stem.casefold()]
            raise UsageError(f"{other} and {file} would both be written to {folder}")
        jobs[stem.casefold()] = (file, out / stem)
    return list(jobs.values())


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


def _analyze_one(
    source: str,
    folder: Path,
    opening: Mapping[str, Any],
    settings: Settings,
    regions: list[Region],
    client: Any,
    *,
    force: bool,
) -> None:
    check_free(folder, force=force)  # before the work, not after it
    movie = open_movie(source, **opening)
    for said in said_before(movie, settings, regions):
        print(f"beamwatch: {movie.name}: {said}", file=sys.stderr)
    with progress_line(movie.name) as progress:
        result = analyze_movie(movie, settings, regions, progress, client)
    beside = strangers(folder)
    result.save(folder, force=force)
    print_answer(result.summary)
    said = f", beside what was there ({listed(beside)})" if beside else ""
    print(printable(f"  written to {folder}{said}"))


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


@contextmanager
def progress_line(name: str) -> Iterator[Progress | None]:
    """What tells of progress on one line of the terminal, if there is one; wiped at the end."""
    if not sys.stderr.isatty() or LOG.isEnabledFor(logging.INFO):  # then parts are told in lines
        yield None
        return
    width = 0

    def show(step: Step) -> None:
        nonlocal width
        part = step.done / step.total if step.total else 0.0
        line = printable(f"{name}: {step.doing} {min(part, 1.0):.0%}")
        sys.stderr.write("\r" + line.ljust(width))
        sys.stderr.flush()
        width = max(width, len(line))

    try:
        yield show
    finally:
        sys.stderr.write("\r" + " " * width + "\r")
        sys.stderr.flush()


@contextmanager
def _client(address: str | None) -> Iterator[Any]:
    """A client of the scheduler, closed at the end; None without one."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise BeamwatchError(
            f"--scheduler needs distributed, which cannot be imported ({error}); install it with: "
            'pip install "napari-beamwatch[distributed]"'
        ) from None
    connect: Callable[..., Any] = Client
    with _quiet("distributed", "tornado", "asyncio"):
        try:
            asyncio.run(_greeted(address))
            # As the default it would stay behind in dask's settings.
            client = connect(address, timeout=CONNECT_S, set_as_default=False)
        except Exception as error:  # whatever it is that listens there
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BeamwatchError(f"no scheduler answers at {address}: {said}") from None
        try:
            yield client
        finally:
            client.close()


async def _greeted(address: str) -> None:
    """Exchange greetings with a scheduler and leave: `Client` waits for one that is mute."""
    comms: Any = import_module("distributed.comm")
    security: Any = import_module("distributed.security")

    async def greeted() -> None:
        how = security.Security().get_connection_args("client")
        comm = await comms.connect(address, CONNECT_S, **how)
        comm.abort()

    try:
        await asyncio.wait_for(greeted(), CONNECT_S)
    except TimeoutError as error:
        raise OSError(str(error) or f"nothing was said for {CONNECT_S:g} s") from None


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Let loggers of others say nothing on the terminal: what matters is said in our words."""
    known = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in names]
    loggers = [logging.getLogger(name) for name in {*names, *known}]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


CONNECT_S = 10
"""Seconds to wait for a scheduler."""


def _stem(path: Path) -> str:
    """Name of a movie without folder and endings, as its run folder is called."""
    named = path if path.name else path.resolve()
    return Path(unpacked_name(named)).stem or "movie"
