"""Scenes in which the microscope, its beam or its stage is not steady."""

from __future__ import annotations

import numpy as np
from unforeseen_optics import (
    Columns,
    Floats,
    Part,
    Rng,
    View,
    together,
)
from unforeseen_stage import (
    DOUBTFUL,
    WHOLE,
    Scene,
    Stage,
    all_of,
    fading_or_not,
    from_dose,
    half_fades,
    log_uniform,
    smooth,
    still,
)


def shade(rng: Rng) -> Scene:
    """An edge of the beam creeps in over part of the field."""
    s = Stage(rng)
    grains = together(s.mosaic(6)[0])
    y, x = s.scope.grid()
    angle, deep = rng.uniform(0, 360), rng.uniform(0.05, 0.4)
    along = np.cos(np.deg2rad(angle)) * y + np.sin(np.deg2rad(angle)) * x

    def view(t: int) -> View:
        edge = 1.5 * s.half - 1.6 * s.half * smooth(t, 0.3 * s.frames, 0.9 * s.frames)
        return View(beam=deep + (1 - deep) / (1 + np.exp((along - edge) / (0.08 * s.half))))

    return s.film_movie(WHOLE, still(grains), view)


def vibration(rng: Rng) -> Scene:
    """A blur along one direction comes and stays, or grows."""
    s = Stage(rng)
    grains = together(s.mosaic(5)[0])
    begin, sudden = rng.uniform(0.3, 0.6) * s.frames, rng.random() < 0.5
    most = rng.uniform(0.45, 0.8)
    axis = int(rng.integers(2))

    def view(t: int) -> View:
        b = most * (float(t >= begin) if sudden else float(smooth(t, begin, s.frames)))
        return View(blur=(b, 0.05) if axis else (0.05, b))

    return s.film_movie(DOUBTFUL, still(grains), view)


def defocusing(rng: Rng) -> Scene:
    """Everything slowly goes out of focus, by 15 to 50 nm."""
    s = Stage(rng, granularity=0.07)
    grains, far = together(s.mosaic(4)[0]), rng.uniform(150, 500) * rng.choice([-1, 1])
    return s.film_movie(
        DOUBTFUL, still(grains), lambda t: View(defocus=far * max(t / s.frames - 0.2, 0))
    )


def blurring(rng: Rng) -> Scene:
    """Everything slowly loses sharpness alike, as with charging or a lens that drifts."""
    s = Stage(rng, granularity=0.07)
    grains, most, begin = together(s.mosaic(4)[0]), rng.uniform(0.4, 0.7), rng.uniform(0.2, 0.5)

    def view(t: int) -> View:
        b = most * float(smooth(t / s.frames, begin, 1.1))
        return View(blur=(b, b))

    return s.film_movie(DOUBTFUL, still(grains), view)


def astigmatic(rng: Rng) -> Scene:
    """Astigmatism of 10 to 25 nm comes."""
    s = Stage(rng, granularity=0.07)
    grains, most = together(s.mosaic(4)[0]), rng.uniform(100, 250)
    return s.film_movie(
        DOUBTFUL, still(grains),
        lambda t: View(astigmatism=most * float(smooth(t / s.frames, 0.3, 0.8))),
    )  # fmt: skip


def buckled(rng: Rng, stays: bool) -> Scene:
    """A buckle of the film sweeps through, or comes to stand: a band that is tilted and darker.

    Tilted columns are seen as lines: what has its planes along the tilt stays as sharp as it was.
    """
    s = Stage(rng)
    whole = s.shape()
    y, x = s.scope.grid()
    angle, wide = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.4) * s.half
    across, most = np.array([np.cos(angle), np.sin(angle)]), rng.uniform(1.4, 2.2)

    def band(t: int, along: Floats) -> Floats:
        done = 0.5 * float(smooth(t / s.frames, 0.2, 0.7)) if stays else t / s.frames
        return np.exp(-0.5 * ((along - (4 * done - 2) * s.half) / wide) ** 2)

    def parts(t: int) -> list[Part]:
        tilt = band(t, whole.at @ across)[:, None] * most * across
        return [
            Part(together([Columns(whole.at + k * tilt, whole.strength / 5) for k in
                           (-0.4, -0.2, 0.0, 0.2, 0.4)]))
        ]  # fmt: skip

    return s.film_movie(
        DOUBTFUL if stays else WHOLE, parts,
        lambda t: View(beam=1 - 0.1 * band(t, across[0] * y + across[1] * x)),
    )  # fmt: skip


