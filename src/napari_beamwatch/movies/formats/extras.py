"""Optional packages, imported only when a file needs them."""

from __future__ import annotations

import importlib
from typing import Any

from napari_beamwatch.errors import BeamwatchError

INSTALL = 'pip install "napari-beamwatch[formats]"'


def optional(module: str, files: str) -> Any:
    """The module, or a `BeamwatchError` that names the command to install it.

    Parameters
    ----------
    module : str
        What to import.
    files : str
        What it is needed for: "HDF5 files".
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BeamwatchError(
            f"{files} need {module}, which cannot be imported ({error}); install it with: {INSTALL}"
        ) from error
