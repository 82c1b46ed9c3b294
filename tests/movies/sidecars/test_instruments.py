"""What EPU and Direct Electron write beside a movie."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_beamwatch import open_movie

EPU = """<?xml version="1.0" encoding="utf-8"?>
<MicroscopeImage xmlns="http://schemas.datacontract.org/2004/07/Fei.SharedObjects">
<CustomData xmlns:a="http://schemas.microsoft.com/2003/10/Serialization/Arrays">
<a:KeyValueOfstringanyType><a:Key>Dose</a:Key><a:Value>4.0E+21</a:Value>
</a:KeyValueOfstringanyType>
<a:KeyValueOfstringanyType><a:Key>DetectorCommercialName</a:Key><a:Value>Falcon 4i</a:Value>
</a:KeyValueOfstringanyType>
<a:KeyValueOfstringanyType><a:Key>AppliedDefocus</a:Key><a:Value>-2.2E-07</a:Value>
</a:KeyValueOfstringanyType>
</CustomData>
<SpatialScale><pixelSize><x><numericValue>5.8E-11</numericValue></x>
<y><numericValue>5.8E-11</numericValue></y></pixelSize></SpatialScale>
<microscopeData>
<acquisition><acquisitionDateTime>2025-07-29T18:47:48-07:00</acquisitionDateTime>
<camera><ExposureTime>2.0</ExposureTime><ReadoutArea><height>24</height><width>32</width>
</ReadoutArea><NumberOffractions>10</NumberOffractions></camera></acquisition>
<gun><AccelerationVoltage>200000</AccelerationVoltage></gun>
<instrument><InstrumentModel>KRIOS-3692</InstrumentModel></instrument>
<optics><ProjectorMode>Imaging</ProjectorMode>
<TemMagnification><NominalMagnification>130000</NominalMagnification></TemMagnification></optics>
<stage><Position><A>0.0872664626</A><X>1E-05</X></Position></stage>
</microscopeData></MicroscopeImage>"""

DE = """Camera Model                                                 = DE-64
Frames Per Second                                            = 61.05
Autosave Movie Sum Count                                     = 2
Autosave Movie Frames Written                                = 10
Specimen Pixel Size X (nanometers)                           = 0.0457
Specimen Pixel Size Y (nanometers)                           = 0.0457
Diffraction Pixel Size X                                     = -1
Instrument Project Magnification                             = 150000
Instrument Project Camera Length (centimeters)               = 0
Instrument Project TEMorSTEM Mode                            = 0
Instrument Accelerating Voltage (V)                          = 200000
Instrument Stage Tilt Alpha (degrees)                        = -1.5
"""


def beside(movie: Path, name: str, text: str) -> Path:
    (movie.parent / name).write_text(text, encoding="utf-8")
    return movie


@pytest.mark.parametrize(
    "name", ["FoilHole_7.mrc", "FoilHole_7_Fractions.mrc", "FoilHole_7_EER.mrc"]
)
def test_epu_describes_the_movie_of_a_foil_hole(movie_file, name: str) -> None:
    movie = open_movie(beside(movie_file(name), "FoilHole_7.xml", EPU))
    assert movie.dose is not None
    assert movie.times is not None
    conditions = movie.conditions
    found = [
        movie.pixel_size, movie.frame_dose[0], movie.dose[-1], movie.dose_rate, movie.times[0],
        movie.times[-1], conditions.voltage_kV, conditions.magnification, conditions.defocus_nm,
        conditions.tilt_deg,
    ]  # fmt: skip
    assert found == pytest.approx([0.58, 4, 40, 20, 0.2, 2, 200, 130000, 220, 5], rel=0.01)
    assert (conditions.camera, conditions.microscope) == ("Falcon 4i", "KRIOS-3692")
    assert movie.dose_source == "EPU FoilHole_7.xml: nominal 4 e/Å² a frame"


def test_pictures_that_were_binned_tell_the_pixels_and_the_dose_of_their_movie(movie_file) -> None:
    # As EPU 3.9 writes it of a K3: the picture has half as many pixels a side as the movie.
    text = EPU.replace("<height>24<", "<height>12<").replace("<width>32<", "<width>16<")
    text = text.replace("5.8E-11", "1.0558814239614023E-10").replace("4.0E+21", "1.441E+21")
    text = text.replace(">2.0<", ">0.89<").replace("-2.2E-07", "-2.7E-06")
    text = text.replace(">130000<", ">165000<").replace(">200000<", ">300000<")
    movie = open_movie(beside(movie_file(), "lif.xml", text))
    assert movie.dose is not None
    assert movie.times is not None
    conditions = movie.conditions
    found = [
        movie.pixel_size, movie.frame_dose[0], movie.dose[-1], movie.dose_rate, movie.times[0],
        movie.times[-1], conditions.voltage_kV, conditions.magnification, conditions.defocus_nm,
        conditions.tilt_deg,
    ]  # fmt: skip
    true = [0.528, 1.441, 14.41, 16.19, 0.089, 0.89, 300, 165000, 2700, 5]
    assert found == pytest.approx(true, rel=0.01)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("DoseOnCamera", "13.456", "of the exposure, then 40 e/Å² or of a second, then 80 e/Å²"),
        ("Detectors[EF-Falcon].TotalDose", "41.6", "TotalDose, 41.6, is not used"),
    ],
)
def test_what_may_be_of_a_pixel_is_not_taken_for_a_dose_on_the_specimen(
    movie_file, key: str, value: str, said: str
) -> None:
    text = EPU.replace(">Dose<", f">{key}<").replace("4.0E+21", value)
    movie = open_movie(beside(movie_file(), "lif.xml", text))
    assert movie.dose is None
    assert any(said in note for note in movie.notes)


def test_direct_electron_describes_its_movie(movie_file) -> None:
    movie = open_movie(beside(movie_file("lif_movie.mrc"), "lif_info.txt", DE), dose_rate=61.05)
    assert movie.times is not None
    assert movie.dose is not None
    conditions = movie.conditions
    found = [
        movie.pixel_size, movie.times[0], movie.times[-1], movie.frame_dose[0], movie.dose[-1],
        movie.dose_rate, conditions.voltage_kV, conditions.magnification, conditions.tilt_deg,
    ]  # fmt: skip
    true = [0.457, 2 / 61.05, 20 / 61.05, 2, 20, 61.05, 200, 150000, -1.5]
    assert found == pytest.approx(true, rel=0.01)
    assert conditions.camera == "DE-64"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("lif.xml", EPU.replace(">24<", ">4096<"), "4096 by 32 px"),
        ("lif.xml", EPU.replace(">10<", ">11<"), "about 11 frames"),
        ("lif.xml", "<html/>", "no MicroscopeImage"),
        ("lif.xml", "<MicroscopeImage>", "damaged"),
        ("lif.xml", '<!DOCTYPE a [<!ENTITY b "c">]><MicroscopeImage/>', "entities or a DTD"),
        ("lif_info.txt", DE.replace("= 10\n", "= 9\n"), "about 9 frames"),
        ("lif_info.txt", "about this folder: nothing = here", "no text file of a camera"),
    ],
)
def test_what_does_not_fit_the_movie_is_left_alone_in_a_sentence(movie_file, name, text, why):
    movie = open_movie(beside(movie_file(), name, text))
    assert movie.pixel_size is None
    (said,) = [said for said in movie.warnings if "is not used" in said]
    assert said.startswith(("EPU", "Direct", name))
    assert why in said


def test_deeply_nested_xml_takes_no_time(movie_file) -> None:
    text = "<MicroscopeImage>" + "<KeyValueOfstringanyType>" * 20_000
    assert open_movie(beside(movie_file(), "lif.xml", text)).pixel_size is None
    closed = text + "</KeyValueOfstringanyType>" * 20_000 + "</MicroscopeImage>"
    assert open_movie(beside(movie_file("b.mrc"), "b.xml", closed)).pixel_size is None


def test_a_link_out_of_the_folder_is_not_followed(movie_file, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.xml").write_text(EPU, encoding="utf-8")
    movie = movie_file()
    (tmp_path / "lif.xml").symlink_to(elsewhere / "x.xml")
    assert open_movie(movie).pixel_size is None
