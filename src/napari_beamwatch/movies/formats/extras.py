"""Optional packages, imported only when a file needs them."""

from __future__ import annotations

import importlib
from typing import Any

from napari_beamwatch.errors import BeamwatchError

INSTALL = 'pip install "napari-beamwatch[{}]"'


def optional(module: str, files: str, extra: str = "formats") -> Any:
    """The module, or a `BeamwatchError` that names the command to install it.

    Parameters
    ----------
    module : str
        What to import.
    files : str
        What it is needed for: "HDF5 files".
    extra : str
        Which extra of this package brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BeamwatchError(
            f"{files} need {module}, which cannot be imported ({error}); install it with: "
            f"{INSTALL.format(extra)}"
        ) from error
