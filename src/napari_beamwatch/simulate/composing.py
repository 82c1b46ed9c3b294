"""From a scene to the electrons expected in each pixel of a frame.

The specimen is composed of kept pictures (`pictures`) in its own plane, on a canvas with a
margin; the part that has drifted into view is cut out to the pixel, and the rest of the
movement, its smear during the exposure, the blur and the detector's MTF are one
multiplication in Fourier space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_beamwatch.simulate.laws import Floats, sub_doses
from napari_beamwatch.simulate.pictures import (
    KEPT,
    Box,
    Image,
    in_focus,
    laid,
    shade_of,
    throws_shade,
)
from napari_beamwatch.simulate.scene import Film, Patch, Picture, Scene
from napari_beamwatch.simulate.shapes import FAR
from napari_beamwatch.simulate.shapes import Floats as Places

PAD = 16
"""Pixels around a frame that keep its borders clear of the Fourier filter's wrapping."""

FOCUS_STEP = 0.5
"""nm between focal settings that are mixed."""

MOVES = 8
"""Points at which the movement during a frame is sampled."""

LEVELS = 17
"""Illuminations for which the history of a patch is worked out under an uneven beam."""

Shares = list[tuple[Picture, "np.float32 | Image"]]
"""Pictures and how much of each, the same everywhere or by pixel."""

COARSE = 96
"""Places a side at which the mean of a frame is worked out."""


