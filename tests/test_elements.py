"""Elements that may be in the specimen are a condition of the recording."""

from __future__ import annotations

import json

import pytest

from napari_beamwatch import BeamwatchError
from napari_beamwatch.movies import Conditions
from napari_beamwatch.movies.given import Given
from napari_beamwatch.results.reopening import given_from_plain, given_to_plain


@pytest.mark.parametrize("said", ["Li,F,O", "Li F; O", ("Li", "F", "O"), ["Li", "F", "O", "F"]])
def test_elements_are_told_as_text_or_as_a_sequence(said):
    assert Conditions.of({"elements": said}).elements == "Li,F,O"


@pytest.mark.parametrize("said", ["Li,Ff", "li", "X", "", (), 3, [3], "LiF"])
def test_what_is_no_element_is_refused_in_words(said):
    with pytest.raises(BeamwatchError, match=r"element"):
        Conditions.of({"elements": said})


def test_the_record_of_a_run_keeps_them():
    given = Given(conditions=Conditions(elements="Li,F"))
    plain = json.loads(json.dumps(given_to_plain(given)))
    assert given_from_plain(plain).conditions.elements == "Li,F"
