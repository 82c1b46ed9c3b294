"""A movie is lazy, immutable, and keeps its dose axis through every view of it."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import dask.array as da
import numpy as np
import pytest

from napari_beamwatch import BeamwatchError, DoseCalibration, Movie
from napari_beamwatch.movies import counting
from napari_beamwatch.movies.frames import (
    FRAME_CACHE,
    ArrayFrames,
    Frame,
    FrameCache,
    FrameSource,
    sum_dtype,
)
from napari_beamwatch.movies.recording import Recording


class Counted(FrameSource):
    """A source that notes which frames were decoded."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.decoded: list[int] = []

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.array.shape  # type: ignore[return-value]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def read(self, frame: int) -> Frame:
        self.decoded.append(frame)
        return self.array[frame].copy()


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(1).poisson(3, (12, 20, 30)).astype(np.uint8)


@pytest.fixture
def source(array: np.ndarray) -> Counted:
    FRAME_CACHE.clear()
    return Counted(array)


@pytest.fixture
def movie(source: Counted) -> Movie:
    return Movie(Recording(source, path="")).with_(pixel_size=0.5, frame_dose=2.0)


class TestLaziness:
    def test_views_decode_nothing(self, movie: Movie, source: Counted) -> None:
        view = movie[2:11].sum(3).crop(1, 5, 2, 9).with_(pre_exposure=5.0)
        assert view.shape == (3, 4, 7)
        assert view.frames.shape == (3, 4, 7)
        assert source.decoded == []

    def test_one_chunk_is_one_frame(self, movie: Movie) -> None:
        assert movie.frames.chunks == ((1,) * 12, (20,), (30,))

    def test_looking_twice_decodes_once(self, movie: Movie, source: Counted) -> None:
        movie.frames[4].compute()
        movie.frame(4)
        movie.crop(0, 3, 0, 3).frame(4)
        movie.frames[4, :5, :5].compute()
        assert source.decoded == [4]

    def test_a_dask_array_is_looked_at_like_any_other(self, array: np.ndarray) -> None:
        known = Movie.from_array(array, 0.5)
        movie = Movie.from_array(da.from_array(array, chunks=(5, 7, 30)), 0.5)
        assert movie.counts.tolist() == known.counts.tolist()
        assert movie.counting == known.counting
        assert movie.frames.chunks == ((1,) * 12, (20,), (30,))
        assert (movie.frames.compute() == array).all()

    def test_of_a_large_dask_array_some_frames_are_looked_at(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(counting, "READ_WHOLE", 1000)
        computed: list[int] = []

        def note(block: np.ndarray) -> np.ndarray:
            computed.append(len(block))
            return block

        lazy = da.ones((400, 8, 8), chunks=(1, 4, 8)).map_blocks(note, dtype=float)
        movie = Movie.from_array(lazy, 0.1, 1.0)
        assert "sampled in 9 of 400" in movie.recording.counts_origin
        assert len(computed) < 40
        assert movie.dose is not None

    def test_neighbours_in_a_chunk_of_dask_are_computed_together(self, array: np.ndarray) -> None:
        FRAME_CACHE.clear()
        computed: list[int] = []

        def note(block: np.ndarray) -> np.ndarray:
            computed.append(len(block))
            return block

        lazy = da.from_array(array, chunks=(6, 20, 30)).map_blocks(
            note, dtype=array.dtype, meta=array[:0, :0, :0]
        )
        movie = Movie.from_array(lazy)
        assert (movie.frame(3) == array[3]).all()
        assert computed == [6, 6]

    def test_the_cache_keeps_to_its_bytes_and_drops_the_oldest(self, array: np.ndarray) -> None:
        source = Counted(array)
        cache = FrameCache(max_bytes=3 * 600)
        for frame in (0, 1, 2, 0, 3, 0, 1):
            cache.read(source, frame)
        assert source.decoded == [0, 1, 2, 3, 1]
        assert cache.nbytes == 1800
        assert len(cache) == 3

    def test_a_frame_larger_than_the_cache_is_passed_through(self, array: np.ndarray) -> None:
        cache = FrameCache(max_bytes=10)
        assert (cache.read(Counted(array), 3) == array[3]).all()
        assert cache.nbytes == 0

    def test_frames_that_were_handed_out_cannot_be_written_to(self, movie: Movie) -> None:
        with pytest.raises(ValueError, match="read-only"):
            movie.frame(0)[0, 0] = 1

    def test_a_movie_can_be_sent_to_another_process(self, movie: Movie, array: np.ndarray) -> None:
        again = pickle.loads(pickle.dumps(movie[3:7].sum(2)))
        assert (again.frames.compute() == array[3:7].reshape(2, 2, 20, 30).sum(1)).all()
        assert again.dose == pytest.approx([10, 14])


class TestViews:
    def test_equal_the_same_slices_of_the_array(self, movie: Movie, array: np.ndarray) -> None:
        assert (movie[2:9].frames.compute() == array[2:9]).all()
        assert (movie.crop(3, 9, 4, 20).frames.compute() == array[:, 3:9, 4:20]).all()
        assert (movie[-4:].frames.compute() == array[-4:]).all()
        summed = array[1:11].astype(int).reshape(2, 5, 20, 30).sum(1)
        assert (movie[1:11].sum(5).frames.compute() == summed).all()
        assert (movie[6:].sum(2).frames.compute() == array[6:].reshape(3, 2, 20, 30).sum(1)).all()

    def test_sums_do_not_overflow(self) -> None:
        bright = np.full((4, 2, 2), 255, np.uint8)
        assert (Movie.from_array(bright).sum(4).frames.compute() == 1020).all()

    @pytest.mark.parametrize(
        ("dtype", "n", "wanted"),
        [
            (np.uint8, 1, np.uint8), (np.uint8, 2, np.uint16), (np.uint16, 65537, np.uint32),
            (np.int8, 200, np.int16), (np.float16, 3, np.float32), (np.float64, 3, np.float64),
            (np.bool_, 300, np.uint16), (np.uint32, 2, np.uint64),
        ],
    )  # fmt: skip
    def test_the_type_of_a_sum_is_the_smallest_that_holds_it(
        self, dtype: type, n: int, wanted: type
    ) -> None:
        assert sum_dtype(dtype, n) == wanted

    def test_a_slice_goes_on_where_the_dose_was(self, movie: Movie) -> None:
        assert movie.dose == pytest.approx(np.arange(1, 13) * 2.0)
        assert movie[4:].dose == pytest.approx(np.arange(5, 13) * 2.0)
        assert movie[4:].dose_start == pytest.approx(np.arange(4, 12) * 2.0)
        assert movie[4:][2:5].dose == pytest.approx([14, 16, 18])

    def test_a_sum_ends_where_its_last_frame_does(self, movie: Movie) -> None:
        summed = movie.sum(3)
        assert summed.dose == pytest.approx([6, 12, 18, 24])
        assert summed.frame_dose == pytest.approx([6] * 4)
        assert movie[2:].sum(5).dose == pytest.approx([14, 24])

    def test_recalibrating_a_slice_recalibrates_what_came_before_it(self, movie: Movie) -> None:
        assert movie[4:8].with_(frame_dose=10.0).dose == pytest.approx([50, 60, 70, 80])
        assert movie[4:8].sum(2).with_(frame_dose=10.0).dose == pytest.approx([30, 40])

    def test_a_sum_says_which_frames_it_drops(self, movie: Movie) -> None:
        assert "the last 2 frames were dropped: no whole group of 5" in movie.sum(5).warnings

    def test_times_go_with_the_frames(self, movie: Movie) -> None:
        timed = movie.with_(frame_time=0.1)
        assert timed[3:6].times == pytest.approx([0.4, 0.5, 0.6])
        assert timed.sum(4).times == pytest.approx([0.4, 0.8, 1.2])
        assert timed[2:10].sum(4).times == pytest.approx([0.6, 1.0])
        assert timed.dose_rate == pytest.approx(20)
        assert timed[6:].dose_rate == pytest.approx(20)

    def test_a_first_frame_of_unknown_length_counts_for_no_rate(self, movie: Movie) -> None:
        times = 0.1 * np.arange(len(movie))  # as of stills, from the first on
        timed = replace(movie, recording=replace(movie.recording, times=times))
        assert timed.with_(frame_dose=2.0).dose_rate == pytest.approx(20)

    @pytest.mark.parametrize(
        "broken",
        [
            lambda m: m[5:5], lambda m: m[::2], lambda m: m[3], lambda m: m.crop(0, 21, 0, 5),
            lambda m: m.crop(4, 4, 0, 5), lambda m: m.sum(0), lambda m: m.sum(13),
            lambda m: m.frame(12), lambda m: m.with_(colour="red"), lambda m: m.with_(pixel_size=0),
            lambda m: m.with_(pixel_size=float("nan")), lambda m: m.with_(frame_dose=[1, 2]),
            lambda m: m.with_(frame_dose=-1), lambda m: m.with_(pre_exposure=-2),
            lambda m: m.with_(conditions={"colour": "red"}), lambda m: m.with_(frame_dose="much"),
            lambda m: m.with_(conditions={"voltage_kV": "high"}),
            lambda m: m.with_(beam_profile=np.ones((3, 3))),
            lambda m: m.with_(beam_profile=-np.ones((20, 30))),
            lambda m: m.with_(dose_rate=5, frame_time=1.0),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_in_a_sentence(self, movie: Movie, broken: Any) -> None:
        with pytest.raises(BeamwatchError):
            broken(movie)

    @pytest.mark.parametrize(
        "array",
        [np.zeros((0, 4, 4)), np.zeros((3, 0, 4)), np.zeros(7), np.zeros((2, 2, 2, 2)),
         np.zeros((2, 3, 3), complex), np.array([[["a"]]])],
    )  # fmt: skip
    def test_what_is_no_movie_is_refused(self, array: np.ndarray) -> None:
        with pytest.raises(BeamwatchError):
            Movie.from_array(array)

    def test_the_movie_itself_never_changes(self, movie: Movie) -> None:
        movie.with_(pixel_size=9.0, frame_dose=1.0)
        assert movie.pixel_size == 0.5
        with pytest.raises(AttributeError):
            movie.given = None  # type: ignore[misc]
        assert movie.dose is not None
        with pytest.raises(ValueError, match="read-only"):
            movie.dose[0] = 1


class TestWhoIsBelieved:
    def test_nothing_missing_is_guessed(self, array: np.ndarray) -> None:
        movie = Movie.from_array(array.astype(np.float32) * 7.3)
        assert movie.pixel_size is None
        assert movie.dose is None
        assert movie.times is None
        assert movie.dose_source == "unknown"
        assert any("pixel size is unknown" in warning for warning in movie.warnings)
        assert any("dose is unknown" in warning for warning in movie.warnings)

    def test_rate_times_time_is_a_dose(self, movie: Movie) -> None:
        again = movie.with_(frame_dose=None, dose_rate=50.0, frame_time=0.2)
        assert again.frame_dose == pytest.approx([10.0] * 12)
        assert again[3:5].dose == pytest.approx([40, 50])
        assert again.origins["times"] == "user"

    def test_dose_over_rate_is_a_time(self, movie: Movie) -> None:
        assert movie.with_(dose_rate=4.0).times == pytest.approx(np.arange(1, 13) * 0.5)

    def test_each_frame_may_have_its_own_dose(self, movie: Movie) -> None:
        doses = np.arange(12) + 1.0
        again = movie.with_(frame_dose=doses)
        assert again.dose == pytest.approx(np.cumsum(doses))
        assert again[5:].dose == pytest.approx(np.cumsum(doses)[5:])
        assert again.sum(2).frame_dose == pytest.approx(doses.reshape(6, 2).sum(1))

    def test_pre_exposure_comes_first_and_unknown_is_not_zero(self, movie: Movie) -> None:
        again = movie.with_(pre_exposure=100.0)
        assert again.dose is not None
        assert again.dose[0] == pytest.approx(102)
        assert again[6:].sum(3).dose == pytest.approx([118, 124])
        assert movie.pre_exposure is None

    def test_a_nominal_dose_is_not_modulated_by_counts_but_says_they_vary(self) -> None:
        rng = np.random.default_rng(0)
        flux = 5 * (1 + 0.3 * np.sin(np.arange(20)))
        frames = rng.poisson(flux[:, None, None], (20, 64, 64)).astype(np.uint8)
        movie = Movie.from_array(frames, 1.0, 5.0)
        assert movie.frame_dose == pytest.approx([5.0] * 20)
        assert "counts depart from it by up to" in movie.dose_source
        assert any("not modulated" in warning for warning in movie.warnings)

    def test_counted_electrons_give_the_dose_where_nobody_states_one(self) -> None:
        frames = np.random.default_rng(0).poisson(2.0, (10, 128, 128)).astype(np.uint8)
        movie = Movie.from_array(frames, 0.5)
        assert movie.counting is not None
        assert movie.counting.kind == "single"
        assert movie.frame_dose == pytest.approx(frames.mean(axis=(1, 2)) / 0.25)
        assert "counted events" in movie.dose_source

    def test_dark_frames_before_beam_on_have_no_dose(self) -> None:
        frames = np.random.default_rng(0).poisson(2.0, (10, 64, 64)).astype(np.uint8)
        frames[:4] = 0
        movie = Movie.from_array(frames, 1.0, 3.0)
        assert movie.dose == pytest.approx([0, 0, 0, 0, 3, 6, 9, 12, 15, 18])
        assert not movie.lit[:4].any()
        assert movie[2:].dose == pytest.approx([0, 0, 3, 6, 9, 12, 15, 18])

    def test_a_faraday_cup_scales_the_counts_and_states_its_uncertainty(self) -> None:
        rng = np.random.default_rng(0)
        flux = np.array([4.0, 4.0, 2.0, 4.0, 6.0, 4.0])
        frames = rng.poisson(flux[:, None, None], (6, 128, 128)).astype(np.uint8)
        cup = DoseCalibration(dose_rate=30.0, uncertainty=0.03)
        movie = Movie.from_array(frames, 1.0, frame_time=0.5, dose_calibration=cup)
        assert movie.frame_dose == pytest.approx(15 * flux / 4, rel=0.02)
        assert movie.dose_uncertainty == 0.03
        assert "Faraday cup: 30 e/Å²/s ± 3.0%" in movie.dose_source

    def test_a_vacuum_movie_calibrates_another(self) -> None:
        rng = np.random.default_rng(0)
        beam = rng.poisson(4.0, (10, 128, 128)).astype(np.uint8)
        vacuum = Movie.from_array(beam, 0.5, frame_time=0.1)
        specimen = Movie.from_array((beam * 0.5).astype(np.uint8), 0.5, frame_time=0.1)
        calibration = vacuum.vacuum_calibration()
        assert calibration.dose_rate == pytest.approx(4.0 / 0.25 / 0.1, rel=0.01)
        assert calibration.uncertainty < 0.02
        calibrated = specimen.with_(dose_calibration=calibration)
        assert calibrated.dose_rate == pytest.approx(calibration.dose_rate)
        assert calibrated.dose_source.startswith("vacuum image")
        with pytest.raises(BeamwatchError, match="frame time"):
            Movie.from_array(beam, 0.5).vacuum_calibration()

    def test_a_beam_profile_gives_each_place_its_own_dose(self, movie: Movie) -> None:
        profile = np.ones((20, 30))
        profile[:, :15] = 3.0
        lit = movie.with_(beam_profile=profile)
        assert lit.local_dose(0, 20, 0, 15) == pytest.approx(1.5 * movie.dose)
        assert lit.local_dose(0, 20, 15, 30) == pytest.approx(0.5 * movie.dose)
        assert lit.crop(0, 20, 15, 30).local_dose(0, 5, 0, 5) == pytest.approx(0.5 * movie.dose)
        assert not any("uniform illumination" in note for note in lit.notes)
        assert any("uniform illumination" in note for note in movie.notes)

    def test_the_user_overrides_conditions_one_by_one(self, movie: Movie) -> None:
        warm = movie.with_(conditions={"voltage_kV": 200, "temperature_C": 20})
        cold = warm.with_(conditions={"temperature_C": -170})
        assert cold.conditions.stated() == {"voltage_kV": 200.0, "temperature_C": -170.0}
        assert cold.origins["temperature_C"] == "user"

    def test_more_electrons_than_the_dose_says_is_a_warning(self) -> None:
        frames = np.random.default_rng(0).poisson(2.0, (5, 64, 64)).astype(np.uint8)
        movie = Movie.from_array(frames, 1.0, 1.0)
        assert any("more than the 5 e/Å²" in warning for warning in movie.warnings)
        assert not any("counted, more" in warning for warning in movie.with_(frame_dose=3).warnings)

    def test_contradictions_are_refused(self, movie: Movie) -> None:
        with pytest.raises(BeamwatchError, match="contradict"):
            movie.with_(dose_rate=10.0, frame_time=1.0)

    def test_arrays_are_calibrated_by_the_names_of_the_contract(self, array: np.ndarray) -> None:
        movie = Movie.from_array(array, pixel_size=0.125, frame_dose=5.0)
        assert movie.frames.shape == (12, 20, 30)
        assert movie.source == ""
        assert ArrayFrames(array).read(3).shape == (20, 30)
