"""Print every dependency of the package at its floor, as constraints that pip reads."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
FLOOR = re.compile(r"(?P<name>[\w.-]+)(\[[\w,]+\])?>=(?P<version>[\w.]+)")

project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for said in (
    *project["dependencies"],
    *extras["formats"],
    *extras["video"],
    *extras["distributed"],
):
    floor = FLOOR.fullmatch(said)
    if floor is None:
        raise SystemExit(f"{said!r} in pyproject.toml names no floor")
    print(f"{floor['name']}=={floor['version']}")
