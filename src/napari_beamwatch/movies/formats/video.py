"""Compressed videos, as supplements of papers are: decoded once to a temporary file of grey frames.

A program of its own decodes them: what a damaged or hostile video does to it, it does not do to
this one. It is told the kind of container, so that no file passes for a list of other files, and
may open no other one.

References
----------
1. FFmpeg, https://ffmpeg.org/ffmpeg.html; YUV4MPEG2, https://wiki.multimedia.cx/index.php/YUV4MPEG2
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.foreign_errors import check_frame_bytes, explained, file_size
from napari_beamwatch.movies.formats.raw_frames import RawFrames, read_bytes
from napari_beamwatch.movies.formats.unpacked import UnpackedFrames, copied_stream
from napari_beamwatch.movies.recording import MOST_FRAMES, Counting, Recording

WHAT = "a video"
CONTAINERS = {".mp4": "mov", ".m4v": "mov", ".mov": "mov", ".avi": "avi"}
"""By ending, as FFmpeg names them."""

LARGEST_ALLOCATION = 2**30
"""Bytes that the program may take at once."""

UNSUSPICIOUS, LARGEST_RATIO = 2**30, 5000
"""Bytes that any video may be decoded to, and decoded over stored bytes beyond."""

PATIENCE = 60.0
"""Seconds that it may take for the next frames."""

BLOCK = 2**22
MARK = b"FRAME\n"
HEADER = 1024


def open_video(path: Path) -> Recording:
    """All frames of a video, in grey values of 8 bits."""
    path = Path(path)
    size = file_size(path, WHAT)
    if not looks_like_video(path):
        raise BeamwatchError(f"{path} is not {WHAT} of its ending: it does not begin like one")
    with explained(path, WHAT), _decoded(path) as blocks:
        copy = copied_stream(path, blocks, max(UNSUSPICIOUS, LARGEST_RATIO * size))
        head, _, _ = read_bytes(copy.path, 0, HEADER).partition(b"\n")
        if not head.startswith(b"YUV4MPEG2 "):
            raise BeamwatchError(
                f"{path} holds no video that can be decoded: damaged, or of an unknown codec"
            )
        height, width, rate = _header(path, head.decode("ascii", "replace"))
        check_frame_bytes(path, height * width, size)
        step = len(MARK) + height * width
        count = min((Path(copy.path).stat().st_size - len(head) - 1) // step, MOST_FRAMES)
        if count < 1:
            raise BeamwatchError(f"{path} holds no whole frame")
        first = len(head) + 1
        if read_bytes(copy.path, first + (count - 1) * step, len(MARK)) != MARK:
            raise BeamwatchError(f"{path} holds frames of different sizes")
    starts = range(first + len(MARK), first + count * step, step)
    plays = "" if rate is None else f" plays {rate:g} frames a second, which"
    return Recording(
        frames=UnpackedFrames(RawFrames(copy.path, np.dtype("u1"), starts, height, width), copy),
        path=str(path),
        counting=Counting("grey", 1.0, 0.0, "a compressed video"),
        warnings=(
            "a video is compressed with losses: its noise is coloured and its finest fringes may "
            "be gone or made up, so that error rates do not hold; ask the authors for the frames",
        ),
        notes=(
            f"the video{plays or ' has a rate that'} need not be the rate of recording: "
            "give frame_time and dose",
            "decoded to grey values of 8 bits in a temporary file",
        ),
    )


def looks_like_video(path: Path) -> bool:
    """Whether a file begins like one of its ending; never raises."""
    try:
        head = read_bytes(path, 0, 12)
    except OSError:
        return False
    if CONTAINERS.get(path.suffix.lower()) == "avi":
        return head[:4] == b"RIFF" and head[8:] == b"AVI "
    return head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


@contextmanager
def _decoded(path: Path) -> Iterator[Iterator[bytes]]:
    """Bytes that FFmpeg writes about a file."""
    program = optional("imageio_ffmpeg", "videos", extra="video").get_ffmpeg_exe()
    words = [
        program, "-nostdin", "-v", "quiet", "-max_alloc", str(LARGEST_ALLOCATION),
        "-protocol_whitelist", "file", "-f", CONTAINERS[path.suffix.lower()],
        "-i", f"file:{path.absolute()}", "-map", "0:v:0", "-fps_mode", "passthrough",
        "-pix_fmt", "gray", "-f", "yuv4mpegpipe", "pipe:1",
    ]  # fmt: skip
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield _blocks(path, process)
        finally:
            with contextlib.suppress(OSError):
                process.kill()


def _blocks(path: Path, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    assert process.stdout is not None
    while True:
        late = threading.Event()

        def stop(late: threading.Event = late) -> None:
            late.set()
            process.kill()

        timer = threading.Timer(PATIENCE, stop)
        timer.start()
        try:
            block = process.stdout.read(BLOCK)
        finally:
            timer.cancel()
        if late.is_set():
            raise BeamwatchError(
                f"{path} keeps the decoder busy for more than {PATIENCE:.0f} s: it is damaged, or "
                "not meant well"
            )
        if not block:
            return
        yield block


def _header(path: Path, head: str) -> tuple[int, int, float | None]:
    """Rows, columns and frames a second of a stream in grey values."""
    said = {word[:1]: word[1:] for word in head.split()[1:]}
    try:
        width, height = int(said["W"]), int(said["H"])
        rate = Fraction(said.get("F", "0:1").replace(":", "/"))
    except (KeyError, ValueError, ZeroDivisionError):
        raise BeamwatchError(f"{path} was decoded to something unknown: {head[:80]}") from None
    if said.get("C", "") != "mono" or min(width, height) < 1:
        raise BeamwatchError(f"{path} was decoded to something unknown: {head[:80]}")
    return height, width, float(rate) or None
