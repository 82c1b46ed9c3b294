"""Numbers as people write them: understood or refused in words, never read as another number."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_beamwatch import spelling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spelling import NUMBER, Kind, read_quantity

KINDS = [one for one in vars(spelling).values() if isinstance(one, Kind)]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("PIXEL_SIZE", "0.125 Å", 0.125),
        ("PIXEL_SIZE", "0,125 A/px", 0.125),
        ("PIXEL_SIZE", "0.0125 nm per pixel", 0.125),
        ("PIXEL_SIZE", "12,5pm", 0.125),
        ("PIXEL_SIZE", "1.25e-1 \u212b", 0.125),
        ("PIXEL_SIZE", "0.125 angstrom", 0.125),
        ("FRAME_DOSE", "5", 5.0),
        ("FRAME_DOSE", "5 e-/Å2", 5.0),
        ("FRAME_DOSE", "5 e/A^2", 5.0),
        ("FRAME_DOSE", "5e/A**2/frame", 5.0),
        ("FRAME_DOSE", "5 e⁻/Å²", 5.0),
        ("FRAME_DOSE", "5 e− Å⁻²", 5.0),
        ("FRAME_DOSE", "5 electrons per Å^2 per frame", 5.0),
        ("FRAME_DOSE", "500 e/nm²", 5.0),
        ("DOSE", "1,000,000 e/A2", 1e6),
        ("DOSE", "5 e-/Ang^2", 5.0),
        ("DOSE", "5 e-/angstrom^2", 5.0),
        ("DOSE", "5 el./sq. Å", 5.0),
        ("DOSE", "5×10³ e/Å²", 5000.0),
        ("DOSE", "1,5 x 10^-1 e/A2", 0.15),
        ("DOSE_RATE", "20 e⁻ s⁻¹ Å⁻²", 20.0),
        ("DOSE_RATE", "20 electrons per square angstrom per second", 20.0),
        ("FRAME_DOSE", "5 e-/Å2/fr", 5.0),
        ("FRAME_TIME", "40 s⁻¹", 0.025),
        ("TEMPERATURE", "100 °K", -173.15),
        ("TEMPERATURE", "-170 degrees C", -170.0),
        ("PIXEL_SIZE", "0.125 A/pix", 0.125),
        ("LENGTH", "250 Å", 25.0),
        ("LENGTH", "0,06 µm", 60.0),
        ("LENGTH", "60", 60.0),
        ("ANGLE", "-2.5 deg", -2.5),
        ("DOSE", "1,000.5 e/A2", 1000.5),
        ("DOSE", "1.000,5 e/A2", 1000.5),
        ("DOSE", "1 000 e/A2", 1000.0),
        ("DOSE", "1’000.5 e/A2", 1000.5),
        ("DOSE", "1000,5 e/A2", 1000.5),
        ("DOSE", "1.000 e/A2", 1.0),
        ("DOSE_RATE", "20 e-/Å2/s", 20.0),
        ("DOSE_RATE", "20 e Å^-2 s^-1", 20.0),
        ("DOSE_RATE", "20 e/(Å²·s)", 20.0),
        ("DOSE_RATE", "2000 e/nm2 per second", 20.0),
        ("FRAME_TIME", "40 fps", 0.025),
        ("FRAME_TIME", "40 frames/s", 0.025),
        ("FRAME_TIME", "40 images per second", 0.025),
        ("FRAME_TIME", "40 1/s", 0.025),
        ("FRAME_TIME", "40Hz", 0.025),
        ("FRAME_TIME", "2500 µs", 0.0025),
        ("FRAME_TIME", "2500 us/image", 0.0025),
        ("FRAME_TIME", "2500 \u03bcsec", 0.0025),
        ("FRAME_TIME", "25 ms", 0.025),
        ("FRAME_TIME", "0.025 sec/frame", 0.025),
        ("TEMPERATURE", "100 K", -173.15),
        ("TEMPERATURE", "−170 °C", -170.0),
        ("TEMPERATURE", "-170 ºC", -170.0),
        ("TEMPERATURE", "-170", -170.0),
        ("VOLTAGE", "300 keV", 300.0),
        ("VOLTAGE", "300 000 V", 300.0),
    ],
)
def test_what_people_write_is_understood(kind: str, text: str, value: float) -> None:
    assert read_quantity(text, getattr(spelling, kind)) == pytest.approx(value)


@pytest.mark.parametrize("text", ["1,000 e/A2", "12,345", "-999,000 e/Å²"])
def test_a_comma_that_may_be_either_is_refused_with_both_readings(text: str) -> None:
    digits = text.lstrip("-").split()[0]
    both = f"can be {digits.replace(',', '')} or {digits.replace(',', '.')}"
    with pytest.raises(BeamwatchError, match=both):
        read_quantity(text, spelling.DOSE)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("DOSE", "5 e/A2/frame"),
        ("DOSE_RATE", "5 e/A2"),
        ("FRAME_DOSE", "5 e/Å"),
        ("FRAME_DOSE", "5 e/A2/s"),
        ("PIXEL_SIZE", "5 °"),
        ("PIXEL_SIZE", "5² Å"),
        ("PIXEL_SIZE", "0.1 furlong"),
        ("PIXEL_SIZE", "five"),
        ("PIXEL_SIZE", "Å"),
        ("PIXEL_SIZE", ""),
        ("VOLTAGE", "300 mV"),
        ("TEMPERATURE", "-109 °F"),
        ("FRAME_TIME", "1/40 s"),
        ("FRAME_TIME", "40 /min"),
        ("DOSE", "5 x 103 e/A2"),
        ("DOSE", "5 e/px"),
        ("DOSE", "5 MGy"),
        ("DOSE_RATE", "20 e/Å²/min"),
        ("DOSE_RATE", "20 A/cm²"),
        ("TEMPERATURE", "room temperature"),
        ("VOLTAGE", "0.3 MV"),
    ],
)
def test_another_unit_is_refused_with_those_that_are_understood(kind: str, text: str) -> None:
    asked = getattr(spelling, kind)
    with pytest.raises(BeamwatchError) as refused:
        read_quantity(text, asked)
    assert str(refused.value).endswith(asked.asked)


@pytest.mark.parametrize(
    "text", ["1.2.3", "1,2,3", "1,00,000", "01,000,000", "1 00", "1,000 000", "1.000,000.5", "5,"]
)
def test_groups_that_are_not_of_three_are_no_number(text: str) -> None:
    with pytest.raises(BeamwatchError, match="do not fit together"):
        read_quantity(text, NUMBER)


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "9" * 400])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(BeamwatchError):
        read_quantity(text, NUMBER)


def test_no_frames_a_second_are_no_frame_time() -> None:
    with pytest.raises(BeamwatchError, match="beyond"):
        read_quantity("0 fps", spelling.FRAME_TIME)


def in_groups(digits: str, gap: str) -> str:
    """Digits in groups of three from the right."""
    head = len(digits) % 3
    groups = [digits[:head], *(digits[i : i + 3] for i in range(head, len(digits), 3))]
    return gap.join(group for group in groups if group)


@given(
    whole=st.integers(0, 10**9),
    decimals=st.from_regex(r"[0-9]{0,6}", fullmatch=True),
    habit=st.sampled_from([("", "."), ("", ","), (",", "."), (".", ","), (" ", ","), ("'", ".")]),
    sign=st.sampled_from(["", "-", "−", "+"]),
)
def test_however_a_number_is_written_it_is_that_number_or_refused(
    whole: int, decimals: str, habit: tuple[str, str], sign: str
) -> None:
    gap, point = habit
    number = float(f"{sign.replace('−', '-')}{whole}.{decimals or 0}")
    text = sign + in_groups(str(whole), gap) + (point + decimals if decimals else "")
    try:
        got = read_quantity(text, NUMBER)
    except BeamwatchError:
        # A single comma before three digits; a dot there is the decimal sign of the panel itself.
        assert text.count(",") == 1
        assert "." not in text
        assert len(text.partition(",")[2]) == 3
    else:
        alone = gap == "." and not decimals and text.count(".") == 1
        assert got == pytest.approx(number / 1000 if alone else number, rel=1e-12)


@given(
    text=st.one_of(st.text(max_size=20), st.from_regex(r"[-+−0-9.,eE' Åknm/²^s]{1,16}")),
    kind=st.sampled_from(KINDS),
)
def test_whatever_is_typed_is_a_number_or_a_sentence(text: str, kind: Kind) -> None:
    with contextlib.suppress(BeamwatchError):
        assert math.isfinite(read_quantity(text, kind))


@given(value=st.floats(-1e9, 1e9).map(lambda one: float(f"{one:.6g}")), kind=st.sampled_from(KINDS))
def test_what_the_panel_shows_can_be_typed_again(value: float, kind: Kind) -> None:
    assert read_quantity(f"{value:.6g} {kind.unit}", kind) == value
