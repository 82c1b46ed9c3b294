"""Numbers at the edge: arrays, calibrations and settings that nobody would think of."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.fuzz.inputs import Made

Array = NDArray[Any]
Draw = Callable[[tuple[int, int, int], np.random.Generator], Array]

PERIOD = 6.0
"""Pixels; of the lattice that the better arrays hold."""

KINDS = ("u2", "u1", "i1", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "g", "?", ">u2", ">f4",
         "c8", "S1", "O")  # fmt: skip
SHAPES = ((12, 128, 128), (1, 64, 64), (2, 128, 128), (3, 128, 128), (12, 1, 1), (12, 3, 128),
          (12, 16, 16), (12, 63, 65), (12, 64, 512), (5, 500, 9), (40, 64, 64), (12, 128, 64),
          (0, 64, 64), (12, 0, 64), (128, 128), (128,), (2, 2, 64, 64))  # fmt: skip
PIXEL_SIZES = (None, 0.05, 1.0, 50.0, 1e-3, 1e-300, 1e300, 5e-324, 0.0, -0.2, float("nan"),
               float("inf"), "0.2", True)  # fmt: skip
FRAME_DOSES = (None, 1e-12, 1e-300, 1e6, 1e300, 0.0, -5.0, float("nan"), float("inf"), "5", "zeros",
               "growing", "falling", "too few", "one lit", "one endless")  # fmt: skip
SETTINGS: dict[str, tuple[Any, ...]] = {
    "window": (16, 64, 128, 2, 1, 0, -64, 10**9, 63, 64.5, float("nan"), float("inf"), "3.2 nm",
               "nan nm", "inf nm", "1e9 nm", "0 nm", "-1 nm", "nm", "", True, [64]),
    "step": (1, 16, 0, -1, 10**9, 7.5, float("nan"), "0.5 nm", "nan nm", "", True, [8]),
    "taper": ("cosine", "", None, 1, ["hann"]),
    "alpha": (1e-300, 5e-324, 1e-12, 0.5, 1 - 1e-16, 0, 1, -1, float("nan"), "0.01", True),
    "false_alarm": (1e-300, 5e-324, 1e-12, 0.5, 1 - 1e-16, 0, 1, float("nan"), None),
    "drift": ("off", "on", [[0, 0]] * 12, [[1e300, 0]] * 12, [[1e9, -1e9]] * 12, [[0, 0]],
              [[float("nan"), 0]] * 12, [1], [[64, 64]] * 12, None, 5),
    "criteria": ([], ["fading"], ["spacing"], ["new_phase"], ["mass_loss"], "fading", None,
                 [["fading"]], [{}], ["no"], 5),
    "fraction": (1e-300, 5e-324, 1 - 1e-16, 0, 1, float("nan"), "0.3", None),
    "d_tolerance": (1e-300, 99.99, 0, 100, float("nan"), float("inf"), None),
    "persistence": (1, 12, 10**9, 10**30, 0, -1, 1.5, "end", "", None, True),
    "running_sum": (2, 12, 33, 10**9, 10**30, 0, -1, 1.5, True, None),
    "phases": (["LiF"], ["LiF", "LiF"], ["no"], [""], [1], [None], [["LiF"]], "LiF", None),
    "pixel_size_uncertainty": (0, 0.49, 1e-300, 0.5, -1, float("nan"), None),
    "cs_mm": (2.7, 9.99, 1e-300, -1, float("nan"), None),
    "added_spots": ([[0.25, 0.25]], [[0.0, 0.0]], [[0.5, 0.5]], [[0.5, 0]], [[1e-300, 0]],
                    [[0.1, 0.1]] * 300, [[0.6, 0]], [[float("nan"), 0]], [1], None, "x"),
    "removed_spots": ([[1 / PERIOD, 0]], [[0.0, 0.0]], [[0.5, 0.5]], None, "x"),
    "camera_constant": (500.0, 1e-300, 1e300, 5e-324, 0, -1, float("nan"), True, "500"),
}  # fmt: skip
REGIONS = ((0, 128, 0, 128), (0, 64, 0, 64), (10, 11, 10, 11), (0, 1, 0, 128), (5, 5, 5, 5),
           (-10, 50, -10, 50), (0, 10**9, 0, 10**9), (200, 300, 200, 300), (64, 0, 64, 0),
           (10**30, 10**31, 0, 5))  # fmt: skip


def lattice(shape: tuple[int, int, int], rng: np.random.Generator, mean: float = 20.0) -> Array:
    """Counts of two crossed fringes that fade in the second half."""
    t, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    kept = np.where(t < shape[0] / 2, 1.0, np.exp(-(t - shape[0] / 2)))
    fringes = np.cos(2 * np.pi * y / PERIOD) + np.cos(2 * np.pi * (x + 0.3 * y) / PERIOD)
    counts: Array = rng.poisson(mean * (1 + 0.4 * kept * fringes)).astype(float)
    return counts


def _with(where: Any, value: float) -> Draw:
    def draw(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
        frames = lattice(shape, rng)
        if frames.size:
            frames[where] = value
        return frames

    return draw


def _times(factor: float) -> Draw:
    return lambda shape, rng: lattice(shape, rng) * factor


def _all(value: float) -> Draw:
    return lambda shape, rng: np.full(shape, value)


def _checkerboard(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    _, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    return np.broadcast_to((y + x) % 2 * 100.0, shape)


def _second_half(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    frames = lattice(shape, rng)
    frames[len(frames) // 2 :] = 0
    return frames


def _flicker(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    frames = lattice(shape, rng)
    frames[::2] = 0
    return frames


def _still(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    return np.broadcast_to(lattice((1, *shape[1:]), rng), shape)


def _saturated(shape: tuple[int, int, int], rng: np.random.Generator) -> Array:
    return np.full(shape, np.inf)  # cast to what the type holds at most


NAN, INF = float("nan"), float("inf")
ARRAYS: dict[str, Draw] = {
    "lattice": lattice,
    "faint": lambda shape, rng: lattice(shape, rng, 0.05),
    "zeros": _all(0),
    "constant": _all(7),
    "saturated": _saturated,
    "not a number": _all(NAN),
    "minus infinity": _all(-INF),
    "still": _still,
    "checkerboard": _checkerboard,
    "blank second half": _second_half,
    "blank first frame": _with(0, 0),
    "blank last frame": _with(-1, 0),
    "flicker": _flicker,
    "one hot pixel": _with((slice(None), 0, 0), 60000),
    "one hot moment": _with((0, 0, 0), 1e30),
    "two dead columns": _with((Ellipsis, slice(-2, None)), 0),
    "one pixel no number": _with((-1, 0, -1), NAN),
    "one pixel infinite": _with((-1, 0, -1), INF),
    "one frame no number": _with(-1, NAN),
    "one frame constant": _with(-1, 20),
    "1e-30": _times(1e-30),
    "1e30": _times(1e30),
    "1e-300": _times(1e-300),
    "1e300": _times(1e300),
    "negative": _times(-1),
    "near the end of int64": lambda shape, rng: 2.0**62 + lattice(shape, rng) * 1e15,
    "noise": lambda shape, rng: rng.normal(size=shape),
    "one event": _with(slice(1, None), 0),
    "ramp": lambda shape, rng: np.arange(float(np.prod(shape))).reshape(shape),
    "any bits": lambda shape, rng: rng.integers(0, 256, shape),
}


def case(index: int, rng: Random) -> Made:
    """One case as JSON: every array first as it is, then anything with anything."""
    arrays = list(ARRAYS)
    said: dict[str, Any] = {
        "array": arrays[index % len(arrays)], "kind": "f4", "shape": SHAPES[0], "pixel_size": 0.2,
        "frame_dose": 20.0, "settings": {}, "region": None, "call": "analyze", "dask": False,
        "seed": rng.randrange(2**32),
    }  # fmt: skip
    if index >= len(arrays):
        for name, choices, often in (
            ("kind", KINDS, 0.6), ("shape", SHAPES, 0.4), ("pixel_size", PIXEL_SIZES, 0.25),
            ("frame_dose", FRAME_DOSES, 0.25), ("region", REGIONS, 0.2),
            ("call", ("find_spots",), 0.2), ("dask", (True,), 0.1),
        ):  # fmt: skip
            if rng.random() < often:
                said[name] = rng.choice(choices)
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            name = rng.choice(list(SETTINGS))
            said["settings"][name] = rng.choice(SETTINGS[name])
    return Made(said["array"], "case.json", {"case.json": json.dumps(said).encode()}, whole=False)


def frames_of(said: dict[str, Any]) -> Array:
    """The array of a case."""
    shape = tuple(said["shape"])
    rng = np.random.default_rng(said["seed"])
    three = (1, 1, 1, *shape)[-3:] if len(shape) <= 3 else shape[-3:]
    kind = np.dtype(said["kind"])
    if said["array"] == "any bits" and kind.kind in "uif" and len(shape) == 3:
        raw = rng.integers(0, 256, (*shape[:2], shape[2] * kind.itemsize), np.uint8)
        return raw.view(kind)
    frames = np.broadcast_to(ARRAYS[said["array"]](three, rng), three)
    with np.errstate(all="ignore"):
        if kind.kind in "ui":
            ends = np.iinfo(kind)
            whole = np.nan_to_num(frames, nan=0.0, posinf=float(ends.max), neginf=float(ends.min))
            # The greatest int64 is no float: what lies beyond is put on it.
            inside = np.clip(whole, float(ends.min), float(ends.max))
            cast = np.where(inside >= float(ends.max), ends.max, inside.astype(kind))
        else:
            cast = frames
        return np.broadcast_to(cast.astype(kind), shape if len(shape) > 3 else three).reshape(shape)


def frame_dose_of(said: dict[str, Any]) -> Any:
    """The frame dose of a case: a number, or one of each frame."""
    n = said["shape"][0]
    each = {
        "zeros": np.zeros(n),
        "growing": np.geomspace(1e-3, 1e6, n) if n else np.zeros(0),
        "falling": np.linspace(10, -1, n),
        "too few": np.ones(max(n - 1, 0)),
        "one lit": np.eye(1, n)[0] if n else np.zeros(0),
        "one endless": np.where(np.arange(n) == n // 2, np.inf, 1.0),
    }
    dose = said["frame_dose"]
    return each.get(dose, dose) if isinstance(dose, str) else dose
