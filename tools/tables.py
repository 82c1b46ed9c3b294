"""Write the tables of the docs that are made of lists in the code.

.venv/bin/python tools/tables.py            # writes them
.venv/bin/python tools/tables.py --check    # tells which of them are not what they should be
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from napari_beamwatch import asked
from napari_beamwatch.knobs import knobs_of
from napari_beamwatch.settings import Settings, option_of

DOCS = Path(__file__).parents[1] / "docs"


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [[*titles], ["---"] * len([*titles]), *([*row] for row in rows)]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def settings() -> str:
    """Every field of `Settings`."""
    rows = (
        (
            f"`{name}`",
            f"`{option_of(name)} {knob.metavar}`",
            knob.written(usual) or "none",
            knob.range,
            knob.help,
        )
        for name, knob, usual in knobs_of(Settings)
    )
    return table(("setting", "option", "usual", "can be", "what it does"), rows)


def in_python(one: asked.Asked) -> str:
    if one.name in asked.CONDITION_NAMES:
        return f"condition `{one.name}`"
    if one in (asked.BEAM_CURRENT, asked.BEAM_DIAMETER):
        return "`DoseCalibration.of_beam`"
    return f"`{one.name}`"


def movie() -> str:
    """All that a movie can be told."""
    rows = (
        (
            f"`{one.option} {one.metavar}`".replace(" `", "`"),
            in_python(one),
            ON_PANEL[one.group],
            one.units,
            one.help,
        )
        for one in asked.every()
    )
    return table(("option", "in Python", "on the panel", "units", "what it is"), rows)


ON_PANEL = {
    asked.ROW: "a row",
    asked.BEAM: "▸ Dose and beam",
    asked.OPENING: "*Open with…*",
    asked.CONDITION: "▸ Conditions",
}

TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("settings.md", settings),
    "movie": ("cli.md", movie),
}
"""The page and the maker of each."""


def main(check: bool) -> int:
    stale = 0
    for name, (page, made) in TABLES.items():
        path = DOCS / page
        text = path.read_text(encoding="utf-8")
        mark = f"<!-- table: {name} -->"
        found = re.search(rf"{mark}\n.*?(?=<!-- end -->)", text, re.S)
        if found is None:
            raise SystemExit(f"{page} has no place for the table {name}")
        wanted = f"{mark}\n{made()}\n"
        if found[0] == wanted:
            continue
        stale += 1
        print(f"{page}: the table {name} is not what the code says")
        if not check:
            path.write_text(text.replace(found[0], wanted), encoding="utf-8")
    return stale if check else 0


if __name__ == "__main__":
    raise SystemExit(main("--check" in sys.argv[1:]))
