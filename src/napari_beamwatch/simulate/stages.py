"""Specimens to film: exit waves from multislice, imaged at any focus and pixel size.

Every stage is one state of a specimen (LiF intact, LiF half disordered, a particle that has
shrunk, ...). What is stored is not a picture but the electron wave as it leaves the specimen,
so that focus, focal spread and contrast are chosen when the picture is made, and two pictures
of one stage differ as two pictures of one specimen do. The waves are made by
``tools/make_stages.py``, which refuses a stage that does not show the reflections it promises.

The field is periodic: pictures tile the plane without a seam.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from napari_beamwatch.errors import BeamwatchError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

_DATA: Traversable = resources.files("napari_beamwatch.simulate") / "stage_data"
_PLANCK_eV_A = 12398.419843
_ELECTRON_REST_eV = 510998.95


@dataclass(frozen=True)
class Reflection:
    """A spot that a stage promises to show.

    Parameters
    ----------
    phase : str
        Crystal it belongs to, e.g. ``"LiF"``.
    hkl : tuple of int
        Miller indices; the Friedel partner is the same spot.
    d_A : float
        Spacing (Å) of the lattice as simulated, strain included.
    angle_deg : float
        Direction of g (degrees), counter-clockwise from +x as displayed (y down), in (-90, 90].
    """

    phase: str
    hkl: tuple[int, int, int]
    d_A: float  # noqa: N815 - units are part of public names
    angle_deg: float


@dataclass(frozen=True)
class Optics:
    """Objective lens and camera contrast.

    The defaults are an image-corrected microscope, with which LiF shows 111, 200 and 220 at once.

    Parameters
    ----------
    defocus_nm : float
        Change of focus (nm) from the stage's own; positive is a stronger lens (overfocus).
    cs_mm : float
        Spherical aberration (mm). The stage's own focus was chosen for the default.
    focal_spread_nm : float
        Standard deviation (nm) of the focus during an exposure.
    contrast : float
        Factor on the contrast about the mean. Simulated contrast is about three times that of
        experiments [1]_.

    References
    ----------
    .. [1] M. J. Hÿtch, W. M. Stobbs, Ultramicroscopy 53 (1994) 191.
    """

    defocus_nm: float = 0.0
    cs_mm: float = -0.01
    focal_spread_nm: float = 3.0
    contrast: float = 1 / 3


@dataclass(frozen=True, eq=False)
class Stage:
    """One state of a specimen.

    Parameters
    ----------
    name, description : str
        What it is called and what it is.
    extent : float
        Side (Å) of the square, periodic field.
    voltage_kV : float
        Accelerating voltage (kV).
    focus_nm : float
        The stage's own focus (nm), from the exit face, positive is overfocus: where
        ``Optics.defocus_nm`` is 0.
    reflections : tuple of Reflection
        The spots that are there; none for an amorphous stage.
    """

    name: str
    description: str
    extent: float
    voltage_kV: float  # noqa: N815
    focus_nm: float
    reflections: tuple[Reflection, ...]
    _wave: NDArray[np.complex64] = field(repr=False)

    def pixel_size_for(self, pixel_size: float) -> float:
        """Pixel size (Å) that `image` realises: the nearest that divides the field."""
        return self.extent / _pixels(self.extent, pixel_size)

    def image(self, pixel_size: float, optics: Optics | None = None) -> NDArray[np.float32]:
        """Picture of the stage without noise.

        The wave is multiplied by the lens transfer function with the envelope of focal spread
        [1]_ (quasi-coherent: the spread damps beams, not pairs of beams), squared on a grid fine
        enough for all interference, and resampled in Fourier space. Beams that are damped are
        lost, as to an objective aperture: at full contrast 54 Å of LiF are 8 % darker than the
        film beside them.

        Parameters
        ----------
        pixel_size : float
            Size (Å) of a pixel, rounded to `pixel_size_for`.
        optics : Optics, optional
            Lens and contrast.

        Returns
        -------
        ndarray of float32, (n, n)
            Intensity (y, x) with mean 1, n = round(extent / pixel_size).

        References
        ----------
        .. [1] E. J. Kirkland, Advanced Computing in Electron Microscopy, 2nd ed., Springer 2010,
           section 3.2.
        """
        optics = Optics() if optics is None else optics
        pixels = _pixels(self.extent, pixel_size)
        imaged = self._wave * self._transfer(optics)
        reach = imaged.shape[0] // 2
        # Two beams at the rim interfere at twice the rim's frequency.
        fine = fft.next_fast_len(4 * reach + 2, real=True)
        wave = fft.ifft2(_resize(imaged, reach, fine), norm="forward", overwrite_x=True)
        spectrum = fft.rfft2(wave.real**2 + wave.imag**2, norm="forward")
        spectrum *= np.float32(optics.contrast / spectrum[0, 0].real)
        spectrum[0, 0] = 1
        kept = min(fine, pixels) // 2 - 1
        cropped = np.zeros((pixels, pixels // 2 + 1), np.complex64)
        rows = np.arange(-kept, kept + 1)
        cropped[rows, : kept + 1] = spectrum[rows, : kept + 1]
        return np.asarray(
            fft.irfft2(cropped, s=(pixels, pixels), norm="forward", overwrite_x=True), np.float32
        )

    def _transfer(self, optics: Optics) -> NDArray[np.complex64]:
        k = np.arange(self._wave.shape[0]) - self._wave.shape[0] // 2
        k2 = (k[:, None] ** 2 + k[None, :] ** 2) / self.extent**2
        wavelength = electron_wavelength(self.voltage_kV)
        focus = 10 * (self.focus_nm + optics.defocus_nm)
        cs = 1e7 * optics.cs_mm
        chi = math.pi * wavelength * k2 * (focus + cs * wavelength**2 * k2 / 2)
        damping = (math.pi * wavelength * 10 * optics.focal_spread_nm * k2) ** 2 / 2
        transfer: NDArray[np.complex64] = np.exp(-1j * chi - damping).astype(np.complex64)
        return transfer


@dataclass(frozen=True)
class Reading:
    """A reflection as found in a picture.

    Parameters
    ----------
    d_A : float
        Spacing (Å) of the highest point of the power spectrum within 2.5 periods per field of
        where the reflection is expected.
    power : float
        Power there, in units of the squared mean of the picture.
    ring_power : float
        Median power of the ring of that spacing, two periods per field wide on either side.
    """

    d_A: float  # noqa: N815
    power: float
    ring_power: float

    @property
    def height(self) -> float:
        """How many times the peak stands above its ring."""
        return self.power / self.ring_power

    def shows(self, reflection: Reflection) -> bool:
        """Whether this is the reflection: 20 times its ring, and within 1 % of its spacing.

        A flat ring of 300 points without a lattice exceeds 20 times its median once in 3000 rings.
        """
        return self.height > 20 and abs(self.d_A / reflection.d_A - 1) < 0.01


def read_reflection(
    image: NDArray[np.float32], pixel_size: float, reflection: Reflection
) -> Reading:
    """Look for a reflection in a whole picture, under a Hann window.

    Parameters
    ----------
    image : ndarray, (n, n)
        Picture with mean 1.
    pixel_size : float
        Its pixel size (Å).
    reflection : Reflection
        What to look for.
    """
    n = image.shape[0]
    taper = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    tapered = (image - image.mean()) * taper[:, None] * taper / taper.sum() ** 2
    angle = math.radians(reflection.angle_deg)
    periods = n * pixel_size / reflection.d_A
    centre_y, centre_x = -periods * math.sin(angle), periods * math.cos(angle)

    offsets = np.linspace(-2.5, 2.5, 51)
    positions = np.arange(n)
    wave_y = np.exp(-2j * np.pi / n * np.outer(centre_y + offsets, positions))
    wave_x = np.exp(-2j * np.pi / n * np.outer(centre_x + offsets, positions))
    near = np.abs(wave_y @ tapered @ wave_x.T) ** 2
    iy, ix = np.unravel_index(near.argmax(), near.shape)

    k = fft.fftfreq(n, 1 / n)
    radius = np.hypot(k[:, None], k[: n // 2])
    ring = np.abs(radius - periods) < 2
    background = np.abs(fft.rfft2(tapered)[:, : n // 2][ring]) ** 2
    return Reading(
        d_A=n * pixel_size / math.hypot(centre_y + offsets[iy], centre_x + offsets[ix]),
        power=float(near[iy, ix]),
        ring_power=float(np.median(background)),
    )


def electron_wavelength(voltage_kV: float) -> float:  # noqa: N803
    """Relativistic wavelength (Å) of electrons accelerated by a voltage (kV)."""
    energy = 1e3 * voltage_kV
    return _PLANCK_eV_A / math.sqrt(energy * (2 * _ELECTRON_REST_eV + energy))


def stage_names() -> tuple[str, ...]:
    """Names of all stages, in the order in which they were made."""
    return tuple(_index())


@lru_cache(maxsize=64)
def load_stage(name: str) -> Stage:
    """Load a stage.

    Parameters
    ----------
    name : str
        One of `stage_names`.

    Raises
    ------
    BeamwatchError
        If there is no such stage.
    """
    try:
        entry = _index()[name]
    except KeyError:
        known = ", ".join(stage_names())
        raise BeamwatchError(f"There is no stage {name!r}. The stages are: {known}.") from None
    with (_DATA / f"{name}.npz").open("rb") as file, np.load(file) as stored:
        wave = unpack_wave(
            stored["planes"], int(stored["reach"]), float(stored["step"]), complex(stored["beam"])
        )
    reflections = tuple(
        Reflection(r["phase"], tuple(r["hkl"]), r["d_A"], r["angle_deg"])
        for r in entry["reflections"]
    )
    return Stage(
        name=name,
        description=entry["description"],
        extent=entry["extent_A"],
        voltage_kV=entry["voltage_kV"],
        focus_nm=entry["focus_nm"],
        reflections=reflections,
        _wave=wave,
    )


def wave_disc(reach: int) -> NDArray[np.bool_]:
    """Which of the (2·reach + 1)² Fourier coefficients are stored: a disc about the beam."""
    k = np.arange(-reach, reach + 1)
    return np.asarray(k[:, None] ** 2 + k[None, :] ** 2 <= reach**2)


def unpack_wave(
    planes: NDArray[np.uint8], reach: int, step: float, beam: complex
) -> NDArray[np.complex64]:
    """Fourier coefficients (ky, kx) of an exit wave, the undiffracted beam in the middle.

    Parameters
    ----------
    planes : ndarray of uint8, (4, m)
        Low and high bytes of the real, then of the imaginary parts of the coefficients in
        `wave_disc`, which deflate better apart. Two's complement 16-bit in units of `step`.
    reach : int
        Radius of that disc in periods per field.
    step : float
        Quantum of the coefficients; the incident wave has amplitude 1.
    beam : complex
        The undiffracted beam, much stronger than the rest.
    """
    low, high = planes[0::2].astype(np.uint16), planes[1::2].astype(np.uint16)
    real, imaginary = (low | high << np.uint16(8)).view(np.int16).astype(np.float32) * step
    disc = wave_disc(reach)
    wave = np.zeros(disc.shape, np.complex64)
    wave[disc] = real + 1j * imaginary
    wave[reach, reach] = beam
    return wave


def _index() -> dict[str, Any]:
    index: dict[str, Any] = json.loads((_DATA / "index.json").read_text(encoding="utf-8"))
    return index


def _pixels(extent: float, pixel_size: float) -> int:
    # Fewer than 16 pixels is no picture, and asks for nothing a camera would.
    if not 0 < pixel_size <= extent / 16:
        raise BeamwatchError(
            f"A pixel of {pixel_size} Å cannot show a field of {extent} Å: choose one above 0 "
            f"and up to {extent / 16:g} Å."
        )
    return round(extent / pixel_size)


def _resize(centred: NDArray[np.complex64], reach: int, n: int) -> NDArray[np.complex64]:
    grid = np.zeros((n, n), np.complex64)
    k = np.arange(-reach, reach + 1)
    grid[np.ix_(k, k)] = centred
    return grid
