"""The command ``beamwatch``.

Only the parser lives here: each command imports its work when it runs, so that ``--help``
answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from napari_beamwatch import asked, spelling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.knobs import knobs_of
from napari_beamwatch.log import told_on_terminal
from napari_beamwatch.settings import Settings, option_of

T = TypeVar("T")

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
    _add_reports(commands)
    _add_sum(commands)
    _add_summary(commands)
    _add_plan(commands)
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


def _add_reports(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words of ``beamwatch report``, ``rerun`` and ``verify``."""
    report = commands.add_parser(
        "report",
        help="write a page about a run that needs no other file",
        description="Write report.html in the folder of each run, or FILE of one: the answer in "
        "words, the figure, tables, conditions and settings, for anybody with a browser.",
    )
    report.add_argument("run", metavar="RUN", nargs="+", help="the folder of a run")
    report.add_argument("--out", metavar="FILE", help="an .html file, of one run")
    rerun = commands.add_parser(
        "rerun",
        help="analyse the movie of a run again, as its record says",
        description="Analyse the movie of a run again from run.json alone: files, fractionation, "
        "dose, conditions, regions, settings and beam profile.",
    )
    rerun.add_argument("run", metavar="RUN", help="the folder of a run")
    rerun.add_argument("--out", metavar="DIR", help="folder for the new run (RUN, with --force)")
    rerun.add_argument("--force", action="store_true", help="replace the run that is there")
    verify = commands.add_parser(
        "verify",
        help="whether a run comes out again, to the last digit",
        description="Analyse the movie of a run again from run.json and compare the tables: "
        "'identical' and status 0, or the first column that differs and 1.",
    )
    verify.add_argument("run", metavar="RUN", help="the folder of a run")
    for again in (rerun, verify):
        again.add_argument("--movie", metavar="FILE", help="where the movie is now")


