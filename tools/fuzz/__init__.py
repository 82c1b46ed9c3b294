"""Damaged files and numbers at the edge, by the thousand: see ``python -m tools.fuzz --help``."""
