"""From windows to places, and from places to what is said of a field."""
