"""The image of the undamaged specimen: frames added up, each place to its own onset.

    python examples/best_image.py [MOVIE [FILE]]

Without a movie one is simulated. FILE (.mrc, .tif or .ome.tif) is written with pixel size and
provenance.
"""

from __future__ import annotations

import sys
from pathlib import Path

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.summing.writing import write_image


def main() -> None:
    if len(sys.argv) > 1:
        movie = bw.open_movie(sys.argv[1])
    else:
        movie = simulate("lif-room-temperature", frames=40, frame_dose=10.0, size=512)
    result = bw.analyze(movie)
    weighted = bw.sum_undamaged(movie, result)  # every frame by the amplitude that is left
    alike = bw.sum_undamaged(movie, result, survive=0.9)  # frames with 90 % of the lattice, alike
    for name, image in (("weighted", weighted), ("alike", alike)):
        print(
            f"{name}: {image.frames} of {len(movie)} frames, the last up to {image.dose:.0f} e/Å², "
            f"tells as much as {image.worth.mean():.1f} undamaged ones"
        )
    if len(sys.argv) > 2:
        write_image(weighted, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
