"""The same analysis on the workers of a dask cluster: tables are the same to the last digit.

    python examples/on_a_cluster.py [MOVIE [ADDRESS]]

Without a movie one is simulated into a file, which workers read themselves; without the address of
a scheduler two workers are started here. On SLURM see docs/cluster.md.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from dask.distributed import Client, LocalCluster

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie


def on(client: Client, path: Path) -> None:
    movie = bw.open_movie(path)
    result = bw.analyze(movie, bw.Settings(criteria=("fading",)), client=client)
    workers = len(client.scheduler_info()["workers"])
    print(f"{workers} workers: {result.summary['answer']}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            path = Path(sys.argv[1])
        else:
            path = Path(folder) / "lif.mrc"
            write_movie(
                simulate("lif-room-temperature", frames=24, frame_dose=15.0, size=384), path
            )
        if len(sys.argv) > 2:
            with Client(sys.argv[2]) as client:
                on(client, path)
            return
        # On one machine threads serve as well as processes, and start at once.
        with (
            LocalCluster(processes=False, n_workers=2, threads_per_worker=1,
                         dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):  # fmt: skip
            on(client, path)


if __name__ == "__main__":
    main()
