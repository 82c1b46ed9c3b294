"""Tests of a module stay in one process (`--dist loadfile`), so that what they share is made once.

Not by groups: xdist 3.8 forgets them under pytest 9.2, without a word.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

HERE = Path(__file__).parent

FIRST = (
    "napari/test_panel.py",
    "results/test_figure.py",
    "test_analysis.py",
    "results/test_loading.py",
    "test_diffraction_movies.py",
    "napari/test_journeys.py",
    "napari/test_leaks.py",
    "simulate/test_cases.py",
    "napari/test_window.py",
    "spectra/test_drift.py",
    "napari/test_fft_dock.py",
    "cli/test_again.py",
    "napari/test_curves_dock.py",
    "watching/test_follower.py",
    "test_map.py",
    "test_examples.py",
    "batch/test_many.py",
    "cli/test_analyze.py",
    "test_uneven_beam.py",
    "test_ring_movies.py",
    "test_cluster.py",
    "test_together.py",
)
"""Modules of many seconds come first, so that no process is left alone with one at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {HERE / name: i for i, name in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(item.path, len(FIRST)))


def pytest_collection_finish() -> None:
    # What is there before the first test stays: the collector need not walk through it each time.
    gc.collect()
    gc.freeze()


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are saved with figures that are empty: drawing takes longer than all else.

    What modules share is made before, and has its own.
    """

    from napari_beamwatch.results import saving  # not for who hands out tests to others
    from napari_beamwatch.results.run_folder import FIGURES

    def blank(_: object, __: object, folder: Path) -> None:
        for name in FIGURES:
            (folder / name).touch()

    monkeypatch.setattr(saving, "_draw", blank)
