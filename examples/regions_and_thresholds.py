"""Ask about regions of a field, and for the dose at which your own threshold is passed.

    python examples/regions_and_thresholds.py [MOVIE]

Without a file a movie is simulated in which LiF becomes Li2O, patch by patch.
"""

from __future__ import annotations

import sys

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate


def main() -> None:
    if len(sys.argv) > 1:
        movie = bw.open_movie(sys.argv[1])
    else:
        movie = simulate("lif-to-li2o", frames=50, frame_dose=12.0, size=512, pixel_size=0.25)
    height, width = movie.shape[1:]
    left = bw.Region.rectangle("left", 0, height, 0, width // 2)
    corner = bw.Region("corner", ((0, width), (0, width // 3), (2 * height // 3, width)))
    result = bw.analyze(movie, regions=[left, corner])

    # A threshold never touches the onset: it has columns of its own, and is asked for anew.
    for fraction in (0.9, 0.5):
        result = bw.apply_thresholds(result, fraction=fraction, d_tolerance=1.0, persistence="end")
        print(f"spots below {fraction:.0%} of their plateau, for good:")
        for row in result.onsets.itertuples():
            print(
                f"  {row.region:8s}{row.status:10s} onset {row.onset_dose_e_per_A2:6.0f} e/Å², "
                f"threshold {row.threshold_dose_e_per_A2:6.0f} e/Å² ({row.threshold_status})"
            )


if __name__ == "__main__":
    main()
