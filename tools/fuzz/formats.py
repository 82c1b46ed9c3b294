"""The formats, their seeds and their shares of the inputs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tools.fuzz import beside, containers, edges, pictures
from tools.fuzz.damage import damaged
from tools.fuzz.inputs import Made, Seed, lifted

LARGEST_REAL = 2 * 2**20
"""Bytes of a real file that is worth damaging again and again."""


@dataclass(frozen=True)
class Format:
    """What is tried of one format.

    Attributes
    ----------
    door : str
        Where its inputs are handed in.
    share : int
        Of all inputs, relative to the other formats'.
    seeds : callable
    endings : tuple of str
        Of real files that belong to it.
    seconds : float
        Of processor time for one input.
    """

    door: str
    share: int
    seeds: Callable[[], Sequence[Seed]]
    endings: tuple[str, ...] = ()
    seconds: float = 10.0


FORMATS = {
    "eer": Format("movie", 10, pictures.eer, (".eer",)),
    "mrc": Format("movie", 12, pictures.mrc, (".mrc", ".mrcs")),
    "mrc-packed": Format("movie", 4, pictures.packed_mrc),
    "tiff": Format("movie", 14, pictures.tiff, (".tif", ".tiff")),
    "stills": Format("movie", 5, pictures.stills),
    "npy": Format("movie", 4, pictures.npy),
    "zarr": Format("movie", 12, containers.zarr_arrays),
    "hdf5": Format("movie", 10, containers.hdf5, (".h5", ".hdf5", ".nxs")),
    "ser": Format("movie", 5, pictures.ser, (".ser", ".emi")),
    "dm": Format("movie", 8, pictures.dm, (".dm3", ".dm4")),
    "emd": Format("movie", 6, containers.emd, (".emd",)),
    "hspy": Format("movie", 4, containers.hspy, (".hspy",)),
    "zspy": Format("movie", 3, containers.zspy),
    "tvips": Format("movie", 4, pictures.tvips, (".tvips",)),
    "mib": Format("movie", 3, pictures.mib, (".mib",)),
    "blo": Format("movie", 2, pictures.blo, (".blo",)),
    "prz": Format("movie", 3, pictures.prz, (".prz",)),
    "gain": Format("gain", 5, beside.gains),
    "dose-table": Format("dose table", 4, beside.dose_tables),
    "settings": Format("settings", 3, beside.settings),
    "run": Format("run", 3, beside.runs),
    "cif": Format("structure", 4, beside.structures),
    # Kernels are compiled for every new type of pixels.
    "numbers": Format("numbers", 1, tuple, seconds=90.0),
}


def made(name: str, real: Path | None) -> list[Made]:
    """The seeds of a format, written; real files too, from the folder that holds them."""
    written = [_written(seed) for seed in FORMATS[name].seeds()]
    files = [] if real is None else sorted(path for path in real.iterdir() if path.is_file())
    for path in files:
        small = path.stat().st_size <= LARGEST_REAL
        if path.suffix.lower() in FORMATS[name].endings and small:
            beside_it = {path.name: path.read_bytes()}
            for other in files:  # the two halves of a series of TIA
                if {path.suffix, other.suffix} == {".ser", ".emi"} and (
                    path.stem.removesuffix("_1") == other.stem.removesuffix("_1")
                ):
                    beside_it[other.name] = other.read_bytes()
            written.append(Made(path.name, path.name, beside_it))
    return written


def an_input(name: str, seeds: Sequence[Made], seed: int, index: int) -> Made:
    """Input `index` of a format; the first ones are the seeds as they are."""
    rng = Random(f"{seed}/{name}/{index}")
    if not seeds:
        return edges.case(index, rng)
    if index < len(seeds):
        return seeds[index]
    chosen = rng.choice(seeds)
    return Made(chosen.name, chosen.opened, damaged(chosen, seeds, rng), whole=False)


def _written(seed: Seed) -> Made:
    with tempfile.TemporaryDirectory() as name:
        seed.write(Path(name))
        return Made(seed.name, seed.opened, lifted(Path(name)), seed.whole)
