"""Tests of a module stay in one process, so that what they share is made once."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # Windows are made for each test anyway: those go to whoever has time.
        if "napari" not in item.path.parent.parts:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
