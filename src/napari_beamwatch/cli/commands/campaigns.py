"""Commands about many movies, and the next: ``summary``, ``strip`` and ``plan``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction

from napari_beamwatch import spelling
from napari_beamwatch.cli.commands.reading import names, quantities, quantity
from napari_beamwatch.cli.commands.told import add_measure


def add_summary(commands: _SubParsersAction[ArgumentParser]) -> None:
    """What many runs say together."""
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
        type=names,
        metavar="compound,temperature_C",
        default=("compound", "temperature_C"),
        help="conditions to group by: compound, temperature, voltage, dose_rate, thickness, …",
    )
    add_measure(summary, "which dose is shown; the tables hold all (onset)")
    summary.add_argument(
        "--dose-rate",
        type=quantity(spelling.DOSE_RATE),
        metavar="E",
        help="e/Å²/s at which doses are told in seconds",
    )
    summary.add_argument("--force", action="store_true", help="replace the summary in DIR")
    summary.set_defaults(does=_summary)


def _summary(args: Namespace) -> bool:
    from napari_beamwatch.cli.summary import summary

    return summary(args)


def add_strip(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Movies below each other."""
    strip = commands.add_parser(
        "strip",
        help="pictures of movies at chosen doses below each other, with their transforms",
        description="Draw the movies of runs below each other for print, each at the same doses, "
        "every picture with its Fourier transform: what is left in the cold of what went at room "
        "temperature.",
    )
    strip.add_argument("run", metavar="RUN", nargs="+", help="the folder of a run")
    strip.add_argument("--out", metavar="FILE", required=True, help="a .png, .svg or .pdf file")
    strip.add_argument(
        "--doses",
        type=quantities(spelling.DOSE),
        metavar="20,100,400",
        help="e/Å² (five, from the start to the end of each movie)",
    )
    strip.set_defaults(does=_strip)


def _strip(args: Namespace) -> bool:
    from napari_beamwatch.harmless import printable
    from napari_beamwatch.reports import write_strip

    print(printable(write_strip(args.run, args.out, args.doses)))
    return True


def add_plan(commands: _SubParsersAction[ArgumentParser]) -> None:
    """The next movie."""
    plan = commands.add_parser(
        "plan",
        help="the next movie: dose to stop at, seconds, frames, and what it will show",
        description="Plan a movie in which most places stay as they were, from a summary of one's "
        "own movies or from published limits, and say what to type into the microscope.",
    )
    plan.add_argument("--compound", metavar="LiF", required=True, help="what the specimen is")
    plan.add_argument(
        "--temperature", type=quantity(spelling.TEMPERATURE), metavar="C", required=True, help="°C"
    )
    plan.add_argument(
        "--from",
        dest="source",
        metavar="SUMMARY_DIR",
        help="folder of beamwatch summary; published limits if left out",
    )
    plan.add_argument(
        "--d",
        type=quantity(spelling.PIXEL_SIZE),
        metavar="A",
        required=True,
        help="spacing to see, Å",
    )
    plan.add_argument(
        "--window-nm",
        type=quantity(spelling.LENGTH),
        metavar="NM",
        required=True,
        help="side of the FFT window, nm",
    )
    plan.add_argument(
        "--dose-rate", type=quantity(spelling.DOSE_RATE), metavar="E", required=True, help="e/Å²/s"
    )
    plan.add_argument(
        "--survive",
        type=quantity(spelling.NUMBER),
        metavar="PCT",
        default=90.0,
        help="%% of the places that must be intact, with 95 %% confidence (90)",
    )
    add_measure(plan, "what must not have happened to them (onset)")
    plan.add_argument(
        "--movies",
        type=quantity(spelling.NUMBER),
        metavar="N",
        help="how many will be recorded so (as many as the summary has)",
    )
    plan.add_argument(
        "--frame-time", type=quantity(spelling.FRAME_TIME), metavar="S", help="of the camera, s"
    )
    plan.add_argument("--pixel-size", type=quantity(spelling.PIXEL_SIZE), metavar="A", help="Å")
    plan.add_argument(
        "--contrast", type=quantity(spelling.NUMBER), metavar="C", help="of the fringe (0.06)"
    )
    plan.set_defaults(does=_plan)


def _plan(args: Namespace) -> bool:
    from napari_beamwatch.cli.plan import plan

    plan(args)
    return True
