"""The figure of a result: what it shows, for whom, and that it can always be drawn."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.patches import Polygon
from matplotlib.text import Text

import napari_beamwatch as bw
from napari_beamwatch.results.areas import leading_phases
from napari_beamwatch.results.figure import chain, figure, write_figure
from napari_beamwatch.results.figure.choices import (
    around,
    place,
    shots,
    spots_at,
    subject,
    track_of,
)
from napari_beamwatch.results.figure.curves import FigureAxis, areas
from napari_beamwatch.results.figure.style import COLOURS, DASHES, MARKS, barred, hkl_text, mate
from napari_beamwatch.results.report.areas import areas as areas_section
from tests.filming import filmed

pytestmark = pytest.mark.drawn


@pytest.fixture(scope="module")
def movie(found: bw.Result) -> bw.Movie:
    assert found.movie is not None
    return found.movie


def words(made) -> str:
    return " ".join(
        text.get_text() for text in made.findobj(match=lambda a: hasattr(a, "get_text"))
    )


def test_pictures_are_of_frames_before_at_and_after_the_onset(movie, found) -> None:
    row = subject(found.onsets)
    before, at, after = shots(movie, row)
    onset = int(row.onset_frame)
    assert before.last == onset == at.first
    assert movie.dose[after.first] >= row.lost_dose_e_per_A2 or after.last == len(movie)


def test_a_record_without_an_onset_shows_its_start_middle_and_end(movie, found) -> None:
    row = subject(found.onsets).copy()
    row["onset_frame"] = pd.NA
    three = shots(movie, row)
    assert [shot.word for shot in three] == ["start", "middle", "end"]
    assert (three[0].first, three[-1].last) == (0, len(movie))


def test_every_panel_says_its_dose_or_its_unit(movie, found) -> None:
    said = words(figure(found, movie))
    row = subject(found.onsets)
    dose = movie.dose[int(row.onset_frame) - 1]
    for expected in (
        f"{dose:.4g} e/Å²", "1 nm", "nm⁻¹", "accumulated dose (e/Å²)", "Δd / d (%)",
        "intensity / plateau", "onset (e/Å²)", "rings: Li2O", f"{row.onset_dose_e_per_A2:.0f} e/Å²",
    ):  # fmt: skip
        assert expected in said, expected


@pytest.mark.long
def test_it_is_two_columns_wide_and_its_letters_are_of_six_points_or_more(movie, found) -> None:
    made = figure(found, movie)
    assert made.get_figwidth() * 25.4 == pytest.approx(180)
    sizes = [text.get_fontsize() for text in made.findobj(Text) if text.get_text().strip()]
    assert min(sizes) >= 6
    assert max(sizes) <= 8


@pytest.mark.long
def test_nothing_is_cut_off_at_the_rim(movie, found) -> None:
    made = figure(found, movie)
    canvas = FigureCanvasAgg(made)
    box = made.get_tightbbox(canvas.get_renderer())
    assert min(box.x0, box.y0) >= 0
    assert box.x1 <= made.get_figwidth()
    assert box.y1 <= made.get_figheight()


def test_a_transform_is_as_wide_as_the_picture_above_it(movie, found) -> None:
    pictures = [axes for axes in figure(found, movie).axes if axes.images][:6]
    boxes = sorted((axes.get_position() for axes in pictures), key=lambda box: (box.x0, -box.y0))
    for above, below in zip(boxes[::2], boxes[1::2], strict=True):
        assert (below.x0, below.x1) == pytest.approx((above.x0, above.x1))
        assert below.y1 < above.y0


def test_the_transform_is_taken_where_it_tells_most(movie, found) -> None:
    row = subject(found.onsets)
    where = place(found, row, movie.shape[1:])
    windows = found.windows.set_index("window")
    one = windows.loc[where.window]
    off = (windows.onset_dose_e_per_A2 - row.onset_dose_e_per_A2).abs()
    assert one.status == "onset"
    assert where.box == (one.y0, one.x0, one.y1, one.x1)
    assert off[where.window] <= off.quantile(0.25)


def test_spots_of_a_window_bear_the_names_of_the_fields(movie, found) -> None:
    where = place(found, subject(found.onsets), movie.shape[1:])
    spots = spots_at(found, where)
    assert [spot.snr for spot in spots] == sorted((spot.snr for spot in spots), reverse=True)
    assert spots[0].hkl is not None
    assert spots[0].length.endswith(" Å")


def test_what_surrounds_a_box_stays_in_the_field() -> None:
    still = np.zeros((3, 2), np.int64)
    assert around((0, 300, 84, 384), (384, 384), still) == (0, 216, 168, 384)
    assert around((40, 100, 140, 200), (150, 400), still) == (0, 75, 150, 225)


def test_what_surrounds_a_box_stays_in_sight_while_the_specimen_moves() -> None:
    moved = np.array([(0, 0), (30, -20)])
    y0, x0, y1, x1 = around((100, 100, 200, 200), (300, 300), moved)
    assert y1 + 30 <= 300
    assert x0 - 20 >= 0
    assert y1 - y0 == x1 - x0 == 200


def test_the_track_is_that_of_the_run_and_nought_without_one(found) -> None:
    drift = pd.DataFrame({"frame": [0, 1, 2], "dy_px": [0, 1.6, 3.4], "dx_px": [0, -1.2, np.nan]})
    assert track_of(replace(found, drift=drift), 4).tolist() == [[0, 0], [2, -1], [0, 0], [0, 0]]
    assert not track_of(found, 40).any()


def test_without_the_movie_the_pictures_are_left_out(found) -> None:
    bare = figure(replace(found, movie=None), None)
    assert not [image for axes in bare.axes for image in axes.images]
    assert "accumulated dose (e/Å²)" in words(bare)


def test_curves_are_told_apart_without_colour() -> None:
    assert len(set(MARKS)) == len(set(DASHES)) == len(COLOURS)
    grey = [np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) for colour in COLOURS]
    assert max(grey) < 0.65  # dark enough on paper


def test_indices_below_zero_have_a_bar() -> None:
    assert hkl_text("200") == "200"
    assert hkl_text("2-20") == r"$\mathregular{2\overline{2}0}$"
    said = barred("field 12 e/Å² [10–14] · fading of LiF 200, -111, 111")
    assert said.endswith(r"LiF 200, $\mathbf{\overline{1}11}$, 111")


@pytest.mark.parametrize("text", ["roi-111 a-b", "−170 °C", "100-200"])
def test_a_dash_elsewhere_is_no_bar(text: str) -> None:
    assert barred(text) == text


def test_a_dollar_in_a_name_stays_a_dollar() -> None:
    assert barred("a$b$") == r"a\$b\$"


def test_the_mate_of_a_reflection_has_the_other_signs() -> None:
    assert [mate(hkl) for hkl in ("200", "-111", "2-20")] == ["-200", "1-1-1", "-220"]


@pytest.mark.long
def test_a_movie_without_any_calibration_is_drawn_in_frames_and_pixels(movie, found) -> None:
    frames = np.stack([movie.frame(t) for t in range(0, len(movie), 2)])
    bare = bw.Movie.from_array(frames[:, :320, :320])
    result = bw.analyze(bare, bw.Settings(window=256, drift="off", criteria=("fading",)))
    said = words(figure(result, bare))
    for expected in ("frames ", "px⁻¹", "onset (frame)", " px"):
        assert expected in said, expected
    assert "e/Å²" not in said


@pytest.fixture(scope="module")
def shrunk() -> bw.Result:
    movie = filmed(
        "shrinking-particle", frames=30, frame_dose=20.0, size=512, pixel_size=0.25, seed=0
    )
    result = bw.analyze(movie, bw.Settings(drift="off", criteria=("mass_loss",)))
    assert result.onsets.criterion[0] == "mass_loss"
    return result


@pytest.mark.long
def test_particles_that_shrink_are_outlined_and_their_area_is_drawn(shrunk) -> None:
    made = figure(shrunk, shrunk.movie)
    assert "area / start" in words(made)
    outlines = [axes for axes in made.axes if axes.findobj(is_outline) and axes.images]
    assert len(outlines) == 3


def is_outline(artist) -> bool:
    return isinstance(artist, Polygon) and len(artist.get_xy()) > 5


def test_areas_are_relative_to_those_before_the_onset(shrunk) -> None:
    curve = areas(shrunk, FigureAxis.of(shrunk))[0]
    assert curve.area[0] == pytest.approx(1, abs=0.05)
    assert curve.area[-1] < 0.7


@pytest.mark.long
def test_a_diffraction_movie_is_shown_as_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y, x = np.indices((128, 128)) - 64.0
    level = 3 * np.exp(-np.hypot(y, x) / 45) + 800 * np.exp(-(y**2 + x**2) / 8)
    spots = sum(
        28 * np.exp(-((y - 27.3 * h) ** 2 + (x - 27.3 * k) ** 2) / 3.4)
        for h, k in ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))
    )
    frames = rng.poisson([level + s * spots for s in np.repeat([1.0, 0.05], 15)])
    movie = bw.Movie.from_array(frames.astype(np.uint16), frame_dose=2.0)
    result = bw.analyze(movie, bw.Settings(camera_constant=55.0))
    assert result.onsets.status[0] == "onset"
    made = figure(result, movie)
    assert len([axes for axes in made.axes if axes.images]) == 3
    assert "2.01 Å" in words(made)
    assert "onset map" not in words(made)


@pytest.mark.long
def test_a_result_without_any_lattice_still_has_a_figure(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).poisson(1.0, (12, 192, 192)).astype(np.uint8)
    movie = bw.Movie.from_array(noise)
    result = bw.analyze(movie, bw.Settings(drift="off", criteria=("fading",)))
    write_figure(result, movie, tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").ndim == 3
    assert "no lattice" in words(figure(result, movie))


@pytest.mark.long
def test_the_same_result_makes_the_same_vector_file_with_words_in_it(
    movie, found, tmp_path: Path
) -> None:
    paths = [tmp_path / name for name in ("one.svg", "two.svg")]
    for path in paths:
        write_figure(found, movie, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    said = "".join(ElementTree.parse(paths[0]).getroot().itertext())
    assert "accumulated dose (e/Å²)" in said


@pytest.mark.long
def test_a_pdf_holds_its_letters_as_outlines_that_can_be_edited(found, tmp_path: Path) -> None:
    write_figure(found, None, tmp_path / "figure.pdf")
    pdf = (tmp_path / "figure.pdf").read_bytes()
    assert b"/CIDFontType2" in pdf  # TrueType, as journals ask, of type 42
    assert b"/Type3" not in pdf


@pytest.mark.long
def test_a_movie_that_can_no_longer_be_read_costs_the_pictures_alone(
    movie, found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(bw.Movie, "frame", gone)
    write_figure(found, movie, tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.long
def test_spacings_that_nobody_could_measure_are_not_a_blank_panel(found) -> None:
    poor = replace(found, traces=found.traces.assign(d_se_A=1.0))
    assert "no spacing was measured well enough" in words(figure(poor, None))
    assert "well enough" not in words(figure(found, None))


def test_the_map_of_a_wide_field_leaves_no_hole_above_its_key() -> None:
    noise = np.random.default_rng(0).poisson(1.0, (6, 128, 320)).astype(np.uint8)
    movie = bw.Movie.from_array(noise)
    result = bw.analyze(movie, bw.Settings(drift="off", criteria=("fading",)))
    made = figure(result, movie)
    box = next(axes for axes in made.axes if "map" in axes.get_title("left")).get_position()
    shape = box.height * made.get_figheight() / (box.width * made.get_figwidth())
    assert shape == pytest.approx(128 / 320)


def test_pictures_of_another_movie_are_refused_in_words(movie, found) -> None:
    with pytest.raises(bw.BeamwatchError, match="has 30 frames, the one that was analysed 40"):
        figure(found, movie[:30])


def test_an_axis_that_is_not_known_is_refused_in_words(found, tmp_path: Path) -> None:
    timeless = replace(found, field=found.field.assign(time_s=np.nan))
    with pytest.raises(bw.BeamwatchError, match="along the time: it is not known"):
        write_figure(timeless, found.movie, tmp_path / "figure.png", along="time")
    assert "time (s)" in words(figure(found, None, along="time"))


def test_other_endings_are_refused(found, tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match=r"\.png, \.svg or \.pdf"):
        write_figure(found, None, tmp_path / "figure.bmp")


def test_a_run_folder_holds_the_figure(drawn: Path) -> None:
    assert imread(drawn / "figure.png").shape[1] > 1000
    assert all(path.stat().st_size for path in drawn.iterdir())
    assert (drawn / "figure.svg").stat().st_size > 10_000


@pytest.mark.long
def test_an_analysis_does_not_wait_for_matplotlib() -> None:
    code = "import sys, napari_beamwatch.cli.analyze; print('matplotlib' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_the_chain_draws_each_phase_with_its_errors_and_names_what_was_not_seen(found) -> None:
    made = chain(found)
    assert made is not None
    said = words(made)
    for name in ("Li2O", "no lattice seen", "not seen: ", "area of the field (%)"):
        assert name in said
    shown = leading_phases(found.phase_area, 4)
    assert shown[-1].startswith("Li2O")  # it came after what it came of
    assert len(made.axes[0].containers) == len(shown)


def test_no_chain_is_drawn_where_no_area_was_measured(found) -> None:
    assert chain(replace(found, phase_area=found.phase_area.iloc[:0])) is None


def test_the_report_shows_the_chain_and_says_its_numbers(found) -> None:
    said = areas_section(found)
    assert said.count("data:image/png;base64,") == 1
    for words_of_it in ("How much of the field each phase has", "Li2O", "±", "not seen", "&lt; "):
        assert words_of_it in said
    steady = found.phase_area.assign(area_percent=50.0)
    assert "<img" not in areas_section(replace(found, phase_area=steady))
