"""Metal-organic frameworks and zeolites: large cells, spacings beyond 12 Å."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis.road import chosen_grid
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases import Match, Phase, SpotSet, match_many, phase, phase_from_cif
from napari_beamwatch.phases.evidence import LOG_STRAY_D, LOG_STRAY_D_OF_LARGE
from napari_beamwatch.phases.library import library
from napari_beamwatch.phases.reflections import MOST, all_reflections, finest, reflections, widest

from .frameworks import CELLS, HEAD, framework
from .test_matching import projected

SIGMA = 0.005
"""Relative error of simulated spacings."""


@pytest.fixture(scope="module")
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Phase]:
    folder = tmp_path_factory.mktemp("cif")
    return {name: framework(name, folder) for name in CELLS}


@pytest.mark.parametrize(
    ("name", "rings"),
    [
        ("UiO-66", {"111": 11.98, "200": 10.38}),
        ("FAU", {"111": 14.03, "220": 8.59, "311": 7.33, "331": 5.57}),
        ("MFI", {"101": 11.16, "011": 11.13, "200": 10.04, "020": 9.96}),
    ],
)
def test_the_widest_rings_are_those_of_powder_files(
    frameworks: dict[str, Phase], name: str, rings: dict[str, float]
) -> None:
    table = reflections(frameworks[name], 5.0)
    table = table[table["intensity"] > 0.05]
    found = {
        f"{h}{k}{l}": d
        for h, k, l, d in zip(table["h"], table["k"], table["l"], table["d_A"], strict=True)  # noqa: E741
    }
    assert {ring: found.get(ring) for ring in rings} == pytest.approx(rings, abs=0.01)
    assert widest(frameworks[name]) == pytest.approx(max(rings.values()), abs=0.01)


def zone(one: Phase, rng: np.random.Generator) -> SpotSet:
    """The ten widest strong spots of a random low zone beyond 3 Å, a quarter of them not seen.

    At least four are; the pixel size is wrong by 2 %.
    """
    known = all_reflections(one, 2.0)
    strong = np.flatnonzero((known.strength > 0.01) & (known.d > 3))
    low = strong[known.d[strong] > 5]
    half = known.hkl @ np.array([1e4, 1e2, 1.0]) > 0
    while True:
        pair = rng.choice(low, 2, replace=False)
        axis = np.cross(*known.hkl[pair])
        shown = strong[(known.hkl[strong] @ axis == 0) & half[strong]][:10]
        shown = shown[rng.random(len(shown)) > 0.25]
        if axis.any() and len(shown) > 3 and np.linalg.matrix_rank(known.g[shown], 1e-6) == 2:
            break
    error = rng.normal(0, SIGMA, (2, len(shown)))
    d = known.d[shown] * np.exp(rng.normal(0, 0.02)) * (1 + error[0])
    y, x = projected(known.g[[*pair, *shown]])[2:].T[::-1]
    angle = np.degrees(np.arctan2(y, x) * rng.choice([-1, 1]) + error[1]) + rng.uniform(0, 360)
    return SpotSet(d, SIGMA * d, angle)


def named(frameworks: dict[str, Phase], name: str, sets: list[SpotSet]) -> list[Match]:
    return match_many(sets, phases=list(frameworks.values()))


@pytest.mark.parametrize("name", CELLS)
def test_zones_of_frameworks_are_named(frameworks: dict[str, Phase], name: str) -> None:
    """Of 1000 sets each, 97.1 % (UiO-66), 98.0 % (FAU) and 97.8 % (MFI) were; none wrongly."""
    rng = np.random.default_rng(5)
    found = named(frameworks, name, [zone(frameworks[name], rng) for _ in range(60)])
    assert np.mean([one.answer == name for one in found]) >= 0.95
    assert all(name in one.answer.split("|") for one in found if one.answer)


@pytest.mark.long
def test_an_unlisted_framework_is_seldom_named(frameworks: dict[str, Phase]) -> None:
    """The bound is 10 %; of 2000 unlisted cells with edges of 10 to 28 Å, 3.2 % were named."""
    rng = np.random.default_rng(6)
    sets = []
    for group in ("P m m m", "I m m m", "P 4/m m m", "P 1 2/m 1") * 15:
        a, b, c = rng.uniform(10, 28, 3)
        beta = rng.uniform(92, 120) if "2/m 1" in group else 90.0
        cell = (a, a if "4" in group else b, c, 90.0, beta, 90.0)
        sets.append(zone(Phase("x", cell, group, (("Si", (0, 0, 0), 1.0),)), rng))
    assert np.mean([one.answer != "" for one in named(frameworks, "", sets)]) <= 0.1


def test_stray_spots_are_as_wide_as_frameworks_only_where_one_is_expected(
    frameworks: dict[str, Phase],
) -> None:
    ordinary = tuple(phase(name) for name in ("LiF", "Na2CO3"))
    assert library(ordinary).packed.log_stray_d == LOG_STRAY_D
    with_one = (*ordinary, frameworks["FAU"])
    assert library(with_one).packed.log_stray_d == LOG_STRAY_D_OF_LARGE


def cell_of(path: Path, *edges: float, atoms: str, group: str = "P 1") -> Phase:
    a, b, c = edges
    path.write_text(HEAD.format(name="x", a=a, b=b, c=c, group=group) + atoms)
    return phase_from_cif(path)


@pytest.mark.parametrize("edges", [(88.9, 88.9, 88.9), (900.0, 33.0, 33.0)], ids=["cube", "needle"])
def test_reflections_of_the_largest_cells_are_counted_out_as_far_as_they_can_be_told(
    tmp_path: Path, edges: tuple[float, float, float]
) -> None:
    large = cell_of(tmp_path / "x.cif", *edges, atoms="Cr Cr 0.1 0.2 0.3\nO O 0.3 0.1 0\n")
    begun = time.perf_counter()
    known = all_reflections(large, 0.95)
    assert time.perf_counter() - begun < 5
    assert len(known) == pytest.approx(MOST, rel=0.05)
    assert known.d[-1] == pytest.approx(finest(large), rel=0.02)


def test_small_cells_keep_all_their_reflections() -> None:
    assert all(finest(phase(name)) < 0.6 for name in ("LiF", "Na2CO3", "ice-Ih"))


def test_cells_with_more_atoms_than_can_be_computed_are_refused(tmp_path: Path) -> None:
    atoms = "".join(f"C{i} C 0.1 0.2 0.{i + 10}\n" for i in range(1001))
    with pytest.raises(BeamwatchError, match="more than 1000 atoms are listed"):
        cell_of(tmp_path / "x.cif", 60, 60, 60, atoms=atoms, group="F m -3 m")


def test_windows_are_chosen_for_the_phases_that_are_expected(tmp_path: Path) -> None:
    framework("FAU", tmp_path)
    movie = bw.Movie.from_array(np.zeros((2, 2048, 2048), np.uint8), 0.25, 5.0)

    def window(*phases: str) -> int:
        return chosen_grid(movie, bw.Settings(phases=phases)).window

    assert window() == window("LiF") == window("LiF", "no such phase")
    assert window("LiF", str(tmp_path / "FAU.cif")) * 0.25 >= 6 * 14.03
