"""Make the stages of `napari_beamwatch.simulate.stages` by multislice (needs abTEM and SciPy).

Run ``python tools/make_stages.py`` where the package and its group `stages` are installed; names
as arguments make only those. Every specimen lies on the same 20 Å of amorphous carbon in a
periodic field of 120 Å. 120 Å because both LiF zones repeat in it: [100] strained by 0.005 %,
[110] by 0.22 %, Li2O [110] by 0.29 % (in 128 Å LiF [110] would need 0.37 %). Single grains and
particles, with a margin around them, and polycrystals are not strained at all.

The beam comes through the film first, but for the thickness series: there the film is on the exit
side, so that neither the film nor the face of the crystal on it leaves the focus as the crystal
thins from above.

The tool stops with a sentence at a stage whose picture, made from the file, does not show every
reflection it promises 20 times above the median of its ring and within 1 % of its spacing, or
shows one that it forbids.

References
----------
.. [1] J. Madsen, T. Susi, Open Research Europe 1 (2021) 24 (abTEM).
.. [2] H. Effenberger, J. Zemann, Z. Kristallogr. 150 (1979) 133 (Li2CO3, COD 9008283).
.. [3] R. W. G. Wyckoff, Crystal Structures, 2nd ed., vol. 1, Wiley 1963 (LiF, Li2O, NaF, Li).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import permutations
from pathlib import Path
from typing import Any

import abtem
import ase
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from napari_beamwatch.simulate import stages

Floats = NDArray[np.float64]
Void = tuple[float, float, float, float]  # x, y, z, radius in Å

FIELD = 120.0  # Å
GRID = 960  # 0.125 Å
CARBON = 20.0  # Å
CRYSTAL = 60.0  # Å
PAD = 2.0  # Å of vacuum before and after
SLICE = 1.0  # Å
VOLTAGE = 300.0  # kV
RESOLUTION = 1.05  # 1/Å, beyond the information limit of the default optics
FOCUS = 14.0  # nm: with Cs = -0.01 mm the weakest of LiF 111, 200 and 220 is strongest here
THERMAL = 0.08  # Å rms along each axis, one snapshot

# FFTW plans by timing, so its rounding differs from run to run; NumPy's makes the same files.
abtem.config.set({"fft": "numpy"})

TARGET = Path(__file__).parents[1] / "src/napari_beamwatch/simulate/stage_data"


# --- Crystals ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Crystal:
    """Unit cell: rows of `axes` are a, b, c in Å; `basis` is fractional."""

    phase: str
    axes: Floats
    symbols: tuple[str, ...]
    basis: Floats

    def scaled(self, factor: float) -> Crystal:
        return replace(self, axes=self.axes * factor)


def cubic(
    phase: str, a: float, sites: dict[str, Sequence[tuple[float, ...]]], faces: bool
) -> Crystal:
    centring = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    if not faces:
        centring = [(0, 0, 0), (0.5, 0.5, 0.5)]
    atoms = [(el, np.add(p, c)) for el, where in sites.items() for p in where for c in centring]
    return Crystal(
        phase, a * np.eye(3), tuple(el for el, _ in atoms), np.array([p for _, p in atoms])
    )


def li2co3() -> Crystal:
    a, b, c, beta = 8.3593, 4.9725, 6.1975, np.radians(114.83)
    axes = np.array([[a, 0, 0], [0, b, 0], [c * np.cos(beta), 0, c * np.sin(beta)]])
    sites = {
        "Li": (0.1965, 0.4484, 0.8344),
        "C": (0.0, 0.0657, 0.25),
        "O1": (0.0, 0.3213, 0.25),
        "O2": (0.1459, -0.0635, 0.3127),
    }
    symbols, basis = [], []
    for site, (x, y, z) in sites.items():
        images = np.array([[x, y, z], [x, -y, z + 0.5], [-x, y, 0.5 - z], [-x, -y, -z]])
        images = np.concatenate([images, np.add(images, (0.5, 0.5, 0))]) % 1
        images = np.unique(np.round(images, 6) % 1, axis=0)
        symbols += [site.rstrip("12")] * len(images)
        basis.append(images)
    return Crystal("Li2CO3", axes, tuple(symbols), np.concatenate(basis))


LIF = cubic("LiF", 4.026, {"Li": [(0.5, 0, 0)], "F": [(0, 0, 0)]}, faces=True)
NAF = cubic("NaF", 4.63, {"Na": [(0.5, 0, 0)], "F": [(0, 0, 0)]}, faces=True)
LI2O = cubic("Li2O", 4.619, {"Li": [(0.25,) * 3, (0.75,) * 3], "O": [(0, 0, 0)]}, faces=True)
LI = cubic("Li", 3.51, {"Li": [(0, 0, 0)]}, faces=False)
LI2CO3 = li2co3()


def orient(
    crystal: Crystal, zone: Sequence[int], right: Sequence[float], turn: float = 0.0
) -> Floats:
    """Rotation with the zone axis along the beam (+z) and `right` (a lattice vector
    perpendicular to it) turned by `turn` degrees from +x."""
    z = np.asarray(zone) @ crystal.axes
    z = z / np.linalg.norm(z)
    x = np.asarray(right) @ crystal.axes
    x = x - (x @ z) * z
    x = x / np.linalg.norm(x)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([x, np.cross(z, x), z])


def fitted(crystal: Crystal, zone: Sequence[int], a: Sequence[float], b: Sequence[float]) -> Floats:
    """Rotation and small strain that lay lattice vectors `a` and `b` along the field's sides."""
    turned = orient(crystal, zone, a)
    sides = np.array([turned @ (np.asarray(v) @ crystal.axes) for v in (a, b)])[:, :2].T
    strain = np.eye(3)
    strain[:2, :2] = FIELD * np.linalg.inv(sides)
    stretch = np.linalg.svd(strain[:2, :2])[1]
    if abs(stretch - 1).max() > 0.003:
        raise SystemExit(
            f"{crystal.phase} {zone} would be strained by {abs(stretch - 1).max():.2%}."
        )
    return strain @ turned


