"""Types of the arrays that the estimate of drift works with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]
Steps = tuple[tuple[float, float], ...]
