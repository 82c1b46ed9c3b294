"""The command ``beamwatch``.

Only the parser lives here: each command imports its work when it runs, so that ``--help``
answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from napari_beamwatch import spelling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.log import told_on_terminal

ANY_LOSS = 0.9
"""Part of the lattice that is left by the least loss that is ever called."""


def parser() -> argparse.ArgumentParser:
    """The words ``beamwatch`` understands."""
    top = argparse.ArgumentParser(
        prog="beamwatch",
        description="At which electron dose did my specimen first change for good?",
    )
    top.add_argument("--version", action="store_true", help="show the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    info = commands.add_parser(
        "info",
        help="what a movie is: size, pixel, dose, time, and everything odd about it",
        description="Shape, type, pixel size, dose, rate and time of a movie, where each came "
        "from, and in words everything odd about the file.",
    )
    info.add_argument("file", metavar="FILE", help="a movie, or a folder of stills")
    info.add_argument("--json", action="store_true", help="print JSON instead of words")
    _add_no_sidecars(info)

    simulate = commands.add_parser(
        "simulate",
        help="write a movie whose truth is known",
        description="Write a simulated movie (multislice pictures, electrons counted one by "
        "one) and the truth about it beside it, as OUT's stem + .truth.json.",
    )
    simulate.add_argument(
        "out", metavar="OUT", nargs="?", help="an .eer, .mrc or .tif file to write"
    )
    simulate.add_argument("--case", metavar="NAME", help="which movie; see --list")
    simulate.add_argument("--list", action="store_true", help="show every case and exit")
    simulate.add_argument("--frames", type=int, metavar="N", help="number of frames")
    simulate.add_argument("--size", type=int, metavar="PX", help="side of the frames")
    simulate.add_argument(
        "--pixel-size", type=_in(spelling.PIXEL_SIZE), metavar="A", help="Å per pixel"
    )
    simulate.add_argument(
        "--frame-dose", type=_in(spelling.FRAME_DOSE), metavar="E", help="e/Å² a frame"
    )
    simulate.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    simulate.add_argument("--force", action="store_true", help="replace OUT if it is there")

    commands.add_parser(
        "demo",
        help="analyse a bundled sample and show the answer",
        description="Analyse the simulated LiF sample, and print the dose at which it began to "
        "change, with its interval and why, and when to stop.",
    )
    _add_analyze(commands)
    _add_watch(commands)
    view = commands.add_parser(
        "view",
        help="open a movie or a run in the window",
        description="Open napari with the panel Beamwatch and a movie, or a run that was saved.",
    )
    view.add_argument("file", metavar="FILE_OR_RUN", help="a movie, or the folder of a run")
    for anywhere in (top, *commands.choices.values()):
        # Not said behind the command is no answer to what was said before it.
        anywhere.add_argument(
            "-v",
            "--verbose",
            action="store_true",
            default=False if anywhere is top else argparse.SUPPRESS,
            help="tell on stderr what is opened, chosen and done, and how long it takes",
        )
    return top


def _add_analyze(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words of ``beamwatch analyze``."""
    analyze = commands.add_parser(
        "analyze",
        help="find the dose at which the specimen first changed, and write it down",
        description="Find the dose of the first lasting change of each movie, print it, and write "
        "tables and a record of the run to DIR; of several movies, to DIR/NAME each.",
    )
    analyze.add_argument("file", metavar="FILE", nargs="+", help="a movie, or a folder of stills")
    analyze.add_argument("--out", metavar="DIR", required=True, help="folder for the run")

    _add_movie(analyze)

    how = analyze.add_argument_group("the analysis")
    how.add_argument("--window", type=int, metavar="PX", help="side of the FFT windows")
    how.add_argument("--step", type=int, metavar="PX", help="from one window to the next")
    how.add_argument(
        "--roi",
        type=_box,
        action="append",
        default=[],
        metavar="Y0:Y1,X0:X1",
        help="a rectangle to report beside the whole field, in pixels, the ends not included; "
        "may be given again",
    )
    how.add_argument("--phases", type=_names, metavar="LiF,Li2O", help="only these are matched")
    how.add_argument("--settings", metavar="FILE", help="JSON, as in run.json under settings")
    how.add_argument(
        "--fraction",
        type=_in(spelling.NUMBER),
        metavar="F",
        help="your threshold: part of the plateau (1/e)",
    )
    how.add_argument(
        "--d-tolerance",
        type=_in(spelling.NUMBER),
        metavar="PCT",
        help="your threshold: shift of d in %% (1)",
    )
    how.add_argument(
        "--persist", type=_persistence, metavar="FRAMES|end", help="how long it must last (end)"
    )
    how.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster to work on")
    how.add_argument("--force", action="store_true", help="replace the run that is in DIR")


