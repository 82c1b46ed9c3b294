"""Diffraction on the desk: a click on a ring that is known tells the camera constant."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel, QPushButton

from napari_beamwatch import Movie, Settings, analyze
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._qt.curves.data import courses_of, curve_of, usual_selection
from napari_beamwatch._qt.curves.rings import with_rings
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch._qt.ring_form import RINGS, RingForm
from napari_beamwatch.analysis.patterns.calibrating import PowderRings, powder_rings
from napari_beamwatch.simulate.cases import simulate
from tests.waiting import wait_until

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def patterns() -> Movie:
    """Rings of Na at 200 Å·px."""
    movie = simulate("steady-rings", frames=4, drift=0.0)
    return movie.with_(conditions={"imaging_mode": "diffraction"})


@pytest.fixture(scope="module")
def rings(patterns: Movie) -> PowderRings:
    return powder_rings(patterns)


@pytest.fixture
def form(
    viewer: Any,
    panel: Beamwatch,
    patterns: Movie,
    rings: PowderRings,
    monkeypatch: pytest.MonkeyPatch,
) -> RingForm:
    monkeypatch.setattr("napari_beamwatch._qt.ring_form.powder_rings", lambda *_: rings)
    frames, known, _ = movie_layer(patterns)
    viewer.add_image(frames, **known)
    panel.findChild(QPushButton, "known_ring").click()
    found = panel.windows.ring
    assert found is not None
    wait_until(lambda: found.rings is not None)
    return found


def click(viewer: Any, form: RingForm, radius: float) -> None:
    """Click on the picture, so far to the right of the centre."""
    assert form.rings is not None
    at = viewer.layers[RINGS].data_to_world((form.rings.y, form.rings.x + radius))
    event = SimpleNamespace(pos=(9, 9), type="mouse_press", button=1, position=(0.0, *at))
    gone = form._on_press(None, event)
    next(gone)
    event.type = "mouse_release"
    assert next(gone, None) is None


def test_a_ring_that_is_clicked_and_named_sets_the_constant_with_its_error(
    viewer: Any, panel: Beamwatch, form: RingForm, rings: PowderRings
) -> None:
    assert form.rings is not None
    told = rings.constant_by("Na", (1, 1, 0))
    radius = told.rings[0][2]
    ring = form.rings.nearest(radius)
    click(viewer, form, 1.02 * radius)
    top, *_, bottom = np.sort(viewer.layers[RINGS].data[ring][:, 0])
    assert (top + bottom) / 2 == pytest.approx(rings.y)
    assert (bottom - top) / 2 == pytest.approx(radius)
    colours = viewer.layers[RINGS].edge_color
    assert [bool(np.allclose(one, colours[ring])) for one in colours].count(True) == 1
    assert form.ring.value == f"{radius:.1f} px"
    use = form.findChild(QPushButton, "use")
    assert not use.isEnabled()
    form.what.value = "Na 110"
    assert form.findChild(QLabel, "told").text() == told.words
    use.click()
    settings = panel.session.settings
    assert settings.camera_constant == pytest.approx(told.value)
    assert settings.pixel_size_uncertainty == pytest.approx(told.se / told.value)
    assert RINGS not in viewer.layers
    assert panel._lattice._constant.text() == (
        f"C = {told.value:.5g} Å·px ± {100 * told.se / told.value:.2g} %"
    )
    panel.session.undo()
    assert panel.session.settings.camera_constant is None


@pytest.mark.long
def test_a_spacing_that_is_typed_or_all_rings_of_a_phase_do_as_well(
    form: RingForm, rings: PowderRings
) -> None:
    assert form.rings is not None
    said, radius = form.findChild(QLabel, "told"), float(form.rings.radius[0])
    form.what.value = "0,3 nm"
    assert said.text().startswith(f"{3 * radius:.5g} ± ")
    form.what.value = "Na"
    assert said.text() == rings.constant_by("Na", None).words


@pytest.mark.long
def test_what_no_ring_can_be_is_said_and_closing_takes_the_rings_off(
    viewer: Any, form: RingForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what, why in (
        ("Unobtainium", "Unobtainium"), ("Na 100", "has no ring"), ("3 px", "type a number in Å"),
    ):  # fmt: skip
        form.what.value = what
        assert why in form.findChild(QLabel, "told").text()
        assert not form.findChild(QPushButton, "use").isEnabled()
    said: list[str] = []
    monkeypatch.setattr(form, "_say", said.append)
    assert form.rings is not None
    before = form.ring.value
    click(viewer, form, 2.0 * float(form.rings.radius.max()))
    assert "the nearest lies at" in said[0]
    assert form.ring.value == before
    form.reject()
    assert RINGS not in viewer.layers
    assert form._callback not in viewer.mouse_drag_callbacks


@pytest.mark.long
def test_rings_are_drawn_as_curves_beside_the_fit_of_their_place() -> None:
    movie = simulate("sodium-rings", frames=40, onset=30.0, tau=10.0)
    result = analyze(movie, Settings(camera_constant=200.0, phases=("Na", "Na2CO3")))
    shown = with_rings(result)
    named = result.rings[result.rings["phase"] == "Na"].groupby("ring")["d_A"].median()
    rings = shown.spots.iloc[len(result.spots) :]
    assert sorted(rings["d_A"]) == pytest.approx(sorted(named))  # those that came are not
    for key in usual_selection(rings):
        curve = curve_of(shown.traces, shown.spots, shown.onsets, shown.events, key)
        assert curve is not None
        assert len(curve.frame) == 40
        assert curve.intensity[:10].mean() == pytest.approx(1.0, abs=0.1)
        assert curve.intensity[-5:].mean() < 0.3
    (course,) = courses_of(shown.courses, shown.spots, [curve])
    assert len(course.frame) == 40
