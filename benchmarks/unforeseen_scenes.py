"""Scenes that a tool for "the first irreversible change" may not have been made for.

Each is a function of a random generator that gives a movie and what is true about it: the dose at
which damage began, if any did, and which statuses are right, or weaker but not wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import unforeseen_camera as camera
import unforeseen_crystals as crystals
import unforeseen_damage as damage
import unforeseen_films as films
import unforeseen_lattice as lattice
import unforeseen_microscope as microscope
from unforeseen_optics import Rng
from unforeseen_stage import Scene


def either_way(scene: Callable[[Rng, bool], Scene], way: bool) -> Callable[[Rng], Scene]:
    return lambda rng: scene(rng, way)


KINDS: dict[str, Callable[[Rng], Scene]] = {
    # The likeliest to fool come first.
    "height-of-a-part": lambda rng: microscope.in_part(rng, "height"),
    "flutter-of-a-part": lambda rng: microscope.in_part(rng, "flutter"),
    "tilting-away": crystals.tilting_away,
    "dot": crystals.dot,
    "spinning": crystals.spinning,
    "moved-away": crystals.moved_away,
    "flipped": crystals.flipped,
    "scattered": damage.scattered,
    "dips-then-fades": microscope.dips_then_fades,
    "weakening-beam-fading": microscope.weakening_beam,
    "lone-fading": damage.lone,
    "faint-fading": damage.faint,
    "blinking": crystals.blinking,
    "vibration": microscope.vibration,
    "interpolated": camera.interpolated,
    "sliding": crystals.sliding,
    "twisting": crystals.twisting,
    "moire": either_way(films.moire, False),
    "moire-fading": either_way(films.moire, True),
    "hop": crystals.hop,
    "turning-steadily": either_way(crystals.turning, False),
    "turning-at-once": either_way(crystals.turning, True),
    "shade": microscope.shade,
    "bent-for-good": either_way(microscope.buckled, True),
    "contamination": films.contamination,
    "half-lost": either_way(microscope.half_lost, False),
    "half-lost-fading": either_way(microscope.half_lost, True),
    "line-noise": camera.line_noise,
    "dead-columns": camera.dead_columns,
    "focus-wanders": lambda rng: microscope.unsteady_focus(rng, 12.0, False),
    "focus-wanders-fading": lambda rng: microscope.unsteady_focus(rng, 12.0, True),
    "focus-flickers": lambda rng: microscope.unsteady_focus(rng, 0.0, False),
    "focus-flickers-fading": lambda rng: microscope.unsteady_focus(rng, 0.0, True),
    "accelerating": microscope.accelerating,
    "brightening": microscope.brightening,
    "settles-then-fades": microscope.settles_then_fades,
    "borders": either_way(crystals.borders, False),
    "borders-fading": either_way(crystals.borders, True),
    "round-beam": either_way(microscope.round_beam, False),
    "round-beam-fading": either_way(microscope.round_beam, True),
    "quadrant": microscope.quadrant,
    "magnified": crystals.magnified,
    "field-turns": crystals.whole_field_turns,
    "shrinking": damage.shrinking,
    "swelling": damage.swelling,
    "superlattice": damage.superlattice,
    "one-set-dims": crystals.one_set_dims,
    "boundary-moves": crystals.boundary_moves,
    "veil": films.veil,
    "amorphous": films.amorphous,
    "crystallising": films.crystallising,
    "weak-beneath": damage.weak_beneath,
    "front": damage.front,
    "film-creeps": films.film_creeps,
    "blurring": microscope.blurring,
    "defocusing": microscope.defocusing,
    "astigmatic": microscope.astigmatic,
    "boiling-film": films.boiling_film,
    "coincidence": camera.coincidence,
    "duplicated": either_way(camera.duplicated, False),
    "duplicated-fading": either_way(camera.duplicated, True),
    "denoised": either_way(camera.denoised, False),
    "denoised-fading": either_way(camera.denoised, True),
    "video": camera.video,
    "shoulders": damage.shoulders,
    "two-grains": damage.two_grains,
    "recrystallised": damage.recrystallised,
    "fade-and-focus": microscope.fade_and_focus,
    "tiny-grains": either_way(crystals.tiny_grains, False),
    "tiny-grains-fading": either_way(crystals.tiny_grains, True),
    "near-nyquist": either_way(camera.near_nyquist, False),
    "near-nyquist-fading": either_way(camera.near_nyquist, True),
    "drifting": either_way(microscope.drifting, False),
    "drifting-fading": either_way(microscope.drifting, True),
    "drift-jump": microscope.drift_jump,
    "bending": either_way(microscope.buckled, False),
    "apart": crystals.apart,
    "small-part": damage.small_part,
    "torn": damage.torn,
    "ice-lands": films.ice_lands,
    "beam-moves": microscope.beam_moves,
    "halo-grows": films.halo_grows,
    "dark-then-back": films.dark_then_back,
    "rate-changes": either_way(microscope.rate_changes, False),
    "rate-changes-fading": either_way(microscope.rate_changes, True),
    "blanked": either_way(camera.blanked, False),
    "blanked-fading": either_way(camera.blanked, True),
    "fixed-pattern": either_way(camera.fixed_pattern, False),
    "fixed-pattern-fading": either_way(camera.fixed_pattern, True),
    "hot-frames": either_way(camera.hot_frames, False),
    "hot-frames-fading": either_way(camera.hot_frames, True),
    "showers": lambda rng: camera.hot_frames(rng, False, 40),
    "showers-fading": lambda rng: camera.hot_frames(rng, True, 40),
    "late": damage.late,
    "at-once": damage.at_once,
    "slow": damage.slow,
    "few-frames": camera.few_frames,
    "many-frames": camera.many_frames,
    "fade-all": damage.fade_all,
    "film": lambda rng: films.textures(rng, "film"),
    "hole": lambda rng: films.textures(rng, "hole"),
    "bar": lambda rng: films.textures(rng, "bar"),
    "bent-crystal": either_way(lattice.bent_crystal, False),
    "bent-crystal-fading": either_way(lattice.bent_crystal, True),
    "strained-crystal": either_way(lattice.strained_crystal, False),
    "strained-crystal-fading": either_way(lattice.strained_crystal, True),
    "twins-fading": lattice.twins,
    "chain": lattice.chain,
    "contour": either_way(lattice.contour, False),
    "contour-that-stays": either_way(lattice.contour, True),
    "cleaned-then-fading": lattice.cleaned,
}
