"""Files that stand beside a movie and say what its own header does not."""

from napari_beamwatch.movies.sidecars.believing import believed
from napari_beamwatch.movies.sidecars.finding import Heard, hear

__all__ = ["Heard", "believed", "hear"]
