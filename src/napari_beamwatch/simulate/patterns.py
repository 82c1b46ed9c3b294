"""Diffraction patterns to film: powder rings and halos about a direct beam, and disturbances.

A pattern is told in electrons: the shares that rings, halos and the inelastic background have of
all, the rest being the direct beam. Rings are Gaussians along the radius as wide as the beam and
the size of the grains make them [1]_; single grains are spots on them.

References
----------
.. [1] P. Scherrer, Nachr. Ges. Wiss. Göttingen (1918) 98: full width 0.9 / size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.simulate.laws import Floats, Law, Steady
from napari_beamwatch.simulate.pictures import Image
from napari_beamwatch.simulate.powders import POWDERS
from napari_beamwatch.simulate.scene import Drift, Event, Verdict

SCHERRER = 0.9
FWHM = 2 * math.sqrt(2 * math.log(2))
ARM = 4.0
"""Pixels: half width of the arm that holds a beam stop."""
SHADOW = 0.01
"""Part of the electrons that passes a beam stop or an aperture."""
SPOT_REACH = 4
"""Standard deviations of a grain's spot that are drawn."""
PROFILE_STEP = 0.1
"""Pixels of the radius between values of the profile."""
CYCLES = (2.0, 6.0)
"""Times that a grain rocks in the record, from and to."""
MEASURED = 5
"""Frames of which it is worked out what part of the electrons falls on the detector."""


@dataclass(frozen=True)
class Powder:
    """Nanocrystals of one phase, in all directions.

    Parameters
    ----------
    phase : str
        One of `powders.POWDERS`.
    share : float
        Part of all electrons that its rings hold where `amount` is 1.
    amount : Law
        How much of it there is.
    grain_nm : float
        Their size.
    grains : int, optional
        Spots of which each of its rings is made; without it rings are even.
    rocking : float
        By what factor spots of grains rise and fall, in logarithms.
    d_factor : float
        Its spacings over those of the table.
    strengths : tuple of float
        What each of its rings holds over what the table says, as texture has it; 1 where none is
        given.
    """

    phase: str
    share: float
    amount: Law = Steady(1.0)
    grain_nm: float = 10.0
    grains: int | None = None
    rocking: float = 0.0
    d_factor: float = 1.0
    strengths: tuple[float, ...] = ()

    @property
    def rings(self) -> list[tuple[str, float, float]]:
        """Indices, spacing in Å and share of all electrons of each ring."""
        table = POWDERS[self.phase]
        factors = self.strengths or (1.0,) * len(table)
        held = [strength * own for (_, _, strength), own in zip(table, factors, strict=True)]
        return [
            (hkl, d * self.d_factor, self.share * own / sum(held))
            for (hkl, d, _), own in zip(table, held, strict=True)
        ]


@dataclass(frozen=True)
class Halo:
    """A diffuse ring of amorphous matter: its spacing, full width over radius, share and amount."""

    d_A: float  # noqa: N815 - units are part of public names
    share: float
    width: float = 0.3
    amount: Law = Steady(1.0)


@dataclass(frozen=True)
class PatternScene:
    """What a movie of diffraction patterns shows, and how.

    Parameters
    ----------
    name, description : str
    powders : tuple of Powder
    halos : tuple of Halo
    camera_constant : float
        Å·px.
    electrons : float
        Electrons of a pattern for each e/Å² that the specimen takes: the area in Å² that is seen.
    inelastic : Law
        Share of the background that falls with the angle.
    falls_px : float
        Radius within which it is flat; the power −3 of the radius beyond.
    beam_px : float
        Standard deviation of the direct beam, and of everything that is sharp.
    drift : Drift
        Of the centre, in pixels.
    ellipse, ellipse_deg : float
        Longest over shortest diameter of a ring, less 1, and the direction of the longest.
    stop_px, aperture_px : float, optional
        Radius of a beam stop, on an arm from the left, and of an aperture that cuts the pattern.
    ceiling : float, optional
        Counts that a pixel of a frame holds at most.
    flux : Law
    flicker : float
        Relative standard deviation of the flux from frame to frame.
    events : tuple of Event
    verdict : Verdict, optional
    temperature : float
        °C.
    """

    name: str
    description: str
    powders: tuple[Powder, ...]
    halos: tuple[Halo, ...] = ()
    camera_constant: float = 200.0
    electrons: float = 1e5
    inelastic: Law = Steady(0.35)
    falls_px: float = 18.0
    beam_px: float = 1.3
    drift: Drift = Drift()
    ellipse: float = 0.0
    ellipse_deg: float = 25.0
    stop_px: float | None = None
    aperture_px: float | None = None
    ceiling: float | None = None
    flux: Law = Steady(1.0)
    flicker: float = 0.0
    events: tuple[Event, ...] = ()
    verdict: Verdict | None = None
    temperature: float = 20.0


