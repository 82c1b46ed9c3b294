"""``beamwatch report``: pages about runs, for people without any of this."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.reports import write_report


def report(runs: Sequence[str], out: str | None) -> bool:
    """Write the report of each run; True if all went well.

    Parameters
    ----------
    runs : sequence of str
        Their folders.
    out : str or None
        The file, of one run; None for ``report.html`` in each folder.
    """
    good = True
    for run in runs:
        try:
            print(printable(write_report(Path(run), out)))
        except (BeamwatchError, OSError) as error:
            print(printable(f"beamwatch: {error}"), file=sys.stderr)
            good = False
    return good
