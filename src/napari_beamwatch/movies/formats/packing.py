"""How chunks of pixels are packed: the codecs that are known, each held to a bound.

A file names the codecs of its chunks. Libraries look such a name up among everything that
is installed, and some of what they find runs code that the file holds (``pickle``) or
unpacks without end. Only what stands in `CODECS` is ever run, and none gives more bytes
than it was allowed.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel

SLACK = 2**16
"""Bytes by which what lies between two codecs may be longer than the pixels."""

_DAMAGED = (ValueError, RuntimeError, EOFError, OSError, zlib.error, lzma.LZMAError)
"""What libraries raise over damaged data."""

LZMA_MEMORY = 2**28
"""Bytes that a dictionary of LZMA may take; a file's header asks for up to 4 GB."""


class PackingError(ValueError):
    """A chunk that is not packed as it says; the message has no name of a file."""


@dataclass(frozen=True)
class Step:
    """One codec of a chunk.

    Attributes
    ----------
    codec : str
        One of `CODECS`.
    element : int
        Bytes of an element, where the codec shuffles them.
    dtype : str
        Type of the differences, where it stores those.
    block : int
        Elements whose bits are shuffled together, where their number is not stored.
    """

    codec: str
    element: int = 1
    dtype: str = ""
    block: int = 0


def unpacked(packed: bytes, steps: Sequence[Step], nbytes: int) -> bytes:
    """A chunk's pixels.

    Parameters
    ----------
    packed : bytes
        As stored.
    steps : sequence of Step
        In the order in which they are undone.
    nbytes : int
        Bytes of its pixels: neither more nor fewer may come out.

    Raises
    ------
    PackingError
        If they do.
    """
    for step in steps:
        try:
            packed = CODECS[step.codec](packed, nbytes + SLACK, step)
        except _DAMAGED as error:
            raise PackingError(f"{step.codec}: {error}") from None
    if len(packed) != nbytes:
        raise PackingError(f"it holds {len(packed)} bytes instead of {nbytes}")
    return packed


def _streams(packed: bytes, most: int, new: Callable[[], Any]) -> bytes:
    """What one stream after the other unpacks to, up to `most` bytes."""
    out, done = [], 0
    while packed:
        stream = new()
        done += len(piece := stream.decompress(packed, most - done + 1))
        out.append(piece)
        if done > most:
            raise PackingError("it unpacks to more than its pixels")
        if not stream.eof:
            raise PackingError("it breaks off")
        packed = stream.unused_data
    return out[0] if len(out) == 1 else b"".join(out)


def _zlib(packed: bytes, most: int, _: Step) -> bytes:
    return _streams(packed, most, lambda: zlib.decompressobj(zlib.MAX_WBITS | 32))  # or gzip's


def _bz2(packed: bytes, most: int, _: Step) -> bytes:
    return _streams(packed, most, bz2.BZ2Decompressor)


def _lzma(packed: bytes, most: int, _: Step) -> bytes:
    return _streams(packed, most, lambda: lzma.LZMADecompressor(memlimit=LZMA_MEMORY))


def _zstd(packed: bytes, most: int, _: Step) -> bytes:
    return _bytes(imagecodecs.zstd_decode(packed, out=most))


def _lz4(packed: bytes, most: int, _: Step) -> bytes:
    size = int.from_bytes(packed[:4], "little")
    if len(packed) < 4 or size > most:
        raise PackingError("it says that it unpacks to more than its pixels")
    return _bytes(imagecodecs.lz4_decode(packed[4:], out=size))


def _lzf(packed: bytes, most: int, _: Step) -> bytes:
    return _bytes(imagecodecs.lzf_decode(packed, out=most))


def _blosc(packed: bytes, most: int, _: Step) -> bytes:
    size, _block, stored = np.frombuffer(packed[4:16].ljust(12, b"\0"), "<u4")
    if stored != len(packed) or size > most:
        raise PackingError("its header says that it is another one")
    return _bytes(imagecodecs.blosc_decode(packed, numthreads=1, out=int(size)))


def _bytes(unpacked: Any) -> bytes:
    return bytes(unpacked) if not isinstance(unpacked, bytes) else unpacked


def _shuffle(packed: bytes, _: int, step: Step) -> bytes:
    """Undo: first bytes of all elements, then their second ones, …; a rest lies at the end."""
    whole = len(packed) // step.element * step.element
    bytewise = np.frombuffer(packed, np.uint8, whole).reshape(step.element, -1)
    return bytewise.T.tobytes() + packed[whole:]


