"""The skeleton of a page that stands alone: looks, escaping, tables, figures; no word of a run.

A page needs no network, no script and no other file, and every word that comes from elsewhere goes
through `text`. Should one slip past it all the same, the page's own policy lets nothing run.
"""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_bytes, write_whole
from napari_beamwatch.harmless import printable

GENERATOR = "napari-beamwatch"
"""Named in the head of each page: only pages with it are replaced by others."""

HEAD = 1024
"""Bytes of a page in which its generator is named."""

PNG = b"\x89PNG\r\n\x1a\n"

LARGEST_FIGURE = 3_500_000
"""Bytes; as text they are a third more, and a page stays below 5 MB."""

LARGEST_PICTURE = 64 * 2**20
"""Bytes of a file; larger ones are not ours."""

MOST_ROWS = 100
"""Rows of a table that anybody reads; a page of a thousand places would be no answer."""

UNIT = "e/Å²"

_POLICY = "default-src 'none'; img-src {}; style-src 'unsafe-inline'"

STYLE = """
.beamwatch{color-scheme:light;color:#1a1a1a;background:#fff;line-height:1.5;font-size:16px;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
overflow-wrap:break-word}
body.beamwatch{max-width:60rem;margin:0 auto;padding:1.2rem 1rem 3rem}
div.beamwatch{padding:1rem}
.beamwatch h1{font-size:1.35rem;line-height:1.25;margin:0 0 .2rem;color:inherit}
.beamwatch h2{font-size:1.1rem;margin:2.2rem 0 .6rem;padding-bottom:.2rem;
border-bottom:1px solid #d0d0d0;color:inherit}
.beamwatch p{margin:.5rem 0}
.beamwatch .quiet{color:#595959;font-size:.9rem}
.beamwatch .answer{border-left:.4rem solid #595959;background:#f5f5f5;padding:.8rem 1rem;
margin:1rem 0}
.beamwatch .answer.changed{border-color:#d55e00}
.beamwatch .answer.held{border-color:#0072b2}
.beamwatch .answer .big{font-size:1.6rem;line-height:1.25;font-weight:650;margin:0}
.beamwatch .answer p:last-child{margin-bottom:0}
.beamwatch .warning{border-left:.4rem solid #e69f00;background:#fff8e8;padding:.5rem 1rem;
margin:.6rem 0}
.beamwatch .facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));
gap:.6rem;margin:1rem 0;padding:0}
.beamwatch .facts>div{border:1px solid #d0d0d0;border-radius:.3rem;padding:.5rem .7rem}
.beamwatch .facts dt{font-size:.9rem;color:#404040;font-weight:400}
.beamwatch .facts dd{margin:0}
.beamwatch .facts .value{font-size:1.15rem;font-weight:600;font-variant-numeric:tabular-nums}
.beamwatch .bar{text-decoration:overline}
.beamwatch .missing{color:#8a3b00;font-style:italic}
.beamwatch .wide{overflow-x:auto;margin:.6rem 0}
.beamwatch table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;
margin:0;background:#fff;color:inherit}
.beamwatch th,.beamwatch td{padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid #e2e2e2;background:#fff}
.beamwatch thead th{border-bottom:2px solid #808080;vertical-align:bottom}
.beamwatch tbody th{font-weight:600}
.beamwatch tbody td,.beamwatch tbody th,.beamwatch .unit{white-space:nowrap}
.beamwatch tbody td.long,.beamwatch tbody th.long{white-space:normal;min-width:16rem}
.beamwatch figure{margin:1rem 0}
.beamwatch figure img{max-width:100%;height:auto;display:block;background:#fff}
.beamwatch figcaption{color:#404040;font-size:.9rem;margin-top:.4rem}
.beamwatch blockquote,.beamwatch pre{background:#f5f5f5;border:1px solid #d0d0d0;
border-radius:.3rem;margin:.6rem 0;padding:.7rem .9rem;font-size:.9rem;color:inherit;
user-select:all;-webkit-user-select:all}
.beamwatch pre{white-space:pre-wrap;overflow-wrap:anywhere;
font-family:ui-monospace,Consolas,Menlo,monospace}
.beamwatch code{font-family:ui-monospace,Consolas,Menlo,monospace;font-size:.9em;
overflow-wrap:anywhere;background:none;color:inherit}
.beamwatch summary{cursor:pointer;color:#005a8c}
.beamwatch li{margin:.2rem 0}
@media (max-width:34rem){.beamwatch .facts{grid-template-columns:repeat(2,1fr)}
.beamwatch .facts .value{font-size:1rem}
.beamwatch .answer .big{font-size:1.3rem}}
@media print{@page{margin:15mm}.beamwatch{font-size:10pt}
body.beamwatch{max-width:none;padding:0}
.beamwatch .wide{overflow:visible}.beamwatch table{font-size:7.5pt}
.beamwatch th,.beamwatch td{padding-right:.4rem}
.beamwatch tbody th,.beamwatch tbody td.long{white-space:normal;min-width:0}
.beamwatch .quiet,.beamwatch figcaption,.beamwatch blockquote,.beamwatch pre{font-size:8pt}
.beamwatch .answer .big{font-size:15pt}
.beamwatch .facts{grid-template-columns:repeat(3,1fr);gap:.4rem}
.beamwatch .facts>div{padding:.3rem .5rem}
.beamwatch .facts dt{font-size:8pt}.beamwatch .facts .value{font-size:10.5pt}
.beamwatch figure,.beamwatch tr,.beamwatch .answer,.beamwatch .facts>div{break-inside:avoid}
.beamwatch h2{break-after:avoid}
.beamwatch .answer,.beamwatch .warning,.beamwatch blockquote,.beamwatch pre{background:none}
.beamwatch .answer,.beamwatch .warning{border-left-style:solid;print-color-adjust:exact;
-webkit-print-color-adjust:exact}}
"""
"""Of a page and of what a notebook shows: everything is below one class, and touches nothing else.
Colours are of Okabe and Ito, and none says what words do not."""


