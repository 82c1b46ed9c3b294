"""The command ``watch``, for movies while they are written."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction

from napari_beamwatch import spelling
from napari_beamwatch.cli.commands.reading import quantity
from napari_beamwatch.cli.commands.told import add_movie, add_settings, add_settings_file


def add_watch(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Movies while they are written."""
    watch = commands.add_parser(
        "watch",
        help="watch movies while they are written, and say when to stop",
        description="Watch a folder or one movie while it is being written: after every frame say "
        "how much of the lattice is left, say stop when damage began, and analyse each movie in "
        "full when it is finished. Ctrl-C ends it.",
    )
    watch.add_argument("path", metavar="FOLDER|FILE", help="a folder, or a movie to come")
    watch.add_argument("--out", metavar="DIR", help="folder for the runs and their index page")
    add_movie(watch)
    how = watch.add_argument_group("the watch")
    add_settings_file(how)
    how.add_argument(
        "--settle",
        type=quantity(spelling.NUMBER),
        default=10.0,
        metavar="S",
        help="seconds without a change after which a file is finished (10)",
    )
    how.add_argument("--json", action="store_true", help="print one JSON object a line")
    how.add_argument(
        "--sound",
        action="store_true",
        help="ring the terminal's bell where a loss lasts, and at a stop",
    )
    how.add_argument("--once", action="store_true", help="end when every movie is finished")
    add_settings(watch)
    watch.set_defaults(does=_watch)


def _watch(args: Namespace) -> bool:
    from napari_beamwatch.cli.watch import watch

    return watch(args)
