"""What is said after a frame, in words."""

from __future__ import annotations

import math

from napari_beamwatch.damage.course.alarm import Alarm
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.report.page import UNIT
from napari_beamwatch.watching.judgement import Judgement
from napari_beamwatch.watching.live import Live
from napari_beamwatch.watching.state import Onset

BACK = "the lattice came back"


def without_lattice(live: Live) -> str:
    """While no spot is followed."""
    if not live.lit:
        return "no beam yet"
    return f"{live.so_far} · no lattice spots yet, in {live.lit} frames with beam"


def of_alarm(live: Live, alarm: Alarm, onset: Onset | None, judged: Judgement | None) -> str:
    """What the alarm says, and the analysis of what was recorded."""
    lost = f"{min(1.0, max(0.0, 1 - alarm.left)):.0%}"
    since = "" if onset is None else since_words(onset, live.dose is not None)
    where = alarm.where
    if alarm.status == "lasting":
        if judged is not None and judged.damage:
            of = "the lattice" if where == "the field" else f"the lattice of {where}"
            said = f"damage began at {since}, by the analysis at {judged.at}"
            return f"{live.so_far} · {said}; {lost} of {of} is lost: stop"
        why = "is it damage? analysing what was recorded"
        if judged is not None:
            why = f"damage or not cannot be told, by the analysis at {judged.at}: {judged.words}"
        return f"{live.so_far} · {where} lost {lost} of its lattice since {since}; {why}"
    if alarm.status == "falling":
        return f"{live.so_far} · {where} is down by {lost} since {since}; does it last?"
    if math.isnan(alarm.left):
        return f"{live.so_far} · holding, as far as is seen"
    dips = f" · {alarm.dips} dips came back" if alarm.dips else ""
    return f"{live.so_far} · holding, {max(0.0, alarm.left):.0%} of the lattice{dips}"


def since_words(onset: Onset, known: bool) -> str:
    """A dose with its interval, or a frame, counted from 1."""
    if known:
        return f"{dose_text(onset.dose)} [{dose_text(onset.low)}–{dose_text(onset.high)}] {UNIT}"
    return f"frame {onset.dose + 1:.0f} [{onset.low + 1:.0f}–{onset.high + 1:.0f}]"
