"""`beamwatch demo`: the first thing a newcomer runs."""

from __future__ import annotations

import pytest

from napari_beamwatch.cli import demo as command
from napari_beamwatch.cli import main
from napari_beamwatch.cli.demo import demo


def test_it_prints_the_answer_why_when_to_stop_and_the_truth(
    capsys: pytest.CaptureFixture[str],
) -> None:
    demo(frames=40, frame_dose=15.0, size=512)
    said = capsys.readouterr().out
    assert "LiF at room temperature" in said
    answer = next(line for line in said.splitlines() if line.startswith("lif-room-temperature: "))
    assert " e/Å² [" in answer
    assert "fading of" in answer
    assert "\n  why: " in said
    assert "stop at " in said
    assert " s at 50 e/Å²/s" in said
    assert "begins to fade at 152 e/Å²" in said


def test_the_command_films_the_bundled_sample_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def simulated(case: str, **filmed: object) -> None:
        asked.append((case, filmed))
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "simulate", simulated)
    assert main(["demo"]) == 1
    assert asked == [("lif-room-temperature", {})]
