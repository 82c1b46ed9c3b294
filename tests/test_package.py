"""What is installed, declared and shown of the package agrees with what is in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import napari_beamwatch

ROOT = Path(__file__).parents[1]
PACKAGE = Path(napari_beamwatch.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HOME = PROJECT["urls"]["Homepage"]
RAW = HOME.replace("//github.com/", "//raw.githubusercontent.com/") + "/main/"

INSTALLED_AS = {
    "imageio_ffmpeg": "imageio-ffmpeg", "skimage": "scikit-image", "yaml": "pyyaml",
}  # fmt: skip
"""Packages that are imported by another name."""


def plain(name: str) -> str:
    return re.split(r"[\[<>=~! ;]", name)[0].lower().replace("_", "-")


def imported(file: Path) -> Iterator[str]:
    """Names of all that a module imports, also late and by `optional`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "optional":
            yield getattr(node.args[0], "value", "")


def test_the_packages_that_are_imported_are_those_declared_each_with_a_floor() -> None:
    extras = PROJECT["optional-dependencies"]
    declared = [
        *PROJECT["dependencies"],
        *extras["formats"],
        *extras["video"],
        *extras["distributed"],
    ]
    assert [one for one in declared if ">=" not in one] == []
    known = {plain(one) for one in declared}
    names = {name.split(".")[0] for file in PACKAGE.rglob("*.py") for name in imported(file)}
    foreign = names - sys.stdlib_module_names - {"napari_beamwatch", ""}
    assert {INSTALLED_AS.get(name, name.lower()) for name in foreign} == known


def test_every_floor_can_be_handed_to_pip() -> None:
    words = [sys.executable, str(ROOT / "tools" / "floors.py")]
    floors = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert "gemmi==0.7.5" in floors
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", floor) for floor in floors)


def test_the_version_is_the_same_wherever_it_is_said() -> None:
    version = PROJECT["version"]
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in cited
    assert HOME in cited
    headings = re.findall(r"^## (.*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] == "Unreleased" or headings[0].startswith(version)


def test_the_readme_opens_with_the_install_then_the_picture_then_the_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    order = ('pip install "napari-beamwatch[all]"', "uvx --from", "![", "$ beamwatch analyze")
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert "\n    make demo " in text
    assert "\n    make test " in text


@pytest.mark.parametrize("page", ["README.md", "SECURITY.md"])
def test_links_and_pictures_show_wherever_the_page_is_shown(page: str) -> None:
    links = re.findall(r"\]\(([^)]*)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
    ours = [link.removeprefix(f"{HOME}/blob/main/").removeprefix(RAW) for link in links]
    files = [path for path in ours if "://" not in path]
    assert [path for path in files if not (ROOT / path).is_file()] == []


def test_where_the_data_in_the_package_come_from_is_recorded() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    patterns = re.findall(r"^(\w+/\S+)$", notice, re.M)
    data = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".nbi", ".nbc")
    ]
    ours = {"napari.yaml", "py.typed"}
    assert ours < set(data)
    assert [
        file
        for file in data
        if file not in ours and not any(fnmatch(file, pattern) for pattern in patterns)
    ] == []


def test_the_module_is_the_command() -> None:
    words = [sys.executable, "-m", "napari_beamwatch", "--version"]
    said = subprocess.run(words, capture_output=True, text=True, check=True)
    assert said.stdout == f"{napari_beamwatch.__version__}\n"
    assert said.stderr == ""
