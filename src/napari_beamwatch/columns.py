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

_DOSES = {
    "onset": "dose at which the change began",
    "detected": "first dose at which the evidence passes the rate of false alarms",
    "lost": "dose at which the lattice was gone, below detection for good",
    "decay_after_onset": "further dose in which the intensity falls to 1/e",
    "dose_10": "dose at which a tenth of the plateau is gone",
    "half_dose": "dose at which the intensity is half of the plateau",
    "dose_1e": "dose at which the intensity is 1/e of the plateau",
}


def _with_ends(name: str, meaning: str) -> dict[str, str]:
    """Columns of a dose and its 95 % interval."""
    ends = (("", ""), ("_low", "lower end of 95 %: "), ("_high", "upper end of 95 %: "))
    return {f"{name}{end}_e_per_A2": said + meaning for end, said in ends}


ONSETS: dict[str, str] = {
    "movie": "name of the movie",
    "region": "name of the region; field is the whole frame",
    "y0": "first row",
    "x0": "first column",
    "y1": "row after the last",
    "x1": "column after the last",
    "status": SPOTS["status"],
    "criterion": SPOTS["criterion"],
    "evidence": "strong: several spots or signs; single: one set of fringes, lost completely",
    "interpretation": "amorphisation (the halo grew), lattice_lost, transformation, ordering, "
    "disorder (high |g| first), mass_loss, environment or unresolved",
    "reason": "why, in words, and since when each phase was there",
    "onset_frame": SPOTS["onset_frame"],
    "onset_dose_e_per_A2": _DOSES["onset"],
    "onset_low_e_per_A2": SPOTS["onset_low_e_per_A2"],
    "onset_high_e_per_A2": SPOTS["onset_high_e_per_A2"],
    "detected_dose_e_per_A2": _DOSES["detected"],
    "lost_dose_e_per_A2": _DOSES["lost"],
    **_with_ends("decay_after_onset", _DOSES["decay_after_onset"]),
    **_with_ends("half_dose", _DOSES["half_dose"]),
    **_with_ends("dose_1e", _DOSES["dose_1e"]),
    "fading_onset_e_per_A2": "onset of fading alone",
    "spacing_onset_e_per_A2": "onset of the change of a spacing alone",
    "new_phase_onset_e_per_A2": "onset of what was not there alone",
    "mass_loss_onset_e_per_A2": "onset of the change of particles alone",
    "last_frame": "last frame (0-based) that was looked at",
    "last_dose_e_per_A2": "dose at its end",
    "survived_dose_e_per_A2": "last dose before which a loss to 1/e would have been found (95 %)",
    "detectable_loss_percent": "smallest loss in the middle of the record that would have been",
    "threshold_dose_e_per_A2": "dose at which the user's own threshold is passed",
    "threshold_criterion": "which of them: fraction or d_tolerance",
    "phase_before": "crystal structure before the change, best first",
    "phase_after": "crystal structure in the end; none when less than 1/e of the lattice is left",
    "first_seen_dose_e_per_A2": "dose at which phase_after was first seen",
    "d_before_A": "spacing before the change",
    "d_after_A": "spacing after it",
    "d_before_px": "spacing before the change, in pixels",
    "d_after_px": "spacing after it, in pixels",
    "recovered_events": "dips that recovered",
    "n_windows": "windows with a lattice",
    "n_spots": "lattice reflections",
    "n_crystals": "crystals",
    "onset_time_s": "time of the onset since the first frame",
    "dose_rate_e_per_A2_s": "dose rate",
    "pre_exposure_e_per_A2": "dose before the first frame; empty if unknown",
    "voltage_kV": "accelerating voltage",
    "temperature_C": "of the specimen",
    "dose_source": "where the doses come from",
    "n_places": "places with a lattice at first: each has an onset of its own",
    "changed_area_percent": "part of the lattice that had changed by the end",
    **_with_ends("median_onset", "dose by which half of the lattice had changed"),
    **_with_ends("dose_10", _DOSES["dose_10"]),
    "threshold_low_e_per_A2": "lower end of 95 %: dose at which the user's threshold is passed",
    "threshold_high_e_per_A2": "upper end of 95 %: dose at which the user's threshold is passed",
    "threshold_status": "reached, not_reached or not_measurable",
    "dose_scale_sd_percent": "relative standard deviation of the dose scale; not in any interval",
    "compound": "what the specimen is said to be",
    "imaging_mode": "as the file or somebody says: TEM, STEM, …",
    "thickness_nm": "of the specimen",
    "particle_size_nm": "of the particles looked at",
    "preparation": "how the specimen was made and kept",
    "transfer": "how it came into the microscope, and the vacuum there",
}

