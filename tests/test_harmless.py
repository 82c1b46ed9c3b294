"""Words of others are shown without doing anything."""

import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import cell, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("movie.mrc", "movie.mrc"),
        ("Bändchen Å²·−1 日本 \U0001f52c.eer", "Bändchen Å²·−1 日本 \U0001f52c.eer"),
        ("\x1b[2J\x1b[1;31mred\x1b[0m", "··red·"),
        ("\x9b2Jgone", "·gone"),
        ("\x1b]0;a title\x07.mrc", "·.mrc"),
        ("\x1b]8;;http://evil\x1b\\link", "·link"),
        ("\x1bcreset", "·reset"),
        ("ends in one\x1b", "ends in one·"),
        ("two\nlines\r\tand\x00more\x7f", "two·lines··and·more·"),
        ("photo\u202ecrm.exe", "photo·crm.exe"),
        ("\udcff.tif", "�.tif"),
    ],
)
def test_names_are_shown_without_controlling_the_terminal(name, shown):
    assert printable(name) == shown


@pytest.mark.parametrize("start", ["=", "+", "-", "−", "@", "\t", "\r", " =", "\n@"])
def test_words_in_a_cell_are_no_formula(start):
    assert cell(f"{start}HYPERLINK(1)").startswith("'")


@pytest.mark.parametrize("words", ["", "movie.mrc", "1−2", "a=b", "'", "201 e/Å²"])
def test_innocent_words_in_a_cell_stay_as_they_are(words):
    assert cell(words) == words


def test_a_message_that_a_file_makes_endless_keeps_its_beginning_and_its_advice():
    said = str(BeamwatchError(f"the settings {'a' * 100_000} are unknown; known are window, step"))
    assert said.startswith("the settings aaa")
    assert said.endswith("known are window, step")
    assert len(said) < 2000
