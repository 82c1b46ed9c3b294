"""The stages show what they promise, and change as specimens and lenses do."""

from __future__ import annotations

import math
import time
from importlib import resources

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate import stages

DATA = resources.files("napari_beamwatch.simulate") / "stage_data"


def amplitudes(name: str, optics: stages.Optics | None = None) -> dict[tuple[int, int, int], float]:
    """Fringe amplitude of every reflection of intact LiF in the zone of a stage."""
    stage = stages.load_stage(name)
    image = stage.image(0.25, optics)
    zone = "-".join(name.split("-")[:2])
    return {
        r.hkl: math.sqrt(stages.read_reflection(image, 0.25, r).power)
        for r in stages.load_stage(zone).reflections
    }


@pytest.mark.parametrize("name", stages.stage_names())
def test_every_promised_reflection_is_there(name: str) -> None:
    stage = stages.load_stage(name)
    image = stage.image(0.25)
    for reflection in stage.reflections:
        reading = stages.read_reflection(image, stage.pixel_size_for(0.25), reflection)
        assert reading.shows(reflection), reflection


def test_angles_are_counter_clockwise_with_y_down() -> None:
    n = 256
    y, x = np.mgrid[:n, :n]
    rising = stages.Reflection("none", (1, 0, 0), n / math.hypot(30, 20), 33.690)
    image = 1 + 0.1 * np.cos(2 * np.pi * (30 * x - 20 * y) / n).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.01, image.shape).astype(np.float32)
    reading = stages.read_reflection(image + noise, 1.0, rising)
    assert reading.power == pytest.approx(0.05**2, rel=0.02)
    assert reading.d_A == pytest.approx(rising.d_A, rel=2e-3)
    falling = stages.Reflection("none", (1, 0, 0), rising.d_A, -33.690)
    assert not stages.read_reflection(image + noise, 1.0, falling).shows(falling)


def test_the_zones_show_what_lif_should() -> None:
    spacings = {
        tuple(sorted(map(abs, r.hkl))): r.d_A for r in stages.load_stage("lif-110").reflections
    }
    assert spacings[1, 1, 1] == pytest.approx(4.026 / math.sqrt(3), rel=0.003)
    assert spacings[0, 0, 2] == pytest.approx(4.026 / 2, rel=0.003)
    assert spacings[0, 2, 2] == pytest.approx(4.026 / math.sqrt(8), rel=0.003)


@pytest.mark.parametrize("name", ["lif-amorphous", "carbon", "lif-110-0nm"])
def test_amorphous_stages_show_no_lattice(name: str) -> None:
    stage = stages.load_stage(name)
    assert stage.reflections == ()
    image = stage.image(0.25)
    for zone in ("lif-110", "lif-100"):
        for reflection in stages.load_stage(zone).reflections:
            assert not stages.read_reflection(image, 0.25, reflection).shows(reflection)


def test_focus_changes_reflections_unequally() -> None:
    before = amplitudes("lif-110", stages.Optics(defocus_nm=4.0))
    after = amplitudes("lif-110", stages.Optics(defocus_nm=6.0))
    power = {hkl: (after[hkl] / before[hkl]) ** 2 for hkl in before}
    # In 2 nm 200 all but vanishes, 111 stays as it is.
    assert power[0, 0, 2] < 0.02
    assert power[-1, 1, 1] == pytest.approx(1, abs=0.1)
    nearer = amplitudes("lif-110", stages.Optics(defocus_nm=-6.0))
    further = amplitudes("lif-110", stages.Optics(defocus_nm=-4.0))
    # And in another 2 nm 220 falls while 111 rises.
    assert (further[2, -2, 0] / nearer[2, -2, 0]) ** 2 < 0.2
    assert (further[-1, 1, 1] / nearer[-1, 1, 1]) ** 2 > 1.3


