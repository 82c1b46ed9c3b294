"""The kernel weighs spots as a plain sum over hypotheses does, with its integrals done in full."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from napari_beamwatch.phases.evidence import (
    ACROSS,
    LOG_STRAY_ANGLE,
    LOG_STRAY_D,
    NEAR,
    PAIRS,
    STRAY,
    marginal,
    weigh,
)
from napari_beamwatch.phases.library import Library, library
from napari_beamwatch.phases.structures import phase

SCALE_SD = 0.02

NAMES = ("LiF", "Li", "Li2O", "C", "Li2CO3")


def wrapped(angle: float) -> float:
    return (angle + math.pi / 2) % math.pi - math.pi / 2


def log_normal(x: list[float], sd: list[float], common_sd: float) -> float:
    """Log density of errors that share one normal error beside their own."""
    covariance = np.diag(np.square(sd)) + common_sd**2
    _, log_determinant = np.linalg.slogdet(2 * np.pi * covariance)
    return float(-0.5 * (np.dot(x, np.linalg.solve(covariance, x)) + log_determinant))


def log_fit(r: list[float], se: list[float], t: list[float], tau: list[float]) -> float:
    """Errors of spacings under a common scale, of angles under any orientation."""
    value = log_normal(r, se, SCALE_SD)
    if t:
        # A normal so wide that it is as good as uniform, and made uniform over half a turn.
        wide = 100.0
        value += log_normal(t, tau, wide) + math.log(wide * math.sqrt(2 * math.pi) / math.pi)
    return value


def naive(lib: Library, p: int, spots: np.ndarray) -> float:
    """Log evidence of one phase for one set of spots."""
    packed = lib.packed
    rows = range(packed.start[p], packed.start[p + 1])
    at = {tuple(packed.hkl[j]): j for j in rows}
    count = len(spots)
    across = [(i, j) for j in range(count) for i in range(j)]
    across = [(i, j) for i, j in across if abs(math.sin(spots[i, 2] - spots[j, 2])) > ACROSS]
    values = []
    top, left_out = -np.inf, count
    directed = np.isfinite(spots[:, 2]) | np.isnan(spots[0, 2])
    for base in [*across[:PAIRS], *((i, None) for i in range(min(count, PAIRS)) if directed[i])]:
        logs = []
        for hypothesis in hypotheses(lib, rows, spots, *base):
            value, strays = judged(lib, p, at, spots, *base, *hypothesis)
            logs.append(value)
            if value > top:
                top, left_out = value, strays
        if logs:
            values.append(np.logaddexp.reduce(logs))
        if left_out == 0:
            break
    return max(values, default=-np.inf)


def hypotheses(
    lib: Library, rows: range, spots: np.ndarray, one: int, two: int | None
) -> list[tuple[int, int | None]]:
    packed = lib.packed
    found: list[tuple[int, int | None]] = []
    for i in rows:
        r1 = spots[one, 0] - packed.log_d[i]
        if packed.family[i] == 0 or abs(r1) > NEAR * math.hypot(spots[one, 1], SCALE_SD):
            continue
        if two is None:
            found.append((i, None))
            continue
        for j in rows:
            r2 = spots[two, 0] - packed.log_d[j]
            cosine = packed.g[i] @ packed.g[j] / np.linalg.norm(packed.g[i])
            cosine = np.clip(cosine / np.linalg.norm(packed.g[j]), -1, 1)
            turn = (spots[two, 2] - spots[one, 2]) % math.pi - math.acos(cosine)
            if (
                abs(r2 - r1) <= NEAR * math.hypot(spots[one, 1], spots[two, 1])
                and abs(turn) <= NEAR * math.hypot(spots[one, 3], spots[two, 3])
                and np.cross(packed.hkl[i], packed.hkl[j]).any()
            ):
                found.append((i, j))
    return found


def judged(
    lib: Library,
    p: int,
    at: dict[tuple[int, ...], int],
    spots: np.ndarray,
    one: int,
    two: int | None,
    i: int,
    j: int | None,
) -> tuple[float, int]:
    """Log probability of a hypothesis with the spots, and how many of these it leaves out."""
    packed = lib.packed
    e1 = packed.g[i] / np.linalg.norm(packed.g[i])
    r, se = [spots[one, 0] - packed.log_d[i]], [spots[one, 1]]
    directed = np.isfinite(spots[one, 2])
    t, tau = ([0.0], [spots[one, 3]]) if directed else ([], [])
    value = math.log(packed.family[i]) + math.log(1 - STRAY)
    strays = 0
    zone = np.zeros(3, int)
    e2 = np.zeros(3)
    if j is not None:
        e2 = packed.g[j] - (packed.g[j] @ e1) * e1
        e2 /= np.linalg.norm(e2)
        zone = np.cross(packed.hkl[i], packed.hkl[j])
        turn = (spots[two, 2] - spots[one, 2]) % math.pi
        r.append(spots[two, 0] - packed.log_d[j])
        se.append(spots[two, 1])
        t.append(turn - math.atan2(packed.g[j] @ e2, packed.g[j] @ e1))
        tau.append(spots[two, 3])
        value += math.log(packed.expected[j]) + math.log(1 - STRAY)
    value += log_fit(r, se, t, tau)
    weight = sum(packed.expected[m] for h, m in at.items() if np.dot(h, zone) == 0) / 2
    for k in range(len(spots)):
        if k in (one, two):
            continue
        stray = math.log(STRAY) + LOG_STRAY_D
        before = log_fit(r, se, t, tau)
        w = 1 / np.square(se)
        stretch = np.dot(r, w) / (w.sum() + 1 / SCALE_SD**2)
        options = []
        if np.isnan(spots[k, 2]):
            for m in at.values():
                away = abs(spots[k, 0] - packed.log_d[m] - stretch)
                if packed.family[m] > 0 and away <= NEAR * math.hypot(spots[k, 1], SCALE_SD):
                    options.append((m, math.log(packed.family[m]), None))
        else:
            stray += LOG_STRAY_ANGLE
            delta = spots[k, 2] - spots[one, 2]
            if t:
                delta -= np.average(t, weights=np.power(tau, -2.0))
            parallel = abs(wrapped(delta)) <= NEAR * math.hypot(spots[k, 3], spots[one, 3])
            if j is not None or parallel:
                delta = delta if j is not None else 0.0
                g = np.exp(stretch - spots[k, 0]) * (np.cos(delta) * e1 + np.sin(delta) * e2)
                hkl = tuple(int(x) for x in np.round(packed.axes[p] @ g))
                m = at.get(hkl, -1)
                if m >= 0 and np.dot(hkl, zone) == 0:
                    angle = math.atan2(packed.g[m] @ e2, packed.g[m] @ e1)
                    prior = packed.expected[m] / weight if j is not None else 1.0
                    turn = wrapped(spots[k, 2] - spots[one, 2] - angle)
                    options.append((m, math.log(prior), turn))
        best = (-np.inf, None, None)
        for m, log_prior, turn in options:
            more_t = [*t, turn] if turn is not None else t
            more_tau = [*tau, spots[k, 3]] if turn is not None else tau
            fit = log_fit([*r, spots[k, 0] - packed.log_d[m]], [*se, spots[k, 1]], more_t, more_tau)
            gain = math.log(1 - STRAY) + log_prior + fit - before
            best = max(best, (gain, m, turn), key=lambda each: each[0])
        value += np.logaddexp(best[0], stray)
        if best[0] > stray:
            r.append(spots[k, 0] - packed.log_d[best[1]])
            se.append(spots[k, 1])
            if best[2] is not None:
                t.append(best[2])
                tau.append(spots[k, 3])
        else:
            strays += 1
    return value, strays


def spots_of(name: str, directed: int, seed: int) -> np.ndarray:
    """Spots of a low zone of a phase, with errors; the last of five is stray."""
    rng = np.random.default_rng(seed)
    lib = library((phase(name),))
    packed = lib.packed
    seen = rng.permutation(np.flatnonzero(packed.log_d > math.log(1.3)))
    i, j = next((i, j) for i in seen for j in seen if np.cross(packed.hkl[i], packed.hkl[j]).any())
    zone = np.cross(packed.hkl[i], packed.hkl[j])
    others = [m for m in seen if packed.hkl[m] @ zone == 0 and m not in (i, j)]
    chosen = np.array([i, j, *others[:2]])
    e1 = packed.g[i] / np.linalg.norm(packed.g[i])
    e2 = np.cross(np.cross(packed.g[i], packed.g[j]), e1)
    e2 /= np.linalg.norm(e2)
    log_d = packed.log_d[chosen] + 0.01 + rng.normal(0, 0.004, len(chosen))
    angle = np.arctan2(packed.g[chosen] @ e2, packed.g[chosen] @ e1) + 1.0
    angle += rng.normal(0, 0.01, len(chosen))
    spots = np.column_stack(
        [log_d, np.full(len(chosen), 0.004), angle % math.pi, np.full(len(chosen), 0.015)]
    )
    spots = np.vstack([spots, [rng.uniform(0.3, 1.5), 0.005, rng.uniform(0, math.pi), 0.015]])
    spots[directed:, 2] = np.nan
    return spots


@pytest.mark.parametrize(
    ("name", "directed", "count"),
    [
        ("LiF", 5, 1),
        ("LiF", 5, 2),
        ("LiF", 5, 5),
        ("Li2O", 2, 5),
        ("Li", 0, 4),
        ("C", 5, 4),
        ("Li2CO3", 3, 4),
    ],
)
def test_the_kernel_weighs_phases_as_the_plain_sum_does(
    name: str, directed: int, count: int
) -> None:
    lib = library(tuple(phase(each) for each in NAMES))
    spots = spots_of(name, directed, seed=len(name) + count)[:count]
    count = len(spots)
    evidence = np.full((1, len(NAMES)), -np.inf)
    weigh(
        lib.packed,
        np.array([0, count]),
        spots,
        SCALE_SD,
        evidence,
        np.zeros((1, len(NAMES), 2)),
        np.zeros((1, len(NAMES), 3), np.int64),
        np.full((len(NAMES), count), -1, np.int64),
    )
    expected = [naive(lib, p, spots) for p in range(len(NAMES))]
    assert np.isfinite(evidence[0, NAMES.index(name)])
    assert evidence[0] == pytest.approx(expected, abs=1e-6)


def test_scale_and_orientation_are_integrated_out_exactly() -> None:
    rng = np.random.default_rng(5)
    errors = [(rng.normal(0.01, 0.01, 3), [0.004, 0.006, 0.01])]
    errors.append((rng.normal(0, 0.02, 3), [0.02, 0.01, 0.03]))
    sums = np.zeros(8)
    for first, (values, sds) in zip((0, 4), errors, strict=True):
        for value, sd in zip(values, sds, strict=True):
            weight = 1 / sd**2
            sums[first : first + 3] += weight, value * weight, value**2 * weight
            sums[first + 3] += math.log(sd * math.sqrt(2 * math.pi))
    grid = np.linspace(-0.5, 0.5, 100_001)
    prior = [norm.pdf(grid, 0, SCALE_SD), np.full(len(grid), 1 / math.pi)]
    expected = 0.0
    for (values, sds), density in zip(errors, prior, strict=True):
        for value, sd in zip(values, sds, strict=True):
            density *= norm.pdf(value, grid, sd)
        expected += math.log(density.sum() * (grid[1] - grid[0]))
    assert marginal(sums, SCALE_SD) == pytest.approx(expected, abs=1e-6)