def _add_watch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words of ``beamwatch watch``."""
    watch = commands.add_parser(
        "watch",
        help="watch movies while they are written, and say when to stop",
        description="Watch a folder or one movie while it is being written: after every frame say "
        "how much of the lattice is left, say stop when damage began, and analyse each movie in "
        "full when it is finished. Ctrl-C ends it.",
    )
    watch.add_argument("path", metavar="FOLDER|FILE", help="a folder, or a movie to come")
    watch.add_argument("--out", metavar="DIR", help="folder for the runs and their index page")
    _add_movie(watch)
    how = watch.add_argument_group("the watch")
    how.add_argument("--window", type=int, metavar="PX", help="side of the FFT windows")
    how.add_argument("--step", type=int, metavar="PX", help="from one window to the next")
    how.add_argument("--phases", type=_names, metavar="LiF,Li2O", help="only these are matched")
    how.add_argument("--settings", metavar="FILE", help="JSON, as in run.json under settings")
    how.add_argument(
        "--stop-at",
        type=_lost,
        default=0.5,
        metavar="PCT|any",
        help="say stop when so much of the lattice is lost for good (50 %%, more than a layer of "
        "contamination takes); any: at every lasting loss",
    )
    how.add_argument(
        "--settle",
        type=_in(spelling.NUMBER),
        default=10.0,
        metavar="S",
        help="seconds without a change after which a file is finished (10)",
    )
    how.add_argument("--json", action="store_true", help="print one JSON object a line")
    how.add_argument("--sound", action="store_true", help="ring the terminal's bell at a stop")
    how.add_argument("--once", action="store_true", help="end when every movie is finished")


def _add_movie(words: argparse.ArgumentParser) -> None:
    """What a user may say of a movie."""
    movie = words.add_argument_group("the movie", "what its file does not say, or says wrongly")
    movie.add_argument(
        "--pixel-size", type=_in(spelling.PIXEL_SIZE), metavar="A", help="Å per pixel"
    )
    dose = movie.add_mutually_exclusive_group()
    dose.add_argument(
        "--frame-dose",
        type=_in(spelling.FRAME_DOSE),
        metavar="E",
        help="e/Å² a frame as analysed",
    )
    dose.add_argument("--dose-rate", type=_in(spelling.DOSE_RATE), metavar="E", help="e/Å²/s")
    movie.add_argument(
        "--frame-time",
        type=_in(spelling.FRAME_TIME),
        metavar="S",
        help="seconds a frame as analysed",
    )
    movie.add_argument(
        "--pre-exposure", type=_in(spelling.DOSE), metavar="E", help="e/Å² before the record"
    )
    fraction = movie.add_mutually_exclusive_group()
    fraction.add_argument(
        "--fraction-frames", type=int, metavar="N", help="frames of the file to add up for each"
    )
    fraction.add_argument(
        "--fraction-dose",
        type=_in(spelling.FRAME_DOSE),
        metavar="E",
        help="e/Å² to add up for each (EER)",
    )
    movie.add_argument("--gain", metavar="FILE", help="gain reference")
    movie.add_argument(
        "--temperature", type=_in(spelling.TEMPERATURE), metavar="C", help="of the specimen, °C"
    )
    movie.add_argument(
        "--voltage", type=_in(spelling.VOLTAGE), metavar="KV", help="accelerating voltage, kV"
    )
    movie.add_argument(
        "--elements",
        metavar="Li,F,C,O,H",
        help="that can be there; only phases of these are matched",
    )
    movie.add_argument("--compound", metavar="WORDS", help="what the specimen is, as LiF")
    movie.add_argument("--imaging-mode", metavar="WORDS", help="as HRTEM or STEM")
    movie.add_argument(
        "--thickness", type=_in(spelling.LENGTH), metavar="NM", help="of the specimen, nm"
    )
    movie.add_argument(
        "--particle-size", type=_in(spelling.LENGTH), metavar="NM", help="of the particles, nm"
    )
    movie.add_argument("--preparation", metavar="WORDS", help="how the specimen was made")
    movie.add_argument("--storage", metavar="WORDS", help="how and how long it was kept")
    movie.add_argument("--transfer", metavar="WORDS", help="how it came into the microscope")
    movie.add_argument("--vacuum", metavar="WORDS", help="of the microscope")
    movie.add_argument("--grid", metavar="WORDS", help="what the specimen lay on")
    _add_no_sidecars(movie)


def _add_no_sidecars(words: argparse._ActionsContainer) -> None:
    words.add_argument(
        "--no-sidecars",
        dest="sidecars",
        action="store_false",
        help="leave files beside the movie alone (.mdoc, .xml, .yaml, conditions.csv, …)",
    )


def _in(kind: spelling.Kind) -> Callable[[str], float]:
    """Reads quantities as people write them."""

    def read(text: str) -> float:
        try:
            return spelling.read_quantity(text, kind)
        except BeamwatchError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _box(text: str) -> tuple[int, int, int, int]:
    """A rectangle as ``Y0:Y1,X0:X1``."""
    try:
        (y0, y1), (x0, x1) = (map(int, part.split(":")) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no rectangle: give Y0:Y1,X0:X1 in whole pixels"
        ) from None
    if not (0 <= y0 < y1 and 0 <= x0 < x1):
        raise argparse.ArgumentTypeError(f"{text!r} holds no pixels")
    return y0, y1, x0, x1


def _names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names: give LiF,Li2O")
    return names


def _persistence(text: str) -> int | str:
    """A number of frames, or the word ``end``."""
    if text == "end":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of frames nor 'end'"
        ) from None


def _lost(text: str) -> float:
    """Part of the lattice that is left when so many percent are lost; the word ``any``."""
    if text.strip() == "any":
        return ANY_LOSS
    percent = _in(spelling.NUMBER)(text.strip().removesuffix("%"))
    if not 10 <= percent <= 99:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 10 and 99 %, nor the word any")
    return 1 - percent / 100


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; 0 is good, 1 failed (one line on stderr), 2 wrong usage."""
    top = parser()
    args = top.parse_args(words)
    if args.version:
        from napari_beamwatch import __version__

        print(__version__)
        return 0
    if args.command is None:
        top.print_usage(sys.stderr)
        return 2
    with told_on_terminal(args.verbose):
        return _done(args)


