"""Movies whose frames are diffraction patterns: the same tables, nothing transformed."""
