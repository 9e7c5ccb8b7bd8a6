"""Conduct book: keeps what attempts brought, by arm, as decaying histograms; gives the arrays that decisions use.

A record costs a few additions; the arrays are refreshed a few times a second at most, never per decision. What was
seen long ago weighs half as much every HALF_LIFE_S, and an arm that is no longer tried drifts back to its prior, so
that a bad hour is not held against it for ever. Knows no clock: the time comes in as a number.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from fairlead.routing.conduct import Conduct, unmeasured
from fairlead.routing.pool import Pool

HALF_LIFE_S: Final = 600.0
"""Ten minutes: an hour of good conduct outweighs a bad ten minutes; providers' bad spells last minutes to hours."""
FAILURE_HALF_LIFE_S: Final = 60.0
"""One minute: an outage is the breaker's business; what is left to this is an upstream that fails now and then, and one
that has recovered must be tried again within minutes although nobody chooses it."""
BINS_PER_DECADE: Final = 16
"""A bin is 15 % wide; with interpolation a quantile is within about 5 %."""
_N_BINS: Final = 6 * BINS_PER_DECADE
_TTFT_FROM: Final = 1e-3
_S_PER_TOKEN_FROM: Final = 1e-5
PRIOR_WEIGHT: Final = 4.0
"""How many observations the prior counts as, on a log scale."""
ENOUGH: Final = 8.0
"""Decayed observations from which a figure is called measured."""
GOOD_ATTEMPTS_ASSUMED: Final = 10.0
"""A single failure of an unknown arm is a tenth, not everything."""
LEAST_FAILURE_SHARE: Final = 0.005
"""Half a point of quality is below what a choice is steadied by (policies/steady)."""
_FORGOTTEN_FAILURES: Final = 0.05
"""What a failure has decayed to after about four minutes."""
MIN_OUTPUT_TOKENS: Final = 8
"""Below this the time of a reply says nothing of its speed."""
SAMPLE_EVERY_S: Final = 0.01
"""Of an arm that delivers more often than a hundred times a second a hundred times are looked at; all are counted."""
_ALL_OF_FIRST: Final = 16
_REFRESH_S: Final = 0.5
_SWEEP_S: Final = 15.0
_RESCALE_AT: Final = 2.0**64


class Seen(NamedTuple):
    """What is known of one arm now, for people: decayed counts, medians, and the 95th percentile of the first wait."""

    n_attempts: float
    n_timed: float
    failure_share: float
    ttft_s: float | None
    ttft_p95_s: float | None
    s_per_token: float | None


class Spread:
    """A decaying histogram of positive numbers in logarithmic bins. Weights are in the book's growing unit."""

    __slots__ = ("_bins", "_from", "weight")

    def __init__(self, smallest: float) -> None:
        self._from = smallest
        self._bins = [0.0] * _N_BINS
        self.weight = 0.0

    def add(self, value: float, weight: float) -> None:
        """Count one value."""
        place = int(math.log10(max(value, self._from) / self._from) * BINS_PER_DECADE)
        self._bins[min(place, _N_BINS - 1)] += weight
        self.weight += weight

    def quantile(self, share: float) -> float | None:
        """The value below which this share lies, interpolated within its bin; None while nothing was counted."""
        if self.weight <= 0.0:
            return None
        left = share * self.weight
        for place, weight in enumerate(self._bins):
            if weight >= left and weight > 0.0:
                return float(self._from * 10.0 ** ((place + left / weight) / BINS_PER_DECADE))
            left -= weight
        return float(self._from * 10.0 ** (_N_BINS / BINS_PER_DECADE))

    def scale(self, factor: float) -> None:
        """Multiply every weight."""
        self._bins = [weight * factor for weight in self._bins]
        self.weight *= factor


class _Page:
    """One arm's."""

    __slots__ = (
        "added_s",
        "counted_s",
        "failures",
        "n_passed",
        "n_seen",
        "refreshed_s",
        "s_per_token",
        "tries",
        "ttft",
    )

    def __init__(self) -> None:
        self.ttft = Spread(_TTFT_FROM)
        self.s_per_token = Spread(_S_PER_TOKEN_FROM)
        self.tries = 0.0
        self.failures = 0.0
        self.counted_s = 0.0
        """When tries and failures were last decayed: they are kept at their worth of then."""
        self.refreshed_s = -math.inf
        self.n_seen = 0
        self.added_s = -math.inf
        self.n_passed = 0
        """Good attempts since then that were only counted."""

    def count(self, now_s: float, n_tries: float, n_failures: float) -> None:
        """Let tries and failures decay until now, and add these."""
        fade = 0.5 ** ((now_s - self.counted_s) / FAILURE_HALF_LIFE_S)
        self.counted_s = now_s
        self.tries = self.tries * fade + n_tries
        self.failures = self.failures * fade + n_failures

    @property
    def failure_share(self) -> float:
        """Of the recent tries; nothing is 0, and an arm that was hardly tried is taken to be good."""
        return self.failures / (self.tries + GOOD_ATTEMPTS_ASSUMED)


