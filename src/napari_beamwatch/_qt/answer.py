"""The answer in words, from the table of onsets: no number without its unit, none without a doubt.

Knows no Qt: what is told here can be read in a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from napari_beamwatch._qt.session import Session
from napari_beamwatch._qt.spot_words import overlined
from napari_beamwatch.phases.reflections import INDICES
from napari_beamwatch.quantities import counted, dose_text
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.half_changed import half_changed
from napari_beamwatch.results.summary import AS_A_WHOLE, answer, regions_that_changed
from napari_beamwatch.spectra.imaging import is_diffraction

Tone = Literal["idle", "busy", "onset", "survived", "unsure"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What stands on top of the panel.

    Attributes
    ----------
    big : str
        The number, or a word or two.
    beside : str
        Its unit, interval and region.
    lines : tuple of str
        What else there is to say, a line each.
    tone : str
    """

    big: str
    beside: str = ""
    lines: tuple[str, ...] = ()
    tone: Tone = "idle"


def answer_of(session: Session) -> Answer:
    """The answer as far as it is known."""
    movie = session.movie
    if session.running:
        return Answer(f"{session.running} …", tone="busy")
    if movie is None and session.result is None:
        return Answer("no movie", lines=("Open a movie, or choose its layer below.",))
    row = session.onset
    if row is None or session.result is None:
        if session.result is not None and session.chosen != FIELD:
            return Answer("not looked at yet", f"region {session.chosen}", ("Run again.",))
        return Answer("not analysed yet", lines=_missing(session))
    same = pd.Series(dict(row))
    changed = regions_that_changed(session.result, same)
    told = _of_row(row, AS_A_WHOLE if changed else _named(row), answer(session.result, same))
    lines = [_sentence(changed)] if changed else []
    lines += told.lines
    lines += _others(session)
    if session.outdated:
        lines.append("Settings or regions changed since: run again.")
    return Answer(told.big, told.beside, tuple(lines), told.tone)


def onset_text(row: Row, *, interval: bool = True) -> str:
    """The onset of a region in short, with its unit: a label on the picture."""
    status = row.get("status")
    if status == "onset":
        dose = _number(row, "onset_dose")
        if dose is None:
            return f"frame {int(row['onset_frame']) + 1}" if _is(row, "onset_frame") else "onset"
        return f"{_at_least(row)}{dose_text(dose)} {_interval(row) if interval else ''}e/Å²"
    if status == "survived":
        survived = _number(row, "survived_dose")
        if survived is None:
            return "survived"
        return f"survived {_at_least(row)}{dose_text(survived)} e/Å²"
    return str(status).replace("_", " ")


def why(row: Row | None) -> str:
    """Why the answer is what it is, in a few sentences."""
    if row is None:
        return ""
    said = [_sentence(str(row["reason"]))] if _is(row, "reason") else []
    lost, steps = _number(row, "lost_dose"), []
    if lost is not None:
        steps.append(f"lost at {dose_text(lost)}")
    decay = _number(row, "decay_after_onset")
    if decay is not None:
        steps.append(f"falls to 1/e within a further {dose_text(decay)}")
    if steps:
        said.append(_sentence(", ".join(steps) + " e/Å²"))
    before, after = _number(row, "d_before_A", ""), _number(row, "d_after_A", "")
    if before is not None and after is not None:
        said.append(f"The spacing goes from {before:.3f} to {after:.3f} Å.")
    recovered = _number(row, "recovered_events", "")
    if recovered:
        dips = "1 dip" if recovered == 1 else f"{recovered:.0f} dips"
        said.append(f"{dips} recovered, cause not determined.")
    seen = [
        counted(int(row[name]), word)
        for name, word in (
            ("n_spots", "spot"), ("n_crystals", "crystal"), ("n_places", "place"),
            ("n_windows", "window"),
        )
        if _is(row, name) and int(row[name])
    ]  # fmt: skip
    if seen:
        said.append(_sentence("seen in " + ", ".join(seen)))
    return " ".join(said)


def _named(row: Row) -> str:
    return "field" if row["region"] == FIELD else f"region {row['region']}"


def _of_row(row: Row, where: str, line: str) -> Answer:
    status = row["status"]
    if status == "onset":
        return _onset(row, where, line)
    if status == "survived":
        survived = _number(row, "survived_dose")
        last = _number(row, "last_dose")
        lines = []
        loss = _number(row, "detectable_loss_percent", "")
        if loss is not None:
            lines.append(f"a lasting loss > {loss:.0f} % would have been seen")
        if last is not None:
            lines.append(f"no lasting change up to the end at {dose_text(last)} e/Å²")
        if survived is None:
            return Answer("survived", where, tuple(lines), "survived")
        lines += _unknown_before(row)
        beside = f"{_at_least(row)}{dose_text(survived)} e/Å² · {where}"
        return Answer("survived", beside, tuple(lines), "survived")
    word = str(status).replace("_", " ")
    reason = (_sentence(str(row["reason"])),) if _is(row, "reason") else ()
    return Answer(word, where, reason, "unsure")


