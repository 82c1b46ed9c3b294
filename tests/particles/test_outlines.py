"""Shapes that are known on paper."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.particles.outlines import (
    area,
    evened,
    inside,
    normals,
    outline_of,
    perimeter,
    roundness,
)

Y, X = np.mgrid[:120, :140].astype(float)


def circle(radius: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    return evened(np.stack([50.2 + radius * np.sin(turn), 60.7 + radius * np.cos(turn)], axis=1))


@pytest.mark.parametrize("radius", [12.0, 31.7, 45.0])
def test_a_disc(radius: float) -> None:
    points = circle(radius)
    assert area(points) == pytest.approx(np.pi * radius**2, rel=2e-3)
    assert perimeter(points) == pytest.approx(2 * np.pi * radius, rel=2e-3)
    assert roundness(points) == pytest.approx(1, abs=0.003)


def test_a_square_is_less_round_by_its_corners() -> None:
    points = outline_of(np.maximum(np.abs(Y - 60), np.abs(X - 70)) < 50)
    assert area(points) == pytest.approx(99**2, rel=0.01)
    # Corners are rounded where the outline is evened.
    assert np.pi / 4 < roundness(points) < np.pi / 4 + 0.06


def test_normals_point_outward_whichever_way_it_is_drawn() -> None:
    for points in (circle(30), evened(circle(30)[::-1])):
        away = points - points.mean(axis=0)
        assert (normals(points) * away).sum(axis=1) == pytest.approx(30, rel=0.01)


def test_pixels_inside_are_those_that_a_ray_leaves_an_odd_number_of_times() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        radius = 40 * (1 + 0.3 * rng.normal(size=40))  # reaches out of the picture
        points = np.stack([50 + radius * np.sin(turn), 60 + radius * np.cos(turn)], axis=1)
        odd = np.zeros((120, 140), bool)
        for (y0, x0), (y1, x1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                crossing = x0 + (Y - y0) * (x1 - x0) / (y1 - y0)
            odd ^= ((y0 >= Y) != (y1 >= Y)) & (crossing <= X)
        assert np.array_equal(inside(points, (120, 140)), odd)
