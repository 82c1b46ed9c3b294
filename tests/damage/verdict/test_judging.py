"""What is damage is called so, what is not is not, and every verdict says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import Examined, examine
from napari_beamwatch.damage.scopes import Scope, SpotTrace, Witnesses
from napari_beamwatch.damage.verdict.judging import Verdict, judge
from napari_beamwatch.errors import BeamwatchError


def judged(
    scope: Scope,
    mean_counts: np.ndarray | None = None,
    others: tuple[Examined, ...] = (),
    witnesses: Witnesses | None = None,
) -> Verdict:
    """The verdict on a place beside others."""
    return judge(examine(scope, mean_counts), others, witnesses)


def test_spots_that_fade_together_are_an_onset(traces: Any) -> None:
    verdict = judged(traces.scope(traces.fading(40, 8), 1))
    assert (verdict.status, verdict.criterion, verdict.evidence) == ("onset", "fading", "strong")
    assert verdict.onset.low < 40 < verdict.onset.high
    assert verdict.onset_frame == int(verdict.onset.value)
    assert verdict.onset.value < verdict.detected
    assert verdict.onset.value < verdict.lost
    assert "together" in verdict.reason


@pytest.mark.long
def test_the_fitted_course_follows_the_truth_within_its_band(traces: Any) -> None:
    inside = []
    for seed in range(12):
        power = traces.fading(40, 8)
        true = power[0] / power[0, 0]
        found = judged(traces.scope(power, seed)).fitted
        assert found is not None
        assert found.frame.tolist() == list(range(100))
        assert (found.low <= found.level).all()
        assert (found.level <= found.high).all()
        assert np.abs(found.level - true).mean() < 0.06
        # At rest or gone the band has no width to speak of.
        known = (true > 0.05) & (true < 0.95)
        inside.append(((found.low <= true) & (true <= found.high))[known].mean())
    assert np.mean(inside) > 0.85


def test_what_stays_has_no_fitted_course(traces: Any) -> None:
    assert judged(traces.scope(traces.steady(), 1)).fitted is None


def test_a_lattice_that_stays_survived_to_a_dose(traces: Any) -> None:
    verdict = judged(traces.scope(traces.steady(), 1))
    assert verdict.status == "survived"
    assert 80 < verdict.survived_dose <= 90
    assert verdict.onset_frame == -1


def test_decay_in_which_no_plateau_has_room_is_damaged_at_start(traces: Any) -> None:
    bright = traces.scope(traces.fading(0, 5) * 4, 1, windows=30)
    assert judged(bright).status == "damaged_at_start"


def test_a_short_plateau_that_is_not_proven_is_before_a_dose(traces: Any) -> None:
    found = [judged(traces.scope(traces.fading(6, 15), seed)) for seed in range(6)]
    assert {one.status for one in found} == {"onset"}
    unproven = [one for one in found if one.no_plateau > 0.025]
    assert unproven
    assert all(one.onset.low == 0 and one.reason.startswith("before ") for one in unproven)
    assert sum(one.onset.high > 6 for one in found) >= 4


def test_too_few_electrons_are_said(traces: Any) -> None:
    verdict = judged(traces.scope(traces.steady() * 0.01, 1))
    assert verdict.status == "ambiguous"
    assert "too few electrons" in verdict.reason


def test_no_traces_are_no_lattice(traces: Any) -> None:
    scope = traces.scope(traces.steady(), 1)
    assert judged(replace(scope, traces=())).status == "no_lattice"


def test_a_dip_that_recovers_is_told_and_survived(traces: Any) -> None:
    left = np.ones(100)
    left[30:45] = 0.1
    verdict = judged(traces.scope(traces.steady() * left, 1))
    assert verdict.status == "survived"
    assert "recovered" in verdict.reason
    assert len(verdict.events) == 1


def test_a_late_change_is_ambiguous(traces: Any) -> None:
    verdict = judged(traces.scope(traces.fading(93, 2) * 4, 1))
    assert verdict.status == "ambiguous"
    assert "last tenth" in verdict.reason


def test_a_record_that_ends_in_a_dip_like_others_is_ambiguous(traces: Any) -> None:
    left = np.ones(100)
    left[20:35] = left[45:60] = left[86:] = 0.1
    verdict = judged(traces.scope(traces.steady() * left, 1))
    assert verdict.status == "ambiguous"


def rocked_out(traces: Any, power: np.ndarray, grains: int) -> list[Examined]:
    """Grains of such a power that were out of view from 30 to 50."""
    out = np.where((np.arange(100) >= 30) & (np.arange(100) < 50), 0.1, 1)
    return [
        traces.placed(power * out, 10 + i, crystal=1 + i, turn=20 * (1 + i)) for i in range(grains)
    ]


@pytest.mark.parametrize(("rocking", "told"), [(2, "onset"), (3, "ambiguous")])
def test_what_goes_where_most_grains_rock_may_come_back_as_these_did(
    traces: Any, rocking: int, told: str
) -> None:
    lost = traces.placed(traces.fading(80, 1), 1)
    others = rocked_out(traces, traces.steady(), rocking)
    still = traces.placed(traces.steady(), 20, crystal=9, turn=50)
    verdict = judge(lost, [*others, still])
    assert verdict.status == told
    assert ("like those of most other places" in verdict.reason) == (told == "ambiguous")


@pytest.mark.parametrize(("since", "told"), [(80, "ambiguous"), (60, "onset")])
def test_what_went_when_others_did_may_come_back_as_these_did_before(
    traces: Any, since: int, told: str
) -> None:
    lost = traces.placed(traces.fading(80, 1), 1)
    assert judge(lost, rocked_out(traces, traces.fading(since, 1), 2)).status == told


def test_windows_that_leave_the_detector_in_a_dip_of_the_field_do_not_see_its_end(
    traces: Any,
) -> None:
    dipped = traces.steady() * np.where((np.arange(100) >= 40) & (np.arange(100) < 75), 0.05, 1)
    other = traces.placed(dipped, 2, crystal=1)

    def left_at(end: int) -> Verdict:
        one = traces.scope(traces.fading(40, 4), 1)
        seen = np.arange(100) < end
        gone = tuple(replace(t, snr=np.where(seen, t.snr, np.nan)) for t in one.traces)
        return judged(replace(one, traces=gone), others=(other,))

    assert left_at(70).status == "ambiguous"
    assert "is not seen beyond 70" in left_at(70).reason
    assert left_at(95).status == "onset"


def test_a_beam_that_dims_is_no_loss(traces: Any) -> None:
    beam = np.where(np.arange(100) < 40, 1, 0.6)
    scope = traces.scope(traces.steady() * beam, 1)
    assert judged(scope, 20 * beam).status == "survived"


def test_a_drifting_focus_is_ambiguous(traces: Any) -> None:
    # 111 rises, 200 and 220 go: multislice LiF [110], 5 nm.
    path = np.clip(np.linspace(-0.3, 1.2, 100), 0, 1)
    last = np.array([1.28, 0.04, 1.26, 0.02])[:, None]
    verdict = judged(traces.scope(traces.steady() * (1 - path + path * last), 1))
    assert verdict.status == "ambiguous"


def test_a_lasting_tilt_is_ambiguous(traces: Any) -> None:
    # 15 mrad in multislice LiF [110].
    left = np.where(np.arange(100) < 40, 1, np.array([0.54, 0.66, 0.53, 0.26])[:, None])
    verdict = judged(traces.scope(traces.steady() * left * 4, 1))
    assert verdict.status == "ambiguous"
    assert verdict.onset_frame == -1


def test_a_crystal_that_turns_is_ambiguous(traces: Any) -> None:
    turn = np.radians(15)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    gone = traces.fading(40, 5)
    signal = np.concatenate([gone, traces.steady() - gone])
    g = np.concatenate([traces.g, traces.g @ matrix.T])
    verdict = judged(traces.scope(signal, 1, g))
    assert verdict.status == "ambiguous"
    assert "turned" in verdict.reason
    old, new = traces.scope(gone, 1), traces.scope(traces.steady() - gone, 2, g[4:])
    assert judged(new, others=(examine(old, None),)).status == "ambiguous"


def test_one_faint_spot_at_another_angle_is_no_crystal_that_turned(traces: Any) -> None:
    c, s = np.cos(np.radians(15)), np.sin(np.radians(15))
    gone = 8 * traces.fading(40, 5)
    faint = np.where(np.arange(100) < 45, 0.0, 1.5)
    signal = np.concatenate([gone, faint[None]])
    g = np.concatenate([traces.g, traces.g[:1] @ np.array([[c, s], [-s, c]])])
    assert judged(traces.scope(signal, 1, g)).status == "onset"


def test_a_spot_of_a_turned_lattice_need_not_have_been_seen_before_it_turned(traces: Any) -> None:
    c, s = np.cos(np.radians(25)), np.sin(np.radians(25))
    gone = traces.fading(40, 5)
    came = traces.steady() - gone
    # The strongest of them was in no contrast at first.
    signal = np.concatenate([gone[:3], came * np.array([1.0, 1.0, 1.0, 3.0])[:, None]])
    g = np.concatenate([traces.g[:3], traces.g @ np.array([[c, s], [-s, c]])])
    verdict = judged(traces.scope(signal, 1, g))
    assert verdict.status == "ambiguous"
    assert "turned" in verdict.reason


def test_one_fringe_set_needs_a_witness(traces: Any) -> None:
    scope = traces.scope(traces.fading(40, 8)[:1] * 3, 1)
    assert judged(scope).status == "ambiguous"
    focus, error = np.full(100, 30.0), np.full(100, 1.0)
    verdict = judged(scope, witnesses=Witnesses(defocus_nm=focus, defocus_se_nm=error))
    assert (verdict.status, verdict.evidence) == ("onset", "single")
    moved = np.where(np.arange(100) < 40, 30.0, 36.0)
    away = judged(scope, witnesses=Witnesses(defocus_nm=moved, defocus_se_nm=error))
    assert away.status == "ambiguous"


def test_spots_of_another_lattice_are_a_new_phase(traces: Any) -> None:
    gone = traces.fading(40, 5)
    signal = np.concatenate([gone, (traces.steady() - gone)[:2]])
    g = np.concatenate([traces.g, 0.125 * np.array([[0.353, 0.130], [-0.020, 0.376]])])
    verdict = judged(traces.scope(signal, 1, g))
    assert (verdict.status, verdict.criterion) == ("onset", "new_phase")
    assert verdict.new_spots == (4, 5)
    assert verdict.new_phase_onset.low < 42
    assert verdict.new_phase_onset.high > 40


@pytest.mark.long
def test_spots_that_came_and_went_again_are_no_new_phase(traces: Any) -> None:
    view = (np.arange(100) >= 20) & (np.arange(100) < 60)
    g = np.concatenate([traces.g, 0.125 * np.array([[0.353, 0.130], [-0.020, 0.376]])])
    rocking = 4 * traces.steady() * view
    beside = judged(traces.scope(np.concatenate([traces.steady(), rocking[:2]]), 1, g))
    assert (beside.status, beside.criterion, beside.new_spots) == ("survived", "", ())
    alone = judged(traces.scope(rocking, 1))
    assert (alone.status, alone.onset_frame) == ("ambiguous", -1)
    assert "came and went again" in alone.reason


def swelling(traces: Any, percent: float, spots: int) -> Scope:
    scope = traces.scope(traces.steady() * 5, 1)
    rng = np.random.default_rng(4)
    path = 1 + percent / 100 * np.clip((np.arange(100) - 50) / 20, 0, 1)
    made: list[SpotTrace] = []
    for i, trace in enumerate(scope.traces):
        moves = path if i < spots else np.ones(100)
        d = moves / trace.g * (1 + 0.003 * rng.standard_normal(100))
        made.append(replace(trace, d_px=d, d_se_px=np.full(100, 0.003 / trace.g)))
    return replace(scope, traces=tuple(made))


def test_a_lattice_that_swells_is_a_change_of_spacing(traces: Any) -> None:
    verdict = judged(swelling(traces, 1.5, 4))
    assert (verdict.status, verdict.criterion) == ("onset", "spacing")
    assert verdict.spacing_onset.low < 50 < verdict.spacing_onset.high
    assert verdict.d_after_px / verdict.d_before_px == pytest.approx(1.015, abs=0.003)


def grain(traces: Any, turn: float, crystal: int, stretch: np.ndarray, begin: int = 50) -> Examined:
    """A crystal at an angle in degrees whose spacings go with a distortion from a frame on."""
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    scope = traces.scope(traces.steady() * 5, crystal, traces.g @ np.array([[c, s], [-s, c]]))
    rng = np.random.default_rng(crystal)
    path = np.clip((np.arange(100) - begin) / 20, 0, 1)
    made = []
    for trace in scope.traces:
        along = np.array([trace.gy, trace.gx]) / trace.g
        d = (1 + along @ stretch @ along * path + 0.003 * rng.standard_normal(100)) / trace.g
        error = np.full(100, 0.003 / trace.g)
        made.append(replace(trace, crystal=crystal, d_px=d, d_se_px=error))
    return examine(replace(scope, traces=tuple(made)), None)


MAGNIFIED = 0.015 * np.eye(2)
SHEARED = np.array([[0.02, 0.01], [0.01, 0.0]])


@pytest.mark.parametrize("stretch", [MAGNIFIED, SHEARED], ids=["magnification", "scan"])
def test_spacings_of_all_crystals_that_one_distortion_moves_are_no_onset(
    traces: Any, stretch: np.ndarray
) -> None:
    one, two, three = (grain(traces, 25.0 * i, i, stretch) for i in range(3))
    verdict = judge(one, (two, three))
    assert (verdict.status, verdict.criterion) == ("ambiguous", "")
    assert "magnification or scan" in verdict.reason
    assert judge(one, ()).status == "onset"  # a single crystal has no witness


@pytest.mark.parametrize(
    ("stretch", "begin"),
    [(np.zeros((2, 2)), 50), (-MAGNIFIED, 50), (MAGNIFIED, 10)],
    ids=["held", "shrank", "swelled before"],
)
def test_a_crystal_that_held_or_went_another_way_refutes_the_magnification(
    traces: Any, stretch: np.ndarray, begin: int
) -> None:
    one, alike = grain(traces, 0, 0, MAGNIFIED), grain(traces, 25, 1, MAGNIFIED)
    verdict = judge(one, (alike, grain(traces, 50, 2, stretch, begin)))
    assert (verdict.status, verdict.criterion) == ("onset", "spacing")


def test_no_lens_goes_astray_by_a_tenth(traces: Any) -> None:
    one, two = (grain(traces, 25.0 * i, i, 0.1 * np.eye(2)) for i in range(2))
    assert judge(one, (two,)).status == "onset"


@pytest.mark.parametrize(("percent", "spots"), [(0.5, 4), (1.5, 1), (0.0, 4)])
def test_a_small_or_single_shift_is_none(traces: Any, percent: float, spots: int) -> None:
    assert judged(swelling(traces, percent, spots)).status == "survived"


def test_a_spot_out_of_its_window_is_drift_not_loss(traces: Any) -> None:
    scope = traces.scope(traces.steady(), 1)
    for trace in scope.traces:
        trace.snr[60:] = np.nan
    assert judged(scope).status == "survived"


def test_a_handful_of_frames_says_nothing(traces: Any) -> None:
    verdict = judged(traces.scope(traces.steady(5), 1))
    assert verdict.status == "ambiguous"
    assert "5 frames" in verdict.reason


def test_zeros_are_no_answer(traces: Any) -> None:
    scope = traces.scope(traces.steady(), 1)
    for trace in scope.traces:
        trace.snr[:] = 0
    assert judged(scope).status == "ambiguous"


def test_doses_that_do_not_increase_are_refused(traces: Any) -> None:
    scope = traces.scope(traces.steady(), 1)
    with pytest.raises(BeamwatchError, match="must increase"):
        replace(scope, dose_end=scope.dose_end[::-1].copy())


@pytest.mark.parametrize("goes_with", [-0.5, 1.87, 2.0, 2.65, 5.4])
def test_a_lattice_that_goes_with_the_mean_signal_is_not_called_damaged(goes_with: float) -> None:
    rng = np.random.default_rng(8)
    frames, end = 100, np.arange(1, 101) * 5.0
    beam = np.interp(np.arange(frames), [0, 30, 70, 99], [1.25, 1.25, 0.75, 0.75])
    beam = beam if goes_with > 0 else beam[::-1]
    traces = []
    for spot, (level, gy, gx) in enumerate(
        ((60.0, 0.06, 0.0), (30.0, 0.02, 0.05), (20, -0.05, 0.07))
    ):
        power = level * (beam / beam.mean()) ** goes_with
        phasor = np.sqrt(power)[:, None] + rng.normal(0, np.sqrt(0.5), (frames, 8)) * (1 + 0j)
        phasor = phasor + 1j * rng.normal(0, np.sqrt(0.5), (frames, 8))
        snr = (np.abs(phasor) ** 2).mean(axis=1) - 1
        traces.append(SpotTrace(spot, 0, gy, gx, snr, windows=8))
    scope = Scope("thickening", tuple(traces), end - 5, end, np.ones(frames, bool))
    steady = judged(scope, beam)
    assert steady.status == "ambiguous"
    assert "mean signal" in steady.reason
    assert judged(scope, np.ones(frames)).status != "survived"
