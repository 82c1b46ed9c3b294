"""Numbers are read in one way, or refused in words."""

import time
from decimal import Decimal

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError
from napari_beamwatch.quantities import number, whole
from napari_beamwatch.spelling import DOSE, read_quantity


@pytest.mark.parametrize(
    "value", [12, 12.0, np.int8(12), np.float16(12), np.array(12.0), "12", " 1.2e1 ", "+12."]
)
def test_a_number_is_read_whatever_holds_it(value):
    assert number(value, "the dose", 0, 100) == 12.0


@pytest.mark.parametrize(
    "value",
    [
        "1,000", "12,5", "5 e/A2", "1_000", "٣", "nan", "inf", "0x10", "", True, np.True_,
        None, [1], np.array([1.0]), b"5", 1j, Decimal("NaN"),
    ],
)  # fmt: skip
def test_what_could_be_misread_or_is_no_number_is_refused(value):
    with pytest.raises(BeamwatchError, match="the dose"):
        number(value, "the dose", 0, 1e6)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e-9, 101, 10**400, "1e3"])
def test_what_lies_outside_is_refused_with_the_range(value):
    with pytest.raises(BeamwatchError, match="between 0 and 100 Å"):
        number(value, "the pixel size", 0, 100, "Å")


def test_a_comma_is_explained():
    with pytest.raises(BeamwatchError, match="decimal point as a point"):
        number("12,5", "the dose", 0, 100)


@pytest.mark.parametrize("value", [2.0, "2", True, 0, 11, None])
def test_whole_numbers_are_counted(value):
    assert whole(np.int64(3), "the sum", 1, 10) == 3
    with pytest.raises(BeamwatchError, match="the sum"):
        whole(value, "the sum", 1, 10)


def test_a_text_of_endlessly_many_digits_is_read_or_refused_at_once():
    begun = time.process_time()
    for text in ("9" * 100_000, "9" * 100_000 + "x"):
        with pytest.raises(BeamwatchError):
            number(text, "the dose", 0, 1e6)
    with pytest.raises(BeamwatchError):
        read_quantity("9" * 100_000 + "x", DOSE)
    assert time.process_time() - begun < 1
