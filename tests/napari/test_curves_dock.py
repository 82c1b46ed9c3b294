"""The damage curves show the numbers of the tables, and the cursor and the slider are one."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QApplication

from napari_beamwatch import columns
from napari_beamwatch._qt.curves.data import FrameAxis, averaged, curve_of, usual_selection
from napari_beamwatch._qt.curves.dock import DamageCurves
from napari_beamwatch._qt.curves.look import look_of, region_colours
from napari_beamwatch._qt.curves.marks import limit_label, limit_words
from napari_beamwatch.damage.field.survival import turnbull

pytestmark = pytest.mark.gui

FRAMES, DOSE, TIME = 60, 5.0, 0.1
ONSETS = {"field": 20, "A": 20, "B": 40}
LIMIT = {"name": "Bai 2026: LiF", "dose": 240.0, "criterion": "lost", "rate": 100.0, "kV": 200.0}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Two spots in each of three regions that fade from a frame on, and a dip in A."""
    rng = np.random.default_rng(2)
    frame = np.arange(FRAMES)
    traces, spots = [], []
    for region, onset in ONSETS.items():
        for spot, d in ((0, 2.01), (1, 2.33)):
            before = np.where(frame < onset, d + 0.01 * rng.normal(size=FRAMES), np.nan)
            level = 3e-3 * np.exp(-np.maximum(frame - onset, 0) / 6)
            traces.append(
                pd.DataFrame(
                    {
                        "region": region, "spot": spot, "frame": frame,
                        "dose_e_per_A2": DOSE * (frame + 1), "time_s": TIME * (frame + 1),
                        "intensity": level + rng.normal(0, 2e-4, FRAMES), "intensity_se": 2e-4,
                        "snr": 30.0, "d_A": before,
                        "d_se_A": 0.01, "d_px": 8 * d,
                    }
                )
            )  # fmt: skip
            spots.append(
                {
                    "region": region, "spot": spot, "d_A": d, "d_px": 8 * d, "snr": 90 - 10 * spot,
                    "phase": "LiF|LiH", "hkl": "200", "crystal": 0,
                }
            )  # fmt: skip
    onsets = [
        {
            "region": region, "status": "onset", "onset_frame": onset,
            "onset_dose_e_per_A2": DOSE * onset + 1, "onset_low_e_per_A2": DOSE * onset - 6,
            "onset_high_e_per_A2": DOSE * onset + 9, "threshold_dose_e_per_A2": DOSE * onset + 31,
        }
        for region, onset in ONSETS.items()
    ]  # fmt: skip
    events = [
        {
            "region": "A", "kind": "recovered", "dose_from_e_per_A2": 40.0,
            "dose_to_e_per_A2": 55.0, "depth": 0.5,
        }
    ]  # fmt: skip
    return {
        "traces": pd.concat(traces, ignore_index=True)[list(columns.TRACES)],
        "spots": pd.DataFrame(spots, columns=list(columns.SPOTS)),
        "onsets": pd.DataFrame(onsets, columns=list(columns.ONSETS)),
        "events": pd.DataFrame(events, columns=list(columns.EVENTS)),
        "courses": pd.DataFrame(columns=list(columns.COURSES)),
    }


def fitted(region: str, place: int = 0) -> pd.DataFrame:
    """A fit with its band."""
    frame = np.arange(FRAMES)
    level = np.exp(-np.maximum(frame - ONSETS[region], 0) / 6)
    return pd.DataFrame(
        {
            "region": region, "crystal": 0, "place": place, "frame": frame,
            "dose_e_per_A2": DOSE * (frame + 1),
            "intensity": level, "intensity_low": 0.9 * level, "intensity_high": 1.1 * level,
        }
    )  # fmt: skip


@pytest.fixture
def dock(qtbot, tables) -> Iterator[DamageCurves]:
    widget = DamageCurves()
    qtbot.addWidget(widget)
    widget.resize(640, 320)
    with qtbot.waitExposed(widget):
        widget.show()
    widget.set_tables(**tables)
    yield widget
    widget.close()


