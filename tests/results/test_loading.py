"""A run that is loaded is the result that was saved, and its movie is the one that was analysed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import napari_beamwatch as bw
from napari_beamwatch.campaign.runs import read_run, run_of
from napari_beamwatch.harmless import cell
from napari_beamwatch.results import loading
from napari_beamwatch.results.run_folder import TABLES
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.spectra.tracking import WindowTraces


@pytest.fixture
def run(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "run"))


def test_tables_come_back_with_their_types(run: Path, result: bw.Result) -> None:
    loaded = bw.load_result(run)
    for name in TABLES:
        saved, back = getattr(result, name), getattr(loaded, name)
        assert _types(back) == _types(saved), name
        # None and NaN are one gap.
        pd.testing.assert_frame_equal(_gaps(back), _gaps(saved), rtol=1e-8, check_dtype=False)
    for field in fields(result.window_traces):
        saved = getattr(result.window_traces, field.name)
        back = getattr(loaded.window_traces, field.name)
        assert back.dtype == saved.dtype
        np.testing.assert_array_equal(back, saved)


def test_all_else_comes_back(run: Path, result: bw.Result) -> None:
    loaded = bw.load_result(run)
    assert loaded.settings == result.settings
    assert loaded.regions == result.regions
    assert loaded.notes == result.notes
    assert loaded.timings == result.timings
    assert loaded.summary["answer"] == result.summary["answer"]


def test_a_run_that_is_loaded_and_saved_has_the_same_tables(run: Path, tmp_path: Path) -> None:
    again = bw.load_result(run).save(tmp_path / "again")
    for path in run.glob("*.csv"):
        assert (again / path.name).read_bytes() == path.read_bytes()


@pytest.mark.long
def test_particles_come_back_with_their_outlines(tmp_path: Path) -> None:
    movie = simulate("shrinking-particle", frames=10, frame_dose=60.0, size=256, pixel_size=0.5)
    result = bw.analyze(movie, bw.Settings(drift="off"))
    particles = result.particles
    assert particles is not None
    assert particles.outlines
    loaded = bw.load_result(result.save(tmp_path / "run"), movie=movie).particles
    assert loaded is not None
    pd.testing.assert_frame_equal(loaded.table, particles.table, rtol=1e-8)
    assert loaded.bins == particles.bins
    assert loaded.notes == particles.notes
    assert set(loaded.outlines) == set(particles.outlines)
    for (particle, number), outline in particles.outlines.items():
        assert loaded.outline(particle, number) == pytest.approx(outline, rel=1e-8)


def test_its_movie_is_opened_as_it_was(run: Path, result: bw.Result) -> None:
    movie = bw.load_result(run).movie
    assert movie is not None
    assert result.movie is not None
    _same(movie, result.movie)
    assert movie.conditions == result.movie.conditions


def _table(movie: bw.Movie) -> list[tuple[float, float]]:
    """Doses with a gap of 1 e/Å² before each frame."""
    return [(40.0 * i, 40.0 * i + 39) for i in range(len(movie))]


PROFILE = np.linspace(1, 2, 256 * 256).reshape(256, 256)

CUTS: dict[str, Callable[[bw.Movie], bw.Movie]] = {
    "frames": lambda movie: movie[2:],
    "crop": lambda movie: movie.crop(10, 250, 20, 230),
    "sum": lambda movie: movie.sum(2),
    "all of them": lambda movie: movie[1:].crop(0, 250, 4, 250).sum(2)[1:],
    "table": lambda movie: movie.with_(dose_table=_table(movie)),
    "every frame": lambda movie: movie.with_(frame_dose=np.linspace(30, 50, len(movie)))[2:],
    "cup": lambda movie: movie.with_(dose_calibration=bw.DoseCalibration(48.0, 0.02)),
    "profile": lambda movie: movie.with_(beam_profile=PROFILE),
    "more": lambda movie: movie.with_(pixel_size=0.13, pre_exposure=5.0, frame_time=0.5),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("cut", CUTS)
def test_a_movie_that_was_cut_or_calibrated_comes_back_so(
    movie_file: Path, result: bw.Result, tmp_path: Path, cut: str
) -> None:
    movie = CUTS[cut](bw.open_movie(movie_file, fraction_frames=80))
    loaded = bw.load_result(_with_movie(result, movie).save(tmp_path / "run"))
    assert loaded.movie is not None, loaded.notes[-1]
    _same(loaded.movie, movie)
    profile = movie.given.beam_profile
    if profile is not None:
        np.testing.assert_array_equal(loaded.movie.given.beam_profile, profile)


def test_a_series_of_stills_comes_back_in_its_order(result: bw.Result, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.tif" for name in "cab"]
    for i, path in enumerate(paths):
        tifffile.imwrite(path, np.full((64, 64), i, np.uint16))
    movie = bw.open_movie(paths, pixel_size=0.2, frame_dose=3.0)
    loaded = bw.load_result(_with_movie(result, movie).save(tmp_path / "run"))
    assert loaded.movie is not None, loaded.notes[-1]
    assert [int(loaded.movie.frame(i)[0, 0]) for i in range(3)] == [0, 1, 2]
    _same(loaded.movie, movie)


@pytest.mark.long
def test_a_movie_whose_pixels_lie_beside_it_comes_back_unless_they_changed(
    result: bw.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = np.ones((4, 64, 64), np.uint8)
    with h5py.File("a.h5", "w") as file:
        file.create_dataset("a", data=images, external=[("a.raw", 0, images.nbytes)])
    movie = bw.open_movie(tmp_path / "a.h5")
    run = _with_movie(result, movie).save(tmp_path / "run")
    assert bw.load_result(run).movie is not None
    (images + 1).tofile(tmp_path / "a.raw")
    assert "has changed since it was analysed" in _said(bw.load_result(run))
    (tmp_path / "a.raw").unlink()
    assert bw.load_result(run).movie is None


def test_a_run_that_moves_with_its_movie_finds_it(result: bw.Result, tmp_path: Path) -> None:
    assert result.movie is not None
    (tmp_path / "old").mkdir()
    file = Path(shutil.copy(result.movie.source, tmp_path / "old"))
    movie = bw.open_movie(file, fraction_frames=80)
    _with_movie(result, movie).save(tmp_path / "old" / "runs" / "first")
    (tmp_path / "old").rename(tmp_path / "new")
    loaded = bw.load_result(tmp_path / "new" / "runs" / "first")
    assert loaded.movie is not None, loaded.notes[-1]
    assert Path(loaded.movie.source).exists()


def test_of_a_movie_that_is_gone_a_note_tells_what_to_do(result: bw.Result, tmp_path: Path) -> None:
    run, file = _run_beside_its_movie(result, tmp_path)
    moved = file.rename(tmp_path / "elsewhere.eer")
    loaded = bw.load_result(run)
    assert loaded.movie is None
    assert f"not at {file} any more: give it with load_result(folder, movie=path)" in _said(loaded)
    found = bw.load_result(run, movie=moved)
    assert found.movie is not None
    assert found.movie.source == str(moved)
    assert found.notes == result.notes


def test_of_a_movie_that_has_changed_a_note_says_so(result: bw.Result, tmp_path: Path) -> None:
    run, file = _run_beside_its_movie(result, tmp_path)
    with file.open("r+b") as opened:
        opened.seek(-1, 2)
        opened.write(b"!")
    loaded = bw.load_result(run)
    assert loaded.movie is None
    assert f"{file} has changed since it was analysed" in _said(loaded)
    with pytest.raises(bw.BeamwatchError, match="not the movie of this run"):
        bw.load_result(run, movie=file)


def test_a_movie_in_memory_is_not_part_of_the_run(result: bw.Result, tmp_path: Path) -> None:
    assert result.movie is not None
    movie = bw.Movie.from_array(np.ones((16, 8, 8), np.uint8))
    run = _with_movie(result, movie).save(tmp_path / "run")
    loaded = bw.load_result(run)
    assert loaded.movie is None
    assert "analysed from memory" in _said(loaded)
    assert bw.load_result(run, movie=movie).movie is movie


def test_a_gain_reference_is_found_again_unless_it_moved_or_changed(
    result: bw.Result, tmp_path: Path
) -> None:
    assert result.movie is not None
    reference = tmp_path / "reference.npy"
    np.save(reference, np.linspace(0.5, 1.5, 256 * 256).reshape(256, 256))
    movie = bw.open_movie(result.movie.source, fraction_frames=80, gain=reference)
    run = _with_movie(result, movie).save(tmp_path / "run")
    again = bw.load_result(run).movie
    assert again is not None
    assert np.array_equal(again.recording.frames.read(3), movie.recording.frames.read(3))
    np.save(reference, np.ones((256, 256)))
    assert "has changed since" in _said(bw.load_result(run))
    reference.unlink()
    assert "is not at" in _said(bw.load_result(run))


def test_a_gain_reference_from_memory_must_be_given_again(
    result: bw.Result, tmp_path: Path
) -> None:
    assert result.movie is not None
    gain = np.linspace(0.5, 1.5, 256 * 256).reshape(256, 256)
    movie = bw.open_movie(result.movie.source, fraction_frames=80, gain=gain)
    run = _with_movie(result, movie).save(tmp_path / "run")
    loaded = bw.load_result(run)
    assert loaded.movie is None
    assert "corrected by a gain reference" in _said(loaded)
    assert bw.load_result(run, movie=movie).movie is movie


def test_another_movie_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match="not the movie of this run: it has 3 frames"):
        bw.load_result(run, movie=bw.Movie.from_array(np.ones((3, 8, 8), np.uint8)))
    with pytest.raises(bw.BeamwatchError, match="there is no file or folder"):
        bw.load_result(run, movie=tmp_path / "nowhere.eer")


def test_a_folder_without_a_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(bw.BeamwatchError, match="holds no run"):
        bw.load_result(tmp_path)


def test_a_run_of_another_format_says_so(run: Path) -> None:
    _edit(run, lambda record: record.update(format=99))
    with pytest.raises(bw.BeamwatchError, match="of format 99; this napari-beamwatch"):
        bw.load_result(run)


@pytest.mark.parametrize("name", ["spots.csv", "window_traces.npz"])
def test_a_run_that_lacks_a_file_says_which(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(bw.BeamwatchError, match=f"{name} is missing"):
        bw.load_result(run)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n", b'"', b"\n\n\n"])
def test_a_table_that_is_none_says_so(run: Path, content: bytes) -> None:
    (run / "spots.csv").write_bytes(content)
    with pytest.raises(bw.BeamwatchError, match=r"spots\.csv"):
        bw.load_result(run)


def test_a_table_with_words_for_numbers_says_so(run: Path) -> None:
    text = (run / "field.csv").read_text().splitlines()
    text[1] = "first" + text[1][1:]
    (run / "field.csv").write_text("\n".join(text))
    with pytest.raises(bw.BeamwatchError, match=r"field\.csv cannot be read"):
        bw.load_result(run)


def test_a_table_of_endlessly_many_columns_is_refused_before_it_is_read(run: Path) -> None:
    text = (run / "field.csv").read_text().splitlines()
    (run / "field.csv").write_text("\n".join([text[0] + "," * 10**6, *text[1:]]))
    with pytest.raises(bw.BeamwatchError, match=r"field\.csv has other columns"):
        bw.load_result(run)


@pytest.mark.parametrize("name", ["onsets.csv", "traces.csv"])
def test_a_row_that_is_there_twice_says_so(run: Path, name: str) -> None:
    text = (run / name).read_text().splitlines()
    (run / name).write_text("\n".join([*text[:2], *text[1:]]))
    with pytest.raises(bw.BeamwatchError, match=rf"{name} has (two|other) rows"):
        bw.load_result(run)


def test_traces_with_an_open_bracket_in_their_header_say_so(run: Path) -> None:
    path = run / "window_traces.npz"
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content.replace(b"{'descr'", b"{('desc'"))
    with pytest.raises(bw.BeamwatchError, match="window_traces"):
        bw.load_result(run)


def test_nothing_is_unpickled(run: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    np.savez(run / "window_traces.npz", intensity=np.array([Trap()], dtype=object))
    with pytest.raises(bw.BeamwatchError, match="window_traces"):
        bw.load_result(run)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"no archive at all"]
)
def test_traces_that_are_damaged_say_so(run: Path, content: bytes) -> None:
    (run / "window_traces.npz").write_bytes(content)
    with pytest.raises(bw.BeamwatchError, match="window_traces"):
        bw.load_result(run)


def test_paths_of_a_record_are_asked_about_and_not_walked(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.walk", lambda *_: pytest.fail("walked"))
    for other in ("/usr", "/dev/zero", "/etc/passwd", "..", str(run)):
        _edit(run, lambda record, other=other: record["movie"].update(files=[other]))
        _edit(run, lambda record: record["movie"].update(files_from_here=["../.."]))
        loaded = bw.load_result(run)
        assert loaded.movie is None
        assert "not at" in _said(loaded)


def test_a_pipe_instead_of_a_movie_or_a_file_of_the_run_is_not_waited_for(
    result: bw.Result, tmp_path: Path
) -> None:
    run, file = _run_beside_its_movie(result, tmp_path)
    file.unlink()
    os.mkfifo(file)
    assert bw.load_result(run).movie is None
    for name in ("spots.csv", "window_traces.npz", "run.json"):
        (run / name).unlink()
        os.mkfifo(run / name)
        with pytest.raises(bw.BeamwatchError, match=r"missing|holds no run"):
            bw.load_result(run)


def test_a_gain_reference_that_the_record_does_not_vouch_for_is_not_opened(
    run: Path, tmp_path: Path
) -> None:
    reference = tmp_path / "reference.npy"
    np.save(reference, np.ones((256, 256)))
    _edit(run, lambda record: record["movie"].update(gain="", gain_file=str(reference)))
    loaded = bw.load_result(run)
    assert loaded.movie is None
    assert "has changed since" in _said(loaded)


def test_arrays_larger_than_the_run_are_not_unpacked(run: Path, result: bw.Result) -> None:
    shape = result.window_traces.snr.shape
    arrays = {f.name: np.zeros(shape, np.float32) for f in fields(WindowTraces)}
    arrays["snr"] = np.zeros((4000, 4000), np.float32)
    np.savez_compressed(run / "window_traces.npz", **arrays)
    with pytest.raises(bw.BeamwatchError, match=r"snr\.npy holds 64000128 bytes"):
        bw.load_result(run)


def test_arrays_that_are_not_of_a_run_are_refused(run: Path, result: bw.Result) -> None:
    arrays = {f.name: getattr(result.window_traces, f.name) for f in fields(WindowTraces)}
    np.savez(run / "window_traces.npz", **arrays, more=np.zeros(3))
    with pytest.raises(bw.BeamwatchError, match="nothing is called 'more'"):
        bw.load_result(run)


def test_a_table_without_a_documented_column_says_so(run: Path) -> None:
    table = pd.read_csv(run / "onsets.csv").drop(columns="status")
    table.to_csv(run / "onsets.csv", index=False)
    _edit(run, lambda record: record["tables"]["onsets"].pop("status"))
    with pytest.raises(bw.BeamwatchError, match=r"onsets\.csv lacks status"):
        bw.load_result(run)


def test_a_run_that_is_replaced_while_it_is_read_is_not_mixed(
    run: Path, result: bw.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = loading.read_table

    def replaced(path: Path, *words: Any) -> pd.DataFrame:
        if path.name == "traces.csv":
            replace(result, notes=("another",)).save(run, force=True)
        return read(path, *words)

    monkeypatch.setattr(loading, "read_table", replaced)
    with pytest.raises(bw.BeamwatchError, match="was replaced while it was read: load it again"):
        bw.load_result(run)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "−1", "@x", "'quoted", "a\x1b[2Jb", "a,b"])
def test_names_that_spreadsheets_compute_are_words_in_files_and_come_back(
    result: bw.Result, tmp_path: Path, name: str
) -> None:
    regions = (bw.Region.rectangle(name, 0, 130, 0, 128),)
    named = {
        table: getattr(result, table).replace({"region": {"A": name}})
        for table in ("onsets", "spots", "traces", "places", "courses", "events", "phases")
    }
    run = replace(result, regions=regions, **named).save(tmp_path / "run")
    written = pd.read_csv(run / "onsets.csv", dtype=str).region[1]
    assert written == cell(name)
    loaded = bw.load_result(run)
    assert loaded.regions[0].name == name
    assert (loaded.traces.region.isin(["field", name])).all()
    assert (loaded.traces.region == name).any()


def test_numbers_and_indices_below_zero_stay_what_they_are(run: Path, result: bw.Result) -> None:
    written = pd.read_csv(run / "spots.csv", dtype={"hkl": str})
    assert written.gy_per_px.dtype == np.float64
    assert (written.gy_per_px < 0).any()
    assert written.hkl.dropna().tolist() == result.spots.hkl.dropna().tolist()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["/dev/zero", "\0", "object", "Int64", "frames", "..", 2**70]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
@pytest.mark.long
def test_a_record_that_was_edited_never_raises_anything_else(run: Path, data: Any) -> None:
    kept = run / "kept"
    if not kept.exists():
        shutil.copy(run / "run.json", kept)
    record = json.loads(kept.read_text(encoding="utf-8"))
    at: Any = record
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        below = at[key]
        if not isinstance(below, dict | list) or not below or data.draw(st.integers(0, 3)) == 0:
            break
        at = below
    if isinstance(at, dict) and data.draw(st.booleans()):
        del at[key]
    else:
        at[key] = data.draw(VALUES)
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    _load_or_say_why(run)


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    cut=st.integers(0, 10**5),
    put=st.binary(max_size=8) | st.sampled_from([b"[" * 10**5, b'{"format": 1}']),
)
def test_a_record_that_is_no_json_never_raises_anything_else(
    run: Path, cut: int, put: bytes
) -> None:
    kept = run / "kept"
    if not kept.exists():
        shutil.copy(run / "run.json", kept)
    text = kept.read_bytes()
    where = cut % len(text)
    (run / "run.json").write_bytes(put if len(put) > 8 else text[:where] + put)
    _load_or_say_why(run)


def _load_or_say_why(run: Path) -> None:
    with contextlib.suppress(bw.BeamwatchError):
        assert bw.load_result(run).summary


def _types(table: pd.DataFrame) -> list[str]:
    """Types of columns; words are str in pandas 3 unless all are missing."""
    return ["words" if str(kind) in ("object", "str") else str(kind) for kind in table.dtypes]


def _gaps(table: pd.DataFrame) -> pd.DataFrame:
    words = [name for name, kind in zip(table, _types(table), strict=True) if kind == "words"]
    table = table.astype(dict.fromkeys(words, object))
    return table.assign(**{name: table[name].where(table[name].notna(), None) for name in words})


def _same(movie: bw.Movie, other: bw.Movie) -> None:
    assert movie.shape == other.shape
    assert movie.pixel_size == other.pixel_size
    assert movie.pre_exposure == other.pre_exposure
    assert movie.dose_source == other.dose_source
    assert movie.dose_uncertainty == other.dose_uncertainty
    for name in ("dose", "dose_start", "times"):
        ours, theirs = getattr(movie, name), getattr(other, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours == pytest.approx(theirs, rel=1e-9)
    np.testing.assert_array_equal(movie.frame(len(movie) - 1), other.frame(len(other) - 1))


def _with_movie(result: bw.Result, movie: bw.Movie) -> bw.Result:
    """A result without traces, since they must fit the movie's frames."""
    spots = result.spots.iloc[:0]
    empty = np.empty((len(movie), 0), np.float32)
    return replace(
        result,
        movie=movie,
        spots=spots,
        window_traces=WindowTraces(*[empty] * 5),
        notes=("a note",),
    )


def _run_beside_its_movie(result: bw.Result, folder: Path) -> tuple[Path, Path]:
    assert result.movie is not None
    file = Path(shutil.copy(result.movie.source, folder / "movie.eer"))
    movie = bw.open_movie(file, fraction_frames=80)
    return replace(result, movie=movie).save(folder / "run"), file


def _said(result: bw.Result) -> str:
    return " ".join(result.notes)


def _edit(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    change(record)
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")


def test_a_campaign_reads_of_a_run_what_it_reads_of_its_result(
    result: bw.Result, saved: Path
) -> None:
    of_result, of_folder = run_of(result, "here"), read_run(saved)
    assert of_folder.name == of_result.name
    assert of_folder.pixel_size_A == pytest.approx(of_result.pixel_size_A)
    assert of_folder.last_dose == pytest.approx(of_result.last_dose)
    assert of_folder.places["status"].tolist() == of_result.places["status"].tolist()
    doses = (run.places.filter(regex="_e_per_A2$").astype(float) for run in (of_folder, of_result))
    pd.testing.assert_frame_equal(*doses, rtol=1e-6)
