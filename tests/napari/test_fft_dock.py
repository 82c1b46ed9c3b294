"""The live spectrum shows the engine's numbers, the newest ones, and nothing while hidden."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyqtgraph as pg
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QApplication

import napari_beamwatch as bw
from napari_beamwatch import columns
from napari_beamwatch._qt.curves.look import look_of
from napari_beamwatch._qt.fft.dock import NO_SPOTS, LiveSpectrum
from napari_beamwatch._qt.fft.picture import SIDE, Painter, Request, compared, first_band
from napari_beamwatch._qt.fft.view import angle_of
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.spectra.diffraction import pattern_profile
from napari_beamwatch.spectra.rings import radial_profile

pytestmark = pytest.mark.gui

PIXEL = 0.125
G = (-0.03, 0.05)
"""gy, gx of the fringe in the movie, in cycles per pixel: up and to the right as displayed."""


@pytest.fixture(scope="module")
def movie() -> bw.Movie:
    """Fringes in the first half, none in the second; 4 electrons a pixel."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:200, :240]
    wave = np.cos(2 * np.pi * (G[0] * y + G[1] * x))
    rates = [4 * (1 + (0.6 * wave if t < 6 else 0 * wave)) for t in range(12)]
    return bw.Movie.from_array(rng.poisson(rates).astype(np.uint8), PIXEL, 10.0)


@pytest.fixture
def dock(qtbot, movie: bw.Movie) -> Iterator[LiveSpectrum]:
    widget = LiveSpectrum()
    qtbot.addWidget(widget)
    widget.resize(520, 460)
    widget.set_movie(movie)
    with qtbot.waitSignal(widget.shown, timeout=20000), qtbot.waitExposed(widget):
        widget.show()
    yield widget
    widget.close()


def spots(movie: bw.Movie, gy: float = G[0], gx: float = G[1]):
    d = 1 / np.hypot(gy, gx)
    size = movie.pixel_size or np.nan
    row = {
        "spot": 3, "gy_per_px": gy, "gx_per_px": gx, "d_px": d, "d_A": size * d,
        "d_se_A": 0.011, "angle_deg": angle_of(gy, gx), "snr": 28.0,
    }  # fmt: skip
    return NO_SPOTS.reindex(index=[0], columns=list(columns.SPOTS)).assign(**row)


def test_the_spectrum_is_that_of_the_engine(qtbot, dock: LiveSpectrum, movie: bw.Movie) -> None:
    region = bw.Region.rectangle("A", 20, 180, 30, 190)
    with qtbot.waitSignal(dock.shown, timeout=20000):
        dock.set_running_sum(3)
        dock.set_frame(4)
        dock.set_region(region)
    qtbot.waitUntil(lambda: dock.heading.said == "A · frames 4–6 · 30–60 e/Å²", timeout=20000)
    expected = bw.power_spectrum(movie, region, 4, 3)
    picture = dock.pair.views[0].picture
    assert picture is not None
    np.testing.assert_array_equal(picture.spectrum.power, expected.power)
    profile = radial_profile(expected)
    x, y = dock.profile.curves[0].getData()
    assert np.allclose(y, profile.power[: len(y)])
    assert np.allclose(x, 10 * profile.k[: len(x)] / PIXEL)


def test_the_brightest_pixel_of_the_picture_is_where_the_spot_is_displayed(
    dock: LiveSpectrum,
) -> None:
    pixels = dock.pair.views[0].image.image
    box = dock.pair.views[0].image.mapRectToView(dock.pair.views[0].image.boundingRect())
    row, column = np.unravel_index(pixels.argmax(), pixels.shape)
    x = box.left() + (column + 0.5) * box.width() / pixels.shape[1]
    y = box.top() + (row + 0.5) * box.height() / pixels.shape[0]
    sign = np.sign(x)  # either of the pair
    per_nm = 10 / PIXEL
    assert sign * x == pytest.approx(G[1] * per_nm, abs=0.5)
    assert sign * y == pytest.approx(-G[0] * per_nm, abs=0.5)


