"""What napari sees of this package."""
