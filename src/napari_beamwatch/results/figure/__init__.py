"""The figure of a run, for print."""

from napari_beamwatch.results.figure.chain import chain
from napari_beamwatch.results.figure.drawing import figure, write_figure

__all__ = ["chain", "figure", "write_figure"]
