"""What is said after a frame, in words."""

from __future__ import annotations

import math

from napari_beamwatch.damage.alarm import Alarm
from napari_beamwatch.results.report.page import UNIT
from napari_beamwatch.results.summary import dose_text
from napari_beamwatch.watching.live import Live
from napari_beamwatch.watching.state import Onset

BACK = "the lattice came back"


def dose_of(live: Live) -> str:
    """How far the movie is."""
    if live.dose is None:
        return f"frame {live.frames}"
    return f"{dose_text(live.dose)} {UNIT}"


def without_lattice(live: Live) -> str:
    """While no spot is followed."""
    if not live.lit:
        return "no beam yet"
    return f"{dose_of(live)} · no lattice spots yet, in {live.lit} frames with beam"


def of_alarm(live: Live, alarm: Alarm, onset: Onset | None) -> str:
    """What the alarm says."""
    lost = f"{min(1.0, max(0.0, 1 - alarm.left)):.0%}"
    since = "" if onset is None else since_words(onset, live.dose is not None)
    where = alarm.where
    if alarm.status == "stop":
        whose = "" if where == "the field" else f", in {where}"
        return (
            f"{dose_of(live)} · damage began at {since}{whose}; {lost} of the lattice is lost: stop"
        )
    if alarm.status == "partial":
        return (
            f"{dose_of(live)} · {where} lost {lost} of its lattice since {since}: "
            "damage, or a layer that grows on it"
        )
    if alarm.status == "falling":
        return f"{dose_of(live)} · {where} is down by {lost} since {since}; does it last?"
    if math.isnan(alarm.left):
        return f"{dose_of(live)} · holding, as far as is seen"
    dips = f" · {alarm.dips} dips came back" if alarm.dips else ""
    return f"{dose_of(live)} · holding, {max(0.0, alarm.left):.0%} of the lattice{dips}"


def since_words(onset: Onset, known: bool) -> str:
    """A dose with its interval, or a frame, counted from 1."""
    if known:
        return f"{dose_text(onset.dose)} [{dose_text(onset.low)}–{dose_text(onset.high)}] {UNIT}"
    return f"frame {onset.dose + 1:.0f} [{onset.low + 1:.0f}–{onset.high + 1:.0f}]"
