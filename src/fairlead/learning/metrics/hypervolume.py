"""Quality, cost and delay at once: the volume that a policy's settings dominate.

Each axis is measured from the nadir, the worst value on it among the undominated single models: quality as the share of
the way from the nadir to 1, cost and delay as the share saved of the nadir's. A perfect, free, instant policy has 1.
Where one model is the best, the cheapest and the fastest, it is the nadir, and only what beats it on all three counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.metrics.bootstrap import share_of
from fairlead.learning.outcomes import Floats


@dataclass(frozen=True, slots=True)
class Nadir:
    """The worst corner: lowest quality, highest cost and delay of an undominated set. Shapes: (b,) each."""

    quality: Floats
    cost: Floats
    delay: Floats


def undominated(quality: Floats, cost: Floats, delay: Floats) -> NDArray[np.bool_]:
    """Which points no other point beats: as good on all three and better on one. Shapes: (..., k) -> (..., k)."""
    q, c, d = (x[..., :, None] for x in (quality, cost, delay))
    oq, oc, od = (x[..., None, :] for x in (quality, cost, delay))
    no_worse = (oq >= q) & (oc <= c) & (od <= d)
    better = (oq > q) | (oc < c) | (od < d)
    return np.logical_not(np.asarray((no_worse & better).any(axis=-1), dtype=np.bool_))


def nadir_of(quality: Floats, cost: Floats, delay: Floats) -> Nadir:
    """The nadir of each row of points, usually the single models. Shapes: (b, m) each."""
    kept = undominated(quality, cost, delay)
    return Nadir(
        np.where(kept, quality, np.inf).min(axis=1),
        np.where(kept, cost, -np.inf).max(axis=1),
        np.where(kept, delay, -np.inf).max(axis=1),
    )


def hypervolume(quality: Floats, cost: Floats, delay: Floats, nadir: Nadir) -> Floats:
    """The volume dominated by each row of points, exactly; NaN where an axis of the nadir has no length.

    Shapes: (b, k) each -> (b,). Points are taken from the best quality down; between two qualities the dominated slab
    has as its base the union of the rectangles of all points so far, a staircase along the cost axis.
    """
    gained = share_of(quality - nadir.quality[:, None], np.broadcast_to(1 - nadir.quality[:, None], quality.shape))
    saved = 1 - share_of(cost, np.broadcast_to(nadir.cost[:, None], cost.shape))
    sooner = 1 - share_of(delay, np.broadcast_to(nadir.delay[:, None], delay.shape))
    counts = (gained > 0) & (saved > 0) & (sooner > 0)
    gained, saved, sooner = (np.where(counts, x, 0.0) for x in (gained, saved, sooner))
    along = np.argsort(saved, axis=1, kind="stable")
    gained, saved, sooner = (np.take_along_axis(x, along, axis=1) for x in (gained, saved, sooner))
    widths = np.diff(saved, axis=1, prepend=0.0)
    levels = -np.sort(-gained, axis=1)
    floors = np.hstack([levels[:, 1:], np.zeros((len(levels), 1))])
    volume = np.zeros(len(quality))
    for level, floor in zip(levels.T, floors.T, strict=True):
        if not (level > floor).any():
            continue
        heights = np.where(gained >= level[:, None], sooner, 0.0)
        stairs = np.maximum.accumulate(heights[:, ::-1], axis=1)[:, ::-1]
        volume += (level - floor) * (widths * stairs).sum(axis=1)
    is_defined = (nadir.quality < 1) & (nadir.cost > 0) & (nadir.delay > 0)
    return np.where(is_defined, volume, np.nan)
