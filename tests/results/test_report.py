"""The report of a run stands alone, says the answer first, and lets nobody's words run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import napari_beamwatch as bw
from napari_beamwatch.results.report import page
from napari_beamwatch.results.report.citing import ADDRESS, AUTHOR, TITLE, bibtex
from napari_beamwatch.results.report.headline import barred
from tests.pages import Reader

pytestmark = pytest.mark.drawn

ROOT = Path(__file__).parents[2]


def changed(result: bw.Result, row: Mapping[str, Any], at: int = 0) -> bw.Result:
    """The result with another row in its table of onsets."""
    onsets = result.onsets.copy()
    for name, value in row.items():
        onsets[name] = onsets[name].astype(object)
        onsets.loc[at, name] = value
    return replace(result, onsets=onsets)


ONSET = {
    "status": "onset", "criterion": "fading", "evidence": "strong", "phase_before": "LiF|LiH",
    "interpretation": "lattice_lost", "onset_dose_e_per_A2": 152.2, "onset_low_e_per_A2": 147.0,
    "onset_high_e_per_A2": 157.0, "onset_frame": 3, "detected_dose_e_per_A2": 175.0,
    "pre_exposure_e_per_A2": 12.0, "dose_scale_sd_percent": 4.0, "half_dose_e_per_A2": 360.0,
    "half_dose_low_e_per_A2": 357.0, "half_dose_high_e_per_A2": 362.0, "n_places": 2,
    "changed_area_percent": 100.0, "median_onset_e_per_A2": 350.0,
    "median_onset_low_e_per_A2": 148.0, "median_onset_high_e_per_A2": 353.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def content(drawn: Path) -> str:
    return (drawn / "report.html").read_text(encoding="utf-8")


def test_a_page_is_in_every_run_and_needs_nothing_but_itself(content: str) -> None:
    read = Reader(content)
    assert read.open == []
    assert not {"script", "link", "iframe", "object", "a", "form"} & set(read.tags)
    addresses = [value for name, value in read.given if name in ("src", "href", "srcset", "data")]
    assert len(addresses) == 2
    assert all(str(one).startswith("data:image/png;base64,") for one in addresses)
    assert "@import" not in content
    assert "url(" not in content
    assert len(content) < 5_000_000


def test_it_says_the_answer_and_all_it_rests_on(content: str, result: bw.Result) -> None:
    said = Reader(content).text
    for words in (
        "No clear answer", "whole field", "Conditions", "not stated", "Notes", "Settings",
        "For your paper", "@software{napari_beamwatch", "What the words mean", "200 kV",
    ):  # fmt: skip
        assert words in said, words
    assert all(note in said for note in result.notes)
    assert result.settings.taper in said
    assert said.index("No clear answer") < said.index("Regions") < said.index("Conditions")


def test_the_methods_text_can_be_copied_as_it_is_in_the_record(content: str, drawn: Path) -> None:
    record = json.loads((drawn / "run.json").read_text(encoding="utf-8"))
    quoted = re.search(r"<blockquote>(.*?)</blockquote>", content, re.S)
    assert quoted is not None
    assert Reader(quoted[1]).text == record["methods"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ONSET, "First lasting change at 152 e/Å²"),
        (ONSET, "between 147 and 157 e/Å²"),
        (ONSET, "known to ± 4 %"),
        (ONSET, "Detected by 175 e/Å²"),
        (ONSET, "Half of the lattice gone 360 [357–362] e/Å²"),
        (ONSET, "Median place 350 [148–353] e/Å²"),
        (ONSET | {"changed_area_percent": 48.0, "median_onset_high_e_per_A2": None},
         "Median place 350 [≥ 148] e/Å²"),
        (ONSET | {"changed_area_percent": 48.0, "median_onset_high_e_per_A2": None},
         "places, so half of it may or may not have"),
        (ONSET | {"onset_low_e_per_A2": 12.0}, "First lasting change before 157 e/Å²"),
        (ONSET | {"pre_exposure_e_per_A2": None}, "First lasting change at ≥ 152 e/Å²"),
        (ONSET | {"pre_exposure_e_per_A2": None}, "lower bounds"),
        ({"status": "survived", "survived_dose_e_per_A2": 600.0, "pre_exposure_e_per_A2": 0.0},
         "No lasting change up to 600 e/Å²"),
        ({"status": "damaged_at_start"}, "It changed from the first electrons on"),
        ({"status": "no_lattice"}, "No lattice was found"),
        (ONSET | dict.fromkeys(("onset_dose_e_per_A2", "onset_low_e_per_A2",
                                "onset_high_e_per_A2", "last_dose_e_per_A2")),
         "First lasting change at frame 4"),
    ],
)  # fmt: skip
def test_the_first_screen_says_it_in_words(
    result: bw.Result, row: Mapping[str, Any], said: str
) -> None:
    shown = changed(result, row)._repr_html_()
    assert said in re.sub(r" ([.,])", r"\1", Reader(shown).text)


def test_a_change_of_a_region_only_is_not_lost(result: bw.Result) -> None:
    shown = changed(changed(result, {"status": "no_lattice"}), ONSET, at=1)._repr_html_()
    assert "Its region A changed at 152 e/Å²." in Reader(shown).text.replace(" .", ".")


def test_a_movie_and_a_region_that_are_code_are_words(result: bw.Result, tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;'
    named = changed(changed(result, {"movie": evil}), {"region": evil}, at=1)
    named = replace(named, notes=(*result.notes, f"warning: {evil}", evil))
    path = bw.write_report(named, tmp_path / "report.html")
    read = Reader(path.read_text(encoding="utf-8"))
    assert "script" not in read.tags
    assert read.tags.count("img") == 2
    assert not [name for name, _ in read.given if name.startswith("on")]
    assert evil in read.text


def test_the_page_forbids_what_might_slip_past(content: str) -> None:
    assert "default-src 'none'; img-src data:" in content


def test_indices_have_bars() -> None:
    assert barred("LiF 200, -111.") == 'LiF 200, <span class="bar">1</span>11.'


def test_a_notebook_shows_the_same_first_screen(result: bw.Result, content: str) -> None:
    shown = result._repr_html_()
    assert shown.startswith('<div class="beamwatch">')
    box = re.search(r'<div class="answer.*?</div>', shown, re.S)
    assert box is not None
    assert box[0] in content


def test_the_report_of_a_folder_is_that_which_was_saved(
    drawn: Path, tmp_path: Path, content: str
) -> None:
    path = bw.write_report(drawn, tmp_path / "deep" / "lif.html")
    assert path.read_text(encoding="utf-8") == content


def test_it_needs_neither_the_movie_nor_the_figure(drawn: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(drawn, tmp_path / "elsewhere" / "run"))
    (run / "figure.png").write_text("<script>no picture</script>")
    path = bw.write_report(run)
    assert path == run / "report.html"
    read = Reader(path.read_text(encoding="utf-8"))
    assert "figcaption" in read.tags  # the areas are drawn from their table
    assert read.tags.count("img") == 1


def test_a_table_of_a_thousand_places_says_where_the_rest_is() -> None:
    rows = [(str(i), "changed", "") for i in range(1000)]
    read = Reader(page.table(("place", "verdict", "empty"), rows, "all are in places.csv"))
    assert read.tags.count("tr") == page.MOST_ROWS + 1
    assert "900 more: all are in places.csv" in read.text
    assert "empty" not in read.text


def test_nothing_that_is_no_report_is_replaced(drawn: Path, tmp_path: Path) -> None:
    path = tmp_path / "thesis.html"
    path.write_text("<h1>years of work</h1>")
    with pytest.raises(bw.BeamwatchError, match="no report of beamwatch: name another"):
        bw.write_report(drawn, path)
    assert path.read_text() == "<h1>years of work</h1>"
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.html"]


def test_a_report_is_replaced_by_another(drawn: Path, tmp_path: Path) -> None:
    path = bw.write_report(drawn, tmp_path / "lif.html")
    assert bw.write_report(drawn, path) == path


def test_a_report_is_a_web_page(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match=r"written as \.html, not lif\.pdf"):
        bw.write_report(drawn, tmp_path / "lif.pdf")


def test_a_folder_that_is_no_run_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match="holds no run"):
        bw.write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "broken",
    [{"notes": [1]}, {"versions": 3}, {"movie": {"origins": [1]}}, {"movie": {"steps": [5]}}],
    ids=str,
)
def test_a_record_that_was_edited_is_one_sentence(
    drawn: Path, tmp_path: Path, broken: dict[str, Any]
) -> None:
    run = Path(shutil.copytree(drawn, tmp_path / "run"))
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    for name, value in broken.items():
        record[name] = record[name] | value if isinstance(value, dict) else value
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    before = (run / "report.html").read_bytes()
    with pytest.raises(bw.BeamwatchError, match=r"run\.json is damaged or was edited"):
        bw.write_report(run)
    assert (run / "report.html").read_bytes() == before


def test_a_result_without_its_movie_says_what_to_do(result: bw.Result, tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match="give its run folder"):
        bw.write_report(replace(result, movie=None), tmp_path / "lif.html")
    with pytest.raises(bw.BeamwatchError, match="needs a file"):
        bw.write_report(result)


def test_the_reference_is_that_of_the_citation_file() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'title: "{TITLE}"' in cited
    assert f'repository-code: "{ADDRESS}"' in cited
    assert f"- name: {AUTHOR}" in cited
    assert all(words in bibtex("1.2") for words in (TITLE, ADDRESS, AUTHOR, "{1.2}"))
