"""Rigid drift of the specimen over a movie, from its low frequencies.

Frames hold 0.05 electrons a pixel and less, so two of them seldom correlate; all of them
together do. Each frame is kept as its low Fourier coefficients, whitened so that lattice spots
weigh no more than the speckle beside them: a lattice alone knows a shift only up to a lattice
vector, the speckle, edges and borders tell which. Then, latest frames first because a stage
settles:

1. The velocity over the later half that makes its pair correlations agree (`paths`).
2. Frame after frame towards the beginning, a map of log likelihoods over all shifts against
   the sum of the frames placed so far; paths through the maps are weighted by forward-backward
   smoothing [1]_, so that a frame alone never decides, nor does a single best peak.
3. The same against the sum of all others, each frame left out of its own reference, which is
   weighted towards frames near in time since specimens change [2]_. What stands still on the
   detector (gain, hot pixels) is a second image beside the moving one, each with a variance
   of its own; otherwise it would hold the answer at zero.
4. Within the peak that was found, Newton steps with a random walk as the prior, whose step is
   estimated on the way; their covariance gives the standard errors.

References
----------
.. [1] Rabiner, L. R. A tutorial on hidden Markov models. Proc. IEEE 77, 257-286 (1989).
.. [2] Zheng, S. Q. et al. MotionCor2. Nature Methods 14, 331-332 (2017).
"""

from napari_beamwatch.spectra.drift.estimator import Drift, DriftEstimator, estimate_drift
from napari_beamwatch.spectra.drift.texture import Comparison, Texture

__all__ = ["Comparison", "Drift", "DriftEstimator", "Texture", "estimate_drift"]
