"""The figure of a campaign, for print: doses of all groups on one logarithmic axis.

Each group is a line: every place as a faint mark, the median with its interval between movies, an
arrow where it lies beyond what is known. Room temperature and cryo stand below each other, and
below them what others have published, in grey, with what they call their limit.

Imports matplotlib, so it is imported only where a figure is drawn. No display is needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from napari_beamwatch.campaign.measures import known_measure
from napari_beamwatch.campaign.tables import CampaignTables
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases.limits import published_limits
from napari_beamwatch.quantities import counted
from napari_beamwatch.results.figure.style import (
    COLOURS,
    MARKS,
    MM,
    STYLE,
    WIDTH,
    plain,
    write_drawn,
)

PUBLISHED = "0.45"
TEMPERATURE, COMPOUND = "temperature_C", "compound"

LEFT, RIGHT = 36.0, 139.0
"""mm: edges of the axis; names stand left of it, numbers right."""

LINE, PUBLISHED_LINE, APART = 7.0, 3.9, 2.6
"""mm: heights of a group and of a published row, and what is left between compounds."""

TOP, TOP_WITH_TIME, BOTTOM = 6.0, 11.0, 16.0
"""mm: what titles and axes take."""

NAMES = -(LEFT - 1.5) / (RIGHT - LEFT)
"""Where names of compounds begin, in widths of the axis."""

LOOKS = (
    (COLOURS[1], MARKS[0], True),
    (COLOURS[0], MARKS[1], False),
    (COLOURS[2], MARKS[2], True),
    (COLOURS[3], MARKS[3], False),
)
"""Colour, mark and whether it is filled: told apart in grey, too. What is warm comes first."""

CLOUD = 2.3
"""mm: half of the height that the places of a group are scattered over."""


@dataclass(frozen=True)
class Line:
    """A line of the figure.

    Attributes
    ----------
    y : float
        mm below the upper edge of the axis.
    group : Series or None
        Row of the summary, or None for a published one.
    published : Series or None
        Row of the published limits.
    block : str
        Of conditions that are the same for neighbouring lines.
    own : str
        The condition that sets the line apart.
    look : int
        Number of its colour and mark.
    """

    y: float
    group: pd.Series | None
    published: pd.Series | None
    block: str
    own: str
    look: int


def campaign_figure(campaign: CampaignTables, measure: str | None = None) -> Figure:
    """Draw a campaign for print: vector, readable in grey and by the colour-blind.

    Parameters
    ----------
    campaign : Campaign
    measure : {"onset", "detected", "half_gone"}, optional
        That of the campaign if left open.

    Returns
    -------
    Figure
        180 mm wide. Not registered with pyplot: nothing needs to be closed.
    """
    measure = known_measure(campaign.measure if measure is None else measure)
    lines, height = _lines(campaign, measure)
    top = TOP if campaign.dose_rate is None else TOP_WITH_TIME
    with mpl.rc_context(STYLE):
        total = top + height + BOTTOM
        made = Figure(figsize=(WIDTH * MM, total * MM))
        axes = made.add_axes((LEFT / WIDTH, BOTTOM / total, (RIGHT - LEFT) / WIDTH, height / total))
        axes.set_xscale("log")
        axes.set_ylim(height, 0)
        axes.set_xlim(*_limits(campaign, measure, lines))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        _ticks(axes)
        axes.set_xlabel(f"dose at which {_what(measure)} (e/Å²)", labelpad=2)
        block = None
        for line in lines:
            if line.block != block:
                _head(axes, line, first=block is None)
                block = line.block
            if line.group is not None:
                _draw_group(axes, campaign, measure, line)
            else:
                _draw_published(axes, line)
        axes.text(
            1.03, 1 + 2.0 / height, "median [95 %]", transform=axes.transAxes, va="bottom",
            ha="left", fontsize=6.5, fontweight="bold",
        )  # fmt: skip
        if campaign.dose_rate is not None:
            rate = campaign.dose_rate

            def seconds_at(dose: Any) -> Any:
                return dose / rate

            def dose_after(seconds: Any) -> Any:
                return seconds * rate

            time = axes.secondary_xaxis("top", functions=(seconds_at, dose_after))
            time.set_xlabel(f"time at {rate:.3g} e/Å²/s (s)", labelpad=3)
            time.xaxis.set_major_formatter(FuncFormatter(_tick))
            time.xaxis.set_minor_formatter(NullFormatter())
        _key(made, lines, total)
    return made


def write_campaign_figure(
    campaign: CampaignTables, *paths: Path, measure: str | None = None
) -> None:
    """Draw a campaign and write it, as the ending of each path says: .png, .svg or .pdf."""
    write_drawn(lambda: campaign_figure(campaign, measure), *paths)


def _lines(campaign: CampaignTables, measure: str) -> tuple[list[Line], float]:
    """Lines of the figure, those of one compound together, and the height of all in mm."""
    table = campaign.summary[campaign.summary["measure"] == measure]
    if not len(table):
        raise BeamwatchError(f"no group of this campaign tells of {measure}")
    own = TEMPERATURE if TEMPERATURE in campaign.by else (campaign.by or ("",))[-1]
    rest = [name for name in campaign.by if name != own]
    blocks = [", ".join(str(row[name]) for name in rest) for _, row in table.iterrows()]
    owns = [str(row[own]) if own else "all movies" for _, row in table.iterrows()]
    looks = {name: i for i, name in enumerate(_in_order(owns))}
    made: list[Line] = []
    y = 0.5
    for block in dict.fromkeys(blocks):
        if made:
            y += APART
        mine = [i for i in range(len(table)) if blocks[i] == block]
        for i in mine:
            row = table.iloc[i]
            made.append(Line(y + LINE / 2, row, None, block, owns[i], looks[owns[i]]))
            y += LINE
            for _, limit in _published(row, owns[i]).iterrows():
                made.append(
                    Line(y + PUBLISHED_LINE / 2, None, limit, block, owns[i], looks[owns[i]])
                )
                y += PUBLISHED_LINE
    return made, y + 1.5


def _in_order(words: Sequence[str]) -> list[str]:
    """What lines are told apart by: room temperature looks the same in every figure, and cryo."""
    return sorted(dict.fromkeys(words), key=lambda word: (word.startswith("cryo"),))


def _published(row: pd.Series, temperature: str) -> pd.DataFrame:
    """Published rows of the compound and temperature of a group that have a number."""
    name = unicodedata.normalize("NFKC", str(row.get(COMPOUND, ""))).partition(" ")[0]
    if not temperature.startswith(("RT", "cryo")):
        return pd.DataFrame()
    found = published_limits(name, 20.0 if temperature.startswith("RT") else -170.0)
    return found[found["status"] != "no_number"]


def _limits(campaign: CampaignTables, measure: str, lines: Sequence[Line]) -> tuple[float, float]:
    table = campaign.summary[campaign.summary["measure"] == measure]
    places = campaign.places[campaign.places["measure"] == measure]
    doses = np.concatenate(
        [
            table.filter(regex=r"^(median|known).*_e_per_A2$").to_numpy(float).ravel(),
            places["low_e_per_A2"].to_numpy(float),
            places["high_e_per_A2"].to_numpy(float),
            *(
                line.published[["low_e_per_A2", "high_e_per_A2"]].to_numpy(float)
                for line in lines
                if line.published is not None
            ),
        ]
    )
    doses = doses[np.isfinite(doses) & (doses > 0)]
    return float(doses.min() / 1.6), float(doses.max() * 2.2)


def _head(axes: Axes, line: Line, *, first: bool) -> None:
    """The name of a compound, and a rule above it."""
    top = line.y - LINE / 2
    if not first:
        axes.plot(
            [NAMES, 1.37], [top - APART / 2] * 2, transform=axes.get_yaxis_transform(),
            color="0.8", lw=0.5, clip_on=False,
        )  # fmt: skip
    if line.block:
        axes.text(
            NAMES, line.y, _formula(line.block), transform=axes.get_yaxis_transform(), va="center",
            ha="left", fontweight="bold", fontsize=7.5,
        )  # fmt: skip


def _draw_group(axes: Axes, campaign: CampaignTables, measure: str, line: Line) -> None:
    row = line.group
    assert row is not None
    colour, mark, filled = LOOKS[line.look % len(LOOKS)]
    edge = axes.get_yaxis_transform()
    axes.text(-0.012, line.y, line.own, transform=edge, va="center", ha="right", fontsize=6.5)
    _draw_places(axes, campaign, measure, line, colour)
    value, low, high = (float(row[f"median{end}_e_per_A2"]) for end in ("", "_low", "_high"))
    until = float(row["known_until_e_per_A2"])
    look: dict[str, Any] = {
        "color": colour,
        "mec": colour,
        "mfc": colour if filled else "white",
        "zorder": 5,
    }
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([low, high], [line.y] * 2, color=colour, lw=1.8, solid_capstyle="butt", zorder=4)
        for end in (low, high):
            axes.plot([end] * 2, [line.y - 1.0, line.y + 1.0], color=colour, lw=1.0, zorder=4)
    if np.isfinite(value):
        if np.isfinite(low) and not np.isfinite(high):
            _arrow(axes, low, axes.get_xlim()[1] / 1.12, line.y, colour)
        axes.plot(value, line.y, marker=mark, ms=6.0, mew=1.2, **look)
    elif int(row["before"]) == int(row["places"]):
        _arrow(axes, high, axes.get_xlim()[0] * 1.12, line.y, colour)
    else:  # beyond what is known
        begin = low if np.isfinite(low) else until
        _arrow(axes, begin, min(begin * 2.2, axes.get_xlim()[1] / 1.02), line.y, colour)
        axes.plot([begin] * 2, [line.y - 1.0, line.y + 1.0], color=colour, lw=1.0, zorder=4)
    counts = ", ".join(counted(int(row[f"{one}s"]), one) for one in ("movie", "place"))
    nothing = ", nothing changed"
    words = str(row["median_words"]).removesuffix(nothing)
    counts += ", no change" if str(row["median_words"]).endswith(nothing) else ""
    axes.text(1.03, line.y - 1.3, words, transform=edge, va="center", ha="left", fontsize=7)
    axes.text(
        1.03, line.y + 1.5, counts, transform=edge, va="center", ha="left", fontsize=5.5,
        color="0.3",
    )  # fmt: skip


def _draw_places(
    axes: Axes, campaign: CampaignTables, measure: str, line: Line, colour: str
) -> None:
    """Every place, faint; of one movie on one height, so that movies are seen."""
    assert line.group is not None
    table = campaign.places
    mine = table[(table["group"] == line.group["group"]) & (table["measure"] == measure)]
    movies = list(dict.fromkeys(mine["movie"]))
    heights = np.linspace(-CLOUD, CLOUD, len(movies)) if len(movies) > 1 else np.zeros(1)
    y = line.y + heights[[movies.index(movie) for movie in mine["movie"]]]
    low = mine["low_e_per_A2"].to_numpy(float)
    high = mine["high_e_per_A2"].to_numpy(float)
    fate = mine["fate"].to_numpy(str)
    share = np.sqrt(np.clip(mine["share"].to_numpy(float), 0.02, 1.0))
    for kind, x, mark in (
        (fate == "dated", low, "o"),
        (np.isin(fate, ["held", "ambiguous"]), low, ">"),
        (fate == "before", high, "<"),
        (fate == "within", np.sqrt(np.maximum(low, 1e-9) * high), "|"),
    ):
        bare = mark in "<>"
        axes.scatter(
            x[kind], y[kind], s=2.0 + 9.0 * share[kind], marker=mark, alpha=0.45, zorder=2,
            facecolors="none" if bare else colour, edgecolors=colour if bare else None,
            linewidths=0.5 if bare or mark == "|" else 0.0,
        )  # fmt: skip


def _draw_published(axes: Axes, line: Line) -> None:
    """What others have published, with what they call their limit."""
    row = line.published
    assert row is not None
    low, high = float(row["low_e_per_A2"]), float(row["high_e_per_A2"])
    ends = axes.get_xlim()
    if not np.isfinite(high):
        _arrow(axes, low, min(low * 2.0, ends[1] / 1.02), line.y, PUBLISHED, 0.8)
    elif not np.isfinite(low):
        _arrow(axes, high, max(high / 2.0, ends[0] * 1.02), line.y, PUBLISHED, 0.8)
    elif high > low:
        axes.plot([low, high], [line.y] * 2, color=PUBLISHED, lw=0.8, zorder=3)
    for dose in {low, high}:
        if np.isfinite(dose):
            axes.plot(dose, line.y, marker="D", ms=3.2, mec=PUBLISHED, mfc="white", mew=0.8,
                      zorder=4)  # fmt: skip
    source = re.sub(r"\s*(et al\.)?[ ,]*(doi|via).*", "", str(row["citation"])).split()
    author = source[0] if source else ""
    year = re.search(r"(19|20)\d\d", str(row["citation"]))
    # Which signs that may be stands in the table.
    criterion = str(row["criterion_of_source"]).partition(":")[0]
    said = f"{criterion} ({author}{f' {year[0]}' if year else ''})"
    right = max(end for end in (low, high) if np.isfinite(end))
    right *= 2.3 if not np.isfinite(high) else 1.0
    room = np.log(ends[1] / right) / np.log(ends[1] / ends[0]) * (RIGHT - LEFT)
    words: dict[str, Any] = {"va": "center", "fontsize": 5.5, "color": "0.3", "zorder": 4}
    if room > 1.0 * len(said) + 2.0:
        axes.annotate(plain(said), (right, line.y), (4, 0), textcoords="offset points", ha="left",
                      **words)  # fmt: skip
    else:
        left = min(end for end in (low, high) if np.isfinite(end))
        axes.annotate(plain(said), (left, line.y), (-4, 0), textcoords="offset points",
                      ha="right", **words)  # fmt: skip
    number = _tick(low) if low == high else f"{_tick(low)} to {_tick(high)}"
    if not (np.isfinite(low) and np.isfinite(high)):
        number = f"< {_tick(high)}" if np.isfinite(high) else f"> {_tick(low)}"
    axes.text(1.03, line.y, number, transform=axes.get_yaxis_transform(), va="center", ha="left",
              fontsize=5.5, color="0.3")  # fmt: skip


def _arrow(axes: Axes, begin: float, end: float, y: float, colour: str, lw: float = 1.8) -> None:
    axes.annotate(
        "", (end, y), (begin, y), zorder=4,
        arrowprops={"arrowstyle": f"-|>,head_width={0.08 + 0.05 * lw},head_length=0.3",
                    "color": colour, "lw": lw, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8},
    )  # fmt: skip


def _key(made: Figure, lines: Sequence[Line], total: float) -> None:
    drawn = [line for line in lines if line.group is not None]
    looks = {line.own: line.look for line in drawn}
    handles = []
    for name, look in looks.items():
        colour, mark, filled = LOOKS[look % len(LOOKS)]
        handles.append(
            Line2D([], [], color=colour, marker=mark, ms=5, lw=1.8, mew=1.2,
                   mfc=colour if filled else "white",
                   label=f"median, {name}" if len(looks) > 1 else "median")
        )  # fmt: skip
    handles += [
        Line2D([], [], ls="none", marker="o", ms=3, mec="none", mfc="0.5", label="a place"),
        Line2D([], [], ls="none", marker=">", ms=3, mec="0.4", mfc="none", mew=0.5,
               label="a place that held until there"),
    ]  # fmt: skip
    if any(line.published is not None for line in lines):
        handles.append(
            Line2D([], [], ls="none", marker="D", ms=3.2, mec=PUBLISHED, mfc="white", mew=0.8,
                   label="published, with its criterion")
        )  # fmt: skip
    made.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(2.0 / WIDTH, 0.8 / total),
        ncols=len(handles), columnspacing=1.4, handletextpad=0.5, borderaxespad=0, borderpad=0.2,
        fontsize=6,
    )  # fmt: skip


def _ticks(axes: Axes) -> None:
    axes.xaxis.set_major_locator(LogLocator(numticks=20))
    axes.xaxis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)), numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(_tick))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", which="major", color="0.9", lw=0.5, zorder=0)
    axes.set_axisbelow(True)


def _tick(value: float, _: object = None) -> str:
    return f"{value:,.0f}".replace(",", "\u2009") if value >= 10000 else f"{value:.4g}"


def _what(measure: str) -> str:
    return {
        "onset": "a place began to change",
        "detected": "the change of a place was detected",
        "half_gone": "half of the lattice of a place was gone",
    }[measure]


def _formula(text: str) -> str:
    """A formula with its digits below the line."""
    return re.sub(r"(?<=[A-Za-z)])(\d+)", r"$_{\\mathbf{\1}}$", plain(text))
