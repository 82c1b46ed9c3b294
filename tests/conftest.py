"""Tests of a module stay in one process, so that what they share is made once; so do all windows.

Not by groups: xdist 3.8 forgets them under pytest 9.2, without a word.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent

FIRST = (
    "napari/test_panel.py",
    "results/test_figure.py",
    "test_analysis.py",
    "results/test_loading.py",
    "test_diffraction_movies.py",
    "simulate/test_cases.py",
    "spectra/test_drift.py",
    "cli/test_again.py",
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

LAST = HERE / "napari/test_leaks.py"
"""It wants no other window beside its own, and whoever comes after it needs a new one."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadFileScheduling  # not everybody has it

    class WindowsTogether(LoadFileScheduling):
        """All windows in one process, for its first costs ten seconds, and a session's more."""

        def _split_scope(self, nodeid: str) -> str:
            scope: str = super()._split_scope(nodeid)
            return "windows" if scope.startswith("tests/napari/") else scope

    return WindowsTogether(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {HERE / name: i for i, name in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(item.path, len(FIRST) + (item.path == LAST)))


def pytest_collection() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    # What is there before the first test stays: the collector need not walk through it each time.
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def figures_left_out(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs are saved with empty figures, for drawing takes longer than all else.

    Modules that look at them are marked as `drawn`.
    """
    if request.node.get_closest_marker("drawn"):
        yield
        return
    # Here, for whoever hands out tests to others needs none of it.
    from napari_beamwatch.results import saving
    from napari_beamwatch.results.run_folder import FIGURES

    areas = import_module("napari_beamwatch.results.report.areas")

    def blank(_: object, __: object, folder: Path) -> None:
        for name in FIGURES:
            (folder / name).touch()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "_draw", blank)
        patch.setattr(areas, "_drawn", lambda *_: None)
        yield
