"""What SerialEM writes into the frames of K2 and K3 cameras: by how much it scaled the counts.

References
----------
1. SerialEM's plugin to DigitalMicrograph: the label "SerialEMCCD: Dose frac. image, scaled by …".
"""

from __future__ import annotations

import re

from napari_beamwatch.movies.plausible import COUNTS_PER_ELECTRON, believable

_SCALED = re.compile(r"SerialEMCCD: Dose frac[a-z]*\.? image, scaled by\s{1,8}(\d{1,6}\.?\d{0,6})")


def scaling_note(label: object) -> tuple[str, ...]:
    """What a label says about grey levels; nothing where these are the counts themselves.

    The camera may have integrated instead of counted, which the label does not tell: so it is
    said, and not believed.
    """
    found = _SCALED.search(label) if isinstance(label, str) else None
    scale = None if found is None else believable(float(found.group(1)), *COUNTS_PER_ELECTRON)
    if scale is None or scale == 1:
        return ()
    return (
        f"SerialEM wrote the camera's values times {scale:g}: if the camera counted, "
        f"with_(counts_per_electron={scale:g}) gives the dose",
    )
