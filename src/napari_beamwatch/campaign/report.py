"""The page of a campaign: what many movies say together, for people without any of this.

It is made of ``summary.json`` alone, which may be anybody's, so that the page of a campaign that
has just been summed up is the page of its folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from napari_beamwatch.campaign.groups import short_name
from napari_beamwatch.campaign.measures import MEASURES
from napari_beamwatch.quantities import counted
from napari_beamwatch.results.report.about import PROVEN_ON, for_a_paper
from napari_beamwatch.results.report.doses import number, phases, plain, word
from napari_beamwatch.results.report.page import (
    UNIT,
    Fact,
    boxes,
    bullets,
    figure,
    fragment,
    glossary,
    page,
    paragraph,
    prose,
    section,
    table,
    text,
)

Row = Mapping[str, Any]

CAPTION = (
    "Doses of all groups on a logarithmic axis: every place as a faint mark (those of one movie on "
    "one height), the median with its 95 % interval between movies, an arrow where it lies beyond "
    "what is known; in grey published limits, with what they call their limit. This figure is "
    "summary.png of the folder, for print summary.svg and summary.pdf."
)

MOST_BOXES = 8
"""Groups told in boxes; of more the table tells."""

FATES = (
    ("dated", "dated"), ("before", "changed before anything was seen"),
    ("within", "changed, nobody knows when"), ("held", "held to the end"),
    ("ambiguous", "no clear answer"),
)  # fmt: skip


def campaign_report(record: Row, drawn: bytes | None) -> str:
    """A page about a campaign that needs no other file.

    Parameters
    ----------
    record : mapping
        As ``summary.json`` has it.
    drawn : bytes or None
        The figure, a PNG file.
    """
    measure, version = str(record["measure"]), word(record.get("version"))
    others = [name for name in MEASURES if name != measure]
    rest = "all are in summary.csv"
    return page(
        f"{_name(record)}: beam damage",
        *_first(record),
        figure(drawn, _said(record), CAPTION),
        section("Groups", table(_group_heads(record), _groups(record, measure), rest)),
        section("What makes a difference", *_differences(record, measure)),
        section("What the dose goes with", *_coefficients(record, measure)),
        *(
            section(
                f"The same for another dose: {MEASURES[name].words}",
                table(_group_heads(record), _groups(record, name), rest),
                *_differences(record, name),
            )
            for name in others
        ),
        section("Phases: native, or made by the beam", table(
            ("phase", "group", "verdict", "why"), _phases(record), "all are in summary.json"
        )),
        section("Movies", table(*_movies(record), "all are in summary.json")),
        section("Notes", bullets(str(note) for note in record["notes"])),
        for_a_paper(word(record.get("methods")), version),
        section("Software", paragraph(
            f"napari-beamwatch {version}, {word(record.get('written'))}. {PROVEN_ON}"
        )),
        glossary(_words(record)),
    )  # fmt: skip


def campaign_screen(record: Row) -> str:
    """The top of the page, for a notebook."""
    return fragment(*_first(record))


def _first(record: Row) -> tuple[str, ...]:
    groups = _of(record["groups"], str(record["measure"]))
    big, *below = _answer(record, groups)
    lines = "".join(f"<p>{prose(line)}</p>\n" for line in below)
    told = boxes(_boxes(record, groups)) if 1 < len(groups) <= MOST_BOXES else ""
    beneath = f"{counted(len(record['movies']), 'movie')}, {_grouped(record)}"
    return (
        f"<header><h1>{text(_name(record))}</h1>{paragraph(beneath, 'quiet')}</header>",
        f'<div class="answer changed"><p class="big">{prose(big)}</p>\n{lines}</div>',
        "".join(
            paragraph(f"Warning: {one}", "warning")
            for one in (*record["unread"], *_remarks(groups))
        ),
        told,
    )


def _answer(record: Row, groups: Sequence[Row]) -> Iterator[str]:
    """What a reader came for: how much longer, or at which dose."""
    measure = str(record["measure"])
    if len(groups) == 1:
        row = groups[0]
        yield f"{row['group']}: {_with_unit(row['median_words'])}"
        time = _time(row, record)
        yield f"The median of {_counts(row)}: {MEASURES[measure].words}{time and f'; {time}'}."
        yield f"A tenth gone: {_with_unit(row['gone_10_words'])}."
        return
    pairs = _compared(record, measure)
    mine = [row for row in pairs if row["varied"] != "compound"] or pairs
    shown = [line for line in map(_ratio, mine) if line]
    if shown:
        yield from shown
        return
    yield f"{counted(len(groups), 'group')} of movies"
    yield "No two of them differ in one condition, of which a ratio could be told."


def _ratio(row: Row) -> str:
    """A comparison as a sentence; empty where nothing is known."""
    ratio, low, high = (number(row[name]) for name in ("ratio", "ratio_low", "ratio_high"))
    words = word(row["words"])
    above, below = word(row["above"]), word(row["below"])
    if words.startswith("no ratio"):
        return ""
    if low is not None and low > 1:
        return f"{above}: {words} the dose of {below}"
    if high is not None and high < 1 and ratio is not None:
        return f"{above}: {words} the dose of {below}, which is less"
    if "no interval" in words:
        return f"{above}: {words} (of {below})"
    return f"{above} and {below}: no difference is shown ({words})"


def _boxes(record: Row, groups: Iterable[Row]) -> Iterator[Fact]:
    for row in groups:
        rest = (_time(row, record), f"a tenth gone: {word(row['gone_10_words'])}", _counts(row))
        yield Fact(
            word(row["group"]), _with_unit(row["median_words"]), "; ".join(filter(None, rest))
        )


def _group_heads(record: Row) -> tuple[str, ...]:
    rate = number(record["dose_rate_e_per_A2_s"])
    time = f"s at {rate:.3g} {UNIT}/s" if rate else "s"
    fates = tuple(called for _, called in FATES)
    return (
        "group", f"median [95 %], {UNIT}", f"a tenth gone, {UNIT}", time, "movies", "crystals",
        "places", *fates, "dose scale ±, %",
    )  # fmt: skip


def _groups(record: Row, measure: str) -> list[tuple[str, ...]]:
    return [
        (
            word(row["group"]), word(row["median_words"]), word(row["gone_10_words"]),
            plain(row["median_time_s"], 3),
            *(plain(row[name]) for name in ("movies", "crystals", "places")),
            *("" if not row[name] else plain(row[name]) for name, _ in FATES),
            plain(row["dose_scale_sd_percent"], 2),
        )
        for row in _of(record["groups"], measure)
    ]  # fmt: skip


def _differences(record: Row, measure: str) -> tuple[str, ...]:
    rows = [
        (
            f"{word(row['above'])} over {word(row['below'])}", word(row["words"]),
            plain(row["p_permutation"], 2), plain(row["least_p"], 2), plain(row["p_logrank"], 2),
        )
        for row in _compared(record, measure)
    ]  # fmt: skip
    heads = ("groups", "ratio of medians [95 %]", "p", "smallest p there can be", "log-rank p")
    said = "p: by chance alone, movies change places between the groups. None is corrected for "
    return table(heads, rows), paragraph(f"{said}many comparisons." if rows else "", "quiet")


def _coefficients(record: Row, measure: str) -> tuple[str, ...]:
    rows = [
        (
            word(row["compound"]) or "all", word(row["condition"]).replace("_", " "),
            _coefficient(row), word(row["words"]),
        )
        for row in _of(record["regression"], measure)
    ]  # fmt: skip
    law = "log D = a + b · log(dose rate) + c · kV + d / T, with an effect of each movie."
    heads = ("compound", "condition", "coefficient [95 %]", "what that says")
    return paragraph(law if rows else "", "quiet"), table(heads, rows)


def _coefficient(row: Row) -> str:
    value, low, high = (number(row[name]) for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return ""
    said = f"{word(row['coefficient'])} = {value:.3g} [{low:.3g} to {high:.3g}]"
    return f"{said} {word(row['unit'])}".rstrip()


def _phases(record: Row) -> list[tuple[str, ...]]:
    return [
        (
            phases(row["phase"]), word(row["group"]), word(row["verdict"]),
            word(row["words"]).partition(f"{word(row['verdict'])}; ")[2] or word(row["words"]),
        )
        for row in record.get("phases", ())
    ]  # fmt: skip


def _movies(record: Row) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    heads = (
        "movie", "group", "places", f"record ends at, {UNIT}", f"dose rate, {UNIT}/s",
        "temperature, °C", "voltage, kV", "pixel, Å", "dose scale ±, %",
    )  # fmt: skip
    numbers = (
        "places", "last_dose_e_per_A2", "dose_rate_e_per_A2_s", "temperature_C", "voltage_kV",
        "pixel_size_A", "dose_scale_sd_percent",
    )  # fmt: skip
    rows = [
        (word(row["movie"]), word(row["group"]), *(plain(row[name]) for name in numbers))
        for row in record["movies"]
    ]
    return heads, rows


def _words(record: Row) -> Iterator[tuple[str, str]]:
    yield "median", "the dose by which half of the lattice of a movie taken at random had changed"
    yield (
        "interval",
        (
            "holds the true value in 95 of 100 campaigns like this; it is between movies, and the "
            "error of the dose scale is not in it"
        ),
    )
    yield "place", "a connected piece of one crystal whose reflections share one course"
    yield "> 600", "it lies beyond what these movies saw"
    for name, meaning in record["measures"].items():
        yield str(name).replace("_", " "), str(meaning)


def _compared(record: Row, measure: str) -> list[Row]:
    """Pairs of groups; what one compound does under two conditions first, and what is known."""
    rows = _of(record["comparisons"], measure)
    return sorted(rows, key=lambda row: (row["varied"] == "compound", number(row["ratio"]) is None))


def _remarks(groups: Iterable[Row]) -> Iterator[str]:
    for row in groups:
        if word(row["remark"]):
            yield f"{word(row['group'])}: {word(row['remark'])}"


def _of(rows: Iterable[Row], measure: str) -> list[Row]:
    return [row for row in rows if row["measure"] == measure]


def _time(row: Row, record: Row) -> str:
    seconds, rate = number(row["median_time_s"]), number(record["dose_rate_e_per_A2_s"])
    return f"{seconds:.3g} s at {rate:.3g} {UNIT}/s" if seconds and rate else ""


def _with_unit(words: object) -> str:
    """Words of a dose with the unit after the number, before what is said of it."""
    said = word(words)
    dose, comma, rest = said.partition(", ")
    return f"{dose} {UNIT}{comma}{rest}" if said else ""


def _counts(row: Row) -> str:
    return ", ".join(counted(int(row[f"{one}s"]), one) for one in ("movie", "place"))


def _name(record: Row) -> str:
    compounds = dict.fromkeys(word(row["compound"]).strip() for row in record["movies"])
    return ", ".join(filter(None, compounds)) or "Campaign"


def _grouped(record: Row) -> str:
    names = ", ".join(short_name(str(name)).replace("_", " ") for name in record["by"])
    return f"grouped by {names}" if names else "all in one group"


def _said(record: Row) -> str:
    return "; ".join(
        f"{word(row['group'])}: {word(row['median_words'])} {UNIT}"
        for row in _of(record["groups"], str(record["measure"]))
    )
