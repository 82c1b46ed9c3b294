"""The curves of a figure: where they lie, relative to what, and which points are left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch.results.figure.curves import COARSEST, FigureAxis, areas, curves
from napari_beamwatch.results.named_places import speaking_places


@pytest.fixture(scope="module")
def old(found: bw.Result) -> bw.Result:
    """The same from a run of when nobody knew of places."""
    return replace(
        found,
        places=found.places.iloc[:0],
        windows=found.windows.assign(place=pd.array([pd.NA] * len(found.windows), "Int64")),
        courses=found.courses.assign(place=pd.array([pd.NA] * len(found.courses), "Int64")),
    )


def test_curves_lie_along_the_dose_if_it_is_known_else_along_frames(found) -> None:
    assert FigureAxis.of(found).along == "dose"
    unknown = replace(found, field=found.field.assign(dose_e_per_A2=np.nan))
    assert FigureAxis.of(unknown).along == "frame"


def test_a_frame_is_drawn_in_the_middle_of_its_exposure(found) -> None:
    which = np.array([0, 4])
    assert FigureAxis.of(found, "dose").middles(which).tolist() == [7.5, 67.5]
    assert FigureAxis.of(found, "frame").middles(which).tolist() == [1, 5]


def test_an_onset_is_at_one_moment_along_all_axes(found) -> None:
    dose = 75.0  # the end of the fifth frame
    assert FigureAxis.of(found, "dose").place(dose) == dose
    assert FigureAxis.of(found, "frame").place(dose) == 5.5
    time = found.field.time_s[4]
    assert FigureAxis.of(found, "time").place(dose) == pytest.approx(time)


def test_without_a_dose_an_onset_is_the_start_of_its_frame(found) -> None:
    unknown = replace(found, field=found.field.assign(dose_e_per_A2=np.nan))
    axis = FigureAxis.of(unknown)
    assert axis.place(np.nan, 4) == 4.5
    assert np.isnan(axis.place(np.nan))


def test_an_unknown_kind_of_axis_is_refused_in_words(found) -> None:
    with pytest.raises(bw.BeamwatchError, match="dose, time or frame, not 'energy'"):
        FigureAxis.of(found, "energy")  # type: ignore[arg-type]


def test_a_spot_that_appeared_is_told_by_its_end(found) -> None:
    made = curves(found, FigureAxis.of(found))
    appeared = [curve for curve in made if "Li2O" in curve.label]
    assert appeared
    for curve in appeared:
        assert abs(curve.intensity[0]) < 0.5
        assert curve.intensity[-3:].mean() == pytest.approx(1, abs=0.4)


def test_the_first_place_and_the_median_one_have_curves_with_their_fits(found) -> None:
    made = curves(found, FigureAxis.of(found))
    named = speaking_places(found)
    assert list(named) == ["first", "median"]
    for curve, place in zip(made, named.values(), strict=False):
        row = found.places[found.places.place == place].iloc[0]
        assert f"· {row.onset_dose_e_per_A2:.3g} e/Å²" in curve.label
        assert curve.intensity[0] == pytest.approx(1, abs=0.35)
        assert curve.intensity[-3:].mean() < 0.2
        assert len(curve.fit) == 40
        apart = np.interp(curve.x, curve.fit_x, curve.fit) - curve.intensity
        assert np.abs(apart).mean() < 0.2


def test_a_run_without_places_shows_crystals(old) -> None:
    made = curves(old, FigureAxis.of(old))
    assert all(curve.label.startswith("crystal ") for curve in made)
    assert any(len(curve.fit) for curve in made)


def test_one_crystal_does_not_take_all_curves(old) -> None:
    made = curves(old, FigureAxis.of(old))
    crystals = [curve.label.split(" · ")[0] for curve in made]
    assert max(crystals.count(name) for name in crystals) == 2


def test_spacings_that_were_hardly_measured_are_left_out(found) -> None:
    for curve in curves(found, FigureAxis.of(found)):
        assert len(curve.change) > 3
        assert curve.change_se.max() <= COARSEST


def test_a_poor_spacing_does_not_shift_those_it_is_compared_with(old) -> None:
    traces = old.traces.copy()
    spoiled = (traces.spot == 0) & (traces.region == "field") & (traces.frame == 1)
    traces.loc[spoiled, "d_A"] *= 1.5
    traces.loc[spoiled, "d_se_A"] = 5.0
    axis = FigureAxis.of(old)
    before, after = (
        {curve.label: curve for curve in curves(result, axis)}
        for result in (old, replace(old, traces=traces))
    )
    changed = [label for label in before if len(after[label].change) < len(before[label].change)]
    assert len(changed) == 1
    for label in before:
        kept = np.isin(before[label].change_x, after[label].change_x)
        assert after[label].change == pytest.approx(before[label].change[kept], abs=0.03)


def test_without_particles_there_are_no_areas(found) -> None:
    assert areas(found, FigureAxis.of(found)) == []
