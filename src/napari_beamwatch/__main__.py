"""``python -m napari_beamwatch`` is the command ``beamwatch``."""

import sys

from napari_beamwatch.cli import main

sys.exit(main())
