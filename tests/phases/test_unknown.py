"""A crystal that nobody has listed explains its spots by its own lattice."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal

from napari_beamwatch.phases import SpotSet, match_many
from napari_beamwatch.phases.evidence import LOG_STRAY_ANGLE, LOG_STRAY_D, NEAR, STRAY
from napari_beamwatch.phases.library import FINEST_SPOT, REACH
from napari_beamwatch.phases.unknown import any_lattice, unknown

FINER = [np.array(m, float) for m in (
    [[1, 0], [0, 1]],
    [[1, 0], [0, 2]], [[2, 0], [0, 1]], [[2, 1], [0, 1]],
    [[1, 0], [0, 3]], [[3, 0], [0, 1]], [[3, 1], [0, 1]], [[3, 2], [0, 1]],
)]  # fmt: skip

FLAT = LOG_STRAY_D + LOG_STRAY_ANGLE


def spots_at(g: np.ndarray, rng: np.random.Generator, sd: float = 0.005) -> np.ndarray:
    """Spots at g with errors, as the kernel takes them."""
    count = len(g)
    log_d = -np.log(np.linalg.norm(g, axis=1)) + rng.normal(0, sd, count)
    angle = np.arctan2(g[:, 1], g[:, 0]) + rng.normal(0, 2 * sd, count)
    return np.column_stack([log_d, np.full(count, sd), angle, np.full(count, 2 * sd)])


def lattice(rng: np.random.Generator, hk: list[tuple[int, int]]) -> np.ndarray:
    basis = np.array([[0.3, 0.02], [rng.uniform(-0.1, 0.1), rng.uniform(0.3, 0.45)]])
    return np.array(hk) @ basis


def naive(spots: np.ndarray) -> float:
    """The same of the first two spots, with the joint normal of all others written out."""
    length = np.exp(-spots[:, 0])
    g = length[:, None] * np.column_stack([np.cos(spots[:, 2]), np.sin(spots[:, 2])])
    covariance = []
    for (x, y), (_, sd, _, turn) in zip(g, spots, strict=True):
        axes = np.array([[x, y], [-y, x]])
        covariance.append(axes.T @ np.diag([sd**2, turn**2]) @ axes)
    values = []
    for finer in FINER:
        basis = g[:2].T @ np.linalg.inv(finer)
        parts = [np.linalg.solve(finer, np.rint(np.linalg.solve(basis, one))) for one in g[2:]]
        value = 2 * (FLAT + math.log(1 - STRAY))
        on = []
        for k, part in enumerate(parts, start=2):
            off = g[k] - part @ g[:2]
            error = covariance[k] + sum(p**2 * c for p, c in zip(part, covariance, strict=False))
            if part.any() and off @ np.linalg.solve(error, off) < NEAR**2:
                on.append((k, part))
                value += math.log(1 - STRAY) + 2 * math.log(length[k])
            else:
                value += math.log(STRAY) + FLAT
        if on:
            steps = np.stack(np.meshgrid(*2 * [np.arange(-12, 13)]), -1).reshape(-1, 2) @ basis.T
            size = np.linalg.norm(steps, axis=1)
            half = np.exp(-((REACH * size[(size > 0) & (size < 1 / FINEST_SPOT)]) ** 2)).sum() / 2
            value += sum(-((REACH * length[k]) ** 2) - math.log(half) for k, _ in on)
            spread = np.hstack([np.vstack([p[b] * np.eye(2) for _, p in on]) for b in range(2)])
            joint = block_diag(*(covariance[k] for k, _ in on))
            joint += spread @ block_diag(*covariance[:2]) @ spread.T
            off = np.concatenate([g[k] - p @ g[:2] for k, p in on])
            value += multivariate_normal.logpdf(off, np.zeros(len(off)), joint)
        values.append(value)
    return float(np.logaddexp.reduce(values) - math.log(len(FINER)))


@pytest.mark.parametrize(
    "hk",
    [
        [(1, 0), (0, 1)],
        [(1, 0), (0, 1), (1, 1)],
        [(1, 0), (0, 1), (1, 1), (2, -1), (1, 2)],
        [(2, 0), (0, 1), (1, 1)],
        [(3, 0), (0, 1), (1, 1), (2, 1)],
    ],
    ids=["two spots", "their sum", "many sums", "twice as fine", "thrice as fine"],
)
def test_the_basis_is_integrated_out_exactly(hk: list[tuple[int, int]]) -> None:
    rng = np.random.default_rng(6)
    spots = spots_at(lattice(rng, hk), rng)
    assert any_lattice(spots) == pytest.approx(naive(spots), abs=1e-6)


def test_spots_of_a_lattice_are_likelier_by_it_than_apart_and_others_are_not() -> None:
    rng = np.random.default_rng(7)
    sums = spots_at(lattice(rng, [(1, 0), (0, 1), (1, 1), (1, -1)]), rng)
    apart = sums.copy()
    apart[2:, 2] += 0.3
    assert any_lattice(sums) > 4 * FLAT + 5
    assert any_lattice(apart) < 4 * FLAT
    assert (unknown([sums, apart]) >= 4 * FLAT).all()


def test_orders_of_one_spot_are_no_second_witness() -> None:
    rng = np.random.default_rng(8)
    orders = spots_at(lattice(rng, [(1, 0), (2, 0), (3, 0)]), rng)
    assert any_lattice(orders) > 3 * FLAT + 3


@pytest.mark.long
def test_crystals_of_any_cell_are_named_as_seldom_as_is_said() -> None:
    """Two thirds have a right angle between the two spots, as most zones of real crystals do."""
    rng = np.random.default_rng(9)
    sets = []
    for _ in range(400):
        one, two = np.exp(rng.uniform(np.log(0.15), np.log(0.5), 2))
        turn = math.pi / 2 if rng.random() < 2 / 3 else rng.uniform(math.pi / 3, math.pi / 2)
        basis = np.array([[one, 0], [two * math.cos(turn), two * math.sin(turn)]])
        spots = spots_at(np.array([[1, 0], [0, 1], [1, 1], [1, -1]]) @ basis, rng)
        d = np.exp(spots[:, 0])
        sets.append(SpotSet(d, 0.005 * d, np.degrees(spots[:, 2])))
    for uncertainty, at_most in ((0.005, 0.05), (0.02, 0.1)):
        found = match_many(sets, elements="Li,F,C,O,H", pixel_size_uncertainty=uncertainty)
        assert np.mean([m.answer != "" for m in found]) <= at_most
