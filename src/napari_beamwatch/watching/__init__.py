"""The alarm at the microscope: movies are analysed while they are being written."""

from napari_beamwatch.watching.state import Onset, WatchState
from napari_beamwatch.watching.watch import watch

__all__ = ["Onset", "WatchState", "watch"]