# --- Specimens -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Specimen:
    """Atoms (x, y, z from the crystal's first face, Å) and where their lattices would show.

    `lattices` are pairs of a crystal and the matrix from its Cartesian axes to the field's.
    """

    symbols: NDArray[np.str_]
    positions: Floats
    lattices: tuple[tuple[Crystal, Floats], ...] = ()


def box_of_atoms(
    crystal: Crystal,
    matrix: Floats,
    low: Sequence[float],
    high: Sequence[float],
    origin: Sequence[float],
) -> tuple[NDArray[np.str_], Floats]:
    """All atoms of the lattice through `origin` with low <= position < high."""
    axes = crystal.axes @ matrix.T
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T - np.asarray(
        origin
    )
    cells = corners @ np.linalg.inv(axes)
    first, last = np.floor(cells.min(0)) - 1, np.ceil(cells.max(0)) + 1
    ranges = [np.arange(f, e + 1) for f, e in zip(first, last, strict=True)]
    grid = np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3)
    symbols, found = [], []
    for symbol, place in zip(crystal.symbols, crystal.basis, strict=True):
        at = (grid + place) @ axes + np.asarray(origin)
        at = at[((at >= low) & (at < high)).all(1)]
        found.append(at)
        symbols += [symbol] * len(at)
    return np.array(symbols), np.concatenate(found)


# A generic origin keeps atoms off the field's sides, where rounding would double or lose them.
ORIGIN = (0.0137, 0.0291, 0.0173)


def sheet(crystal: Crystal, matrix: Floats, height: float = CRYSTAL) -> Specimen:
    """Crystal all over the field."""
    found = box_of_atoms(crystal, matrix, (0, 0, 0), (FIELD, FIELD, height), ORIGIN)
    return Specimen(*found, ((crystal, matrix),))


