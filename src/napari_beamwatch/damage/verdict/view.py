"""Whether the view changed with the lattice: a stage that was moved, or a blur that lasts.

Both take all spots of all places at once, as sudden damage does. The film that carries the
specimen tells: what is seen of it beside the lattice stays as it was where a crystal is damaged.
Of another place nothing is found again of what was seen before; a blur damps it by exp(-q k²), as
it does the spots; another focus shows more of it at some k and less at others. If only a part of
the film shakes, or rises, the film in that part tells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_beamwatch.damage.course.estimate import CLEAR, WIDTH, Estimate
from napari_beamwatch.damage.course.examining import Examined, Loss
from napari_beamwatch.damage.parts import HARDLY, LITTLE, SEVERAL
from napari_beamwatch.damage.scopes import Scope
from napari_beamwatch.damage.verdict.dimming import takes_most
from napari_beamwatch.damage.verdict.others import fallen_with
from napari_beamwatch.spectra.drift import Comparison, Texture
from napari_beamwatch.spectra.drift.blurring import Blur, terms
from napari_beamwatch.spectra.drift.refocusing import SEEN

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NEAREST, FARTHEST = 8, 48
"""Frames to either side that are compared first; where they do not tell, half as many more, and
where none do, up to so many whose drift is told anew."""

SUDDEN = 2.0
"""Frames of a decay to 1/e that a stage does not take to take a lattice away."""

STEPS = 12
"""In which it is looked for how a blur of the film and what is left of the spots agree best."""


def view_changed(
    one: Examined, others: Sequence[Examined], onset: Estimate, texture: Texture | None
) -> str:
    """Why a change is one of the view, in words; empty where the film does not say so.

    Parameters
    ----------
    one : Examined
    others : sequence of Examined
        The other places of the field.
    onset : Estimate
        Of the change.
    texture : Texture, optional
    """
    if _at_once(onset, one, others):
        return (
            f"all that went did so within a frame, at {onset.value:.4g}: a focus that was set, a "
            "stage that was moved"
        )
    if texture is None:
        return ""
    scope = one.scope
    # Of those that may have gone at this dose the first is the one that knows best when it did.
    with_it = sorted(
        fallen_with(one, onset, (one, *others)), key=lambda each: float(np.ptp(each.span))
    )
    all_went = not any(_apart(onset, one, each) for each in others if each not in with_it)
    if one.loss is None or _sudden(one):
        own = onset.over(scope.exposure)
        span = next((each.span for each in with_it if _sudden(each)), None)
        since, until = span or (own.low, own.high)
        start, end = scope.dose_start / scope.exposure, scope.dose_end / scope.exposure
        if another_place(texture, start, end, scope.lit, since, until, anew=all_went):
            return (
                f"all at once at {onset.value:.4g} the film changed with the lattice: the stage "
                "was moved, or another place came into view"
            )
    # A change of all the film shows best when the first of all places went.
    first = with_it[0] if with_it and all_went else None
    told = texture.compared(*_sides(first)) if first else _compared_there(one, texture, onset)
    if told is not None and told.transfer is not None and told.transfer.refocused:
        return f"from {onset.value:.4g} on the film is seen at another focus, which lasts"
    if one.loss is None or not with_it:
        return ""
    if _is_blurred(one, with_it, texture, told, all_went=all_went):
        return (
            f"from {one.loss.course.onset.value:.4g} on the film is blurred with the lattice, the "
            "finer the more: vibration or a lost focus, which lasts"
        )
    return ""


def _sudden(one: Examined) -> bool:
    """Whether its lattice may have gone within a frame or two."""
    if one.loss is None:
        return False
    return not one.loss.course.decay.low > _frames(one)


def _at_once(onset: Estimate, one: Examined, others: Sequence[Examined]) -> bool:
    """Whether all that was lost in a field went within a frame, as no crystals do by themselves."""
    places = (one, *others)
    with_it = fallen_with(one, onset, places)
    lost = [each for each in places if each.loss is not None and each.loss.left.complete]
    if any(each not in with_it for each in lost):
        return False
    went = [each for each in with_it if each.loss and each.loss.course.decay.high < _frames(each)]
    return len({each.scope.crystal for each in went}) >= SEVERAL


def _frames(one: Examined) -> float:
    """Dose within which a stage takes a lattice away."""
    return SUDDEN * float(np.median((one.scope.dose_end - one.scope.dose_start)[one.scope.lit]))


def _apart(onset: Estimate, one: Examined, other: Examined) -> bool:
    """Whether a place that did not fall with one is known to have held, or to have gone before."""
    if other.watch is None:
        return False
    held = other.watch.power.survived_dose * one.scope.exposure / other.scope.exposure
    return other.loss is not None or bool(held > onset.high)


def another_place(
    texture: Texture,
    start: Floats,
    end: Floats,
    lit: Bools,
    since: float,
    until: float,
    *,
    anew: bool,
) -> bool:
    """Whether the film before a dose is not that after another.

    Of the frames nearest to them as many are compared as it takes: what changes over many frames
    is not another place.

    Parameters
    ----------
    texture : Texture
    start, end : array (frames,)
        Doses.
    lit : array of bool (frames,)
    since, until : float
    anew : bool
        Tell the drift of each side anew where nothing else tells: a second or two.
    """
    before, after = np.flatnonzero(lit & (end <= since)), np.flatnonzero(lit & (start >= until))
    count = NEAREST
    while min(len(before), len(after)):
        told = texture.compared(*_masks(len(lit), before[-count:], after[:count]))
        if told is None:
            break
        if told.seen and abs(told.below_half) > WIDTH:
            return told.below_half > 0
        if count >= max(len(before), len(after)):
            break
        count += count // 2
    if not anew or len(before) < NEAREST or len(after) < NEAREST:
        return False
    sides = _masks(len(lit), before[-FARTHEST:], after[:FARTHEST])
    told = texture.apart(*sides).compared(*sides)
    return told is not None and told.seen and told.below_half > WIDTH


def _is_blurred(
    one: Examined, with_it: Sequence[Examined], texture: Texture, told: Comparison | None,
    *, all_went: bool,
) -> bool:  # fmt: skip
    """Whether the film says that the loss of a lattice is a blur.

    Parameters
    ----------
    one : Examined
    with_it : sequence of Examined
        Places that may have gone then, it among them.
    texture : Texture
    told : Comparison, optional
        What the film says.
    all_went : bool
        All of it, and not that of the place alone.
    """
    assert one.loss is not None
    blur = _clear_blur(told)
    if blur is None:
        return False
    if all_went:
        return _blur_explains(one.old, one.loss, blur)
    if _takes(blur, one):
        return True
    # Where only the edge of what blurred lies, what fell with it tells how much that takes.
    beside = [each for each in with_it if each is not one]
    return any(_takes(_clear_blur(_compared_there(each, texture)), each) for each in beside)


def _sides(one: Examined, onset: Estimate | None = None) -> tuple[Bools, Bools]:
    """Frames before a place changed, and those in which half of it was gone, if it went then.

    It changed when it began to go, unless something else is said.
    """
    scope = one.scope
    course = None if one.loss is None else one.loss.course
    since, until = (onset.low, onset.high) if onset else (np.nan, np.nan)
    if course is not None and (onset is None or course.onset.meets(onset)):
        since = course.onset.low
        until = float(np.fmax(course.onset.value, course.half_dose.value))
    return scope.lit & (scope.dose_end <= since), scope.lit & (scope.dose_start >= until)


def _compared_there(
    one: Examined, texture: Texture, onset: Estimate | None = None
) -> Comparison | None:
    """The film of a place alone."""
    if one.scope.boxes is None or not len(one.old.traces):
        return None
    sides = _sides(one, onset)
    texture = texture.within(one.scope.boxes, *sides)
    # Of fine pixels the lattice itself lies in the band, and what it takes along when it goes.
    return texture.below((1 - LITTLE) * float(np.hypot(*one.old.g.T).min())).compared(*sides)


def _clear_blur(told: Comparison | None) -> Blur | None:
    """What clearly blurs a film."""
    if told is None or told.blur is None or told.before < SEEN:
        return None
    return told.blur if max(told.blur.sure, told.blur.sure_along) >= CLEAR else None


def _blur_explains(lattice: Scope, loss: Loss, blur: Blur) -> bool:
    """Whether a blur takes what was lost of every spot.

    Grains that fade take their part of the texture along; but a blur leaves more of coarse spots,
    and of those across the way in which it shakes.
    """
    along = terms(*lattice.g.T)
    # Spots depart from any law, for the film's own speckle beats with them.
    variance = loss.left.se**2 + HARDLY**2
    rates, film = blur.rates, np.linalg.inv(blur.covariance)
    for _ in range(STEPS):
        left = np.exp(-along @ rates)
        slope = -along * left[:, None]
        known = slope.T @ (slope / variance[:, None]) + film
        pull = slope.T @ ((loss.left.ratio - left) / variance) - film @ (rates - blur.rates)
        rates = rates + np.linalg.solve(known, pull)
    misfit = (loss.left.ratio - np.exp(-along @ rates)) ** 2 / variance
    return bool(misfit.max() < WIDTH**2 and blur.off(rates) < stats.chi2.isf(0.05, 3))


def _takes(blur: Blur | None, one: Examined) -> bool:
    """Whether a blur of a part of the film surely takes half of what most spots there lost.

    Not all: what holds beside it reaches into the windows. Where a lattice goes to pieces the film
    seems to sharpen.
    """
    assert one.loss is not None
    if blur is None:
        return False
    return takes_most(blur.most_left(*one.old.g.T, errors=WIDTH), one.loss)


def _masks(frames: int, before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.bool_]:
    sides = np.zeros((2, frames), bool)
    sides[0, before], sides[1, after] = True, True
    return sides
