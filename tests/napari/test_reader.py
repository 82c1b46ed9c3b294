"""Opening a movie in napari: calibrated layers, nothing decoded, nothing claimed in vain."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest

from napari_beamwatch._napari.reader import get_reader
from napari_beamwatch._napari.run_reader import get_reader as get_run_reader
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.eer_frames import EerFrames
from napari_beamwatch.movies.formats.tiff import open_tiff
from napari_beamwatch.movies.opening import DATASET_READERS, EER, READERS
from napari_beamwatch.simulate.eer_writer import EerMetadata, RawFrame, write_eer


@pytest.fixture
def eer(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    raw = [RawFrame.of_image(rng.random((64, 96)) < 0.05, rng) for _ in range(20)]
    path = tmp_path / "movie.eer"
    metadata = EerMetadata(exposure_time=2.0, pixel_size=0.125, total_dose=1.0)
    write_eer(path, raw, (64, 96), metadata=metadata)
    return path


def test_an_eer_layer_is_calibrated_in_nm_and_s(eer: Path) -> None:
    reader = get_reader(str(eer))
    assert reader is not None
    ((frames, kwargs, kind),) = reader(str(eer))
    assert kind == "image"
    assert frames.shape == (20, 64, 96)
    assert kwargs["scale"] == pytest.approx((0.1, 0.0125, 0.0125))
    assert kwargs["units"] == ("s", "nm", "nm")
    assert kwargs["axis_labels"] == ("t", "y", "x")
    assert kwargs["metadata"]["beamwatch"]["total_dose_e_per_A2"] == pytest.approx(64)
    assert kwargs["metadata"]["movie"].pixel_size == pytest.approx(0.125)


def test_adding_a_movie_decodes_no_frame(eer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    original = EerFrames.read

    def noting(self: EerFrames, frame: int) -> np.ndarray:
        decoded.append(frame)
        return original(self, frame)

    monkeypatch.setattr(EerFrames, "read", noting)
    ((frames, kwargs, _),) = get_reader(str(eer))(str(eer))  # type: ignore[misc]
    assert decoded == []
    layer = ViewerModel().add_image(frames, **kwargs)
    # The frames in view, first and then middle; the limits ask for nothing.
    assert set(decoded) <= {0, 9, 10}
    assert layer.contrast_limits == list(kwargs["contrast_limits"])


def test_the_viewer_shows_a_scale_bar_in_nm(eer: Path) -> None:
    viewer = ViewerModel()
    ((frames, kwargs, _),) = get_reader(str(eer))(str(eer))  # type: ignore[misc]
    viewer.add_image(frames, **kwargs)
    assert [str(unit) for unit in viewer.layers.extent.units] == [
        "second",
        "nanometer",
        "nanometer",
    ]


def test_without_a_pixel_size_everything_stays_in_pixels(tmp_path: Path) -> None:
    path = tmp_path / "movie.npy"
    np.save(path, np.random.default_rng(0).poisson(9, (4, 32, 32)).astype(np.float32))
    ((_, kwargs, _),) = get_reader(str(path))(str(path))  # type: ignore[misc]
    assert kwargs["scale"] == (1.0, 1.0, 1.0)
    assert kwargs["units"] == ("pixel", "pixel", "pixel")
    low, high = kwargs["contrast_limits"]
    assert 0 <= low < 9 < high < 30


def test_damaged_eer_files_are_claimed_so_that_they_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "broken.eer"
    path.write_bytes(b"nonsense")
    reader = get_reader(str(path))
    assert reader is not None
    with pytest.raises(BeamwatchError, match=r"broken\.eer"):
        reader(str(path))


def test_what_is_no_movie_is_declined(tmp_path: Path) -> None:
    still, colour, text = (tmp_path / name for name in ("still.tif", "colour.tif", "text.mrc"))
    tifffile.imwrite(still, np.zeros((8, 8), np.uint8))
    tifffile.imwrite(colour, np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    text.write_text("no header")
    for path in (still, colour, text, tmp_path, tmp_path / "absent.mrc"):
        assert get_reader(str(path)) is None


def test_an_mrc_movie_is_claimed_by_its_header_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "movie.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.ones((3, 16, 16), np.uint16))
    monkeypatch.setattr(
        "napari_beamwatch.movies.formats.raw_frames.RawFrames.read",
        lambda self, frame: pytest.fail("pixels were read"),
    )
    assert get_reader(str(path)) is not None


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A folder of stills."""
    folder = tmp_path / "series"
    folder.mkdir()
    for i in range(3):
        tifffile.imwrite(folder / f"{i}.tif", np.full((16, 16), i, np.uint8))
    return folder