@pytest.mark.parametrize("zone", ["110", "100"])
def test_disorder_fades_high_orders_first(zone: str) -> None:
    names = [f"lif-{zone}"] + [f"lif-{zone}-disorder-{u}" for u in (0.1, 0.2, 0.35, 0.6)]
    series = [amplitudes(name) for name in names]
    by_spacing = sorted(stages.load_stage(names[0]).reflections, key=lambda r: r.d_A)
    fine, coarse = by_spacing[0], by_spacing[-1]
    for hkl in series[0]:
        faded = [s[hkl] for s in series]
        assert faded == sorted(faded, reverse=True)
    # Along [100] 200 and 020 interfere in 220 and hold it up while the disorder is slight.
    for now in series[1:] if zone == "110" else series[3:]:
        kept_fine = now[fine.hkl] / series[0][fine.hkl]
        kept_coarse = now[coarse.hkl] / series[0][coarse.hkl]
        assert kept_fine < kept_coarse
    # The Debye-Waller factor of a weak scatterer; beams that scatter twice follow it roughly.
    for u, now in zip((0.1, 0.2), series[1:], strict=False):
        factor = math.exp(-2 * (math.pi * u / fine.d_A) ** 2)
        assert now[fine.hkl] / series[0][fine.hkl] == pytest.approx(factor, rel=0.2)


def test_swelling_moves_the_spacings() -> None:
    def spacing(name: str) -> list[float]:
        stage = stages.load_stage(name)
        image = stage.image(0.25)
        return [stages.read_reflection(image, 0.25, r).d_A for r in stage.reflections]

    before = np.array(spacing("lif-swollen-0.0"))
    for percent in (0.5, 1.0, 1.5):
        after = np.array(spacing(f"lif-swollen-{percent}"))
        np.testing.assert_allclose(after / before, 1 + percent / 100, atol=2e-3)


def test_tilt_lowers_reflections_unequally() -> None:
    series = [amplitudes("lif-110")]
    series += [amplitudes(f"lif-110-tilt-{mrad}") for mrad in (5, 10, 15, 20, 30, 40, 50, 60)]
    across, along, between = (2, -2, 0), (0, 0, 2), (-1, 1, 1)
    for hkl in (across, between):
        falling = [s[hkl] for s in series[:6]]
        assert falling == sorted(falling, reverse=True)
        # Further out 60 Å of crystal let a little through again, as a slit does.
        assert max(s[hkl] for s in series[6:]) < 0.3 * series[0][hkl]
    for further in series[6:]:
        assert further[along] == pytest.approx(series[5][along], rel=0.1)
    # At 20 mrad the one across the axis has nearly gone, the one along it has not.
    kept = {hkl: series[4][hkl] / series[0][hkl] for hkl in (across, along, between)}
    assert kept[across] < 0.3 < kept[between] < kept[along]
    assert kept[along] > 0.7


def test_the_spots_of_a_crystal_that_thins_rise_before_they_go() -> None:
    thicknesses = (30, 25, 20, 15, 12, 9, 6, 3)
    thinning = [amplitudes(f"lif-110-{nm}nm") for nm in thicknesses]
    power = {hkl: [stage[hkl] ** 2 for stage in thinning] for hkl in thinning[0]}
    between, along, across = (-1, 1, 1), (0, 0, 2), (2, -2, 0)
    assert max(power[between]) > 10 * power[between][0]
    # Higher orders, strong at 30 nm by what the inner ones interfere, fall, then rise once more.
    for hkl, lowest in ((along, 20), (across, 12)):
        since = power[hkl][thicknesses.index(lowest) :]
        assert max(since) > 2 * since[0]
        assert power[hkl][0] > max(since)
    for values in power.values():
        assert values[-1] < 0.35 * max(values[-3:])


def test_a_thin_crystal_has_the_same_spots_on_either_side_of_its_film() -> None:
    over, under = amplitudes("lif-110"), amplitudes("lif-110-6nm")
    for hkl, amplitude in over.items():
        assert under[hkl] == pytest.approx(amplitude, rel=0.05)


def test_ordering_brings_half_orders_and_keeps_the_rest() -> None:
    parents = stages.load_stage("lif-100").reflections
    ordered = stages.load_stage("lif-100-ordered")
    before, after = stages.load_stage("lif-100").image(0.25), ordered.image(0.25)
    for parent in parents:
        kept = stages.read_reflection(after, 0.25, parent).power
        assert kept == pytest.approx(stages.read_reflection(before, 0.25, parent).power, rel=0.1)
    halves = [r for r in ordered.reflections if r not in parents]
    assert {tuple(map(abs, r.hkl)) for r in halves} == {(0, 1, 1)}
    strongest = max(stages.read_reflection(after, 0.25, r).power for r in parents)
    for half in halves:
        assert half.d_A == pytest.approx(4.026 / math.sqrt(2), rel=1e-3)
        assert not stages.read_reflection(before, 0.25, half).shows(half)
        reading = stages.read_reflection(after, 0.25, half)
        assert reading.height > 1000
        assert 0.03 * strongest < reading.power < 0.06 * strongest


