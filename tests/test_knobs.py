"""One list makes options, form, docs and checks: what it says is read back as it was written."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from napari_beamwatch import BeamwatchError, Settings
from napari_beamwatch.cli import parser
from napari_beamwatch.cli.analyze import settings_from
from napari_beamwatch.knobs import Number
from napari_beamwatch.settings import KNOBS, option_of
from napari_beamwatch.spelling import PERCENT

ROOT = Path(__file__).parents[1]

OTHER: dict[str, tuple[str, Any]] = {
    "window": ("3.2 nm", "3.2 nm"),
    "step": ("48 px", 48),
    "taper": ("cosine", "cosine"),
    "alpha": ("5 %", 0.05),
    "drift": ("0,0;1,-2.5", ((0.0, 0.0), (1.0, -2.5))),
    "added_spots": ("-0.1,0.2", ((-0.1, 0.2),)),
    "removed_spots": ("0.1,0.2;0,0.3", ((0.1, 0.2), (0.0, 0.3))),
    "false_alarm": ("0.001", 0.001),
    "criteria": ("mass_loss,fading", ("fading", "mass_loss")),
    "fraction": ("0,5", 0.5),
    "d_tolerance": ("2 %", 2.0),
    "persistence": ("3 frames", 3),
    "phases": ("LiF, Li2O", ("LiF", "Li2O")),
    "pixel_size_uncertainty": ("3 %", 0.03),
    "cs_mm": ("1200 µm", 1.2),
    "running_sum": ("4", 4),
    "camera_constant": ("4 nm·px", 40.0),
}
"""Of each setting: what somebody types, and what it means."""


def test_every_field_of_the_settings_has_a_knob() -> None:
    assert [field.name for field in fields(Settings)] == list(KNOBS) == list(OTHER)
    assert all(name in (Settings.__doc__ or "") for name in KNOBS)


def test_every_setting_has_an_option_that_is_read_as_people_write() -> None:
    analyze = parser()._subparsers._group_actions[0].choices["analyze"]  # type: ignore[union-attr,index]
    shown = analyze.format_help()
    words = [f"{option_of(name)}={text}" for name, (text, _) in OTHER.items()]
    args = parser().parse_args(["analyze", "FILE", "--out", "OUT", *words])
    assert settings_from(args) == Settings(**{name: value for name, (_, value) in OTHER.items()})
    assert [name for name in KNOBS if f"{option_of(name)} " not in shown] == []


def test_what_was_not_said_is_as_a_file_of_settings_has_it(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(Settings(camera_constant=40.0, running_sum=3).to_json())
    words = ["analyze", "FILE", "--out", "OUT", "--settings", str(path)]
    assert settings_from(parser().parse_args(words)).running_sum == 3
    imaging = parser().parse_args([*words, "--camera-constant", "none"])
    assert settings_from(imaging).camera_constant is None


@pytest.mark.parametrize("name", KNOBS)
def test_what_is_written_of_a_value_means_that_value(name: str) -> None:
    knob, usual = KNOBS[name], getattr(Settings(), name)
    for value in (usual, OTHER[name][1]):
        text = knob.written(value)
        assert getattr(replace(Settings(), **{name: knob.read(text)}), name) == value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("drift", "sideways", "nor 'auto' or 'off'"),
        ("drift", "1,2,3", "no pairs of numbers"),
        ("taper", "square", "one of hann, cosine"),
        ("running_sum", "2.5", "not a number of frames"),
        ("camera_constant", "5 nm", "type a number in Å·px"),
        ("camera_constant", "2.34 px at 120 px", "type a number in Å"),
        ("camera_constant", "2.34 Å at 12 nm", "type a number in px"),
        ("alpha", "1,000", "can be 1000 or 1.000"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(name: str, text: str, said: str) -> None:
    with pytest.raises(BeamwatchError, match=said):
        KNOBS[name].read(text)


@pytest.mark.parametrize(
    "text",
    ["2.34 Å at 120 px", "ring 2.34 at 120", "0,234 nm @ 120 pixels", "Ring of 234 pm AT 120px"],
)
def test_a_ring_of_known_spacing_tells_the_camera_constant(text: str) -> None:
    words = ["analyze", "FILE", "--out", "OUT", "--camera-constant", text]
    assert settings_from(parser().parse_args(words)).camera_constant == pytest.approx(280.8)


def test_the_preferences_of_napari_are_about_settings_and_within_their_ranges() -> None:
    manifest = yaml.safe_load((ROOT / "napari.yaml").read_text(encoding="utf-8"))
    page = manifest["contributions"]["configurations"]["defaults"]["properties"]
    for title, said in page.items():
        knob = KNOBS[title.removesuffix("_percent")]
        percent = isinstance(knob.value, Number) and knob.value.kind is not PERCENT
        for end in (said["minimum"] or said["default"] or 1, said["maximum"]):
            assert knob.check(end / 100 if percent else end)


def test_the_tables_of_the_docs_are_what_the_code_says() -> None:
    words = [sys.executable, str(ROOT / "tools" / "tables.py"), "--check"]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
