"""The alarm at the microscope: movies are analysed while they are being written."""

from napari_beamwatch.watching.folder import watch
from napari_beamwatch.watching.state import Onset, WatchState

__all__ = ["Onset", "WatchState", "watch"]
