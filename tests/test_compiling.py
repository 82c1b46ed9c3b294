"""Kernels are kept where something may be written, and run in any case."""

import warnings
from types import FunctionType

import numpy as np
import pytest
from numba import njit
from numba.core import caching

from napari_beamwatch import compiling
from napari_beamwatch.compiling import in_one_layout, kernel, told_of_compiling


def doubled(x):
    return 2 * x


def test_where_nothing_can_be_written_kernels_run_uncached_with_one_warning(monkeypatch):
    for name in [name for name in vars(caching) if name.endswith("CacheLocator")]:
        monkeypatch.setattr(getattr(caching, name), "from_function", lambda *_: None, raising=False)
    compiling._say_uncached.cache_clear()
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR") as said:
        first, second = kernel()(doubled), kernel(fastmath=True)(doubled)
    assert len(said) == 1
    assert first(21) == second(21) == 42


def test_elsewhere_they_are_kept():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernel()(doubled).stats.cache_path


def test_that_a_kernel_of_ours_is_compiled_is_told_and_of_others_not():
    told = []
    with told_of_compiling(told.append):
        njit(lambda x: x + 1)(1)
        assert told == []
        renamed = njit(FunctionType(doubled.__code__, {"__name__": "napari_beamwatch.here"}))
        assert renamed(21) == 42
        assert told == [True, False]
        renamed(21)
    assert told == [True, False]


def test_one_layout_of_a_kind_of_number_is_compiled_whatever_the_frames_lie_in(tmp_path):
    frame = np.arange(12, dtype=np.uint16).reshape(3, 4)
    np.save(tmp_path / "frame.npy", frame)
    mapped = np.load(tmp_path / "frame.npy", mmap_mode="r")
    summed = njit(lambda values: values.sum())
    for values in (frame, frame[:, ::-1], np.asfortranarray(frame), mapped):
        assert summed(in_one_layout(values)) == 66
    assert len(summed.signatures) == 1
    assert frame.flags.writeable
