"""How well the scale of doses is known, and what that does to an interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_beamwatch import Settings
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.dose_scale import DoseScale, dose_scale
from napari_beamwatch.movies.given import VACUUM, DoseCalibration


def movie(**given: object) -> Movie:
    frames = np.ones((10, 64, 64), np.uint8)
    return Movie.from_array(frames, 0.5, 4.0).with_(frame_time=1.0, **given)


def test_counted_doses_take_the_square_of_the_pixel_size() -> None:
    scale = dose_scale(movie(), 0.02)
    assert scale is not None
    assert (scale.sd, scale.words) == (pytest.approx(0.04), "pixel size ± 2 %, twice")


def test_a_faraday_cup_needs_no_pixels() -> None:
    scale = dose_scale(movie(dose_calibration=DoseCalibration(4.0, 0.1)), 0.02)
    assert scale is not None
    assert (scale.sd, scale.words) == (pytest.approx(0.1), "Faraday cup ± 10 %")


def test_a_vacuum_image_is_counted_in_pixels() -> None:
    scale = dose_scale(movie(dose_calibration=DoseCalibration(4.0, 0.03, VACUUM)), 0.02)
    assert scale is not None
    assert scale.sd == pytest.approx(0.05)


def test_patterns_have_no_pixels_of_the_specimen() -> None:
    assert dose_scale(movie(), Settings(camera_constant=200.0).specimen_pixel_uncertainty) is None
    cup = dose_scale(movie(dose_calibration=DoseCalibration(4.0, 0.1)), None)
    assert cup is not None
    assert cup.sd == pytest.approx(0.1)


def test_without_doses_there_is_no_scale() -> None:
    assert dose_scale(Movie.from_array(np.ones((3, 64, 64), np.uint8), 0.5), 0.02) is None


def test_the_total_interval_adds_both_errors_in_squares() -> None:
    low, high = DoseScale(calibration=0.1).total(152.0, 148.0, 156.0)
    wide = math.hypot(4.0, 1.96 * 15.2)
    assert (low, high) == (pytest.approx(152 - wide), pytest.approx(152 + wide))
    assert DoseScale().total(152.0, 148.0, 156.0) == (148.0, 156.0)
