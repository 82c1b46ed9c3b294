"""From frames to lattice spots and their traces, with errors that are true."""
