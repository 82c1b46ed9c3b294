"""The dock of damage curves, a part each."""