def _lz4_blocks(packed: bytes, most: int, _: Step) -> bytes:
    """As HDF5's filter 32004 does: blocks, each behind its length; whole where it did not help."""
    size, block = _block_header(packed, most)
    out = bytearray()
    for piece in _blocks(packed, 12, -(-size // block)):
        wanted = min(block, size - len(out))
        out += piece if len(piece) == wanted else imagecodecs.lz4_decode(piece, out=wanted)
    return bytes(out)


def _bitshuffle(packed: bytes, _: int, step: Step) -> bytes:
    """Undo: first the lowest bits of all elements of a block, then their next ones."""
    block = step.block or default_block(step.element)
    return _bits_back(packed, step.element, block)


def _bitshuffle_lz4(packed: bytes, most: int, step: Step) -> bytes:
    return _bitshuffle_packed(packed, most, step, imagecodecs.lz4_decode)


def _bitshuffle_zstd(packed: bytes, most: int, step: Step) -> bytes:
    return _bitshuffle_packed(packed, most, step, imagecodecs.zstd_decode)


def _bitshuffle_packed(packed: bytes, most: int, step: Step, decode: Callable[..., Any]) -> bytes:
    """As HDF5's filter 32008 does: shuffled blocks, each packed behind its length; a rest plain."""
    size, block = _block_header(packed, most)
    together = step.element * 8
    if block % together:
        raise PackingError(f"its blocks of {block} bytes hold no whole number of 8 elements")
    whole, rest = divmod(size, block)
    lengths = [block] * whole + [rest // together * together] * (rest >= together)
    out, at = bytearray(), 12
    for length, piece in zip(lengths, _blocks(packed, 12, len(lengths)), strict=True):
        out += decode(piece, out=length)
        at += 4 + len(piece)
    return _bits_back(bytes(out), step.element, block // step.element) + packed[at:]


def _bits_back(shuffled: bytes, element: int, block: int) -> bytes:
    whole = len(shuffled) // (8 * element) * 8 * element
    head = imagecodecs.bitshuffle_decode(shuffled[:whole], itemsize=element, blocksize=block)
    return _bytes(head) + shuffled[whole:]


def _block_header(packed: bytes, most: int) -> tuple[int, int]:
    """Bytes in all, and of a block."""
    size, block = int.from_bytes(packed[:8], "big"), int.from_bytes(packed[8:12], "big")
    if len(packed) < 12 or size > most or block < 1:
        raise PackingError("it says that it unpacks to more than its pixels")
    if -(-size // block) * 4 > len(packed):
        raise PackingError("it breaks off")
    return size, block


def _blocks(packed: bytes, at: int, count: int) -> Iterator[bytes]:
    for _ in range(count):
        length = int.from_bytes(packed[at : at + 4], "big")
        at += 4
        if length > len(packed) - at:
            raise PackingError("it breaks off")
        yield packed[at : at + length]
        at += length


def default_block(element: int) -> int:
    """Elements of a block where a file does not say: 8 kB, in eights, and at least 128."""
    return max(8192 // element // 8 * 8, 128)


def _delta(packed: bytes, _: int, step: Step) -> bytes:
    steps = np.frombuffer(packed, step.dtype)
    return np.cumsum(steps, dtype=steps.dtype).astype(steps.dtype).tobytes()


def _fletcher32(packed: bytes, _: int, __: Step) -> bytes:
    data, stated = packed[:-4], int.from_bytes(packed[-4:], "little")
    if len(packed) < 4 or imagecodecs.h5checksum_fletcher32(data) != stated:
        raise PackingError("its checksum is another one")
    return data


def _crc32c(packed: bytes, _: int, __: Step) -> bytes:
    data, stated = packed[:-4], int.from_bytes(packed[-4:], "little")
    if len(packed) < 4 or crc32c(data) != stated:
        raise PackingError("its checksum is another one")
    return data


CODECS: dict[str, Callable[[bytes, int, Step], bytes]] = {
    "zlib": _zlib, "gzip": _zlib, "bz2": _bz2, "lzma": _lzma, "zstd": _zstd, "blosc": _blosc,
    "lz4": _lz4, "lzf": _lzf, "shuffle": _shuffle, "delta": _delta, "crc32c": _crc32c,
    "fletcher32": _fletcher32, "lz4_blocks": _lz4_blocks, "bitshuffle": _bitshuffle,
    "bitshuffle_lz4": _bitshuffle_lz4, "bitshuffle_zstd": _bitshuffle_zstd,
}  # fmt: skip


def crc32c(data: bytes) -> int:
    """CRC-32 of Castagnoli, as checksums of Zarr are."""
    return int(_crc(np.frombuffer(data, np.uint8), _CRC_TABLE))


def _crc_table() -> NDArray[np.uint32]:
    table: NDArray[np.uint32] = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ (table & np.uint32(1)) * np.uint32(0x82F63B78)
    return table


_CRC_TABLE = _crc_table()


@kernel()
def _crc(data: NDArray[np.uint8], table: NDArray[np.uint32]) -> np.uint32:
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ byte) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)