def grain_on_film(
    crystal: Crystal,
    zone: Sequence[int],
    right: Sequence[int],
    turn: float,
    half: tuple[float, float],
    roundness: float,
    height: float = CRYSTAL,
    void: Void | None = None,
) -> Specimen:
    """Warm grain in the middle of the field with vacuum around it.

    Its outline is |x/a|^r + |y/b|^r < 1 with `half` widths a and b, `roundness` r (2 is round,
    large is faceted) and x along `right`, which is turned by `turn` degrees in the field. A
    `void` is a ball, from the grain's middle.
    """
    matrix = orient(crystal, zone, right, turn)
    middle = (FIELD / 2 + ORIGIN[0], FIELD / 2 + ORIGIN[1], ORIGIN[2])
    symbols, at = box_of_atoms(crystal, matrix, (0, 0, 0), (FIELD, FIELD, height), middle)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    local = (at[:, :2] - FIELD / 2) @ np.array([[c, -s], [s, c]])
    inside = (abs(local / half) ** roundness).sum(1) < 1
    if void is not None:
        hole = np.column_stack([local, at[:, 2]]) - void[:3]
        inside &= (hole**2).sum(1) > void[3] ** 2
    return disordered(Specimen(symbols[inside], at[inside], ((crystal, matrix),)), 0)


def grains(crystal: Crystal, matrices: Sequence[Floats], seed: int) -> Specimen:
    """Warm polycrystal of four grains: periodic Voronoi cells of displaced quarter points.

    One grain in each quarter, so that a window on the whole field sees all of them.
    """
    quarters = FIELD * np.array([(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)])
    seeds = quarters + np.random.default_rng(seed).uniform(-8, 8, (4, 2))
    tree = KDTree(seeds % FIELD, boxsize=FIELD)
    symbols, positions = [], []
    for number, (matrix, centre) in enumerate(zip(matrices, seeds, strict=True)):
        low, high = centre - FIELD / 2, centre + FIELD / 2
        names, at = box_of_atoms(crystal, matrix, (*low, 0), (*high, CRYSTAL), (*centre, 0.01))
        near, owner = tree.query(at[:, :2] % FIELD, k=2)
        # A gap of about a bond between neighbours, lest their atoms coincide.
        mine = (owner[:, 0] == number) & (near[:, 1] - near[:, 0] > 1.2)
        symbols.append(names[mine])
        positions.append(at[mine])
    lattices = tuple((crystal, m) for m in matrices)
    return disordered(Specimen(np.concatenate(symbols), np.concatenate(positions), lattices), 0)


def glass(symbols: NDArray[np.str_], height: float, closest: float, seed: int) -> Floats:
    """Positions of an amorphous solid: random, then pushed apart to `closest` (Å)."""
    rng = np.random.default_rng(seed)
    box = np.array([FIELD, FIELD, height])
    at = rng.uniform(0, 1, (len(symbols), 3)) * box
    for _ in range(80):
        at %= box
        pairs = KDTree(at, boxsize=box).query_pairs(closest, output_type="ndarray")
        apart = at[pairs[:, 0]] - at[pairs[:, 1]]
        apart -= box * np.round(apart / box)
        gap = np.linalg.norm(apart, axis=1, keepdims=True)
        push = 0.3 * (closest - gap) * apart / (gap + 1e-9)
        np.add.at(at, pairs[:, 0], push)
        np.add.at(at, pairs[:, 1], -push)
    return at % box


def carbon() -> Floats:
    density = 1.9 / 12.011 * 0.60221408  # atoms/Å³ at 1.9 g/cm³
    return glass(np.full(round(density * FIELD**2 * CARBON), "C"), CARBON, 1.35, seed=1)


def disordered(specimen: Specimen, rms: float) -> Specimen:
    """Atoms off their places by `rms` along each axis, thermal motion included in quadrature.

    The same random directions at every `rms`: the series is one specimen getting worse.
    """
    rng = np.random.default_rng(2)
    off = rng.normal(0, np.hypot(rms, THERMAL), specimen.positions.shape)
    return replace(specimen, positions=specimen.positions + off)


def amorphous(specimen: Specimen) -> Specimen:
    symbols = np.random.default_rng(3).permutation(specimen.symbols)
    return Specimen(symbols, glass(symbols, CRYSTAL, 1.75, seed=4), specimen.lattices)


