"""napari's reader hook for a summary of many runs: it opens a dock, and no layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_beamwatch._napari.hooks import say_where_files_go
from napari_beamwatch.campaign.saving import RECORD

NO_LAYER: list[tuple[None]] = [(None,)]
"""What napari takes for a file that was read and is no layer."""


def get_reader(
    path: str | Sequence[str] | None = None,
) -> Callable[[str], list[tuple[None]]] | None:
    """A reader for the folder of a summary, or the ``summary.json`` in it."""
    if path is None:
        say_where_files_go()
    if not isinstance(path, str):
        return None
    record = _folder(path) / RECORD
    return _read if Path(path) in (record, record.parent) and record.is_file() else None


def _folder(path: str) -> Path:
    return Path(path) if Path(path).is_dir() else Path(path).parent


def _read(path: str) -> list[tuple[None]]:
    from napari_beamwatch._qt.commands import desk  # only now is Qt needed

    desk().open_summary(_folder(path))
    return NO_LAYER
