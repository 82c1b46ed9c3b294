"""Movies of columns of atoms on an amorphous film, by NumPy that knows nothing of the package.

Crystals are columns of atoms at the sites of real structures, inside shapes with edges. What the
microscope shows of them is linear: columns and film through one contrast-transfer function with
its envelopes, at a focus, with a blur, a drift and a smear that may be others in each frame. Atoms
that have left their lattice stay near it as blobs, so a halo grows as spots fade. Lengths are Å,
positions (y, x) from the middle of the field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import fft

Floats = Any
Rng = np.random.Generator
Inside = Callable[[Floats], Floats]
"""Whether points are in a shape."""

WAVELENGTH = 0.02508
"""Å, at 200 kV."""

FOCAL_SPREAD = 25.0
CONVERGENCE = 0.4e-3
AMPLITUDE_CONTRAST = 0.1
ATOM = 0.35
"""Root mean square width of a column, with what it vibrates."""

SPLAT, HALF = 1.2, 4
"""Width and reach of the blob that stands for a column on the fine grid, in its pixels."""

PAD = 32
"""Pixels around the field, for nothing may come in from the other side."""


@dataclass(frozen=True)
class Cell:
    """A structure seen along a zone axis: the sides of a right-angled cell, and its columns."""

    height: float
    width: float
    sites: tuple[tuple[float, float, float], ...]
    """y and x in parts of the cell, and strength."""


def rock_salt(a: float, cation: float, anion: float) -> Cell:
    """Along [011]."""
    return Cell(a, a / np.sqrt(2), (
        (0, 0, anion), (0.5, 0.5, anion), (0.5, 0, cation), (0, 0.5, cation)))  # fmt: skip


def antifluorite(a: float, cation: float, anion: float) -> Cell:
    """Along [011]."""
    between = tuple((y, x, cation) for y in (0.25, 0.75) for x in (0, 0.5))
    return Cell(a, a / np.sqrt(2), ((0, 0, anion), (0.5, 0.5, anion), *between))


def square(a: float) -> Cell:
    """Cubic face-centred or rock salt along [001]: all columns are alike."""
    return Cell(a / 2, a / 2, ((0, 0, 1.0),))


CELLS = {
    "LiF": rock_salt(4.026, 3, 9),
    "LiF001": square(4.026),
    "NaF": rock_salt(4.634, 11, 9),
    "Li2O": antifluorite(4.61, 3, 8),
    "Na2O": antifluorite(5.55, 11, 8),
    "Cu": Cell(3.615, 2.556, ((0, 0, 1), (0.5, 0.5, 1))),
    "Au": Cell(4.078, 2.884, ((0, 0, 1), (0.5, 0.5, 1))),
    "MoS2": Cell(5.473, 3.16, ((0, 0, 42), (0.5, 0.5, 42), (1 / 3, 0, 32), (5 / 6, 0.5, 32))),
    "LiCoO2": Cell(14.05, 2.44, tuple(
        (z + dz, x + dx, w)
        for z, x in ((0, 0), (1 / 3, 2 / 3), (2 / 3, 1 / 3))
        for dz, dx, w in ((0, 0, 27), (0.0726, 1 / 3, 8), (-0.0726, -1 / 3, 8), (1 / 6, 1 / 3, 3))
    )),
    "ice": Cell(7.82, 4.52, ((0, 0, 1), (0.5, 0.5, 1), (1 / 3, 0, 1), (5 / 6, 0.5, 1))),
}  # fmt: skip


def harmonics(cell: Cell, highest: float) -> tuple[Floats, Floats]:
    """Reflections up to a spatial frequency, as |g| and amplitude over the cell's area."""
    h, k = np.mgrid[-15:16, -8:9]
    g = np.hypot(h / cell.height, k / cell.width)
    structure = sum(w * np.exp(2j * np.pi * (h * y + k * x)) for y, x, w in cell.sites)
    seen = (g > 0) & (g < highest)
    return g[seen], np.abs(structure)[seen] / (cell.height * cell.width)


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of atoms; one and the same object looks the same in all frames."""

    at: Floats
    strength: Floats

    def moved(self, by: Floats) -> Columns:
        return Columns(self.at + by, self.strength)

    def turned(self, degrees: float, about: Floats, scale: float = 1.0) -> Columns:
        """Turned, and swollen."""
        turn = scale * rotation(degrees)
        return Columns((self.at - about) @ turn.T + about, self.strength)

    def only(self, kept: Floats) -> Columns:
        return Columns(self.at[kept], self.strength[kept])

    def disordered(self, rng: Rng, by: float = 1.2) -> Columns:
        """The same atoms, off their sites."""
        at = np.repeat(self.at, 2, axis=0)
        return Columns(at + by * rng.standard_normal(at.shape), np.repeat(self.strength, 2) / 2)


def together(parts: Sequence[Columns]) -> Columns:
    return Columns(
        np.concatenate([each.at for each in parts]),
        np.concatenate([each.strength for each in parts]),
    )


def rotation(degrees: float) -> Floats:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s], [s, c]])


def crystal(cell: Cell, angle: float, inside: Inside, reach: float, rng: Rng) -> Columns:
    """The columns of a lattice inside a shape, which lies within a reach of the middle."""
    n_y, n_x = (int(np.ceil(1.5 * reach / side)) for side in (cell.height, cell.width))
    i, j = np.mgrid[-n_y : n_y + 1, -n_x : n_x + 1]
    origin = rng.uniform(size=2)
    sites = [
        (np.stack([i + y + origin[0], j + x + origin[1]], axis=-1).reshape(-1, 2), w)
        for y, x, w in cell.sites
    ]
    at = np.concatenate([p for p, _ in sites]) * (cell.height, cell.width) @ rotation(angle).T
    strength = np.concatenate([np.full(len(p), float(w)) for p, w in sites])
    kept = inside(at)
    return Columns(at[kept], strength[kept])


@dataclass(frozen=True)
class Part:
    """Columns, how much of them is there in a frame, and where they have gone."""

    columns: Columns
    factor: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class View:
    """What the microscope does in a frame."""

    defocus: float = 0.0
    """Å, beside that at first."""
    astigmatism: float = 0.0
    """Å, along x."""
    blur: tuple[float, float] = (0.0, 0.0)
    """Root mean square along y and x."""
    shift: tuple[float, float] = (0.0, 0.0)
    smear: tuple[float, float] = (0.0, 0.0)
    """Way within the frame."""
    film: float = 1.0
    magnified: float = 1.0
    turned: float = 0.0
    beam: Any = 1.0
    """Counts over their mean: a number or a picture."""
    contrast: Any = 1.0
    """That of everything: a number or a picture."""
    lattice: Any = 1.0
    """That of the columns alone: a number or a picture."""
    added: Any = 0.0
    """What comes on top of the contrast."""


@dataclass
class Microscope:
    """Transfer and camera of one movie.

    Parameters
    ----------
    size : int
        Pixels a side.
    pixel : float
    focus : float
        Å.
    rng : numpy.random.Generator
    granularity : float
        Standard deviation of the film's contrast.
    """

    size: int
    pixel: float
    focus: float
    rng: Rng
    granularity: float = 0.05
    film: Floats = field(init=False)
    shape: Floats | None = field(init=False, default=None)
    known: dict[int, tuple[Columns, Floats]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        side = self.side
        self.ky = fft.fftfreq(side, self.pixel)[:, None].astype(np.float32)
        self.kx = fft.rfftfreq(side, self.pixel)[None].astype(np.float32)
        self.film = self.new_film()

    @property
    def side(self) -> int:
        return self.size + 2 * PAD

    def new_film(self, margin: int = 0) -> Floats:
        """Scatterers at random; a margin is for specimens that go far."""
        return self.rng.standard_normal((self.side + 2 * margin,) * 2).astype(np.float32)

    def grid(self) -> tuple[Floats, Floats]:
        """Positions of the field's pixels."""
        line = (np.arange(self.size, dtype=np.float32) - (self.size - 1) / 2) * self.pixel
        return line[:, None], line[None]

    def transfer(self, view: View = View(), k: Floats | None = None) -> Floats:
        """Contrast for a scattered amplitude of one, at |k| or on the whole grid."""
        if k is None:
            k2 = self.ky**2 + self.kx**2
            focus = self.focus + view.defocus
            if view.astigmatism:
                focus = focus + view.astigmatism * (self.kx**2 - self.ky**2) / np.maximum(k2, 1e-9)
        else:
            k2, focus = k**2, self.focus + view.defocus
        phase = np.pi * WAVELENGTH * focus * k2 + AMPLITUDE_CONTRAST
        envelope = np.exp(-0.5 * (np.pi * WAVELENGTH * FOCAL_SPREAD * k2) ** 2)
        envelope = envelope * np.exp(
            -((np.pi * CONVERGENCE * focus) ** 2 + 0.3 * (2 * self.pixel) ** 2) * k2
        )
        return 2 * np.sin(phase) * envelope

    def strength(self, cell: Cell, contrast: float) -> float:
        """What columns are multiplied by, that the strongest fringes have a contrast."""
        g, amplitude = harmonics(cell, 0.47 / self.pixel)
        atom = np.exp(-2 * (np.pi * ATOM * g) ** 2)
        return float(contrast / np.max(2 * amplitude * atom * np.abs(self.transfer(k=g))))

    def transform(self, columns: Columns) -> Floats:
        """Fourier transform of columns, as of pictures with so much in each pixel."""
        if id(columns) in self.known:
            return self.known[id(columns)][1]
        side = 2 * self.side
        fine = self.pixel / 2
        at = columns.at / fine + (side - 1) / 2
        near = np.all((at > HALF) & (at < side - HALF - 1), axis=1)
        at, strength = at[near], columns.strength[near]
        whole = np.rint(at).astype(np.int64)
        reach = np.arange(-HALF, HALF + 1)
        blobs = np.exp(-0.5 * ((whole - at)[:, :, None] + reach) ** 2 / SPLAT**2)
        blobs /= np.sqrt(2 * np.pi) * SPLAT
        weight = strength[:, None, None] * blobs[:, 0, :, None] * blobs[:, 1, None, :]
        index = (whole[:, 0, None, None] + reach[:, None]) * side + whole[:, 1, None, None] + reach
        laid = np.bincount(index.ravel(), weight.ravel(), side**2).reshape(side, side)
        spectrum = fft.rfft2(laid.astype(np.float32))
        half = self.side // 2
        spectrum = np.concatenate([spectrum[:half, : half + 1], spectrum[-half:, : half + 1]])
        k2 = self.ky**2 + self.kx**2
        spectrum *= np.exp(2 * np.pi**2 * ((SPLAT * fine) ** 2 - ATOM**2) * k2)
        # The fine grid's middle lies a quarter of a pixel off that of the coarse one.
        spectrum *= self.ramp((-fine / 2, -fine / 2)) / self.pixel**2
        self.known[id(columns)] = columns, spectrum
        return spectrum

    def forget(self, kept: Sequence[Columns]) -> None:
        """Keep no transform but those of these."""
        ids = {id(each) for each in kept}
        self.known = {key: value for key, value in self.known.items() if key in ids}

    def ramp(self, shift: Sequence[float]) -> Floats:
        y, x = (
            np.exp(-2j * np.pi * k * each).astype(np.complex64)
            for k, each in zip((self.ky, self.kx), shift, strict=True)
        )
        return y * x

    def scattered_by_film(self, film: Floats, shift: Sequence[float]) -> Floats:
        """Spectrum of a film that was moved."""
        margin = (film.shape[0] - self.side) // 2
        whole = np.clip(np.rint(np.asarray(shift) / self.pixel).astype(int), -margin, margin)
        y, x = margin - whole
        here = film[y : y + self.side, x : x + self.side]
        rest = np.asarray(shift) - whole * self.pixel
        return fft.rfft2(here) * self.film_shape() * self.ramp(rest)

    def film_shape(self) -> Floats:
        """Scattering of the film, such that it has its granularity at the focus of the movie."""
        if self.shape is None:
            shape = np.exp(-2 * (np.pi * 0.45) ** 2 * (self.ky**2 + self.kx**2))
            noise = np.sqrt(np.mean((shape * self.transfer()) ** 2))
            self.shape = (shape * (self.granularity / noise)).astype(np.float32)
        return self.shape

    def picture(self, spectrum: Floats) -> Floats:
        found = fft.irfft2(spectrum, (self.side, self.side))
        return found[PAD : PAD + self.size, PAD : PAD + self.size]

    def contrast(
        self, parts: Sequence[Part], view: View, film: Floats | None = None,
        film_shift: Sequence[float] | None = None,
    ) -> tuple[Floats, Floats]:  # fmt: skip
        """What columns and what the film show in a frame."""
        transfer = self.transfer(view)
        if any(view.blur):
            transfer = transfer * np.exp(
                -2 * np.pi**2 * ((self.ky * view.blur[0]) ** 2 + (self.kx * view.blur[1]) ** 2)
            )
        transfer = transfer * np.sinc(self.ky * view.smear[0] + self.kx * view.smear[1])
        lattice: Any = np.zeros_like(transfer, np.complex64)
        for part in parts:
            if part.factor:
                one = self.transform(part.columns) * np.float32(part.factor)
                lattice = lattice + (one * self.ramp(part.shift) if any(part.shift) else one)
        film_shift = view.shift if film_shift is None else film_shift
        ground = self.scattered_by_film(self.film if film is None else film, film_shift)
        return (
            self.picture(lattice * self.ramp(view.shift) * transfer),
            view.film * self.picture(ground * transfer),
        )


