"""Whether a texture that is the same is seen through another transfer: the focus changed.

Of a film whose amplitudes are f two sides show ``T(k) f`` and ``T'(k) f``: what they share, over
what the one has, is ``T'/T``. It is 1 at all k where the film is seen as it was, whatever else came
or went. A focus makes it more than 1 at some k and less at others, or turns its sign [1]_. What
disorders grows, too, but not as it was: then the later side has something else besides.

References
----------
.. [1] R. H. Wade, Ultramicroscopy 46 (1992) 145.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_beamwatch.spectra.drift.arrays import Floats

BANDS = 6
"""Of as many coefficients each, from coarse to fine. The coarsest is that of the mass, which comes
and goes with crystals, too: 1.9 of one that faded, where the others were 1.0."""

SEEN = 4.0
"""Standard errors of its power from which a texture is seen, or a band of it."""

SURE = 3.0
"""Standard errors by which a band differs from what it would have without."""

DIFFERS, MORE = 0.2, 1.5
"""What two bands differ by, beyond their errors, and what one is that no other need differ from. Of
films whose crystals went bands were 0.6 to 1.3, of some that moved by 8 to 25 nm −7 to 4.2."""

ELSE = 0.25
"""Part of what the later side has that is nothing of the earlier: 0.02 to 0.16 of films that moved,
0.27 to 0.58 of some whose crystals faded or disordered."""


@dataclass(frozen=True, eq=False)
class Transfer:
    """Amplitude of a texture over what it had before, band by band.

    Attributes
    ----------
    ratio, se : array (bands,)
        Of those that tell, from coarse to fine.
    beside : array (bands,)
        Power of what else there is later, over that of the texture before.
    """

    ratio: Floats
    se: Floats
    beside: Floats

    @property
    def refocused(self) -> bool:
        """Whether it is that of another focus."""
        if not len(self.ratio):
            return False
        least, most = self.ratio - SURE * self.se, self.ratio + SURE * self.se
        apart = (
            self.ratio[:, None] - self.ratio - SURE * np.hypot(self.se[:, None], self.se)
        ).max()
        grew = least > 1
        new = self.beside.sum() > ELSE * (self.ratio**2 + self.beside).sum()
        more = least.max() > MORE or (grew.any() and apart > DIFFERS)
        return bool((more and not new) or (most.min() < 0 and apart > DIFFERS))


def transfer_of(
    shared: Floats, before: Floats, after: Floats, mean: Floats, va: Floats, vb: Floats,
    index: Floats, overlap: float,
) -> Transfer:  # fmt: skip
    """What became of a texture that two sides share.

    Parameters
    ----------
    shared, before, after : array
        Of each coefficient, ``Re a*b`` of the two sides and the power of each, without bias.
    mean : array
        Of the first, smoothed.
    va, vb : array
        Variances of the noise in either side.
    index : array
        |k|.
    overlap : float
        Coefficients that are one independent one.
    """
    weight = mean / np.maximum((mean + va) * (mean + vb), 1e-300)
    band = np.argsort(np.argsort(index, kind="stable"), kind="stable") * BANDS // max(len(index), 1)

    def added(values: Floats) -> Floats:
        return np.asarray(np.bincount(band, values, BANDS), np.float64)

    power = added(weight * before)
    known = power > SEEN * np.sqrt(overlap * added(weight**2 * (va**2 + 2 * mean * va)))
    known[0] = False
    power = power[known]
    ratio = added(weight * shared)[known] / power
    # Both have the same texture: noise makes them differ, and what else the later has.
    beside = np.maximum(added(weight * after)[known] / power - ratio**2, 0.0)
    of_b, of_a, of_both, of_else = (
        added(weight**2 * each)[known] for each in (mean * vb, mean * va, va * vb, mean**2)
    )
    variance = of_b + ratio**2 * of_a + of_both + beside * of_else
    return Transfer(ratio, np.sqrt(overlap * variance / 2) / power, beside)