@dataclass(frozen=True, eq=False)
class PatternComposer:
    """Expected frames of one movie of patterns.

    Parameters
    ----------
    scene : PatternScene
    size : (rows, columns)
    start, end : array of float
        Dose (e/Å²) at the start and the end of each frame.
    electrons : array of float
        Of each frame.
    seed : int
        Of where grains lie and how they rock.
    """

    scene: PatternScene
    size: tuple[int, int]
    start: Floats
    end: Floats
    electrons: Floats
    seed: int

    illumination: None = None

    @cached_property
    def drift_px(self) -> Floats:
        """(frames, 2) place of the centre in each frame relative to that at dose 0."""
        return self.scene.drift.at((self.start + self.end) / 2)

    @cached_property
    def brightest(self) -> float:
        """Most that a pixel holds of a frame's electrons."""
        most = max(1, int(np.argmax(self.electrons)))
        return 1.2 * max(float(self.frame(i).max()) for i in {0, most - 1, len(self.start) - 1})

    @cached_property
    def mean_transmission(self) -> Floats:
        """Mean of each frame's pixels over its electrons."""
        some = np.unique(np.linspace(0, len(self.start) - 1, MEASURED).round().astype(int))
        means = [float(self.frame(i).mean(dtype=np.float64)) for i in some.tolist()]
        return np.interp(np.arange(len(self.start)), some, means)

    def frame(self, frame: int, border: int = 0) -> Image:
        """Part of a frame's electrons that each pixel holds, `border` pixels larger each side."""
        scene = self.scene
        y, x = self._away(frame, border)
        r = np.hypot(y, x)
        turn = 2 * math.radians(scene.ellipse_deg)
        # cos 2(θ − φ), θ counter-clockwise as displayed; y goes down.
        long = ((x**2 - y**2) * math.cos(turn) - 2 * x * y * math.sin(turn)) / np.maximum(r, 1) ** 2
        stretch = 1 + scene.ellipse / (2 + scene.ellipse) * long
        radius, profile = self._profile(frame)
        image = np.interp(r / stretch, radius, profile)
        for number, powder in enumerate(scene.powders):
            if powder.grains is not None:
                self._add_grains(image, (y[0, 0], x[0, 0]), frame, number, powder)
        image = image * self._passes(border)
        if scene.ceiling is not None:
            image = np.minimum(image, scene.ceiling / self.electrons[frame])
        return np.asarray(image, np.float32)

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of the pattern at dose 0: beside that of the detector, as centres are."""
        return self.size[0] / 2 - 2.3, self.size[1] / 2 + 1.6

    def _away(self, frame: int, border: int) -> tuple[Floats, Floats]:
        """Pixels from the centre, down and right."""
        rows, columns = (np.arange(-border, n + border, dtype=np.float64) for n in self.size)
        dy, dx = self.drift_px[frame]
        y, x = np.meshgrid(rows - self.middle[0] - dy, columns - self.middle[1] - dx, indexing="ij")
        return y, x

    def _profile(self, frame: int) -> tuple[Floats, Floats]:
        """Electrons per pixel by the radius in pixels, of all that is even around the centre."""
        scene, constant = self.scene, self.scene.camera_constant
        start, end = self.start[frame], self.end[frame]
        radius = np.arange(0, math.hypot(*self.size), PROFILE_STEP)
        inelastic = scene.inelastic.mean(start, end)
        flat = scene.falls_px
        density = inelastic / (2 * math.pi * flat**2) * (1 + (radius / flat) ** 2) ** -1.5
        rest = 1.0 - inelastic
        lines = [
            (constant / halo.d_A, halo.width * constant / halo.d_A / FWHM,
             halo.share * halo.amount.mean(start, end))
            for halo in scene.halos
        ]  # fmt: skip
        for powder in scene.powders:
            amount = powder.amount.mean(start, end)
            rest -= powder.share * amount
            if powder.grains is None:
                sigma = self._sigma(powder)
                lines += [(constant / d, sigma, share * amount) for _, d, share in powder.rings]
        rest -= sum(halo.share * halo.amount.mean(start, end) for halo in scene.halos)
        for middle, sigma, share in lines:
            shape = np.exp(-(((radius - middle) / sigma) ** 2) / 2)
            density += share / (2 * math.pi * middle * math.sqrt(2 * math.pi) * sigma) * shape
        square = scene.beam_px**2
        density += max(rest, 0.0) / (2 * math.pi * square) * np.exp(-(radius**2) / (2 * square))
        return radius, density

    def _sigma(self, powder: Powder) -> float:
        """Standard deviation of its rings along the radius, in pixels."""
        size = SCHERRER * self.scene.camera_constant / (10 * powder.grain_nm) / FWHM
        return math.hypot(self.scene.beam_px, size)

    def _add_grains(
        self, image: Floats, corner: tuple[float, float], frame: int, number: int, powder: Powder
    ) -> None:
        """Add the spots of single grains; `corner` is the first pixel's place from the centre."""
        assert powder.grains is not None
        rng = np.random.default_rng([self.seed, 31, number])
        start, end = self.start[frame], self.end[frame]
        amount = powder.amount.mean(start, end)
        turns = (start + end) / 2 / max(float(self.end[-1]), 1e-9)
        sigma = self._sigma(powder)
        reach = math.ceil(SPOT_REACH * sigma)
        for _, d, share in powder.rings:
            angle = rng.uniform(0, 2 * math.pi, powder.grains)
            weight = rng.exponential(size=powder.grains)
            cycles, phase = rng.uniform(*CYCLES, powder.grains), rng.uniform(size=powder.grains)
            rocked = np.exp(powder.rocking * np.sin(2 * math.pi * (cycles * turns + phase)))
            held = share * amount * weight / weight.sum() * rocked / np.i0(powder.rocking)
            away = self.scene.camera_constant / d
            y = -away * np.sin(angle) - corner[0]
            x = away * np.cos(angle) - corner[1]
            _add_spots(image, np.stack([y, x, held], axis=1), sigma, reach)

    def _passes(self, border: int) -> Image | float:
        """Part of the electrons that passes beam stop and aperture, which stand still."""
        scene = self.scene
        if scene.stop_px is None and scene.aperture_px is None:
            return 1.0
        rows, columns = (np.arange(-border, n + border, dtype=np.float64) for n in self.size)
        y, x = rows[:, None] - self.middle[0], columns[None, :] - self.middle[1]
        r = np.hypot(y, x)
        hidden: NDArray[np.bool_] = np.zeros(r.shape, bool)
        if scene.stop_px is not None:
            hidden |= (r < scene.stop_px) | ((np.abs(y) < ARM) & (x < 0))
        if scene.aperture_px is not None:
            hidden |= r > scene.aperture_px
        return np.where(hidden, np.float32(SHADOW), np.float32(1.0))


def _add_spots(image: Floats, spots: Floats, sigma: float, reach: int) -> None:
    """Add Gaussian spots of (y, x, electrons)."""
    step = np.arange(-reach, reach + 1)
    for y, x, held in spots.tolist():
        rows, columns = round(y) + step, round(x) + step
        rows = rows[(rows >= 0) & (rows < image.shape[0])]
        columns = columns[(columns >= 0) & (columns < image.shape[1])]
        if len(rows) and len(columns):
            down, across = (
                np.exp(-(((part - middle) / sigma) ** 2) / 2)
                for part, middle in ((rows, y), (columns, x))
            )
            spot = held / (2 * math.pi * sigma**2) * down[:, None] * across[None, :]
            image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += spot
