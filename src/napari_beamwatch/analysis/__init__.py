"""`analyze`: the one road from a movie to what can be said of it."""

from napari_beamwatch.analysis.progress import Progress, Step
from napari_beamwatch.analysis.road import analyze, find_spots, said_before

__all__ = ["Progress", "Step", "analyze", "find_spots", "said_before"]
