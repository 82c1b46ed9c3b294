"""A stage that was moved while the movie went on is no damage: the film says so."""

from __future__ import annotations

import pytest

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases.parts import LIF_110
from napari_beamwatch.simulate.laws import Knots, Steady
from napari_beamwatch.simulate.scene import Drift, Film, Patch, Picture, Scene
from napari_beamwatch.simulate.shapes import Box
from tests.filming import filmed


@pytest.mark.long
def test_a_stage_that_is_moved_is_not_called_damage() -> None:
    near = Patch("here", LIF_110, where=Box(-40.0, 80.0, -1e4, 1e4))
    moved = Scene(
        "moved", "to bare film", (Patch("there", Picture("carbon", 41.0)), near),
        drift=Drift(dy=Knots((400.0, 401.0), (0.0, -110.0))),
        films=(Film(Steady(1.0), darkness=0.05, texture=3.0),),
    )  # fmt: skip
    movie = filmed(moved, frames=32, frame_dose=25.0, size=256, pixel_size=0.125)
    row = bw.analyze(movie).onsets.iloc[0]
    assert row["status"] == "ambiguous"
    assert "the stage was moved" in row["reason"]
