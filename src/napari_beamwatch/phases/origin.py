"""Where a phase can have come from: what the beam makes it of, and from which dose on.

By elements alone: a source shares an element with its product that is no gas, and has all of its
elements but those of residual gas.
"""

from __future__ import annotations

from collections.abc import Iterable

from napari_beamwatch.phases.limits import published_limits
from napari_beamwatch.phases.structures import GASES, Phase, known_phases, phase

NATIVE, APPEARED, UNKNOWN = "native", "appeared", "cannot tell"
"""Since when a phase is there, in the tables."""

WELL_BELOW = 0.1
"""Part of a published limit below which no product is seen: limits are when a lattice had gone, of
other specimens, at other dose rates."""

RESIDUAL_GAS = frozenset({"H", "C", "N", "O"})
"""Elements that a product may have taken up from the vacuum."""

ELECTROLYTE = frozenset({"Li", "Na", "F", "P", "C", "O", "H"})
"""Of the row `electrolyte`: salts and solvents, whichever they are."""


def source_limits(name: str, temperature_C: float | None = None) -> dict[str, float]:  # noqa: N803
    """Smallest published limit of each source that the beam may make a phase of, in e/Å².

    Of a limit with an upper bound only it is that; sources whose limit has no number are left out.

    Parameters
    ----------
    name : str
        Of a known phase.
    temperature_C : float, optional
        Of one's own specimen; room temperature, where the least is held, if not given.
    """
    rows = published_limits(temperature_C=20.0 if temperature_C is None else temperature_C)
    limit = rows["low_e_per_A2"].fillna(rows["high_e_per_A2"])
    made = phase(name)
    of = [source != name and makes(source, made) for source in rows["phase"]]
    least = limit[of].groupby(rows["phase"][of], sort=False).min().dropna()
    return {str(source): float(dose) for source, dose in least.items()}


def source_limit(name: str, temperature_C: float | None = None) -> float:  # noqa: N803
    """The smallest of them; NaN if there is none.

    Parameters
    ----------
    name : str
        Of a phase, or several joined by "|": of each there must be one.
    temperature_C : float, optional
    """
    smallest = [
        min(source_limits(each, temperature_C).values(), default=float("nan"))
        if each in known_phases()
        else float("nan")
        for each in name.split("|")
    ]
    return float("nan") if any(dose != dose for dose in smallest) else min(smallest)


def products(names: Iterable[str]) -> tuple[str, ...]:
    """Known phases that the beam may make of phases."""
    sources = tuple(names)
    return tuple(
        one
        for one in known_phases()
        if any(source != one and makes(source, phase(one)) for source in sources)
    )


def makes(source: str, product: Phase) -> bool:
    """Whether the beam may make a phase of another, or of frozen electrolyte."""
    if source == "electrolyte":
        return product.elements <= ELECTROLYTE
    elements = phase(source).elements
    return bool((elements & product.elements) - GASES - {"C"}) and (
        product.elements <= elements | RESIDUAL_GAS
    )