def _add_sum(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words of ``beamwatch sum``."""
    add_up = commands.add_parser(
        "sum",
        help="the best image of the specimen as it was",
        description="Add up the frames of a movie in which each place was still there, followed "
        "through the drift and weighted by what is left of the amplitude, to an image.",
    )
    add_up.add_argument("movie", metavar="MOVIE", nargs="?", help="if it is not where the run says")
    add_up.add_argument("--run", metavar="RUN", required=True, help="the folder of its run")
    add_up.add_argument("--out", metavar="FILE", required=True, help="an .mrc or .tif file")
    add_up.add_argument(
        "--survive",
        type=_in(spelling.NUMBER),
        metavar="PCT",
        help="frames with so much of the lattice power left alike, 50 to 100 %%",
    )
    add_up.add_argument("--force", action="store_true", help="replace FILE if it is there")


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
    how.add_argument(
        "--roi",
        type=_box,
        action="append",
        default=[],
        metavar="Y0:Y1,X0:X1",
        help="a rectangle to report beside the whole field, in pixels, the ends not included; "
        "may be given again",
    )
    how.add_argument("--settings", metavar="FILE", help="JSON of settings, or a run.json")
    how.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster to work on")
    how.add_argument("--force", action="store_true", help="replace the run that is in DIR")
    _add_settings(analyze)


def _add_movie(analyze: argparse.ArgumentParser) -> None:
    """The words for all that a movie can be told."""
    movie = analyze.add_argument_group("the movie", "what its file does not say, or says wrongly")
    dose, fraction = (movie.add_mutually_exclusive_group() for _ in range(2))
    one_of = {
        **dict.fromkeys((*asked.DOSES, "beam_current_nA"), dose),
        "fraction_frames": fraction,
        "fraction_dose": fraction,
    }
    for one in asked.every():
        group = one_of.get(one.name, movie)
        if one.name == "sidecars":
            _add_no_sidecars(group)
        elif not one.metavar:
            group.add_argument(one.option, dest=one.name, action="store_true", help=one.help)
        else:
            said = f"{one.help} ({one.units})" if one.units else one.help
            group.add_argument(
                one.option,
                dest=one.name,
                type=_type_of(one),
                metavar=one.metavar,
                help=said.replace("%", "%%"),
            )
    dose.add_argument(
        "--vacuum-movie",
        metavar="FILE",
        help="counting movie of the beam without the specimen, which measures the dose rate",
    )


def _type_of(one: asked.Asked) -> Callable[[str], Any]:
    """How the text of something that a movie can be told is read."""
    kind = one.kind
    if one.name in ("fraction_frames", "superres"):
        return int
    if kind is None or one.name == "dose_calibration":
        return str
    if one in (asked.BEAM_CURRENT, asked.BEAM_DIAMETER):
        return _read_by(lambda text: spelling.read_measured(text, kind))
    return _in(kind)


def _add_settings(analyze: argparse.ArgumentParser) -> None:
    """The words for each of the settings."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, knob, usual in knobs_of(Settings):
        if knob.group not in groups:
            groups[knob.group] = analyze.add_argument_group(knob.group.lower())
        said = f"{knob.help}; {knob.range} (usual: {knob.written(usual) or 'none'})"
        groups[knob.group].add_argument(
            option_of(name),
            dest=name,
            type=_read_by(knob.read),
            default=argparse.SUPPRESS,  # what was not said is as the file of settings has it
            metavar=knob.metavar,
            help=said.replace("%", "%%"),
        )


def _add_summary(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words of ``beamwatch summary``."""
    summary = commands.add_parser(
        "summary",
        help="what many runs say together: doses of each condition, and what makes them differ",
        description="Group runs by their conditions and write to DIR the dose of each group with "
        "its interval between movies, ratios of groups, what the dose goes with, and a figure.",
    )
    summary.add_argument(
        "run", metavar="RUN", nargs="+", help="the folder of a run, or one that holds several"
    )
    summary.add_argument("--out", metavar="DIR", required=True, help="folder for the summary")
    summary.add_argument(
        "--by",
        type=_names,
        metavar="compound,temperature_C",
        default=("compound", "temperature_C"),
        help="conditions to group by: compound, temperature, voltage, dose_rate, thickness, …",
    )
    summary.add_argument(
        "--measure",
        choices=("onset", "detected", "half_gone"),
        default="onset",
        help="which dose is shown; the tables hold all (onset)",
    )
    summary.add_argument(
        "--dose-rate",
        type=_in(spelling.DOSE_RATE),
        metavar="E",
        help="e/Å²/s at which doses are told in seconds",
    )
    summary.add_argument("--force", action="store_true", help="replace the summary in DIR")


def _add_plan(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The words of ``beamwatch plan``."""
    plan = commands.add_parser(
        "plan",
        help="the next movie: dose to stop at, seconds, frames, and what it will show",
        description="Plan a movie in which most places stay as they were, from a summary of one's "
        "own movies or from published limits, and say what to type into the microscope.",
    )
    plan.add_argument("--compound", metavar="LiF", required=True, help="what the specimen is")
    plan.add_argument(
        "--temperature", type=_in(spelling.TEMPERATURE), metavar="C", required=True, help="°C"
    )
    plan.add_argument(
        "--from",
        dest="source",
        metavar="SUMMARY_DIR",
        help="folder of beamwatch summary; published limits if left out",
    )
    plan.add_argument(
        "--d", type=_in(spelling.PIXEL_SIZE), metavar="A", required=True, help="spacing to see, Å"
    )
    plan.add_argument(
        "--window-nm",
        type=_in(spelling.LENGTH),
        metavar="NM",
        required=True,
        help="side of the FFT window, nm",
    )
    plan.add_argument(
        "--dose-rate", type=_in(spelling.DOSE_RATE), metavar="E", required=True, help="e/Å²/s"
    )
    plan.add_argument(
        "--survive",
        type=_in(spelling.NUMBER),
        metavar="PCT",
        default=90.0,
        help="%% of the places that must be intact, with 95 %% confidence (90)",
    )
    plan.add_argument(
        "--measure",
        choices=("onset", "detected", "half_gone"),
        default="onset",
        help="what must not have happened to them (onset)",
    )
    plan.add_argument(
        "--movies",
        type=_in(spelling.NUMBER),
        metavar="N",
        help="how many will be recorded so (as many as the summary has)",
    )
    plan.add_argument(
        "--frame-time", type=_in(spelling.FRAME_TIME), metavar="S", help="of the camera, s"
    )
    plan.add_argument("--pixel-size", type=_in(spelling.PIXEL_SIZE), metavar="A", help="Å")
    plan.add_argument(
        "--contrast", type=_in(spelling.NUMBER), metavar="C", help="of the fringe (0.06)"
    )


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
    how.add_argument("--settings", metavar="FILE", help="JSON of settings, or a run.json")
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
    _add_settings(watch)


def _add_no_sidecars(words: argparse._ActionsContainer) -> None:
    words.add_argument(
        "--no-sidecars",
        dest="sidecars",
        action="store_false",
        help="leave files beside the movie alone (.mdoc, .xml, .yaml, conditions.csv, …)",
    )


def _in(kind: spelling.Kind) -> Callable[[str], float]:
    """Reads quantities as people write them."""
    return _read_by(lambda text: spelling.read_quantity(text, kind))


def _read_by(reading: Callable[[str], T]) -> Callable[[str], T]:
    """Reads a text; what it refuses is wrong usage."""

    def read(text: str) -> T:
        try:
            return reading(text)
        except BeamwatchError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names: give one,two")
    return names


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
        elif args.command == "sum":
            from napari_beamwatch.cli.sum import add_up

            add_up(args.movie, args.run, args.out, survive=args.survive, force=args.force)
        elif args.command == "report":
            from napari_beamwatch.cli.report import report

            if args.out is not None and len(args.run) > 1:
                print("beamwatch report: --out FILE is for one run", file=sys.stderr)
                return 2
            return 0 if report(args.run, args.out) else 1
        elif args.command == "rerun":
            from napari_beamwatch.cli.again import rerun

            if args.out is not None and not args.out.strip():
                print("beamwatch rerun: --out needs the name of a folder", file=sys.stderr)
                return 2
            rerun(args.run, args.out, args.movie, force=args.force)
        elif args.command == "verify":
            from napari_beamwatch.cli.again import verify

            return 0 if verify(args.run, args.movie) else 1
        elif args.command == "view":
            from napari_beamwatch.cli.view import view

            return 0 if view(args.file, verbose=args.verbose) else 1
        elif args.command == "summary":
            from napari_beamwatch.cli.summary import summary

            return 0 if summary(args) else 1
        elif args.command == "plan":
            from napari_beamwatch.cli.plan import plan

            plan(args)
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
