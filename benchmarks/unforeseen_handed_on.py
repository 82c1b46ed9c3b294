"""Scenes of what was done to a movie before it came here, and of apertures, gains and hands."""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage
from unforeseen_optics import Floats, Part, Rng, View, together
from unforeseen_stage import (
    DOUBTFUL,
    Scene,
    Stage,
    fading_or_not,
    from_dose,
    log_uniform,
    smooth,
)

BLOCK = 8


def _blocks(picture: Floats, inverse: bool) -> Floats:
    """Cosine transform of each block, as codecs of pictures make it."""
    side = len(picture)
    cut = picture.reshape(side // BLOCK, BLOCK, side // BLOCK, BLOCK)
    turn = fft.idctn if inverse else fft.dctn
    return turn(cut, axes=(1, 3), norm="ortho").reshape(side, side)


def compressed(rng: Rng, fades: bool) -> Scene:
    """Eight bits through a codec: key frames, and between them what changes by more than a step."""
    s = Stage(rng, dose=rng.uniform(5, 9), contrast=log_uniform(rng, 0.1, 0.16))
    expected, truth = fading_or_not(s, together(s.mosaic(3)[0]), fades)
    every, step = int(rng.integers(6, 15)), rng.uniform(8, 20)
    found = np.empty(expected.shape, np.uint8)
    last: Floats = 0.0
    for t, electrons in enumerate(s.counted(expected)):
        seen = ndimage.gaussian_filter(electrons.astype(float), 0.7)
        seen = np.clip(128 + 128 * (seen / seen.mean() - 1), 0, 255)
        guess = np.zeros_like(seen) if t % every == 0 else last
        kept = np.trunc(_blocks(seen - guess, inverse=False) / step + 0.25) * step
        last = guess + _blocks(kept, inverse=True)
        found[t] = np.clip(last, 0, 255).round()
    return s.scene(found, truth)


def dose_weighted(rng: Rng) -> Scene:
    """Each frame was weighted as if the specimen faded by a law of another specimen."""
    s = Stage(rng)
    expected, _ = fading_or_not(s, together(s.mosaic(3)[0]), False)
    k = np.maximum(np.hypot(*np.meshgrid(*[np.fft.fftfreq(s.scope.size, s.pixel)] * 2)), 1e-3)
    lasts = rng.uniform(20, 40) * (0.245 * k**-1.665 + 2.81)
    found = np.empty(expected.shape, np.float32)
    for t, frame in enumerate(s.counted(expected)):
        spectrum = np.fft.fft2(frame) * np.exp(-t * s.dose / (2 * lasts))
        found[t] = np.fft.ifft2(spectrum).real
    return s.scene(found, DOUBTFUL)


def warped(rng: Rng, fades: bool) -> Scene:
    """Pieces of each frame were moved by their own, as an alignment by patches does that errs."""
    s = Stage(rng)
    expected, truth = fading_or_not(s, together(s.mosaic(3)[0]), fades)
    side, by = s.scope.size, rng.uniform(0.1, 0.35)
    at = np.mgrid[:side, :side].astype(float)
    found = np.empty(expected.shape, np.float32)
    for t, frame in enumerate(s.counted(expected)):
        moved = [ndimage.zoom(by * rng.standard_normal((5, 5)), side / 5, order=3) for _ in "yx"]
        found[t] = ndimage.map_coordinates(frame.astype(float), at + moved, order=3, mode="wrap")
    return s.scene(found, truth)


def gain_steps(rng: Rng, fades: bool) -> Scene:
    """A quarter of the camera, or a half, reads more or less from some frame on."""
    s = Stage(rng)
    side, when = s.scope.size, int(s.frames * rng.uniform(0.3, 0.7))
    gain = np.ones((side, side))
    gain[: side // 2, : side // int(rng.integers(1, 3))] += rng.uniform(0.1, 0.2) * rng.choice(
        [-1, 1]
    )
    expected, truth = fading_or_not(
        s, together(s.mosaic(3)[0]), fades, lambda t: View(beam=gain if t >= when else 1.0)
    )
    return s.scene(s.counted(expected), truth)


def aperture_drifts(rng: Rng) -> Scene:
    """The objective aperture creeps in: of spots beyond its edge one beam of two is cut off."""
    s = Stage(rng)
    expected, _ = fading_or_not(s, together(s.mosaic(4)[0]), False)
    angle, begin = rng.uniform(0, np.pi), rng.uniform(0.2, 0.5)
    ky, kx = np.meshgrid(*[np.fft.fftfreq(s.scope.size, s.pixel)] * 2, indexing="ij")
    along = np.abs(np.sin(angle) * ky + np.cos(angle) * kx)
    far, near = 0.75, rng.uniform(0.25, 0.4)
    for t, frame in enumerate(expected):
        edge = far + (near - far) * float(smooth(t / s.frames, begin, begin + 0.4))
        passed = 1 - 0.5 / (1 + np.exp(-np.clip((along - edge) / 0.01, -40, 40)))
        expected[t] = np.maximum(np.fft.ifft2(np.fft.fft2(frame) * passed).real, 0)
    return s.scene(s.counted(expected), DOUBTFUL)


def arrives_then_fades(rng: Rng) -> Scene:
    """A flake glides into the field and comes to rest beside others; later all of them fade."""
    s = Stage(rng)
    onset = s.onset(0.45, 0.65)
    flakes, _ = s.islands(5, (22, 36))
    away, angle = rng.uniform(1.2, 1.8) * s.half, rng.uniform(0, 2 * np.pi)
    h, new = s.course(onset), flakes[0]
    rest, halo = together(flakes[1:]), s.halo(together(flakes), h)

    def parts(t: int) -> list[Part]:
        left = away * (1 - float(smooth(t / s.frames, 0.1, 0.35)))
        by = (left * np.sin(angle), left * np.cos(angle))
        return [Part(rest, h[t]), Part(new, h[t], shift=by), *halo(t)]

    return s.film_movie(from_dose(onset), parts)


def healed(rng: Rng) -> Scene:
    """The lattice loses a good part slowly, and slowly comes back to all that it was."""
    s = Stage(rng)
    middle, long, deep = rng.uniform(0.35, 0.55), rng.uniform(0.15, 0.25), rng.uniform(0.3, 0.6)
    t = np.arange(s.frames) / s.frames
    h = 1 - deep * (smooth(t, middle - long, middle) - smooth(t, middle, middle + long))
    whole = together(s.mosaic(3)[0])
    return s.film_movie(DOUBTFUL, lambda t: [Part(whole, float(h[t]))])


def refocused(rng: Rng, fades: bool) -> Scene:
    """Somebody sets the focus again every now and then, a few nm beside where it was."""
    s = Stage(rng)
    focus = np.cumsum((rng.random(s.frames) < 0.1) * rng.normal(0, 25, s.frames))
    expected, truth = fading_or_not(
        s, together(s.mosaic(4)[0]), fades, lambda t: View(defocus=float(focus[t]))
    )
    return s.scene(s.counted(expected), truth if fades else DOUBTFUL)


def breathing(rng: Rng, fades: bool) -> Scene:
    """The magnification goes up and down by some tenths of a percent all the time."""
    s = Stage(rng)
    period, by = rng.uniform(8, 25), rng.uniform(0.002, 0.006)
    expected, truth = fading_or_not(
        s, together(s.mosaic(3)[0]), fades,
        lambda t: View(magnified=1 + by * float(np.sin(2 * np.pi * t / period))),
    )  # fmt: skip
    return s.scene(s.counted(expected), truth)
