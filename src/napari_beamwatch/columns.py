"""Columns of the tables: their names, in order, and what they mean."""

from __future__ import annotations

SPOTS: dict[str, str] = {
    "movie": "name of the movie",
    "region": "name of the region; empty in rows of windows",
    "window": "number of the window; empty in rows of regions",
    "spot": "number of the reflection in the movie",
    "crystal": "number of the crystal the reflection belongs to",
    "y_px": "middle of the region or window, from above",
    "x_px": "middle of the region or window, from the left",
    "gy_per_px": "frequency along y, cycles per pixel",
    "gx_per_px": "frequency along x, cycles per pixel, 0 or more",
    "d_A": "lattice spacing in Å; empty without a pixel size",
    "d_se_A": "its standard error, without that of the pixel size",
    "d_px": "lattice spacing in pixels",
    "angle_deg": "direction of g, counter-clockwise from +x as displayed, in (−90, 90]",
    "width_px": "width of the spot beyond that of the taper, in cycles per window",
    "phase": "crystal structure it fits, best first",
    "hkl": "reflection of that structure",
    "snr": "power over the noise floor in the segment of time where it is highest",
    "status": "onset, survived, damaged_at_start, no_lattice or ambiguous",
    "criterion": "fading, spacing, new_phase or mass_loss",
    "onset_frame": "first frame (0-based) whose end dose exceeds the onset",
    "onset_dose_e_per_A2": "dose at which the change began",
    "onset_low_e_per_A2": "lower end of its 95 % interval",
    "onset_high_e_per_A2": "upper end of its 95 % interval",
}

TRACES: dict[str, str] = {
    "region": "name of the region",
    "spot": "number of the reflection in the movie",
    "frame": "0-based",
    "dose_e_per_A2": "accumulated dose at the end of the frame",
    "time_s": "seconds at the end of the frame",
    "intensity": "lattice power over the floor, relative to the squared mean signal",
    "intensity_se": "its standard error",
    "snr": "lattice power over the noise floor, added over the windows",
    "d_A": "lattice spacing around this frame; empty where too weak",
    "d_se_A": "its standard error",
    "d_px": "lattice spacing in pixels",
}

WINDOWS: dict[str, str] = {
    "movie": "name of the movie",
    "window": "number of the window",
    "y0": "first row",
    "x0": "first column",
    "y1": "row after the last",
    "x1": "column after the last",
    "status": SPOTS["status"],
    "criterion": SPOTS["criterion"],
    "onset_frame": SPOTS["onset_frame"],
    "onset_dose_e_per_A2": SPOTS["onset_dose_e_per_A2"],
    "onset_low_e_per_A2": SPOTS["onset_low_e_per_A2"],
    "onset_high_e_per_A2": SPOTS["onset_high_e_per_A2"],
    "lost_dose_e_per_A2": "dose at which the lattice was gone for good",
    "phase_before": "crystal structure before the change, best first",
    "phase_after": "crystal structure after it",
    "n_spots": "spots found in it",
}

FIELD: dict[str, str] = {
    "frame": "0-based",
    "dose_e_per_A2": TRACES["dose_e_per_A2"],
    "time_s": TRACES["time_s"],
    "lattice_power": "intensity of all spots, mean over all windows",
    "lattice_power_se": "its standard error",
    "lattice_windows": "windows that bear a lattice",
    "mean_signal": "counts or grey values per pixel",
}

DRIFT: dict[str, str] = {
    "frame": "0-based",
    "dy_px": "how far the specimen lies below where it was in the first lit frame",
    "dx_px": "how far it lies to the right",
    "se_px": "standard error of either",
}