@dataclass(frozen=True, eq=False)
class Composer:
    """Expected frames of one movie.

    Parameters
    ----------
    scene : Scene
    pixel_size : float
        Å, as `pictures.realised`.
    size : (rows, columns)
    start, end : array of float
        Dose (e/Å²) at the start and the end of each frame.
    mtf_nyquist : float
        Modulation transfer at the Nyquist frequency; a Gaussian below it.
    """

    scene: Scene
    pixel_size: float
    size: tuple[int, int]
    start: Floats
    end: Floats
    mtf_nyquist: float = 1.0

    @cached_property
    def drift_px(self) -> Floats:
        """(frames, 2) mean position of the specimen in each frame in pixels, down and right."""
        moved = [self._moves(frame).mean(axis=0) for frame in range(len(self.start))]
        return np.array(moved).reshape(-1, 2)

    @cached_property
    def _reach(self) -> tuple[int, int]:
        """Pixels by which the canvas goes beyond the view, rows and columns."""
        furthest = np.abs(self.drift_px).max(axis=0, initial=0)
        return math.ceil(furthest[0]) + 1, math.ceil(furthest[1]) + 1

    @cached_property
    def _view(self) -> tuple[int, int]:
        rows, columns = (fft.next_fast_len(n + 2 * PAD, real=True) for n in self.size)
        return rows, columns

    @cached_property
    def canvas(self) -> Box:
        """Pixels of the specimen's plane that come into view."""
        (rows, columns), (dy, dx) = self._view, self._reach
        return -PAD - dy, rows - PAD + dy, -PAD - dx, columns - PAD + dx

    @cached_property
    def illumination(self) -> Image | None:
        """Beam in each pixel relative to the field's mean; None if it is flat."""
        return self._profile(*self.size)

    @property
    def brightest(self) -> float:
        """Most that a pixel of a frame holds, relative to the beam: fringes at most double it."""
        return 2.0 * (1.0 if self.illumination is None else float(self.illumination.max()))

    @cached_property
    def mean_transmission(self) -> Floats:
        """Mean of each frame relative to a field without specimen under the same beam."""
        return np.array([self._coarse_mean(frame) for frame in range(len(self.start))])

    def illumination_at(self, y: float, x: float) -> float:
        """Beam at a pixel relative to the field's mean."""
        if self.illumination is None:
            return 1.0
        rows, columns = self.size
        row, column = (min(max(int(at), 0), n - 1) for at, n in ((y, rows), (x, columns)))
        return float(self.illumination[row, column])

    def frame(self, frame: int, border: int = 0) -> Image:
        """Picture of a frame with mean about 1, `border` (up to 8) pixels larger on each side."""
        moves = self._moves(frame)
        middle = np.rint(moves.mean(axis=0)).astype(int)
        specimen = self._specimen(frame)
        (rows, columns), (dy, dx) = self._view, self._reach
        # What moved down by one pixel is seen one row further up on the canvas.
        top, left = dy - middle[0], dx - middle[1]
        seen = specimen[top : top + rows, left : left + columns]
        spectrum = fft.rfft2(seen)
        spectrum *= self._transfer(moves - middle, frame)
        image = fft.irfft2(spectrum, s=seen.shape, overwrite_x=True)
        first, height, width = PAD - border, *self.size
        image = image[first : first + height + 2 * border, first : first + width + 2 * border]
        if self.illumination is not None:
            image = image * np.pad(self.illumination, border, mode="edge")
        passed = self.scene.transmission.mean(self.start[frame], self.end[frame])
        return np.asarray(image * np.float32(passed), np.float32)

    def _moves(self, frame: int) -> Floats:
        """Positions (down, right) in pixels during a frame."""
        dose = sub_doses(self.start[frame], self.end[frame], MOVES)
        moves: Floats = self.scene.drift.at(dose) / self.pixel_size
        return moves

    def _transfer(self, moves: Floats, frame: int) -> NDArray[np.complex64]:
        """Mean shift, blur and MTF; all but the mean are products of rows and columns."""
        rows, columns = self._view
        ky, kx = fft.fftfreq(rows), fft.rfftfreq(columns)
        blur = self.scene.blur.mean(self.start[frame], self.end[frame]) / self.pixel_size
        damping = 2 * (math.pi * blur) ** 2 - math.log(self.mtf_nyquist) * 4
        along_y = np.exp(-2j * np.pi * np.outer(ky, moves[:, 0]) - damping * ky[:, None] ** 2)
        along_x = np.exp(-2j * np.pi * np.outer(moves[:, 1], kx) - damping * kx**2)
        transfer: NDArray[np.complex64] = along_y.astype(np.complex64) @ (
            along_x / len(moves)
        ).astype(np.complex64)
        return transfer

    def _specimen(self, frame: int) -> Image:
        """The canvas of a frame before it moves."""
        start, end = self.start[frame], self.end[frame]
        settings = _focal_mix(self.scene.focus.mean(start, end))
        canvas = self._background(settings)
        for number, patch in enumerate(self.scene.patches):
            box = self._boxes[number]
            y0, y1, x0, x1 = (
                box[0] - self.canvas[0],
                box[1] - self.canvas[0],
                box[2] - self.canvas[2],
                box[3] - self.canvas[2],
            )
            if y1 <= y0 or x1 <= x0:
                continue
            shown = self._patch(patch, box, start, end, settings)
            mask = self._mask(patch, box)
            if mask is None:
                canvas[y0:y1, x0:x1] = shown
            else:
                under = canvas[y0:y1, x0:x1]
                shown -= under
                shown *= mask
                under += shown
        for film in self.scene.films:
            self._lay_film(canvas, film, start, end, settings)
        contrast = self.scene.contrast.mean(start, end)
        if contrast != 1:
            mean = canvas.mean()
            canvas = mean + np.float32(contrast) * (canvas - mean)
        return canvas

    def _background(self, settings: list[tuple[float, float]]) -> Image:
        if any(patch.where.covers_all for patch in self.scene.patches):
            return np.empty(
                (self.canvas[1] - self.canvas[0], self.canvas[3] - self.canvas[2]), np.float32
            )
        shares: Shares = [(self.scene.background, np.float32(1))]
        return self._mixed(shares, self._middle, 0.0, self.canvas, settings)

    @property
    def _middle(self) -> tuple[float, float]:
        rows, columns = self.size
        return rows * self.pixel_size / 2, columns * self.pixel_size / 2

    def _patch(
        self,
        patch: Patch,
        box: Box,
        start: float,
        end: float,
        settings: list[tuple[float, float]],
    ) -> Image:
        centre = patch.centre or self._middle
        shares: Shares = []
        if self.illumination is None:
            found = patch.shares(start, end)
            shares = [(p, np.float32(share)) for p, share in found.items() if share > 0]
        else:
            local = self._local_illumination(box)
            levels = np.linspace(local.min(), local.max(), LEVELS)
            at_levels = [patch.shares(start, end, level) for level in levels]
            for picture in patch.pictures:
                values = [found[picture] for found in at_levels]
                if max(values) > 0:
                    shares.append((picture, np.interp(local, levels, values).astype(np.float32)))
        return self._mixed(shares, centre, patch.turn, box, settings)

    def _mixed(
        self,
        shares: Shares,
        centre: tuple[float, float],
        turn: float,
        box: Box,
        settings: list[tuple[float, float]],
    ) -> Image:
        total = np.zeros((box[1] - box[0], box[3] - box[2]), np.float32)
        for picture, share in shares:
            for focus, part in settings:
                optics = in_focus(self.scene.optics, focus)
                image = laid(picture, optics, self.pixel_size, centre, turn, box)
                total += image * (share * np.float32(part))
        return total

    @cached_property
    def _boxes(self) -> list[Box]:
        """The part of the canvas that each patch lies in."""
        return [self._box(patch) for patch in self.scene.patches]

    def _box(self, patch: Patch) -> Box:
        y0, y1, x0, x1 = self.canvas
        if patch.where.covers_all:
            return self.canvas
        # Looked for on every fourth pixel, and a little wider.
        step = 4
        y = np.arange(y0, y1 + step, step) * self.pixel_size
        x = np.arange(x0, x1 + step, step) * self.pixel_size
        near = patch.where.depth(y[:, None], x[None, :]) > -patch.soft - step * self.pixel_size
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if not len(rows):
            return y0, y0, x0, x0
        return (
            max(y0, y0 + step * (int(rows[0]) - 1)),
            min(y1, y0 + step * (int(rows[-1]) + 2)),
            max(x0, x0 + step * (int(columns[0]) - 1)),
            min(x1, x0 + step * (int(columns[-1]) + 2)),
        )

    def _mask(self, patch: Patch, box: Box) -> Image | None:
        if patch.where.covers_all:
            return None
        key = (patch.where, patch.soft, self.pixel_size, box)
        return KEPT.get(key, lambda: patch.where.mask(*self._places(box), patch.soft))

    def _places(self, box: Box) -> tuple[Places, Places]:
        y0, y1, x0, x1 = box
        y, x = np.arange(y0, y1) * self.pixel_size, np.arange(x0, x1) * self.pixel_size
        return y[:, None], x[None, :]

    def _lay_film(
        self,
        canvas: Image,
        film: Film,
        start: float,
        end: float,
        settings: list[tuple[float, float]],
    ) -> None:
        amount = film.amount.mean(start, end)
        if amount <= 0:
            return
        # A film of its own: turned, so that its texture is not that of the support.
        texture = self._mixed(
            [(Picture("carbon", 90.0), np.float32(1))], self._middle, 0.0, self.canvas, settings
        )
        factor = (1 - film.darkness * amount) * (
            1 + np.float32(film.texture * math.sqrt(amount)) * (texture - 1)
        )
        if film.where.covers_all:
            canvas *= factor
            return
        spread = film.spread.mean(start, end)
        key = (film.where, self.pixel_size, self.canvas)
        depth = KEPT.get(
            key, lambda: film.where.depth(*self._places(self.canvas)).astype(np.float32)
        )
        canvas *= 1 + (0.5 + (depth + spread) / 4).clip(0, 1) * (factor - 1)

    def _profile(self, rows: int, columns: int) -> Image | None:
        if self.scene.beam is None:
            return None
        y = ((np.arange(rows) + 0.5) / rows - 0.5)[:, None]
        x = ((np.arange(columns) + 0.5) / columns - 0.5)[None, :]
        profile = self.scene.beam.profile(y, x)
        flat: Image = (profile / profile.mean()).astype(np.float32)
        return flat

    def _local_illumination(self, box: Box) -> Image:
        """Beam over a box of the specimen, where it lay at first."""
        assert self.illumination is not None
        rows, columns = self.size
        y = np.arange(box[0], box[1]).clip(0, rows - 1)
        x = np.arange(box[2], box[3]).clip(0, columns - 1)
        local: Image = self.illumination[np.ix_(y, x)]
        return local

    def _coarse_mean(self, frame: int) -> float:
        """Mean of a frame from what throws shades: bodies, films and the whole field."""
        start, end = self.start[frame], self.end[frame]
        passed = self.scene.transmission.mean(start, end)
        if not self._has_shades:
            return passed
        rows, columns = self.size
        y = (np.arange(COARSE)[:, None] + 0.5) * rows * self.pixel_size / COARSE
        x = (np.arange(COARSE)[None, :] + 0.5) * columns * self.pixel_size / COARSE
        moved = self.scene.drift.at(sub_doses(start, end, MOVES)).mean(axis=0)
        y, x = y - moved[0], x - moved[1]
        field = np.ones((COARSE, COARSE))
        for patch in self.scene.patches:
            centre = patch.centre or self._middle
            shade = np.zeros_like(field)
            for picture, share in patch.shares(start, end).items():
                shade += share * shade_of(picture, patch.turn, y - centre[0], x - centre[1])
            field += patch.where.mask(y, x, patch.soft) * (shade - field)
        for film in self.scene.films:
            depth = film.where.depth(y, x) + film.spread.mean(start, end)
            cover = (0.5 + depth.clip(-FAR, FAR) / 4).clip(0, 1)
            field *= 1 - film.darkness * film.amount.mean(start, end) * cover
        profile = self._profile(COARSE, COARSE)
        return passed * float((field if profile is None else field * profile).mean())

    @cached_property
    def _has_shades(self) -> bool:
        pictures = [p for patch in self.scene.patches for p in patch.pictures]
        return bool(self.scene.films) or any(throws_shade(p) for p in pictures)


def _focal_mix(focus: float) -> list[tuple[float, float]]:
    """The focal settings (nm) between which `focus` lies, and their parts."""
    steps = focus / FOCUS_STEP
    below = math.floor(steps + 1e-9)
    part = steps - below
    if part < 1e-6:
        return [(below * FOCUS_STEP, 1.0)]
    return [(below * FOCUS_STEP, 1 - part), ((below + 1) * FOCUS_STEP, part)]
