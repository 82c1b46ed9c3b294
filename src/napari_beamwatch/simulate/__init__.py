"""Movies with known truth, for tests, samples and documentation.

``simulate("lif-room-temperature")`` is a `SimulatedMovie`: a `Movie` whose frames are made
when they are looked at, with a `truth`. The names live in the modules `cases` (`simulate`,
`case_names`, `load_case`), `scene` and `laws` (scenes of one's own), `detector` and `writing`
(`write_movie`); nothing is imported here, so that the command line stays quick.
"""
