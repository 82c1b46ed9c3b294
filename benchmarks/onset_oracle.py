"""The onset by maximum likelihood when everything else is known: the best anybody can do.

The oracle knows every spot's level, the law and length of the decay and the residual; only the
onset is free. Its interval is that of its likelihood (flat prior on the onset), so that widths can
be compared.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_beamwatch.damage.law import log_density
from napari_beamwatch.damage.models import remaining
from napari_beamwatch.damage.scopes import Samples


@njit(nogil=True, cache=True)
def _profile(y, windows, in_phase, own, beam, start, end, onsets, tau, beta, plateau, residual):
    total = np.zeros(len(onsets))
    for o in range(len(onsets)):
        shape = remaining(start, end, onsets[o], tau, beta)
        for i in range(y.shape[0]):
            for t in range(y.shape[1]):
                if windows[i, t] > 0:
                    s = beam[t] * (plateau[i] * shape[t] + residual[i] * (1 - shape[t]))
                    total[o] += log_density(y[i, t], s, windows[i, t], in_phase[i], own[i])
    return total


def oracle_onset(
    samples: Samples, tau: float, beta: float, plateau: np.ndarray, residual: np.ndarray
) -> tuple[float, float, float]:
    """Most likely onset and its 95 % interval, in the dose of the samples."""
    first, last = samples.start[0], samples.end[-1]
    frame = float(np.median(samples.end - samples.start))

    def profile(onsets: np.ndarray) -> np.ndarray:
        return _profile(
            samples.y, samples.windows, samples.in_phase, samples.own, samples.beam,
            samples.start, samples.end, onsets, tau, beta, plateau, residual,
        )  # fmt: skip

    coarse = np.arange(first, last, frame)
    found = profile(coarse)
    near = coarse[found > found.max() - 8]
    step = max(frame / 10, (near[-1] - near[0] + 2 * frame) / 400)
    fine = np.arange(max(first, near[0] - frame), min(last, near[-1] + frame), step)
    values = profile(fine)
    weight = np.exp(values - values.max())
    cumulative = np.cumsum(weight) / weight.sum()
    low, high = np.interp([0.025, 0.975], cumulative, fine)
    return float(fine[values.argmax()]), float(low), float(high)
