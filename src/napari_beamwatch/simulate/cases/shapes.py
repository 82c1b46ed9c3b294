"""Cases that change their shape or spacing."""

from __future__ import annotations

from collections.abc import Sequence

from napari_beamwatch.simulate.cases.case import View, case
from napari_beamwatch.simulate.cases.parts import discs, scene_of
from napari_beamwatch.simulate.laws import Knots, Saturating
from napari_beamwatch.simulate.scene import Patch, Scene, shrinking_series, swelling_series


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
