"""napari's writer hook: what the layers of a result show, as a run folder or one of its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_beamwatch._napari.hooks import say_where_files_go
from napari_beamwatch._napari.layers import LayerData
from napari_beamwatch._napari.ours import ONSET_MAP, OURS, RESULT
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.run_folder import RECORD, TABLES
from napari_beamwatch.results.table_files import write_table


def write(path: str | None = None, layers: Sequence[LayerData] = ()) -> list[str]:
    """Write the result that layers show.

    Parameters
    ----------
    path : str
        ``NAME/run.json`` or ``NAME.json`` for the run folder NAME; ``places.csv``, ``spots.csv``
        or any other table of a run, also with words before its name; any other ``NAME.csv`` for
        the table of windows that the onset map shows.
    layers : sequence of layer data
        The onset map among others.

    Returns
    -------
    list of str
        The file that was named; of a run its record.
    """
    if path is None:
        say_where_files_go()
        return []
    result = result_shown(layers)
    target = Path(path)
    if target.suffix.lower() == ".csv":
        # The longest that fits is meant.
        asked = [name for name in TABLES if target.stem.lower().endswith(name)]
        write_table(getattr(result, max(asked, key=len, default="windows")), target)
        return [path]
    named = target.name == RECORD
    folder = target.parent if named else target.with_suffix("")
    # Who names a record that is there has been asked whether it shall be replaced.
    return [str(result.save(folder, force=named and target.is_file()) / RECORD)]


def result_shown(layers: Sequence[LayerData]) -> Result:
    """The result that the one onset map among layers shows."""
    about = [known["metadata"] for _, known, _ in layers]
    found = [one[RESULT] for one in about if one.get(OURS) == ONSET_MAP and RESULT in one]
    if len(found) != 1:
        raise BeamwatchError(
            f"{len(found) or 'none'} of these layers show{'' if found else 's'} what was found: "
            "select one Onset map, then File ▸ Save Selected Layers"
        )
    result: Result = found[0]
    return result
