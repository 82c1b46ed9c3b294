"""Powder rings of diffraction patterns, at a stated rate of false alarms, and their centre.

A ring is found where the counts along the radius pass what chance makes anywhere in all segments of
time, radii and widths with probability α (Rice's formula, as of rings of images). The spots of a
few grains make no ring: it must stand as far above zero as its sectors differ (jackknife).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.diffraction.background import LOWEST_RADIUS
from napari_beamwatch.spectra.diffraction.polar import SECTORS, Geometry, Polar, PolarReader
from napari_beamwatch.spectra.diffraction.profile import (
    WIDEST,
    Fit,
    Lines,
    Profile,
    background,
    fit,
    one_more,
)
from napari_beamwatch.spectra.rings.finding import threshold

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_RINGS = 24
"""Of a segment."""

EVEN = 3.5
"""Standard errors by which a ring must stand above zero if its sectors tell how it spreads."""

FAR = 2.5
"""Of the radius of the direct beam: nearer to it the counts fall as fast by themselves."""

ENOUGH = 50.0
"""Counts inside a radius from which an aperture is believed."""

SEEN = 0.3
"""Part of the way round at which a radius must be seen to be looked at."""

FEWEST_RADII = 30

FLANK = 1.5
"""Standard deviations of a ring that must be seen on either side of it."""

CUT, INSIDE, OUTSIDE = 0.1, (0.75, 0.96), (1.04, 1.25)
"""Part to which nothing but an aperture takes the counts from just inside a radius to just outside;
the parts of the radius between which that is asked."""

ROUNDS = 3
"""Times that the centre is found from the rings that are seen around it."""

CLEAR = 5.0
"""Standard errors by which the centre and the ellipse of rings are told from those before."""


@dataclass(frozen=True, eq=False)
class PatternRings:
    """Powder rings of the patterns of a movie, innermost first.

    Attributes
    ----------
    geometry : Geometry
        Their centre and ellipse.
    lines : Lines
        In steps of the radius, and counts per pixel in the segment where they are clearest.
    middle_se, sigma_se : array of float64
    significance : array of float64
        Standard errors of the height there.
    seen : array of bool (ring, segment)
    segment : array of int64
        Where each is clearest.
    step : int
        Pixels of a step.
    used : array of bool (radius,)
        Radii that are looked at.
    left_out : array of bool
        Pixels that are hidden or belong to spots.
    profiles : tuple of Profile
        Counts along the radius of each segment, and of all together; none where nothing is seen.
    fits : tuple of Fit
        Rings of each of these.
    """

    geometry: Geometry
    lines: Lines
    middle_se: Floats
    sigma_se: Floats
    significance: Floats
    seen: NDArray[np.bool_]
    segment: NDArray[np.int64]
    step: int
    used: Mask
    left_out: Mask
    profiles: tuple[Profile, ...]
    fits: tuple[Fit, ...]

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def radius(self) -> Floats:
        """Mean radius of each in pixels."""
        return np.asarray(self.lines.middle * self.step, np.float64)

    def reader(self, hidden: Mask | None = None) -> PolarReader:
        """Reads frames along their radius."""
        return PolarReader(self.geometry, self.left_out, hidden)


def find_pattern_rings(
    patterns: Sequence[NDArray[Any]],
    geometry: Geometry,
    left_out: Mask,
    spread: Floats,
    alpha: float = 0.01,
    tick: Callable[[], object] = lambda: None,
) -> PatternRings:
    """Rings of the patterns of one movie, merged over its segments.

    Parameters
    ----------
    patterns : sequence of arrays
        Sums of the frames of each segment of time.
    geometry : Geometry
        A first centre, right to a pixel or so.
    left_out : array of bool
        Pixels that are hidden or belong to spots.
    spread : array (segment,)
        Variance over mean of the counts of each.
    alpha : float
        Chance of one or more false rings in all.
    tick : callable
        Called now and then; may raise to stop.
    """
    images = [np.asarray(pattern, np.float64) for pattern in patterns]
    total = np.sum(images, axis=0)
    mean_spread = float(np.mean(spread))
    for _ in range(ROUNDS):
        polar = PolarReader(geometry, left_out, sectors=SECTORS)(total)
        used = _used(polar)
        if used.sum() < FEWEST_RADII:
            break
        found = _rings_of(polar, used, mean_spread, threshold(int(used.sum()), alpha))
        tick()
        if not len(found.lines):
            break
        geometry = centred(polar, used, found, mean_spread, geometry)
    looked = [PolarReader(geometry, left_out, sectors=SECTORS)(image) for image in (*images, total)]
    used = _used(looked[-1])
    spreads = [*spread.tolist(), mean_spread]
    limit = threshold(int(used.sum()) * len(looked), alpha)
    profiles: list[Profile] = []
    fits: list[Fit] = []
    for polar, one in zip(looked, spreads, strict=True):
        if used.sum() < FEWEST_RADII:
            break
        profiles.append(Profile.of(*polar.around(), used, one))
        fits.append(_rings_of(polar, used, one, limit))
        tick()
    return _merged(profiles, fits, geometry, looked[0].step, used, left_out)


def _used(polar: Polar) -> Mask:
    """Radii beyond the direct beam that are seen far enough round, without a gap."""
    _, pixels = polar.around()
    radius = np.arange(len(pixels)) * polar.step
    whole = 2 * np.pi * np.maximum(radius, 1) * polar.step
    enough: Mask = pixels >= SEEN * whole
    enough[: int(np.ceil(LOWEST_RADIUS / polar.step))] = False
    enough &= ~_cut(polar)
    some = np.flatnonzero(enough)
    if not len(some):
        return enough
    # A beam stop may hide the innermost; from the next gap on nothing is told.
    gaps = np.flatnonzero(~enough[some[0] :])
    if len(gaps):
        enough[some[0] + int(gaps[0]) :] = False
    return enough


def _cut(polar: Polar) -> Mask:
    """Radii from shortly before an aperture on: all beyond one is far darker than all before it."""
    counts, pixels = polar.around()
    mean = counts / np.maximum(pixels, 1)
    for radius in range(int(np.ceil(FAR * LOWEST_RADIUS / polar.step)), len(mean)):
        inside, outside = (
            slice(round(first * radius), max(round(last * radius), round(first * radius) + 1))
            for first, last in (INSIDE, OUTSIDE)
        )
        some = counts[inside].sum() > ENOUGH and pixels[outside].any()
        if some and mean[outside].max() < CUT * mean[inside].min():
            return np.asarray(np.arange(len(mean)) >= inside.start, np.bool_)
    return np.zeros(len(mean), bool)


def _rings_of(polar: Polar, used: Mask, spread: float, limit: float) -> Fit:
    """Rings of one pattern, one after the other, each fitted with all before it."""
    profile = Profile.of(*polar.around(), used, spread)
    smooth = background(profile.radius)
    fitted = fit(profile, Lines.none(), smooth)
    open_to = np.ones(len(profile.radius), bool)
    for _ in range(MOST_RINGS):
        z, middle, sigma = one_more(profile, fitted, smooth, open_to)
        if z < limit:
            break
        more = fit(profile, fitted.lines.with_one(middle, sigma), smooth)
        clear = more.lines.height > limit * np.sqrt(more.covariance[2])
        if (clear & _whole(more.lines, profile.radius)).all():
            fitted = more
        else:  # it took another's place, or left the pattern
            open_to &= np.abs(profile.radius - middle) > max(1.0, sigma)
    while len(fitted.lines):
        spread_of = np.sqrt(uneven(polar, used, spread, fitted.lines, smooth))
        own = limit * np.sqrt(fitted.covariance[2])
        sure = fitted.lines.height > np.maximum(own, EVEN * spread_of)
        sure &= fitted.lines.sigma < WIDEST  # wider ones are halos
        if sure.all():
            break
        fitted = fit(profile, fitted.lines.taken(sure), smooth)
    return fitted


def _whole(lines: Lines, radius: Floats) -> NDArray[np.bool_]:
    """Rings of which both flanks are seen."""
    reach = FLANK * lines.sigma
    return np.asarray(
        (lines.middle > radius[0] + reach) & (lines.middle < radius[-1] - reach), np.bool_
    )


def uneven(polar: Polar, used: Mask, spread: float, lines: Lines, smooth: Floats) -> Floats:
    """Variance of the heights of rings, from those without one sector each (jackknife)."""
    heights = []
    for sector in range(len(polar.counts)):
        counts, pixels = polar.around(sector)
        if polar.pixels[sector, used].any() and (pixels[used] > 0).all():
            part = Profile.of(counts, pixels, used, spread)
            heights.append(fit(part, lines, smooth, steps=0).lines.height)
    count = len(heights)
    if count < 2:
        return np.full(len(lines), np.inf)
    return np.asarray((count - 1) * np.var(heights, axis=0), np.float64)


def centred(polar: Polar, used: Mask, found: Fit, spread: float, before: Geometry) -> Geometry:
    """The centre and the ellipse of rings, by how far each sector shows them further out.

    Least squares of four numbers over all radii and sectors, along the slopes of the rings alone:
    what the background is uneven by does not pull.
    """
    radius = np.flatnonzero(used).astype(np.float64)
    slope = found.lines.slopes(radius) @ found.lines.height
    counts, pixels = polar.counts[:, used], polar.pixels[:, used]
    known = pixels > 0
    mean = np.divide(counts, pixels, where=known, out=np.zeros_like(counts))
    # The level of a sector is its own.
    shape = found.lines.shapes(radius) @ found.lines.height
    theta = 2 * np.pi * (np.arange(len(counts)) + 0.5) / len(counts)
    even, odd = np.cos(2 * theta), np.sin(2 * theta)
    designs, values, weights = [], [], []
    for s in range(len(counts)):
        weight = np.where(known[s], pixels[s] / (spread * np.maximum(found.model, 1e-9)), 0.0)
        out = slope[:, None] * np.stack(
            [np.full(len(radius), np.sin(theta[s]) / polar.step),
             np.full(len(radius), np.cos(theta[s]) / polar.step),
             radius * even[s], radius * odd[s]], axis=1,
        )  # fmt: skip
        own = np.stack([found.level, shape], axis=1) * np.sqrt(weight)[:, None]
        basis = np.linalg.qr(own)[0]
        left = (mean[s] - found.model) * np.sqrt(weight)
        out = out * np.sqrt(weight)[:, None]
        designs.append(out - basis @ (basis.T @ out))
        values.append(left - basis @ (basis.T @ left))
        weights.append(weight)
    design, value = np.concatenate(designs), np.concatenate(values)
    normal = np.linalg.pinv(design.T @ design)
    step = normal @ (design.T @ value)
    excess = max(1.0, float(((value - design @ step) ** 2).sum() / max(1, len(value) - 4)))
    sure = np.abs(step) > CLEAR * np.sqrt(np.diag(normal) * excess)
    dy, dx = (step[:2] if sure[:2].any() else np.zeros(2)).tolist()
    wider, turned = (step[2:] if sure[2:].any() else np.zeros(2)).tolist()
    return replace(
        before, y=before.y + dy, x=before.x + dx, even=before.even + wider, odd=before.odd + turned
    )


def _merged(
    profiles: Sequence[Profile],
    fits: Sequence[Fit],
    geometry: Geometry,
    step: int,
    used: Mask,
    left_out: Mask,
) -> PatternRings:
    """Rings of one radius, in whatever segment, as one, the clearest speaking for all.

    The last fit is of all segments together: it speaks of what none of them shows, since it mixes
    what was there before a change with what was there after it.
    """
    segments = max(0, len(fits) - 1)
    rows = [
        (float(z), i, j)
        for i, one in enumerate(fits)
        for j, z in enumerate(one.lines.height / np.sqrt(one.covariance[2]))
    ]
    kept: list[tuple[float, int, int]] = []
    seen: list[NDArray[np.bool_]] = []
    for z, i, j in sorted(rows, key=lambda row: (row[1] == segments, -row[0])):
        own = fits[i].lines
        near = [
            n for n, (_, k, m) in enumerate(kept)
            if abs(fits[k].lines.middle[m] - own.middle[j])
            < max(1.0, min(fits[k].lines.sigma[m], own.sigma[j]))
        ]  # fmt: skip
        if near:
            seen[near[0]] |= np.arange(segments) == i
            continue
        kept.append((z, i, j))
        seen.append(np.arange(segments) == i)
    order = sorted(range(len(kept)), key=lambda n: fits[kept[n][1]].lines.middle[kept[n][2]])
    some = [kept[n] for n in order]

    def told(values: Callable[[Fit], Floats]) -> Floats:
        return np.array([values(fits[i])[j] for _, i, j in some], np.float64)

    return PatternRings(
        geometry=geometry,
        lines=Lines(
            told(lambda one: one.lines.middle),
            told(lambda one: one.lines.sigma),
            told(lambda one: one.lines.height),
        ),
        middle_se=np.sqrt(told(lambda one: one.covariance[0])),
        sigma_se=np.sqrt(told(lambda one: one.covariance[1])),
        significance=np.array([z for z, _, _ in some]),
        seen=np.array([seen[n] for n in order], bool).reshape(len(some), segments),
        segment=np.array([min(i, segments - 1) for _, i, _ in some], np.int64),
        step=step,
        used=used,
        left_out=left_out,
        profiles=tuple(profiles),
        fits=tuple(fits),
    )