def _onset(row: Row, where: str, line: str) -> Answer:
    dose = _number(row, "onset_dose")
    lines = []
    # What comes after the dose in the engine's own line: the signs and how sure they are.
    signs = line.partition(" · ")[2]
    if signs:
        lines.append(_with_bars(signs.replace("|", " or ")))
    if dose is None:
        frame = f"frame {int(row['onset_frame']) + 1}" if _is(row, "onset_frame") else "onset"
        lines += _of_places(row)
        lines.append("the dose is unknown: give the dose of a frame")
        return Answer(frame, where, tuple(lines), "onset")
    steps = [
        f"{word} {dose_text(at)} {_interval(row, name)}".rstrip()
        for word, name in (("detected", "detected_dose"), ("half gone", "half_dose"))
        if (at := _number(row, name)) is not None
    ]
    if steps:
        lines.append(" · ".join(steps) + " e/Å²")
    scale = _number(row, "dose_scale_sd_percent", "")
    if scale:
        lines.append(f"dose scale ± {scale:.2g} % beside the interval")
    lines += _of_places(row)
    stop = _stop(row)
    if stop:
        lines.append(stop)
    lines += _unknown_before(row)
    beside = f"e/Å² {_interval(row)}· {where}"
    return Answer(f"{_at_least(row)}{dose_text(dose)}", beside, tuple(lines), "onset")


def _of_places(row: Row) -> list[str]:
    """How many places there are, how much of the lattice changed, and when half of it had."""
    changed, places = _number(row, "changed_area_percent", ""), _number(row, "n_places", "")
    if not places or places < 2:
        return []
    median = _number(row, "median_onset")
    said = []
    if median is not None:
        ends = _interval(row, "median_onset")
        said.append(f"median of {places:.0f} places {dose_text(median)} {ends}e/Å²")
    if changed is not None:
        of = "the lattice" + ("" if said else f" of {places:.0f} places")
        half = half_changed(changed, median, _number(row, "median_onset_high"))
        said.append(f"{changed:.0f} % of {of} changed by the end{half}")
    return said


def _with_bars(words: str) -> str:
    """Words with the indices in them as they are printed."""
    return INDICES.sub(lambda found: overlined(found[0]), words)


def _stop(row: Row) -> str:
    """The dose that leaves the specimen as it was, and how long that takes."""
    low = _number(row, "onset_low")
    if low is None or low <= 0:
        return ""
    rate = _number(row, "dose_rate_e_per_A2_s", "")
    before = _number(row, "pre_exposure") or 0.0
    said = f"stop at {dose_text(low)} e/Å²"
    if rate and low > before:
        said += f" = {(low - before) / rate:.2g} s at this rate"
    return said


def _others(session: Session) -> list[str]:
    """The answers for the other regions, in a line."""
    assert session.result is not None
    names = [name for name in session.result.onsets["region"] if name != session.chosen]
    rows = [(name, session.onset_of(name)) for name in names]
    said = [
        f"{'field' if name == FIELD else f'region {name}'} {onset_text(row)}"
        for name, row in rows
        if row is not None
    ]
    return [" · ".join(said)] if said else []


def _missing(session: Session) -> tuple[str, ...]:
    movie, constant = session.movie, session.settings.camera_constant
    if movie is None:
        return ()
    lines = []
    if constant is None and is_diffraction(movie):
        lines.append("camera constant missing: take it from a ring, below")
    elif constant is None and movie.pixel_size is None:
        lines.append("pixel size missing: spacings will be in pixels")
    if movie.dose is None:
        lines.append("dose missing: the onset will be a frame, not a dose")
    elif movie.pre_exposure is None:
        lines.append("pre-exposure missing: doses will be lower limits")
    return tuple(lines) or ("Everything is known: press Run.",)


def _number(row: Row, name: str, unit: str = "_e_per_A2") -> float | None:
    return float(row[name + unit]) if _is(row, name + unit) else None


def _is(row: Row, name: str) -> bool:
    value: Any = row.get(name)
    return value is not None and value is not pd.NA and value == value and value != ""


def _interval(row: Row, dose: str = "onset") -> str:
    low, high = _number(row, f"{dose}_low"), _number(row, f"{dose}_high")
    if low is None:
        return ""
    least = dose_text(low)
    return f"[≥ {least}] " if high is None else f"[{least}–{dose_text(high)}] "


def _at_least(row: Row) -> str:
    return "≥ " if _unknown_before(row) else ""


def _unknown_before(row: Row) -> list[str]:
    before = _number(row, "pre_exposure")
    return ["pre-exposure unknown: at least this much"] if before is None else []


def _sentence(words: str) -> str:
    words = words.strip()
    return (words[:1].upper() + words[1:]).rstrip(".") + "." if words else ""