@pytest.mark.parametrize(
    ("gy", "gx", "angle"),
    [(0.0, 0.1, 0), (-0.1, 0.1, 45), (0.1, 0.1, -45), (-0.1, 0.0, 90), (0.1, 0.0, 90)],
)
def test_angles_count_counter_clockwise_from_x_as_displayed(gy, gx, angle) -> None:
    assert angle_of(gy, gx) == pytest.approx(angle)
    assert angle_of(-gy, -gx) == pytest.approx(angle)


def test_the_pointer_reads_spacing_and_angle(dock: LiveSpectrum) -> None:
    words = dock.pair.views[0].reading(-0.05, 0.05)
    assert words.startswith(f"d {PIXEL / np.hypot(0.05, 0.05):.3f} Å · 45.0°")


def test_a_spot_under_the_pointer_is_read_from_its_table(
    dock: LiveSpectrum, movie: bw.Movie
) -> None:
    dock.set_spots(spots(movie))
    row = spots(movie).iloc[0]
    for sign in (1, -1):
        words = dock.pair.views[0].reading(sign * G[0], sign * G[1])
        assert words == f"spot 4: d {row.d_A:.3f} ± 0.011 Å · {row.angle_deg:.1f}° · SNR 28"


def test_without_a_pixel_size_everything_is_in_pixels(qtbot, dock, movie: bw.Movie) -> None:
    bare = movie.with_(pixel_size=None)
    with qtbot.waitSignal(dock.shown, timeout=20000):
        dock.set_movie(bare)
    dock.set_spots(spots(bare))
    dock.set_phase_rings([("LiF", [2.0])])
    assert dock.pair.views[0].plot.getAxis("bottom").labelText == "cycles/px"
    assert "17.15 px" in dock.pair.views[0].reading(*G)
    assert dock.pair.views[0].marks.rings == []  # spacings in Å say nothing here


LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
ALONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


def click(qtbot, dock: LiveSpectrum, x: float, y: float, button=LEFT, held=ALONE) -> None:
    """Click at a frequency in cycles per pixel, to the right and upwards as displayed."""
    view, per_nm = dock.pair.views[0], 10 / PIXEL
    scene = view.plot.getViewBox().mapViewToScene(QPointF(x * per_nm, y * per_nm))
    QApplication.processEvents()
    at = view.plot_widget.mapFromScene(scene)
    qtbot.mouseClick(view.plot_widget.viewport(), button, held, at)


@pytest.mark.long
def test_a_click_snaps_to_the_peak_between_the_bins_in_the_half_plane_of_the_table(
    qtbot, dock
) -> None:
    for x, y in ((0.052, 0.028), (-0.052, -0.028)):  # beside the peak, and beside its mate
        with qtbot.waitSignal(dock.spot_clicked, timeout=20000) as clicked:
            click(qtbot, dock, x, y)
        assert clicked.args == pytest.approx(G, abs=0.1 / 200)  # a tenth of a bin
        qtbot.wait(QApplication.doubleClickInterval() + 50)  # two clicks, not a double one


def test_a_click_at_noise_is_refused_in_words(qtbot, dock) -> None:
    added = []
    dock.spot_clicked.connect(lambda *g: added.append(g))
    with qtbot.waitSignal(dock.refused, timeout=20000) as refused:
        click(qtbot, dock, -0.04, 0.06)
    assert "nothing stands above the noise at 1.7" in refused.args[0]
    assert added == []


@pytest.mark.long
def test_a_click_at_a_marked_spot_chooses_it_and_adds_none(qtbot, dock, movie) -> None:
    dock.set_spots(spots(movie))
    added = []
    dock.spot_clicked.connect(lambda *g: added.append(g))
    for sign, held, several in ((1, ALONE, False), (-1, CONTROL, True)):  # either of the pair
        with qtbot.waitSignal(dock.spot_pointed, timeout=5000) as pointed:
            click(qtbot, dock, sign * G[1], -sign * G[0], held=held)
        assert pointed.args == [3, several]
        qtbot.wait(QApplication.doubleClickInterval() + 50)
    assert added == []


