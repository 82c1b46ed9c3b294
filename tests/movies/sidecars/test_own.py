"""Notes of one's own beside a movie, and one table for a whole campaign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError, open_movie
from napari_beamwatch.results.reopening import Recipe, given_from_plain, given_to_plain

YAML = """# written at the microscope
compound: LiF on carbon
elements: [Li, F, C]
pixel size: 12,5 pm
dose rate: 50 e-/Å2/s
frame time: 40 fps
pre-exposure: 30 e⁻/Å²
voltage: 300000 V
temperature: 103.15 K
thickness: 0.06 µm
particle size (Å): 250
defocus: -40 nm
preparation: crushed, drop-cast
storage: argon glove box
transfer: cryo, closed
grid: lacey carbon
imaging mode: HRTEM
"""
CAMPAIGN = """file;compound;temperature_K;dose rate [e/nm²/s];voltage_kV;frame_time_ms;\
thickness_nm;pre_exposure_e_per_A2;operator;pixel_size_A;elements
naf.mrc;NaF;293,15;2000;200;100;50;1;me;0.2;Na,F
lif;LiF;103,15;5000;300;25;60;30;me;0,125;Li F
"""


def beside(movie: Path, name: str, text: str) -> Path:
    (movie.parent / name).write_text(text, encoding="utf-8")
    return movie


def numbers(movie) -> list[float]:
    known = movie.conditions
    return [
        movie.pixel_size, movie.frame_dose[0], movie.dose[-1], movie.dose_rate, movie.times[0],
        movie.times[-1], movie.pre_exposure, known.voltage_kV, known.temperature_C,
        known.thickness_nm,
    ]  # fmt: skip


TRUE = [0.125, 1.25, 42.5, 50, 0.025, 0.25, 30, 300, -170, 60]


@pytest.mark.parametrize("name", ["lif.yaml", "lif.yml"])
def test_notes_in_yaml_are_read_as_people_write_them(movie_file, name: str) -> None:
    movie = open_movie(beside(movie_file(), name, YAML))
    assert numbers(movie) == pytest.approx(TRUE, rel=0.01)
    known = movie.conditions
    assert (known.particle_size_nm, known.defocus_nm) == pytest.approx((25, -40))
    assert known.elements == "Li,F,C"
    assert (known.compound, known.grid) == ("LiF on carbon", "lacey carbon")
    assert (known.preparation, known.storage) == ("crushed, drop-cast", "argon glove box")
    assert movie.dose_source == f"{name}: nominal 50 e/Å²/s × frame time"
    assert movie.origins["temperature_C"] == name


def test_the_row_of_a_campaign_is_found_by_the_movies_name(movie_file) -> None:
    movie = open_movie(beside(movie_file(), "conditions.csv", CAMPAIGN))
    assert numbers(movie) == pytest.approx(TRUE, rel=0.01)
    assert (movie.conditions.compound, movie.conditions.elements) == ("LiF", "Li,F")
    assert any("operator not used" in note for note in movie.notes)


@pytest.mark.parametrize(
    ("title", "meant"),
    [
        ("temprature [K]", "temperature"),
        ("Dose-Rat", "dose_rate"),
        ("particlesize_nm", "particle_size"),
    ],
)
def test_a_name_that_is_a_slip_is_a_warning_with_the_one_that_is_meant(
    movie_file, title: str, meant: str
) -> None:
    text = f"file,compound,remarks,{title}\nlif,LiF,good,103\n"
    movie = open_movie(beside(movie_file(), "conditions.csv", text))
    assert f"conditions.csv: {title} is not used: did you mean {meant}?" in movie.warnings
    assert movie.conditions.compound == "LiF"


def test_a_name_of_ones_own_is_no_slip_of_what_is_said_beside_it(movie_file) -> None:
    text = "file,temperature,temperature2,remarks\nlif,20,21,good\n"
    movie = open_movie(beside(movie_file(), "conditions.csv", text))
    assert not [said for said in movie.warnings if "did you mean" in said]
    assert "conditions.csv: temperature2, remarks not used: no known name" in movie.notes


def test_a_table_beside_the_movie_holds_one_row_of_notes(movie_file) -> None:
    text = "pixel_size_nm,dose_rate,frame_time,pre-exposure,voltage,temperature,thickness\n"
    text += "0.0125,50,25 ms,30,300,103.15 K,60\n"
    assert numbers(open_movie(beside(movie_file(), "lif.csv", text))) == pytest.approx(TRUE, 0.01)


def test_a_table_beside_the_movie_may_hold_the_doses_of_its_frames(movie_file) -> None:
    rows = "".join(f"{7 * i},{7 * i + 5}\n" for i in range(10))
    path = beside(movie_file(), "lif.csv", "start,end\n" + rows)
    movie = open_movie(path)
    assert movie.dose == pytest.approx([7 * i + 5 for i in range(10)])
    assert movie.dose_source == "lif.csv: dose table"
    assert open_movie(path, fraction_frames=5).dose == pytest.approx([33, 68])


def test_own_notes_go_before_the_header_and_the_difference_is_said(movie_file) -> None:
    movie = open_movie(beside(movie_file(pixel_size=0.25), "lif.yaml", "pixel_size: 0.125\n"))
    assert movie.pixel_size == 0.125
    assert any("0.125 Å (lif.yaml) is used, the file says 0.25" in s for s in movie.warnings)


def test_notes_go_before_the_campaign_and_the_user_before_both(movie_file) -> None:
    path = beside(
        movie_file(), "conditions.csv", "file,temperature,voltage,compound\nlif,20,200,NaF\n"
    )
    beside(path, "lif.yaml", "temperature: -170\nvoltage: 80\n")
    movie = open_movie(path, conditions={"voltage_kV": 300})
    known = movie.conditions
    assert (known.voltage_kV, known.temperature_C, known.compound) == (300, -170, "NaF")
    assert movie.origins["voltage_kV"] == "user"
    assert sorted(said for said in movie.warnings if " says " in said) == [
        "temperature: -170 °C (lif.yaml) is used, conditions.csv says 20",
        "voltage: 300 kV (user) is used, conditions.csv says 200",
        "voltage: 300 kV (user) is used, lif.yaml says 80",
    ]


def test_a_table_that_was_named_goes_before_the_campaign_and_after_notes(
    movie_file, tmp_path: Path
) -> None:
    path = beside(
        movie_file(), "conditions.csv", "file,temperature,voltage,compound\nlif,20,200,NaF\n"
    )
    beside(path, "lif.yaml", "temperature: -170\n")
    table = tmp_path / "elsewhere.csv"
    table.write_text(f"file,temperature,voltage\n{path},-100,80\n")
    known = open_movie(path, table=table).conditions
    assert (known.temperature_C, known.voltage_kV, known.compound) == (-170, 80, "NaF")
    known = open_movie(path, table=table, sidecars=False).conditions
    assert (known.temperature_C, known.voltage_kV, known.compound) == (-100, 80, None)
    named = open_movie(path, table=path.with_name("conditions.csv"))
    assert named.origins == open_movie(path).origins
    assert named.warnings == open_movie(path).warnings


def test_a_dose_of_the_record_is_shared_among_the_frames(movie_file) -> None:
    movie = open_movie(
        beside(movie_file(), "lif.yaml", "total dose: 600 e/Å²\nexposure time: 12 s")
    )
    assert movie.frame_dose == pytest.approx([60] * 10)
    assert movie.times == pytest.approx(1.2 * np.arange(1, 11))


def test_what_the_user_changes_later_is_the_users(movie_file) -> None:
    movie = open_movie(beside(movie_file(), "lif.yaml", YAML))
    changed = movie.with_(dose_rate=None, frame_dose=4.0, conditions={"temperature_C": 20})
    assert changed.dose_source == "user: nominal 4 e/Å² a frame"
    assert changed.origins["temperature_C"] == "user"
    assert changed.origins["voltage_kV"] == "lif.yaml"


def test_what_was_believed_is_kept_with_who_said_it(movie_file) -> None:
    given = open_movie(beside(movie_file(), "lif.yaml", YAML)).given
    again = given_from_plain(given_to_plain(given))
    assert again.said_by == given.said_by
    assert again.conditions == given.conditions


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("lif.yaml", "dose rate: 1,000", "can be 1000 or 1.000"),
        ("lif.yaml", "dose rate: 5 e/px/s", r"type a number in e/Å²/s \(or e/nm²/s\)"),
        ("lif.yaml", "temperature [F]: -100", r"type a number in °C \(or K\)"),
        ("lif.yaml", "temperature: -400", "-273.15 and 3000 °C"),
        ("lif.yaml", "voltage: 300000", "0.1 and 4000 kV"),
        ("lif.yaml", "voltage: 300\nvoltage: 200", "twice"),
        ("lif.yaml", "voltage: 300\naccelerating voltage: 200", "twice"),
        ("lif.yaml", "elements: Li Xx", "'Xx' is no element"),
        ("lif.yaml", "voltage: {of: 300}", "give one value"),
        ("lif.yaml", "- 300", "a name and a value"),
        ("lif.yaml", "a: [", "no YAML"),
        ("lif.yaml", "[" * 1500, "no YAML"),
        ("lif.yaml", "frame dose: 0", "frame_dose cannot be 0"),
        ("lif.csv", "voltage,dose_rate\n300\n", "1 values for 2 columns"),
        ("lif.csv", "dose\n5\n5\n", "2 rows for 10 frames"),
        ("conditions.csv", "voltage\n300\n", "column file"),
        ("conditions.csv", "file,voltage\nlif.mrc,300\nLIF.mrc,200\n", "2 rows for lif.mrc"),
    ],
)
def test_notes_that_cannot_be_meant_are_refused_in_a_sentence(movie_file, name, text, why) -> None:
    path = beside(movie_file(), name, text)
    with pytest.raises(BeamwatchError, match=why) as refused:
        open_movie(path)
    assert name.split(".")[0] in str(refused.value)
    assert open_movie(path, sidecars=False).dose is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lif.csv", "time,intensity\n1,2\n3,4\n"),
        ("lif.csv", "\x00\x01 no table at all"),
        ("lif.yaml", "author: me\n"),
        ("conditions.csv", "file,voltage\nother.mrc,300\n"),
    ],
)
def test_files_about_something_else_are_named_and_left_alone(movie_file, name, text) -> None:
    movie = open_movie(beside(movie_file(), name, text))
    assert movie.dose is None
    assert [note for note in movie.notes if name in note]


def test_a_movie_opens_again_as_it_was_without_what_stood_beside_it(movie_file) -> None:
    path = beside(movie_file(), "lif.yaml", YAML)
    movie = open_movie(path)
    (path.parent / "lif.yaml").unlink()
    again = Recipe.of(movie).movie([path], given_from_plain(given_to_plain(movie.given)))
    assert numbers(again) == numbers(movie)
    assert again.dose_source == movie.dose_source == "lif.yaml: nominal 50 e/Å²/s × frame time"
