"""The page of a campaign stands alone, says the answer first, and lets nobody's words run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.campaign.groups import grouped
from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.campaign.summary import summarized
from napari_beamwatch.cli import main
from tests.pages import Reader

from .conftest import held, movies_of, run_of

BY = ("compound", "temperature_C")
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;'


def warm_and_cold() -> list[Run]:
    rng = np.random.default_rng(3)
    cold = movies_of(rng, 4, "cold", 3000.0, temperature_C=-170.0)
    carbonate = run_of("other", [held(900.0), held(800.0)], compound="Li2CO3")
    return [*movies_of(rng, 4, "warm", 150.0), *cold, carbonate]


def campaign_of(runs: list[Run], **rest: Any) -> bw.Campaign:
    return summarized(grouped(runs, BY), BY, dose_rate=8.0, **rest)


@pytest.fixture(scope="module")
def campaign() -> bw.Campaign:
    return campaign_of(
        warm_and_cold(), notes=(f"left out: {EVIL}",), unread=("runs/x: run.json is damaged",)
    )


@pytest.fixture(scope="module")
def folder(campaign: bw.Campaign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return campaign.save(tmp_path_factory.mktemp("campaign") / "summary")


@pytest.fixture(scope="module")
def content(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_a_page_is_in_every_summary_and_needs_nothing_but_itself(content: str) -> None:
    read = Reader(content)
    assert read.open == []
    assert not {"script", "link", "iframe", "object", "a", "form"} & set(read.tags)
    addresses = [value for name, value in read.given if name in ("src", "href", "srcset", "data")]
    assert len(addresses) == 1
    assert str(addresses[0]).startswith("data:image/png;base64,")
    assert len(content) < 5_000_000


def test_it_says_how_much_longer_first_and_then_all_it_rests_on(
    campaign: bw.Campaign, content: str
) -> None:
    said = Reader(content).text
    table = campaign.comparisons
    ratio = table.loc[(table["measure"] == "onset") & (table["varied"] == "temperature_C"), "words"]
    order = [
        f"LiF, cryo (−170 °C): {ratio.iloc[0]} the dose of LiF, RT (20 °C)",
        "run.json is damaged", "Groups", "What makes a difference", "What the dose goes with",
        "half of the lattice gone", "Movies", "warm 3", "left out", "Methods, ready to copy",
        "@software{napari_beamwatch", "What the words mean",
    ]  # fmt: skip
    places = [said.index(words) for words in order]
    assert places == sorted(places)


def test_what_held_is_told_as_a_bound(content: str) -> None:
    assert "> 900 e/Å² , nothing changed" in Reader(content).text


def test_words_that_are_code_are_words(content: str) -> None:
    read = Reader(content)
    assert read.tags.count("img") == 1
    assert not [name for name, _ in read.given if name.startswith("on")]
    assert EVIL in read.text


def test_a_notebook_shows_the_same_first_screen(campaign: bw.Campaign, content: str) -> None:
    box = re.search(r'<div class="answer.*?</div>', campaign._repr_html_(), re.S)
    assert box is not None
    assert box[0] in content


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (lambda: [run_of("one", [held(900.0)])], "LiF, RT (20 °C): > 900 e/Å² , nothing changed"),
        (lambda: [run_of("one", [held(900.0)]),
                  run_of("two", [held(900.0)], compound="NaF", temperature_C=-170.0)],
         "No two of them differ in one condition"),
        (lambda: [*movies_of(np.random.default_rng(1), 4, "a", 100.0),
                  *movies_of(np.random.default_rng(2), 4, "b", 100.0, temperature_C=-170.0)],
         "no difference is shown"),
    ],
)  # fmt: skip
def test_without_a_difference_it_says_what_is_known(runs: Any, said: str) -> None:
    assert said in Reader(campaign_of(runs())._repr_html_()).text


def test_the_page_can_be_written_again_from_the_folder_alone(
    folder: Path, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "page.html"
    assert main(["report", str(folder), "--out", str(there)]) == 0
    assert there.read_text(encoding="utf-8") == content
    assert str(there) in capsys.readouterr().out


def test_a_record_that_was_edited_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    record = json.loads((copy / "summary.json").read_text(encoding="utf-8"))
    del record["groups"][0]["median_words"]
    (copy / "summary.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(bw.BeamwatchError, match=r"summary\.json is damaged or was edited"):
        bw.write_report(copy)
