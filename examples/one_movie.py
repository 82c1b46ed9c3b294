"""Open a movie, look at what is known about it, and follow its lattice.

    python examples/one_movie.py [FILE]

Without a file a movie of LiF that fades at 152 e/Å² is simulated.
"""

from __future__ import annotations

import sys

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate


def main() -> None:
    if len(sys.argv) > 1:
        movie = bw.open_movie(sys.argv[1])
    else:
        movie = simulate("lif-room-temperature", frames=60, frame_dose=10.0, size=768)
    result = bw.analyze(movie)
    for sentence in result.notes:
        print(" -", sentence)
    field = result.spots[result.spots.region == "field"]
    print(field[["spot", "crystal", "d_A", "d_se_A", "angle_deg", "snr"]].round(4).to_string())

    strongest = field.nlargest(1, "snr").spot.iloc[0]
    trace = result.traces[(result.traces.region == "field") & (result.traces.spot == strongest)]
    print(f"spot {strongest} against dose, its first quarter being 1:")
    plateau = trace.intensity.head(len(trace) // 4).mean()
    for row in trace.iloc[:: max(1, len(trace) // 15)].itertuples():
        bar = "#" * max(0, round(30 * row.intensity / plateau))
        print(f"{row.dose_e_per_A2:6.0f} e/Å²  {row.intensity / plateau:5.2f}  {bar}")


if __name__ == "__main__":
    main()
