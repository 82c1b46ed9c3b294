"""napari's hooks for pictures of ours: the onset map is written, maps and sums are read.

Each lies where it lay, with its pixel size, and looks as it did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_beamwatch._napari.hooks import say_where_files_go
from napari_beamwatch._napari.layers import SMOOTH, LayerData
from napari_beamwatch._napari.map_scale import dose_colours
from napari_beamwatch._napari.writer import result_shown
from napari_beamwatch.harmless import printable
from napari_beamwatch.results.map_file import write_map
from napari_beamwatch.results.ome_tiff import OmePicture, read_picture
from napari_beamwatch.results.ome_zarr import is_zarr, read_zarr
from napari_beamwatch.summing.mrc import ENDING as MRC
from napari_beamwatch.summing.mrc import read_mrc


def write(path: str | None = None, layers: Sequence[LayerData] = ()) -> list[str]:
    """Write the onset map among layers as OME-TIFF or OME-Zarr: doses, and each place's number."""
    if path is None:
        say_where_files_go()
        return []
    return [str(write_map(result_shown(layers), path))]


def get_reader(path: str | Sequence[str] | None = None) -> Callable[[str], list[LayerData]] | None:
    """A reader for a picture that was written here: a map, or a sum of frames."""
    if path is None:
        say_where_files_go()
    picture = picture_of(Path(path)) if isinstance(path, str) else None
    return None if picture is None else lambda _: layers_of(picture, Path(str(path)).name)


def picture_of(path: Path) -> OmePicture | None:
    """A picture of ours, as OME-TIFF, OME-Zarr or MRC; None of anything else."""
    if is_zarr(path):
        return read_zarr(path)
    return read_mrc(path) if path.suffix.lower() == MRC else read_picture(path)


def layers_of(picture: OmePicture, file: str) -> list[LayerData]:
    """The pictures of a file as layers of one size that lie where they were."""
    planes = picture.data if picture.channels else picture.data[None]
    shows = printable(str(picture.about.get("shows", file))).capitalize()
    named = [f"{shows}: {printable(name)}" for name in picture.channels] or [shows]
    looks = [_look(name) for name in picture.channels] or [
        {"colormap": "gray", "interpolation2d": SMOOTH}
    ]
    limits = [{"contrast_limits": one} for one in picture.limits] or [{}] * len(named)
    return [
        (
            plane,
            {
                "name": name,
                "scale": (picture.pixel, picture.pixel),
                "translate": picture.corner,
                "units": (picture.unit, picture.unit),
                "axis_labels": ("y", "x"),
                "visible": i == 0,
                "metadata": {"beamwatch": dict(picture.about)},
                **look,
                **ends,
            },
            "image",
        )
        for i, (plane, name, look, ends) in enumerate(
            zip(planes, named, looks, limits, strict=True)
        )
    ]


def _look(channel: str) -> dict[str, Any]:
    """Doses have the colours of the map they are of, cell by cell."""
    colours = "viridis" if channel == "place" else dose_colours()
    return {"colormap": colours, "interpolation2d": "nearest"}
