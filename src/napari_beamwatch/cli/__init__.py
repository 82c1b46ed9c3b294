"""The command ``beamwatch``.

Only the parser lives here: each command imports its work when it runs, so that ``--help``
answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from napari_beamwatch.errors import BeamwatchError


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
    simulate.add_argument("--pixel-size", type=float, metavar="A", help="Å per pixel")
    simulate.add_argument("--frame-dose", type=float, metavar="E", help="e/Å² a frame")
    simulate.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    simulate.add_argument("--force", action="store_true", help="replace OUT if it is there")
    return top


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
    try:
        if args.command == "info":
            from napari_beamwatch.cli.info import info

            info(args.file, as_json=args.json)
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
        print(f"beamwatch: {error}", file=sys.stderr)
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
        print(f"beamwatch: {error or type(error).__name__}", file=sys.stderr)
        return 1
    return 0