def drift_jump(rng: Rng) -> Scene:
    """The stage jumps by 4 to 15 px within a frame in the middle of the record."""
    s = Stage(rng)
    grains = together(s.mosaic(5)[0])
    when, jump = int(s.frames * rng.uniform(0.4, 0.6)), rng.normal(0, 1, 2)
    jump *= rng.uniform(4, 15) * s.pixel / np.hypot(*jump)
    return s.film_movie(
        WHOLE, still(grains),
        lambda t: View(shift=tuple(jump * ((t > when) + 0.5 * (t == when))),
                       smear=tuple(jump * (t == when))),
    )  # fmt: skip


def half_lost(rng: Rng, fades: bool) -> Scene:
    """The stage drifts until half of the first field of view has gone out of it."""
    s = Stage(rng, size=512, frames=int(rng.integers(50, 81)))
    t = np.arange(s.frames)[:, None] / s.frames
    way = s.half * rng.uniform(0.8, 1.1)
    angle = rng.uniform(0, 2 * np.pi)
    s.drift = way * t * np.array([np.sin(angle), np.cos(angle)]) + 0.1 * s.pixel * rng.normal(
        size=(s.frames, 2)
    )
    s.scope.film = s.scope.new_film(int(1.2 * way / s.pixel))
    grains = together(s.mosaic(5)[0])
    if not fades:
        return s.film_movie(WHOLE, still(grains))
    onset = s.onset(0.45, 0.6)
    return s.film_movie(from_dose(onset), s.fading(grains, s.course(onset)))


def beam_moves(rng: Rng) -> Scene:
    """A round beam wanders over the field: bright here at first, there in the end."""
    s = Stage(rng)
    grains = together(s.mosaic(6)[0])
    y, x = s.scope.grid()

    def view(t: int) -> View:
        at = s.half * (1.2 * t / s.frames - 0.6)
        return View(beam=0.15 + 1.2 * np.exp(-((y - at) ** 2 + x**2) / (0.9 * s.half) ** 2))

    return s.film_movie(WHOLE, still(grains), view)


def rate_changes(rng: Rng, fades: bool) -> Scene:
    """The dose rate is another from some frame on, and the user says so."""
    s = Stage(rng)
    when, ratio = int(s.frames * rng.uniform(0.35, 0.6)), log_uniform(rng, 1.6, 3.5)
    ratio = ratio if rng.random() < 0.5 else 1 / ratio
    rate = np.where(np.arange(s.frames) >= when, ratio, 1.0)
    grains = together(s.mosaic(4)[0])
    dose = rate * s.dose
    ends = np.cumsum(dose)
    onset = float(rng.uniform(0.35, 0.6) * ends[-1])
    tau = log_uniform(rng, 0.04, 0.12) * ends[-1]
    starts = ends - dose
    inside = starts[:, None] + dose[:, None] * (np.arange(8) + 0.5) / 8
    h = np.exp(-0.5 * np.maximum(inside - onset, 0) / tau).mean(axis=1)
    parts = s.fading(grains, h) if fades else still(grains)
    found = s.counted(s.pictures(parts, lambda t: View(beam=float(rate[t]))))
    return s.scene(found, from_dose(onset) if fades else WHOLE, dose)


def accelerating(rng: Rng) -> Scene:
    """The stage drifts ever faster, in the end by 3 to 5 px a frame: spots smear in each frame."""
    s = Stage(rng, frames=int(rng.integers(40, 61)))
    angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(3, 5) * s.pixel
    t = np.arange(s.frames)[:, None] / s.frames
    s.drift = speed * s.frames / 3 * t**3 * np.array([np.sin(angle), np.cos(angle)])
    s.scope.film = s.scope.new_film(int(s.drift.max() / s.pixel) + 60)
    return s.film_movie(DOUBTFUL, still(together(s.mosaic(4)[0])))