def drawn(dock: DamageCurves, plot, kind: str) -> list:
    return [i for p, i in dock.view._drawn if p is plot and type(i).__name__ == kind]


def marks(dock: DamageCurves, kind: str, tip: str = "") -> list:
    """Marks of the upper plot."""
    return [
        item
        for plot, item in dock.marks.items
        if plot is dock.view.intensity and type(item).__name__ == kind and tip in item.toolTip()
    ]


def test_dots_are_the_intensities_of_the_table_over_the_plateau(dock, tables) -> None:
    dock.set_selection([("B", 1)])
    rows = tables["traces"].query("region == 'B' and spot == 1")
    plateau = rows["intensity"][: ONSETS["B"]].mean()
    (dots,) = drawn(dock, dock.view.intensity, "ScatterPlotItem")
    x, y = dots.getData()
    np.testing.assert_allclose(y, rows["intensity"] / plateau)
    np.testing.assert_allclose(x, rows["dose_e_per_A2"] - DOSE / 2)  # the middle of the exposure


def test_unaveraged_lines_and_bands_are_those_of_the_table(dock, tables) -> None:
    dock.set_selection([("A", 0)])
    dock.controls.average.setValue(1)
    rows = tables["traces"].query("region == 'A' and spot == 0")
    before = rows[: ONSETS["A"]]
    plateau = before["intensity"][~before["dose_e_per_A2"].between(40, 55)].mean()  # but its dip
    (line,) = drawn(dock, dock.view.intensity, "PlotCurveItem")
    np.testing.assert_allclose(line.getData()[1], rows["intensity"] / plateau)
    (band,) = drawn(dock, dock.view.intensity, "FillBetweenItem")
    high, low = band.curves[1].getData()[1], band.curves[0].getData()[1]
    np.testing.assert_allclose((high - low) / 2, rows["intensity_se"] / plateau)


def test_the_fit_of_a_crystal_is_drawn_once_over_its_spots_with_its_band(dock, tables) -> None:
    courses = pd.concat([fitted("A"), fitted("B")])
    dock.set_tables(**{**tables, "courses": courses})
    dock.set_selection([("A", 0), ("A", 1)])
    dock.controls.average.setValue(1)
    *_, line = drawn(dock, dock.view.intensity, "PlotCurveItem")
    *_, band = drawn(dock, dock.view.intensity, "FillBetweenItem")
    x, y = line.getData()
    np.testing.assert_allclose(y, courses.query("region == 'A'")["intensity"])
    np.testing.assert_allclose(x, DOSE * (np.arange(FRAMES) + 0.5))  # the middle of the exposure
    np.testing.assert_allclose(band.curves[1].getData()[1], 1.1 * y)
    assert len(drawn(dock, dock.view.intensity, "PlotCurveItem")) == 3  # two spots and one fit
    assert "fit" in dock.legend.text()
    dock.set_selection([("field", 0)])  # which has none
    assert "fit" not in dock.legend.text()


def test_of_a_crystal_of_several_places_the_fit_of_the_largest_is_drawn(dock, tables) -> None:
    later = fitted("A", 2).assign(intensity=0.5)
    dock.set_tables(**{**tables, "courses": pd.concat([later, fitted("A", 1)])})
    dock.set_selection([("A", 0)])
    *_, line = drawn(dock, dock.view.intensity, "PlotCurveItem")
    np.testing.assert_allclose(line.getData()[1], fitted("A")["intensity"])


def test_places_are_called_by_their_name_and_the_dips_of_the_field_are_theirs(dock, tables) -> None:
    named = {"A": "first"}
    renamed = {
        name: table.assign(region=table["region"].replace(named)) for name, table in tables.items()
    }
    dips = renamed["events"].iloc[:1].assign(region="field")
    dock.set_tables(**{**renamed, "events": dips}, named=("first",))
    dock.set_selection([("first", 0)])
    assert "first</span>" in dock.legend.text()
    assert marks(dock, "LinearRegionItem", f"field: {dips['kind'].iloc[0]}")


