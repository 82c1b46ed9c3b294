"""When a loss lasts, at a rate of false alarms that holds for a whole watch.

All of the field, each crystal and parts of the field have a trace and a share of the evidence; the
shares add up to 1 at most, so that the mixture over all keeps the bound of each (`lasting`).

Evidence is not enough, for a loss may recover. It has to last for a part of the dose that was taken
before it, and for longer than what has recovered already. And a loss that lasts need not be damage:
focus, a tilt and a layer make such, and the traces of parts do not tell which it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_beamwatch.damage.course.estimate import LEVELS
from napari_beamwatch.damage.course.lasting import Loss, Watched
from napari_beamwatch.damage.parts import FIFTH, LITTLE

Alarmed = Literal["holding", "falling", "lasting"]

FEWEST_SAMPLES = 4
"""For which it must last in any case."""

BEYOND_DIPS = 1.5
"""Times the longest dip that recovered."""


@dataclass(frozen=True)
class Since:
    """Dose from which a lasting loss is seen, with its 95 % interval, as the test has it.

    Attributes
    ----------
    dose, low, high : float
    """

    dose: float
    low: float
    high: float


@dataclass(frozen=True)
class Alarm:
    """What is said after a frame.

    Attributes
    ----------
    status : {"holding", "falling", "lasting"}
        ``falling`` is a loss that has not lasted yet, ``lasting`` one that did.
    left : float
        Part of the lattice that is left where most was lost; of the whole field while it holds.
    since : Since or None
    where : str
        Of what: the name of a part.
    log_e : float
        Evidence of a loss that lasts: the logarithm of a mixture of likelihood ratios.
    dips : int
        Losses that came back.
    """

    status: Alarmed
    left: float
    since: Since | None
    where: str
    log_e: float
    dips: int


@dataclass(frozen=True)
class Frame:
    """One frame of one trace: see `Watched.add`."""

    value: float
    signal: float
    noise: float


class Alarms:
    """Takes traces frame by frame and says how things stand.

    Parameters
    ----------
    rate : float
        Chance of a false alarm in all of the watch, however often one asks.
    parts : sequence of (str, float)
        What each trace is of, and its share of the evidence.
    """

    def __init__(self, rate: float, parts: Sequence[tuple[str, float]]) -> None:
        self._limit = math.log(1 / rate)
        self._traces = [(name, share, Watched()) for name, share in parts]

    def add(self, frames: Sequence[Frame], start: float, end: float) -> None:
        """Take a frame of all traces, and its doses from beam-on."""
        for (_, _, trace), one in zip(self._traces, frames, strict=True):
            trace.add(one.value, one.signal, one.noise, start, end)

    @property
    def now(self) -> Alarm:
        """How things stand."""
        found, which = self._found()
        if found >= self._limit:
            for *_, trace in self._traces:
                trace.look_for_dips()
            found, which = self._found()
        events = [e for *_, trace in self._traces for e in trace.dips.events]
        recovered = [e for e in events if e.kind == "recovered"]
        longest = max((e.dose_to - e.dose_from for e in recovered), default=0.0)
        dips = len({(e.dose_from, e.dose_to) for e in recovered})
        if found < self._limit:
            return Alarm("holding", self._left(), None, "", found, dips)
        name, _, trace = self._traces[which]
        loss = trace.loss()
        since = self._since(trace, loss)
        back = trace.comes_back(loss) or not self._lasted(trace, since.high, longest)
        return Alarm("falling" if back else "lasting", loss.left, since, name, found, dips)

    def _found(self) -> tuple[float, int]:
        """Evidence of all traces together, and the one that has most of it."""
        shared = [math.log(share) + trace.evidence(1 - LITTLE) for _, share, trace in self._traces]
        return float(np.logaddexp.reduce(shared)), int(np.argmax(shared))

    def _left(self) -> float:
        """Part of the lattice that is left, by the trace with the largest share that has one."""
        known = [(share, trace.recent) for _, share, trace in self._traces]
        known = [(share, left) for share, left in known if math.isfinite(left)]
        return max(known, key=lambda one: one[0])[1] if known else math.nan

    @staticmethod
    def _since(trace: Watched, loss: Loss) -> Since:
        low, middle, high = (loss.place(part) for part in LEVELS)
        return Since(trace.start_of(middle), trace.start_of(low), trace.start_of(high + 1))

    @staticmethod
    def _lasted(trace: Watched, since: float, longest: float) -> bool:
        # Less than the 0.3 by which an alarm may come late, longer than a tilt that is set right.
        enough = max(FIFTH * since, BEYOND_DIPS * longest)
        return (
            trace.end - since >= enough * (1 - 1e-9)
            and trace.samples_since(since) >= FEWEST_SAMPLES
        )