@pytest.mark.usefixtures("plugins")
def test_a_folder_of_stills_opens_as_one_movie(series: Path) -> None:
    (layer,) = ViewerModel().open(str(series), plugin="napari-beamwatch")
    assert layer.data.shape == (3, 16, 16)
    assert layer.name == "series"


def test_a_folder_is_claimed_by_names_and_two_headers(
    series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def noting(path: Path) -> object:
        opened.append(path.name)
        return open_tiff(path)

    monkeypatch.setattr("napari_beamwatch.movies.formats.stills.open_tiff", noting)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_, **__: pytest.fail("pixels"))
    assert get_reader(str(series)) is not None
    assert opened == ["0.tif", "2.tif"]


@pytest.mark.parametrize("kind", ["nothing", "text", "colour", "one", "several kinds", "a run"])
def test_folders_of_anything_else_are_declined(series: Path, kind: str) -> None:
    if kind in ("nothing", "text", "colour", "a run"):
        for path in series.iterdir():
            path.unlink()
    if kind == "text":
        (series / "notes.txt").write_text("none")
    elif kind == "colour":
        for i in range(2):
            tifffile.imwrite(series / f"{i}.tif", np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    elif kind == "one":
        for name in ("0.tif", "1.tif"):
            (series / name).unlink()
    elif kind == "several kinds":
        np.save(series / "3.npy", np.zeros((16, 16)))
    elif kind == "a run":
        (series / "run.json").write_text("{}")
    assert get_reader(str(series)) is None


def test_a_folder_with_the_record_of_a_run_is_opened_as_that_run(tmp_path: Path) -> None:
    assert get_run_reader(str(tmp_path)) is None
    (tmp_path / "run.json").write_text("{}")
    assert get_run_reader(str(tmp_path)) is not None
    assert get_run_reader(str(tmp_path / "run.json")) is not None


def test_a_name_that_would_move_a_cursor_is_harmless_as_the_name_of_a_layer(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\nb.npy"
    np.save(path, np.random.default_rng(0).poisson(9, (4, 32, 32)).astype(np.float32))
    ((_, known, _),) = get_reader(str(path))(str(path))  # type: ignore[misc]
    assert known["name"] == "a··b"
    assert Path(known["metadata"]["movie"].source) == path


def test_every_ending_that_can_be_opened_is_claimed() -> None:
    manifest = PluginManifest.from_distribution("napari-beamwatch")
    (claimed,) = (
        set(reader.filename_patterns)
        for reader in manifest.contributions.readers or ()
        if reader.command == "napari-beamwatch.get_reader"
    )
    assert claimed == {f"*{ending}" for ending in (*EER, *READERS, *DATASET_READERS)}


def test_napari_finds_the_plugin_and_its_readers() -> None:
    manifest = PluginManifest.from_distribution("napari-beamwatch")
    assert manifest.display_name == "Beamwatch"
    manager = PluginManager()
    manager.register(manifest)
    assert [reader.plugin_name for reader in manager.iter_compatible_readers("a.eer")] == [
        "napari-beamwatch"
    ]


def test_every_command_of_the_manifest_exists() -> None:
    manifest = PluginManifest.from_distribution("napari-beamwatch")
    manifest.validate_imports()


def test_the_manifest_at_the_root_is_the_packages_own() -> None:
    root = Path(__file__).resolve().parents[2]
    assert (root / "napari.yaml").resolve() == root / "src/napari_beamwatch/napari.yaml"
