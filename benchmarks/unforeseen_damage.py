"""Scenes in which the lattice is damaged, in ways of its own."""

from __future__ import annotations

import numpy as np
from unforeseen_optics import (
    Columns,
    Part,
    Rng,
    View,
    disc,
    together,
)
from unforeseen_stage import (
    WHOLE,
    Scene,
    Stage,
    Truth,
    all_of,
    either,
    from_dose,
    smooth,
    still,
)


def scattered(rng: Rng) -> Scene:
    """Each of a dozen grains fades from a dose of its own on."""
    s = Stage(rng, size=640)
    grains = s.mosaic(12)[0]
    begins = np.clip(0.5 * np.exp(0.35 * rng.standard_normal(12)), 0.15, 1.2) * s.total
    share = np.array([np.all(np.abs(g.at) < s.half, axis=1).sum() for g in grains], float)
    order = np.argsort(begins)
    spoken = np.cumsum(share[order]) >= 0.05 * share.sum()
    first = float(begins[order][np.argmax(spoken)])
    return s.film_movie(
        from_dose(first),
        all_of(*(s.fading(g, s.course(float(b), 0.06 * s.total))
                 for g, b in zip(grains, begins, strict=True))),
    )  # fmt: skip


def lone(rng: Rng) -> Scene:
    """One particle of 6 to 9 nm on a film fades."""
    s = Stage(rng, contrast=0.12, dose=rng.uniform(5, 9))
    grain = s.shape(disc(rng.uniform(-0.3, 0.3, 2) * s.half, rng.uniform(30, 45)))
    onset = s.onset()
    return s.film_movie(from_dose(onset), s.fading(grain, s.course(onset)))


def faint(rng: Rng) -> Scene:
    """All fades, in a record that is weak: 2 e/Å² a frame, 3 to 4 % of contrast."""
    s = Stage(rng, contrast=rng.uniform(0.03, 0.04), dose=2.0, frames=80)
    onset = s.onset()
    truth = Truth(onset, withheld=frozenset({"ambiguous", "no_lattice"}))
    return s.film_movie(truth, s.fading(together(s.mosaic(3)[0]), s.course(onset)))


def fade_all(rng: Rng) -> Scene:
    """The plain thing: all grains fade from one dose on."""
    s = Stage(rng)
    onset = s.onset()
    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(4)[0]), s.course(onset)))


def two_grains(rng: Rng) -> Scene:
    """Two grains fade from 0.3 and 0.6 of the record on, the others stay."""
    s = Stage(rng)
    grains = s.mosaic(6)[0]
    first = 0.3 * s.total
    return s.film_movie(
        from_dose(first),
        all_of(s.fading(grains[0], s.course(first)), s.fading(grains[1], s.course(2 * first)),
               still(*grains[2:])),
    )  # fmt: skip


def small_part(rng: Rng) -> Scene:
    """Crystals of 3 to 5 % of the field fade, the rest stays."""
    s = Stage(rng)
    share, corner = rng.uniform(0.03, 0.05), rng.uniform(-0.6, 0.6, 2) * s.half
    spot = disc(corner, 2 * s.half * np.sqrt(share / np.pi))
    whole, onset = s.shape(), s.onset()
    here = spot(whole.at)
    return s.film_movie(
        either(onset),
        all_of(still(whole.only(~here)), s.fading(whole.only(here), s.course(onset))),
    )


def from_the_first(rng: Rng) -> Scene:
    """Everything fades from the first electron on."""
    s = Stage(rng)
    return s.film_movie(
        from_dose(0.0), s.fading(together(s.mosaic(3)[0]), s.course(0.0, s.total * 0.15))
    )


def junk_goes(rng: Rng) -> Scene:
    """A weak bit of something else, of 1 to 2 % of the field, is gone within a few frames."""
    s = Stage(rng, ("LiF", "Na2O"))
    bit = disc(
        rng.uniform(-0.6, 0.6, 2) * s.half, 2 * s.half * np.sqrt(rng.uniform(0.01, 0.02) / 3)
    )
    junk, whole = s.shape(bit, 1, contrast=0.05), s.shape()
    h = s.course(0.05 * s.total, 0.03 * s.total)
    return s.film_movie(WHOLE, all_of(still(whole), s.fading(junk, h)))


def shoulders(rng: Rng) -> Scene:
    """Everything loses a third, waits, and goes."""
    s = Stage(rng)
    onset = s.onset(0.25, 0.35)
    later = onset + rng.uniform(0.25, 0.35) * s.total
    h = s.course(onset, 0.03 * s.total, kept=0.6) * s.course(later, 0.06 * s.total)
    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(3)[0]), h))


def weak_beneath(rng: Rng) -> Scene:
    """A weak lattice lies under a strong one, and only the weak one fades."""
    s = Stage(rng, ("Au", "Li2O"), contrast=0.14)
    strong, weak = s.shape(), s.shape(cell=1, contrast=0.04)
    onset = s.onset()
    return s.film_movie(from_dose(onset), all_of(still(strong), s.fading(weak, s.course(onset))))


