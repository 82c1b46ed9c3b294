"""What explains a lasting loss but damage: focus, beam and thickness, tilt, a layer on top.

Each acts where it acts, so that other places may refute it (`others`). Where all went at one dose
the spots must tell. What damage does and focus and tilt do not is to take all spots of a crystal,
whatever their g, in one course and to nothing. In multislice LiF 5 nm of focus took 200 to 4 % and
111 to 128 %; 15 mrad of tilt left 54, 66 and 26 % of 111, 200 and 220. A layer, thickness and
contrast take an equal part of all: less than half of the lattice lost says nothing, nor does a
halo that grows, for a layer has its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.appearing import outer_quarters
from napari_beamwatch.damage.course.estimate import CLEAR, ONE_SIDED, SURE
from napari_beamwatch.damage.course.examining import Examined, Loss, Watch
from napari_beamwatch.damage.course.left import Left
from napari_beamwatch.damage.likeness import called, distinct, independent
from napari_beamwatch.damage.parts import FIFTH, HALF, HARDLY, LITTLE, SEVERAL, THIRD
from napari_beamwatch.damage.scopes import Samples, Scope, SpotTrace
from napari_beamwatch.damage.verdict.focus import focus_explains
from napari_beamwatch.damage.verdict.others import Refuted
from napari_beamwatch.damage.verdict.together import fell_together, high_first, shares

Floats = NDArray[np.float64]

CONVINCING, LIKELIER = 20.0, 3.0
"""Ratio of the probabilities from which high |g| fell first, or spots surely did not fall together;
that from which they fell together, if nothing of them stays. Of 600 lasting tilts and focus changes
4 are called with either, and 380 or 364 of 400 fades."""

BROADER = 0.1
"""Squared cycles per window by which spots must broaden: layers, tilts and focus make it 0.04 at
the most, a crystal that goes in patches half a window wide 0.2 to 0.4."""

LEAST_MASS = 0.01
"""Part of the signal by which a place must be darker than what lies around to tell of its mass."""


@dataclass(frozen=True)
class Finding:
    """What a lasting loss is taken for.

    Attributes
    ----------
    damage : bool
    evidence : str
        ``strong`` or ``single``; empty if it is no damage.
    why : str
    kind : str
        ``disorder`` where high |g| or an order went first, ``mass_loss`` where the specimen itself
        went, or nothing.
    """

    damage: bool
    evidence: str
    why: str
    kind: str = ""


def judge_loss(one: Examined, watch: Watch, loss: Loss, against: Refuted) -> Finding:
    """Damage, or something that lasts too.

    Parameters
    ----------
    one : Examined
    watch : Watch
    loss : Loss
        Of the same place.
    against : Refuted
    """
    scope, left, samples, found = one.old, loss.left, watch.samples, loss.found
    seen = left.measured
    if against.moved:
        return Finding(
            False, "", "spots that fell here brightened or came back elsewhere in the crystal: it "
            "bends or moves",
        )  # fmt: skip
    if against.along:
        return Finding(
            False, "", "all crystals kept what lies along one direction, and lost what lies across "
            "it: the film tilted, or shakes",
        )  # fmt: skip
    if not seen.any():
        return Finding(False, "", "the record is too weak to say which spots were lost")
    fell = left.fell
    # One that stays and is faint, or in few windows, may be another grain's, and some are known to.
    level = found.weighed.plateau[found.best] * samples.windows.mean(axis=1)
    strong = seen & scope.own & (level > LITTLE * level.max())
    stays = left.ratio - 2.5 * left.se > FIFTH
    complete = left.complete and not (strong & stays).any()
    whole = complete and independent(scope.of_traces(fell).traces)
    order = order_gone(scope, left)
    if order.any():
        said = f"{called(_some(scope, order))} were lost completely, and those between them held"
        return Finding(True, "strong", said, "disorder")
    # Some rise by a fifth at slight disorder.
    rose = seen & (left.highest - 2.5 * left.highest_se > 1 + FIFTH)
    if rose.any() and not whole:
        which = int(np.flatnonzero(rose)[0])
        return Finding(
            False, "", f"a spot of d = {1 / scope.traces[which].g:.3g} px rose while others fell: "
            "a change of focus, tilt or thickness",
        )  # fmt: skip
    patchy, onset = broadened(scope), loss.course.onset.value
    dark = not complete and darkened(scope, onset)
    much = left.total + ONE_SIDED * left.total_se > HALF
    if (much or dark) and not patchy:
        here = ", where it darkened" if dark else ""
        return Finding(
            False, "", f"{100 * max(left.total, 0):.0f} % of the lattice is left{here}: a layer "
            "on top, thickness and contrast take a part of all spots, too",
        )  # fmt: skip
    # Beside what was lost completely a faint spot that may have, too, tells nothing.
    told = _some(scope, seen & (fell | stays) if complete else seen)
    if not independent(told):
        return _single(complete, against, told)
    if whole and mass_went(scope, onset):
        said = "all spots went, and the signal came to that of what lies around"
        return Finding(True, "strong", said, "mass_loss")
    gone = distinct(scope.of_traces(fell).traces) if complete else 0
    nothing = gone >= SEVERAL and left.total < HARDLY
    cleared = against.path or nothing or (whole and field_brightened(samples))
    if not cleared and focus_explains(scope, samples, loss, gone):
        return Finding(False, "", "a drifting focus explains the traces as well")
    exponents = shares(samples, found, watch.dispersion)
    kind = "disorder" if high_first(exponents, scope) > CONVINCING else ""
    if whole:
        said = f"{called(scope.of_traces(fell).traces)} of several g were lost together"
        return Finding(True, "strong", said + _order(kind), kind)
    together = fell_together(exponents)
    # A part of a film may rise, or bend, by itself: spots that clearly did not fall together.
    elsewhere = against.path and against.tilt and together * CONVINCING > 1
    if elsewhere and independent(scope.of_traces(fell).traces):
        said = f"neither focus nor tilt: {against.why}"
        return Finding(True, "strong", said + _order(kind), kind)
    if kind:
        said = f"{called(_some(scope, seen))} fell{_order(kind)}"
        return Finding(True, "strong", said, kind)
    if loss.course.stays > HARDLY and not patchy:
        return Finding(
            False, "", f"{100 * loss.course.stays:.0f} % of the lattice and more stays as it is: "
            "an aperture, a tilt, a layer on top take a part of all spots, too",
        )  # fmt: skip
    if together < LIKELIER:
        return Finding(
            False, "", f"{100 * max(left.total, 0):.0f} % of the lattice is left and its spots did "
            "not verifiably fall together: a lasting tilt or focus is not excluded",
        )  # fmt: skip
    said = f"{called(_some(scope, seen))} of several g fell by the same part"
    return Finding(True, "strong", said + (" and broadened" if patchy else ""))


def order_gone(scope: Scope, left: Left) -> NDArray[np.bool_]:
    """Spots of an order that went, where the lattice held: each is gone, or what it was.

    A layer takes a part of all, a tilt leaves those along its axis, and a focus takes neighbours in
    |g|.
    """
    gone = left.measured & (left.ratio + ONE_SIDED * left.se < FIFTH)
    away = np.abs(left.ratio - 1)
    held = left.measured & (away + ONE_SIDED * left.se < THIRD)
    either = gone | held | (left.ratio < CLEAR * left.se) | (away < CLEAR * left.se)
    parts = [scope.of_traces(which).traces for which in (gone, held)]
    both = either[left.measured].all() and all(independent(part) for part in parts)
    return gone if both and distinct(parts[0]) >= SEVERAL else np.zeros_like(gone)


def broadened(scope: Scope) -> bool:
    """Whether the spots did: what is left of the lattice is patchy, which no layer makes it."""
    if scope.broadening is None:
        return False
    change, se = scope.broadening
    return change > max(BROADER, SURE * se)


def darkened(scope: Scope, onset: float) -> bool:
    """Whether a place came to be darker beside what lies around it: something grew there."""
    known = _beside_around(scope, onset)
    if known is None:
        return False
    before, after, error = known
    return before - after > max(HARDLY, SURE * error)


def mass_went(scope: Scope, onset: float) -> bool:
    """Whether a place that was darker than what lies around it came to be as bright in the end.

    Focus does nothing to it; of a tilt the contrast of the mass stays.
    """
    known = _beside_around(scope, onset)
    if known is None:
        return False
    before, after = (1 - ratio for ratio in known[:2])
    return before > max(LEAST_MASS, SURE * known[2]) and abs(after) < FIFTH * before


def field_brightened(samples: Samples) -> bool:
    """Whether the field is brighter in the end: where a specimen goes more electrons come through.

    A focus does not do that, nor does a beam that grows take a lattice.
    """
    first, last = (samples.beam[side].mean() for side in outer_quarters(len(samples)))
    return bool(last > (1 + LITTLE) * first)


def _beside_around(scope: Scope, onset: float) -> tuple[float, float, float] | None:
    """Signal of a place over that of what lies around it, before an onset and in the end.

    With their error; slow changes do not count to it.
    """
    if scope.signal is None:
        return None
    lit = scope.lit & np.isfinite(scope.signal)
    ratio, end = scope.signal[lit], scope.dose_end[lit]
    sides = [end <= onset, end > end[-1] - (end[-1] - onset) / 4] if len(end) else []
    if not sides or not all(side.sum() >= SEVERAL for side in sides):
        return None
    # Neighbours tell how it scatters.
    spread = float(np.median(np.abs(np.diff(ratio)))) / 0.95
    before, after = (float(ratio[side].mean()) for side in sides)
    return before, after, spread * math.sqrt(sum(1 / float(side.sum()) for side in sides))


def _some(scope: Scope, which: NDArray[np.bool_]) -> tuple[SpotTrace, ...]:
    return scope.of_traces(which).traces


def _order(kind: str) -> str:
    return ", those of high |g| first" if kind else ""


def _single(complete: bool, against: Refuted, traces: tuple[SpotTrace, ...]) -> Finding:
    """Of fringe sets of one spacing or direction alone."""
    what, was = "one fringe set", "was"
    if len(traces) > 1:
        one = "spacing" if distinct(traces) == 1 else "direction"
        what, was = f"fringe sets of one {one}", "were"
    if not complete:
        return Finding(False, "", f"{what} alone, and not lost completely")
    if against.path:
        return Finding(True, "single", f"{what} {was} lost completely")
    if against.focus_moved:
        return Finding(False, "", f"{what} alone, and the focus moved")
    return Finding(False, "", f"{what} alone, and nothing to witness focus and tilt")
