"""`Movie`: a lazy stack of frames with a pixel size and a dose axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import dask.array as da
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.beam_profile import BeamProfile, is_gauss_in_lengths
from napari_beamwatch.movies.calibration import Calibration, calibrate
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.counting import examine
from napari_beamwatch.movies.dose_table import DoseTable
from napari_beamwatch.movies.frames import (
    ArrayFrames,
    DaskBlocks,
    DaskFrames,
    Frame,
    FrameSource,
    as_dask,
    cached_read,
)
from napari_beamwatch.movies.given import VACUUM, DoseCalibration, Given
from napari_beamwatch.movies.handing_over import to_hyperspy, to_xarray
from napari_beamwatch.movies.names import unpacked_name
from napari_beamwatch.movies.recording import Counting, Floats, Recording
from napari_beamwatch.quantities import whole


class Recalibration(TypedDict, total=False):
    """What `Movie.with_` takes; the meaning of each stands at `Given`."""

    pixel_size: float | None
    frame_dose: Any
    dose_rate: float | None
    frame_time: float | None
    dose_table: Any
    pre_exposure: float | None
    dose_calibration: DoseCalibration | str | None
    counts_per_electron: float | None
    dead_time_correction: bool
    beam_profile: Any
    conditions: Any


@dataclass(frozen=True, eq=False)
class Movie:
    """Frames (t, y, x), their pixel size and the dose at the end of each.

    Nothing is decoded before somebody looks at it. A movie never changes: `with_`, slices
    (``movie[t0:t1]``), `crop` and `sum` return others, as lazy as the first.

    Open one with `open_movie` or `Movie.from_array`.
    """

    recording: Recording = field(repr=False)
    given: Given = field(default_factory=Given, repr=False)

    def __post_init__(self) -> None:
        self.calibration  # noqa: B018 - contradictions are refused now, not at first use

    @classmethod
    def from_array(
        cls,
        array: Any,
        pixel_size: float | None = None,
        frame_dose: float | ArrayLike | None = None,
        **given: Any,
    ) -> Movie:
        """A movie of an array in memory or of a dask array.

        A dask array is looked at like a file: small ones whole, some frames of large ones.

        Parameters
        ----------
        array : array of shape (t, y, x) or (y, x)
        pixel_size : float, optional
            Å.
        frame_dose : float or sequence of float, optional
            e/Å² of each frame.
        **given
            As `with_`.
        """
        if not isinstance(getattr(array, "dtype", None), np.dtype):
            try:
                array = np.asarray(array)
            except (TypeError, ValueError) as error:
                raise BeamwatchError(f"a movie is an array of numbers: {error}") from None
        if array.ndim == 2:
            array = array[None]
        if array.ndim != 3:
            raise BeamwatchError(f"a movie has three dimensions (t, y, x), not {array.ndim}")
        lazy = isinstance(array, da.Array)
        if lazy and np.isnan(array.shape).any():
            raise BeamwatchError("the dask array does not know its own size: compute its chunks")
        frames: FrameSource = DaskFrames(DaskBlocks(array)) if lazy else ArrayFrames(array)
        recording = examine(Recording(frames=frames, path=""))
        return cls(recording).with_(pixel_size=pixel_size, frame_dose=frame_dose, **given)

    @cached_property
    def calibration(self) -> Calibration:
        """Pixel size, times and doses as believed, and who was."""
        return calibrate(self.recording, self.given)

    @cached_property
    def frames(self) -> da.Array:
        """The frames as a dask array (t, y, x), one chunk a frame."""
        return as_dask(self.recording.frames)

    def frame(self, index: int) -> Frame:
        """One frame, decoded now (from the cache if it is there)."""
        count = self.shape[0]
        if not -count <= index < count:
            raise BeamwatchError(f"there is no frame {index}: the movie has {count}")
        return cached_read(self.recording.frames, index % count)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows, columns."""
        return self.recording.frames.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return self.recording.frames.dtype

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def source(self) -> str:
        """File or folder the movie comes from; empty for an array."""
        return self.recording.path

    @property
    def name(self) -> str:
        """Name of the file without folder and ending."""
        return Path(unpacked_name(Path(self.source))).stem or "movie"

    @property
    def pixel_size(self) -> float | None:
        """Å, or None if nobody said."""
        return self.calibration.pixel_size

    @property
    def frame_dose(self) -> Floats | None:
        """Dose of each frame in e/Å², or None."""
        return self.calibration.frame_dose

    @property
    def dose(self) -> Floats | None:
        """Accumulated dose in e/Å² at the end of each frame, pre-exposure included, or None."""
        return self.calibration.dose

    @property
    def dose_start(self) -> Floats | None:
        """Accumulated dose in e/Å² at the start of each frame, or None."""
        return self.calibration.dose_start

    @property
    def dose_source(self) -> str:
        """Where the dose comes from, in words; "unknown" without one."""
        return self.calibration.dose_source

    @property
    def dose_uncertainty(self) -> float | None:
        """Relative uncertainty of the dose, where a calibration states it."""
        return self.calibration.dose_uncertainty

    @property
    def pre_exposure(self) -> float | None:
        """Dose in e/Å² before the record began; None is unknown, not zero."""
        return self.given.pre_exposure

    @property
    def times(self) -> Floats | None:
        """Seconds since the start of the record at the end of each frame, or None."""
        return self.calibration.times

    @property
    def dose_rate(self) -> float | None:
        """Mean dose rate over the lit frames in e/Å²/s, or None."""
        if self.times is None or self.frame_dose is None:
            return None
        lasted = np.diff(self.times, prepend=self.calibration.time_start)
        # Times of stills may begin with 0: how long the first took is not known then.
        exposed = (self.frame_dose > 0) & (lasted > 0)
        seconds = float(lasted[exposed].sum())
        return float(self.frame_dose[exposed].sum()) / seconds if seconds > 0 else None

    @property
    def conditions(self) -> Conditions:
        """Voltage, temperature and the like: what the file says unless the user said otherwise."""
        return self.recording.conditions.overridden_by(self.given.conditions)

    @property
    def origins(self) -> dict[str, str]:
        """For each known quantity, who said it."""
        return dict(self.calibration.origins)

    @property
    def counting(self) -> Counting | None:
        """How electrons show as grey levels, or None if that is unknown."""
        return self.recording.counting

    @property
    def counts(self) -> Floats | None:
        """Mean pixel value of each frame of the whole field, or None if it was not measured."""
        return self.recording.counts

    @property
    def lit(self) -> NDArray[np.bool_]:
        """True for each frame with beam; the analysis skips the others."""
        return self.calibration.lit

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything odd about the movie, a sentence each."""
        return (*self.recording.warnings, *self.calibration.warnings)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided in opening it, a sentence each."""
        return (*self.recording.notes, *self.calibration.notes)

    def with_(self, **changes: Any) -> Movie:
        """The same frames with other calibrations.

        Parameters
        ----------
        **changes
            ``pixel_size`` (Å), ``frame_dose`` (e/Å², one number or one a frame),
            ``dose_rate`` (e/Å²/s), ``frame_time`` (s), ``dose_table``, ``pre_exposure``
            (e/Å²), ``dose_calibration`` (or text as ``12.5 ± 5 %``), ``counts_per_electron``,
            ``dead_time_correction``, ``beam_profile`` (whatever `BeamProfile.of` takes) and
            ``conditions``; see `Given`. None takes a word back.
        """
        unknown = sorted(set(changes) - set(Recalibration.__annotations__))
        if unknown:
            raise BeamwatchError(
                f"unknown calibration {', '.join(unknown)}; the known ones are "
                + ", ".join(Recalibration.__annotations__)
            )
        if changes.get("dose_table") is not None:
            changes["dose_table"] = DoseTable.of(changes["dose_table"])
        said = set(changes)
        if "conditions" in changes:
            told = changes["conditions"]
            conditions = Conditions.of(told)
            named = told if isinstance(told, Mapping) else {}
            back = [name for name, value in named.items() if value is None]
            said |= {*conditions.stated(), *back}
            known = self.given.conditions.overridden_by(conditions)
            changes["conditions"] = replace(known, **dict.fromkeys(back))
        if changes.get("dose_calibration") is not None:
            changes["dose_calibration"] = DoseCalibration.of(changes["dose_calibration"])
        self._add_beam(changes)
        given = replace(self.given, **changes, said_by=self.given.resaid(said))
        if "frame_dose" in changes and isinstance(given.frame_dose, np.ndarray):
            # Of frames that slicing cut off only the number is known: they count as the mean.
            mean = float(given.frame_dose.mean()) if len(given.frame_dose) else 0.0
            given = replace(given, lead_dose=self.recording.lead.frames * mean)
        return replace(self, given=given)

    def _add_beam(self, changes: dict[str, Any]) -> None:
        """Make of what is said of the beam its profile; a Gaussian in nm follows the pixel size."""
        before = self.given.beam_source
        if "beam_profile" not in changes and "pixel_size" in changes:
            if self.given.beam_profile is None or not is_gauss_in_lengths(before):
                return
            changes["beam_profile"] = before
        if "beam_profile" in changes:
            changes["beam_source"] = ""
        if changes.get("beam_profile") is not None:
            size = changes.get("pixel_size") or self.pixel_size
            profile = BeamProfile.of(changes["beam_profile"], self.shape[1:], size)
            changes["beam_profile"], changes["beam_source"] = profile.image, profile.source

    def __getitem__(self, which: slice) -> Movie:
        """Frames ``movie[t0:t1]``; the dose goes on where the frames before them left it."""
        if not isinstance(which, slice) or which.step not in (None, 1):
            raise BeamwatchError("slice a movie as movie[t0:t1]; one frame is movie.frame(t)")
        first, last, _ = which.indices(len(self))
        if last <= first:
            raise BeamwatchError(f"movie[{which.start}:{which.stop}] holds no frames")
        return replace(
            self,
            recording=self.recording.sliced(first, last),
            given=self.given.sliced(first, last),
        )

    def crop(self, y0: int, y1: int, x0: int, x1: int) -> Movie:
        """The rectangle of rows ``y0:y1`` and columns ``x0:x1`` of every frame."""
        _, height, width = self.shape
        if not (0 <= y0 < y1 <= height and 0 <= x0 < x1 <= width):
            raise BeamwatchError(
                f"rows {y0}:{y1}, columns {x0}:{x1} are not inside frames of {height} by {width}"
            )
        return replace(
            self,
            recording=self.recording.cropped(y0, y1, x0, x1),
            given=self.given.cropped(y0, y1, x0, x1),
        )

    def sum(self, n: int) -> Movie:
        """Groups of `n` frames as one frame each; an incomplete last group is dropped."""
        n = whole(n, "frames added at a time", 1, len(self))
        if n == 1:
            return self
        recording = self.recording.summed(n)
        dropped = len(self) % n
        if dropped:
            word = "frame was" if dropped == 1 else "frames were"
            note = f"the last {dropped} {word} dropped: no whole group of {n}"
            recording = replace(recording, warnings=(*recording.warnings, note))
        given = self.given
        kept = len(self) - dropped
        if dropped:
            given = given.sliced(0, kept)
        return replace(self, recording=recording, given=given.summed(n))

    def to_xarray(self) -> Any:
        """The lazy frames as a DataArray (t, y, x), if xarray is there.

        Coordinates are seconds at the end of each frame, Å, and the accumulated dose in e/Å² at
        its start and end, as far as they are known; `open_movie` takes it back.
        """
        return to_xarray(self)

    def to_hyperspy(self) -> Any:
        """The lazy frames as a Signal2D with calibrated axes, if HyperSpy is there.

        The dose at the end of each frame is in ``metadata.Beamwatch``.
        """
        return to_hyperspy(self)

    def vacuum_calibration(self) -> DoseCalibration:
        """The dose rate that this movie, if it shows nothing but the beam, measures.

        For `with_` of a movie of the specimen taken under the same beam. The uncertainty is the
        spread of the rate from frame to frame; counting losses of the camera are not in it.
        """
        counting, times, lit = self.counting, self.times, self.lit
        if counting is None or counting.kind != "single" or self.counts is None:
            raise BeamwatchError("a vacuum calibration needs a movie of counted electrons")
        if self.pixel_size is None or times is None:
            raise BeamwatchError("a vacuum calibration needs pixel size and frame time")
        seconds = np.diff(times, prepend=self.calibration.time_start)[lit]
        rates = self.counts[lit] / self.pixel_size**2 / seconds
        if not rates.mean() > 0:
            raise BeamwatchError("the movie is empty: no vacuum calibration")
        spread = float(rates.std() / rates.mean())
        return DoseCalibration(float(rates.mean()), min(spread, 0.99), VACUUM)

    def local_dose(self, y0: int, y1: int, x0: int, x1: int) -> Floats | None:
        """Dose in e/Å² at the end of each frame in a rectangle, by the beam profile.

        Without a profile the illumination is taken as uniform. Pre-exposure scales with
        the profile too, since the beam was the same.
        """
        if self.dose is None or self.given.beam_profile is None:
            return self.dose
        return np.asarray(self.dose * self.exposure((y0, x0, y1, x1)), np.float64)

    def exposure(self, box: tuple[int, int, int, int]) -> float:
        """Dose in a rectangle (y0, x0, y1, x1) over that of the field, by the beam profile."""
        profile, (y0, x0, y1, x1) = self.given.beam_profile, box
        if profile is None or box == (0, 0, *self.shape[1:]):
            return 1.0
        return float(profile[y0:y1, x0:x1].mean(dtype=np.float64))

    def __repr__(self) -> str:
        t, y, x = self.shape
        size = "?" if self.pixel_size is None else f"{self.pixel_size:g}"
        dose = "?" if self.dose is None else f"{self.dose[-1]:.4g}"
        return f"<Movie {self.name}: {t} frames of {y}×{x} px, {size} Å/px, {dose} e/Å² in all>"
