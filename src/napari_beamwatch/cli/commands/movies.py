"""Commands about single movies: ``info``, ``simulate``, ``demo`` and ``view``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction

from napari_beamwatch import spelling
from napari_beamwatch.cli.commands.reading import quantity
from napari_beamwatch.cli.commands.told import add_no_sidecars
from napari_beamwatch.cli.usage import UsageError


def add_info(commands: _SubParsersAction[ArgumentParser]) -> None:
    """What a movie is."""
    info = commands.add_parser(
        "info",
        help="what a movie is: size, pixel, dose, time, and everything odd about it",
        description="Shape, type, pixel size, dose, rate and time of a movie, where each came "
        "from, and in words everything odd about the file.",
    )
    info.add_argument("file", metavar="FILE", help="a movie, or a folder of stills")
    info.add_argument("--json", action="store_true", help="print JSON instead of words")
    info.add_argument(
        "--known-ring",
        metavar="Au|'Au 111'",
        help="of diffraction patterns: the camera constant by the powder rings of a known phase, "
        "or by one of them",
    )
    add_no_sidecars(info)
    info.set_defaults(does=_info)


def _info(args: Namespace) -> bool:
    from napari_beamwatch.cli.info import info

    info(args.file, as_json=args.json, sidecars=args.sidecars, known_ring=args.known_ring)
    return True


def add_simulate(commands: _SubParsersAction[ArgumentParser]) -> None:
    """A movie whose truth is known."""
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
        "--pixel-size", type=quantity(spelling.PIXEL_SIZE), metavar="A", help="Å per pixel"
    )
    simulate.add_argument(
        "--frame-dose", type=quantity(spelling.FRAME_DOSE), metavar="E", help="e/Å² a frame"
    )
    simulate.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    simulate.add_argument("--force", action="store_true", help="replace OUT if it is there")
    simulate.set_defaults(does=_simulate)


def _simulate(args: Namespace) -> bool:
    if not args.list and (args.out is None or args.case is None):
        raise UsageError("give OUT and --case NAME, or --list")
    from napari_beamwatch.cli.simulate import list_cases, simulate

    if args.list:
        list_cases()
    else:
        simulate(args)
    return True


def add_demo(commands: _SubParsersAction[ArgumentParser]) -> None:
    """The bundled sample."""
    demo = commands.add_parser(
        "demo",
        help="analyse a bundled sample and show the answer",
        description="Analyse the simulated LiF sample, and print the dose at which it began to "
        "change, with its interval and why, and when to stop.",
    )
    demo.set_defaults(does=_demo)


def _demo(_: Namespace) -> bool:
    from napari_beamwatch.cli.demo import demo

    demo()
    return True


def add_view(commands: _SubParsersAction[ArgumentParser]) -> None:
    """A movie, a run or a summary in the window."""
    view = commands.add_parser(
        "view",
        help="open a movie, a run or a summary in the window",
        description="Open napari with the panel Beamwatch and a movie, or a run or a summary that "
        "was saved.",
    )
    view.add_argument(
        "file", metavar="FILE_OR_RUN", help="a movie, or the folder of a run or a summary"
    )
    view.set_defaults(does=_view)


def _view(args: Namespace) -> bool:
    from napari_beamwatch.cli.view import view

    return view(args.file, verbose=args.verbose)
