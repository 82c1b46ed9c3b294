"""``beamwatch plan``: the next movie, and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_beamwatch.campaign.planning import CONTRAST
from napari_beamwatch.campaign.planning import plan as planned
from napari_beamwatch.harmless import printable

if TYPE_CHECKING:
    from argparse import Namespace


def plan(args: Namespace) -> None:
    """Print a plan."""
    made = planned(
        args.compound,
        args.temperature,
        d=args.d,
        window_nm=args.window_nm,
        dose_rate=args.dose_rate,
        source=args.source,
        measure=args.measure,
        intact=args.survive / 100,
        movies=args.movies,
        frame_time=args.frame_time,
        pixel_size=args.pixel_size,
        contrast=CONTRAST if args.contrast is None else args.contrast,
    )
    for line in made.words.splitlines():
        print(printable(line))