@pytest.mark.long
def test_the_right_button_removes_what_is_marked_and_nothing_else(qtbot, dock, movie) -> None:
    dock.set_spots(spots(movie))
    dock.set_expected([(0.02, 0.06)])
    gone = []
    dock.spot_unwanted.connect(lambda *g: gone.append(g))
    for x, y in ((G[1], -G[0]), (-0.06, 0.02), (0.0, 0.07)):
        click(qtbot, dock, x, y, RIGHT)
        qtbot.wait(QApplication.doubleClickInterval() + 50)
    assert gone == [pytest.approx(G), (0.02, 0.06)]


def test_selected_spots_stand_out_and_the_others_are_dimmed_not_gone(dock, movie) -> None:
    three = pd.concat([spots(movie, -0.01 * i, 0.05).assign(spot=i) for i in range(3)])
    dock.set_spots(three)
    marks = dock.pair.views[0].marks.spots
    widths = [pen.widthF() for pen in marks.data["pen"][:3]]
    dock.set_selected([1])
    pens = list(marks.data["pen"])
    assert pens[1].widthF() > widths[1]
    assert [0 < pen.color().alphaF() < 1 for pen in pens] == [True, False, True] * 2
    dock.set_selected([])
    assert [pen.widthF() for pen in marks.data["pen"][:3]] == widths


def test_labels_cover_neither_each_other_nor_a_spot(qtbot, dock, movie) -> None:
    close = [(G[0], G[1]), (-0.028, 0.052), (-0.034, 0.048), (0.0, 0.062), (0.005, 0.061)]
    dock.set_spots(pd.concat([spots(movie, *g) for g in close], ignore_index=True))
    dock.set_phase_rings([("LiF", [2.1, 2.0], ["111", "200"]), ("Li2O", [2.05], ["200"])])
    view = dock.pair.views[0]
    for band in (0.125, 0.1):
        view.set_band(band)
        QApplication.processEvents()
        labels = [item for item in view.plot.items if isinstance(item, pg.TextItem)]
        boxes = [x.mapRectToScene(x.boundingRect()) for x in labels if x.isVisible()]
        boxes = [box.adjusted(2, 4, -2, -4) for box in boxes]  # Qt's margin around the letters
        assert len(boxes) >= 5
        assert not any(a.intersects(b) for a, b in combinations(boxes, 2))
        here = view.plot.getViewBox().mapViewToScene
        at = [here(QPointF(x, y)) for x, y in zip(*view.marks.spots.getData(), strict=True)]
        assert not any(box.contains(point) for box in boxes for point in at)


def test_the_same_items_are_drawn_again(dock, movie) -> None:
    view = dock.pair.views[0]
    dock.set_spots(spots(movie))
    dock.set_phase_rings([("LiF", [2.1, 2.0])])
    items = set(view.plot.items)
    dock.set_spots(spots(movie, 0.01, 0.04))
    dock.set_phase_rings([("Li2O", [2.6, 1.6])])
    assert set(view.plot.items) == items


def test_the_heading_stays_on_one_line_and_its_tooltip_has_all(qtbot, dock) -> None:
    heading = dock.heading
    qtbot.waitUntil(lambda: heading.said == "field · frame 1 · 0–10 e/Å²", timeout=20000)
    one_line = heading.fontMetrics().lineSpacing() + 8
    for width in (600, 440, 380, 300):
        dock.resize(width, 400)
        QApplication.processEvents()
        assert heading.height() <= max(one_line, dock.running_sum.height())
        assert heading.fontMetrics().horizontalAdvance(heading.text()) <= heading.width()
        assert heading.toolTip() == heading.said
    dock.resize(700, 400)
    QApplication.processEvents()
    assert heading.text() == heading.said


def test_what_to_do_is_said_below_and_gives_way_to_the_reading(qtbot, dock) -> None:
    reading = dock.foot.reading
    assert reading.said == "click: add or choose a spot · right-click: remove"
    dock.set_phase_rings([("Li2CO3", [2.0]), ("Na2CO3", [2.1]), ("LiOH", [2.2])])
    dock.resize(300, 400)
    QApplication.processEvents()
    assert reading.text().endswith("…")
    assert reading.sizeHint().width() <= reading.width()
    dock.pair.read.emit("d 2.000 Å · 45.0°")
    assert reading.said == "d 2.000 Å · 45.0°"


