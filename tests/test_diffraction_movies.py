"""Movies of diffraction patterns come out in the tables of image movies, with what is true."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch import columns, threads
from napari_beamwatch.analysis import Step
from napari_beamwatch.analysis.patterns import naming, passes, road
from napari_beamwatch.analysis.patterns.verdict import as_windows
from napari_beamwatch.spectra.diffraction import (
    FrameReading,
    Geometry,
    SegmentPattern,
    SpotTracker,
    find_centre,
    find_spots,
    measure_background,
)
from napari_beamwatch.spectra.diffraction.background import hot_pixels
from napari_beamwatch.spectra.diffraction.polar import PolarReader
from napari_beamwatch.spectra.rings import pixel_size_from_standard

CONSTANT = 55.0  # Å·px
SHAPE = (128, 140)
CENTRE = (62.3, 71.4)
LATTICE = 4.03  # Å: LiF along [001]
DOSE = 2.0  # e/Å² of a frame
ONSET, DECAY = 40.0, 30.0  # e/Å²
SETTINGS = bw.Settings(camera_constant=CONSTANT)


@dataclass(frozen=True)
class Pattern:
    """Kinematic pattern, in counts a frame: spots on their own, and what lies between them."""

    spots: np.ndarray
    rest: np.ndarray
    places: np.ndarray  # (ry, rx, counts) of each pair, in the half plane rx ≥ 0


def drawn(width: float = 1.3, stop: bool = False, strength: float = 300.0) -> Pattern:
    y, x = np.indices(SHAPE).astype(float)
    r = np.hypot(y - CENTRE[0], x - CENTRE[1])
    rest = 3 * np.exp(-r / 45) + 800 * np.exp(-(r**2) / 8)
    spots = np.zeros(SHAPE)
    places = []
    for h, k in [(h, k) for h in (-4, -2, 0, 2, 4) for k in (-4, -2, 0, 2, 4) if (h, k) != (0, 0)]:
        ry, rx = CONSTANT / LATTICE * np.array([h * 0.98 + k * 0.199, k * 0.98 - h * 0.199])
        counts = strength * np.exp(-(h * h + k * k - 4) / 12)
        away = (y - CENTRE[0] - ry) ** 2 + (x - CENTRE[1] - rx) ** 2
        spots += counts / (2 * np.pi * width**2) * np.exp(-away / (2 * width**2))
        inside = [
            abs(CENTRE[0] + m * ry - 63.5) < 59 and abs(CENTRE[1] + m * rx - 69.5) < 65
            for m in (1, -1)
        ]
        if rx > 0 and any(inside):
            places.append((ry, rx, counts))
    if stop:
        shadow = ((np.abs(y - CENTRE[0]) < 4) & (x < CENTRE[1])) | (r < 9)
        spots, rest = (np.where(shadow, 0.02 * part, part) for part in (spots, rest))
    return Pattern(spots, rest, np.array(places))


def law(frames: int) -> np.ndarray:
    """Part of the lattice that is left in each frame: whole until the onset, then fading."""
    middle = DOSE * (np.arange(frames) + 0.5)
    return np.exp(-np.maximum(middle - ONSET, 0) / DECAY)


def recorded(pattern: Pattern, scale: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    frames = [rng.poisson(pattern.rest + s * pattern.spots) for s in scale]
    return np.array(frames, np.uint16)


def movie_of(frames: np.ndarray) -> bw.Movie:
    return bw.Movie.from_array(frames, frame_dose=DOSE)


def nearest(spots: pd.DataFrame, pattern: Pattern) -> np.ndarray:
    """Which of the places each spot is at; it must be at one, within a tenth of a pixel or so."""
    found = CONSTANT * spots[["gy_per_px", "gx_per_px"]].to_numpy(float)
    away = np.hypot(*(found[:, None] - pattern.places[:, :2]).transpose(2, 0, 1))
    assert away.min(axis=1).max() < 0.4
    return np.asarray(away.argmin(axis=1))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return recorded(drawn(), law(60))


@pytest.fixture(scope="module")
def result(frames: np.ndarray) -> bw.Result:
    return bw.analyze(movie_of(frames), SETTINGS)


def test_every_pair_is_found_once_with_its_spacing(result: bw.Result) -> None:
    pattern = drawn()
    which = nearest(result.spots, pattern)
    assert sorted(which) == list(range(len(pattern.places)))
    d = CONSTANT / np.hypot(*pattern.places[which, :2].T)
    off = (result.spots.d_A.to_numpy() - d) / result.spots.d_se_A.to_numpy()
    assert np.abs(off).max() < 3.5
    turned = np.degrees(np.arctan2(-pattern.places[which, 0], pattern.places[which, 1]))
    assert result.spots.angle_deg.to_numpy(float) == pytest.approx(turned, abs=0.5)


def test_spots_are_where_the_table_says_they_are(result: bw.Result) -> None:
    assert result.spots.y_px.to_numpy() == pytest.approx(CENTRE[0], abs=0.1)
    assert result.spots.x_px.to_numpy() == pytest.approx(CENTRE[1], abs=0.1)
    g = np.hypot(result.spots.gy_per_px, result.spots.gx_per_px)
    assert (1 / g).to_numpy() == pytest.approx(result.spots.d_A.to_numpy())
    assert result.spots.d_px.isna().all()  # no pixel of a pattern is a length


def test_the_phase_is_told_from_spacings_and_angles(result: bw.Result) -> None:
    settings = bw.Settings(camera_constant=CONSTANT, phases=("LiF", "Li2O", "NaF"))
    found = bw.find_spots(movie_of(recorded(drawn(), np.ones(20))), settings)
    assert (found.phase == "LiF").all()
    assert {"200", "0-20"} & set(found.hkl)


def traces_of(result: bw.Result, name: str) -> np.ndarray:
    """A column of the table of traces as an array (frame, spot)."""
    return result.traces.pivot(index="frame", columns="spot", values=name).to_numpy(float)


def test_traces_follow_the_law_within_their_errors(result: bw.Result) -> None:
    pattern = drawn()
    which = nearest(result.spots, pattern)
    total = (pattern.rest.sum() + law(60) * pattern.spots.sum())[:, None]
    true = law(60)[:, None] * pattern.places[which, 2] / total
    value, error = traces_of(result, "intensity"), traces_of(result, "intensity_se")
    # Spots narrower than the weights they are read with hold a constant part more.
    scale = (value * true / error**2).sum(axis=0) / (true**2 / error**2).sum(axis=0)
    assert scale == pytest.approx(1.13, abs=0.06)
    off = (value - scale * true) / error
    assert np.sqrt((off**2).mean()) == pytest.approx(1.0, abs=0.1)
    assert abs(off.mean()) < 0.15


def test_spacings_over_the_dose_are_right_within_their_errors(result: bw.Result) -> None:
    pattern = drawn()
    d = CONSTANT / np.hypot(*pattern.places[nearest(result.spots, pattern), :2].T)
    known = result.traces[result.traces.d_A.notna()]
    assert len(known) > 0.5 * len(result.traces)
    error = np.hypot(known.d_se_A, result.spots.d_se_A.to_numpy()[known.spot])
    off = (known.d_A.to_numpy() - d[known.spot]) / error
    assert (np.abs(off) < 2).mean() > 0.9


def test_the_field_has_the_power_of_all_spots(result: bw.Result) -> None:
    pattern = drawn()
    total = pattern.rest.sum() + law(60) * pattern.spots.sum()
    true = law(60) / total
    power, error = result.field.lattice_power, result.field.lattice_power_se
    assert power.to_numpy() == pytest.approx(traces_of(result, "intensity").sum(axis=1))
    off = (power - true * (power @ true) / (true @ true)) / error
    assert np.sqrt((off**2).mean()) == pytest.approx(1.0, abs=0.25)
    assert result.field.mean_signal.to_numpy() == pytest.approx(total / np.prod(SHAPE), rel=0.02)


def test_the_onset_is_found_in_its_interval_and_named(result: bw.Result) -> None:
    row = result.onsets.iloc[0]
    assert (row.region, row.status, row.criterion, row.evidence) == (
        "field", "onset", "fading", "strong",
    )  # fmt: skip
    assert row.onset_low_e_per_A2 < ONSET < row.onset_high_e_per_A2
    assert row.onset_high_e_per_A2 - row.onset_low_e_per_A2 < 4 * DOSE
    assert row.threshold_dose_e_per_A2 == pytest.approx(ONSET + DECAY, abs=2 * DOSE)
    assert (result.spots.status == "onset").all()


def _spread_spacings(frames: int) -> np.ndarray:
    """A lattice that swells by 2 % in the middle of the record."""
    y, x = np.indices(SHAPE).astype(float)
    still = drawn()
    movie = []
    for swell in 1 + 0.02 * np.clip((np.arange(frames) - frames / 2) / 6, 0, 1):
        spots = np.zeros(SHAPE)
        for ry, rx, counts in still.places:
            for m in (1, -1):
                away = (y - CENTRE[0] - m * ry / swell) ** 2 + (x - CENTRE[1] - m * rx / swell) ** 2
                spots += counts / (2 * np.pi * 1.3**2) * np.exp(-away / (2 * 1.3**2))
        movie.append(still.rest + spots)
    return np.random.default_rng(8).poisson(movie).astype(np.uint16)


@pytest.mark.long
def test_spots_that_move_inwards_are_a_spacing_that_changed() -> None:
    row = bw.analyze(movie_of(_spread_spacings(60)), SETTINGS).onsets.iloc[0]
    assert (row.status, row.criterion) == ("onset", "spacing")
    assert row.onset_low_e_per_A2 < 60 < row.onset_high_e_per_A2
    assert row.d_after_A / row.d_before_A == pytest.approx(1.02, abs=0.003)


@pytest.mark.parametrize("strength", [300.0, 20.0])
@pytest.mark.parametrize("dips", [False, True])
@pytest.mark.long
def test_spots_that_stay_or_come_back_survive(strength: float, dips: bool) -> None:
    part = np.ones(60)
    if dips:
        part[20:30] = 0.4
    pattern = drawn(strength=strength)
    for seed in range(3):
        row = bw.analyze(movie_of(recorded(pattern, part, seed)), SETTINGS).onsets.iloc[0]
        assert row.status == "survived"
        assert row.recovered_events == int(dips)
        assert row.detectable_loss_percent < 40


@pytest.mark.long
def test_traces_are_judged_with_the_noise_that_they_have() -> None:
    ratios = []
    for seed in range(6):
        movie = movie_of(recorded(drawn(strength=60.0), np.ones(60), seed))
        tracker = _followed(movie)
        scale, many = as_windows(tracker.traces(), tracker.mean)
        signal = tracker.traces().intensity / scale
        expected = (2 * signal.mean(axis=0) + 1) / many.mean(axis=0)
        ratios.append((signal.var(axis=0, ddof=1) / expected).mean())
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.08)


def _followed(movie: bw.Movie) -> SpotTracker:
    stack = np.asarray(movie.frames)
    tracker = SpotTracker(find_spots([stack.sum(axis=0)], CONSTANT), len(stack))
    for number, image in enumerate(stack):
        tracker.add(number, image)
    return tracker


def test_tables_have_the_columns_of_the_contract(result: bw.Result) -> None:
    for name in ("spots", "traces", "windows", "onsets", "events", "field", "rings", "drift"):
        table = getattr(result, name)
        assert list(table.columns) == list(getattr(columns, name.upper())), name
    assert (result.spots.region == "field").all()
    assert len(result.windows) == 0
    assert result.drift.frame.tolist() == list(range(60))
    assert result.window_traces.intensity.shape == (60, 0)
    one = result.traces[result.traces.spot == 0]
    assert one.frame.tolist() == list(range(60))
    assert one.dose_e_per_A2.to_numpy() == pytest.approx(result.movie.dose)


def test_the_notes_say_how_the_movie_was_read(result: bw.Result) -> None:
    said = " ".join(result.notes)
    assert "diffraction" in said
    assert f"{CONSTANT:g} Å·px" in said
    y, x = result.spots[["y_px", "x_px"]].iloc[0]
    assert f"centre of the pattern at ({y:.2f}, {x:.2f})" in said
    assert result.settings.camera_constant == CONSTANT


def test_spots_are_found_without_following_them_or_looking_for_rings(
    frames: np.ndarray, result: bw.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "find_pattern_rings", lambda *_: pytest.fail("rings"))
    found = bw.find_spots(movie_of(frames), SETTINGS)
    said = ["status", "criterion", "onset_frame", "onset_dose_e_per_A2", "onset_low_e_per_A2",
            "onset_high_e_per_A2"]  # fmt: skip
    assert found[said].isna().all(axis=None)
    pd.testing.assert_frame_equal(found.drop(columns=said), result.spots.drop(columns=said))


def test_a_beam_stop_is_said_and_costs_no_more_than_it_hides() -> None:
    pattern = drawn(stop=True)
    stopped = bw.analyze(movie_of(recorded(pattern, law(40))), SETTINGS)
    nearest(stopped.spots, pattern)
    assert len(stopped.spots) >= len(pattern.places) - 1
    assert any("hidden by a beam stop" in note for note in stopped.notes)


@pytest.mark.long
def test_nothing_depends_on_the_number_of_threads(
    frames: np.ndarray, result: bw.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(threads, "_pool", pool)
        one = bw.analyze(movie_of(frames), SETTINGS)
    pd.testing.assert_frame_equal(one.spots, result.spots, check_exact=True)
    pd.testing.assert_frame_equal(one.traces, result.traces, check_exact=True)


@pytest.mark.long
@pytest.mark.parametrize(("dtype", "times"), [("f4", 1.0), ("f4", 1 / 300), ("u2", 80)])
def test_neither_the_type_nor_the_scale_of_grey_levels_matters(
    frames: np.ndarray, result: bw.Result, dtype: str, times: float
) -> None:
    other = bw.analyze(movie_of((frames[:30] * times).astype(dtype)), SETTINGS)
    same = bw.analyze(movie_of(frames[:30]), SETTINGS)
    of = [np.argsort(nearest(some.spots, drawn())) for some in (other, same)]
    d, right = (
        some.spots.d_A.to_numpy()[order] for some, order in zip((other, same), of, strict=True)
    )
    assert d == pytest.approx(right, rel=2e-3)
    value, true = (
        traces_of(some, "intensity")[:, order]
        for some, order in zip((other, same), of, strict=True)
    )
    error, expected = (
        traces_of(some, "intensity_se")[:, order]
        for some, order in zip((other, same), of, strict=True)
    )
    assert np.abs((value - true) / expected).max() < 0.5
    assert np.median(error / expected) == pytest.approx(1.0, abs=0.1)


@pytest.mark.long
def test_a_saved_run_comes_back_as_it_was(result: bw.Result, tmp_path: Path) -> None:
    folder = result.save(tmp_path / "run")
    for name in ("onsets", "windows", "spots", "traces", "events", "drift"):
        header = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0]
        assert header.split(",") == list(getattr(columns, name.upper())), name
    loaded = bw.load_result(folder, movie=result.movie)
    pd.testing.assert_frame_equal(loaded.traces, result.traces, rtol=1e-8)
    # What is missing among words is None, or NaN since they have a type of their own in pandas.
    loaded_spots, spots = (
        table.fillna({"phase": "", "hkl": ""}) for table in (loaded.spots, result.spots)
    )
    pd.testing.assert_frame_equal(loaded_spots, spots, rtol=1e-8, check_dtype=False)
    assert loaded.settings == result.settings
    assert loaded.notes == result.notes


@pytest.mark.long
def test_pixels_without_a_number_change_what_they_hide_only(
    frames: np.ndarray, result: bw.Result
) -> None:
    rng = np.random.default_rng(4)
    broken = frames.astype(np.float32)
    broken[:, 30, 90] = np.nan  # dead for good
    for frame in broken[10:]:  # and some that are masked in one frame each
        frame[tuple(rng.integers(0, n, 5) for n in SHAPE)] = np.nan
    broken[12, 62, 71] = np.nan  # in the direct beam, which holds most of all counts
    other = bw.analyze(movie_of(broken), SETTINGS)
    assert len(other.spots) == len(result.spots)
    both = other.traces.intensity.notna()
    assert both.mean() > 0.95
    off = (other.traces.intensity - result.traces.intensity) / result.traces.intensity_se
    assert np.abs(off[both & (other.traces.frame == 12)]).max() < 1.0
    assert np.sqrt((off[both] ** 2).mean()) < 0.35


@pytest.mark.long
@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_dead_frames_have_no_values_and_harm_no_others(
    frames: np.ndarray, result: bw.Result, nothing: float
) -> None:
    broken = frames.astype(np.float32)
    broken[[0, 7, 40]] = nothing
    other = bw.analyze(movie_of(broken), SETTINGS)
    dead = other.traces.frame.isin([0, 7, 40])
    assert other.traces.intensity[dead].isna().all()
    assert other.traces.intensity[~dead].notna().all()
    assert other.field.mean_signal.isna().sum() == 3
    assert len(other.spots) == len(result.spots)


def test_hot_pixels_are_no_spots_and_are_in_no_total(frames: np.ndarray, result: bw.Result) -> None:
    hot = frames.copy()
    hot[:, 20, 100] = 500
    hot[:, 101, 25] = 15
    hot[33, 90, 90] = 20000  # a cosmic ray
    other = bw.analyze(movie_of(hot), SETTINGS)
    assert len(other.spots) == len(result.spots)
    assert other.field.mean_signal.to_numpy() == pytest.approx(
        result.field.mean_signal.to_numpy(), rel=0.01
    )


@pytest.mark.parametrize("diffuse", [0.01, 0.3, 5.0])
def test_chance_makes_no_hot_pixels_nor_do_narrow_spots(diffuse: float) -> None:
    y, x = np.indices(SHAPE)
    r = np.hypot(y - CENTRE[0], x - CENTRE[1])
    level = diffuse * np.exp(-r / 60) + 500 * np.exp(-(r**2) / 8)
    pattern = level + drawn(width=0.5).spots
    for seed in range(10):
        image = np.random.default_rng(seed).poisson(pattern).astype(float)
        centre = find_centre(image)
        assert not hot_pixels(image, measure_background(image, centre)).any()


def test_two_frames_are_enough(frames: np.ndarray) -> None:
    short = bw.analyze(movie_of(frames[:2]), SETTINGS)
    assert len(short.spots) >= 10
    assert short.traces.intensity.notna().all()


def test_frames_before_the_beam_are_skipped(frames: np.ndarray) -> None:
    late = np.concatenate([np.zeros((5, *SHAPE), np.uint16), frames[:20]])
    late_result = bw.analyze(movie_of(late), SETTINGS)
    one = late_result.traces[late_result.traces.spot == 0]
    assert one.intensity.isna().tolist() == 5 * [True] + 20 * [False]


def test_no_lattice_is_no_error() -> None:
    empty = bw.analyze(movie_of(recorded(drawn(), np.zeros(20))), SETTINGS)
    assert len(empty.spots) == 0
    assert len(empty.traces) == 0
    assert list(empty.spots.columns) == list(columns.SPOTS)
    assert empty.field.mean_signal.notna().all()
    assert any("no spot" in note for note in empty.notes)


@pytest.mark.long
def test_running_sums_have_smaller_errors_that_are_true() -> None:
    pattern = drawn(strength=60.0)
    frames = recorded(pattern, np.ones(80), seed=3)
    summed = bw.analyze(movie_of(frames), bw.Settings(camera_constant=CONSTANT, running_sum=4))
    plain = bw.analyze(movie_of(frames), SETTINGS)
    inner = summed.traces.frame.between(4, 75)
    ratio = summed.traces.intensity_se[inner] / plain.traces.intensity_se[inner]
    assert ratio.median() == pytest.approx(0.5, abs=0.03)
    mean = plain.traces.groupby("spot").intensity.mean()
    off = summed.traces.intensity - summed.traces.spot.map(mean)
    assert (off / summed.traces.intensity_se)[inner].std() == pytest.approx(1.0, abs=0.15)


@pytest.mark.long
def test_work_goes_to_another_process_and_comes_back_the_same(frames: np.ndarray) -> None:
    movie = movie_of(frames[:8])
    summing = SegmentPattern(movie.recording.frames, np.asarray(movie.lit))
    sent = pickle.loads(pickle.dumps(summing))
    pattern = sent((0, 8), lambda _: None)
    assert np.array_equal(pattern, frames[:8].sum(axis=0))
    spots = find_spots([pattern], CONSTANT)
    here, there = SpotTracker(spots, 8), SpotTracker(spots, 8)
    radial = PolarReader(Geometry(*CENTRE), ~spots.centre.seen)
    reading = pickle.loads(pickle.dumps(FrameReading(movie.recording.frames, there.reader, radial)))
    for frame in range(8):
        here.add(frame, frames[frame])
        there.keep(frame, reading(frame).spots)
    assert np.array_equal(here.traces().intensity, there.traces().intensity)


def test_progress_counts_every_frame_and_shows_traces_so_far(frames: np.ndarray) -> None:
    steps: list[Step] = []
    shown: list[pd.DataFrame] = []

    def tell(step: Step) -> None:
        steps.append(step)
        if step.partial is not None and not shown and step.done >= 145:
            shown.append(step.partial())

    bw.analyze(movie_of(frames), SETTINGS, progress=tell)
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert steps[-1].done == steps[-1].total == 3 * len(frames)
    known = shown[0].dropna(subset="intensity").frame
    assert known.max() == 24


def test_it_stops_at_once_when_told_to(frames: np.ndarray) -> None:
    y, x = np.indices((700, 700))
    large = np.random.default_rng(1).poisson(
        np.exp(-np.hypot(y - 350, x - 350) / 200), (3, 700, 700)
    )
    movie = movie_of(large.astype(np.uint16))

    class StoppedError(Exception):
        """Raised by the one who wants it stopped."""

    told = []

    def stop(step: Step) -> None:
        if step.doing == "finding spots":
            told.append(time.perf_counter())
            raise StoppedError

    with pytest.raises(StoppedError):
        bw.analyze(movie, SETTINGS, progress=stop)
    assert time.perf_counter() - told[0] < 0.2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"drift": ((0.0, 0.0),) * 60}, "drift"),
        ({"added_spots": ((0.1, 0.1),)}, "frequencies of an image"),
    ],
)
def test_what_patterns_do_not_have_is_refused_in_words(
    frames: np.ndarray, settings: dict[str, object], said: str
) -> None:
    asked = bw.Settings(camera_constant=CONSTANT, **settings)
    with pytest.raises(bw.BeamwatchError, match=said):
        bw.analyze(movie_of(frames), asked)


def test_regions_of_patterns_are_refused_in_words(frames: np.ndarray) -> None:
    region = bw.Region.rectangle("A", 0, 80, 0, 80)
    for ask in (bw.analyze, bw.find_spots):
        with pytest.raises(bw.BeamwatchError, match="diffraction patterns have none"):
            ask(movie_of(frames), SETTINGS, regions=[region])


def test_one_frame_tells_no_change_and_dark_frames_are_refused_in_words(frames: np.ndarray) -> None:
    row = bw.analyze(movie_of(frames[:1]), SETTINGS).onsets.iloc[0]
    assert (row.status, row.reason) == ("ambiguous", "one frame tells no change")
    with pytest.raises(bw.BeamwatchError, match="is dark"):
        bw.analyze(movie_of(np.zeros((5, *SHAPE), np.uint16)), SETTINGS)


@pytest.mark.parametrize("constant", [0.0, -3.0, float("nan"), float("inf"), "55"])
def test_a_camera_constant_is_a_number_above_nothing(constant: object) -> None:
    with pytest.raises(bw.BeamwatchError, match="camera constant"):
        bw.Settings(camera_constant=constant)


def test_settings_keep_the_camera_constant() -> None:
    assert bw.Settings.from_json(SETTINGS.to_json()) == SETTINGS


@pytest.mark.parametrize(
    "mode", ["diffraction", "STEM nanodiffraction", "Diffraktion", "SAED", "SAD pattern", "3D ED"]
)
def test_a_movie_that_is_said_to_be_diffraction_is_not_fourier_transformed(
    frames: np.ndarray, mode: str
) -> None:
    movie = bw.Movie.from_array(frames, frame_dose=5.0, conditions={"imaging_mode": mode})
    for transform in (
        bw.analyze,
        bw.find_spots,
        lambda m: bw.power_spectrum(m, None, 0),
        lambda m: pixel_size_from_standard(m, 2.355),
    ):
        with pytest.raises(bw.BeamwatchError, match=r"set camera_constant \(Å·px"):
            transform(movie)


def test_with_a_camera_constant_it_is_analysed_as_what_it_is(frames: np.ndarray) -> None:
    movie = bw.Movie.from_array(frames[:4], conditions={"imaging_mode": "SAED"})
    assert len(bw.find_spots(movie, SETTINGS)) > 5


@pytest.mark.parametrize(
    "mode", ["image", "HRTEM", "BF TEM, diffraction contrast", "STEM", "EDX map", "iDPC"]
)
def test_who_says_that_frames_are_images_is_believed(frames: np.ndarray, mode: str) -> None:
    says = bw.Movie.from_array(frames, conditions={"imaging_mode": "diffraction"})
    movie = says.with_(conditions={"imaging_mode": mode})
    assert bw.power_spectrum(movie, None, 0).power.any()


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "broken"),
    [(road, "judge_pattern"), (naming, "matched"), (road, "_onset_row")],
)
def test_what_fails_after_the_passes_does_not_lose_the_run(
    frames: np.ndarray, module: ModuleType, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> None:
        raise IndexError("of nothing")

    monkeypatch.setattr(module, broken, fails)
    found = bw.analyze(movie_of(frames[:12]), SETTINGS)
    assert found.onsets.status.tolist() == ["ambiguous"]
    assert "IndexError: of nothing" in found.onsets.reason.iloc[0]
    assert len(found.traces)
    assert "IndexError: of nothing" in " ".join(found.summary["warnings"])
