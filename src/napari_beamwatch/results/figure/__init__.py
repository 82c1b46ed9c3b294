"""The figure of a run, for print."""

from napari_beamwatch.results.figure.drawing import figure, write_figure

__all__ = ["figure", "write_figure"]
