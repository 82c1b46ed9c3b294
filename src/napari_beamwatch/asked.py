"""What a movie can be told, in words: one list for the command line, the panel and the docs.

Each has the name that `open_movie`, `Movie.with_` or `Conditions` calls it by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from napari_beamwatch import spelling
from napari_beamwatch.spelling import Kind


@dataclass(frozen=True)
class Asked:
    """Something that a movie can be told.

    Attributes
    ----------
    name : str
        Of the keyword or of the condition; object name of its field.
    label : str
        Before its field.
    kind : Kind or None
        How it is written, and in which unit it is kept; None for words.
    help : str
        What it is; a sentence without its full stop.
    metavar : str
        What is typed, on the command line.
    flag : str
        Its option there; made of the label where it is empty.
    needed : bool
        Without it the answer lacks something.
    group : str
        One of `ROW`, `BEAM`, `OPENING` and `CONDITION`: where it stands on the panel.
    """

    name: str
    label: str
    kind: Kind | None
    help: str
    metavar: str = "WORDS"
    flag: str = ""
    needed: bool = False
    group: str = ""

    @property
    def option(self) -> str:
        """Its option on the command line."""
        return self.flag or "--" + self.label.replace(" ", "-")

    @property
    def word(self) -> str:
        """Its name in notes beside a movie: units stand behind the value there."""
        return self.option.removeprefix("--").replace("-", "_")

    @property
    def units(self) -> str:
        """The units it is understood in."""
        return "" if self.kind is None else ", ".join(unit.name for unit in self.kind.units)

    @property
    def tip(self) -> str:
        """What it is and how it can be written."""
        said = f"{self.help[0].upper()}{self.help[1:]}."
        return f"{said} ({self.units})" if self.units else said


ROW, BEAM, OPENING, CONDITION = "row", "dose and beam", "open with…", "conditions"

QUANTITIES = (
    Asked(
        "pixel_size", "pixel size", spelling.PIXEL_SIZE, "size of a pixel at the specimen",
        "A", needed=True, group=ROW,
    ),
    Asked(
        "frame_dose", "dose per frame", spelling.FRAME_DOSE,
        "electrons per Å² in one frame as analysed; nominal", "E", "--frame-dose", True, ROW,
    ),
    Asked(
        "dose_rate", "dose rate", spelling.DOSE_RATE,
        "electrons per Å² and second; nominal, and needs the frame time", "E", group=ROW,
    ),
    Asked(
        "frame_time", "frame time", spelling.FRAME_TIME, "time from one frame as analysed to the "
        "next", "S", group=ROW,
    ),
    Asked(
        "pre_exposure", "pre-exposure", spelling.DOSE,
        "dose before the record began: focusing, searching; 0 if there was none, unknown if "
        "nothing is said, and then every dose is a lower limit", "E", needed=True, group=ROW,
    ),
    Asked("temperature_C", "temperature", spelling.TEMPERATURE, "of the specimen", "C", group=ROW),
    Asked("voltage_kV", "voltage", spelling.VOLTAGE, "accelerating voltage", "KV", group=ROW),
)  # fmt: skip

CALIBRATIONS = (
    Asked(
        "dose_calibration", "measured rate", spelling.DOSE_RATE,
        "dose rate measured without the specimen (Faraday cup) with its uncertainty, as "
        "12.5 ± 5 %; counts tell how it varies", "E±SD", "--dose-calibration", group=BEAM,
    ),
    Asked(
        "dose_table", "dose table", None,
        "CSV file of the dose at start and end of each frame, see docs/movies.md", "FILE",
        group=BEAM,
    ),
    Asked(
        "beam_profile", "beam profile", None,
        "image of an empty field (.npy, .tif, .mrc), or a Gaussian as gauss:fwhm=400nm or "
        "gauss:fwhm=2000px,y=1024,x=900: each place gets its own dose", "FILE|gauss:…", group=BEAM,
    ),
    Asked(
        "counts_per_electron", "counts per e⁻", spelling.NUMBER,
        "grey levels that one electron makes in all", "N", "--counts-per-electron", group=BEAM,
    ),
    Asked(
        "dead_time_correction", "one event a pixel", None,
        "correct counted events of EER raw frames for those that fell on one pixel; still a lower "
        "bound", "", "--dead-time-correction", group=BEAM,
    ),
)  # fmt: skip

BEAM_CURRENT = Asked(
    "beam_current_nA", "beam current", spelling.CURRENT,
    "current that reaches the specimen, as 1.2 or 1.2 ± 5 %; with the diameter it measures the "
    "dose rate", "I", "--beam-current-nA", group=BEAM,
)  # fmt: skip
BEAM_DIAMETER = Asked(
    "beam_diameter_um", "beam diameter", spelling.WIDTH,
    "of the evenly lit disc on the specimen, as 1.5 or 1.5 ± 3 %; its uncertainty counts twice",
    "D", "--beam-diameter-um", group=BEAM,
)  # fmt: skip

OPENINGS = (
    Asked(
        "fraction_frames", "frames added up", None,
        "frames of the file that make one of the analysis: raw frames of an EER movie, by itself "
        "the most that give 100 frames of at most 5 e/Å²", "N", "--fraction-frames", group=OPENING,
    ),
    Asked(
        "fraction_dose", "dose of a frame", spelling.FRAME_DOSE,
        "dose that makes a frame, in place of their number; EER only", "E", "--fraction-dose",
        group=OPENING,
    ),
    Asked(
        "gain", "gain", None, "gain reference (.gain, TIFF, MRC, DM, .npy)", "FILE", group=OPENING
    ),
    Asked(
        "superres", "super-resolution", None,
        "grid points per pixel and axis, 1, 2 or 4; EER only", "N", "--superres", group=OPENING,
    ),
    Asked(
        "dataset", "dataset", None, "which array of a file that holds several (HDF5, Zarr, …)",
        "NAME", group=OPENING,
    ),
    Asked(
        "sidecars", "files beside it", None,
        "read what stands beside the movie (.mdoc, .xml, .yaml, conditions.csv, …)", "",
        "--no-sidecars", group=OPENING,
    ),
)  # fmt: skip

CONDITIONS = (
    *(one for one in QUANTITIES if one.name in ("temperature_C", "voltage_kV")),
    Asked("compound", "compound", None, "what the specimen is, as LiF", group=CONDITION),
    Asked(
        "elements", "elements", None,
        "symbols of the elements that can be there; only phases of these are matched",
        "Li,F,C,O,H", group=CONDITION,
    ),
    Asked(
        "imaging_mode", "imaging mode", None, "as HRTEM, STEM or diffraction", group=CONDITION
    ),
    Asked("thickness_nm", "thickness", spelling.LENGTH, "of the specimen", "NM", group=CONDITION),
    Asked(
        "particle_size_nm", "particle size", spelling.LENGTH, "of the particles", "NM",
        group=CONDITION,
    ),
    Asked("preparation", "preparation", None, "how the specimen was made", group=CONDITION),
    Asked("storage", "storage", None, "how and how long it was kept", group=CONDITION),
    Asked("transfer", "transfer", None, "how it came into the microscope", group=CONDITION),
    Asked("vacuum", "vacuum", None, "of the microscope", group=CONDITION),
    Asked("grid", "grid", None, "what the specimen lay on", group=CONDITION),
    Asked(
        "defocus_nm", "defocus", spelling.LENGTH, "positive is underfocus", "NM", group=CONDITION
    ),
    Asked("tilt_deg", "tilt", spelling.ANGLE, "of the stage", "DEG", group=CONDITION),
    Asked(
        "magnification", "magnification", spelling.NUMBER, "nominal", "M", group=CONDITION
    ),
    Asked("specimen", "specimen", None, "name or number of it", group=CONDITION),
    Asked("microscope", "microscope", None, "which one", group=CONDITION),
    Asked("camera", "camera", None, "which one", group=CONDITION),
    Asked("recorded", "recorded", None, "when", group=CONDITION),
)  # fmt: skip
"""Of `Conditions`, all fields."""

CONDITION_NAMES = frozenset(one.name for one in CONDITIONS)

DOSES = ("frame_dose", "dose_rate", "dose_calibration", "dose_table")
"""Ways to say the dose, of which one counts."""


def every() -> Iterator[Asked]:
    """All of them, each once, in the order of the work."""
    yield from OPENINGS
    yield from QUANTITIES
    yield from CALIBRATIONS
    yield from (BEAM_CURRENT, BEAM_DIAMETER)
    yield from (one for one in CONDITIONS if one not in QUANTITIES)
