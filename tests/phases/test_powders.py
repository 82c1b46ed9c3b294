"""Rings are named by the whole powder pattern of a phase, blends of lines among them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.stats import multivariate_normal

from napari_beamwatch.phases import Phase, phase
from napari_beamwatch.phases.powders import (
    AMOUNTS,
    FAINT,
    UNEVEN,
    WIDTHS,
    Lines,
    RingProfile,
    evidence,
    match_rings,
)

SODIUM = ("Na", "Na2O", "Na2CO3", "NaF", "NaOH")
G = np.arange(30, 126) / 200  # 1/Å, of pixels at 200 Å·px
WIDTH = 1.5 / 200
ERROR = 0.5  # of a value, counts per pixel
RUTILE = Phase(
    "rutile", (4.594, 4.594, 2.959, 90.0, 90.0, 90.0), "P 42/m n m",
    (("Ti", (0.0, 0.0, 0.0), 1.0), ("O", (0.3053, 0.3053, 0.0), 1.0)),
)  # fmt: skip


def drawn(lines: Lines, texture: float = 0.0, scale: float = 1.0, seed: int = 1) -> np.ndarray:
    """Counts along the radius of a powder on nothing, the strongest ring 100 high."""
    rng = np.random.default_rng(seed)
    power = lines.power * np.exp(rng.normal(0, texture, len(lines.power)))
    at = lines.g / scale
    shown = (power / at * np.exp(-(((G[:, None] - at) / WIDTH) ** 2) / 2)).sum(axis=1)
    return 100 * shown / shown.max()


def profile(counts: np.ndarray, there: np.ndarray | None = None, seed: int = 2) -> RingProfile:
    """Those counts on a slope, with errors; rings are taken to lie where counts are highest."""
    rng = np.random.default_rng(seed)
    peaks = 1 + np.flatnonzero((np.diff(counts)[:-1] > 0) & (np.diff(counts)[1:] <= 0))
    d = 1 / G[peaks]
    slope = np.stack([np.ones(len(G)), G], axis=1)
    old = np.zeros(len(G)) if there is None else there
    return RingProfile(
        g=G,
        value=counts + 0.4 * old + slope @ [40.0, -30.0] + rng.normal(0, ERROR, len(G)),
        variance=np.full(len(G), ERROR**2) + (0.05 * counts) ** 2,
        background=slope if there is None else np.column_stack([slope, old]),
        there=np.zeros((len(G), 0)) if there is None else 0.1 * old[:, None],
        d=d,
        d_se=np.full(len(d), 1e-3),
        width=np.full(len(d), WIDTH),
        power=counts[peaks] * 2 * np.pi / d * math.sqrt(2 * np.pi) * WIDTH,
    )


def lines_of(one: str | Phase) -> Lines:
    return Lines.of(phase(one) if isinstance(one, str) else one, 0.7, None)


def test_the_evidence_is_that_of_the_normal_law_written_out() -> None:
    lines = Lines(np.array([0.25, 0.33, 0.41]), np.array([1.0, 0.4, 0.7]), ("a", "b", "c"))
    counts = drawn(lines, texture=0.3)
    one = profile(counts)
    seen = null_space(one.background.T)  # whatever the background is
    value, noise = seen.T @ one.value, seen.T @ np.diag(one.variance) @ seen
    nothing = multivariate_normal(np.zeros(len(noise)), noise)
    values = []
    for width in (factor * one.usual_width for factor in WIDTHS):
        shape = np.exp(-(((G[:, None] - lines.g) / width) ** 2) / 2) / (
            2 * np.pi * lines.g * math.sqrt(2 * np.pi) * width
        )
        power = lines.power * one.power.sum() / lines.power.sum()
        spread = shape * np.hypot(UNEVEN * power, FAINT * power.max())
        for amount in AMOUNTS:
            more = seen.T @ (amount**2 * spread @ spread.T) @ seen
            law = multivariate_normal(seen.T @ (amount * shape @ power), noise + more)
            values.append(law.logpdf(value) - nothing.logpdf(value))
    naive = np.logaddexp.reduce(values) - math.log(len(values))
    # Places are rounded to a tenth of the width.
    assert evidence(one, lines, np.zeros(1))[0] == pytest.approx(naive, rel=0.02)


@pytest.mark.parametrize("texture", [0.0, 0.4])
def test_a_phase_whose_rings_are_blends_is_named_beside_rings_of_what_was_there(
    texture: float,
) -> None:
    sodium = drawn(lines_of("Na"))
    counts = drawn(lines_of("Na2CO3"), texture, scale=1.004)
    found = match_rings(
        profile(counts, there=sodium), phases=SODIUM, scale=(1.003, 0.003), phase_before="Na"
    )
    assert found.answer == "Na2CO3"
    best = found.candidates[0]
    assert abs(best.scale - 1.004) < 3 * best.scale_se < 0.01
    assert {"002", "310", "112"} & set(found.hkl)


def test_what_no_known_phase_explains_has_no_name_though_some_fit_better_than_others() -> None:
    for texture in (0.0, 0.4):
        found = match_rings(profile(drawn(lines_of(RUTILE), texture)))
        assert found.answer == ""
        assert found.hkl == ("",) * len(found.hkl)


def test_one_ring_names_nothing_and_no_candidates_are_none() -> None:
    one = profile(drawn(lines_of("Na2CO3")))
    single = replace(
        one, **{name: getattr(one, name)[:1] for name in ("d", "d_se", "width", "power")}
    )
    assert match_rings(single, phases=SODIUM).answer == ""
    assert match_rings(one, elements="Xe").candidates == ()
