"""The best image of the undamaged specimen: frames added up while the lattice was there."""

from napari_beamwatch.summing.adding import UndamagedImage, sum_undamaged

__all__ = ["UndamagedImage", "sum_undamaged"]
