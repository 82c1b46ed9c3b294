"""Options that several commands have: what a movie can be told, and what can be chosen."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from napari_beamwatch import asked, spelling
from napari_beamwatch.cli.commands.reading import quantity, read_by
from napari_beamwatch.knobs import knobs_of
from napari_beamwatch.settings import Settings, option_of


def add_movie(parser: argparse.ArgumentParser) -> None:
    """Options for all that a movie can be told."""
    movie = parser.add_argument_group("the movie", "what its file does not say, or says wrongly")
    dose, fraction = (movie.add_mutually_exclusive_group() for _ in range(2))
    one_of = {
        **dict.fromkeys((*asked.DOSES, "beam_current_nA"), dose),
        "fraction_frames": fraction,
        "fraction_dose": fraction,
    }
    for one in asked.every():
        group = one_of.get(one.name, movie)
        if one.name == "sidecars":
            add_no_sidecars(group)
        elif not one.metavar:
            group.add_argument(one.option, dest=one.name, action="store_true", help=one.help)
        else:
            said = f"{one.help} ({one.units})" if one.units else one.help
            group.add_argument(
                one.option,
                dest=one.name,
                type=_type_of(one),
                metavar=one.metavar,
                help=said.replace("%", "%%"),
            )
    dose.add_argument(
        "--vacuum-movie",
        metavar="FILE",
        help="counting movie of the beam without the specimen, which measures the dose rate",
    )


def add_no_sidecars(words: argparse._ActionsContainer) -> None:
    """The option that leaves alone what stands beside a movie."""
    words.add_argument(
        "--no-sidecars",
        dest="sidecars",
        action="store_false",
        help="leave files beside the movie alone (.mdoc, .xml, .yaml, conditions.csv, …)",
    )


def add_settings_file(words: argparse._ActionsContainer) -> None:
    """The option that names a file of settings."""
    words.add_argument("--settings", metavar="FILE", help="JSON of settings, or a run.json")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Options for each of the settings."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, knob, usual in knobs_of(Settings):
        if knob.group not in groups:
            groups[knob.group] = parser.add_argument_group(knob.group.lower())
        said = f"{knob.help}; {knob.range} (usual: {knob.written(usual) or 'none'})"
        groups[knob.group].add_argument(
            option_of(name),
            dest=name,
            type=read_by(knob.read),
            default=argparse.SUPPRESS,  # what was not said is as the file of settings has it
            metavar=knob.metavar,
            help=said.replace("%", "%%"),
        )


def add_measure(parser: argparse.ArgumentParser, said: str) -> None:
    """The option for the dose that is meant, of the three that a place has."""
    parser.add_argument(
        "--measure", choices=("onset", "detected", "half_gone"), default="onset", help=said
    )


def _type_of(one: asked.Asked) -> Callable[[str], Any]:
    """How the text of something that a movie can be told is read."""
    kind = one.kind
    if one.name in ("fraction_frames", "superres"):
        return int
    if kind is None or one.name == "dose_calibration":
        return str
    if one in (asked.BEAM_CURRENT, asked.BEAM_DIAMETER):
        return read_by(lambda text: spelling.read_measured(text, kind))
    return quantity(kind)
