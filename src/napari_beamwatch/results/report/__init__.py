"""The report of a run: a page that stands alone, for colleagues without Python."""

from napari_beamwatch.results.report.building import Run, first_screen, report
from napari_beamwatch.results.report.page import write_page

__all__ = ["Run", "first_screen", "report", "write_page"]