def test_traces_that_are_known_so_far_are_drawn_while_an_analysis_goes_on(dock, tables) -> None:
    traces = tables["traces"].query("region == 'field'").reset_index(drop=True)
    late = traces["frame"] >= 30
    dock.set_traces_so_far(traces.assign(intensity=traces["intensity"].mask(late)))
    assert dock.legend.text().endswith("so far")
    assert marks(dock, "InfiniteLine", "onset") == []
    dots = drawn(dock, dock.view.intensity, "ScatterPlotItem")
    assert [int(np.isfinite(one.getData()[1]).sum()) for one in dots] == [30, 30]
    dock.set_tables(**tables)
    assert "so far" not in dock.legend.text()


def test_means_of_frames_have_the_error_of_means() -> None:
    rng = np.random.default_rng(3)
    draws = rng.normal(0, 2.0, (4000, 6))
    x = np.arange(6.0)
    means = np.array([averaged(x, row, np.full(6, 2.0), 3)[1] for row in draws])
    se = averaged(x, draws[0], np.full(6, 2.0), 3)[2]
    np.testing.assert_allclose(means.std(axis=0), se, rtol=0.05)
    assert averaged(x, draws[0], np.full(6, 2.0), 3)[0].tolist() == [1.0, 4.0]


def test_spacings_are_shown_in_angstrom_or_as_change(dock, tables) -> None:
    dock.set_selection([("A", 1)])
    dock.controls.average.setValue(1)
    rows = tables["traces"].query("region == 'A' and spot == 1").dropna(subset="d_A")
    for index, expected, label in (
        (1, rows["d_A"], "d (Å)"),
        (0, 100 * (rows["d_A"] / rows["d_A"].mean() - 1), "Δd (%)"),
    ):
        dock.controls.spacing_as.setCurrentIndex(index)
        (dots,) = drawn(dock, dock.view.spacing, "ScatterPlotItem")
        np.testing.assert_allclose(dots.getData()[1], expected, atol=1e-9)
        assert dock.view.spacing.getAxis("left").labelText == label


def test_onset_interval_threshold_and_dip_lie_at_their_doses(dock) -> None:
    dock.set_selection([("A", 0)])
    assert [i.value() for i in marks(dock, "InfiniteLine", "A: onset")] == [101.0]
    assert [i.value() for i in marks(dock, "InfiniteLine", "your threshold")] == [131.0]
    assert [i.getRegion() for i in marks(dock, "LinearRegionItem", "95 %")] == [(94.0, 109.0)]
    assert [i.getRegion() for i in marks(dock, "LinearRegionItem", "recovered")] == [(40.0, 55.0)]


@pytest.mark.parametrize(("along", "at"), [("time", 101 / 50), ("frame", 101 / 5 + 0.5)])
def test_doses_move_to_the_other_axes(dock, along: str, at: float) -> None:
    dock.set_selection([("A", 0)])
    dock.controls.along_box.setCurrentText(along)
    (onset,) = marks(dock, "InfiniteLine", "A: onset")
    assert onset.value() == pytest.approx(at)


def test_the_cursor_moves_without_drawing_the_curves_again(dock, monkeypatch) -> None:
    before = [item for _, item in dock.view._drawn]
    marked = [item for _, item in dock.marks.items]
    monkeypatch.setattr(dock.view, "show_curves", lambda *_: pytest.fail("drawn again"))
    for frame in (0, 17, 59):
        dock.set_frame(frame)
        assert [c.value() for c in dock.view.cursors] == [DOSE * (frame + 1)] * 2
    assert dock.view.reading.toPlainText() == "300 e/Å²"
    assert [item for _, item in dock.view._drawn] == before
    assert [item for _, item in dock.marks.items] == marked


