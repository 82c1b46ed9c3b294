"""``beamwatch sum``: the image of the specimen as it was."""

from __future__ import annotations

from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.results.loading import load_result
from napari_beamwatch.summing import sum_undamaged
from napari_beamwatch.summing.writing import check_name, write_image


def add_up(movie: str | None, run: str, out: str, *, survive: float | None, force: bool) -> None:
    """Write the image that the undamaged frames of a movie make.

    Parameters
    ----------
    movie : str, optional
        Its file; that which the run names without it.
    run : str
        Folder of a run of it.
    out : str
        .mrc, .tif, .ome.tif or .ome.zarr.
    survive : float, optional
        Percent of the lattice power that must be left; weights as the amplitude without it.
    force : bool
        Replace what is there.
    """
    path = Path(out).expanduser()
    check_name(path, force=force)
    result = load_result(run, movie)
    source = result.movie
    if source is None:
        raise BeamwatchError(f"the movie of {run} was not found: name it")
    image = sum_undamaged(source, result, survive=None if survive is None else survive / 100)
    write_image(image, path, force=force)
    dose = "" if image.dose is None else f", the last up to {image.dose:.4g} e/Å²"
    print(printable(f"{path}: {image.frames} frames of {source.name}{dose}"))
    usual = float(image.worth.mean())
    if image.note:
        print(f"  {image.note}")
    print(f"  tells as much as {usual:.3g} frames of the undamaged specimen")
