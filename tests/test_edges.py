"""Whatever is given is answered honestly or refused in a sentence, and nothing else is raised."""

from __future__ import annotations

import json
import warnings
from typing import Any

import dask.array as da
import numpy as np
import pytest

from napari_beamwatch import (
    BeamwatchError,
    Conditions,
    DoseCalibration,
    Movie,
    Region,
    Settings,
    analyze,
)

NAN, INF = float("nan"), float("inf")


def lattice(frames: int = 8, side: int = 64) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    fringes = np.cos(2 * np.pi * (0.1 * x + 0.05 * y)) + np.cos(2 * np.pi * (0.12 * y - 0.04 * x))
    rng = np.random.default_rng(0)
    return rng.poisson(20 * (1 + 0.25 * fringes), (frames, side, side)).astype(np.uint8)


FRAMES = lattice()


def with_frame(value: float, frame: int = 3) -> np.ndarray:
    frames = FRAMES.astype(np.float32)
    frames[frame] = value
    return frames


def striped(period: int) -> np.ndarray:
    frames = np.zeros_like(FRAMES)
    frames[:, ::period] = 200
    return frames


def with_pixel(value: float) -> np.ndarray:
    frames = FRAMES.astype(np.float64)
    frames[3, 5, 5] = value
    return frames


def hot(value: int) -> np.ndarray:
    frames = FRAMES[:6, :48, :48].astype(np.uint16)
    frames[3, 5, 5] = value
    return frames


KEPT = {
    "?": "?", "b": "b", "i1": "i1", "u1": "u1", "i2": "i2", ">u2": "u2", ">i4": "i4", "u4": "u4",
    "i8": "f8", ">u8": "f8", "f2": "f4", ">f2": "f4", ">f4": "f4", ">f8": "f8", "g": "f8",
}  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), KEPT.items())
def test_pixels_become_a_type_that_kernels_know_with_the_same_values(given: str, kept: str) -> None:
    frames = (FRAMES > 20 if given == "?" else FRAMES).astype(given)
    movie = Movie.from_array(frames)
    assert movie.dtype == np.dtype(kept)
    assert movie.dtype.isnative
    assert (movie.frame(2) == frames[2]).all()
    assert (movie.crop(4, 9, 0, 64).frames[2].compute() == frames[2, 4:9]).all()
    assert movie.counts == pytest.approx(frames.astype(float).mean(axis=(1, 2)))


@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e11, -1e300, 3e38])
def test_a_pixel_that_is_no_grey_value_is_left_out(value: float) -> None:
    movie = Movie.from_array(with_pixel(value))
    assert np.isnan(movie.frame(3)[5, 5])
    assert np.isnan(movie.frame(3)).sum() == 1
    assert movie.counts == pytest.approx(FRAMES.mean(axis=(1, 2)), rel=0.01)
    assert any("1 of 8 frames looked at hold pixels" in said for said in movie.warnings)


@pytest.mark.parametrize(
    "frames",
    [
        FRAMES.astype(complex), FRAMES.astype(object), FRAMES.astype("M8[s]"), FRAMES.astype("U3"),
        FRAMES.view([("a", "u1")]), FRAMES * 1e30 + 1e30, FRAMES * 1e-30, FRAMES * NAN,
        FRAMES.astype("u8") + np.uint64(2**64 - 100), FRAMES.astype("i8") - np.int64(2**63 - 100),
        FRAMES[:0], FRAMES[:, :0], FRAMES[0, 0], FRAMES[None], 7, None, "movie.mrc", [[1, 2], [3]],
        np.broadcast_to(np.uint8(1), (10**7, 8, 8)),
        np.broadcast_to(np.uint8(1), (2, 2**17, 2**17)),
    ],
)  # fmt: skip
def test_what_is_no_movie_is_refused_at_the_door(frames: Any) -> None:
    with pytest.raises(BeamwatchError):
        Movie.from_array(frames)


SAID: list[dict[str, Any]] = [
    *({"pixel_size": v} for v in (0, -1, 1e-300, 1e-4, 1e6, 1e300, INF, NAN, True, "1,000", "12,5",
                                  "0.5 Å", "wide", [0.5], 1j)),
    *({"frame_dose": v} for v in (0, -1, 1e-300, 1e-12, 1e300, NAN, True, "1,000", "5 e/A2",
                                  [5] * 7, [5] * 9, [0] * 8, [5] * 7 + [-1], [5] * 7 + [1e-12],
                                  [5] * 7 + [NAN], [True] * 8, [[5] * 8], ["5,0"] * 8)),
    *({"frame_time": v} for v in (0, -1, 1e-300, 1e300, NAN, True, "0,1")),
    *({"dose_rate": v} for v in (0, -1, 1e-300, 1e300, NAN, False, "1 000")),
    *({"pre_exposure": v} for v in (-1, 1e300, INF, NAN, True, "none")),
    *({"counts_per_electron": v} for v in (0, 1e-300, 1e300, True)),
    *({"dead_time_correction": v} for v in ("yes", 2)),
    {"dose_calibration": 30.0},
    {"dose_table": [[0, 1e300]] * 8},
    {"dose_table": {"dose": [True] * 8}},
    {"dose_table": {"dose": ["1,0"] * 8}},
    {"beam_profile": np.full((64, 64), INF)},
    {"beam_profile": "flat"},
    {"conditions": "cold"},
    {"conditions": {3: 4}},
]  # fmt: skip


