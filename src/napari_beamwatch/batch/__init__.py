"""Many movies with one set of words: side by side, resumable, and one that fails stops nothing."""

from napari_beamwatch.batch.many import analyze_many
from napari_beamwatch.batch.outcome import BatchStep, MovieOutcome

__all__ = ["BatchStep", "MovieOutcome", "analyze_many"]
