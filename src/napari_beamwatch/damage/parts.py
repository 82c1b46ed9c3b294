"""How much of something counts: one ladder for all of the judging.

Whoever asks how much was lost, came, stayed or swung stands on a rung of it. No measurement tells a
fifth from a quarter, and answers should not either: `benchmarks/sensitivity.py` moves every rung by
30 %, and says how many of them change.
"""

from __future__ import annotations

HARDLY = 0.05
"""Next to nothing: a standing film and tilts move an area by less, a film's speckle a spot."""

LITTLE = 0.1
"""What is not told from what focus, tilt and settling make all the time."""

FIFTH = 0.2
"""What cannot be missed, and the most that may be left of a lattice that is called lost: with a
quarter 4 of 100 lasting tilts were called damage, with this 1."""

THIRD = 1 / 3
"""By which two places, or two times, differ beyond doubt: those that a stage brings to rest grew by
0.26, those into which crystals jumped by 0.46 and more."""

HALF = 0.5
"""What is gone, or there, rather than not."""

MOST = 0.75
"""All but what neighbours and faint spots take."""

SEVERAL = 3
"""Samples that tell a level, spacings that tell an order, places that make a rule."""
