"""Who is believed about size, time and dose, and the axes that follow.

The trust order for the dose is: the user's table, calibration or numbers; notes the user wrote
beside the movie; the file (for EER the coincidence-compensated dose before the total); what the
instrument wrote beside it; counted events; grey values, these only with the user's word on how many
make an electron. Nothing missing is guessed. What stands beside the movie is in `Given` by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.beam import DARK, in_keeping, usual_counts
from napari_beamwatch.movies.given import Given
from napari_beamwatch.movies.recording import Floats, Recording

UNSTEADY = 0.05
"""Relative departure of the counts from their median that is worth a warning."""

UNIT_SLIP = 9.0
"""Ratio of pixel sizes from which one of them is in another unit: binning and a magnification that
was set anew make less."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Pixel size, times and dose axis as believed, and who was.

    Attributes
    ----------
    pixel_size : float or None
        Å.
    times : array or None
        Seconds since the start of the record at the end of each frame.
    time_start : float
        Seconds at the start of the first frame: not zero where frames were cut off.
    lit : array of bool
        Frames with beam that hold a picture.
    frame_dose, dose_start, dose : array or None
        e/Å²: of each frame, at its start, at its end (the latter two accumulated, with
        pre-exposure where it is known).
    dose_source : str
        Where the dose comes from, in words.
    dose_uncertainty : float or None
        Relative, where a calibration states it.
    origins : dict
        For each calibrated quantity, who said it.
    warnings, notes : tuple of str
    """

    pixel_size: float | None
    times: Floats | None
    time_start: float
    lit: NDArray[np.bool_]
    frame_dose: Floats | None
    dose_start: Floats | None
    dose: Floats | None
    dose_source: str
    dose_uncertainty: float | None
    origins: dict[str, str]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Doses:
    """Dose of each frame, of what came before them, and who says so."""

    per_frame: Floats
    lead: float
    source: str
    nominal: bool = False
    uncertainty: float | None = None


def calibrate(recording: Recording, given: Given) -> Calibration:
    """Decide between what the user and the file say."""
    given.check_against(recording.frames.shape)
    origins = dict(recording.condition_origins)
    origins.update({name: given.who(name) for name in given.conditions.stated()})
    warnings: list[str] = []
    notes: list[str] = []

    pixel_size = given.pixel_size
    if pixel_size is not None:
        origins["pixel_size"] = given.who("pixel_size")
        warnings += _unit_slip(recording, given, pixel_size)
    elif recording.pixel_size is not None:
        pixel_size = recording.pixel_size.value
        origins["pixel_size"] = recording.pixel_size.origin

    times, time_start, time_origin = _times(recording, given)
    if times is not None:
        origins["times"] = time_origin

    durations = None if times is None else _durations(times, time_start)

    expected = _expected(recording, given)
    if (expected & (recording.exposure <= 0)).any():
        recording = replace(recording, exposed=np.where(expected, 1.0, recording.exposure))
    flux, flux_warnings = _flux(recording, expected)
    warnings += flux_warnings
    start = end = frame_dose = None
    source = "unknown"
    uncertainty = None
    if given.dose_table is not None:
        table = given.dose_table
        start, end, frame_dose = table.start, table.end, table.end - table.start
        if len(table.recorded) == len(frame_dose):
            frame_dose = table.recorded
        source = f"{given.who('dose_table')}: dose table"
    else:
        doses = _doses(recording, given, pixel_size, durations, flux)
        if doses is not None:
            frame_dose = doses.per_frame
            end = doses.lead + np.cumsum(frame_dose)
            start = end - frame_dose
            source, uncertainty = doses.source, doses.uncertainty
            warnings += _undercut(recording, pixel_size, doses)
            departure = _departure(flux)
            if doses.nominal and departure > UNSTEADY:
                source += f"; counts depart from it by up to {departure:.0%}"
                who = given.who("frame_dose", "dose_rate")
                said = "you gave" if who == "user" else f"of {who}"
                warnings.append(
                    f"the counts vary by up to {departure:.0%} from frame to frame; the dose "
                    f"{said} is nominal and is not modulated by them"
                )
    lit = recording.lit
    if frame_dose is not None:
        without = lit & (frame_dose <= 0)
        if without.any() and not without.all():
            lit = lit & (frame_dose > 0)
            warnings.append(
                f"{int(without.sum())} frames have a dose of 0, yet they hold counts: they are "
                "left out as frames without beam"
            )
    if start is not None and end is not None:
        if given.pre_exposure:
            start, end = start + given.pre_exposure, end + given.pre_exposure
        origins["dose"] = source
    else:
        warnings += _why_no_dose(recording, given, pixel_size)
    if given.pre_exposure is not None:
        origins["pre_exposure"] = given.who("pre_exposure")
    if pixel_size is None:
        warnings.append("the pixel size is unknown: say it in Å, or lengths stay in pixels")
    if given.beam_profile is None:
        notes.append("uniform illumination assumed: no beam profile was given")
    elif given.beam_source:
        notes.append(f"beam profile: {given.beam_source}")
    return Calibration(
        pixel_size=pixel_size,
        times=times,
        time_start=time_start,
        lit=lit,
        frame_dose=_frozen(frame_dose),
        dose_start=_frozen(start),
        dose=_frozen(end),
        dose_source=source,
        dose_uncertainty=uncertainty,
        origins=origins,
        warnings=tuple(warnings),
        notes=tuple(notes),
    )


def _times(recording: Recording, given: Given) -> tuple[Floats | None, float, str]:
    """Ends of the frames, start of the first, and who says so."""
    step = given.frame_time
    origin = given.who("frame_time")
    if step is None and isinstance(given.frame_dose, float) and given.dose_rate is not None:
        step = given.frame_dose / given.dose_rate
        origin = f"{given.who('frame_dose', 'dose_rate')}: frame dose over dose rate"
    lead = recording.lead
    if step is not None:
        start = lead.frames * step
    elif recording.times is not None:
        origin = recording.frame_time.origin if recording.frame_time else "file"
        return recording.times, lead.time, origin
    elif recording.frame_time is not None:
        step, origin, start = recording.frame_time.value, recording.frame_time.origin, lead.time
    else:
        return None, 0.0, ""
    frames = np.arange(1, recording.frames.shape[0] + 1, dtype=np.float64)
    return start + step * frames, start, origin


def _durations(times: Floats, start: float) -> Floats:
    """Seconds each frame lasted; the first no longer than is usual among the others."""
    steps = np.diff(times, prepend=start)
    if len(steps) > 1:
        usual = float(np.median(steps[1:]))
        steps[0] = min(steps[0], usual) if steps[0] > 0 else usual
    return steps


def _expected(recording: Recording, given: Given) -> NDArray[np.bool_]:
    """Frames whose counts are in keeping with the dose that the user gave to each of them."""
    doses = given.frame_dose if given.dose_table is None else given.dose_table.recorded
    counts = recording.counts
    if counts is None or not isinstance(doses, np.ndarray) or len(doses) != len(counts):
        return np.zeros(recording.frames.shape[0], bool)
    return in_keeping(counts, doses, recording.lit)


def _flux(recording: Recording, expected: NDArray[np.bool_]) -> tuple[Floats | None, list[str]]:
    """Counts relative to their median over lit frames; the others are zero."""
    counts = recording.counts
    if counts is None:
        return None, []
    usual = usual_counts(counts)
    if usual <= 0:
        return None, ["no frame holds any counts: the beam was off, or the file is empty"]
    lit = recording.lit
    flux: Floats = np.where(lit, counts / float(np.median(counts[lit])) if lit.any() else 0.0, 0.0)
    return flux, _beam_warnings(recording, flux, expected)


def _beam_warnings(recording: Recording, flux: Floats, expected: NDArray[np.bool_]) -> list[str]:
    """What is odd about the beam."""
    warnings = []
    unlit = recording.exposure <= 0
    first = int(np.argmin(unlit))
    if first:
        warnings.append(
            f"the first {first} frames are dark: the dose starts at frame {first} (0-based)"
        )
    later = int(unlit[first:].sum())
    if later:
        last = len(unlit) - int(np.argmin(unlit[::-1]))
        where = "" if later > len(unlit) - last else f", from frame {last} (0-based) to the end"
        warnings.append(
            f"{later} frames after beam-on are dark (beam blanked){where}: they have no dose and "
            "are left out"
        )
    faint = int((recording.lit & (flux < DARK) & ~expected).sum())
    if faint:
        warnings.append(
            f"{faint} frames hold less than {DARK:.0%} of the usual counts, which fall or rise "
            "too slowly for a beam that is blanked: they are taken as they are"
        )
    lost = int((recording.lost & ~unlit).sum()) if recording.lost is not None else 0
    if lost:
        warnings.append(
            f"{lost} frames hold no picture (saturated, all pixels alike, or none a number): the "
            "analysis leaves them out, but their dose counts"
        )
    return warnings


def _departure(flux: Floats | None) -> float:
    if flux is None or not (flux > 0).any():
        return 0.0
    return float(np.abs(flux[flux > 0] - 1).max())


def _doses(
    recording: Recording,
    given: Given,
    pixel_size: float | None,
    durations: Floats | None,
    flux: Floats | None,
) -> _Doses | None:
    """The most trusted dose of each frame in e/Å²."""
    return (
        _users_doses(recording, given, durations, flux)
        or _files_doses(recording, pixel_size)
        or _counted_doses(recording, given, pixel_size)
    )


def _users_doses(
    recording: Recording, given: Given, durations: Floats | None, flux: Floats | None
) -> _Doses | None:
    exposure = recording.exposure
    usual = None if durations is None else float(np.median(durations))
    calibration = given.dose_calibration
    if calibration is not None and durations is not None and usual is not None:
        rate = calibration.dose_rate
        doses = rate * durations * exposure
        spread = ""
        if flux is not None and flux.any():
            measured = rate * durations * flux / flux[flux > 0].mean()
            doses = np.where(recording.lit, measured, doses)
            spread = ", varying with the counts"
        return _Doses(
            doses,
            rate * usual * recording.lead.frames,
            f"{calibration.method}: {rate:g} e/Å²/s ± {calibration.uncertainty:.1%}{spread}",
            uncertainty=calibration.uncertainty,
        )
    if isinstance(given.frame_dose, np.ndarray):
        return _Doses(
            given.frame_dose, given.lead_dose, f"{given.who('frame_dose')}: dose of every frame"
        )
    if given.frame_dose is not None:
        _agree(given)
        return _Doses(
            given.frame_dose * exposure,
            given.frame_dose * recording.lead.frames,
            f"{given.who('frame_dose')}: nominal {given.frame_dose:.6g} e/Å² a frame",
            nominal=True,
        )
    if given.dose_rate is not None and durations is not None and usual is not None:
        return _Doses(
            given.dose_rate * durations * exposure,
            given.dose_rate * usual * recording.lead.frames,
            f"{given.who('dose_rate')}: nominal {given.dose_rate:.6g} e/Å²/s × frame time",
            nominal=True,
        )
    return None


def _files_doses(recording: Recording, pixel_size: float | None) -> _Doses | None:
    stated = recording.dose
    if stated is None or (stated.unit == "e/px" and pixel_size is None):
        return None
    area = 1.0 if stated.unit == "e/A2" or pixel_size is None else pixel_size**2
    return _Doses(
        np.where(recording.exposure > 0, stated.per_frame / area, 0.0),
        recording.lead.stated / area,
        stated.origin,
    )


def _counted_doses(recording: Recording, given: Given, pixel_size: float | None) -> _Doses | None:
    counts, counting = recording.counts, recording.counting
    if counts is None or pixel_size is None:
        return None
    area = pixel_size**2
    if given.counts_per_electron is not None:
        scale = 1 / given.counts_per_electron
        source = f"grey values, {given.counts_per_electron:g} an electron (user)"
    elif counting is not None and counting.kind == "single":
        scale, source = 1.0, f"counted events ({counting.origin})"
    else:
        return None
    electrons, lead = counts * scale, recording.lead.counts * scale
    if recording.counts_origin:
        source += f", {recording.counts_origin}"
    if given.dead_time_correction:
        if not recording.dead_time:
            raise BeamwatchError(
                "the one-event-per-pixel correction needs raw detector frames (EER); in this "
                "file they are already added up"
            )
        if (electrons >= recording.raw_per_frame).any():
            raise BeamwatchError("every pixel holds an event in every raw frame: saturated")
        raw = recording.raw_per_frame
        corrected: Floats = -raw * np.log1p(-electrons / raw)
        lead *= float(corrected.sum() / electrons.sum()) if electrons.any() else 1.0
        electrons = corrected
        source += ", corrected for one event per pixel and raw frame: a lower bound"
    elif recording.dead_time:
        source += ", not corrected for coincidence: a lower bound"
    return _Doses(np.where(recording.exposure > 0, electrons / area, 0.0), lead / area, source)


def _unit_slip(recording: Recording, given: Given, pixel_size: float) -> list[str]:
    """A warning where the user's pixel size and the file's cannot be of one unit."""
    file = recording.pixel_size
    if file is None or given.who("pixel_size") != "user":
        return []
    if 1 / UNIT_SLIP < pixel_size / file.value < UNIT_SLIP:
        return []
    return [
        f"the pixel size you gave, {pixel_size:g} Å, is {pixel_size / file.value:.4g} times that "
        f"of the file ({file.value:.4g} Å, {file.origin}): is it in Å?"
    ]


def _undercut(recording: Recording, pixel_size: float | None, doses: _Doses) -> list[str]:
    """A warning where more electrons were counted than the dose says there were."""
    counts, counting = recording.counts, recording.counting
    if counts is None or counting is None or counting.kind != "single" or pixel_size is None:
        return []
    counted, said = float(counts.sum()) / pixel_size**2, float(doses.per_frame.sum())
    if counted <= (1 + UNSTEADY) * said:
        return []
    return [
        f"{counted:.4g} e/Å² were counted, more than the {said:.4g} e/Å² of the dose in use "
        f"({doses.source}): one of them, or the pixel size, is wrong"
    ]


def _why_no_dose(recording: Recording, given: Given, pixel_size: float | None) -> list[str]:
    """What to give so that there is a dose."""
    counting = recording.counting
    questions = []
    if counting is not None and counting.kind == "blob" and given.counts_per_electron is None:
        questions.append(
            f"the noise says that one electron makes about {counting.counts_per_electron:.0f} grey "
            "levels spread over neighbouring pixels (blob-rendered counting): is that so? Then "
            f"{counting.counts_per_electron:.0f} counts per electron give the dose"
        )
    if given.dose_rate is not None or given.dose_calibration is not None:
        questions.append("a dose rate is known but no frame time: say it, too")
    elif recording.dose is not None and pixel_size is None:
        questions.append(
            f"the dose is known per pixel ({recording.dose.per_frame.sum():.4g} e/px in all) "
            "but not per Å²: give the pixel size"
        )
    else:
        questions.append("the dose is unknown: say that of a frame, or dose rate and frame time")
    return questions


def _agree(given: Given) -> None:
    """Frame dose, dose rate and frame time, all given, must be one statement."""
    dose, rate, time = given.frame_dose, given.dose_rate, given.frame_time
    if not isinstance(dose, float) or rate is None or time is None:
        return
    if abs(rate * time / dose - 1) > 0.01:
        raise BeamwatchError(
            f"{dose:g} e/Å² a frame and {rate:g} e/Å²/s × {time:g} s = {rate * time:g} e/Å² "
            "contradict each other: leave one out"
        )


def _frozen(values: Floats | None) -> Floats | None:
    if values is not None:
        values = values.copy()
        values.flags.writeable = False
    return values