def swelling(rng: Rng) -> Scene:
    """The lattice swells or shrinks by 1 to 3 % from a dose on, each grain about its middle."""
    s = Stage(rng)
    grains, centres = s.islands(8, (18, 30))
    onset, most = s.onset(), rng.uniform(0.012, 0.03) * rng.choice([-1, 1])
    dose = (np.arange(s.frames) + 0.5) * s.dose
    grown = 1 - np.exp(-np.maximum(dose - onset, 0) / (0.08 * s.total))
    return s.film_movie(
        from_dose(onset),
        lambda t: [Part(g.turned(0, c, 1 + most * grown[t]) if grown[t] else g)
                   for g, c in zip(grains, centres, strict=True)],
    )  # fmt: skip


def recrystallised(rng: Rng) -> Scene:
    """The lattice goes in part, and comes back turned."""
    s = Stage(rng)
    old, new = s.shape(angle=15), s.shape(angle=float(rng.uniform(45, 75)))
    onset = s.onset(0.25, 0.4)
    h = s.course(onset, 0.06 * s.total, kept=0.15)
    came = 0.8 * smooth((np.arange(s.frames) + 0.5) * s.dose, onset + 0.1 * s.total, 0.8 * s.total)
    return s.film_movie(
        from_dose(onset, "ambiguous"), all_of(s.fading(old, h), lambda t: [Part(new, came[t])])
    )


def shrinking(rng: Rng) -> Scene:
    """Particles on a film shrink from the rim; what is left of them is whole."""
    s = Stage(rng, ("Au", "NaF"), contrast=0.12)
    grains, centres = s.islands(7, (22, 36))
    onset, rate = s.onset(0.25, 0.5), rng.uniform(0.5, 0.8)
    away = [np.hypot(*(g.at - c).T) for g, c in zip(grains, centres, strict=True)]

    def parts(t: int) -> list[Part]:
        gone = rate * max((t + 0.5) * s.dose - onset, 0) / (s.total - onset)
        return [Part(g.only(a < a.max() * (1 - gone)) if gone else g)
                for g, a in zip(grains, away, strict=True)]  # fmt: skip

    return s.film_movie(from_dose(onset), parts)


def torn(rng: Rng) -> Scene:
    """A hole opens from a dose on and takes crystals with it."""
    s = Stage(rng)
    grains, onset = together(s.mosaic(5)[0]), s.onset()
    y, x = s.scope.grid()
    at = rng.uniform(-0.5, 0.5, 2) * s.half
    away = np.hypot(y - at[0], x - at[1])

    def view(t: int) -> View:
        r = 0.6 * s.half * np.sqrt(max((t + 0.5) * s.dose - onset, 0) / (s.total - onset))
        matter = 1 / (1 + np.exp(np.clip((r - away) / 2, -40, 40))) if r else 1.0
        return View(contrast=matter, beam=1 + 0.15 * (1 - matter))

    return s.film_movie(from_dose(onset, "ambiguous"), still(grains), view)


def late(rng: Rng) -> Scene:
    """Damage begins in the last tenth."""
    s = Stage(rng)
    onset = s.onset(0.91, 0.95)
    h = s.course(onset, 0.03 * s.total)
    return s.film_movie(
        Truth(onset, frozenset({"ambiguous", "survived"}), frozenset()),
        s.fading(together(s.mosaic(4)[0]), h),
    )


def at_once(rng: Rng) -> Scene:
    """Fading began before the record did, without a plateau."""
    s = Stage(rng)
    h = s.course(0.0, rng.uniform(0.15, 0.4) * s.total)
    return s.film_movie(from_dose(0.0, "damaged_at_start"), s.fading(s.shape(), h))


def slow(rng: Rng) -> Scene:
    """A slow loss, to half or so at the end."""
    s = Stage(rng)
    onset = s.onset(0.15, 0.35)
    h = s.course(onset, rng.uniform(0.5, 0.9) * s.total)
    return s.film_movie(from_dose(onset), s.fading(together(s.mosaic(4)[0]), h))


def front(rng: Rng) -> Scene:
    """A front of damage runs across one crystal: each column has its own onset."""
    s = Stage(rng)
    whole, onset = s.shape(), s.onset(0.2, 0.35)
    gone = Columns(whole.at + 1.2 * rng.standard_normal(whole.at.shape), whole.strength)
    where = (whole.at[:, 0] + s.half) / (2 * s.half)
    begins = onset + np.clip(where, 0, 1) * 0.5 * s.total

    def parts(t: int) -> list[Part]:
        h = np.exp(-0.5 * np.maximum((t + 0.5) * s.dose - begins, 0) / (0.05 * s.total))
        return [Part(Columns(whole.at, whole.strength * h)),
                Part(Columns(gone.at, gone.strength * (1 - h)))]  # fmt: skip

    # When it has come over a twentieth of the field: what is smaller is no headline.
    return s.film_movie(from_dose(onset + 0.05 * 0.5 * s.total), parts)