def _done(args: argparse.Namespace) -> int:
    """Exit status of a command that was carried out."""
    try:
        if args.command == "info":
            from napari_beamwatch.cli.info import info

            info(args.file, as_json=args.json, sidecars=args.sidecars)
        elif args.command == "demo":
            from napari_beamwatch.cli.demo import demo

            demo()
        elif args.command == "view":
            from napari_beamwatch.cli.view import view

            return 0 if view(args.file, verbose=args.verbose) else 1
        elif args.command == "watch":
            from napari_beamwatch.cli.watch import watch

            watch(args)
        elif args.command == "analyze":
            from napari_beamwatch.cli.analyze import UsageError, analyze

            try:
                return 0 if analyze(args) else 1
            except UsageError as error:
                print(printable(f"beamwatch analyze: {error}"), file=sys.stderr)
                return 2
        else:
            if not args.list and (args.out is None or args.case is None):
                print("beamwatch simulate: give OUT and --case NAME, or --list", file=sys.stderr)
                return 2
            from napari_beamwatch.cli.simulate import list_cases, simulate

            if args.list:
                list_cases()
            else:
                simulate(args)
    except BeamwatchError as error:
        print(printable(f"beamwatch: {error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("beamwatch: interrupted", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output left (`beamwatch info … | head`): that is no failure, but
        # the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, MemoryError) as error:
        # The machine's own limits: a full disk, a drive that went away, no memory left.
        print(printable(f"beamwatch: {error or type(error).__name__}"), file=sys.stderr)
        return 1
    return 0
