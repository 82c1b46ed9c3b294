"""napari's hooks for the onset map as OME-TIFF: written with its place and pixel size, and read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_beamwatch._napari.hooks import say_where_files_go
from napari_beamwatch._napari.layers import LayerData
from napari_beamwatch._napari.ours import ONSET_MAP
from napari_beamwatch._napari.writer import result_shown
from napari_beamwatch.results.map_file import write_map
from napari_beamwatch.results.ome_tiff import read_picture


def write(path: str | None = None, layers: Sequence[LayerData] = ()) -> list[str]:
    """Write the onset map among layers as ``.ome.tif``: doses, and the number of each place."""
    if path is None:
        say_where_files_go()
        return []
    return [str(write_map(result_shown(layers), path))]


def get_reader(path: str | Sequence[str] | None = None) -> Callable[[str], list[LayerData]] | None:
    """A reader for a picture that was written here."""
    if path is None:
        say_where_files_go()
    ours = isinstance(path, str) and read_picture(Path(path)) is not None
    return read if ours else None


def read(path: str) -> list[LayerData]:
    """The pictures of a file as layers of one size that lie where they were."""
    picture = read_picture(Path(path))
    if picture is None:
        return []
    named = picture.channels or (Path(path).name,)
    planes = picture.data if picture.channels else picture.data[None]
    return [
        (
            plane,
            {
                "name": f"{ONSET_MAP}: {name}" if picture.channels else name,
                "scale": (picture.pixel, picture.pixel),
                "translate": picture.corner,
                "units": (picture.unit, picture.unit),
                "axis_labels": ("y", "x"),
                "colormap": "viridis" if picture.channels else "gray",
                "visible": i == 0,
                "metadata": dict(picture.about),
            },
            "image",
        )
        for i, (plane, name) in enumerate(zip(planes, named, strict=True))
    ]