def tilted(specimen: Specimen, mrad: float, towards: Sequence[int]) -> Specimen:
    """Crystal tilted towards a lattice direction in the plane of the field.

    Sheared rather than turned, which keeps the field periodic: the layers shift alike, and what
    is missing is a change of height of the order of the shift and cos(tilt) - 1 < 0.2 %.
    """
    crystal, matrix = specimen.lattices[0]
    direction = matrix @ (np.asarray(towards) @ crystal.axes)
    shift = 1e-3 * mrad * direction / np.linalg.norm(direction)
    return replace(specimen, positions=specimen.positions + specimen.positions[:, 2:] * shift)


def ordered(specimen: Specimen, shift: float) -> Specimen:
    """Rock salt along [100] whose columns are shifted along [010], every second one back.

    The columns of the zone lie on squares of half a cell, of which the shifts make a chequerboard:
    110, half the 220 of the lattice, is forbidden no more. It grows with the sine of what the
    lattice's own amplitudes lose the cosine of.
    """
    crystal, matrix = specimen.lattices[0]
    halves = 2 * (specimen.positions - ORIGIN) @ np.linalg.inv(crystal.axes @ matrix.T)
    odd = np.rint(halves[:, 1] + halves[:, 2]) % 2
    along = matrix @ crystal.axes[1] / np.linalg.norm(crystal.axes[1])
    there_and_back = (1 - 2 * odd[:, None]) * shift * along
    return replace(specimen, positions=specimen.positions + there_and_back)


# --- Waves ---------------------------------------------------------------------------------


def exit_wave(specimen: Specimen, film: Floats) -> NDArray[np.complex128]:
    """Fourier coefficients (ky, kx) of the exit wave, (2·reach + 1)², beam in the middle."""
    on_film = np.add(specimen.positions, (0, 0, CARBON))
    at = np.concatenate([film, on_film]) + np.array([0, 0, PAD])
    symbols = ["C"] * len(film) + list(specimen.symbols)
    potential = potential_of(symbols, at, 2 * PAD + CARBON + CRYSTAL)
    wave = abtem.PlaneWave(energy=1e3 * VOLTAGE).multislice(potential)
    return coefficients(wave.compute(progress_bar=False))


@cache
def waves_at_depths() -> dict[int, NDArray[np.complex128]]:
    """As `exit_wave`, by nm: LiF [110] down to each of `THICKNESSES`, with the film under it.

    One wave goes through the thickest; at each depth a copy leaves it through the film.
    """
    film = carbon()
    under = potential_of(["C"] * len(film), film, CARBON)
    specimen = lif("110", height=10 * THICKNESSES[-1])
    # Thermal motion takes some out of the box, which is no reason to lose them.
    depth = specimen.positions[:, 2].clip(0, 10 * THICKNESSES[-1] - 1e-6)
    wave = abtem.PlaneWave(energy=1e3 * VOLTAGE, gpts=GRID, extent=FIELD).build(lazy=False)
    found = {}
    for above, nm in zip((0, *THICKNESSES), THICKNESSES, strict=False):
        if nm:
            here = (depth >= 10 * above) & (depth < 10 * nm)
            at = specimen.positions[here] - (0, 0, 10 * above)
            slab = potential_of(list(specimen.symbols[here]), at, 10 * (nm - above))
            wave = wave.multislice(slab)
        found[nm] = coefficients(wave.multislice(under))
    return found


def potential_of(symbols: Sequence[str], at: Floats, height: float) -> abtem.Potential:
    """Slices of a slab from z = 0 to `height`; atoms that thermal motion took out go back in."""
    inside = np.column_stack([at[:, :2] % FIELD, at[:, 2].clip(0, height - 1e-6)])
    atoms = ase.Atoms(list(symbols), inside, cell=(FIELD, FIELD, height), pbc=True)
    return abtem.Potential(
        atoms, gpts=GRID, slice_thickness=SLICE, projection="infinite", parametrization="lobato"
    )


def coefficients(wave: abtem.Waves) -> NDArray[np.complex128]:
    array = np.asarray(wave.array).T
    spectrum = np.fft.fft2(array) / array.size
    reach = int(RESOLUTION * FIELD)
    k = np.arange(-reach, reach + 1)
    return spectrum[np.ix_(k, k)] * stages.wave_disc(reach)


