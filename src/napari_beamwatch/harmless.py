"""Words of others — names of files, notes in headers — made harmless before they are shown.

A file may be called anything. In a terminal a name with an escape sequence moves the cursor or
clears the screen, a right-to-left override turns what follows it around, and in a table a name
that begins with ``=`` is a formula. What is shown goes through `printable`, what becomes text in
a table through `cell`; the name itself stays what it is.
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # control sequences: colours, cursor, screen
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # strings
    r"|\x1b[ -/]*[0-~]?"  # two characters
)
"""Escape sequences as a terminal reads them (ECMA-48), whole; each becomes one mark."""

_FORMULAS = ("=", "+", "-", "−", "@", "\t", "\r")
"""What makes a spreadsheet read a cell as a formula."""

_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional classes of characters that turn around what follows them."""


def printable(text: object) -> str:
    """`text` with control characters and escape sequences replaced by marks.

    Parameters
    ----------
    text : object
        Most often a name or a path; its text is what is shown.

    Returns
    -------
    str
        On one line: each escape sequence, each control character and each character that
        changes the direction of others is "·"; bytes that are no text (lone surrogates) are "�".
    """
    return "".join(map(_shown, _SEQUENCES.sub("·", str(text))))


def cell(text: object) -> str:
    """`text` for a cell of a table: printable, and never a formula.

    Parameters
    ----------
    text : object
        Words. Numbers are written as numbers and need no disarming.

    Returns
    -------
    str
        With an apostrophe before it where a spreadsheet would compute it.
    """
    words = str(text)
    defused = "'" if words.lstrip(" \n\v\f\ufeff").startswith(_FORMULAS) else ""
    return defused + printable(words)


def _shown(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Cs":
        return "�"
    # Format characters join letters in some scripts (ZWJ, ZWNJ); those that turn text around,
    # and separators of lines, have no business in a name.
    turns = kind == "Cf" and unicodedata.bidirectional(character) in _TURNS
    return "·" if kind in ("Cc", "Zl", "Zp") or turns else character
