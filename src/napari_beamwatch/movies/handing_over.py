"""Movies for other packages, which are imported only when somebody asks for them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.labelled import DOSE, DOSE_START, TEM

if TYPE_CHECKING:
    from napari_beamwatch.movies.movie import Movie


def to_xarray(movie: Movie) -> Any:
    """A DataArray (t, y, x) of the lazy frames; see `Movie.to_xarray`."""
    xarray = _package("xarray", "xarray")
    frames, height, width = movie.shape
    seconds, size = movie.times, movie.pixel_size
    coords: dict[str, Any] = {
        "t": np.arange(frames) if seconds is None else ("t", seconds, {"units": "s"}),
    }
    if size is not None:
        for dim, count in (("y", height), ("x", width)):
            coords[dim] = (dim, size * np.arange(count), {"units": "Å"})
    if movie.dose is not None and movie.dose_start is not None:
        for name, doses in ((DOSE_START, movie.dose_start), (DOSE, movie.dose)):
            coords[name] = ("t", doses, {"units": "e/Å²"})
    told = {**movie.conditions.stated(), "dose_source": movie.dose_source, "source": movie.source}
    return xarray.DataArray(
        movie.frames, dims=("t", "y", "x"), coords=coords, name=movie.name, attrs=told
    )


def to_hyperspy(movie: Movie) -> Any:
    """A lazy Signal2D of the frames; see `Movie.to_hyperspy`."""
    signals = _package("hyperspy.signals", "hyperspy")
    signal = signals.Signal2D(movie.frames).as_lazy()
    manager = signal.axes_manager
    (time,), (x, y) = manager.navigation_axes, manager.signal_axes
    time.name, x.name, y.name = "t", "x", "y"
    if movie.pixel_size is not None:
        for axis in (x, y):
            axis.scale, axis.units = movie.pixel_size, "Å"
    if movie.times is not None:
        steps = np.diff(movie.times)
        time.scale = float(np.median(steps)) if len(steps) else float(movie.times[0])
        time.units = "s"
    signal.metadata.set_item("General.title", movie.name)
    if movie.conditions.voltage_kV is not None:
        signal.metadata.set_item(f"{TEM}beam_energy", movie.conditions.voltage_kV)
    if movie.dose is not None:
        signal.metadata.set_item(f"Beamwatch.{DOSE}", movie.dose)
    return signal


def _package(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise BeamwatchError(
            f"{package} is needed for this and cannot be imported ({error}); install it with: "
            f"pip install {package}"
        ) from None
