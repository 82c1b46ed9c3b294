"""How often powder rings are named rightly, and crystals outside the library named at all.

    python benchmarks/ring_naming.py --out rings.jsonl [--kinds sodium,unlisted] [--seeds 0:10]
                                     [--size 256] [--jobs 1]

A pattern is drawn without a movie around it: 1.5 to 8 % of 6·10⁵ to 10⁷ electrons in rings of
grains of 5 to 15 nm, the strength of each off by a factor of 1.5 (one σ), a camera constant that
is wrong by as much as it is said to be uncertain by, 2 or 0.5 %. `sodium`, `fluoride` and
`carbonate` have a second pattern in which another phase has come; `unlisted` draws twelve crystals
that are in no library, each once for a seed. What is in the file already is not run again.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pieces import LITHIUM, Job, Line, campaign, log_uniform

from napari_beamwatch.analysis.patterns.ring_phases import profile_of, scale_of
from napari_beamwatch.phases import Phase, phase
from napari_beamwatch.phases.powders import Lines, match_rings
from napari_beamwatch.simulate import patterns as drawn
from napari_beamwatch.simulate.cases.rings import CARBON
from napari_beamwatch.spectra.diffraction import Geometry, find_pattern_rings

CONSTANT = 200.0  # Å·px
FINEST = 0.95  # 1/Å
TEXTURE = math.log(1.5)
SODIUM = ("Na", "Na2O", "Na2CO3", "NaF", "NaOH")
Atom = tuple[str, tuple[float, float, float]]

CUBIC, RIGHT = (90.0, 90.0, 90.0), (90.0, 90.0, 120.0)


def cell(
    name: str, edges: tuple[float, ...], angles: tuple[float, ...], group: str, *atoms: Atom
) -> Phase:
    """A crystal; atoms are a symbol and its place."""
    return Phase(name, (*edges, *angles), group, tuple((a, place, 1.0) for a, place in atoms))


UNLISTED = (
    cell("ZrO2", (5.1505, 5.2116, 5.3173), (90.0, 99.23, 90.0), "P 1 21/c 1",
         ("Zr", (0.2754, 0.0395, 0.2083)), ("O", (0.07, 0.3317, 0.3447)),
         ("O", (0.4496, 0.7569, 0.4792))),
    cell("SrTiO3", (3.905,) * 3, CUBIC, "P m -3 m", ("Sr", (0.0, 0.0, 0.0)),
         ("Ti", (0.5, 0.5, 0.5)), ("O", (0.5, 0.5, 0.0))),
    cell("MAPbI3", (8.85, 8.85, 12.65), CUBIC, "I 4/m c m", ("Pb", (0.0, 0.0, 0.0)),
         ("I", (0.0, 0.0, 0.25)), ("I", (0.2039, 0.7039, 0.0))),
    cell("CeO2", (5.411,) * 3, CUBIC, "F m -3 m", ("Ce", (0.0, 0.0, 0.0)),
         ("O", (0.25, 0.25, 0.25))),
    cell("MgO", (4.212,) * 3, CUBIC, "F m -3 m", ("Mg", (0.0, 0.0, 0.0)), ("O", (0.5, 0.5, 0.5))),
    cell("rutile", (4.594, 4.594, 2.959), CUBIC, "P 42/m n m", ("Ti", (0.0, 0.0, 0.0)),
         ("O", (0.3053, 0.3053, 0.0))),
    cell("ZnO", (3.25, 3.25, 5.207), RIGHT, "P 63 m c", ("Zn", (1 / 3, 2 / 3, 0.0)),
         ("O", (1 / 3, 2 / 3, 0.382))),
    cell("corundum", (4.759, 4.759, 12.993), RIGHT, "R -3 c:H", ("Al", (0.0, 0.0, 0.3522)),
         ("O", (0.3064, 0.0, 0.25))),
    cell("calcite", (4.99, 4.99, 17.061), RIGHT, "R -3 c:H", ("Ca", (0.0, 0.0, 0.0)),
         ("C", (0.0, 0.0, 0.25)), ("O", (0.2568, 0.0, 0.25))),
    cell("quartz", (4.913, 4.913, 5.405), RIGHT, "P 32 2 1", ("Si", (0.4697, 0.0, 0.0)),
         ("O", (0.4133, 0.2672, 0.1188))),
    cell("Fe3O4", (8.396,) * 3, CUBIC, "F d -3 m:2", ("Fe", (0.125, 0.125, 0.125)),
         ("Fe", (0.5, 0.5, 0.5)), ("O", (0.2549, 0.2549, 0.2549))),
    cell("anatase", (3.785, 3.785, 9.514), CUBIC, "I 41/a m d:1", ("Ti", (0.0, 0.0, 0.0)),
         ("O", (0.0, 0.0, 0.2081))),
)  # fmt: skip

KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "sodium": ("Na", "Na2CO3", SODIUM),
    "fluoride": ("LiF", "Li2O", LITHIUM),
    "carbonate": ("Li2CO3", "Li2O", LITHIUM),
    "unlisted": ("", "", LITHIUM),
}


def powder(one: Phase, share: float, rng: np.random.Generator) -> drawn.Powder:
    """A powder of any phase: what the simulator has of some is made of all."""
    lines = Lines.of(one, FINEST, None)
    power = lines.power / lines.power.max() * np.exp(rng.normal(0, TEXTURE, len(lines.g)))
    table = zip(lines.hkl, (1 / lines.g).tolist(), power.tolist(), strict=True)
    name = f"{one.name} {rng.integers(2**40)}"
    drawn.POWDERS[name] = tuple(row for row in table if row[2] > 0.01)
    return drawn.Powder(name, share, grain_nm=rng.uniform(5, 15))


def pattern(
    powders: tuple[drawn.Powder, ...], electrons: float, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], Geometry]:
    """Counts, and their centre."""
    scene = drawn.PatternScene(
        "rings", "", powders, halos=CARBON, camera_constant=CONSTANT, ellipse=0.01
    )
    composer = drawn.PatternComposer(
        scene, (size, size), np.zeros(1), np.ones(1), np.full(1, electrons), 0
    )
    return rng.poisson(composer.frame(0) * electrons).astype(float), Geometry(*composer.middle)


def answers(
    first: Phase, second: Phase | None, asked: tuple[str, ...], uncertain: float, job: Job
) -> list[str]:
    """What the rings that were there, and those that came, are named."""
    kind, seed, size = job
    rng = np.random.default_rng([seed, zlib.crc32(f"{kind} {first.name}".encode())])
    share, electrons = log_uniform(rng, 0.015, 0.08), log_uniform(rng, 6e5, 1e7)
    before = powder(first, share, rng)
    image, middle = pattern((before,), electrons, size, rng)
    images = [image]
    if second is not None:
        left = replace(before, share=share * rng.uniform(0, 0.4))
        after = powder(second, share * rng.uniform(0.6, 1.0), rng)
        images.append(pattern((left, after), electrons, size, rng)[0])
    nothing = np.zeros((size, size), bool)
    rings = find_pattern_rings(images, middle, nothing, np.ones(len(images)))
    constant = CONSTANT * math.exp(rng.normal(0, uncertain))
    came = ~rings.seen[:, 0]
    scale, told = (1.0, uncertain), [""]
    for late in (False, True)[: len(images)]:
        mine = came if late else ~came
        if not mine.any():
            told.append("")
            continue
        found = match_rings(
            profile_of(rings, mine, constant, came=late, changed=bool(came.any())),
            phases=asked, scale=scale, phase_before=told[-1],
        )  # fmt: skip
        scale = scale_of(found) or scale
        told.append(found.answer)
    return told[1:]


def run(job: Job) -> Line:
    """Draw and name what a kind and a seed mean, at both uncertainties."""
    kind, seed, size = job
    first, second, asked = KINDS[kind]
    line: Line = {"kind": kind, "seed": seed, "size": size}
    for uncertain in (0.02, 0.005):
        if kind == "unlisted":
            named = {one.name: answers(one, None, asked, uncertain, job)[0] for one in UNLISTED}
            line[f"named {uncertain}"] = {name: said for name, said in named.items() if said}
        else:
            told = answers(phase(first), phase(second), asked, uncertain, job)
            line[f"told {uncertain}"] = told
            line[f"right {uncertain}"] = [
                true in said.split("|") for true, said in zip((first, second), told, strict=True)
            ]
            line[f"wrong {uncertain}"] = sum(
                bool(said) and true not in said.split("|")
                for true, said in zip((first, second), told, strict=True)
            )
    return line


def table(lines: Iterable[Line]) -> str:
    """Counts of each kind."""
    every, said = pd.DataFrame(list(lines)), []
    for kind, mine in every.groupby("kind", sort=False):
        for uncertain in (0.02, 0.005):
            if kind == "unlisted":
                named = [one for some in mine[f"named {uncertain}"] for one in some.items()]
                said.append(f"{kind} to {uncertain}: {len(named)} of {12 * len(mine)} {named}")
                continue
            before, after = np.array(mine[f"right {uncertain}"].tolist()).sum(axis=0)
            said.append(
                f"{kind} to {uncertain}: before {before}, after {after} of {len(mine)}, "
                f"others {mine[f'wrong {uncertain}'].sum()}"
            )
    return "\n".join(said)


if __name__ == "__main__":
    campaign(__doc__.splitlines()[0], "kind", KINDS, 256, run, table)
