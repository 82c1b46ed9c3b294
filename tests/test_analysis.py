"""The road from a movie to spots and traces, against movies whose truth is known."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch import columns, threads
from napari_beamwatch.analysis import Step
from napari_beamwatch.simulate.movie import SimulatedMovie
from napari_beamwatch.spectra.windows import default_grid
from tests.filming import filmed


@pytest.fixture(scope="module")
def movie() -> SimulatedMovie:
    return filmed(
        "lif-room-temperature", frames=40, frame_dose=10.0, size=768, drift=None, onset=(150, 300)
    )


@pytest.fixture(scope="module")
def result(movie: SimulatedMovie) -> bw.Result:
    a, b = movie.truth.regions
    regions = [bw.Region.rectangle(r.name, r.y0, r.y1, r.x0, r.x1) for r in (a, b)]
    return bw.analyze(movie, bw.Settings(drift="off"), regions=regions)


def test_every_promised_reflection_is_found_with_its_spacing(
    movie: SimulatedMovie, result: bw.Result
) -> None:
    for truth in movie.truth.regions:
        found = result.spots[result.spots.region == truth.name]
        for spot in truth.spots_before:
            turned = (found.angle_deg - spot.angle_deg + 90) % 180 - 90
            near = found[(np.abs(turned) < 2) & (np.abs(found.d_A / spot.d_A - 1) < 0.02)]
            assert len(near) == 1, spot
            away = abs(near.d_A.iloc[0] - spot.d_A)
            # Beside counting: grains of the stages are strained and cut, by a thousandth of d.
            assert away < 3 * np.hypot(near.d_se_A.iloc[0], 1e-3 * spot.d_A)


def test_grains_are_crystals_of_their_own(result: bw.Result) -> None:
    strong = result.spots[(result.spots.snr > 100) & result.spots.region.isin(["A", "B"])]
    of_a = set(strong[strong.region == "A"].crystal)
    of_b = set(strong[strong.region == "B"].crystal)
    assert of_a
    assert of_b
    assert not of_a & of_b


def test_traces_follow_the_law(movie: SimulatedMovie, result: bw.Result) -> None:
    for truth in movie.truth.regions:
        strongest = result.spots[result.spots.region == truth.name].nlargest(1, "snr").spot.iloc[0]
        rows = result.traces[
            (result.traces.region == truth.name) & (result.traces.spot == strongest)
        ]
        power = np.array(truth.lattice_power)
        scale = np.average(
            rows.intensity / np.maximum(power, 0.1), weights=(power > 0.9) / rows.intensity_se**2
        )
        away = (rows.intensity - scale * power) / rows.intensity_se
        settled = rows.frame > 4  # before, the specimen still moves under the beam
        assert np.sqrt(np.mean(away[settled] ** 2)) < 1.6


def test_tables_have_the_columns_of_the_contract(movie: SimulatedMovie, result: bw.Result) -> None:
    assert list(result.spots.columns) == list(columns.SPOTS)
    assert list(result.traces.columns) == list(columns.TRACES)
    assert list(result.drift.columns) == list(columns.DRIFT)
    assert set(result.spots[result.spots.window.isna()].region) == {"field", "A", "B"}
    assert result.spots[result.spots.window.notna()].region.isna().all()
    assert result.spots.angle_deg.between(-90, 90).all()
    of_one = result.traces[(result.traces.region == "field") & (result.traces.spot == 0)]
    assert of_one.frame.tolist() == list(range(len(movie)))
    assert of_one.dose_e_per_A2.to_numpy() == pytest.approx(movie.dose)


@pytest.mark.long
def test_nothing_depends_on_the_number_of_threads(
    movie: SimulatedMovie, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = movie.crop(0, 300, 0, 300)
    several = bw.analyze(small, bw.Settings(window=128, drift="off", criteria=("fading",)))
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(threads, "_pool", pool)
        one = bw.analyze(small, several.settings)
    pd.testing.assert_frame_equal(one.spots, several.spots, check_exact=True)
    pd.testing.assert_frame_equal(one.traces, several.traces, check_exact=True)


@pytest.mark.long
def test_windows_follow_a_specimen_that_drifts() -> None:
    moving = filmed("lif-room-temperature", frames=40, frame_dose=10.0, size=512)
    drift = np.array(moving.truth.drift_px) - moving.truth.drift_px[0]
    region = bw.Region.rectangle("tiny", 200, 330, 60, 200)
    result = bw.analyze(moving, regions=[region])
    measured = result.drift[["dy_px", "dx_px"]].to_numpy()
    assert np.abs(drift).max() > 20
    assert np.sqrt(((measured - drift) ** 2).mean()) < 3
    assert any("the specimen moved by up to" in note for note in result.notes)
    strongest = result.spots[result.spots.region == "field"].nlargest(1, "snr")
    assert np.abs(strongest.d_A.iloc[0] / 2.0125 - 1) < 0.005
    # The border of the detector, which wanders over the specimen, is no lattice.
    assert result.spots[result.spots.region == "field"].d_A.max() < 2.5
    own = result.traces[result.traces.region == "tiny"]
    assert own.intensity.notna().sum() > 0


@pytest.mark.long
def test_windows_follow_a_drift_that_is_given() -> None:
    moving = filmed("lif-room-temperature", frames=40, frame_dose=10.0, size=384)
    said = tuple((float(y), float(x)) for y, x in moving.truth.drift_px)
    result = bw.analyze(moving, bw.Settings(drift=said))
    drift = np.array(said) - said[0]
    assert result.drift[["dy_px", "dx_px"]].to_numpy() == pytest.approx(drift)
    with pytest.raises(bw.BeamwatchError, match="40"):
        bw.analyze(moving, bw.Settings(drift=said[:5]))


def test_spots_are_found_without_following_them(movie: SimulatedMovie, result: bw.Result) -> None:
    found = bw.find_spots(movie, bw.Settings(drift="off"))
    followed = result.spots[result.spots.window.notna()].reset_index(drop=True)
    said = list(columns.SPOTS)[: list(columns.SPOTS).index("status")]
    pd.testing.assert_frame_equal(found[said], followed[said], check_dtype=False)
    truth = movie.truth.regions[0]
    region = bw.Region.rectangle("A", truth.y0, truth.y1, truth.x0, truth.x1)
    part = bw.find_spots(movie, bw.Settings(drift="off"), regions=[region])
    assert 0 < len(part) < len(found)
    assert part.x_px.between(truth.x0, truth.x1).all()


@pytest.mark.long
def test_a_region_smaller_than_a_window_gets_one_of_its_own(movie: SimulatedMovie) -> None:
    region = bw.Region.rectangle("tiny", 44, 174, 60, 200)
    part = movie.crop(256, 512, 0, 256)
    found = bw.analyze(part, bw.Settings(window=256, drift="off"), regions=[region])
    rows = found.spots[found.spots.region == "tiny"]
    assert len(rows) >= 2
    assert np.abs(rows.d_A - 2.01).min() < 0.05


def test_without_a_pixel_size_spacings_are_in_pixels_only(movie: SimulatedMovie) -> None:
    bare = bw.Movie.from_array(movie.crop(0, 256, 0, 256).frames.compute()[:10])
    found = bw.analyze(bare, bw.Settings(window=128, drift="off")).spots
    assert len(found)
    assert found.d_A.isna().all()
    assert np.abs(found.d_px - 2.01 / 0.125).min() < 1


def test_noise_alone_gives_empty_tables() -> None:
    counts = np.random.default_rng(0).poisson(1.0, (6, 256, 256)).astype(np.uint8)
    result = bw.analyze(bw.Movie.from_array(counts, 0.2, 5.0), bw.Settings(drift="off"))
    assert len(result.spots) == 0
    assert len(result.traces) == 0
    assert list(result.spots.columns) == list(columns.SPOTS)


def test_the_field_tells_how_much_lattice_is_left(movie: SimulatedMovie, result: bw.Result) -> None:
    assert list(result.field.columns) == list(columns.FIELD)
    assert len(result.field) == len(movie)
    early, late = result.field[5:12], result.field[-3:]
    lost = early.lattice_power.mean() - late.lattice_power.mean()
    assert lost > 10 * early.lattice_power_se.mean()
    assert late.lattice_windows.mean() < 0.7 * early.lattice_windows.mean()
    assert result.field.mean_signal.to_numpy() == pytest.approx(
        [movie.frame(t).mean() for t in range(len(movie))], rel=0.02
    )


@pytest.mark.long
def test_windows_without_a_lattice_are_said_to_have_none() -> None:
    sample = filmed("lif-room-temperature", frames=6, frame_dose=20.0, size=512, drift=None)
    frames = sample.frames.compute()
    frames[:, :, 256:] = np.random.default_rng(0).poisson(frames.mean(), (6, 512, 256))
    result = bw.analyze(
        bw.Movie.from_array(frames, sample.pixel_size, 20.0), bw.Settings(window=128, drift="off")
    )
    assert list(result.windows.columns) == list(columns.WINDOWS)
    empty = result.windows[result.windows.x0 >= 256]
    full = result.windows[result.windows.x1 <= 256]
    assert (empty.status == "no_lattice").all()
    assert (full.status != "no_lattice").mean() > 0.8
    assert (empty.n_spots == 0).all()
    assert (full.n_spots > 0).mean() > 0.8
    assert (result.field.lattice_windows <= (result.windows.n_spots > 0).sum()).all()


def with_columns(movie: SimulatedMovie) -> bw.Movie:
    """The movie on a detector whose columns repeat every 8 pixels."""
    pattern = 1 + 0.2 * np.cos(2 * np.pi * np.arange(movie.shape[2]) / 8)
    rng = np.random.default_rng(3)
    frames = np.stack([rng.poisson(movie.frame(t) * pattern) for t in range(len(movie))])
    return bw.Movie.from_array(frames.astype(np.uint8), movie.pixel_size, 10.0)


def test_the_detectors_own_columns_are_no_lattice_and_are_said_to_be_there() -> None:
    film = filmed("no-lattice", frames=12, frame_dose=10.0, size=768)
    result = bw.analyze(with_columns(film), bw.Settings(drift="off"))
    assert len(result.spots) == 0
    assert any(note.startswith("no lattice") and "every 8 px" in note for note in result.notes)


@pytest.mark.long
def test_what_stands_still_while_the_specimen_drifts_is_no_spot() -> None:
    moving = filmed("lif-room-temperature", frames=24, frame_dose=10.0, size=768)
    drift = tuple((float(dy), float(dx)) for dy, dx in moving.truth.drift_px)
    result = bw.analyze(with_columns(moving), bw.Settings(drift=drift))
    assert np.abs(result.spots.d_px - 8).min() > 0.3
    assert len(result.spots)


@pytest.fixture(scope="module")
def shrunken() -> bw.Result:
    shrinking = filmed("shrinking-particle", frames=24, frame_dose=20.0, size=512, pixel_size=0.25)
    return bw.analyze(
        shrinking,
        bw.Settings(drift="off"),
        regions=[
            bw.Region.rectangle("middle", 128, 384, 128, 384),
            bw.Region.rectangle("film", 0, 80, 0, 80),
        ],
    )


def test_particles_are_followed_with_the_lattice(shrunken: bw.Result) -> None:
    table = shrunken.particles.table
    area = table[table.particle == 1].area_px
    assert area.iloc[-1] < 0.9 * area.iloc[0]


def test_a_particle_that_shrinks_is_an_onset_of_mass_loss(shrunken: bw.Result) -> None:
    rows = shrunken.onsets.set_index("region")
    for name in ("field", "middle"):
        row = rows.loc[name]
        assert (row.status, row.criterion, row.interpretation) == (
            "onset",
            "mass_loss",
            "mass_loss",
        )
        assert row.onset_low_e_per_A2 <= 150 <= row.onset_high_e_per_A2
        assert row.mass_loss_onset_e_per_A2 == row.onset_dose_e_per_A2
        assert "particle 1 lost" in row.reason
        assert row.onset_frame == int(row.onset_dose_e_per_A2 // 20)
    assert rows.loc["film"].status == "no_lattice"
    assert np.isnan(rows.loc["film"].mass_loss_onset_e_per_A2)


@pytest.mark.long
def test_no_particle_is_looked_at_unless_mass_loss_is_a_criterion() -> None:
    shrinking = filmed("shrinking-particle", frames=24, frame_dose=25.0, size=256, pixel_size=0.5)
    result = bw.analyze(shrinking, bw.Settings(criteria=("fading", "spacing", "new_phase")))
    assert result.onsets.criterion.iloc[0] != "mass_loss"
    assert np.isnan(result.onsets.mass_loss_onset_e_per_A2.iloc[0])


@pytest.mark.long
def test_what_grows_on_a_particle_is_environment_and_no_onset() -> None:
    coated = filmed("contamination", frames=24, frame_dose=25.0, size=256, pixel_size=0.5)
    result = bw.analyze(coated)
    row = result.onsets.iloc[0]
    assert row.status in ("survived", "ambiguous")
    assert row.interpretation == "environment"
    assert result.events.kind.tolist() == ["growth"]
    assert row.recovered_events == 0


@pytest.mark.long
def test_without_doses_a_particle_shrank_in_a_frame() -> None:
    shrinking = filmed("shrinking-particle", frames=24, frame_dose=25.0, size=256, pixel_size=0.5)
    bare = bw.Movie.from_array(np.asarray(shrinking.frames))
    row = bw.analyze(bare).onsets.iloc[0]
    assert row.status == "onset"
    assert "particle 1 lost" in row.reason
    assert 2 <= row.onset_frame <= 8
    assert np.isnan(row.mass_loss_onset_e_per_A2)


def test_progress_is_told_and_can_stop_the_analysis(movie: SimulatedMovie) -> None:
    told: list[tuple[int, int]] = []

    class EnoughError(Exception):
        pass

    def stop(step: Step) -> None:
        told.append((step.done, step.total))
        if step.done == 3:
            raise EnoughError

    with pytest.raises(EnoughError):
        bw.analyze(movie.crop(0, 256, 0, 256), bw.Settings(drift="off"), progress=stop)
    assert told == [(1, 120), (2, 120), (3, 120)]


@pytest.mark.long
def test_progress_brings_what_is_known_so_far(movie: SimulatedMovie) -> None:
    steps: list[Step] = []
    known: list[int] = []

    def keep(step: Step) -> None:
        steps.append(step)
        if step.partial is not None and step.done == step.total - 10:
            known.append(
                int(step.partial().intensity.notna().groupby(step.partial().spot).sum().max())
            )

    small = movie.crop(0, 256, 0, 256)
    bw.analyze(small, bw.Settings(drift="off"), progress=keep)
    assert known == [len(small) - 10]
    assert steps[-1].done == steps[-1].total
    assert {step.doing for step in steps} == {
        "looking at the detector", "finding spots", "following spots"
    }  # fmt: skip


@pytest.mark.long
def test_whoever_wants_to_stop_is_asked_often(movie: SimulatedMovie) -> None:
    """Between two calls lies less than the 200 ms in which Cancel must act."""
    times: dict[str, list[float]] = {}

    def listen(step: Step) -> None:
        times.setdefault(step.doing, []).append(time.perf_counter())

    bw.analyze(movie.crop(0, 512, 0, 512), bw.Settings(window=128), progress=listen)
    for moment in ("finding the drift", "finding spots", "following spots"):
        gaps = np.sort(np.diff(times[moment]))
        assert len(gaps) > 30, moment
        assert np.quantile(gaps, 0.9) < 0.2, moment  # others may hold this process up


@pytest.mark.long
def test_pixels_that_are_no_numbers_do_no_harm(movie: SimulatedMovie) -> None:
    frames = movie.crop(0, 256, 0, 256).frames.compute()[:12].astype(np.float32)
    clean = bw.analyze(bw.Movie.from_array(frames, 0.125, 10.0), bw.Settings(drift="off"))
    frames[3, 10:12, 20:25] = np.nan
    frames[5] = np.nan
    holed = bw.analyze(bw.Movie.from_array(frames, 0.125, 10.0), bw.Settings(drift="off"))
    strong = [found.spots[found.spots.snr > 30].d_A for found in (clean, holed)]
    assert len(strong[0]) > 3
    assert strong[1].iloc[0] == pytest.approx(strong[0].iloc[0], rel=0.01)
    assert np.isfinite(holed.spots.d_A).all()


@pytest.mark.parametrize(
    "broken",
    [
        lambda m: bw.analyze(m, bw.Settings(window=2048)),
        lambda m: bw.analyze(m, bw.Settings(step=0)),
        lambda m: bw.analyze(m, bw.Settings(window="wide")),
        lambda m: bw.analyze(m, bw.Settings(window="3 furlongs")),
        lambda m: bw.analyze(m, regions=[bw.Region.rectangle("out", 0, 900, 0, 100)]),
        lambda m: bw.analyze(m, regions=[bw.Region.rectangle("field", 0, 90, 0, 100)]),
        lambda m: bw.analyze(m, regions=[bw.Region.rectangle("A", 0, 300, 0, 300)] * 2),
        lambda m: bw.analyze(m, regions=[bw.Region.rectangle("dot", 0, 30, 0, 30)]),
        lambda m: bw.Region.rectangle("none", 5, 5, 0, 9),
        lambda m: bw.Region("line", ((0, 0), (1, 1), (2, 2))),
        lambda m: bw.Settings(alpha=0),
        lambda m: bw.Settings(taper="square"),
        lambda m: bw.Settings(drift="sideways"),
        lambda m: bw.Settings(drift=((1.0,),)),
        lambda m: bw.Settings(added_spots=((0.7, 0.1),)),
        lambda m: bw.Settings(removed_spots=((np.nan, 0.1),)),
        lambda m: bw.Settings(running_sum=0),
        lambda m: bw.Settings(cs_mm=-1.0),
        lambda m: bw.Settings.from_json('{"pixel_size_uncertainty": "a"}'),
        lambda m: bw.Settings.from_json("[" * 100_000),
        lambda m: bw.analyze(m, bw.Settings(phases=("Unobtainium",))),
        lambda m: bw.Settings(criteria=("colour",)),
        lambda m: bw.Settings(criteria="fading"),
        lambda m: bw.Settings.from_json('{"colour": "red"}'),
        lambda m: bw.Settings.from_json("nonsense"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(movie: SimulatedMovie, broken) -> None:
    with pytest.raises(bw.BeamwatchError):
        broken(movie)


def test_windows_may_be_given_as_a_length(movie: SimulatedMovie) -> None:
    found = bw.analyze(movie.crop(0, 256, 0, 256)[:3], bw.Settings(window="16 Å", step=64))
    assert found.settings.window == 128


def test_what_a_window_can_show_is_said_before_it_is_trusted(movie: SimulatedMovie) -> None:
    settings = bw.Settings(window=128, drift="off", criteria=("fading",))
    result = bw.analyze(movie[:6], settings)
    assert result.particles is None
    (said,) = (note for note in result.notes if note.startswith("windows"))
    assert "1.6 nm wide" in said
    # λ = 10 · 0.125² electrons a pixel, 0.444 N² of them count, C²/4 each: 2.8; 8 is enough.
    assert "in 30 e/Å² (3 frames)" in said


@pytest.mark.long
def test_faint_movies_get_larger_windows() -> None:
    def window(frame_dose: float) -> int:
        frames = np.zeros((40, 1024, 1024), np.uint8)
        movie = bw.Movie.from_array(frames, 0.25, frame_dose)
        return default_grid(movie, None, None, "hann").window

    assert [window(dose) for dose in (10.0, 1.0, 0.2)] == [128, 256, 256]


@pytest.mark.long
def test_bright_movies_get_smaller_windows_where_spacings_stay_apart() -> None:
    def window(pixel_size: float, frame_dose: float, widest: float | None = None) -> int:
        movie = bw.Movie.from_array(np.zeros((40, 512, 512), np.uint8), pixel_size, frame_dose)
        return default_grid(movie, None, None, "hann", widest).window

    assert [window(0.2, dose) for dose in (5.0, 20.0)] == [256, 128]
    assert window(0.125, 80.0) == 256  # half of it were 16 Å
    assert window(0.2, 20.0, 4.33) == 128  # LiOH, the widest of what lithium makes
    assert window(0.2, 20.0, 12.0) == 512


def test_settings_survive_json() -> None:
    settings = bw.Settings(
        window="3.2 nm", alpha=0.05, drift=((0, 0), (1, 2.5)), added_spots=[(0.1, 0.2)]
    )
    assert bw.Settings.from_json(settings.to_json()) == settings


def test_polygons_own_the_squares_wholly_inside_them() -> None:
    triangle = bw.Region("t", ((0, 0), (0, 100), (100, 0)))
    corners = np.array([[0, 0], [0, 60], [30, 30], [60, 60], [45, 0]])
    assert triangle.holds(corners, 40).tolist() == [True, False, False, False, False]
    notched = bw.Region("n", ((0, 0), (0, 100), (100, 100), (50, 50), (100, 0)))
    assert notched.holds(np.array([[40, 40], [0, 0]]), 30).tolist() == [False, True]


def test_a_flat_beam_is_not_said_to_be_uneven(result: bw.Result) -> None:
    assert result.onsets.status[0] == "onset"
    assert not any("uneven" in said for said in result.summary["warnings"])


def test_the_answer_is_the_onset_of_the_truth(movie: SimulatedMovie, result: bw.Result) -> None:
    assert list(result.onsets.columns) == list(columns.ONSETS)
    assert result.onsets.region.tolist() == ["field", "A", "B"]
    field, a, b = (row for _, row in result.onsets.iterrows())
    for row, truth in ((a, movie.truth.regions[0]), (b, movie.truth.regions[1])):
        assert row.status == "onset"
        assert row.criterion == "fading"
        wide = row.onset_high_e_per_A2 - row.onset_low_e_per_A2
        onset = truth.onset_dose_e_per_A2
        assert row.onset_low_e_per_A2 - wide < onset < row.onset_high_e_per_A2 + wide
        assert wide < 60
    assert field.onset_dose_e_per_A2 == pytest.approx(a.onset_dose_e_per_A2, abs=20)
    assert field.onset_frame == np.searchsorted(movie.dose, field.onset_dose_e_per_A2, side="right")
    assert "places changed" in field.reason


def test_the_map_shows_each_region_change_at_its_dose(
    movie: SimulatedMovie, result: bw.Result
) -> None:
    for truth in movie.truth.regions:
        inside = result.windows[
            (result.windows.y0 >= truth.y0)
            & (result.windows.y1 <= truth.y1)
            & (result.windows.x0 >= truth.x0)
            & (result.windows.x1 <= truth.x1)
            & (result.windows.status == "onset")
        ]
        assert len(inside) > 0
        assert inside.onset_dose_e_per_A2.median() == pytest.approx(
            truth.onset_dose_e_per_A2, abs=40
        )


@pytest.mark.long
def test_rings_that_come_while_the_lattice_fades_name_a_new_phase() -> None:
    turning = filmed(
        "lif-to-li-rings-to-li2o", frames=40, frame_dose=15.0, size=512, pixel_size=0.25
    )
    result = bw.analyze(turning, bw.Settings(drift="off", criteria=("fading", "new_phase")))
    field = result.onsets.iloc[0]
    assert list(result.rings.columns) == list(columns.RINGS)
    assert (field.status, field.criterion) == ("onset", "new_phase")
    assert field.onset_dose_e_per_A2 == pytest.approx(150, abs=20)
    assert "ring" in field.reason or "appeared" in field.reason
    rings = result.rings[result.rings.ring != "halo"]
    assert np.abs(rings.groupby("ring").d_A.median() - 2.48).min() < 0.05


@pytest.mark.long
def test_spots_that_appear_at_another_angle_are_a_crystal_that_turned() -> None:
    turning = filmed("reorientation", frames=40, frame_dose=15.0, size=384, pixel_size=0.25)
    field = bw.analyze(turning, bw.Settings(drift="off")).onsets.iloc[0]
    assert field.status == "ambiguous"
    assert "turned" in field.reason