def unsteady_focus(rng: Rng, calm: float, fades: bool) -> Scene:
    """The focus wanders about its mean by 2 to 5 nm all the time; how long it remembers, varies."""
    s = Stage(rng, granularity=0.07)
    grains, onset = together(s.mosaic(4)[0]), s.onset()
    keep, wide = np.exp(-1 / calm) if calm else 0.0, rng.uniform(20, 50)
    focus = np.zeros(s.frames)
    for t in range(1, s.frames):
        focus[t] = keep * focus[t - 1] + wide * np.sqrt(1 - keep**2) * rng.standard_normal()
    parts = s.fading(grains, s.course(onset)) if fades else still(grains)
    truth = from_dose(onset) if fades else DOUBTFUL
    return s.film_movie(truth, parts, lambda t: View(defocus=focus[t]))


def brightening(rng: Rng) -> Scene:
    """All spots rise from some dose on, to twice their power, and stay there."""
    s = Stage(rng)
    grains, begin = together(s.mosaic(4)[0]), rng.uniform(0.1, 0.4)
    h = 1 + 0.45 * smooth(np.arange(s.frames) / s.frames, begin, begin + 0.3)
    return s.film_movie(DOUBTFUL, lambda t: [Part(grains, float(h[t]))])


def settles_then_fades(rng: Rng) -> Scene:
    """Everything is blurred at first and comes to rest in a third of the record; then it fades."""
    s = Stage(rng)
    onset, most = s.onset(0.5, 0.65), rng.uniform(0.35, 0.6)

    def view(t: int) -> View:
        b = most * (1 - float(smooth(t / s.frames, 0, 0.35)))
        return View(blur=(b, b))

    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(4)[0]), s.course(onset)), view)


def round_beam(rng: Rng, fades: bool) -> Scene:
    """The beam is smaller than the camera: it is dark outside a disc with a bright rim."""
    s = Stage(rng)
    grains, onset = together(s.mosaic(4)[0]), s.onset()
    y, x = s.scope.grid()
    inner = rng.uniform(0.75, 0.95) * s.half - np.hypot(y - 0.1 * s.half, x)
    beam = (
        1 / (1 + np.exp(-np.clip(inner / 1.5, -40, 40))) * (1 + 0.3 * np.exp(-((inner / 5) ** 2)))
    )
    parts = s.fading(grains, s.course(onset)) if fades else still(grains)
    return s.film_movie(
        from_dose(onset) if fades else WHOLE, parts, lambda t: View(beam=beam + 0.002)
    )


def quadrant(rng: Rng) -> Scene:
    """A quarter of the camera changes its gain by 10 to 25 % midway."""
    s = Stage(rng)
    when, by = int(s.frames * rng.uniform(0.3, 0.6)), rng.uniform(0.1, 0.25) * rng.choice([-1, 1])
    y, x = s.scope.grid()
    there = (y > 0) & (x > 0)
    found = s.pictures(still(together(s.mosaic(4)[0])))
    counts = s.counted(found).astype(np.float32) * 20
    counts[when:] *= 1 + by * there
    return s.scene(counts.astype(np.uint16), WHOLE)


def in_part(rng: Rng, how: str) -> Scene:
    """Only a part of the film changes its height (for good), or begins to flutter."""
    s = Stage(rng, granularity=0.12)
    grains = together(s.mosaic(5)[0])
    y, x = s.scope.grid()
    at, r = rng.uniform(-0.5, 0.5, 2) * s.half, rng.uniform(0.45, 0.7) * s.half
    there = 1 / (1 + np.exp(np.clip((np.hypot(y - at[0], x - at[1]) - r) / 6, -40, 40)))
    begin = rng.uniform(0.25, 0.5)
    far, wide = rng.uniform(80, 250) * rng.choice([-1, 1]), rng.uniform(0.4, 0.7)
    sharp = s.pictures(still(grains))

    def view(t: int) -> View:
        done = float(smooth(t / s.frames, begin, begin + 0.25))
        if how == "height":
            return View(defocus=far * done)
        return View(blur=(wide * done, wide * done))

    return s.scene(
        s.counted((1 - there) * sharp + there * s.pictures(still(grains), view)), DOUBTFUL
    )


