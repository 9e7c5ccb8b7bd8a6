"""Cost against quality of one policy over its settings: hull, areas, and what equal quality costs.

A curve is the mean cost and mean quality at each setting of a policy's trade-off. Batches hold one curve a row: cost,
quality (b, n_settings) -> (b,); NaN where undefined. Between two settings lie random mixes of them, which is what the
hull and the straight lines stand for.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.metrics.bootstrap import share_of
from fairlead.learning.outcomes import Floats

N_GRID: Final = 200
"""Costs at which `area_over_grid` reads the curve."""


def hull(cost: Floats, quality: Floats) -> Floats:
    """The non-decreasing convex hull (NDCH): corners from the cheapest point to the best. Shapes: (k,), (k,) -> (h, 2).

    The upper convex hull of the points, cut where quality stops rising.
    """
    corners = [corner[0] for corner, _ in _corners(cost[None], quality[None])]
    return np.array(corners).reshape(-1, 2)


def hull_quality(corners: Floats, cost: Floats) -> Floats:
    """The hull's quality at given costs: level right of the last corner, 0 left of the first. Shapes: (h, 2), (k,)."""
    return np.interp(cost, corners[:, 0], corners[:, 1], left=0.0)


def aiq(cost: Floats, quality: Floats, low: Floats, high: Floats) -> Floats:
    """Average improvement in quality, the paper's: the area under the hull between two costs over their distance.

    `low` and `high` (b,) are the costs of the cheapest and the dearest single model, so that all policies of a pool
    share them; the hull is level right of its last corner, and 0 left of its first, where it offers nothing.
    Source: RouterBench, arXiv 2403.12031; there the range is the curve's own.
    """
    return np.where(_is_range(low, high), share_of(_hull_area(cost, quality, low, high), high - low), np.nan)


def aiq_per_dearest(cost: Floats, quality: Floats, high: Floats) -> Floats:
    """AIQ as RouterBench's code has it: the hull, level up to `high` (b,), from its own start, over `high` itself.

    Not comparable with `aiq`, nor between sets of policies whose dearest cost differs.
    """
    return share_of(_hull_area(cost, quality, cost.min(axis=1), high), high)


def area_over_grid(cost: Floats, quality: Floats, low: Floats, high: Floats) -> Floats:
    """Mean of the best quality so far over evenly spaced costs between `low` and `high` (b,).

    Lines between settings, no hull; 0 left of the cheapest setting, level right of the dearest.
    """
    order = np.lexsort((quality, cost), axis=-1)
    # The cheapest setting is often the cheapest model itself: the last bit of a sum must not put it beyond `low`.
    costs = np.take_along_axis(cost, order, axis=1) * (1 - 1e-12)
    best = np.maximum.accumulate(np.take_along_axis(quality, order, axis=1), axis=1)
    areas = [
        np.interp(np.linspace(low[draw], high[draw], N_GRID), costs[draw], best[draw], left=0.0).mean()
        for draw in range(len(cost))
    ]
    return np.where(_is_range(low, high), np.array(areas), np.nan)


def deferral_area(cost: Floats, quality: Floats) -> Floats:
    """Area under the settings as they come, by trapezoids, over the curve's own range of costs; NaN for one point."""
    order = np.lexsort((quality, cost), axis=-1)
    costs, scores = np.take_along_axis(cost, order, axis=1), np.take_along_axis(quality, order, axis=1)
    area = (np.diff(costs, axis=1) * (scores[:, 1:] + scores[:, :-1]) / 2).sum(axis=1)
    width = costs[:, -1] - costs[:, 0]
    return np.where(_is_range(costs[:, 0], costs[:, -1]), share_of(area, width), np.nan)


def neutral_cost(cost: Floats, quality: Floats, reference_cost: Floats, enough: Floats) -> Floats:
    """QNC: the least cost of a setting with quality >= `enough` (b,), as a share of `reference_cost` (b,)."""
    cheapest = np.where(quality >= enough[:, None] - 1e-12, cost, np.inf).min(axis=1)
    return np.where(np.isfinite(cheapest), share_of(cheapest, reference_cost), np.nan)


def peak(quality: Floats) -> Floats:
    """The best quality of any setting."""
    best: Floats = quality.max(axis=1)
    return best


def _is_range(low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Whether there is anything between: costs are sums over queries, equal ones may differ in the last bits."""
    found: NDArray[np.bool_] = high - low > 1e-9 * np.abs(high)
    return found


def _hull_area(cost: Floats, quality: Floats, low: Floats, high: Floats) -> Floats:
    """Area between two costs under the hull: level right of its last corner, 0 left of its first."""
    area = np.zeros(len(cost))
    x0 = y0 = np.empty(0)
    for corner, moved in _corners(cost, quality):
        x1, y1 = corner[:, 0], corner[:, 1]
        if len(x0):
            area += np.where(moved, _clipped_area(x0, y0, x1, y1, low, high), 0.0)
        x0, y0 = x1, y1
    area += y0 * np.maximum(high - np.maximum(x0, low), 0.0)
    return area


def _corners(cost: Floats, quality: Floats) -> list[tuple[Floats, NDArray[np.bool_]]]:
    """Corners of every row's hull by gift wrapping: [(corner (b, 2), whether the row moved (b,))], until none moves.

    Each step takes the steepest rise from where a row stands, the farthest of equals. A row that has arrived stays.
    """
    rows = np.arange(len(cost))
    cheapest = cost.min(axis=1, keepdims=True)
    at = np.where(cost == cheapest, quality, -np.inf).argmax(axis=1)
    found = [(np.stack([cost[rows, at], quality[rows, at]], axis=1), np.ones(len(cost), dtype=np.bool_))]
    for _ in range(cost.shape[1]):
        run, rise = cost - cost[rows, at][:, None], quality - quality[rows, at][:, None]
        ahead = (run > 0) & (rise > 0)
        slope = np.divide(rise, run, out=np.full(cost.shape, -np.inf), where=ahead)
        steepest = slope.max(axis=1, keepdims=True)
        moved = np.isfinite(steepest[:, 0])
        if not moved.any():
            break
        nearly = slope >= np.where(np.isfinite(steepest), steepest * (1 - 1e-12), np.inf)
        at = np.where(moved, np.where(nearly, run, -np.inf).argmax(axis=1), at)
        found.append((np.stack([cost[rows, at], quality[rows, at]], axis=1), moved))
    return found


def _clipped_area(x0: Floats, y0: Floats, x1: Floats, y1: Floats, low: Floats, high: Floats) -> Floats:
    """Area under the line from (x0, y0) to (x1, y1) between `low` and `high`."""
    a, b = np.clip(x0, low, high), np.clip(x1, low, high)
    slope = np.divide(y1 - y0, x1 - x0, out=np.zeros(x0.shape), where=x1 > x0)
    area: Floats = (b - a) * (y0 + slope * ((a + b) / 2 - x0))
    return area
