"""Cases that change their shape or spacing."""

from __future__ import annotations

from collections.abc import Sequence

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.cases.case import View, case
from napari_beamwatch.simulate.cases.parts import called, discs, scene_of
from napari_beamwatch.simulate.laws import Knots, Law, Saturating
from napari_beamwatch.simulate.scene import (
    MEAN_FREE_PATH,
    Change,
    Patch,
    Picture,
    Scene,
    shrinking_series,
    swelling_series,
    thickness_series,
)
from napari_beamwatch.simulate.shapes import Box
from napari_beamwatch.simulate.truth import LATE

THINNED_OFF = Picture("lif-110-0nm")


@case()
def swelling(view: View, onset: float = 200.0, tau: float = 80.0, percent: float = 1.5) -> Scene:
    """LiF grains whose lattice swells by 1.5 percent and stays so."""
    path = Saturating(percent, tau, onset)
    patches = tuple(
        Patch(
            f"grain {i + 1}", swelling_series(path), where=disc, centre=(disc.y, disc.x), turn=turn
        )
        for i, (disc, turn) in enumerate(discs(view, 60.0))
    )
    return scene_of(swelling, patches)


@case()
def shrinking_particle(view: View, onset: float = 150.0, span: float = 250.0) -> Scene:
    """LiF particles that shrink and round off at the edges; their lattice stays."""
    return scene_of(shrinking_particle, _shrinking(view, onset, span, (0, 1, 2, 3)))


@case()
def void(view: View, onset: float = 150.0, span: float = 250.0) -> Scene:
    """LiF particles that shrink and open a void."""
    return scene_of(void, _shrinking(view, onset, span, (0, 1, 2, 3, 4)))


@case()
def thinning(
    view: View,
    thickness: float = 30.0,
    onset: float = 150.0,
    rate: float = 0.1,
    tau: float | None = None,
    left: float = 0.0,
    mean_free_path: float = MEAN_FREE_PATH,
    film: float = 0.3,
) -> Scene:
    """LiF [110] that the beam thins: its spots rise and fall with the thickness, then go.

    From a `thickness` of up to 60 nm it loses `rate` nm per e/Å² until `left` nm are left or, with
    a `tau`, comes to that exponentially. `film` is the part of the field, on the right, where there
    is no crystal: its mean is what the crystal's, exp(-thickness / `mean_free_path`), rises to.
    """
    if not (left < thickness and rate > 0 and (tau is None or tau > 0) and 0 <= film < 1):
        raise BeamwatchError(
            "thinning needs left < thickness, rate > 0, tau > 0 and 0 ≤ film < 1, not "
            f"{left}, {thickness}, {rate}, {tau} and {film}"
        )
    gone = onset + (thickness - left) / rate
    path: Law = Knots((onset, gone), (thickness, left))
    if tau is not None:
        path = Saturating(left, tau, onset, start=thickness)
    series = thickness_series(path, thickness, left, mean_free_path=mean_free_path)
    vanishes = left == 0 and tau is None
    # Nothing is seen of this change, which only says that there is no lattice any more.
    off = Change(Knots((gone, gone + 1e-3), (1.0, 0.0)), THINNED_OFF)
    crystal = Box(-1e4, 1e4, -1e4, (1 - film) * view.width if film else 1e4)
    return scene_of(
        thinning,
        (Patch("crystal", series, (off,) if vanishes else (), crystal),),
        background=THINNED_OFF,
        verdict=called(
            view,
            onset,
            "the crystal thins: both fading and mass_loss are right",
            # Until it has gone, rising and falling spots may be anything.
            *(() if vanishes and gone < LATE * view.dose else ("ambiguous",)),
        ),
    )


def _shrinking(view: View, onset: float, span: float, sizes: Sequence[int]) -> tuple[Patch, ...]:
    path = Knots((onset, onset + span), (0.0, float(len(sizes) - 1)))
    return tuple(
        Patch(
            f"particle {i + 1}",
            shrinking_series(path, sizes),
            where=disc,
            centre=(disc.y, disc.x),
            turn=turn,
        )
        for i, (disc, turn) in enumerate(discs(view, 60.0))
    )