def dips_then_fades(rng: Rng) -> Scene:
    """All spots dip and come back, and later they fade."""
    s = Stage(rng)
    onset, t = s.onset(0.55, 0.7), np.arange(s.frames) / s.frames
    dip = 1 - 0.5 * smooth(t, 0.15, 0.2) * (1 - smooth(t, 0.32, 0.37))
    grains = together(s.mosaic(4)[0])
    gone, h = grains.disordered(rng), s.course(onset)
    return s.film_movie(
        from_dose(onset), lambda t: [Part(grains, float(dip[t] * h[t])), Part(gone, 1 - h[t])]
    )


def weakening_beam(rng: Rng) -> Scene:
    """The beam loses 20 to 40 % in the record, the user gives one dose a frame; half fades."""
    s = Stage(rng)
    grains, least = s.mosaic(6)[0], rng.uniform(0.6, 0.8)
    onset = s.onset()
    return s.film_movie(
        from_dose(onset),
        all_of(s.fading(together(grains[::2]), s.course(onset)), still(together(grains[1::2]))),
        lambda t: View(beam=1 - (1 - least) * t / s.frames),
    )


def drifting(rng: Rng, fades: bool) -> Scene:
    """The field drifts by one pixel a frame while half of it fades, or nothing does."""
    s = Stage(rng, frames=int(rng.integers(40, 71)))
    t = np.arange(s.frames)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    s.drift = s.pixel * t * np.array([np.sin(angle), np.cos(angle)])
    s.scope.film = s.scope.new_film(90)
    return half_fades(s, s.mosaic(6)[0], fades)


def fade_and_focus(rng: Rng) -> Scene:
    """All fades from a dose on while the focus wanders by some nanometres all the time."""
    s = Stage(rng)
    onset, way = s.onset(), rng.uniform(20, 60)
    phase = rng.uniform(0, 2 * np.pi)
    turns = rng.uniform(1, 3)
    return s.film_movie(
        from_dose(onset), s.fading(together(s.mosaic(4)[0]), s.course(onset)),
        lambda t: View(defocus=way * np.sin(2 * np.pi * turns * t / s.frames + phase)),
    )  # fmt: skip


def pulsing(rng: Rng, fades: bool) -> Scene:
    """Something swings: all spots go to a third and back, every 8 to 20 frames."""
    s = Stage(rng)
    period, least = rng.uniform(8, 20), rng.uniform(0.5, 0.7)
    swing = least + (1 - least) * np.cos(np.pi * np.arange(s.frames) / period) ** 2
    expected, truth = fading_or_not(
        s, together(s.mosaic(3)[0]), fades, lambda t: View(lattice=float(swing[t]))
    )
    return s.scene(s.counted(expected), truth)


def charging(rng: Rng) -> Scene:
    """In the first frames the picture leaps, blurs and is out of focus; it settles, then fades."""
    s = Stage(rng)
    onset, settled = s.onset(0.4, 0.6), rng.uniform(3, 8)
    grains = together(s.mosaic(3)[0])
    calm = np.exp(-np.arange(s.frames) / settled)
    leaps = calm[:, None] * rng.normal(0, 6 * s.pixel, (s.frames, 2))
    far, wide = rng.uniform(100, 300), rng.uniform(0.5, 1.0)
    return s.film_movie(
        from_dose(onset), s.fading(grains, s.course(onset)),
        lambda t: View(shift=tuple(leaps[t]), defocus=float(far * calm[t]),
                       blur=(float(wide * calm[t]),) * 2),
    )  # fmt: skip
