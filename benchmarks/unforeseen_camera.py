"""Scenes of what a camera and who handed on the movie did to its frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage
from unforeseen_optics import (
    Rng,
    View,
    together,
)
from unforeseen_stage import (
    DOUBTFUL,
    WHOLE,
    Scene,
    Stage,
    fading_or_not,
    from_dose,
    log_uniform,
    still,
)


def line_noise(rng: Rng) -> Scene:
    """A periodic artefact of the electronics comes midway, fixed to the camera, and stays."""
    s = Stage(rng)
    grains = together(s.mosaic(4)[0])
    when, period = int(s.frames * rng.uniform(0.3, 0.6)), rng.uniform(2.7, 8)
    rows, columns = np.mgrid[: s.scope.size, : s.scope.size]
    wave = np.cos(2 * np.pi * (rows + rng.uniform(-0.2, 0.2) * columns) / period)
    return s.film_movie(
        DOUBTFUL, still(grains), lambda t: View(added=rng.uniform(0.04, 0.06) * wave * (t >= when))
    )


def dead_columns(rng: Rng) -> Scene:
    """Columns of the camera die midway, some of them every fourth."""
    s = Stage(rng)
    found = s.counted(s.pictures(still(together(s.mosaic(4)[0]))))
    when = int(s.frames * rng.uniform(0.3, 0.6))
    first = int(rng.integers(50, s.scope.size - 150))
    found[when:, :, first : first + 64 : 4] = 0
    found[when:, :, rng.integers(0, s.scope.size, 6)] = 0
    return s.scene(found, DOUBTFUL)


def fixed_pattern(rng: Rng, fades: bool) -> Scene:
    """A wrong gain reference: a fine pattern that is part of it stays where it is."""
    s = Stage(rng)
    whole = s.shape()
    rows, columns = np.mgrid[: s.scope.size, : s.scope.size]
    gain = 1 + 0.06 * rng.standard_normal((s.scope.size,) * 2)
    gain += 0.03 * np.cos(2 * np.pi * columns / 4) + 0.03 * np.sign(np.cos(np.pi * rows / 3))
    expected, truth = fading_or_not(s, whole, fades, lambda t: View(beam=np.maximum(gain, 0.1)))
    return s.scene(s.counted(expected), truth)


def interpolated(rng: Rng) -> Scene:
    """The movie was aligned by bilinear interpolation: fine spots come and go with the fraction."""
    s = Stage(rng, ("LiF",), pixel=float(rng.uniform(0.5, 0.62)), dose=rng.uniform(2, 4),
              contrast=0.12, drift=0.0)  # fmt: skip
    found = s.counted(s.pictures(still(s.shape()))).astype(np.float32)
    way = rng.uniform(0.5, 0.6)
    for t in range(s.frames):
        found[t] = ndimage.shift(found[t], [way * t / s.frames] * 2, order=1, mode="nearest")
    return s.scene(found, DOUBTFUL)


def video(rng: Rng) -> Scene:
    """Eight bits, each frame stretched for itself, as in a published film."""
    s = Stage(rng, dose=rng.uniform(7, 12))
    found = s.counted(s.pictures(still(together(s.mosaic(4)[0])))).astype(np.float32)
    for t in range(s.frames):
        frame = ndimage.gaussian_filter(found[t], 0.6)
        low, high = np.percentile(frame, [rng.uniform(0.1, 2), rng.uniform(97.5, 99.9)])
        found[t] = np.clip(255 * (frame - low) / (high - low), 0, 255).round()
    return s.scene(found.astype(np.uint8), WHOLE)


def denoised(rng: Rng, fades: bool) -> Scene:
    """Each frame is a mean that remembers earlier ones (lag, or a running filter)."""
    s = Stage(rng)
    whole, onset = s.shape(), s.onset()
    parts = s.fading(whole, s.course(onset)) if fades else still(whole)
    found = s.counted(s.pictures(parts)).astype(np.float32)
    keep = rng.uniform(0.3, 0.6)
    for t in range(1, s.frames):
        found[t] = keep * found[t - 1] + (1 - keep) * found[t]
    return s.scene(found, from_dose(onset, slack=2.0) if fades else WHOLE)


def duplicated(rng: Rng, fades: bool) -> Scene:
    """Some frames were written twice, the ones after them are missing."""
    s = Stage(rng)
    whole, onset = s.shape(), s.onset()
    parts = s.fading(whole, s.course(onset)) if fades else still(whole)
    found = s.counted(s.pictures(parts))
    for t in np.flatnonzero(rng.random(s.frames - 4) < 0.12):
        again = int(rng.integers(1, 4))
        found[t + 1 : t + 1 + again] = found[t]
    return s.scene(found, from_dose(onset, slack=4.0) if fades else WHOLE)


def coincidence(rng: Rng) -> Scene:
    """The beam rises threefold midway and a counting camera loses what comes too fast."""
    s = Stage(rng)
    grains, when = together(s.mosaic(4)[0]), int(s.frames * rng.uniform(0.35, 0.6))
    rise = rng.uniform(2, 3)
    expected = s.pictures(still(grains), lambda t: View(beam=rise if t >= when else 1.0))
    top = 1.6 * s.dose * s.pixel**2
    dose = np.where(np.arange(s.frames) >= when, rise, 1.0) * s.dose
    return s.scene(s.counted(top * (1 - np.exp(-expected / top))), DOUBTFUL, dose)


def hot_frames(rng: Rng, fades: bool, most: int = 5) -> Scene:
    """Cosmic rays: bright clusters and tracks in some frames, a few of them or showers."""
    s = Stage(rng)
    expected, truth = fading_or_not(s, s.shape(), fades)
    found = s.counted(expected).astype(np.int64)
    for t in np.flatnonzero(rng.random(s.frames) < 0.15):
        for _ in range(rng.integers(1, most)):
            y, x = rng.integers(0, s.scope.size - 30, 2)
            steps = np.arange(rng.integers(2, 30))
            found[t, y + steps // 2, x + steps] += rng.integers(20, 160 * min(most, 5))
    return s.scene(found.astype(np.uint16), truth)


def blanked(rng: Rng, fades: bool) -> Scene:
    """The beam was off for some frames midway; the user gives one dose a frame."""
    s = Stage(rng)
    first, long = int(s.frames * rng.uniform(0.3, 0.5)), int(rng.integers(3, 9))
    off = np.arange(s.frames)
    lit = (off < first) | (off >= first + long)
    onset_lit = rng.uniform(0.4, 0.6) * lit.sum() * s.dose
    ends = np.cumsum(lit) * s.dose
    tau = log_uniform(rng, 0.04, 0.12) * s.total
    inside = ends[:, None] - s.dose * (1 - (np.arange(8) + 0.5) / 8)
    h = np.exp(-0.5 * np.maximum(inside - onset_lit, 0) / tau).mean(axis=1)
    grains = together(s.mosaic(4)[0])
    parts = s.fading(grains, h) if fades else still(grains)
    found = s.counted(s.pictures(parts, lambda t: View(beam=1.0 if lit[t] else 0.003)))
    return s.scene(found, from_dose(onset_lit) if fades else WHOLE, np.where(lit, s.dose, 0.0))


def many_frames(rng: Rng) -> Scene:
    """400 frames of 0.5 e/Å²."""
    s = Stage(rng, size=512, frames=400, dose=0.5)
    onset = s.onset()
    return s.film_movie(
        from_dose(onset, slack=5.0), s.fading(together(s.mosaic(3)[0]), s.course(onset))
    )


def very_long(rng: Rng, fades: bool) -> Scene:
    """Three thousand frames of a tenth of an e/Å²."""
    s = Stage(rng, size=256, frames=3000, dose=0.1, contrast=0.14)
    expected, truth = fading_or_not(s, together(s.mosaic(2)[0]), fades)
    return s.scene(s.counted(expected), truth if truth is WHOLE else replace(truth, slack=30.0))


def oblong(rng: Rng, fades: bool) -> Scene:
    """A camera whose readout was cut to a strip of 300 lines, or of 300 columns."""
    s = Stage(rng, size=640)
    expected, truth = fading_or_not(s, together(s.mosaic(4)[0]), fades)
    first = int(rng.integers(0, 340))
    strip = expected[:, first : first + 300]
    return s.scene(s.counted(strip if rng.random() < 0.5 else strip.swapaxes(1, 2)), truth)


def few_frames(rng: Rng) -> Scene:
    """12 frames of 20 to 40 e/Å²."""
    s = Stage(rng, frames=12, dose=rng.uniform(20, 40))
    onset = s.onset(0.35, 0.55)
    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(4)[0]), s.course(onset)))


def near_nyquist(rng: Rng, fades: bool) -> Scene:
    """The finest spot has a period of 2.2 to 2.6 px."""
    d = 2.325
    s = Stage(rng, ("LiF",), pixel=d / float(rng.uniform(2.45, 2.7)), dose=rng.uniform(3, 6),
              contrast=0.12)  # fmt: skip
    expected, truth = fading_or_not(s, together(s.mosaic(4)[0]), fades)
    return s.scene(s.counted(expected), truth)


def integrating(rng: Rng, fades: bool) -> Scene:
    """A camera that integrates: electrons leave light of unequal size, spread over pixels.

    Readout adds noise of its own; the dark frame was taken off, so that there are values below 0.
    """
    s = Stage(rng, contrast=log_uniform(rng, 0.1, 0.16))
    expected, truth = fading_or_not(s, together(s.mosaic(3)[0]), fades)
    light, spread, readout = rng.uniform(20, 60), rng.uniform(0.5, 0.8), rng.uniform(5, 15)
    found = np.empty(expected.shape, np.int16)
    for t, electrons in enumerate(s.counted(expected)):
        each = rng.gamma(np.maximum(4.0 * electrons, 1e-9), light / 4)
        seen = ndimage.gaussian_filter(each, spread, mode="wrap")
        found[t] = np.rint(seen + rng.normal(0, readout, seen.shape))
    return s.scene(found, truth)


def upsampled(rng: Rng, fades: bool) -> Scene:
    """Somebody made four equal pixels of each."""
    s = Stage(rng, size=272, pixel=float(rng.uniform(0.5, 0.62)), contrast=0.12)
    expected, truth = fading_or_not(s, together(s.mosaic(3)[0]), fades)
    frames = s.counted(expected).repeat(2, axis=1).repeat(2, axis=2)
    return Scene(frames, s.pixel / 2, s.dose, truth)


def scanned(rng: Rng, fades: bool) -> Scene:
    """A scanned picture: each line lies a little beside its place, anew in each frame."""
    s = Stage(rng, contrast=log_uniform(rng, 0.1, 0.16))
    expected, truth = fading_or_not(s, together(s.mosaic(3)[0]), fades)
    aside = rng.uniform(0.2, 0.6)
    for frame in expected:
        for y, by in enumerate(aside * rng.standard_normal(len(frame))):
            frame[y] = ndimage.shift(frame[y], by, order=1, mode="nearest")
    return s.scene(s.counted(expected), truth)


def slit_slips(rng: Rng, fades: bool) -> Scene:
    """The slit of the energy filter slips: from a frame on it takes half of all electrons."""
    s = Stage(rng)
    when, left = int(s.frames * rng.uniform(0.2, 0.8)), rng.uniform(0.35, 0.6)
    expected, truth = fading_or_not(
        s, together(s.mosaic(3)[0]), fades, lambda t: View(beam=left if t >= when else 1.0)
    )
    return s.scene(s.counted(expected), truth)


def shutter(rng: Rng) -> Scene:
    """The shutter opens in the first frame and closes in the last: they have a part of the dose."""
    s = Stage(rng)
    first, last = rng.uniform(0.1, 0.6, 2)
    expected, truth = fading_or_not(s, together(s.mosaic(3)[0]), True)
    expected[0] *= first
    expected[-1] *= last
    return s.scene(s.counted(expected), truth)