def page(
    title: str, *parts: str, style: str = STYLE, pictures: str = "data:", again: int | None = None
) -> str:
    """A whole page of parts that are HTML already.

    Parameters
    ----------
    title : str
        Plain words.
    *parts : str
        Empty ones are left out.
    style : str
    pictures : str
        Where they may come from, as a content security policy has it; by default they are inside.
    again : int, optional
        Seconds after which the page is to be read anew.
    """
    policy = _POLICY.format(pictures)
    refresh = "" if again is None else f'<meta http-equiv="refresh" content="{again}">\n'
    head = (
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="generator" content="{GENERATOR}">\n'
        f'{refresh}<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style></head>\n"
    )
    body = "\n".join(part for part in parts if part)
    return f'{head}<body class="beamwatch">\n{body}\n</body></html>\n'


def fragment(*parts: str) -> str:
    """Parts for inside somebody else's page, with the looks of ours."""
    body = "\n".join(part for part in parts if part)
    return f'<div class="beamwatch"><style>{STYLE}</style>\n{body}\n</div>'


def text(words: object) -> str:
    """Words of anybody as HTML that says just these words, on one line."""
    return html.escape(printable(words))


def prose(words: object) -> str:
    """The same, with units that are not torn apart at the end of a line."""
    return text(words).replace(UNIT, f'<span class="unit">{UNIT}</span>')


