"""Arrays that know their axes are movies, and movies become such arrays."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import dask.array as da
import numpy as np
import pytest

import napari_beamwatch as bw

STACK = np.random.default_rng(0).poisson(3, (6, 16, 24)).astype(np.uint16)


def coordinate(values: Any, units: str = "") -> SimpleNamespace:
    return SimpleNamespace(data=np.asarray(values), attrs={"units": units} if units else {})


def array_of(**changes: Any) -> SimpleNamespace:
    """Like a DataArray."""
    said = {
        "data": STACK,
        "dims": ("t", "y", "x"),
        "coords": {
            "t": coordinate(0.5 * np.arange(1, 7), "s"),
            "y": coordinate(0.0125 * np.arange(16), "nm"),
            "x": coordinate(0.0125 * np.arange(24), "nm"),
        },
        "attrs": {},
    }
    return SimpleNamespace(**said | changes)


def signal_of(data: Any = STACK, navigation: int = 1) -> SimpleNamespace:
    """Like a signal of HyperSpy, whose axes are in the order x, y, …."""
    names = [("t", 0.5, "s"), ("y", 0.125, "Å"), ("x", 0.125, "Å")]
    axes = [
        SimpleNamespace(size=n, scale=scale, units=unit, navigate=i < navigation, index_in_array=i)
        for i, (n, (_, scale, unit)) in enumerate(zip(data.shape, names, strict=True))
    ]
    known = {"Acquisition_instrument.TEM.beam_energy": 300.0}
    return SimpleNamespace(
        data=data,
        axes_manager=SimpleNamespace(
            navigation_axes=axes[:navigation][::-1], signal_axes=axes[navigation:][::-1]
        ),
        metadata=SimpleNamespace(get_item=lambda path, default: known.get(path, default)),
    )


def test_a_data_array_says_its_pixel_size_and_time() -> None:
    movie = bw.open_movie(array_of())
    assert movie.pixel_size == pytest.approx(0.125)
    assert movie.times == pytest.approx(0.5 * np.arange(1, 7))
    assert (movie.frames.compute() == STACK).all()
    assert movie.dose is None


def test_a_signal_says_its_pixel_size_time_and_voltage() -> None:
    movie = bw.open_movie(signal_of(da.from_array(STACK, chunks=(1, 16, 24))))
    assert movie.pixel_size == pytest.approx(0.125)
    assert movie.times == pytest.approx(0.5 * np.arange(1, 7))
    assert movie.conditions.voltage_kV == 300
    assert (movie.frames.compute() == STACK).all()


def test_what_the_user_says_goes_before_the_axes() -> None:
    movie = bw.open_movie(array_of(), pixel_size=0.2, frame_dose=5.0, fraction_frames=2)
    assert (movie.pixel_size, len(movie)) == (0.2, 3)
    assert movie.dose == pytest.approx([5, 10, 15])


def test_the_dose_along_the_frames_is_that_of_each() -> None:
    end = np.array([5.0, 10, 16, 20, 25, 30])
    doses = {"dose_e_per_A2": coordinate(end),
             "dose_start_e_per_A2": coordinate([0, *end[:-1]])}  # fmt: skip
    movie = bw.open_movie(array_of(coords=array_of().coords | doses))
    assert movie.dose == pytest.approx(end)
    assert "coordinate dose_e_per_A2" in movie.dose_source
    doses["dose_start_e_per_A2"] = coordinate(end[::-1])
    with pytest.raises(bw.BeamwatchError, match="must be dose_start_e_per_A2 or more"):
        bw.open_movie(array_of(coords=array_of().coords | doses))


def test_a_coordinate_that_is_uneven_is_no_scale() -> None:
    uneven = {"x": coordinate(np.arange(24) ** 2, "nm")}
    assert bw.open_movie(array_of(coords=array_of().coords | uneven)).pixel_size is None


def test_frames_along_another_axis_are_refused_rather_than_misread() -> None:
    with pytest.raises(bw.BeamwatchError, match=r"are y, x, t; a movie has t, y, x: transpose"):
        bw.open_movie(array_of(dims=("y", "x", "t"), data=STACK.transpose(1, 2, 0)))


def test_spectra_are_no_images() -> None:
    with pytest.raises(bw.BeamwatchError, match="has 1 signal axes; images have two"):
        bw.open_movie(signal_of(navigation=2))


def test_a_thing_that_is_neither_a_path_nor_an_array_is_refused() -> None:
    with pytest.raises(bw.BeamwatchError, match="opened by its path, not by 7"):
        bw.open_movie(7)  # type: ignore[arg-type]


@pytest.fixture
def movie() -> bw.Movie:
    return bw.Movie.from_array(
        STACK, pixel_size=0.125, frame_dose=[5, 5, 6, 5, 5, 4], pre_exposure=3, frame_time=0.5
    )


@pytest.mark.parametrize("name", ["xarray", "hyperspy"])
def test_a_package_that_is_missing_is_named_with_its_install(
    movie: bw.Movie, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (name, f"{name}.signals"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(bw.BeamwatchError, match=f"{name} is needed .* pip install {name}"):
        getattr(movie, f"to_{name}")()


def test_a_movie_goes_to_xarray_and_back(movie: bw.Movie) -> None:
    pytest.importorskip("xarray")
    there = movie.to_xarray()
    assert there.dims == ("t", "y", "x")
    assert there.dose_e_per_A2.data == pytest.approx(movie.dose)
    back = bw.open_movie(there)
    assert back.pixel_size == pytest.approx(movie.pixel_size)
    assert back.frame_dose == pytest.approx(movie.frame_dose)
    assert back.times == pytest.approx(movie.times)


def test_a_movie_goes_to_hyperspy_and_back(movie: bw.Movie) -> None:
    pytest.importorskip("hyperspy")
    back = bw.open_movie(movie.to_hyperspy())
    assert back.pixel_size == pytest.approx(movie.pixel_size)
    assert back.times == pytest.approx(movie.times)
    assert (back.frames.compute() == STACK).all()
