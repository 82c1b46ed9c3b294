"""What stands beside a movie: gain references, dose tables, settings, runs, crystal structures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import tifffile

import napari_beamwatch as bw
from napari_beamwatch.results.saving import FIGURES
from napari_beamwatch.simulate.cases import simulate
from tools.fuzz.dm_writer import write_dm
from tools.fuzz.inputs import Seed
from tools.fuzz.pictures import STACK

GAIN = np.random.default_rng(5).uniform(0.9, 1.1, STACK.shape[1:]).astype(np.float32)

TABLES = {
    "a.csv": b"start,end,unrecorded\n0,5,0\n5,10,0\n12,17,1\n17,22,0\n",
    "dose.csv": b"dose\n5\n5\n4\n3.5\n",
    "units.tsv": b"start_e_per_A2\tend_e_per_A2\n0\t5\n5\t10\n12\t17\n17\t22\n",
    "comments.txt": b"# of the second of May\nstart; end\n0; 5\n5; 10\n12; 17\n17; 22\n",
}

CIF = b"""data_LiF
_cell_length_a 4.0270
_cell_length_b 4.0270
_cell_length_c 4.0270
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_cell_measurement_temperature 298
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Li1 Li 0 0 0 1
F1 F 0.5 0.5 0.5 1
"""

LOW_SYMMETRY = b"""data_x
_cell_length_a 8.359(2)
_cell_length_b 4.9767(5)
_cell_length_c 6.1940(4)
_cell_angle_alpha 90
_cell_angle_beta 114.72(1)
_cell_angle_gamma 90
_space_group_name_H-M_alt 'C 1 2/c 1'
loop_
_space_group_symop_operation_xyz
x,y,z
-x,y,-z+1/2
-x,-y,-z
x,-y,z+1/2
x+1/2,y+1/2,z
-x+1/2,y+1/2,-z+1/2
-x+1/2,-y+1/2,-z
x+1/2,-y+1/2,z+1/2
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Li1 0.1960 0.4490 0.8340
C1 0.0000 0.0650 0.2500
O1 0.0000 0.3210 0.2500
O2 0.1460 -0.0660 0.3130
"""


def gains() -> list[Seed]:
    def as_mrc(path: Path) -> None:
        with mrcfile.new(path, GAIN) as file:
            file.header.label[:] = b""

    writers = {
        "a.gain": partial(tifffile.imwrite, data=GAIN),
        "a.tif": partial(tifffile.imwrite, data=GAIN),
        "a.npy": partial(np.save, arr=GAIN),
        "a.mrc": as_mrc,
        "a.dm4": partial(write_dm, array=GAIN, version=4),
    }
    return [
        Seed(name[2:], name, lambda folder, write=write, name=name: write(folder / name))
        for name, write in writers.items()
    ]


def dose_tables() -> list[Seed]:
    return [_text(name, text) for name, text in TABLES.items()]


def settings() -> list[Seed]:
    """The defaults, and everything that can be said."""
    full = bw.Settings(
        window=64, step="1.6 nm", drift=((0.0, 0.0), (0.5, -0.5)), added_spots=((0.1, 0.2),),
        removed_spots=((0.2, 0.1),), criteria=("fading", "spacing"), persistence=3,
        phases=("LiF", "Li2O"), running_sum=2, camera_constant=500.0,
    )  # fmt: skip
    texts = {"plain": bw.Settings(), "full": full}
    return [_text("a.json", one.to_json().encode(), name) for name, one in texts.items()]


def structures() -> list[Seed]:
    return [_text("LiF2.cif", CIF, "cubic"), _text("mine.cif", LOW_SYMMETRY, "monoclinic")]


def runs() -> list[Seed]:
    """A small analysis, saved beside its movie."""

    def write(folder: Path, **options: Any) -> None:
        drawn = simulate("lif-room-temperature", frames=10, frame_dose=40.0, size=128, drift=None)
        np.save(folder / "movie.npy", np.asarray(drawn.frames))
        movie = bw.open_movie(folder / "movie.npy", pixel_size=drawn.pixel_size, **options)
        region = bw.Region.rectangle("A", 0, 100, 0, 90)
        bw.analyze(movie, bw.Settings(window=64), regions=[region]).save(folder / "run")
        for name in FIGURES:  # nobody reads them again
            (folder / "run" / name).unlink(missing_ok=True)

    table = {"start": np.arange(10) * 45.0, "end": np.arange(10) * 45.0 + 40}
    return [
        Seed("run", "run", partial(write, frame_dose=40.0)),
        Seed("gaps", "run", partial(write, dose_table=table, conditions={"voltage_kV": 300})),
    ]


def _text(opened: str, text: bytes, name: str = "") -> Seed:
    return Seed(name or opened, opened, lambda folder: (folder / opened).write_bytes(text))
