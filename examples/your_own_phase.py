"""A crystal that is not in the package: spots are matched to your own CIF file.

    python examples/your_own_phase.py [MOVIE [CIF...]]

Without a movie one of LiF is simulated; without files MgO is made up as one. LiF is 4.5 % smaller.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import napari_beamwatch as bw
from napari_beamwatch.phases import add_phase, known_phases, reflections
from napari_beamwatch.simulate.cases import simulate

MGO = """data_MgO
_cell_length_a 4.212
_cell_length_b 4.212
_cell_length_c 4.212
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Mg Mg 0 0 0
O O 0.5 0.5 0.5
"""


def main() -> None:
    if len(sys.argv) > 1:
        movie = bw.open_movie(sys.argv[1])
    else:
        movie = simulate("lif-room-temperature", frames=30, frame_dose=10.0, size=512)
    with tempfile.TemporaryDirectory() as folder:
        made_up = Path(folder) / "MgO.cif"
        made_up.write_text(MGO)
        added = [add_phase(path) for path in sys.argv[2:] or [made_up]]
    for phase in added:
        print(f"{phase.name}: {phase.density:.2f} g/cm³, {phase.name in known_phases()}")
        print(reflections(phase.name).head(3).round(3).to_string(index=False))

    names = tuple(phase.name for phase in added)
    # What the pixel size is uncertain by decides whether cubic crystals can be told apart.
    settings = bw.Settings(phases=("LiF", *names), pixel_size_uncertainty=0.005)
    spots = bw.analyze(movie, settings).spots
    field = spots[spots.region == "field"]
    print(field[["d_A", "d_se_A", "phase", "hkl"]].round(4).to_string(index=False))


if __name__ == "__main__":
    main()
