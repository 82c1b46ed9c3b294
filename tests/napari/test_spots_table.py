"""The table of spots: what it shows, how it is sorted, what its rows, keys and menu ask for."""

from __future__ import annotations

import timeit
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QFontMetrics, QKeyEvent
from qtpy.QtWidgets import QApplication

from napari_beamwatch import columns
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._qt.sections.spots_table import SpotsTable
from napari_beamwatch._qt.spot_words import OVERLINE, overlined

pytestmark = pytest.mark.gui


def spots(count: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = {
        "region": "A", "spot": np.arange(count), "crystal": 0.0,
        "gy_per_px": rng.uniform(-0.2, 0.2, count), "gx_per_px": rng.uniform(0.01, 0.2, count),
        "d_A": rng.uniform(1.0, 2.5, count), "d_se_A": 0.0124, "d_px": rng.uniform(8, 20, count),
        "angle_deg": rng.uniform(-90, 90, count), "snr": rng.uniform(8, 200, count),
        "phase": "LiF|LiH|Au", "hkl": "-111",
    }  # fmt: skip
    return pd.DataFrame(index=range(count), columns=list(columns.SPOTS)).assign(**rows)


@pytest.fixture
def table(qtbot: Any) -> Iterator[SpotsTable]:
    widget = SpotsTable()
    qtbot.addWidget(widget)
    widget.resize(320, 200)
    widget.show_spots(spots(5))
    with qtbot.waitExposed(widget):
        widget.show()
    yield widget
    widget.close()


def shown(table: SpotsTable, column: int) -> list[str]:
    return [table.item(row, column).text() for row in range(table.rowCount())]


def order(table: SpotsTable) -> list[int]:
    return [int(words) - 1 for words in shown(table, 0)]


def click_header(qtbot: Any, table: SpotsTable, column: int) -> None:
    header = table.horizontalHeader()
    x = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
    place = QPoint(x, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def click_cell(qtbot: Any, table: SpotsTable, row: int, x: int) -> None:
    place = QPoint(x, table.visualItemRect(table.item(row, 0)).center().y())
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_the_strongest_spot_is_first_and_numbers_are_told_with_their_errors(table) -> None:
    rows = spots(5).sort_values("snr", ascending=False)
    assert order(table) == rows["spot"].tolist()
    assert shown(table, 1) == [f"{d:.3f} ± 0.012" for d in rows["d_A"]]
    assert shown(table, 2)[0] == f"{rows['angle_deg'].iloc[0]:.1f}°".replace("-", "−")
    assert "Å" in table.horizontalHeaderItem(1).text()
    assert "degrees" in table.horizontalHeaderItem(2).toolTip()


def test_a_header_sorts_by_numbers_and_the_selection_stays_with_its_spots(qtbot, table) -> None:
    table.set_selected([1, 3])
    click_header(qtbot, table, 1)
    rising = [float(words.split()[0]) for words in shown(table, 1)]
    assert rising == sorted(rising)
    assert set(table.selected()) == {1, 3}
    assert table.horizontalHeaderItem(1).text() == "d (Å) ▴"
    click_header(qtbot, table, 1)
    assert [float(words.split()[0]) for words in shown(table, 1)] == rising[::-1]
    table.show_spots(spots(7, seed=1))  # another result is sorted as the last was
    falling = [float(words.split()[0]) for words in shown(table, 1)]
    assert falling == sorted(falling, reverse=True)


def test_nothing_is_cut_in_a_panel_of_the_usual_width(qtbot, table) -> None:
    table.resize(303, 200)
    QApplication.processEvents()
    metrics = QFontMetrics(table.font())
    for column in (1, 4):
        widest = max(metrics.horizontalAdvance(words) for words in shown(table, column))
        assert widest + 6 <= table.columnWidth(column)


def test_the_dot_hides_a_spot_without_selecting_it(qtbot, table) -> None:
    first = order(table)[0]
    with qtbot.waitSignal(table.hiding) as asked:
        click_cell(qtbot, table, 0, 8)
    assert asked.args == [(first,), True]
    assert table.selected() == ()
    table.set_marks(frozenset({first}), frozenset(), "#1fd1a0")
    assert "still in the analysis" in table.item(0, 0).toolTip()
    assert table.item(0, 1).foreground().color() != table.item(1, 1).foreground().color()
    with qtbot.waitSignal(table.hiding) as asked:
        click_cell(qtbot, table, 0, 8)
    assert asked.args == [(first,), False]


def test_a_dot_of_several_rows_that_are_selected_hides_all_of_them(qtbot, table) -> None:
    first, *_, last = order(table)
    table.set_selected([first, last])
    with qtbot.waitSignal(table.hiding) as asked:
        click_cell(qtbot, table, 0, 8)
    assert asked.args == [(first, last), True]
    assert set(table.selected()) == {first, last}


def test_keys_hide_remove_and_undo(qtbot, table) -> None:
    first = order(table)[0]
    table.selectRow(0)
    with qtbot.waitSignal(table.hiding) as asked:
        qtbot.keyClick(table, Qt.Key.Key_Space)
    assert asked.args == [(first,), True]
    with qtbot.waitSignal(table.removing) as asked:
        qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert asked.args == [table.chosen()]
    with qtbot.waitSignal(table.undoing):
        qtbot.keyClick(table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)


def test_our_keys_are_kept_from_the_shortcuts_of_the_window(table) -> None:
    table.selectRow(0)
    control = Qt.KeyboardModifier.ControlModifier
    for key, modifier, ours in (
        (Qt.Key.Key_Z, control, True),
        (Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, True),
        (Qt.Key.Key_O, control, False),
    ):
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, modifier)
        event.ignore()
        table.event(event)
        assert event.isAccepted() == ours


def test_the_menu_offers_what_makes_sense(table) -> None:
    def offered() -> dict[str, bool]:
        return {a.text().partition("\t")[0]: a.isEnabled() for a in table.menu().actions()}

    assert offered() == {"Hide": False, "Show all": False, "Remove": False, "Copy rows": True}
    first = order(table)[0]
    table.selectRow(0)
    assert offered() == {"Hide": True, "Show all": False, "Remove": True, "Copy rows": True}
    table.set_marks(frozenset({first}), frozenset(), "")
    assert offered() == {"Show": True, "Show all": True, "Remove": True, "Copy rows": True}


def test_rows_are_copied_with_their_units(table) -> None:
    table.selectRow(1)
    table.copy_rows()
    header, row, end = QApplication.clipboard().text().split("\n")
    names = "spot|d (Å)|standard error of d (Å)|angle (°)|SNR|phase|hkl"
    assert header == names.replace("|", "\t")
    cells = row.split("\t")
    assert cells[0] == table.item(1, 0).text()
    assert float(cells[1]) == pytest.approx(spots(5).loc[int(cells[0]) - 1, "d_A"], abs=1e-4)
    assert cells[2] == "0.012"
    assert cells[5:] == ["LiF|LiH|Au", "-111"]
    assert end == ""


def test_without_a_pixel_size_spacings_are_in_pixels(table) -> None:
    bare = spots(2).assign(d_A=np.nan, d_se_A=np.nan)
    table.show_spots(bare)
    assert "px" in table.horizontalHeaderItem(1).text()
    assert sorted(map(float, shown(table, 1))) == sorted(bare["d_px"].round(2))
    table.copy_rows()
    assert "d (px)" in QApplication.clipboard().text()


def test_phases_that_cannot_be_told_apart_are_all_named_in_the_tooltip(table) -> None:
    item = table.item(0, 4)
    assert item.text() == f"LiF… 1{OVERLINE}11"
    assert item.toolTip().split("\n")[-3:] == ["LiF", "LiH", "Au"]


@pytest.mark.parametrize(
    ("hkl", "words"), [("200", "200"), ("0-22", "02̄2"), ("-1-11", "1̄1̄1"), ("-10 0 2", "1̄0̄ 0 2")]
)
def test_a_minus_stands_over_its_digit(hkl: str, words: str) -> None:
    assert overlined(hkl) == words


def test_what_the_next_run_will_be_without_is_struck(table) -> None:
    first = order(table)[0]
    table.set_marks(frozenset(), frozenset({first}), "")
    assert table.item(0, 0).font().strikeOut()
    assert "the next run will be without it" in table.item(0, 0).toolTip()
    assert not table.item(1, 0).font().strikeOut()
    table.set_marks(frozenset(), frozenset(), "")
    assert not table.item(0, 0).font().strikeOut()


@pytest.mark.long
def test_the_table_the_spectrum_and_the_curves_go_together(viewer, panel, movie, result) -> None:
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)
    session = panel.session
    assert session.answer(session.begin("analysing").generation, result)
    panel.beside.open()
    table, dock, curves = panel._lattice._table, panel.beside.spectrum, panel.beside.curves
    view = dock.pair.views[0]

    def marked() -> set[int]:
        return set(view._spots["spot"])

    def drawn() -> set[int]:
        keys = [curve.key for curve in curves._curves]  # places have curves of their own
        return {spot for region, spot in keys if region == session.chosen}

    everything, first = set(session.spots["spot"]), order(table)[0]
    assert marked() == everything
    table.hiding.emit((first,), True)
    assert marked() == everything - {first}
    assert first not in drawn()
    assert curves._curves
    dock.spot_pointed.emit(order(table)[1], False)
    dock.spot_pointed.emit(order(table)[2], True)
    assert table.selected() == tuple(order(table)[1:3])
    assert drawn() == set(order(table)[1:3]) == set(view._selected)
    assert marked() == everything - {first}
    session.hide(session.hidden_here, False)
    gone = order(table)[3]
    dock.spot_unwanted.emit(*session.spots.set_index("spot").loc[gone, ["gy_per_px", "gx_per_px"]])
    assert marked() == everything - {gone}
    table.undoing.emit()
    assert marked() == everything
    assert session.settings.removed_spots == ()


def test_sixty_spots_are_shown_within_the_tenth_of_a_second_that_nobody_notices(table) -> None:
    many = spots(60)
    table.show_spots(many)

    def again() -> None:
        table.show_spots(many)
        table.set_marks(frozenset(range(30)), frozenset(), "")

    assert min(timeit.repeat(again, number=1, repeat=3)) < 0.1  # once it has a processor