def pack_wave(wave: NDArray[np.complex128]) -> dict[str, Any]:
    """What `stages.unpack_wave` undoes. The quantum is a tenth of the diffuse part's rms, so
    that rounding adds 1e-3 to its power, unless the strongest spot would overflow 16 bits."""
    reach = wave.shape[0] // 2
    disc = stages.wave_disc(reach)
    rest = wave.copy()
    rest[reach, reach] = 0
    parts = np.stack([rest[disc].real, rest[disc].imag])
    diffuse = 1.4826 * np.median(abs(parts))
    step = max(diffuse / 10, abs(parts).max() / 32767)
    whole = np.round(parts / step).astype(np.int16).view(np.uint16)
    planes = np.stack([whole & 255, whole >> 8], 1).reshape(4, -1).astype(np.uint8)
    return {"planes": planes, "reach": reach, "step": step, "beam": wave[reach, reach]}


# --- Promises ------------------------------------------------------------------------------


def reflections_of(
    specimen: Specimen, wanted: Sequence[tuple[int, int, int]]
) -> list[stages.Reflection]:
    """The wanted reflections that lie in the zone, one of each Friedel pair.

    In a cubic crystal hkl stands for its whole family.
    """
    n = np.arange(-3, 4)
    indices = np.stack(np.meshgrid(n, n, n), -1).reshape(-1, 3).tolist()
    found = []
    for crystal, matrix in specimen.lattices:
        is_cubic = np.allclose(crystal.axes, crystal.axes[0, 0] * np.eye(3))
        reciprocal = np.linalg.inv(crystal.axes @ matrix.T)
        for h, k, m in indices:
            names = {(h, k, m), (-h, -k, -m)}
            if is_cubic:
                names = set(permutations((abs(h), abs(k), abs(m))))
            g = reciprocal @ (h, k, m)
            angle = round(float(np.degrees(np.arctan2(-g[1], g[0]))), 3)
            if names.isdisjoint(wanted) or abs(g[2]) > 1e-6 or not -90 < angle <= 90:
                continue
            d = round(float(1 / np.hypot(g[0], g[1])), 5)
            found.append(stages.Reflection(crystal.phase, (h, k, m), d, angle))
    return sorted(found, key=lambda r: (-r.d_A, r.angle_deg))


# --- Stages --------------------------------------------------------------------------------

Families = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Recipe:
    """How a stage is made and which reflections it must and must not show.

    `wave` is for one whose exit wave is not that of the specimen built; `focus` is in nm.
    """

    name: str
    description: str
    build: Callable[[], Specimen]
    promised: Families = ()
    forbidden: Families = ()
    wave: Callable[[], NDArray[np.complex128]] | None = None
    focus: float = FOCUS


# Lattice vectors along the field's sides: for LiF [110] 29 [001] + 10 [1-10]/2 and so on.
FIT_LIF_110 = ((5, -5, 29), (20.5, -20.5, -7))
FIT_LIF_100 = ((0, 27.5, 11.5), (0, -11.5, 27.5))
FIT_LI2O_110 = ((7, -7, 24), (17, -17, -10))
ALONG_110: Families = ((1, 1, 1), (2, 0, 0), (2, 2, 0))
ALONG_100: Families = ((2, 0, 0), (2, 2, 0))
HALF_ORDER = (1, 1, 0)
THICKNESSES = (0, 3, 6, 9, 12, 15, 20, 25, 30, 36, 42, 48, 54, 60)  # nm
SHIFT = 0.08  # Å: as much as the thermal motion


def lif(zone: str, rms: float = 0.0, height: float = CRYSTAL) -> Specimen:
    along, fit = {"110": ((1, 1, 0), FIT_LIF_110), "100": ((1, 0, 0), FIT_LIF_100)}[zone]
    return disordered(sheet(LIF, fitted(LIF, along, *fit), height), rms)


