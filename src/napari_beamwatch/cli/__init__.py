"""The command ``beamwatch``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from napari_beamwatch.cli.commands.campaigns import add_plan, add_strip, add_summary
from napari_beamwatch.cli.commands.movies import add_demo, add_info, add_simulate, add_view
from napari_beamwatch.cli.commands.runs import add_again, add_analyze, add_report, add_sum
from napari_beamwatch.cli.commands.watching import add_watch
from napari_beamwatch.cli.usage import UsageError, Words
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.log import told_on_terminal

COMMANDS = (
    add_info, add_simulate, add_demo, add_analyze, add_report, add_again, add_sum, add_summary,
    add_strip, add_plan, add_watch, add_view,
)  # fmt: skip
"""In the order of ``--help``."""


def parser() -> argparse.ArgumentParser:
    """The words ``beamwatch`` understands."""
    top: argparse.ArgumentParser = Words(
        prog="beamwatch",
        description="At which electron dose did my specimen first change for good?",
    )
    top.add_argument("--version", action="store_true", help="show the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
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


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; 0 is good, 1 failed (one line on stderr), 2 wrong usage."""
    top = parser()
    args, unknown = top.parse_known_args(words)
    if unknown:
        asked = " ".join(filter(None, (top.prog, args.command)))
        Words(prog=asked).error(f"unrecognized arguments: {' '.join(unknown)}")
    if args.version:
        from napari_beamwatch import __version__

        print(__version__)
        return 0
    if args.command is None:
        top.print_help(sys.stderr)
        return 2
    with told_on_terminal(args.verbose):
        return _done(args)


def _done(args: argparse.Namespace) -> int:
    """Exit status of a command that was carried out."""
    try:
        return 0 if args.does(args) else 1
    except UsageError as error:
        print(printable(f"beamwatch {args.command}: {error}"), file=sys.stderr)
        return 2
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
