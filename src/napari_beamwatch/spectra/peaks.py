"""Kernels of spot finding: windows under their taper, and what stands above the floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.floor import CUT, band_means, uncut
from napari_beamwatch.spectra.windows import FINE, REACH, Floats32

Floats = NDArray[np.float64]

FWHM = float(2 * np.sqrt(2 * np.log(2)))
"""Of a normal distribution over its standard deviation."""

WIDEST = 2.9
"""Squared bins beyond which no spread is told by the bins around a peak."""

MAIN_LOBE = 2.0
"""Bins within which two peaks of a window cannot be told apart under a Hann taper."""

SIDE_LOBES = 4.0
"""Bins around a peak in which one with less than a tenth of its power belongs to it: the edge of
a crystal inside a window spreads its spots."""

SPREAD = 0.35
"""Standard deviation over its windows, in bins, up to which a reflection is tracked at one
common frequency; beyond it every window has its own."""

MOST_PEAKS = 512
"""Peaks kept of one window; a window of noise has none, one of a crystal a dozen."""


@kernel(fastmath=True)
def taper_tiles(
    image: Floats32,
    corners: NDArray[np.int64],
    weights: Floats32,
    weight_sum: float,
    tiles: Floats32,
    means: Floats,
) -> None:
    """Windows less their mean under the taper, times the taper; empty ones stay empty."""
    size = weights.shape[0]
    for i in range(len(corners)):
        y0, x0 = corners[i]
        total = 0.0
        for y in range(size):
            row, weight = image[y0 + y, x0 : x0 + size], weights[y]
            along = np.float32(0)
            for x in range(size):
                along += row[x] * weight[x]
            total += float(along)
        mean = max(0.0, total / weight_sum)
        means[i] = mean
        level = np.float32(mean)
        for y in range(size):
            row, weight, to = image[y0 + y, x0 : x0 + size], weights[y], tiles[i, y]
            for x in range(size):
                to[x] = (row[x] - level) * weight[x]


@kernel()
def peaks_of_windows(
    fields: NDArray[np.complex64],
    scales: Floats,
    floor: Floats32,
    used: NDArray[np.bool_],
    radius: Floats32,
    band_edges: NDArray[np.int64],
    line_fit: Floats,
    insignificant: float,
    thresholds: Floats32,
    between: Floats,
) -> tuple[Floats, Floats, Floats32]:
    """Local maxima above the threshold in the transforms of some windows.

    The floor of a window is the common one times ``exp(level + slope * |k| / largest |k|)``,
    with level and slope from the means of its bands.

    Parameters
    ----------
    fields : array (windows, rows, columns)
    scales : array
        Power of single counts in each window; windows without any hold no peaks.
    floor : array (rows, columns)
        Common floor over that.
    used, radius, band_edges
        Of a `HalfPlane`.
    line_fit : array
        `HalfPlane.line_fit`.
    insignificant : float
        Squared standard errors up to which a window's own line is taken as none.
    thresholds : array (rows, columns)
        Power over the floor.
    between : array
        `between_bins` of the taper.

    Returns
    -------
    found : array
        Rows (window, ky index, kx index, offset y, offset x, power over floor, floor, spread,
        error): the last is that of either offset for a noise whose derivative has unit variance
        where it has unit power itself.
    lines : array (windows, 2)
        Level and slope of the floor of each window.
    common : array (rows, columns)
        Sum over the windows of their power over the floor, cut off at `CUT`; 0 where it is not
        looked at.
    """
    _, rows, columns = fields.shape
    half = rows / 2
    found = np.empty((len(fields) * 8 + MOST_PEAKS, 9), np.float64)
    lines = np.zeros((len(fields), 2))
    common = np.zeros((rows, columns), np.float32)
    count = 0
    power = np.empty((rows, columns), np.float32)
    over = np.empty((rows, columns), np.float32)
    # Bins that are not looked at are put to nothing: no test for them in the loops.
    inverse = np.float32(1) / floor
    least = np.inf
    for y in range(rows):
        for x in range(columns):
            least = min(least, thresholds[y, x])
            if not used[y, x]:
                inverse[y, x] = 0
    for i in range(len(fields)):
        if not scales[i] > 0:
            continue
        _powers(fields[i], np.float32(1 / scales[i]), inverse, power, over)
        means = band_means(over, band_edges, CUT)
        level = slope = 0.0
        for b in range(len(means)):
            log = np.log(uncut(max(means[b], 1e-3)))
            level += line_fit[0, b] * log
            slope += line_fit[1, b] * log
        distance = (
            level * level * line_fit[2, 0]
            + 2 * level * slope * line_fit[2, 1]
            + slope * slope * line_fit[3, 1]
        )
        if distance < insignificant:
            level = slope = 0.0
        lines[i, 0], lines[i, 1] = level, slope
        # The line's value in the middle will do where windows are only added up.
        _add_cut(over, np.float32(np.exp(-level - slope / 2)), common)
        lowest = np.float32(least * np.exp(min(level, level + slope)))
        kept = 0
        for y in range(rows):
            if _largest(over[y]) < lowest:
                continue
            for x in range(columns):
                if over[y, x] < lowest:
                    continue
                own = floor[y, x] * np.exp(level + slope * radius[y, x] / half)
                if power[y, x] < thresholds[y, x] * own or not _highest(power, y, x):
                    continue
                if count == len(found):
                    wider = np.empty((2 * len(found), 9), np.float64)
                    for n in range(count):
                        for m in range(9):
                            wider[n, m] = found[n, m]
                    found = wider
                dy, dx, top, bend = _refined(fields[i], y, x, between)
                row = found[count]
                row[0], row[1], row[2], row[3], row[4] = i, y, x, dy, dx
                row[5], row[6] = top / scales[i] / own, own
                row[7] = _spread(power, y, x, y + dy, x + dx, own)
                row[8] = np.sqrt(2 * top * own * scales[i]) / max(bend, 1e-12)
                count += 1
                kept += 1
                if kept == MOST_PEAKS:
                    break
            if kept == MOST_PEAKS:
                break
    return found[:count].copy(), lines, common


@kernel(fastmath=True)
def _add_cut(over: Floats32, by: np.float32, to: Floats32) -> None:
    most = np.float32(CUT)
    for y in range(over.shape[0]):
        row, sums = over[y], to[y]
        for x in range(len(row)):
            sums[x] += min(row[x] * by, most)


@kernel(fastmath=True)
def _powers(
    field: NDArray[np.complex64],
    scale: np.float32,
    inverse: Floats32,
    power: Floats32,
    over: Floats32,
) -> None:
    """Power of a window over that of single counts, and over the common floor."""
    for y in range(field.shape[0]):
        row, to, relative, by = field[y], power[y], over[y], inverse[y]
        for x in range(len(row)):
            to[x] = (row[x].real * row[x].real + row[x].imag * row[x].imag) * scale
            relative[x] = to[x] * by[x]


@kernel(fastmath=True)
def _largest(row: Floats32) -> np.float32:
    most = np.float32(0)
    for x in range(len(row)):
        most = max(most, row[x])
    return most


@kernel()
def _neighbour(power: Floats32, y: int, x: int) -> float:
    """Power of a bin that may lie across an edge; across x = 0 lies the Friedel mate."""
    rows, columns = power.shape
    if x < 0:
        y, x = -y, -x
    return power[y % rows, x] if x < columns else 0.0


@kernel()
def _highest(power: Floats32, y: int, x: int) -> bool:
    here = power[y, x]
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if _neighbour(power, y + dy, x + dx) > here:
                return False
    return True


@kernel()
def _refined(
    field: NDArray[np.complex64], y: int, x: int, between: Floats
) -> tuple[float, float, float, float]:
    """Where between the bins a peak is highest, along y and x in bins, its power and its bend.

    The bend is the mean of minus the second derivatives along y and x: what noise moves a peak
    by is inverse to it.

    Two products with the matrix `between` give the transform at frequencies between the bins
    around [1]_; a parabola through the highest and its neighbours the rest.

    References
    ----------
    .. [1] Guizar-Sicairos, M., Thurman, S. T. & Fienup, J. R. Efficient subpixel image
       registration algorithms. Opt. Lett. 33, 156-158 (2008).
    """
    rows, columns = field.shape
    points = len(between)
    around = np.zeros((2 * REACH + 1, 2 * REACH + 1), np.complex128)
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            iy, ix = y + dy, x + dx
            if ix >= columns:
                continue
            value = field[iy % rows, ix] if ix >= 0 else np.conj(field[-iy % rows, -ix])
            # Told from the middle of the window, where the taper is high, it varies slowly.
            around[dy + REACH, dx + REACH] = value if (dy + dx) % 2 == 0 else -value
    half = np.zeros((points, 2 * REACH + 1), np.complex128)
    for i in range(points):
        for m in range(2 * REACH + 1):
            for n in range(2 * REACH + 1):
                half[i, n] += between[i, m] * around[m, n]
    power = np.zeros((points, points))
    best_y = best_x = points // 2
    for i in range(points):
        for j in range(points):
            value = 0j
            for n in range(2 * REACH + 1):
                value += half[i, n] * between[j, n]
            power[i, j] = value.real**2 + value.imag**2
            if power[i, j] > power[best_y, best_x]:
                best_y, best_x = i, j
    best_y = min(max(best_y, 1), points - 2)
    best_x = min(max(best_x, 1), points - 2)
    here = power[best_y, best_x]
    above, below = power[best_y + 1, best_x], power[best_y - 1, best_x]
    right, left = power[best_y, best_x + 1], power[best_y, best_x - 1]
    bend = max(4 * here - above - below - right - left, 0.0) / 2 / FINE**2
    at_y = (best_y - points // 2 + summit(below, here, above)) * FINE
    at_x = (best_x - points // 2 + summit(left, here, right)) * FINE
    return at_y, at_x, here, bend


@kernel()
def summit(below: float, here: float, above: float) -> float:
    """Where a parabola through three neighbouring values is highest, within one step."""
    bend = 2 * here - below - above
    return min(max((above - below) / 2 / bend, -1.0), 1.0) if bend > 0 else 0.0


@kernel()
def _spread(power: Floats32, y: int, x: int, at_y: float, at_x: float, floor: float) -> float:
    """Variance of a peak along an axis beyond that of a Hann taper, in bins squared.

    From the second moment of what is above the floor in the bins around; that of a taper, 1/3
    along each axis, is taken off. Of a sharp peak it scatters about nothing.
    """
    total = moment = 0.0
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            above = _neighbour(power, y + dy, x + dx) - floor
            total += above
            moment += above * ((y + dy - at_y) ** 2 + (x + dx - at_x) ** 2)
    if total <= 0:
        return 0.0
    return float(moment / total / 2 - 1 / 3)


@kernel()
def distance(ay: float, ax: float, by: float, bx: float) -> float:
    """Distance of two frequencies, or of one from the other's Friedel mate if that is nearer."""
    return float(min(np.hypot(ay - by, ax - bx), np.hypot(ay + by, ax + bx)))


