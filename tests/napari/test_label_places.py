"""Labels stand where they cover nothing, or are left out."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from napari_beamwatch._qt.fft.label_places import Box, free_places

SIGHT = Box(0, 0, 100, 100)


def overlap(a: Box, b: Box) -> bool:
    """Naive twin: by the edges."""
    return (
        a.x - a.width / 2 < b.x + b.width / 2
        and b.x - b.width / 2 < a.x + a.width / 2
        and a.y - a.height / 2 < b.y + b.height / 2
        and b.y - b.height / 2 < a.y + a.height / 2
    )


def test_the_best_place_that_is_free_is_taken() -> None:
    places = [Box(0, 0, 10, 10), Box(20, 0, 10, 10), Box(40, 0, 10, 10)]
    assert free_places([places], [], SIGHT) == [0]
    assert free_places([places, places, places, places], [], SIGHT) == [0, 1, 2, -1]
    assert free_places([places], [Box(4, 4, 2, 2), Box(18, 0, 2, 2)], SIGHT) == [2]


def test_a_label_that_would_be_cut_is_left_out() -> None:
    assert free_places([[Box(48, 0, 10, 10)], [Box(45, 0, 10, 10)]], [], SIGHT) == [-1, 0]


def test_labels_without_a_place_are_left_out_of_many() -> None:
    rng = np.random.default_rng(0)
    wishes = [[Box(*rng.uniform(-45, 45, 2), 18, 9) for _ in range(6)] for _ in range(30)]
    taken = [Box(*rng.uniform(-45, 45, 2), 6, 6) for _ in range(10)]
    found = free_places(wishes, taken, SIGHT)
    stand = [places[i] for places, i in zip(wishes, found, strict=True) if i >= 0]
    assert not any(overlap(a, b) for a, b in combinations(stand, 2))
    assert not any(overlap(a, b) for a in stand for b in taken)
    left_out = [places for places, i in zip(wishes, found, strict=True) if i < 0]
    for places in left_out:
        assert all(
            any(overlap(place, one) for one in stand + taken)
            or max(abs(place.x) + place.width / 2, abs(place.y) + place.height / 2) > 50
            for place in places
        )