def left(frames: int, frame_dose: float, onset: float, tau: float, beta: float = 1.0) -> Floats:
    """Amplitude that is left in each frame; tau is the 1/e dose of the power."""
    ends = (np.arange(frames)[:, None] + (np.arange(8) + 0.5) / 8) * frame_dose
    return np.exp(-0.5 * (np.maximum(ends - onset, 0) / tau) ** beta).mean(axis=1)


def disc(centre: Floats, radius: float, rough: Floats | None = None) -> Inside:
    """A round shape, with facets where it is rough: amplitudes of its harmonics."""
    rough = np.zeros(1) if rough is None else rough

    def inside(at: Floats) -> Floats:
        y, x = (at - centre).T
        angle = np.arctan2(y, x)
        edge = sum(a * np.cos((n + 2) * angle + 7 * n) for n, a in enumerate(rough))
        return np.hypot(y, x) < radius * (1 + edge)

    return inside


def everywhere(at: Floats) -> Floats:
    return np.ones(len(at), bool)


def cells_of(centres: Floats) -> list[Inside]:
    """The pieces of the plane that are nearest to each centre."""

    def piece(index: int) -> Inside:
        def inside(at: Floats) -> Floats:
            away = ((at[:, None] - centres) ** 2).sum(axis=-1)
            return away.argmin(axis=1) == index

        return inside

    return [piece(i) for i in range(len(centres))]
