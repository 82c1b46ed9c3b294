"""``beamwatch summary``: runs in, what they say together out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_beamwatch.campaign.saving import check_free
from napari_beamwatch.campaign.summary import summarize
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable

if TYPE_CHECKING:
    from argparse import Namespace


def summary(args: Namespace) -> bool:
    """Summarize runs, print what they say and write it; True if all could be read."""
    if not args.out.strip():
        raise BeamwatchError("--out needs the name of a folder; . is the current one")
    out = Path(args.out).expanduser()
    check_free(out, force=args.force)  # before the work, not after it
    campaign = summarize(args.run, args.by, measure=args.measure, dose_rate=args.dose_rate)
    print(campaign.words())
    campaign.save(out, force=args.force)
    print(printable(f"  written to {out}"))
    for said in campaign.unread:
        print(printable(f"beamwatch: {said}"), file=sys.stderr)
    return not campaign.unread
