"""An mdoc of SerialEM beside a movie says what the movie's header does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_beamwatch import open_movie

FRAMES = r"""T = SerialEM: Titan Krios D3692
Voltage = 300

[FrameSet = 0]
TiltAngle = 2.5
StagePosition = 152.1 -33.0
Magnification = 215000
ExposureDose = 50.0
DoseRate = 9.5
PixelSpacing = 0.62
SpotSize = 8
TargetDefocus = -0.35
ExposureTime = 4
Binning = 1
PriorRecordDose = 12.5
SubFramePath = X:\frames\lif.mrc
NumSubFrames = 10
FrameDosesAndNumber = 5.0 10
DateTime = 23-Dec-25  13:20:32
"""


def beside(movie: Path, text: str = FRAMES, name: str = "lif.mrc.mdoc") -> Path:
    (movie.parent / name).write_text(text, encoding="utf-8")
    return movie


@pytest.mark.parametrize("name", ["lif.mrc.mdoc", "lif.mdoc"])
def test_the_frames_of_one_exposure_are_described(movie_file, name: str) -> None:
    movie = open_movie(beside(movie_file(), name=name))
    assert movie.dose is not None
    assert movie.times is not None
    conditions = movie.conditions
    found = [
        movie.pixel_size, movie.frame_dose[0], movie.dose[0], movie.dose[-1], movie.pre_exposure,
        movie.times[0], movie.times[-1], movie.dose_rate, conditions.voltage_kV,
        conditions.magnification, conditions.defocus_nm, conditions.tilt_deg,
    ]  # fmt: skip
    true = [0.62, 5.0, 17.5, 62.5, 12.5, 0.4, 4.0, 12.5, 300, 215000, 350, 2.5]
    assert found == pytest.approx(true, rel=0.01)


def test_who_says_it_is_told(movie_file) -> None:
    movie = open_movie(beside(movie_file()))
    assert movie.dose_source == "SerialEM lif.mrc.mdoc: nominal 5 e/Å² a frame"
    assert movie.origins["pixel_size"] == movie.origins["pre_exposure"] == "SerialEM lif.mrc.mdoc"
    assert movie.origins["voltage_kV"] == "SerialEM lif.mrc.mdoc"
    assert any("pixel size, pre exposure, frame dose" in note for note in movie.notes)
    assert any("Record exposures, not search and focus" in note for note in movie.notes)


def test_the_movies_own_header_goes_before_it_and_the_difference_is_said(movie_file) -> None:
    movie = open_movie(beside(movie_file(pixel_size=0.31)))
    assert movie.pixel_size == pytest.approx(0.31)
    assert [said for said in movie.warnings if said.startswith("pixel size: 0.31 Å")]


def test_what_the_user_says_goes_before_it_and_the_difference_is_said(movie_file) -> None:
    movie = open_movie(beside(movie_file()), dose_rate=25.0, pixel_size=0.62)
    assert movie.frame_dose == pytest.approx([10.0] * 10)
    assert movie.dose_source.startswith("user: nominal 25")
    (said,) = [said for said in movie.warnings if said.startswith("dose of the record")]
    assert "100 e/Å² (user: nominal 25 e/Å²/s × frame time) is used" in said
    assert said.endswith("SerialEM lif.mrc.mdoc says 50")


def test_numbers_that_agree_within_a_percent_are_no_contradiction(movie_file) -> None:
    movie = open_movie(beside(movie_file(pixel_size=0.623)), frame_dose=5.02)
    assert not [said for said in movie.warnings if " says " in said]


def test_frames_added_up_add_up_their_doses(movie_file) -> None:
    movie = open_movie(beside(movie_file()), fraction_frames=5)
    assert movie.dose == pytest.approx([37.5, 62.5])
    assert movie.times == pytest.approx([2.0, 4.0])


def test_doses_that_differ_from_frame_to_frame_are_taken_each(movie_file) -> None:
    text = FRAMES.replace("FrameDosesAndNumber = 5.0 10", "FrameDosesAndNumber = 2.5 4 20/3 6")
    text = text.replace("20/3", "6.6667")
    movie = open_movie(beside(movie_file(), text))
    assert movie.frame_dose == pytest.approx([2.5] * 4 + [6.6667] * 6)


def test_the_dose_of_the_exposure_is_shared_among_its_frames(movie_file) -> None:
    movie = open_movie(beside(movie_file(), FRAMES.replace("FrameDosesAndNumber", "Other")))
    assert movie.frame_dose == pytest.approx([5.0] * 10)


def test_a_dose_rate_on_the_camera_is_of_unbinned_pixels(movie_file) -> None:
    text = FRAMES.replace("FrameDosesAndNumber", "Other").replace("ExposureDose = 50", "X = 0")
    movie = open_movie(beside(movie_file(), text.replace("Binning = 1", "Binning = 0.5")))
    assert movie.dose_rate == pytest.approx(9.5 / (2 * 0.62) ** 2)
    assert any("lower bound" in note for note in movie.notes)


def test_a_stack_of_images_has_an_exposure_each(movie_file) -> None:
    images = "".join(
        f"[ZValue = {i}]\nExposureDose = {2 + 0.1 * i:.2f}\nExposureTime = 0.5\n"
        f"PriorRecordDose = {30 + 2 * i + 0.05 * i * (i - 1):.2f}\n"
        for i in range(10)
    )
    header = "PixelSpacing = 0.8\nVoltage = 200\nImageFile = lif.mrc\nImageSize = 32 24\n"
    movie = open_movie(beside(movie_file(), header + images))
    assert movie.frame_dose == pytest.approx([2 + 0.1 * i for i in range(10)])
    assert movie.dose_start is not None
    assert movie.dose_start[0] == pytest.approx(30.0)
    assert movie.times == pytest.approx([0.5 * i for i in range(1, 11)])


def test_dose_between_the_images_is_a_warning(movie_file) -> None:
    images = "".join(
        f"[ZValue = {i}]\nExposureDose = 2\nPriorRecordDose = {3 * i}\n" for i in range(10)
    )
    movie = open_movie(beside(movie_file(), "ImageFile = lif.mrc\n" + images))
    assert any("9 e/Å² came between the images" in said for said in movie.warnings)


def test_the_pixels_of_an_image_read_coarser_are_divided(movie_file) -> None:
    text = FRAMES.replace("Binning = 1", "Binning = 1\nImageSize = 16 12")
    assert open_movie(beside(movie_file(), text)).pixel_size == pytest.approx(0.31)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (FRAMES.replace("lif.mrc", "naf.mrc"), "it is about naf.mrc, not about lif.mrc"),
        (FRAMES.replace(" 10\n", " 12\n").replace("= 10\n", "= 12\n"), "about 12 frames"),
        (FRAMES.replace("5.0 10", "5.0 9"), "of 9 frames, its NumSubFrames is 10"),
        (FRAMES + "ImageSize = 4096 4096\n", "4096 by 4096 px, the frames have 24 by 32"),
        ("Voltage = 300\n", "it lists no images"),
        ("\0\xff" * 500, "it lists no images"),
        ("[ZValue = 0]\nImageFile = x\n" * 3, "it is about"),
    ],
)
def test_the_mdoc_of_another_movie_is_left_alone_in_a_sentence(movie_file, text, why) -> None:
    movie = open_movie(beside(movie_file(), text))
    assert movie.pixel_size is None
    assert movie.dose is None
    (said,) = [said for said in movie.warnings if "beside the movie is not used" in said]
    assert why in said


def test_nonsense_in_it_is_left_out(movie_file) -> None:
    text = FRAMES.replace("Voltage = 300", "Voltage = 300000").replace("= 2.5\n", "= nan\n")
    conditions = open_movie(beside(movie_file(), text)).conditions
    assert conditions.voltage_kV is None
    assert conditions.tilt_deg is None


def test_diffraction_has_no_pixel_size(movie_file) -> None:
    text = FRAMES.replace("Magnification = 215000", "CameraLength = 0.3")
    movie = open_movie(beside(movie_file(), text))
    assert movie.pixel_size is None
    assert movie.conditions.imaging_mode == "diffraction"


def test_nothing_beside_the_movie_is_looked_at_without_sidecars(movie_file) -> None:
    assert open_movie(beside(movie_file()), sidecars=False).dose is None