def disorder_series() -> Iterator[Recipe]:
    """LiF falling apart: the spots fade, the higher |g| the faster."""
    for zone, families in (("110", ALONG_110), ("100", ALONG_100)):
        half = (HALF_ORDER,) if zone == "100" else ()
        intact = f"LiF along [{zone}], intact"
        yield Recipe(f"lif-{zone}", intact, partial(lif, zone), families, half)
        for rms in (0.1, 0.2, 0.35, 0.6):
            yield Recipe(
                f"lif-{zone}-disorder-{rms}",
                f"LiF along [{zone}], atoms off their places by {rms} Å rms along each axis",
                partial(lif, zone, rms),
                # At 0.6 Å the Debye-Waller factor leaves 3 % of the amplitude of 220.
                families if rms < 0.6 else families[:-1],
            )
    yield Recipe(
        "lif-amorphous",
        "Amorphous LiF of the same projected mass",
        lambda: amorphous(lif("110")),
        forbidden=ALONG_110,
    )


def tilt_series() -> Iterator[Recipe]:
    """LiF bending away: 220, across the axis, falls most and 002, along it, least."""
    for mrad in (5, 10, 15, 20, 30, 40, 50, 60):
        yield Recipe(
            f"lif-110-tilt-{mrad}",
            f"LiF along [110], tilted by {mrad} mrad about [001]",
            lambda mrad=mrad: tilted(lif("110"), mrad, (1, -1, 0)),
            ALONG_110 if mrad <= 15 else ALONG_110[:-1],
        )


def thickness_series() -> Iterator[Recipe]:
    """LiF that thins: the beam is scattered out and back every 59 nm, and fringes with it."""
    bare = "Amorphous carbon alone, in the focus of the thickness series"
    for nm in THICKNESSES:
        yield Recipe(
            f"lif-110-{nm}nm",
            f"LiF along [110], {nm} nm thick, on the film" if nm else bare,
            partial(lif, "110"),
            ALONG_110 if nm else (),
            () if nm else ALONG_110,
            wave=lambda nm=nm: waves_at_depths()[nm],
            # The crystal's lower face is as far from the focus as in the other stages.
            focus=FOCUS - CARBON / 10,
        )


def ordering() -> Iterator[Recipe]:
    yield Recipe(
        "lif-100-ordered",
        f"LiF along [100], columns {SHIFT} Å to and fro along [010]: a superstructure",
        lambda: disordered(ordered(sheet(LIF, fitted(LIF, (1, 0, 0), *FIT_LIF_100)), SHIFT), 0),
        (*ALONG_100, HALF_ORDER),
    )


def swelling_series() -> Iterator[Recipe]:
    for percent in (0.0, 0.5, 1.0, 1.5):
        grain = partial(
            grain_on_film, LIF.scaled(1 + percent / 100), (1, 1, 0), (0, 0, 1), 23, (50, 50), 3
        )
        yield Recipe(
            f"lif-swollen-{percent}",
            f"LiF grain along [110], lattice swollen by {percent} %",
            grain,
            ALONG_110,
        )


def shrinking_series() -> Iterator[Recipe]:
    """LiF losing mass: a cube that shrinks, thins, rounds off and opens a void."""
    shapes: tuple[tuple[float, float, float, Void | None], ...] = (
        (46.0, 12.0, 60.0, None),
        (42.0, 6.0, 58.0, None),
        (38.0, 4.0, 54.0, None),
        (33.0, 2.8, 48.0, None),
        (30.0, 2.2, 42.0, (6.0, -5.0, 21.0, 14.0)),
    )
    for number, (half, roundness, height, void) in enumerate(shapes):
        yield Recipe(
            f"lif-particle-{number}",
            f"LiF particle along [100], {2 * half:.0f} Å wide and {height:.0f} Å thick"
            + (", with a void of 28 Å" if void else ""),
            partial(
                grain_on_film,
                LIF,
                (1, 0, 0),
                (0, 1, 0),
                17,
                (half, half),
                roundness,
                height,
                void,
            ),
            ALONG_100,
        )


