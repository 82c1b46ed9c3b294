"""``beamwatch watch``: what is said of movies while they are written, a line at a time."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

from napari_beamwatch.cli.analyze import opening_from, settings_from
from napari_beamwatch.cli.ending import in_order
from napari_beamwatch.harmless import printable
from napari_beamwatch.log import LOG
from napari_beamwatch.watching import WatchState
from napari_beamwatch.watching import watch as watch_movies

if TYPE_CHECKING:
    from argparse import Namespace

LONGEST = 110
"""Characters of the running line: a longer one would break."""


def watch(args: Namespace) -> bool:
    """Watch until Ctrl-C, or until the one movie is finished; whether none failed until then."""
    ended: dict[str, str] = {}
    with in_order():
        states = watch_movies(
            args.path,
            settings_from(args),
            out=args.out,
            settle=args.settle,
            once=args.once,
            **opening_from(args),
        )
        told = _Json() if args.json else _Lines(sound=args.sound)
        try:
            for state in states:
                told.tell(state)
                ended[state.path.name] = state.status
        except KeyboardInterrupt:
            told.end()
            print("beamwatch: the watch has ended", file=sys.stderr)
            return True
        finally:
            told.end()
            states.close()
    return "failed" not in ended.values()


class _Lines:
    """A line for each change, and one that runs on a terminal."""

    def __init__(self, *, sound: bool) -> None:
        self._sound = sound
        self._running = sys.stderr.isatty() and not LOG.isEnabledFor(logging.INFO)
        self._width = 0
        self._last: dict[str, WatchState] = {}

    def tell(self, state: WatchState) -> None:
        """Show a state."""
        before = self._last.get(state.path.name)
        if state == before:
            return
        self._last[state.path.name] = state
        line = printable(f"{state.path.name}: {state.status}: {state.words}")
        if before is None or _differ(before, state):
            self._wipe()
            print(line, flush=True)
            if state.run is not None:
                print(printable(f"  written to {state.run}"), flush=True)
            if self._sound and state.calls(before):
                sys.stderr.write("\a")
                sys.stderr.flush()
        elif self._running:
            line = line[:LONGEST]
            sys.stderr.write("\r" + line.ljust(self._width))
            sys.stderr.flush()
            self._width = max(self._width, len(line))

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._wipe()

    def _wipe(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0


def _differ(before: WatchState, state: WatchState) -> bool:
    """Whether somebody wants to read it, and not only see it run by."""
    if (before.status, before.why) != (state.status, state.why) or state.note:
        return True
    return state.status == "waiting" and before.frame == state.frame


class _Json:
    """One JSON object a line for every state."""

    def __init__(self) -> None:
        self._last: WatchState | None = None

    def tell(self, state: WatchState) -> None:
        """Print a state that is new."""
        if state != self._last:
            print(json.dumps(state.to_plain(), ensure_ascii=True), flush=True)
            self._last = state

    def end(self) -> None:
        """Nothing is left to do."""