@pytest.mark.parametrize("along", ["dose", "time", "frame"])
def test_the_cursor_comes_back_to_the_frame_it_was_set_to(dock, along: str) -> None:
    chosen: list[int] = []
    dock.frame_chosen.connect(chosen.append)
    dock.controls.along_box.setCurrentText(along)
    for frame in range(FRAMES):
        dock.set_frame(frame)
        dock.view.place_chosen.emit(dock.view.cursors[0].value())
    assert chosen == []  # what is set is not chosen, and a touch is no move


def test_dragging_the_cursor_chooses_frames(dock) -> None:
    chosen: list[int] = []
    dock.frame_chosen.connect(chosen.append)
    for place in (101.0, 104.9, 105.1, 9999.0):
        dock.view.cursors[0].setValue(place)
        dock.view.cursors[0].sigDragged.emit(dock.view.cursors[0])
    assert chosen == [20, 21, 59]  # counted from 0; the first frame ends at 5 e/Å²
    assert dock.view.cursors[1].value() == 300.0


def test_a_click_jumps_to_the_frame_under_it(qtbot, dock) -> None:
    QApplication.processEvents()
    box = dock.view.intensity.getViewBox()
    at = dock.view.graphics.mapFromScene(box.mapViewToScene(QPointF(177.5, 0.6)))
    with qtbot.waitSignal(dock.frame_chosen, timeout=5000) as chosen:
        qtbot.mouseClick(dock.view.graphics.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert chosen.args == [35]


def test_moving_a_threshold_moves_its_line_and_leaves_onset_and_curves(dock, tables) -> None:
    dock.set_selection([("A", 0)])
    before = [item for _, item in dock.view._drawn]
    dock.set_threshold(0.5, 1.0)
    dock.set_onsets(tables["onsets"].assign(threshold_dose_e_per_A2=150.0))
    assert [i.value() for i in marks(dock, "InfiniteLine", "A: your")] == [150.0]
    assert [i.value() for i in marks(dock, "InfiniteLine", "A: onset")] == [101.0]
    flat = [i.value() for i in marks(dock, "InfiniteLine") if i.angle == 0]
    assert flat == [0.5]
    assert [item for _, item in dock.view._drawn] == before


def test_published_limits_stand_on_the_dose_axis_only(dock) -> None:
    dock.set_limits([LIMIT])
    assert [i.value() for i in marks(dock, "InfiniteLine", "Bai")] == [240.0]
    dock.controls.along_box.setCurrentText("time")
    assert marks(dock, "InfiniteLine", "Bai") == []


def test_a_limit_says_its_conditions_as_far_as_they_are_known() -> None:
    assert limit_words(LIMIT) == "Bai 2026: LiF: 240 e/Å² · lost · 100 e/Å²/s · 200 kV"
    bare = {"name": "X", "dose": 7.0, "criterion": "", "rate": float("nan"), "kV": None}
    assert limit_words(bare) == "X: 7 e/Å²"


BOUND = {
    "name": "Li2CO3", "dose": 100.0, "bound": "≤", "temperature_C": 20.0, "criterion": "lost",
}  # fmt: skip


def test_an_upper_bound_is_named_as_one_and_hatched_to_where_the_limit_may_lie(dock) -> None:
    dock.set_limits([BOUND, {**BOUND, "dose": 7.0}, LIMIT, {**LIMIT, "dose": 244.0}])
    assert limit_label(BOUND) == "published Li2CO3 ≤100 · 20 °C · lost"
    assert limit_label({**BOUND, "bound": "", "until": 390.0}).startswith(
        "published Li2CO3 100–390 ·"
    )
    assert limit_words(BOUND) == "Li2CO3: ≤ 100 e/Å² · 20 °C · lost"
    hatched = [item.getRegion() for item in marks(dock, "LinearRegionItem", "Li2CO3")]
    assert hatched == [(0.0, 100.0), (0.0, 7.0)]
    shown = [item for _, item in dock.marks.labels.items if item.isVisible()]
    assert all(item.childItems() for item in shown)  # what keeps curves from crossing the words
    assert len(shown) >= 2
    boxes = [item.mapRectToParent(item.boundingRect()) for item in shown]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert not any(a.adjusted(1, 1, -1, -1).intersects(b) for a, b in pairs)
    dock.set_limits([])
    assert dock.marks.labels.items == []


def test_curves_have_the_colours_of_their_regions(dock) -> None:
    colours = region_colours(["field", "A", "B"], look_of(dock).dark)
    for region in ("field", "A", "B"):
        dock.set_selection([(region, 0)])
        (line,) = drawn(dock, dock.view.intensity, "PlotCurveItem")
        assert line.opts["pen"].color().name() == colours[region]
        assert f"{region} 1 LiF… 200" in dock.legend.text()
    assert len(set(colours.values())) == 3


def test_the_strongest_spots_of_drawn_regions_are_shown_first(tables) -> None:
    assert usual_selection(tables["spots"]) == [("A", 0), ("A", 1), ("B", 0), ("B", 1)]
    field = tables["spots"].query("region == 'field'")
    assert usual_selection(field) == [("field", 0), ("field", 1)]


def test_of_two_crystals_that_which_changed_first_is_shown_first(tables) -> None:
    field = tables["spots"].query("region == 'field'").iloc[[0, 0, 0]].reset_index(drop=True)
    field = field.assign(spot=[0, 1, 2], crystal=[1, 1, 0], snr=[90.0, 80.0, 20.0])
    changed = field.assign(onset_frame=pd.array([70, 70, 30], "Int64"))
    assert usual_selection(changed) == [("field", 2), ("field", 0)]
    never = field.assign(onset_frame=pd.array([70, 70, pd.NA], "Int64"))
    assert usual_selection(never) == [("field", 0), ("field", 2)]


def test_without_an_onset_the_first_quarter_is_the_plateau(tables) -> None:
    none = tables["onsets"].assign(onset_frame=pd.NA)
    calm = tables["events"].iloc[:0]
    curve = curve_of(tables["traces"], tables["spots"], none, calm, ("B", 0))
    rows = tables["traces"].query("region == 'B' and spot == 0")
    assert curve is not None
    assert curve.plateau == pytest.approx(rows["intensity"][: FRAMES // 4].mean())


def test_frames_that_settle_are_not_of_the_plateau(tables) -> None:
    rows = tables["traces"].query("region == 'B' and spot == 0")
    doses = rows["dose_e_per_A2"].to_numpy()
    settling = (
        tables["events"]
        .iloc[:1]
        .assign(region="field", kind="settling", dose_from_e_per_A2=0.0, dose_to_e_per_A2=doses[4])
    )
    dim = np.where(tables["traces"]["dose_e_per_A2"] <= doses[4], 0.1, 1.0)
    traces = tables["traces"].assign(intensity=tables["traces"]["intensity"] * dim)
    curve = curve_of(traces, tables["spots"], tables["onsets"], settling, ("B", 0))
    assert curve is not None
    until = tables["onsets"].set_index("region").loc["B", "onset_frame"]
    assert curve.plateau == pytest.approx(rows["intensity"].iloc[5 : int(until)].mean())
    never = settling.assign(dose_to_e_per_A2=doses[-1])
    curve = curve_of(traces, tables["spots"], tables["onsets"], never, ("B", 0))
    assert curve is not None
    assert curve.plateau < rows["intensity"].iloc[: int(until)].mean()


def test_without_dose_and_time_frames_are_the_axis(dock, tables) -> None:
    bare = tables["traces"].assign(dose_e_per_A2=np.nan, time_s=np.nan, d_A=np.nan)
    unknown = {c: np.nan for c in tables["onsets"] if c.endswith("e_per_A2")}
    dock.set_tables(
        bare,
        tables["spots"],
        tables["onsets"].assign(**unknown),
        tables["events"],
        tables["courses"],
    )
    assert dock.controls.along == "frame"
    dock.set_selection([("A", 0)])
    (onset,) = marks(dock, "InfiniteLine", "A: onset")
    assert onset.value() == 20.5  # between frames 20 and 21, counted from 1
    assert dock.view.spacing.getAxis("left").labelText == "Δd (%)"


def test_frames_before_the_beam_do_not_upset_the_axis() -> None:
    traces = pd.DataFrame(
        {"frame": range(5), "dose_e_per_A2": [0.0, 0, 4, 8, 12], "time_s": np.nan}
    )
    axis = FrameAxis.of(traces)
    assert axis.edges("dose").tolist() == [0, 0, 0, 4, 8, 12]
    assert axis.frame_at("dose", 3.0) == 2


def test_the_survival_curve_is_that_of_the_engine(dock) -> None:
    low, high = [95, 140, 210, 300], [105, 160, 230, np.inf]
    found = turnbull(low, high, [1, 1, 1, 1], [0, 1, 2, 3])
    dock.set_survival(found)
    dock.controls.page.setCurrentText("survival")
    line = dock.survival._items[1]
    x, y = line.getData()
    for dose, value in zip(found.dose, found.survival, strict=True):
        assert y[np.flatnonzero(x == dose)[-1]] == value
    assert x[-1] == 300.0
    said = dock.survival.words.text()
    assert said.startswith("3 of 4 places damaged; half of the lattice by ")
    dock.set_survival(turnbull([100.0], [120.0], [1], [0]))  # one place has no band
    dock.survival.grab()
    assert dock.survival.words.text().endswith("half of the lattice by 110 e/Å².")


def test_empty_tables_draw_nothing_and_say_so(dock) -> None:
    dock.clear()
    dock.set_frame(3)
    dock.view.place_chosen.emit(10.0)
    assert dock.view._drawn == []
    assert dock.legend.text() == "No curves yet."


def test_a_wish_for_a_spot_that_is_not_there_is_no_error(dock) -> None:
    dock.set_selection([("A", 99), ("nowhere", 0)])
    assert dock.view._drawn == []


def test_while_hidden_nothing_is_drawn_and_then_all_is(qtbot, tables) -> None:
    widget = DamageCurves()
    qtbot.addWidget(widget)
    widget.set_tables(**tables)
    widget.set_frame(12)
    assert widget.view._drawn == []
    with qtbot.waitExposed(widget):
        widget.show()
    assert widget.view._drawn
    assert widget.view.cursors[0].value() == 65.0


def test_the_copied_image_is_twice_as_fine_as_the_screen(dock) -> None:
    dock.controls.copy.click()
    image = QApplication.clipboard().image()
    shown = dock._pages.currentWidget().size()
    assert image.width() == 2 * shown.width()
    assert len({image.pixel(x, 150) for x in range(0, image.width(), 3)}) > 3  # not blank


@pytest.mark.long
def test_colours_follow_the_theme_of_napari(viewer, tables) -> None:
    dock = DamageCurves()
    viewer.window.add_dock_widget(dock, name="Damage curves")
    dock.set_tables(**tables)
    dock.set_selection([("A", 0)])
    pens = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        QApplication.processEvents()
        ground = dock.view.graphics.backgroundBrush().color().name()
        assert ground == look_of(dock).background
        pens.append(drawn(dock, dock.view.intensity, "PlotCurveItem")[0].opts["pen"].color().name())
    assert pens == [region_colours(["A"], dark)["A"] for dark in (True, False)]


def test_a_closed_dock_is_gone(qtbot, tables) -> None:
    widget = DamageCurves()
    with qtbot.waitExposed(widget):
        widget.show()
    widget.set_tables(**tables)
    gone = weakref.ref(widget)
    widget.close()
    widget.deleteLater()
    del widget
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    QApplication.processEvents()
    gc.collect()
    assert gone() is None
