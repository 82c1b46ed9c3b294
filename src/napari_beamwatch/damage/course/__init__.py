"""What one lattice does over the dose: the models of it, what is likely, and when it is sure."""
