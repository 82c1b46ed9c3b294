"""Whoever ends the command by a signal finds nothing left behind."""

from __future__ import annotations

import signal
import threading

import pytest

from napari_beamwatch.cli.ending import in_order


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_lets_everything_be_given_back(name: str) -> None:
    if not hasattr(signal, name):
        pytest.skip(f"no {name} here")
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)
    given_back: list[bool] = []
    try:
        with pytest.raises(SystemExit) as ended:
            _raise_within(number, given_back)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert given_back == [True]
    assert ended.value.code == 128 + number


def _raise_within(number: int, given_back: list[bool]) -> None:
    with in_order():
        try:
            signal.raise_signal(number)
        finally:
            given_back.append(True)


def test_what_somebody_else_answers_to_stays_his() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with in_order():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_beside_the_main_thread_signals_are_left_alone() -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with in_order():
                pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed
