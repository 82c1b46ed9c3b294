"""Simulated movies: frames made when they are looked at, and the truth beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.given import Given
from napari_beamwatch.movies.movie import Movie
from napari_beamwatch.movies.recording import Counting, Recording, Stated, StatedDose
from napari_beamwatch.simulate.composing import Composer
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.laws import Floats
from napari_beamwatch.simulate.pattern_truth import truth_of_patterns
from napari_beamwatch.simulate.patterns import PatternComposer, PatternScene
from napari_beamwatch.simulate.scene import Scene
from napari_beamwatch.simulate.truth import Truth

MOST_FRAMES = 1_000_000
LARGEST = 16384
SMALLEST = 32

ORIGIN = "simulated"


@dataclass(frozen=True, eq=False)
class SimulatedFrames(FrameSource):
    """Frames of a scene; each depends on the seed and its own number only.

    Attributes
    ----------
    composer : Composer or PatternComposer
    detector : Detector
    electrons : array of float
        Electrons a pixel of each frame, before specimen and detector; of patterns those of all
        pixels.
    seed : int
    """

    composer: Composer | PatternComposer
    detector: Detector
    electrons: Floats
    seed: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return (len(self.electrons), *self.composer.size)

    @cached_property
    def _efficiency(self) -> NDArray[np.float32] | None:
        return self.detector.efficiency(self.composer.size, self.seed)

    @cached_property
    def _dtype(self) -> np.dtype[Any]:
        efficiency = self._efficiency
        most = self.composer.brightest * float(self.electrons.max(initial=0))
        most *= 1.0 if efficiency is None else float(efficiency.max())
        return self.detector.dtype_for(most)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    def expected(self, frame: int, border: int = 0) -> NDArray[np.float32]:
        """Electrons expected in each pixel of a frame."""
        picture = self.composer.frame(frame, border)
        electrons: NDArray[np.float32] = np.maximum(picture * np.float32(self.electrons[frame]), 0)
        return electrons

    def read(self, frame: int) -> Frame:
        expected = self.expected(frame, self.detector.border)
        rng = np.random.default_rng([self.seed, frame])
        levels = self.detector.expose(expected, rng, self._efficiency)
        if self.dtype.kind == "u":
            np.minimum(levels, np.iinfo(self.dtype).max, out=levels)
        return levels.astype(self.dtype)


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedMovie(Movie):
    """A movie that comes with its truth.

    Attributes
    ----------
    truth : Truth
        Follows the movie through slices, crops and sums.
    """

    truth: Truth = field(kw_only=True, repr=False)

    @property
    def name(self) -> str:
        return self.truth.case

    def expected(self, frame: int) -> NDArray[np.float32]:
        """Electrons expected in each pixel of a frame, without noise and detector texture.

        Only of a whole movie as `simulate` makes it, not of its slices, crops and sums.
        """
        frames = self.recording.frames
        if not isinstance(frames, SimulatedFrames):
            raise BeamwatchError("expected electrons are known of a whole simulated movie only")
        return frames.expected(frame)

    def __getitem__(self, which: slice) -> SimulatedMovie:
        part = super().__getitem__(which)
        first, last, _ = which.indices(len(self))
        assert isinstance(part, SimulatedMovie)
        return replace(part, truth=self.truth.sliced(first, last))

    def crop(self, y0: int, y1: int, x0: int, x1: int) -> SimulatedMovie:
        part = super().crop(y0, y1, x0, x1)
        assert isinstance(part, SimulatedMovie)
        return replace(part, truth=self.truth.cropped(y0, y1, x0, x1))

    def sum(self, n: int) -> SimulatedMovie:
        summed = super().sum(n)
        assert isinstance(summed, SimulatedMovie)
        return summed if summed is self else replace(summed, truth=self.truth.summed(n))


def film_scene(
    scene: Scene,
    *,
    pixel_size: float,
    frame_dose: Floats,
    size: tuple[int, int],
    seed: int,
    detector: Detector,
    dose_rate: float,
    truth_maker: Any,
    parameters: Any,
) -> SimulatedMovie:
    """A movie of a scene; `pixel_size` as realised, `frame_dose` nominal in e/Å²."""
    start, end, flux = _exposures(scene, frame_dose, seed)
    composer = Composer(
        scene=scene,
        pixel_size=pixel_size,
        size=size,
        start=start,
        end=end,
        mtf_nyquist=detector.mtf_nyquist,
    )
    source = SimulatedFrames(composer, detector, (end - start) * pixel_size**2, seed)
    recording = _recording(scene, source, frame_dose, dose_rate, "HRTEM")
    recording = replace(recording, pixel_size=Stated(pixel_size, ORIGIN))
    given = Given(pre_exposure=0.0)
    if composer.illumination is not None:
        given = replace(given, beam_profile=composer.illumination)
    truth = truth_maker(composer, flux, seed, parameters)
    return SimulatedMovie(recording, given, truth=truth)


def film_patterns(
    scene: PatternScene,
    *,
    frame_dose: Floats,
    size: tuple[int, int],
    seed: int,
    detector: Detector,
    dose_rate: float,
    parameters: Any,
) -> SimulatedMovie:
    """A movie of diffraction patterns; `frame_dose` nominal in e/Å²."""
    start, end, flux = _exposures(scene, frame_dose, seed)
    electrons = (end - start) * scene.electrons
    composer = PatternComposer(scene, size, start, end, electrons, seed)
    source = SimulatedFrames(composer, detector, electrons, seed)
    recording = _recording(scene, source, frame_dose, dose_rate, "diffraction")
    truth = truth_of_patterns(composer, flux, seed, parameters)
    return SimulatedMovie(recording, Given(pre_exposure=0.0), truth=truth)


def _exposures(
    scene: Scene | PatternScene, frame_dose: Floats, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Doses at the start and end of each frame, and the flux relative to the nominal one."""
    nominal_end = np.cumsum(frame_dose)
    starts_ends = zip(nominal_end - frame_dose, nominal_end, strict=True)
    flux = np.array([scene.flux.mean(start, end) for start, end in starts_ends])
    if scene.flicker:
        noise = np.random.default_rng([seed, 0, 2]).normal(size=len(frame_dose))
        flux = flux * (1 + scene.flicker * noise).clip(0.05)
    taken = frame_dose * flux
    end = np.cumsum(taken)
    return end - taken, end, flux


def _recording(
    scene: Scene | PatternScene,
    source: SimulatedFrames,
    frame_dose: Floats,
    dose_rate: float,
    mode: str,
) -> Recording:
    """What a file of the movie would say of itself, but for the size of its pixels."""
    composer, detector = source.composer, source.detector
    levels = detector.levels_per_electron
    kind = "blob" if detector.rendering == "blobs" else "single"
    if source.dtype.kind == "f":
        kind = "grey"
    counting = Counting(kind, levels, levels if kind == "blob" else 1.0, ORIGIN)  # type: ignore[arg-type]
    conditions = {
        "voltage_kV": 300.0,
        "temperature_C": scene.temperature,
        "imaging_mode": mode,
        "camera": "simulated counting camera",
        "specimen": f"simulated: {scene.description}",
    }
    return Recording(
        frames=source,
        path="",
        dose=StatedDose(composer.end - composer.start, "e/A2", "simulated: what the specimen took"),
        frame_time=Stated(float(frame_dose.mean()) / dose_rate, ORIGIN),
        times=np.cumsum(frame_dose) / dose_rate,
        counts=source.electrons * composer.mean_transmission * levels,
        counts_origin="simulated: expected",
        counting=counting,
        conditions=Conditions.of(conditions),
        condition_origins=dict.fromkeys(conditions, ORIGIN),
        notes=(f"simulated: {scene.description}",),
    )


def checked_size(size: int | Sequence[int]) -> tuple[int, int]:
    """Rows and columns, refused where nothing could be filmed."""
    try:
        rows, columns = (size, size) if isinstance(size, int | np.integer) else map(int, size)
    except (TypeError, ValueError):
        raise BeamwatchError(
            f"the size is one number of pixels or (rows, columns), not {size!r}"
        ) from None
    if not (SMALLEST <= rows <= LARGEST and SMALLEST <= columns <= LARGEST):
        raise BeamwatchError(
            f"simulated frames are {SMALLEST} to {LARGEST} pixels wide and high, "
            f"not {rows} by {columns}"
        )
    return int(rows), int(columns)


def checked_doses(frame_dose: float | Sequence[float], frames: int) -> Floats:
    """Nominal dose of each frame in e/Å²."""
    if not isinstance(frames, int | np.integer) or not 1 <= frames <= MOST_FRAMES:
        raise BeamwatchError(f"a simulated movie has 1 to {MOST_FRAMES} frames, not {frames!r}")
    try:
        doses = np.asarray(frame_dose, np.float64)
    except (TypeError, ValueError):
        raise BeamwatchError("frame_dose must be numbers in e/Å²") from None
    if doses.ndim == 0:
        doses = np.full(frames, float(doses))
    if doses.shape != (frames,):
        raise BeamwatchError(f"frame_dose has {doses.size} values for {frames} frames")
    if not (np.isfinite(doses).all() and (doses > 0).all()):
        raise BeamwatchError("every frame needs a dose above 0 e/Å²")
    return doses