@pytest.mark.parametrize("said", SAID, ids=lambda said: "-".join(map(str, said.items()))[:40])
def test_what_cannot_be_said_of_a_movie_is_refused(said: dict[str, Any]) -> None:
    movie = Movie.from_array(FRAMES, 0.5, 5.0)
    with pytest.raises(BeamwatchError):
        movie.with_(**said)


@pytest.mark.parametrize(
    ("name", "value", "range_"),
    [
        ("voltage_kV", 300000, "0.1 and 4000 kV"), ("voltage_kV", 0, "0.1 and 4000 kV"),
        ("temperature_C", -400, "-273.15 and 3000 °C"), ("temperature_C", NAN, "-273.15"),
        ("thickness_nm", -5, "nm"), ("magnification", 0, "1 and 1e\\+09"),
        ("defocus_nm", 1e300, "nm"), ("voltage_kV", True, "number in kV"),
        ("temperature_C", "-170,5", "decimal point"), ("camera", 3, "in words"),
    ],
)  # fmt: skip
def test_conditions_that_cannot_be_are_refused_with_the_range(
    name: str, value: Any, range_: str
) -> None:
    with pytest.raises(BeamwatchError, match=range_):
        Conditions.of({name: value})


@pytest.mark.parametrize(
    "said", [(0, 0.1), (NAN, 0.1), (30, 2), (30, NAN), ("30,0", 0.1), (1, True)]
)
def test_calibrations_that_cannot_be_are_refused(said: tuple[Any, Any]) -> None:
    with pytest.raises(BeamwatchError):
        DoseCalibration(*said)


REFUSED: list[tuple[str, Any]] = [
    *(("window", v) for v in (NAN, INF, "nan nm", "inf nm", "1e400 nm", "-3 nm", "3,2 nm", "1,000",
                              0, -5, 10**20, "", "wide", True, 64.5, [], {}, b"64")),
    *(("step", v) for v in (NAN, 0, -1, "nan nm", 10**20, True, 0.5)),
    *(("alpha", v) for v in (0, 1e-310, 1e-300, 1 - 1e-16, 1, True, "much", NAN, None)),
    *(("false_alarm", v) for v in (0, 1e-310, 1e-300, 1 - 1e-16, 1, False, NAN, None)),
    *(("criteria", v) for v in ([["fading"]], [{}], "fading", {"fading"}, [None], 7, None)),
    *(("running_sum", v) for v in (0, True, 2.0, "2", 10**20, None)),
    *(("persistence", v) for v in (0, True, 1.5, [], "ever", None, 10**20)),
    *(("fraction", v) for v in ("0.5", 0, 1, 1e-300, True, NAN, None)),
    *(("d_tolerance", v) for v in (0, 1e-300, 100, True, NAN)),
    *(("phases", v) for v in ("LiF", (3,), ([],), None, {"LiF": 1})),
    *(("cs_mm", v) for v in (-1, 11, True, NAN)),
    *(("pixel_size_uncertainty", v) for v in (-1, 0.5, True, NAN)),
    *(("taper", v) for v in ([], None, "square")),
    *(("drift", v) for v in (None, 1, True, "sideways", [(0, 0)] * 7 + [(1e300, 0)], [(0, NAN)],
                             [(0, 1, 2)], [(0, "1,0")])),
    *(("added_spots", v) for v in ("ab", [(0.6, 0)], [(True, False)], [0.1, 0.2], 3)),
    *(("camera_constant", v) for v in (0, 1e-300, 1e300, True, INF)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=lambda each: repr(each)[:30])
def test_settings_that_cannot_be_are_refused(name: str, value: Any) -> None:
    with pytest.raises(BeamwatchError):
        Settings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("window", np.int64(64), 64), ("window", "3.2nm", "3.2nm"), ("step", "40 Å", "40 Å"),
        ("alpha", np.float32(0.25), 0.25), ("false_alarm", 1e-12, 1e-12),
        ("running_sum", np.int8(3), 3), ("persistence", np.int64(2), 2),
        ("cs_mm", 0, 0.0),
        ("criteria", ["new_phase", "fading"], ("fading", "new_phase")), ("criteria", (), ()),
        ("drift", np.ones((2, 2)), ((1.0, 1.0), (1.0, 1.0))),
        ("added_spots", [(0.1, 0)], ((0.1, 0.0),)),
    ],
)  # fmt: skip
def test_settings_are_kept_as_plain_numbers_and_come_back_from_json(
    name: str, value: Any, kept: Any
) -> None:
    settings = Settings(**{name: value})
    assert getattr(settings, name) == kept
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    "text",
    ["", "[]", "7", "null", '{"window": NaN}', '{"colour": 1}', "[" * 10**5, '{"alpha": "1,0"}'],
)  # fmt: skip
def test_what_is_no_settings_is_refused(text: str) -> None:
    with pytest.raises(BeamwatchError):
        Settings.from_json(text)


