"""From traces to onsets: whether a lattice changed for good, when, and how sure that is."""
