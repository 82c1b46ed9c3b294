"""``beamwatch simulate``: write a movie whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.cases import case_names, load_case
from napari_beamwatch.simulate.cases import simulate as simulated
from napari_beamwatch.simulate.writing import ENDINGS, write_movie

if TYPE_CHECKING:
    from argparse import Namespace


def list_cases() -> None:
    """Print the names of the cases with a line on each."""
    width = max(len(name) for name in case_names())
    for name in case_names():
        print(f"{name:<{width}}  {load_case(name).description}")


def simulate(args: Namespace) -> None:
    """Write the movie that was asked for, and its truth."""
    out = Path(args.out)
    if out.suffix.lower() not in ENDINGS:
        raise BeamwatchError(f"{out} must end in one of {', '.join(ENDINGS)}")
    if out.exists() and not args.force:
        raise BeamwatchError(f"{out} is there already: --force replaces it")
    movie = simulated(
        args.case,
        frames=args.frames,
        size=args.size,
        pixel_size=args.pixel_size,
        frame_dose=args.frame_dose,
        seed=args.seed,
    )
    truth = write_movie(movie, out)
    print(f"{out}  {out.stat().st_size / 1e6:.1f} MB, {movie!r}")
    print(f"{truth}  the truth")
