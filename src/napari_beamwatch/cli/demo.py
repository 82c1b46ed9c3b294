"""``beamwatch demo``: the bundled sample, analysed, and how near the answer is to the truth."""

from __future__ import annotations

from typing import Any

from napari_beamwatch.analysis import analyze
from napari_beamwatch.cli.progress import progress_line
from napari_beamwatch.cli.words import print_answer
from napari_beamwatch.simulate.cases import simulate

SAMPLE = "lif-room-temperature"


def demo(**filmed: Any) -> None:
    """Analyse the LiF sample and print what was found beside what is true.

    Parameters
    ----------
    **filmed
        How it is filmed, as `simulate` takes it; as napari's sample by default.
    """
    movie = simulate(SAMPLE, **filmed)
    frames, height, width = movie.shape
    print(f"{movie.truth.description}, simulated: {frames} frames of {height} × {width} px")
    with progress_line(movie.name) as progress:
        result = analyze(movie, progress=progress)
    print_answer(result.summary)
    truth = movie.truth.onset_dose_e_per_A2
    if truth is not None:
        print(f"  truth: the first grain begins to fade at {truth:.4g} e/Å²")