def section(title: str, *parts: str) -> str:
    """Parts under a title; nothing if there are none."""
    body = "\n".join(part for part in parts if part)
    return f"<section><h2>{text(title)}</h2>\n{body}</section>" if body else ""


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph of plain words, nothing of none."""
    if not words:
        return ""
    return f'<p class="{kind}">{prose(words)}</p>' if kind else f"<p>{prose(words)}</p>"


def bullets(lines: Iterable[str]) -> str:
    """A list of sentences, nothing of none."""
    items = "".join(f"<li>{prose(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def folded(title: str, *parts: str) -> str:
    """What is shown when somebody asks for it; nothing of nothing."""
    body = "\n".join(part for part in parts if part)
    return f"<details><summary>{text(title)}</summary>\n{body}</details>" if body else ""


@dataclass(frozen=True)
class Fact:
    """A number of an answer.

    Attributes
    ----------
    name : str
    value : str
        With its unit; empty where it is not known.
    meaning : str
        For somebody who has not read the manual.
    """

    name: str
    value: str
    meaning: str


def boxes(facts: Iterable[Fact]) -> str:
    """Numbers that are known beside each other, nothing of none."""
    said = "\n".join(
        f'<div><dt>{text(fact.name)}</dt><dd class="value">{prose(fact.value)}</dd>'
        f'<dd class="quiet">{prose(fact.meaning)}</dd></div>'
        for fact in facts
        if fact.value
    )
    return f'<dl class="facts">{said}</dl>' if said else ""


def glossary(words: Iterable[tuple[str, str]]) -> str:
    """What words mean, for who asks."""
    said = "".join(
        f"<dt><b>{text(name)}</b></dt><dd>{text(meaning)}</dd>" for name, meaning in words
    )
    return folded("What the words mean", f"<dl>{said}</dl>")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], rest: str = "") -> str:
    """A table of plain words, the first of each row its name; nothing without rows.

    Columns in which no row says anything are left out.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of sequences of str
        The first `MOST_ROWS` are shown.
    rest : str
        Where the others are.
    """
    if not rows:
        return ""
    shown = rows[:MOST_ROWS]
    used = [i for i in range(len(heads)) if i == 0 or any(row[i] for row in shown)]
    head = "".join(f'<th scope="col">{prose(heads[i])}</th>' for i in used)
    body = "\n".join(
        "<tr>" + "".join(_cell(row[i], i == 0) for i in used) + "</tr>" for row in shown
    )
    more = len(rows) - len(shown)
    said = paragraph(f"{more} more: {rest}" if more else "", "quiet")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>{said}"
    )


LONG = 40
"""Letters of a cell that should not be squeezed into a narrow column."""


def _cell(words: str, names: bool) -> str:
    kind = ' class="long"' if len(words) > LONG else ""
    if names:
        return f'<th scope="row"{kind}>{prose(words)}</th>'
    return f"<td{kind}>{prose(words)}</td>"


def figure(png: bytes | None, said: str, caption: str) -> str:
    """A picture inside the page; nothing where there is none.

    Parameters
    ----------
    png : bytes or None
        As the file has them. They may come from anybody, so what is no PNG is left out.
    said : str
        What it shows, for those who do not see it.
    caption : str
        Below it.
    """
    if png is None or not png.startswith(PNG):
        return ""
    if len(png) > LARGEST_FIGURE:
        return paragraph("The figure is too large for this page: it lies beside it.", "quiet")
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{text(said)}">\n'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def read_picture(path: Path) -> bytes | None:
    """The figure of a folder, None where it has none."""
    return read_bytes(path, "a figure", LARGEST_PICTURE) if path.is_file() else None


def write_page(path: Path, content: str) -> None:
    """Write a page, whole or not at all.

    Raises
    ------
    BeamwatchError
        If the name is not that of a page, something else has it, or nothing can be written there.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise BeamwatchError(f"a report is written as .html, not {path.name or path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path) and not _is_ours(path):
            raise BeamwatchError(f"{path} is there and is no report of beamwatch: name another")
        write_whole(path, content)
    except OSError as error:
        raise BeamwatchError(f"{path} cannot be written: {error.strerror or error}") from None


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'name="generator" content="{GENERATOR}"'.encode() in file.read(HEAD)