def test_a_shrinking_particle_covers_less() -> None:
    covered = []
    for number in range(5):
        image = stages.load_stage(f"lif-particle-{number}").image(0.25)
        film = stages.load_stage("carbon").image(0.25)
        blocks = (image - 1).reshape(48, 10, 48, 10).std(axis=(1, 3))
        covered.append(np.mean(blocks > 3 * film.std()))
    assert covered == sorted(covered, reverse=True)
    assert covered[-1] < 0.4 * covered[0]


@pytest.mark.parametrize("pixel_size", [0.125, 0.16, 0.2, 0.25, 0.4])
def test_pictures_of_any_pixel_size_are_of_the_same_specimen(pixel_size: float) -> None:
    stage = stages.load_stage("lif-110-disorder-0.2")
    image = stage.image(pixel_size)
    n = round(stage.extent / pixel_size)
    assert stage.pixel_size_for(pixel_size) == pytest.approx(pixel_size, rel=1e-12)
    assert image.shape == (n, n)
    assert image.dtype == np.float32
    assert image.mean() == pytest.approx(1, abs=1e-5)
    fine = np.fft.fft2(stage.image(0.125)) / 960**2
    coarse = np.fft.fft2(image) / n**2
    kept = np.r_[-n // 3 : n // 3]
    here = np.ix_(kept, kept)
    np.testing.assert_allclose(coarse[here], fine[here], atol=1e-7)


def test_a_pixel_size_that_does_not_fit_is_rounded_honestly() -> None:
    stage = stages.load_stage("carbon")
    assert stage.image(0.131).shape == (916, 916)
    assert stage.pixel_size_for(0.131) == 120 / 916
    for nonsense in (0.0, -0.1, 60.0, math.nan):
        with pytest.raises(BeamwatchError, match="pixel"):
            stage.image(nonsense)


def test_intensity_is_free_of_aliasing() -> None:
    stage = stages.load_stage("lif-100")
    wave = stage._wave * stage._transfer(stages.Optics())
    reach = wave.shape[0] // 2
    grid = np.zeros((1024, 1024), complex)
    k = np.arange(-reach, reach + 1)
    grid[np.ix_(k, k)] = wave
    spectrum = np.fft.fft2(np.abs(np.fft.ifft2(grid) * grid.size) ** 2) / grid.size
    expected = spectrum / spectrum[0, 0]
    found = np.fft.fft2(stage.image(0.125, stages.Optics(contrast=1.0))) / 960**2
    kept = np.r_[-250:251]
    here = np.ix_(kept, kept)
    np.testing.assert_allclose(found[here], expected[here], atol=1e-6)


def test_contrast_scales_about_the_mean() -> None:
    stage = stages.load_stage("lif-110")
    full = stage.image(0.25, stages.Optics(contrast=1.0))
    third = stage.image(0.25)
    np.testing.assert_allclose(third - 1, (full - 1) / 3, atol=1e-5)


def test_the_film_is_the_same_in_a_series() -> None:
    one = stages.load_stage("lif-particle-3").image(0.25)[:80, :80]
    other = stages.load_stage("lif-particle-4").image(0.25)[:80, :80]
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99


def test_wavelength() -> None:
    assert stages.electron_wavelength(300.0) == pytest.approx(0.019687, rel=1e-4)
    assert stages.electron_wavelength(200.0) == pytest.approx(0.025079, rel=1e-4)


def test_a_picture_is_fast() -> None:
    stage = stages.load_stage("lif-110")
    stage.image(0.125)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        stage.image(0.125)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


def test_the_stages_are_small_and_loaded_once() -> None:
    files = [file for file in DATA.iterdir() if file.is_file()]
    assert {f.name for f in files} == {f"{n}.npz" for n in stages.stage_names()} | {"index.json"}
    assert sum(len(file.read_bytes()) for file in files) <= 8e6
    assert stages.load_stage("carbon") is stages.load_stage("carbon")


def test_an_unknown_stage_is_named_with_the_known_ones() -> None:
    with pytest.raises(BeamwatchError, match=r"'LiF'.*lif-110, lif-110-disorder-0\.1"):
        stages.load_stage("LiF")