EVENTS: dict[str, str] = {
    "region": "name of the region; empty in rows of windows",
    "window": "number of the window; empty in rows of regions",
    "kind": "recovered (cause not determined), settling (the first frames), growth (of a particle)",
    "dose_from_e_per_A2": "dose at which it began",
    "dose_to_e_per_A2": "dose at which it was over",
    "depth": "part of the intensity that was lost meanwhile; of growth, part of the area gained",
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
    "place": "number of the place it is of",
}

PLACES: dict[str, str] = {
    "movie": SPOTS["movie"],
    "place": "number of the place, the one of most windows first",
    "crystal": "number of the crystal it is a piece of",
    "y_px": "its middle, from above",
    "x_px": "its middle, from the left",
    "n_windows": "windows that show it",
    "area_nm2": "about its area: that of the windows it carries the lattice of",
    **{
        name: ONSETS[name]
        for name in (
            "status", "criterion", "evidence", "interpretation", "reason", "onset_frame",
            "onset_dose_e_per_A2", "onset_low_e_per_A2", "onset_high_e_per_A2",
            "detected_dose_e_per_A2", "lost_dose_e_per_A2",
            *(f"{name}{end}_e_per_A2"
              for name in ("decay_after_onset", "dose_10", "half_dose", "dose_1e")
              for end in ("", "_low", "_high")),
            "fading_onset_e_per_A2", "spacing_onset_e_per_A2", "new_phase_onset_e_per_A2",
            "survived_dose_e_per_A2",
        )
    },
    "held_until_e_per_A2": "dose up to which it is known to have held, whatever came then",
    "phase_before": ONSETS["phase_before"],
    "phase_after": ONSETS["phase_after"],
    "n_spots": "lattice reflections",
}  # fmt: skip

PHASES: dict[str, str] = {
    "region": "name of the region",
    "phase": "crystal structures the spots fit, best first",
    "since": "native (seen by the dose given, well below the published limits of what it could be "
    "made of), appeared (from the dose given on) or cannot tell (seen by the dose given)",
    "first_seen_dose_e_per_A2": "dose, pre-exposure included, by which it was seen or from which "
    "on it appeared",
    "first_seen_low_e_per_A2": "lower end of its 95 % interval, if it appeared",
    "first_seen_high_e_per_A2": "upper end",
    "n_spots": "its spots",
}

PHASE_AREA: dict[str, str] = {
    "phase": "crystal structures the spots fit, best first; unknown for a lattice that fits none, "
    "none for what shows no lattice",
    "frame_first": "first frame (0-based) of the stretch",
    "frame_last": "last frame of it",
    "dose_start_e_per_A2": "dose at the start of the stretch",
    "dose_end_e_per_A2": "dose at its end",
    "area_percent": "part of the field that it covers; empty if it was looked for and not seen, or "
    "in rings only",
    "area_se_percent": "its standard error",
    "area_limit_percent": "95 % upper limit; of a phase that was not seen that of one piece of it, "
    "in a zone that shows its strongest reflections, away from those of the others; empty of one "
    "in rings, which tell no area",
}

COURSES: dict[str, str] = {
    "region": "name of the region",
    "crystal": "number of the crystal; empty in rows of all of the region",
    "place": "number of the place; empty in rows of all of the region",
    "frame": "0-based",
    "dose_e_per_A2": "accumulated dose at the middle of the frame",
    "intensity": "fitted course of all its spots, relative to the plateau: median of all models",
    "intensity_low": "lower end of its 95 % band",
    "intensity_high": "upper end",
}

FIELD: dict[str, str] = {
    "frame": "0-based",
    "dose_e_per_A2": TRACES["dose_e_per_A2"],
    "time_s": TRACES["time_s"],
    "lattice_power": "intensity of all spots, mean over all windows",
    "lattice_power_se": "its standard error",
    "lattice_windows": "windows that bear a lattice",
    "mean_signal": "counts or grey values per pixel",
    "defocus_change_nm": "change of the size of the defocus since the first segment with beam",
    "defocus_change_se_nm": "its standard error; empty without Thon rings",
}

RINGS: dict[str, str] = {
    "ring": "number of the ring; halo for the diffuse ring of amorphous matter",
    "frame_first": "first frame (0-based) of the stretch it was measured in",
    "frame_last": "last frame of it",
    "dose_start_e_per_A2": "dose at the start of the stretch",
    "dose_end_e_per_A2": "dose at its end",
    "intensity": "power over the background, relative to the squared mean signal",
    "intensity_se": "its standard error",
    "d_A": "spacing; empty without a pixel size",
    "d_se_A": "its standard error, without that of the pixel size",
    "d_px": "spacing in pixels",
    "width_per_px": "full width at half maximum beyond that of the taper, cycles per pixel; of "
    "diffraction patterns as it is, per Å",
    "phase": SPOTS["phase"],
}

DRIFT: dict[str, str] = {
    "frame": "0-based",
    "dy_px": "how far the specimen lies below where it was in the first lit frame",
    "dx_px": "how far it lies to the right",
    "se_px": "standard error of either",
}
