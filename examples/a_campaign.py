"""Many movies together: the dose of each compound and temperature, with intervals between movies.

    python examples/a_campaign.py [RUN...]

RUN are run folders of `beamwatch analyze`. Without any, warm and cold movies are simulated, and the
cold ones last four times longer.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate


def simulated() -> list[bw.Result]:
    results = []
    for seed in range(3):
        for temperature, onset in ((20.0, 100.0), (-170.0, 400.0)):
            filmed = simulate(
                "lif-room-temperature", frames=40, frame_dose=20.0, size=384, seed=seed,
                onset=onset * (1 + 0.2 * seed), tau=30.0,
            )  # fmt: skip
            movie = bw.Movie.from_array(
                filmed.frames,
                filmed.pixel_size,
                20.0,
                pre_exposure=0.0,
                conditions={"compound": "LiF", "temperature_C": temperature},
            )
            results.append(bw.analyze(movie, bw.Settings(criteria=("fading",))))
    return results


def main() -> None:
    runs: Sequence[str | bw.Result] = sys.argv[1:] or simulated()
    campaign = bw.summarize(runs, by=("compound", "temperature"), dose_rate=8.0)
    print(campaign.words())
    for row in campaign.summary[campaign.summary.measure == "onset"].itertuples():
        print(f"{row.group}: half of the lattice changed by {row.median_words} e/Å²")
    # campaign.save("summary") writes the tables, the figure of the paper and summary.json


if __name__ == "__main__":
    main()
