"""The dose to set on the microscope so that nine places of ten stay as they were.

    python examples/plan_the_next_movie.py [SUMMARY]

SUMMARY is a folder of `beamwatch summary`; without it published limits are taken, which is a rule
of thumb.
"""

from __future__ import annotations

import sys

import napari_beamwatch as bw


def main() -> None:
    source = sys.argv[1] if len(sys.argv) > 1 else None
    for temperature in (20.0, -170.0):
        planned = bw.plan(
            "LiF", temperature, d=2.01, window_nm=9.0, dose_rate=8.0, intact=0.9, source=source
        )
        print(planned.words, end="\n\n")


if __name__ == "__main__":
    main()
