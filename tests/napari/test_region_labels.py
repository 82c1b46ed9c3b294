"""Labels of regions leave each other readable, however the regions lie."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_beamwatch._qt.fft.label_places import Box
from napari_beamwatch._qt.region_labels import CHARACTER, LINE, labels_beside

ANSWER = ("A · 168 [117–211] e/Å²", "A · 168 e/Å²", "A")
OTHER = ("B · ambiguous", "B")
WIDE = CHARACTER * len(ANSWER[0])


def lines(label: str) -> int:
    """By how many lines a label is raised."""
    return label.count("\n")


@pytest.mark.parametrize(
    ("apart", "labels"),
    [
        ((0.0, 2 * WIDE), [ANSWER[0], OTHER[0]]),
        ((0.0, WIDE / 2), [ANSWER[0], OTHER[0] + "\n "]),
        ((2 * LINE, WIDE / 2), [ANSWER[0], OTHER[0]]),
        ((0.0, 0.0), [ANSWER[0], OTHER[0] + "\n "]),
    ],
)
def test_a_label_is_raised_only_where_it_would_lie_on_its_neighbours(
    apart: tuple[float, float], labels: list[str]
) -> None:
    corners = np.array([(0.0, 0.0), apart])
    assert labels_beside([ANSWER, OTHER], corners, 1.0) == labels
    assert labels_beside([ANSWER, OTHER], corners / 300, 300.0) == labels  # in another unit


def test_what_has_no_room_says_less_and_its_name_in_the_end() -> None:
    labels = labels_beside([ANSWER] * 5, np.zeros((5, 2)), 1.0)
    assert [label.strip() for label in labels] == [*[ANSWER[0]] * 2, "A", "A", "A"]
    beside = np.array([(0, 0.7 * WIDE), (-LINE, 0.7 * WIDE), (0, 0)])
    assert labels_beside([ANSWER] * 3, beside, 1.0) == [ANSWER[0], ANSWER[0], ANSWER[1]]


def test_a_label_gives_way_to_what_is_written_there() -> None:
    taken = [Box(10.0, -LINE, 40.0, 1.9 * LINE)]
    assert labels_beside([ANSWER], np.zeros((1, 2)), 1.0, taken=taken) == ["A" + 2 * "\n" + " "]


def test_a_label_that_would_reach_beyond_the_picture_is_shorter() -> None:
    corner = np.array([(0.0, 10.0)])
    for right, label in ((WIDE + 11, ANSWER[0]), (WIDE, ANSWER[1]), (12.0, ANSWER[1])):
        assert labels_beside([ANSWER], corner, 1.0, right) == [label]
        assert labels_beside([ANSWER], corner / 9, 9.0, right / 9) == [label]


@given(
    corners=st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300)), min_size=1, max_size=6),
    zoom=st.floats(0.2, 5),
)
def test_no_label_lies_on_another(corners: list[tuple[float, float]], zoom: float) -> None:
    labels = labels_beside([ANSWER] * len(corners), np.array(corners), zoom)
    boxes = []
    for (y, x), label in zip(corners, labels, strict=True):
        bottom = zoom * y - lines(label) * LINE
        width = CHARACTER * len(label.strip())
        boxes.append((zoom * x, zoom * x + width, bottom - LINE, bottom))
    for (x0, x1, y0, y1), (u0, u1, v0, v1) in combinations(boxes, 2):
        assert x1 <= u0 or u1 <= x0 or y1 <= v0 + 1e-6 or v1 <= y0 + 1e-6
