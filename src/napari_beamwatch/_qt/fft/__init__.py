"""The dock of the live Fourier transform, a part each."""
