"""The sample movies open calibrated, lazy, and with their truth."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_beamwatch._napari import sample_data


@pytest.mark.parametrize(
    ("sample", "status", "criterion"),
    [
        (sample_data.lif_room_temperature, "onset", "fading"),
        (sample_data.lif_to_li2o, "onset", "new_phase"),
        (sample_data.survivor, "survived", None),
    ],
)
def test_samples_bring_their_truth(sample, status: str, criterion: str | None) -> None:
    ((frames, kwargs, kind),) = sample()
    assert kind == "image"
    assert kwargs["units"] == ("s", "nm", "nm")
    truth = kwargs["metadata"]["truth"]
    assert (truth["status"], truth["criterion"]) == (status, criterion)
    json.dumps(truth)
    known = kwargs["metadata"]["beamwatch"]
    assert known["total_dose_e_per_A2"] == pytest.approx(truth["dose_e_per_A2"][-1])
    frame = np.asarray(frames[0])
    low, high = kwargs["contrast_limits"]
    assert low <= frame.mean() <= high


def test_the_lattice_of_the_room_temperature_sample_fades_where_the_truth_says() -> None:
    ((frames, kwargs, _),) = sample_data.lif_room_temperature()
    region = kwargs["metadata"]["truth"]["regions"][0]
    (spot,) = [s for s in region["spots_before"] if tuple(s["hkl"]) == (0, 0, 2)]
    size = 256
    y, x = np.mgrid[:size, :size] * kwargs["metadata"]["movie"].pixel_size
    angle = np.deg2rad(spot["angle_deg"])
    wave = np.exp(-2j * np.pi * (x * np.cos(angle) - y * np.sin(angle)) / spot["d_A"])
    taper = np.outer(np.hanning(size), np.hanning(size))

    def power(first: int) -> float:
        y0, x0 = region["y0"] + 100, region["x0"] + 60
        part = np.asarray(frames[first : first + 8, y0 : y0 + size, x0 : x0 + size], float)
        return float(np.mean([np.abs(((f - f.mean()) * taper * wave).sum()) ** 2 for f in part]))

    onset = region["onset_frame"]
    assert power(onset + 40) < 0.1 * power(onset - 10)