@kernel()
def chains(rows: Floats, reach: float) -> NDArray[np.int64]:
    """Number of the spot each row belongs to: rows of different segments that follow each other.

    A spot may walk from segment to segment by up to `reach`; one that jumps is a new one. The
    strongest row of a segment chooses first, the nearest spot.

    Parameters
    ----------
    rows : array
        (window, gy, gx, power over floor, floor, segment), in order of window, segment and
        falling power.
    reach : float
        Cycles per pixel.
    """
    spot = np.empty(len(rows), np.int64)
    latest = np.empty(len(rows), np.int64)  # row of each spot, the last one so far
    count = start = 0
    for i in range(len(rows)):
        if i == 0 or rows[i, 0] != rows[i - 1, 0]:
            start = count
        best, nearest = -1, reach
        for c in range(start, count):
            j = latest[c]
            if rows[j, 5] == rows[i, 5]:
                continue
            away = distance(rows[i, 1], rows[i, 2], rows[j, 1], rows[j, 2])
            if away < nearest:
                best, nearest = c, away
        if best < 0:
            best = count
            count += 1
        spot[i] = best
        latest[best] = i
    return spot


@kernel()
def side_lobes(rows: Floats, window: int) -> NDArray[np.bool_]:
    """Rows that belong to a stronger one nearby in the same window and segment.

    Parameters
    ----------
    rows : array
        (window, gy, gx, power over floor, floor, segment, spread), in order of window, segment
        and falling power.
    window : int
        Its side in pixels.
    """
    lobes = np.zeros(len(rows), np.bool_)
    start = 0
    for i in range(len(rows)):
        if rows[i, 0] != rows[start, 0] or rows[i, 5] != rows[start, 5]:
            start = i
        for j in range(start, i):
            ratio = rows[i, 3] / rows[j, 3]
            away = distance(rows[i, 1], rows[i, 2], rows[j, 1], rows[j, 2]) * window
            # A crystal narrower than the window has lobes that are wider.
            wider = FWHM * np.sqrt(min(max(rows[j, 6], 0.0), WIDEST)) / 2
            if away < SIDE_LOBES + wider and (ratio < 0.1 or away < MAIN_LOBE + wider):
                lobes[i] = True
                break
    return lobes