def test_rings_lie_at_the_spacings_of_the_phase(dock: LiveSpectrum) -> None:
    dock.set_phase_rings([("LiF", [2.5, 2.0], ["111", "200"])])
    radii = [ring.rect().width() / 2 for ring in dock.pair.views[0].marks.rings]
    assert radii == pytest.approx([4.0, 5.0])  # 1/nm
    assert [ring.value() for ring in dock.profile._rings] == pytest.approx([4.0, 5.0])
    assert "LiF" in dock.foot.legend.text()


def test_before_and_after_stand_side_by_side(qtbot, dock, movie: bw.Movie) -> None:
    dock.set_running_sum(4)
    dock.set_compared(5, 6)
    dock.compare.setChecked(True)
    qtbot.waitUntil(lambda: dock.pair.views[1].picture is not None, timeout=20000)
    one, other = (view.picture.spectrum for view in dock.pair.views)
    assert (one.first, one.last, other.first, other.last) == (2, 6, 6, 10)
    assert dock.pair.titles[0].text() == "before · 20–60 e/Å²"
    assert dock.pair.titles[1].text() == "after · 60–100 e/Å²"
    assert dock.pair.views[0].image.image.max() == 255
    assert dock.pair.views[1].image.image.max() < 255


def test_a_stretch_before_never_reaches_over_its_frame() -> None:
    for before, after, n in [(5, 6, 4), (0, 1, 10), (9, 10, 7), (4, 11, 3)]:
        for (frame, length), edge in zip(
            compared(before, after, n, 12), (before, after), strict=True
        ):
            first = frame - (length - 1) // 2
            assert (first + length - 1 if edge == before else first) == edge


def test_while_hidden_nothing_is_worked_at(qtbot, movie: bw.Movie, monkeypatch) -> None:
    asked = []
    widget = LiveSpectrum()
    qtbot.addWidget(widget)
    monkeypatch.setattr(widget._worker, "ask", asked.append)
    widget.set_movie(movie)
    widget.set_frame(3)
    widget.set_running_sum(2)
    assert asked == []
    with qtbot.waitExposed(widget):
        widget.show()
    assert [request.stretches for request in asked] == [((3, 2),)]
    widget.hide()
    widget.set_frame(5)
    assert len(asked) == 1


def test_only_the_newest_wish_is_worked_at(qtbot, dock, monkeypatch) -> None:
    gate, worked = threading.Event(), []

    def slow(request: Request) -> object:
        gate.wait(10)
        worked.append(request.stretches[0][0])
        return Painter()(request)

    monkeypatch.setattr(dock._worker, "_answer", slow)
    for frame in range(1, 9):
        dock.set_frame(frame)
    gate.set()
    qtbot.waitUntil(lambda: dock.heading.said.startswith("field · frame 9"), timeout=20000)
    assert worked == [1, 8]


def test_the_wish_of_a_movie_too_short_for_the_sum_is_not_forgotten(
    dock, movie: bw.Movie, monkeypatch
) -> None:
    waiting: list[Request] = []
    busy = SimpleNamespace(ask=waiting.append, forget=waiting.clear)
    dock.set_running_sum(10)
    monkeypatch.setattr(dock, "_worker", busy)
    dock.set_movie(movie[:1])
    assert [len(request.movie) for request in waiting[-1:]] == [1]


def test_an_answer_about_another_movie_or_region_is_dropped(dock, movie: bw.Movie) -> None:
    before = dock.pair.views[0].picture
    wanted = dock._wanted
    answer = Painter()(Request(movie, None, ((2, 1),), 0.1, False))
    other = bw.Movie.from_array(np.ones((12, 100, 100), np.uint8))
    for stale in (
        Request(other, None, wanted.stretches, 0.1, False),
        Request(movie, bw.Region.rectangle("B", 0, 64, 0, 64), wanted.stretches, 0.1, False),
    ):
        dock._on_answer(stale, answer)
        assert dock.pair.views[0].picture is before


