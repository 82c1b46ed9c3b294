"""Sample movies for napari's File ▸ Open Sample, with the truth in their metadata."""

from __future__ import annotations

from napari import current_viewer

from napari_beamwatch._napari.layers import LayerData, movie_layer
from napari_beamwatch._napari.scale_bar import show_scale_bar
from napari_beamwatch.simulate.cases import simulate


def lif_room_temperature() -> list[LayerData]:
    """LiF at room temperature: two grains that keep their lattice for a while, then fade."""
    return _sample("lif-room-temperature")


def lif_to_li2o() -> list[LayerData]:
    """LiF that turns into Li2O, patch by patch."""
    return _sample("lif-to-li2o")


def survivor() -> list[LayerData]:
    """A lattice that survives the whole record."""
    return _sample("survivor")


def _sample(case: str) -> list[LayerData]:
    movie = simulate(case)
    show_scale_bar(current_viewer(), movie)
    return [movie_layer(movie, truth=movie.truth.to_dict())]
