"""Commands about runs: ``analyze``, ``report``, ``rerun``, ``verify`` and ``sum``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction

from napari_beamwatch import spelling
from napari_beamwatch.cli.commands.reading import box, quantity, whole_number
from napari_beamwatch.cli.commands.told import add_movie, add_settings, add_settings_file
from napari_beamwatch.cli.loading import said_to_load
from napari_beamwatch.cli.usage import UsageError


def add_analyze(commands: _SubParsersAction[ArgumentParser]) -> None:
    """The dose of the first lasting change."""
    analyze = commands.add_parser(
        "analyze",
        help="find the dose at which the specimen first changed, and write it down",
        description="Find the dose of the first lasting change of each movie, print it, and write "
        "tables and a record of the run to DIR; of several movies, to DIR/NAME each. What was "
        "done before with the same words is skipped, so the same command goes on with a batch.",
    )
    analyze.add_argument("file", metavar="FILE", nargs="*", help="a movie, or a folder of stills")
    analyze.add_argument(
        "--table", metavar="CSV", help="of more movies, a row each: file, dose, conditions"
    )
    analyze.add_argument("--out", metavar="DIR", required=True, help="folder for the run")

    add_movie(analyze)

    how = analyze.add_argument_group("the analysis")
    how.add_argument(
        "--roi",
        type=box,
        action="append",
        default=[],
        metavar="Y0:Y1,X0:X1",
        help="a rectangle to report beside the whole field, in pixels, the ends not included; "
        "may be given again",
    )
    add_settings_file(how)
    how.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster to work on")
    how.add_argument(
        "--jobs",
        type=whole_number,
        metavar="N",
        help="movies side by side (as many as there are processors and memory for)",
    )
    how.add_argument(
        "--force", action="store_true", help="replace a run that is there, unless it is the same"
    )
    how.add_argument("--json", action="store_true", help="print one JSON object a movie")
    how.add_argument("--quiet", action="store_true", help="say nothing but what failed")
    add_settings(analyze)
    analyze.set_defaults(does=_analyze)


def _analyze(args: Namespace) -> bool:
    with said_to_load(wanted=not args.quiet):
        from napari_beamwatch.cli.analyze import analyze

    return analyze(args)


def add_report(commands: _SubParsersAction[ArgumentParser]) -> None:
    """A page about a run."""
    report = commands.add_parser(
        "report",
        help="write a page about a run or a summary that needs no other file",
        description="Write report.html in the folder of each run or summary, or FILE of one: the "
        "answer in words, the figure, tables, conditions and settings, for anybody with a browser.",
    )
    report.add_argument("run", metavar="RUN", nargs="+", help="the folder of a run or a summary")
    report.add_argument("--out", metavar="FILE", help="an .html file, of one run")
    report.set_defaults(does=_report)


def _report(args: Namespace) -> bool:
    if args.out is not None and len(args.run) > 1:
        raise UsageError("--out FILE is for one run")
    from napari_beamwatch.cli.report import report

    return report(args.run, args.out)


def add_again(commands: _SubParsersAction[ArgumentParser]) -> None:
    """A run once more, to keep or to compare."""
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
        again.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster to work on")
    rerun.set_defaults(does=_rerun)
    verify.set_defaults(does=_verify)


def _rerun(args: Namespace) -> bool:
    if args.out is not None and not args.out.strip():
        raise UsageError("--out needs the name of a folder")
    from napari_beamwatch.cli.again import rerun

    rerun(args.run, args.out, args.movie, args.scheduler, force=args.force)
    return True


def _verify(args: Namespace) -> bool:
    from napari_beamwatch.cli.again import verify

    return verify(args.run, args.movie, args.scheduler)


def add_sum(commands: _SubParsersAction[ArgumentParser]) -> None:
    """The image of the specimen as it was."""
    add_up = commands.add_parser(
        "sum",
        help="the best image of the specimen as it was",
        description="Add up the frames of a movie in which each place was still there, followed "
        "through the drift and weighted by what is left of the amplitude, to an image.",
    )
    add_up.add_argument("movie", metavar="MOVIE", nargs="?", help="if it is not where the run says")
    add_up.add_argument("--run", metavar="RUN", required=True, help="the folder of its run")
    add_up.add_argument(
        "--out", metavar="FILE", required=True, help="an .mrc, .tif, .ome.tif or .ome.zarr"
    )
    add_up.add_argument(
        "--survive",
        type=quantity(spelling.NUMBER),
        metavar="PCT",
        help="frames with so much of the lattice power left alike, 50 to 100 %%",
    )
    add_up.add_argument("--force", action="store_true", help="replace FILE if it is there")
    add_up.set_defaults(does=_sum)


def _sum(args: Namespace) -> bool:
    from napari_beamwatch.cli.sum import add_up

    add_up(args.movie, args.run, args.out, survive=args.survive, force=args.force)
    return True
