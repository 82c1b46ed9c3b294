"""EER: the same events as independent decoders, whatever the scheme; dose and time honest."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_beamwatch import BeamwatchError, open_movie
from napari_beamwatch.movies import eer_counts
from napari_beamwatch.movies.eer import fractionation, open_eer
from napari_beamwatch.movies.eer_codec import (
    PAD,
    Scheme,
    add_events,
    add_placed_events,
    count_events,
)
from napari_beamwatch.movies.eer_counts import raw_event_counts
from napari_beamwatch.movies.eer_directory import read_directory
from napari_beamwatch.simulate.eer_writer import EerMetadata, RawFrame, encode, write_eer

SCHEMES = [
    (65000, None),
    (65001, None),
    (65002, Scheme(7, 1, 1)),
    (65002, Scheme(9, 2, 1)),
    (65002, Scheme(5, 3, 3)),
]


def random_frames(
    shape: tuple[int, int], count: int, density: float = 0.02, seed: int = 0
) -> list[RawFrame]:
    rng = np.random.default_rng(seed)
    return [RawFrame.of_image(rng.random(shape) < density, rng) for _ in range(count)]


def naive_events(stream: bytes, pixels: int, scheme: Scheme) -> list[tuple[int, int, int]]:
    """(pixel, x bits, y bits) of each event, a bit at a time."""
    bits = np.unpackbits(np.frombuffer(stream, np.uint8), bitorder="little").astype(int)

    def take(at: int, size: int) -> int:
        return sum(int(bits[at + i]) << i for i in range(size))

    events, at, pixel = [], 0, 0
    while pixel < pixels:
        run = take(at, scheme.run)
        at += scheme.run
        pixel += run
        if run == 2**scheme.run - 1 or pixel >= pixels:
            continue
        x = take(at, scheme.x) ^ (1 << scheme.x >> 1)
        y = take(at + scheme.x, scheme.y) ^ (1 << scheme.y >> 1)
        at += scheme.x + scheme.y
        events.append((pixel, x, y))
        pixel += 1
    return events


def padded(stream: bytes) -> np.ndarray:
    return np.frombuffer(stream + bytes(PAD), np.uint8)


@pytest.fixture
def eer(tmp_path: Path) -> Path:
    path = tmp_path / "movie.eer"
    write_eer(
        path,
        random_frames((96, 128), 30),
        (96, 128),
        metadata=EerMetadata(
            exposure_time=0.12, pixel_size=0.125, total_dose=0.6, compensated_dose=0.63
        ),
    )
    return path


class TestCodec:
    def test_decodes_the_vendors_own_test_vector(self) -> None:
        data = padded(bytes.fromhex("031bfcb135fb"))
        counts = np.zeros(312, np.uint8)
        assert add_events(data, np.array([0]), np.array([48]), 312, 312, 7, 2, counts) == -1
        assert np.flatnonzero(counts).tolist() == [3, 17, 233, 311]

        fine = np.zeros((40, 32), np.uint8)
        stops = np.array([48 + 8 * PAD])  # the vector is cut to the events of 312 pixels
        add_placed_events(data, np.array([0]), stops, 16, 20, 20, 7, 1, 1, 1, fine)
        assert np.argwhere(fine).tolist()[:4] == [[0, 7], [3, 3], [29, 18], [39, 14]]

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(
        density=st.sampled_from([0.0, 1e-4, 0.01, 0.1, 0.6, 1.0]),
        shape=st.tuples(st.integers(1, 40), st.integers(1, 70)),
        scheme=st.sampled_from(
            [Scheme(7, 2, 2), Scheme(8, 2, 2), Scheme(2, 1, 1), Scheme(12, 2, 2)]
        ),
        seed=st.integers(0, 2**32 - 1),
        band=st.integers(1, 3000),
    )
    def test_agrees_with_a_decoder_that_goes_bit_by_bit(
        self, density: float, shape: tuple[int, int], scheme: Scheme, seed: int, band: int
    ) -> None:
        frame = random_frames(shape, 1, density, seed)[0]
        pixels = shape[0] * shape[1]
        stream = encode(frame, pixels, scheme)
        expected = naive_events(stream, pixels, scheme)
        assert [event[0] for event in expected] == frame.pixels.tolist()

        start, stop = np.array([0]), np.array([8 * len(stream)])
        counts = np.zeros(pixels, np.uint8)
        bits = scheme.x + scheme.y
        data = padded(stream)
        assert add_events(data, start.copy(), stop, pixels, band, scheme.run, bits, counts) == -1
        assert np.flatnonzero(counts).tolist() == frame.pixels.tolist()
        assert count_events(data, 0, int(stop[0]), pixels, scheme.run, bits) == len(expected)

        fine = np.zeros((shape[0] << scheme.y, shape[1] << scheme.x), np.uint8)
        rows = max(1, band // shape[1])
        add_placed_events(
            data, start, stop, shape[1], shape[0], rows, scheme.run, scheme.x, scheme.y,
            scheme.x, fine,
        )  # fmt: skip
        placed = [
            [(pixel // shape[1] << scheme.y) + y, (pixel % shape[1] << scheme.x) + x]
            for pixel, x, y in expected
        ]
        assert sorted(placed) == np.argwhere(fine).tolist()

    def test_names_the_stream_that_ends_too_early(self) -> None:
        frames = random_frames((32, 32), 2)
        streams = [encode(frame, 1024, Scheme(7, 2, 2)) for frame in frames]
        streams[1] = streams[1][: len(streams[1]) // 2]
        ends = np.cumsum([0, *(8 * len(stream) for stream in streams)])
        counts = np.zeros(1024, np.uint8)
        data = padded(b"".join(streams))
        assert add_events(data, ends[:-1].copy(), ends[1:], 1024, 256, 7, 4, counts) == 1

    def test_the_kernels_do_the_same_uncompiled(self) -> None:
        stream = encode(random_frames((20, 30), 1, 0.1)[0], 600, Scheme(7, 2, 2))
        compiled, plain = np.zeros(600, np.uint8), np.zeros(600, np.uint8)
        stop = np.array([8 * len(stream)])
        add_events(padded(stream), np.array([0]), stop, 600, 100, 7, 4, compiled)
        add_events.py_func(padded(stream), np.array([0]), stop, 600, 100, 7, 4, plain)
        assert (compiled == plain).all()
        assert compiled.sum() > 0


class TestFrames:
    @pytest.mark.parametrize(("compression", "scheme"), SCHEMES)
    @pytest.mark.parametrize("final_image", [False, True])
    def test_equal_tifffile_to_the_bit(
        self, tmp_path: Path, compression: int, scheme: Scheme | None, final_image: bool
    ) -> None:
        path = tmp_path / "movie.eer"
        write_eer(
            path, random_frames((64, 48), 5), (64, 48), compression=compression, scheme=scheme,
            final_image=final_image,
        )  # fmt: skip
        for superres, level in ((1, 0), (2, 1), (4, 2)):
            if scheme is not None and superres > scheme.superres:
                continue
            with tifffile.TiffFile(path, superres=level) as file:
                pages = [page for page in file.pages if page.compression != 1]
                expected = np.stack([page.asarray() for page in pages])
            frames = open_eer(path, fraction_frames=1, superres=superres).frames
            assert frames.shape == expected.shape
            assert (np.stack([frames.read(i) for i in range(5)]) == expected).all()

    def test_equal_the_truth_that_was_written(self, tmp_path: Path) -> None:
        raw = random_frames((33, 57), 12)
        path = tmp_path / "movie.eer"
        write_eer(path, raw, (33, 57))
        frames = open_eer(path, fraction_frames=4).frames
        for group in range(3):
            truth = np.zeros(33 * 57, int)
            for frame in raw[4 * group : 4 * group + 4]:
                truth[frame.pixels] += 1
            assert (frames.read(group).ravel() == truth).all()

    def test_agree_with_imagecodecs_when_added_up(self, eer: Path) -> None:
        directory = read_directory(eer)
        expected = np.zeros((96, 128), np.uint16)
        data = eer.read_bytes()
        for at, length in zip(directory.offsets, directory.lengths, strict=True):
            imagecodecs.eer_decode(data[at : at + length], (96, 128), 7, 2, 2, out=expected)
        assert (open_eer(eer, fraction_frames=30).frames.read(0) == expected).all()

    def test_take_the_smallest_type_that_cannot_overflow(self, tmp_path: Path) -> None:
        full = RawFrame(np.arange(64), np.zeros(64, np.uint8))
        path = tmp_path / "movie.eer"
        write_eer(path, [full] * 300, (8, 8), frame_xml=False)
        for n, dtype in ((255, np.uint8), (256, np.uint16)):
            frames = open_eer(path, fraction_frames=n).frames
            assert frames.dtype == dtype
            assert (frames.read(0) == n).all()

    def test_do_not_care_how_a_stream_is_cut_into_strips(self, tmp_path: Path) -> None:
        raw = random_frames((40, 40), 4)
        whole, cut = tmp_path / "whole.eer", tmp_path / "cut.eer"
        write_eer(whole, raw, (40, 40))
        write_eer(cut, raw, (40, 40), strips=5)
        a = open_eer(whole, fraction_frames=2).frames
        b = open_eer(cut, fraction_frames=2).frames
        assert all((a.read(i) == b.read(i)).all() for i in range(2))

    def test_are_the_same_however_many_threads_decode(
        self, eer: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        frames = open_eer(eer, fraction_frames=30).frames
        several = frames.read(0)
        monkeypatch.setattr("napari_beamwatch.movies.eer_frames.free_threads", lambda: 1)
        assert (frames.read(0) == several).all()

    def test_summing_a_movie_adds_raw_frames_directly(self, eer: Path) -> None:
        movie = open_movie(eer, fraction_frames=3)
        apart = movie.frames.compute().reshape(5, 2, 96, 128).sum(axis=1)
        assert (movie.sum(2).frames.compute() == apart).all()
        assert movie.sum(2).recording.frames.raw_per_frame == 6  # type: ignore[attr-defined]


class TestCalibration:
    def test_the_compensated_dose_is_believed_before_the_total(self, eer: Path) -> None:
        movie = open_movie(eer, fraction_frames=3)
        assert movie.pixel_size == pytest.approx(0.125)
        assert movie.dose is not None
        assert movie.dose[-1] == pytest.approx(0.63 / 0.125**2)
        assert "coincidenceCompensatedDose" in movie.dose_source
        assert movie.times == pytest.approx(np.arange(1, 11) * 0.012)

    def test_the_files_dose_follows_the_events_frame_by_frame(self, tmp_path: Path) -> None:
        raw = random_frames((64, 64), 10, 0.01) + random_frames((64, 64), 10, 0.05, seed=1)
        path = tmp_path / "movie.eer"
        write_eer(path, raw, (64, 64), metadata=EerMetadata(1.0, 0.5, total_dose=2.0))
        events = [len(frame.pixels) for frame in raw]
        doses = open_movie(path, fraction_frames=1).frame_dose
        assert doses == pytest.approx(2.0 / 0.25 * np.array(events) / sum(events))

    def test_without_a_stated_dose_the_events_are_counted(self, tmp_path: Path) -> None:
        raw = random_frames((64, 64), 10)
        path = tmp_path / "movie.eer"
        write_eer(path, raw, (64, 64), metadata=EerMetadata(1.0, 0.5))
        movie = open_movie(path, fraction_frames=2)
        events = sum(len(frame.pixels) for frame in raw)
        assert movie.dose is not None
        assert movie.dose[-1] == pytest.approx(events / 64**2 / 0.25)
        assert "lower bound" in movie.dose_source

    def test_the_correction_for_one_event_a_pixel_is_a_lower_bound_too(
        self, tmp_path: Path
    ) -> None:
        rng = np.random.default_rng(5)
        electrons = 0.3
        raw = [RawFrame.of_image(rng.poisson(electrons, (128, 128))) for _ in range(20)]
        path = tmp_path / "movie.eer"
        write_eer(path, raw, (128, 128), metadata=EerMetadata(1.0, 1.0))
        movie = open_movie(path, fraction_frames=2).with_(dead_time_correction=True)
        assert movie.dose is not None
        assert movie.dose[-1] == pytest.approx(20 * electrons, rel=0.01)
        assert "lower bound" in movie.dose_source

    @pytest.mark.parametrize(("given", "asked"), [(1.25, True), (125.0, True), (0.25, False)])
    def test_a_pixel_size_in_another_unit_than_the_files_is_asked_about(
        self, eer: Path, given: float, asked: bool
    ) -> None:
        warnings = open_movie(eer, pixel_size=given).warnings
        said = f"the pixel size you gave, {given:g} Å, is {given / 0.125:g} times that of the file"
        assert any(one.startswith(said) for one in warnings) is asked

    def test_super_resolution_shrinks_the_pixel_and_keeps_the_dose(self, eer: Path) -> None:
        plain, fine = open_movie(eer), open_movie(eer, superres=4)
        assert fine.pixel_size == pytest.approx(0.125 / 4)
        assert fine.shape[1:] == (384, 512)
        assert fine.dose == pytest.approx(plain.dose)

    def test_raw_frames_before_beam_on_are_kept_with_no_dose(self, tmp_path: Path) -> None:
        empty = RawFrame(np.zeros(0, np.int64), np.zeros(0, np.uint8))
        raw = [empty] * 6 + random_frames((64, 64), 14)
        path = tmp_path / "movie.eer"
        write_eer(path, raw, (64, 64), metadata=EerMetadata(1.0, 1.0, total_dose=3.0))
        movie = open_movie(path, fraction_frames=2)
        assert movie.dose is not None
        assert movie.dose[:3].tolist() == [0, 0, 0]
        assert movie.dose[3] > 0
        assert movie.lit.tolist() == [False] * 3 + [True] * 7
        assert any("first 3 frames are dark" in warning for warning in movie.warnings)

    def test_counts_are_told_by_the_frames_own_xml(self, eer: Path) -> None:
        exact = [len(frame.pixels) for frame in random_frames((96, 128), 30)]
        events, origin, warnings = raw_event_counts(eer, read_directory(eer))
        assert events == pytest.approx(exact)
        assert (origin, warnings) == ("", [])

    def test_without_xml_the_sizes_of_the_streams_tell_them_closely(self, tmp_path: Path) -> None:
        densities = np.linspace(0.001, 0.05, 60)
        raw = [random_frames((256, 256), 1, p, i)[0] for i, p in enumerate(densities)]
        path = tmp_path / "movie.eer"
        write_eer(path, raw, (256, 256), frame_xml=False)
        exact = np.array([len(frame.pixels) for frame in raw])
        events, origin, _ = raw_event_counts(path, read_directory(path))
        # A stream is padded to whole words: up to 16 bits, an event and a half.
        assert np.abs(events - exact).max() < 0.01 * exact.max() + 3
        assert "estimated" in origin

    def test_xml_that_contradicts_the_events_is_not_believed(self, tmp_path: Path) -> None:
        path = tmp_path / "movie.eer"
        write_eer(path, random_frames((64, 64), 4), (64, 64))
        lie = path.read_bytes().replace(b'"e/pixel">0.0', b'"e/pixel">0.9')
        path.write_bytes(lie)
        assert any("not believed" in warning for warning in open_movie(path).warnings)


class TestFractionation:
    @pytest.mark.parametrize(
        ("raw", "dose", "n"),
        [(4000, None, 40), (4000, 0.05, 40), (4000, 0.5, 10), (150, 0.01, 1), (199, 9.0, 1)],
    )
    def test_takes_the_most_that_leaves_100_frames_of_5_electrons(
        self, raw: int, dose: float | None, n: int
    ) -> None:
        chosen, note, _ = fractionation(raw, dose, None, None)
        assert chosen == n
        assert f"{n} raw frames a frame" in note

    def test_by_dose_takes_the_nearest_number(self) -> None:
        assert fractionation(1000, 0.3, None, 2.0)[0] == 7

    def test_says_what_it_drops(self, eer: Path) -> None:
        movie = open_movie(eer, fraction_frames=7)
        assert len(movie) == 4
        assert "the last 2 raw frames were dropped: no whole group of 7" in movie.warnings
        assert any(note.startswith("fractionation: 7 raw frames") for note in movie.notes)

    def test_what_it_drops_by_itself_is_no_warning(self) -> None:
        _, note, warnings = fractionation(3841, 0.15625, None, None)
        assert note.endswith("e/Å²; the last raw frame was dropped: no whole group of 32")
        assert not warnings

    @pytest.mark.parametrize(
        "asked",
        [
            {"fraction_frames": 0},
            {"fraction_frames": 31},
            {"fraction_frames": 2.5},
            {"fraction_dose": -1.0},
            {"fraction_dose": 1.0, "fraction_frames": 2},
            {"superres": 3},
        ],
    )
    def test_refuses_what_cannot_be(self, eer: Path, asked: dict[str, float]) -> None:
        with pytest.raises(BeamwatchError):
            open_movie(eer, **asked)  # type: ignore[arg-type]


class TestBadFiles:
    def test_a_truncated_movie_opens_up_to_its_last_whole_frame(self, eer: Path) -> None:
        data = eer.read_bytes()
        directory = read_directory(eer)
        cut = int(directory.offsets[20]) + 5
        eer.write_bytes(data[:cut])
        movie = open_movie(eer, fraction_frames=1)
        assert 18 <= len(movie) <= 20
        assert movie.frames[-1].compute().sum() > 0
        assert any("ends in the middle" in warning for warning in movie.warnings)
        assert any("30 raw frames, the file holds" in warning for warning in movie.warnings)

    def test_a_damaged_raw_frame_is_named_when_it_is_read(self, eer: Path) -> None:
        data = bytearray(eer.read_bytes())
        directory = read_directory(eer)
        at, length = int(directory.offsets[11]), int(directory.lengths[11])
        data[at : at + length] = bytes(length)  # an event in every pixel, then nothing
        eer.write_bytes(bytes(data))
        movie = open_movie(eer, fraction_frames=1)
        assert movie.frames[10].compute().sum() > 0
        with pytest.raises(BeamwatchError, match=r"raw frame 11 of movie\.eer is damaged"):
            movie.frames[11].compute()

    def test_directories_that_run_in_a_circle_end(self, eer: Path) -> None:
        data = bytearray(eer.read_bytes())
        first = struct.unpack_from("<Q", data, 8)[0]
        (tags,) = struct.unpack_from("<Q", data, first)
        struct.pack_into("<Q", data, first + 8 + 20 * tags, first)
        eer.write_bytes(bytes(data))
        assert any("circle" in warning for warning in open_movie(eer).warnings)

    def test_a_size_that_the_data_cannot_fill_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "movie.eer"
        write_eer(path, random_frames((16, 16), 2), (16, 16))
        data = path.read_bytes()
        for side in (16384, 2**31):
            lie = data.replace(struct.pack("<HHQII", 256, 4, 1, 16, 0),
                               struct.pack("<HHQII", 256, 4, 1, side, 0))  # fmt: skip
            assert lie != data
            path.write_bytes(lie)
            with pytest.raises(BeamwatchError, match="claims frames"):
                open_movie(path)

    def test_raw_frames_that_share_bytes_are_refused_before_they_are_read(self, eer: Path) -> None:
        data, directory = bytearray(eer.read_bytes()), read_directory(eer)
        first, second = (struct.pack("<Q", int(at)) for at in directory.offsets[:2])
        assert data.count(second) == 1
        data[data.index(second) : data.index(second) + 8] = first
        eer.write_bytes(bytes(data))
        with pytest.raises(BeamwatchError, match="share bytes"):
            open_movie(eer)

    def test_a_raw_frame_cannot_be_as_long_as_its_file(self, tmp_path: Path) -> None:
        path = tmp_path / "movie.eer"
        write_eer(path, random_frames((16, 16), 1), (16, 16))
        directory, data = read_directory(path), bytearray(path.read_bytes())
        lie = len(data) + 2**20
        data[:] = data.replace(
            struct.pack("<HHQQ", 279, 16, 1, int(directory.lengths[0])),
            struct.pack("<HHQQ", 279, 16, 1, lie - int(directory.offsets[0])),
        )
        path.write_bytes(bytes(data))
        os.truncate(path, lie + 2**20)
        with pytest.raises(BeamwatchError, match="an event in every pixel"):
            open_movie(path)

    def test_strips_cannot_claim_more_than_the_file_has(self, tmp_path: Path) -> None:
        path = tmp_path / "movie.eer"
        write_eer(path, random_frames((64, 64), 2), (64, 64), strips=8)
        offsets = read_directory(path).offsets
        data = bytearray(path.read_bytes())
        # Every strip is the first one, as long as the file allows.
        old = offsets[:8].astype("<u8").tobytes()
        at = data.index(old)
        data[at : at + 64] = np.full(8, offsets[0], "<u8").tobytes()
        lengths = read_directory(path).lengths[:8].astype("<u8").tobytes()
        at = data.index(lengths)
        data[at : at + 64] = np.full(8, len(data) - int(offsets[0]), "<u8").tobytes()
        path.write_bytes(bytes(data))
        with pytest.raises(BeamwatchError, match="they overlap"):
            open_movie(path)

    def test_metadata_as_long_as_a_book_beside_every_raw_frame_is_not_read(
        self, eer: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(eer_counts, "LONGEST_FRAME_XML", 8)
        monkeypatch.setattr(eer_counts, "read_xml", lambda *_: pytest.fail("it was read"))
        assert "estimated" in open_movie(eer).recording.counts_origin

    @pytest.mark.parametrize(
        "content", [b"", b"II+\0", b"not a movie at all, just text", bytes(4096)]
    )
    def test_what_is_no_eer_file_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "movie.eer"
        path.write_bytes(content)
        with pytest.raises(BeamwatchError, match=r"movie\.eer"):
            open_movie(path)

    def test_an_xml_bomb_is_not_expanded(self, tmp_path: Path) -> None:
        path = tmp_path / "movie.eer"
        write_eer(path, random_frames((16, 16), 2), (16, 16))
        entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
        bomb = f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><metadata>&a11;</metadata>'.encode()
        data = bytearray(path.read_bytes())
        start = data.index(b"<metadata>")
        data[start : start + len(bomb)] = bomb
        path.write_bytes(bytes(data))
        assert any("entities or a DTD" in warning for warning in open_movie(path).warnings)