def test_a_region_that_is_too_small_is_told_in_words(qtbot, dock) -> None:
    dock.set_region(bw.Region.rectangle("A", 0, 8, 0, 8))
    qtbot.waitUntil(lambda: "a spectrum needs" in dock.heading.said, timeout=20000)
    assert dock.pair.views[0].picture is None


def test_a_large_spectrum_becomes_a_small_picture_that_keeps_its_spots() -> None:
    rng = np.random.default_rng(1)
    x = np.arange(2048)
    rate = 0.2 * (1 + 0.1 * np.cos(2 * np.pi * 0.2 * x))
    movie = bw.Movie.from_array(rng.poisson(np.broadcast_to(rate, (1, 2048, 2048))))
    (picture,) = Painter()(Request(movie, None, ((0, 1),), 0.5, True))
    assert max(picture.pixels.shape) <= SIDE
    _, column = np.unravel_index(picture.pixels.argmax(), picture.pixels.shape)
    left, _, width, _ = picture.box
    at = left + (column + 0.5) * width / picture.pixels.shape[1]
    assert abs(at) == pytest.approx(0.2, abs=1 / SIDE)


@pytest.mark.parametrize(("pixel_size", "band"), [(0.125, 0.125), (0.2, 0.25), (0.7, 0.5)])
def test_the_first_sight_reaches_to_one_angstrom(pixel_size: float, band: float) -> None:
    assert first_band(pixel_size) == band


@pytest.mark.long
def test_colours_follow_the_theme_of_napari(viewer) -> None:
    dock = LiveSpectrum()
    viewer.window.add_dock_widget(dock, name="Live FFT")
    grounds = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        QApplication.processEvents()
        brush = dock.pair.views[0].plot_widget.backgroundBrush().color()
        assert brush.name() == look_of(dock).background
        grounds.append(brush.lightness())
    assert grounds[0] < 100 < 200 < grounds[1]


def test_a_dock_closed_while_it_works_is_gone(qtbot, movie: bw.Movie, monkeypatch) -> None:
    gate = threading.Event()
    widget = LiveSpectrum()
    monkeypatch.setattr(widget._worker, "_answer", lambda request: gate.wait(10))
    widget.set_movie(movie)
    with qtbot.waitExposed(widget):
        widget.show()
    gone = weakref.ref(widget)
    widget.close()
    widget.deleteLater()
    del widget
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    gate.set()
    qtbot.waitUntil(
        lambda: not any(t.name == "beamwatch-live" for t in threading.enumerate()), timeout=5000
    )
    QApplication.processEvents()
    gc.collect()
    assert gone() is None


def test_of_patterns_it_shows_counts_along_the_radius(qtbot, dock: LiveSpectrum) -> None:
    patterns = simulate("steady-rings", frames=4, size=128, drift=0.0)
    dock.set_movie(patterns)
    dock.set_running_sum(4)
    qtbot.waitUntil(lambda: "frames 1–4" in dock.heading.said, timeout=20000)
    assert dock.patterns.isVisible()
    assert dock.pair.isHidden()
    assert dock.profile.isHidden()
    profile = pattern_profile(patterns, 0, 4)
    radius, counts = dock.patterns.curves[0].getOriginalDataset()
    assert np.allclose(radius, profile.radius[profile.mean > 0])
    assert np.allclose(counts, profile.mean[profile.mean > 0])
    assert dock.patterns.reading(50.0).startswith("50.0 px")
    dock.set_camera_constant(120.0)
    dock.set_pattern_rings(pd.DataFrame({"d_A": [3.034, 2.145], "phase": ["Na", None]}))
    assert dock.patterns.reading(50.0).startswith("d 2.400 Å")
    assert [label.toPlainText() for label in dock.patterns.labels] == ["3.03 Å", "2.15 Å"]
    assert "Na" in dock.foot.legend.text()
    dock.set_camera_constant(None)
    dock.set_movie(patterns.with_(conditions={"imaging_mode": "image"}))
    assert dock.pair.isVisible()
    assert dock.patterns.isHidden()
