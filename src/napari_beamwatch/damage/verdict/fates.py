"""What became of all places of a field: what went as no focus takes it, turned, or came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_beamwatch.damage.course.appearing import outer_quarters, quarters
from napari_beamwatch.damage.course.estimate import Estimate
from napari_beamwatch.damage.course.examining import Examined, Loss
from napari_beamwatch.damage.likeness import SAME_G, distinct, independent
from napari_beamwatch.damage.scopes import Samples, SpotTrace
from napari_beamwatch.damage.verdict.focus import focus_explains
from napari_beamwatch.damage.verdict.layer import Layer
from napari_beamwatch.damage.verdict.newcomers import came_instead
from napari_beamwatch.damage.verdict.turning import has_turned


@dataclass(frozen=True)
class Gone:
    """A spot that went for good, and that no focus took.

    Attributes
    ----------
    g : float
        Length of its g-vector.
    span : tuple of float
        Doses of the field between which half of it went.
    """

    g: float
    span: tuple[float, float]

    def with_it(self, spot: SpotTrace, span: tuple[float, float]) -> bool:
        """Whether a spot is of its |g| and went while it did: what took both was no focus."""
        together = span[0] <= self.span[1] and self.span[0] <= span[1]
        return together and abs(spot.g / self.g - 1) <= SAME_G


@dataclass(frozen=True)
class Powers:
    """What a spot has in the first and the last quarter, its windows added up, and their errors.

    Attributes
    ----------
    first, last, first_se, last_se : float
    """

    first: float
    last: float
    first_se: float
    last_se: float


def powers_of(traces: Sequence[SpotTrace], samples: Samples) -> dict[int, Powers]:
    """Of each spot.

    Parameters
    ----------
    traces : sequence of SpotTrace
    samples : Samples
        Of the same.
    """
    windows = samples.windows.mean(axis=1)
    with np.errstate(invalid="ignore"):  # of what was never seen nothing is known
        errors = np.sqrt(quarters(samples)[1]).T * windows[:, None]
    found = {}
    for trace, error in zip(traces, errors.tolist(), strict=True):
        total = trace.snr * trace.windows if trace.total is None else trace.total
        first, last = (
            float(np.nan_to_num(total[samples.frame[side]]).mean() / samples.beam[side].mean())
            for side in outer_quarters(len(samples))
        )
        found[trace.spot] = Powers(first, last, *error)
    return found


@dataclass(frozen=True)
class Fates:
    """What became of all places of a field.

    Attributes
    ----------
    gone : tuple of Gone
        Spots of crystals of which several |g| went to nothing as no focus takes them.
    turned : tuple of Estimate
        Doses of the field at which crystals turned.
    grew : tuple of SpotTrace
        What came to places instead of their lattices.
    powers : dict of int to Powers
        Of each spot, in all of the field.
    layer : Layer, optional
        On all of them.
    """

    gone: tuple[Gone, ...] = ()
    turned: tuple[Estimate, ...] = ()
    grew: tuple[SpotTrace, ...] = ()
    powers: Mapping[int, Powers] = field(default_factory=dict)
    layer: Layer | None = None

    @classmethod
    def of(
        cls,
        places: Sequence[Examined],
        powers: Mapping[int, Powers] | None = None,
        layer: Layer | None = None,
    ) -> Fates:
        """Those of all places of a field.

        Parameters
        ----------
        places : sequence of Examined
        powers : dict of int to Powers, optional
        layer : Layer, optional
        """
        powers = powers or {}
        grew = tuple(trace for one in places for trace in came_instead(one))
        lost = [(one, one.loss) for one in places if one.loss is not None]
        turned = [one for one, _ in lost if has_turned(one, grew)]
        doses = tuple(one.began for one in turned)
        whole = [(one, loss) for one, loss in lost if loss.left.complete and one not in turned]
        gone = tuple(gone for one, loss in whole for gone in _not_by_focus(one, loss))
        return cls(gone=gone, turned=doses, grew=grew, powers=powers, layer=layer)

    def turned_with(self, one: Examined) -> bool:
        """Whether what a place lost may be a piece of what turned, too small to show it.

        Fringe sets of one spacing or direction, lost at a dose at which crystals turned.
        """
        return any(map(one.began.meets, self.turned)) and not independent(one.lost)


UNTOLD = Fates()
"""Where nothing is known of other places."""


def _not_by_focus(one: Examined, loss: Loss) -> list[Gone]:
    """Spots of a crystal that lost several |g|, if no focus explains that."""
    assert one.watch is not None
    # Of its own: a neighbour's that fell is no further spot of a weak one, and may be by focus.
    traces = one.old.of_traces(loss.left.fell & one.old.own).traces
    if not independent(traces):
        return []
    if focus_explains(one.old, one.watch.samples, loss, distinct(traces)):
        return []
    return [Gone(trace.g, one.span) for trace in traces]