@pytest.mark.parametrize(
    "region",
    [
        ("a", ((0, 0), (1, 1))), ("a", ((0, 0), (0, NAN), (1, 1))), ("a", "box"), ("a", None),
        ("a", ((0, 0), (0, 1e300), (1, 1))), (None, ((0, 0), (0, 9), (9, 9))),
        ("a", ((0, 0), ("1,0", 1), (1, 1))),
    ],
)  # fmt: skip
def test_regions_that_cannot_be_are_refused(region: tuple[Any, Any]) -> None:
    with pytest.raises(BeamwatchError):
        Region(*region)


WHOLE: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "float16": (FRAMES.astype("f2"), {}, {}),
    "big endian": (FRAMES.astype(">f4"), {}, {}),
    "long double": (FRAMES.astype("g"), {}, {}),
    "a pixel of 1e300": (with_pixel(1e300), {}, {}),
    "a frame of NaN": (with_frame(NAN), {}, {}),
    "the least pixels and doses": (FRAMES, {"pixel_size": 1e-3, "frame_dose": 1e-6}, {}),
    "the largest pixels and doses": (FRAMES, {"pixel_size": 1e5, "frame_dose": 1e8}, {}),
    "doses by counts in the largest pixels": (FRAMES, {"pixel_size": 1e5, "frame_dose": None}, {}),
    "the least chances": (FRAMES, {}, {"alpha": 1e-12, "false_alarm": 1e-12}),
    "the finest step": (FRAMES[:, :34, :34], {}, {"window": 32, "step": 1}),
    "stripes without noise": (striped(2), {}, {}),
    "two frames": (FRAMES[:2], {}, {}),
    "a very hot pixel": (hot(60_000), {}, {}),
}


@pytest.mark.parametrize("edge", WHOLE)
def test_an_analysis_at_the_edge_has_an_answer(edge: str) -> None:
    frames, said, chosen = WHOLE[edge]
    movie = Movie.from_array(frames, **{"pixel_size": 0.5, "frame_dose": 5.0, **said})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = analyze(movie, Settings(drift="off", criteria=("fading",), **chosen))
    assert result.onsets.status[0] in ("survived", "ambiguous", "no_lattice", "onset")


NEVER: dict[str, tuple[Any, dict[str, Any], str]] = {
    "constant": (np.full_like(FRAMES, 7), {}, "all its pixels are alike"),
    "saturated": (np.full_like(FRAMES, 255), {}, "saturated"),
    "half saturated": (np.where(FRAMES > 20, 255, FRAMES).astype(np.uint8), {}, "saturated"),
    "on an offset": (FRAMES.astype("u4") + np.uint32(2**32 - 100), {}, "Subtract it"),
    "empty": (np.zeros_like(FRAMES), {}, "no frame holds any counts"),
    "negative": (-FRAMES.astype("f4"), {}, "not above zero in the mean"),
    "normalised": (FRAMES - FRAMES.mean(), {}, "not above zero in the mean"),
    "summed to nothing": (FRAMES, {"running_sum": 3}, "running sum of 3 frames"),
    "looked for nothing": (FRAMES, {"criteria": ()}, "at least one of the criteria"),
}


@pytest.mark.parametrize("case", NEVER)
def test_what_no_answer_can_come_from_is_refused_before_the_work(case: str) -> None:
    frames, chosen, why = NEVER[case]
    with pytest.raises(BeamwatchError, match=why):
        analyze(Movie.from_array(frames, 0.5, 5.0), Settings(**chosen))


def test_json_of_settings_is_plain() -> None:
    assert json.loads(Settings(window=np.int64(64)).to_json())["window"] == 64


def test_a_dask_array_answers_to_the_last_digit_like_the_array_it_holds() -> None:
    lazy = da.from_array(FRAMES, chunks=(3, 64, 40))
    chosen = Settings(drift="off", criteria=("fading",))
    plain, same = (analyze(Movie.from_array(one, 0.5), chosen) for one in (FRAMES, lazy))
    assert same.movie.dose.tolist() == plain.movie.dose.tolist()
    assert same.onsets.drop(columns="movie").equals(plain.onsets.drop(columns="movie"))
    assert same.traces.equals(plain.traces)
