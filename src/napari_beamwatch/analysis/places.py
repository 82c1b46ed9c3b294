"""The places of a field, examined and judged: everything that is said is read from them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.diffuse import Diffuse
from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.analysis.light import Light, known_mean, shaded
from napari_beamwatch.analysis.pieces import Piece
from napari_beamwatch.damage.budget import rate
from napari_beamwatch.damage.course.examining import Examined, examine
from napari_beamwatch.damage.failures import WARNING, Failures
from napari_beamwatch.damage.field.place import Place
from napari_beamwatch.damage.scopes import Scope, SpotTrace, Witnesses, samples_of
from napari_beamwatch.damage.verdict.dimming import moved_within
from napari_beamwatch.damage.verdict.fates import Fates, powers_of
from napari_beamwatch.damage.verdict.judging import judge, unclear
from napari_beamwatch.damage.verdict.layer import Layer
from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.broadening import broadening
from napari_beamwatch.spectra.drift import Drift
from napari_beamwatch.spectra.field import FieldTrace
from napari_beamwatch.spectra.following import FollowedReflection, FollowedSpots
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.spots import Spots
from napari_beamwatch.spectra.tracking import taken_at
from napari_beamwatch.threads import shared_pool

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BESIDE = 0.5
"""Part of the windows of one of two crystals that both are seen in, if one may have come of the
other."""

NAMED = 3
"""Spacings that name a place, strongest first."""


def witnesses_of(
    diffuse: Diffuse, axis: DoseAxis, settings: Settings, drift: Drift | None, noise: Floats
) -> Witnesses:
    """What is known of all of the field, beside its places."""
    texture = None if drift is None else drift.texture
    moved = None
    if drift is not None and drift.measured:
        moved = moved_within(np.stack([drift.dy_px, drift.dx_px], axis=1), drift.se_px)
    focus = diffuse.focus_of_frames(len(axis.lit))
    grew = diffuse.halo_grew(axis.start, axis.end, rate(settings.false_alarm, "rings"))
    known = np.isfinite(focus[0][axis.lit]).any()
    change, error = focus if known else (None, None)
    return Witnesses(change, error, grew, texture, moved, noise)


def judge_places(
    movie: Movie,
    settings: Settings,
    followed: FollowedSpots,
    reflections: Sequence[FollowedReflection],
    pieces: Sequence[Piece],
    looks: int,
    field: FieldTrace,
    witnesses: Witnesses,
    failures: Failures,
) -> list[Place]:
    """Verdicts on places of a field or region.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    followed : FollowedSpots
    reflections : sequence of FollowedReflection
        Of the field or region.
    pieces : sequence of Piece
        Of the field or region.
    looks : int
        Places of the movie, which share its rate of false alarms.
    field : FieldTrace
    witnesses : Witnesses
    failures : Failures
        That cost the verdict on one place.
    """
    light = Light.of(movie, followed.spots)
    rows = [light.frames(light.on(piece.bearing, piece.power)) for piece in pieces]
    scopes = [
        _scope(light, followed, reflections, piece, movie, mine)
        for piece, mine in zip(pieces, rows, strict=True)
    ]
    shade = [_shaded(followed, field, piece) for piece in pieces]
    in_shade = [scope.name for scope, own in zip(scopes, shade, strict=True) if own is not None]
    if in_shade:
        failures.notes.append(
            f"{WARNING}the light left {', '.join(in_shade)}, as where an edge of the beam creeps "
            "in: lattices are measured by the counts that they have, and have had less dose than "
            "the field"
        )
    signals = [
        _beside(field.mean if own is None else own, mine, piece.windows)
        for piece, mine, own in zip(pieces, rows, shade, strict=True)
    ]
    examined, layer = _examined(scopes, signals, settings, looks, failures)
    known = [one for one in examined if not isinstance(one, str)]
    every = light.axis.scope("all", [_spot_trace(followed, one) for one in reflections], 1.0)
    fates = Fates.of(known, powers_of(every.traces, samples_of(every, field.mean)), layer)
    verdicts = [
        unclear(one) if isinstance(one, str) else failures.tried(
            f"judging {scope.name}", unclear,
            judge, one, [other for other in known if other is not one], witnesses, fates,
            criteria=settings.criteria,
        )
        for scope, one in zip(scopes, examined, strict=True)
    ]  # fmt: skip
    strongest = followed.spots.strongest
    at_first = [
        _at_first(followed.spots, strongest, piece, one)
        for piece, one in zip(pieces, examined, strict=True)
    ]
    return [
        Place(
            piece.number, piece.crystal, scope.name, piece.windows, share, verdict,
            float(piece.power.sum()), scope.exposure, float(piece.worth.sum()), scope.scatter,
        )
        for piece, scope, share, verdict in zip(
            pieces, scopes, _shares(pieces, at_first), verdicts, strict=True
        )
    ]  # fmt: skip


def _examined(
    scopes: Sequence[Scope],
    signals: Sequence[Floats],
    settings: Settings,
    looks: int,
    failures: Failures,
) -> tuple[list[Examined | str], Layer | None]:
    """What each place shows, or why that is not known, and the layer that lies on all of them.

    Parameters
    ----------
    scopes : sequence of Scope
    signals : sequence of array (frames,)
        Mean signal that the power of each goes with.
    settings : Settings
    looks : int
    failures : Failures
    """
    pool = shared_pool()
    lattice, spacing = (rate(settings.false_alarm, sign, looks) for sign in ("lattice", "spacing"))

    def looked_at(scope: Scope, signal: Floats) -> Future[Examined]:
        return pool.submit(
            examine, scope, signal, rate=lattice,
            spacing=spacing if "spacing" in settings.criteria else 0.0,
            d_tolerance=settings.d_tolerance,
        )  # fmt: skip

    futures = [looked_at(*each) for each in zip(scopes, signals, strict=True)]
    examined: list[Examined | str] = [
        failures.tried(f"examining {scope.name}", _why, _result, future)
        for scope, future in zip(scopes, futures, strict=True)
    ]
    layer = failures.tried(
        "asking what all lattices lost", lambda _: None,
        Layer.of, [one for one in examined if not isinstance(one, str)],
    )  # fmt: skip
    if layer is not None:
        failures.notes.append(f"{WARNING}{layer.said}: what one lost beside that is its own")
        anew = {
            number: looked_at(scopes[number], signals[number] * layer.left)
            for number, one in enumerate(examined)
            if one in layer.beside
        }
        for number, future in anew.items():
            doing = f"examining {scopes[number].name} beside it"
            examined[number] = failures.tried(doing, _why, _result, future)
    return examined, layer


def all_of_it(
    movie: Movie,
    settings: Settings,
    followed: FollowedSpots,
    reflections: Sequence[FollowedReflection],
    places: Sequence[Place],
    field: FieldTrace,
    exposure: float,
) -> Examined | None:
    """The lattice power of a field or region as one trace, without what came to stay.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    followed : FollowedSpots
    reflections : sequence of FollowedReflection
        Of the field or region.
    places : sequence of Place
        Of the same.
    field : FieldTrace
    exposure : float
        Dose of the field or region over that of the field.
    """
    light = Light.of(movie, followed.spots)
    rows = light.frames(exposure)
    if rows is not None:
        every = np.ones(len(followed.spots.grid), bool)
        reflections = followed.within(reflections, every, rows)
    came = {spot for one in places for spot in one.verdict.new_spots}
    came_whole = {one.crystal for one in places if one.verdict.status == "no_lattice"}
    crystal_of = followed.spots.reflections.crystal
    traces = [
        _spot_trace(followed, one)
        for one in reflections
        if one.number not in came and int(crystal_of[one.number]) not in came_whole
    ]
    if not traces:
        return None
    snr = np.array([trace.snr for trace in traces])
    many = np.array([np.broadcast_to(trace.windows, snr.shape[1]) for trace in traces], float)
    many = np.where(np.isfinite(snr), many, 0.0)
    total = many.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(total > 0, (many * np.nan_to_num(snr)).sum(axis=0) / total, np.nan)
    strongest = max(traces, key=lambda trace: float(np.nansum(trace.snr)))
    summed = [replace(strongest, snr=mean, windows=total)]
    scope = light.axis.scope("all of it", summed, exposure)
    beam = _beside(field.mean, rows, np.arange(len(light.windows)))
    return examine(scope, beam, rate=rate(settings.false_alarm, "lattice"), spacing=0.0)


def _shaded(followed: FollowedSpots, field: FieldTrace, piece: Piece) -> Floats | None:
    """The mean signal that the power of a place goes with, if it is not that of the field."""
    return shaded(field.mean, followed.signal.of(followed.spots.one_each(piece.windows)))


def _beside(signal: Floats, rows: Ints | None, windows: Ints) -> Floats:
    """A mean signal in the frames that stand in each row, on average over windows."""
    if rows is None:
        return signal
    values = np.broadcast_to(signal[:, None], rows.shape)[:, windows]
    return known_mean(taken_at(values, rows[:, windows]))


def _at_first(spots: Spots, power: Floats, piece: Piece, examined: Examined | str) -> Floats:
    """Power of a place in the windows that bear it, but for that of spots that came."""
    if isinstance(examined, str):
        return piece.power
    of_peak, windows = spots.reflections.of_peak, spots.peaks.window
    held = [trace.spot for trace in examined.old.traces]
    mine = spots.reflections.crystal[of_peak] == piece.crystal
    there, every = (
        np.bincount(windows[some], power[some], len(spots.grid))[piece.bearing]
        for some in (mine & np.isin(of_peak, held), mine)
    )
    return np.asarray(piece.power * there / np.maximum(every, 1e-300), np.float64)


def _shares(pieces: Sequence[Piece], power: Sequence[Floats]) -> list[float]:
    """Squares of a step of lattice of each: what several had at first is split by their amplitudes.

    A lattice that covers a part of a window has that part of its amplitude there, not of its power.

    Parameters
    ----------
    pieces : sequence of Piece
    power : sequence of array
        Of what was there at first, in the windows that bear each.
    """
    amplitude = [np.sqrt(np.maximum(mine, 0.0)) for mine in power]
    whole = np.zeros(max((int(piece.bearing.max()) for piece in pieces), default=0) + 1)
    for piece, mine in zip(pieces, amplitude, strict=True):
        whole[piece.bearing] += mine
    return [
        float(piece.worth @ (mine / np.maximum(whole[piece.bearing], 1e-300)))
        for piece, mine in zip(pieces, amplitude, strict=True)
    ]


def _why(why: str) -> Examined | str:
    return why


def _result(future: Future[Examined]) -> Examined | str:
    return future.result()


def _scope(
    light: Light,
    followed: FollowedSpots,
    reflections: Sequence[FollowedReflection],
    piece: Piece,
    movie: Movie,
    rows: Ints | None,
) -> Scope:
    """Traces of a place, with those of crystals that came in its windows."""
    spots = followed.spots
    peaks, crystal_of = spots.peaks, spots.reflections.crystal
    inside = np.zeros(len(spots.grid), bool)
    inside[piece.windows] = True
    of_peak, here = crystal_of[spots.reflections.of_peak], inside[peaks.window]
    # Asked of these windows: a neighbour that was there all along may grow into them.
    first = {
        int(crystal): int(peaks.seen[here & (of_peak == crystal)].any(axis=0).argmax())
        for crystal in np.unique(of_peak[here])
    }
    late = set()
    for crystal, segment in first.items():
        its = np.unique(peaks.window[of_peak == crystal])
        both = int(inside[its].sum())
        if segment > first[piece.crystal] and both >= BESIDE * min(len(its), len(piece.windows)):
            late.add(crystal)
    exposure = light.on(piece.bearing, piece.power)
    some = followed.within(
        [each for each in reflections if crystal_of[each.number] in late | {piece.crystal}],
        inside,
        rows,
    )
    traces = [_spot_trace(followed, one) for one in some]
    alone = [trace for trace in traces if trace.crystal == piece.crystal]
    name = f"place {piece.number} ({_spacings(alone, movie)})"
    corners = spots.corners[piece.windows]
    scope = light.axis.scope(name, traces, exposure)
    return replace(
        scope, signal=followed.signal.beside(spots.one_each(piece.windows)),
        scatter=exposure * piece.scatter, boxes=np.hstack([corners, corners + spots.grid.window]),
        crystal=piece.crystal,
        broadening=broadening(
            peaks, here & (of_peak == piece.crystal),
            overlap_factors(spots.grid, piece.windows)[0],
        ),
    )  # fmt: skip


def _spacings(traces: Sequence[SpotTrace], movie: Movie) -> str:
    size, unit = (movie.pixel_size, "Å") if movie.pixel_size is not None else (1.0, "px")
    strongest = sorted(traces, key=lambda trace: -float(np.nansum(trace.snr)))[:NAMED]
    return ", ".join(f"{size / trace.g:.3g}" for trace in strongest) + f" {unit}"


def _spot_trace(of: FollowedSpots, followed: FollowedReflection) -> SpotTrace:
    spots, trace, mine = of.spots, followed.trace, followed.spots
    gy, gx, _ = followed.mean_frequency(spots)
    in_phase, own = overlap_factors(spots.grid, spots.peaks.window[mine])
    g = np.hypot(trace.gy, trace.gx)
    return SpotTrace(
        spot=followed.number,
        crystal=int(spots.reflections.crystal[followed.number]),
        gy=gy,
        gx=gx,
        snr=trace.mean_snr,
        windows=trace.windows,
        in_phase=in_phase,
        own=own,
        d_px=1 / g,
        d_se_px=trace.g_se / g**2,
        averaged=trace.averaged,
        total=trace.snr,
    )
