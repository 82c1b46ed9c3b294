"""Movies: a file, or an array, as lazy frames with a pixel size and a dose axis."""

from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.dose_table import DoseTable
from napari_beamwatch.movies.given import DoseCalibration
from napari_beamwatch.movies.movie import Movie
from napari_beamwatch.movies.opening import open_movie

__all__ = ["Conditions", "DoseCalibration", "DoseTable", "Movie", "open_movie"]