class ConductBook:
    """All arms of one pool."""

    def __init__(self, pool: Pool, now_s: float = 0.0) -> None:
        self._pool = pool
        self._pages: dict[int, _Page] = {}
        self._origin_s = now_s
        self._swept_s = now_s
        self.arrays = unmeasured(pool)

    def current(self, now_s: float) -> Conduct:
        """What to reckon with now; one comparison while nothing is due."""
        if now_s - self._swept_s > _SWEEP_S:
            self._swept_s = now_s
            for index, page in self._pages.items():
                self._refresh(index, page, now_s)
        return self.arrays

    def brought(
        self, index: int, now_s: float, ttft_s: float | None, total_s: float, n_input: float, n_output: int | None
    ) -> None:
        """An attempt delivered: when its content began (None when it came in one piece), and when it ended."""
        known = self._pages.get(index)
        if known is not None and now_s - known.added_s < SAMPLE_EVERY_S and known.n_seen > _ALL_OF_FIRST:
            known.n_passed += 1
            return
        page, weight = self._page(index, now_s)
        page.count(now_s, 1.0 + page.n_passed, 0.0)
        page.added_s = now_s
        page.n_passed = 0
        prefill_s = n_input * float(self._pool.prefill_s_per_token[index])
        if ttft_s is not None:
            page.ttft.add(ttft_s - prefill_s, weight)
        if n_output is not None and n_output >= MIN_OUTPUT_TOKENS:
            began_s = ttft_s if ttft_s is not None else float(self.arrays.ttft_s[index]) + prefill_s
            page.s_per_token.add((total_s - began_s) / n_output, weight)
        self._refresh_if_due(index, page, now_s)

    def failed(self, index: int, now_s: float) -> None:
        """An attempt failed in a way that speaks of the arm."""
        page, _ = self._page(index, now_s)
        page.count(now_s, 1.0 + page.n_passed, 1.0)
        page.n_passed = 0
        self._refresh(index, page, now_s)

    def ttft_quantile(self, index: int, share: float, n_input: float, now_s: float) -> float | None:
        """The wait for the first content that this share of requests stays below; None until enough was seen."""
        page = self._pages.get(index)
        if page is None or page.ttft.weight / self._growth(now_s) < ENOUGH:
            return None
        found = page.ttft.quantile(share)
        return None if found is None else found + n_input * float(self._pool.prefill_s_per_token[index])

    def seen(self, now_s: float) -> dict[int, Seen]:
        """Everything that is known, by arm; for the metrics page."""
        growth = self._growth(now_s)
        for page in self._pages.values():
            page.count(now_s, 0.0, 0.0)
        return {
            index: Seen(
                n_attempts=page.tries,
                n_timed=page.ttft.weight / growth,
                failure_share=page.failure_share,
                ttft_s=page.ttft.quantile(0.5),
                ttft_p95_s=page.ttft.quantile(0.95),
                s_per_token=page.s_per_token.quantile(0.5),
            )
            for index, page in self._pages.items()
        }

    def inherit(self, old: "ConductBook", now_s: float) -> None:
        """Take over what an older configuration's book knows of the arms that are still there."""
        places = {spec.arm: index for index, spec in enumerate(self._pool.specs)}
        self._origin_s = old._origin_s
        for index, page in old._pages.items():
            place = places.get(old._pool.specs[index].arm)
            if place is not None:
                self._pages[place] = page
                self._refresh(place, page, now_s)

    def _set_failures(self, index: int, share: float) -> None:
        """Note a share of failures; one that no decision could tell from none is none."""
        shares = self.arrays.failure_share
        if shares is None:
            shares = np.zeros(self._pool.n_arms)
            self.arrays = self.arrays._replace(failure_share=shares)
        page = self._pages[index]
        if share < LEAST_FAILURE_SHARE:
            share = 0.0
            if page.failures < _FORGOTTEN_FAILURES:
                page.failures = 0.0
        shares[index] = share
        if not shares.any():
            self.arrays = self.arrays._replace(failure_share=None)

    def _growth(self, now_s: float) -> float:
        """The weight of an observation made now; older ones keep theirs, so that time alone makes them light."""
        return float(2.0 ** ((now_s - self._origin_s) / HALF_LIFE_S))

    def _page(self, index: int, now_s: float) -> tuple[_Page, float]:
        weight = self._growth(now_s)
        if weight > _RESCALE_AT:
            self._rescale(1.0 / weight)
            self._origin_s = now_s
            weight = 1.0
        page = self._pages.get(index)
        if page is None:
            page = self._pages[index] = _Page()
            page.counted_s = now_s
        return page, weight

    def _rescale(self, factor: float) -> None:
        for page in self._pages.values():
            page.ttft.scale(factor)
            page.s_per_token.scale(factor)

    def _refresh_if_due(self, index: int, page: _Page, now_s: float) -> None:
        page.n_seen += 1
        if page.n_seen <= _ALL_OF_FIRST or now_s - page.refreshed_s >= _REFRESH_S:
            self._refresh(index, page, now_s)

    def _refresh(self, index: int, page: _Page, now_s: float) -> None:
        page.refreshed_s = now_s
        growth = self._growth(now_s)
        pool, arrays = self._pool, self.arrays
        n_timed = page.ttft.weight / growth
        arrays.ttft_s[index] = _drawn(page.ttft, n_timed, float(pool.ttft_s[index]))
        arrays.s_per_token[index] = _drawn(
            page.s_per_token, page.s_per_token.weight / growth, float(pool.s_per_token[index])
        )
        arrays.hidden_share[index] = pool.hidden_share[index] * PRIOR_WEIGHT / (n_timed + PRIOR_WEIGHT)
        if page.failures:
            page.count(now_s, 0.0, 0.0)
            self._set_failures(index, page.failure_share)
        arrays.is_measured[index] = n_timed >= ENOUGH or page.s_per_token.weight / growth >= ENOUGH


def _drawn(spread: Spread, n: float, prior: float) -> float:
    """The median, drawn to the prior on a log scale."""
    median = spread.quantile(0.5)
    if median is None:
        return prior
    return float(math.exp((n * math.log(median) + PRIOR_WEIGHT * math.log(prior)) / (n + PRIOR_WEIGHT)))
