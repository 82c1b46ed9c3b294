"""Where a movie's layer lies in the viewer, so that overlays lie on it to the pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch.movies import Movie

SQUARE = 0.01
"""Part by which the sides of a square pixel may differ."""


@dataclass(frozen=True)
class Placement:
    """Scale, translation, units and names of the axes t, y, x of a movie's layer."""

    scale: tuple[float, float, float]
    translate: tuple[float, float, float]
    units: tuple[str, str, str]
    axis_labels: tuple[str, str, str] = ("t", "y", "x")

    @classmethod
    def of_movie(cls, movie: Movie, translate: tuple[float, float, float] = (0, 0, 0)) -> Placement:
        """Of the layer that the movie is shown as."""
        _, known, _ = movie_layer(movie)
        return cls(tuple(known["scale"]), translate, tuple(known["units"]))

    @classmethod
    def of_layer(cls, movie: Movie, layer: Any) -> Placement:
        """Of a layer that shows a movie: as is known of the movie, where the layer has it.

        Pixels that are not square stay as they are displayed.
        """
        t, y, x = (float(one) for one in layer.translate)
        placement = cls.of_movie(movie, (t, y, x))
        _, height, width = (float(one) for one in layer.scale)
        if movie.pixel_size is not None or math.isclose(height, width, rel_tol=SQUARE):
            return placement
        units = (placement.units[0], str(layer.units[1]), str(layer.units[2]))
        return replace(placement, scale=(placement.scale[0], height, width), units=units)

    def frame_at(self, world: float) -> int:
        """The frame at a position of the slider."""
        return round((world - self.translate[0]) / self.scale[0])

    def world_of(self, frame: int) -> float:
        """The position of the slider that shows a frame."""
        return self.translate[0] + frame * self.scale[0]

    @property
    def flat(self) -> dict[str, Any]:
        """What a layer of one picture for all frames is added with; its data is in pixels."""
        return {
            "scale": self.scale[1:],
            "translate": self.translate[1:],
            "units": self.units[1:],
            "axis_labels": self.axis_labels[1:],
        }

    def stacked(
        self,
        every: float = 1.0,
        first: float = 0.0,
        pixel: tuple[float, float] = (1.0, 1.0),
        corner: tuple[float, float] = (0.0, 0.0),
    ) -> dict[str, Any]:
        """What a layer over the frames is added with.

        Parameters
        ----------
        every, first : float
            Frames from one plane to the next, and that of the first.
        pixel, corner : (float, float)
            Size of a pixel in pixels of the movie, and where the middle of the first one lies.
        """
        steps = (every, *pixel)
        starts = (first, *corner)
        return {
            "scale": tuple(s * k for s, k in zip(self.scale, steps, strict=True)),
            "translate": tuple(
                t + s * k for t, s, k in zip(self.translate, self.scale, starts, strict=True)
            ),
            "units": self.units,
            "axis_labels": self.axis_labels,
        }
