"""How windows beside the panel let it work for them, off the main thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_beamwatch._qt.session import Request
from napari_beamwatch.analysis import Progress

MovieWork = Callable[[Request, Progress], object]
"""Work on the movie, its settings and regions."""

Then = Callable[[int, Any], object]
"""Takes the generation and what the work found, on the main thread."""

Start = Callable[[str, MovieWork, Then], None]
"""Is told what is done, in words, what does it, and what takes the answer."""