def other_phases() -> Iterator[Recipe]:
    yield Recipe(
        "lif-grains",
        "LiF polycrystal of 4 grains along [110], [100] and [112]",
        partial(
            grains,
            LIF,
            [
                orient(LIF, (1, 1, 0), (0, 0, 1), 8),
                orient(LIF, (1, 0, 0), (0, 1, 0), 31),
                orient(LIF, (1, 1, 0), (0, 0, 1), 95),
                orient(LIF, (1, 1, 2), (1, -1, 0), 262),
            ],
            seed=5,
        ),
        ALONG_110,
    )
    yield Recipe(
        "li-grains",
        "Li metal, 4 grains along [100], [110] and [111]",
        partial(
            grains,
            LI,
            [
                orient(LI, (1, 0, 0), (0, 1, 0), 20),
                orient(LI, (1, 1, 0), (0, 0, 1), 80),
                orient(LI, (1, 1, 0), (0, 0, 1), 130),
                orient(LI, (1, 1, 1), (1, -1, 0), 20),
            ],
            seed=6,
        ),
        ((1, 1, 0),),
    )
    yield Recipe(
        "li2o-110",
        "Li2O along [110]",
        lambda: disordered(sheet(LI2O, fitted(LI2O, (1, 1, 0), *FIT_LI2O_110)), 0),
        ALONG_110,
    )
    yield Recipe(
        "li2co3-grain",
        "Li2CO3 grain along [001]",
        partial(grain_on_film, LI2CO3, (0, 0, 1), (0, 1, 0), 33, (50, 43), 3),
        ((1, 1, 0), (1, -1, 0), (2, 0, 0), (0, 2, 0), (3, 1, 0), (3, -1, 0)),
    )
    yield Recipe(
        "naf-grain",
        "NaF grain along [110]",
        partial(grain_on_film, NAF, (1, 1, 0), (0, 0, 1), -28, (46, 42), 5),
        ALONG_110,
    )
    yield Recipe(
        "carbon",
        "Amorphous carbon alone, the film under every stage",
        lambda: Specimen(np.array([], str), np.zeros((0, 3))),
    )


def recipes() -> list[Recipe]:
    series = (
        disorder_series,
        tilt_series,
        thickness_series,
        ordering,
        swelling_series,
        shrinking_series,
        other_phases,
    )
    return [recipe for make in series for recipe in make()]


def check(recipe: Recipe, specimen: Specimen) -> str:
    """Look at the stage as stored: heights of what it promises, or SystemExit with a sentence."""
    stage = stages.load_stage(recipe.name)
    image, pixel_size = stage.image(0.25), stage.pixel_size_for(0.25)
    heights = []
    for r in stage.reflections:
        reading = stages.read_reflection(image, pixel_size, r)
        if not reading.shows(r):
            raise SystemExit(
                f"{recipe.name} should show {r.phase} {r.hkl} at {r.d_A} Å and {r.angle_deg}°, but "
                f"the peak is at {reading.d_A:.3f} Å and {reading.height:.1f} times its ring."
            )
        heights.append(f"{''.join(map(str, r.hkl))} {r.d_A:.3f} Å {reading.height:.0f}x")
    for r in reflections_of(specimen, recipe.forbidden):
        if stages.read_reflection(image, pixel_size, r).shows(r):
            raise SystemExit(f"{recipe.name} should not show {r.phase} {r.hkl} at {r.d_A} Å.")
    return ", ".join(heights)


def main(only: Sequence[str]) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    index_file = TARGET / "index.json"
    index = json.loads(index_file.read_text(encoding="utf-8")) if index_file.exists() else {}
    film = carbon()
    for recipe in recipes():
        if only and recipe.name not in only:
            continue
        start = time.perf_counter()
        specimen = recipe.build()
        wave = recipe.wave() if recipe.wave else exit_wave(specimen, film)
        np.savez_compressed(TARGET / f"{recipe.name}.npz", **pack_wave(wave))
        index[recipe.name] = {
            "description": recipe.description,
            "extent_A": FIELD,
            "voltage_kV": VOLTAGE,
            "focus_nm": recipe.focus,
            "reflections": [vars(r) for r in reflections_of(specimen, recipe.promised)],
        }
        index = {r.name: index[r.name] for r in recipes() if r.name in index}
        index_file.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        found = check(recipe, specimen)
        print(f"{recipe.name} ({time.perf_counter() - start:.0f} s): {found}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
