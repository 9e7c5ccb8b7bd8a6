"""RouterTables: a trained router's numbers as native/router_forecast.h lays them out."""

import ctypes
from math import inf
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.features.text_hashing import (
    BYTE_CODES,
    HASH_BASE,
    HASH_MIX,
    HASH_PAIR,
    IN_WORD,
    N_BUCKETS,
    RUN_BYTES,
)
from fairlead.routing.policies.steady import MARGIN, TIE
from fairlead.routing.predictors.costs import CostBasis, Costs
from fairlead.routing.predictors.delays import Delays
from fairlead.routing.predictors.fused import Columns, Fused, Sizes, columns_of, fused
from fairlead.routing.predictors.kernel_basis import NO_SQUARE, KernelBasis
from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.log_amounts import LogAmounts
from fairlead.routing.predictors.neighbours import N_NEIGHBOURS, PRIOR_WEIGHT, TEMPERATURE
from fairlead.routing.predictors.part import check_shapes
from fairlead.routing.predictors.reading_tables import KeptArrays, ReadingTables, Scales, reading_tables
from fairlead.routing.predictors.stack import FULL_LIKENESS, INTERVAL_Z, LOWEST, Stack

Floats = NDArray[np.float64]

_QUALITY, _RESPONSE, _LENGTH, _COST, _DELAY, _N_HEADS = range(6)


class RouterNumbers(Protocol):
    """What of a trained router the native code needs. As in TrainedRouter."""

    @property
    def arms(self) -> tuple[str, ...]: ...
    @property
    def encoder(self) -> QueryEncoder: ...
    @property
    def basis(self) -> KernelBasis: ...
    @property
    def stack(self) -> Stack: ...
    @property
    def lengths(self) -> Lengths | None: ...
    @property
    def costs(self) -> Costs | None: ...
    @property
    def delays(self) -> Delays | None: ...


def _pointers(*names: str) -> tuple[tuple[str, Any], ...]:
    return tuple((name, ctypes.c_void_p) for name in names)


def _counts(*names: str) -> tuple[tuple[str, Any], ...]:
    return tuple((name, ctypes.c_int64) for name in names)


def _numbers(*names: str) -> tuple[tuple[str, Any], ...]:
    return tuple((name, ctypes.c_double) for name in names)


class _Head(ctypes.Structure):
    _fields_ = (*_counts("n"), *_pointers("loadings", "offset"), *_numbers("low", "high"))


class _Hashing(ctypes.Structure):
    _fields_ = (
        *_counts("run_bytes"),
        *((name, ctypes.c_uint32) for name in ("base", "pair", "mix", "unused")),
        *_pointers("codes", "in_word"),
    )


class _Functions(ctypes.Structure):
    _fields_ = (
        *_counts("n_functions", "n_columns"),
        *_pointers("column_weights", "rarity", "gram_steps", "gram_numbers"),
        *_numbers("no_square"),
    )


class _Clusters(ctypes.Structure):
    _fields_ = (*_counts("n_tables"), *_pointers("ends", "directions", "heights", "rates"))


class _Neighbours(ctypes.Structure):
    _fields_ = (
        *_counts("n_places", "n_nearest"),
        *_numbers("weight", "per_temperature", "prior_weight"),
        *_pointers("places", "beside", "mean"),
    )


class _Stack(ctypes.Structure):
    _fields_ = (
        *_counts("n_level", "best"),
        *_numbers("share", "lowest", "margin", "tie", "z", "full_likeness", "usual_novelty", "response_weight"),
        *_pointers("usual", "pair_shares", "luck", "error"),
    )


class _Amounts(ctypes.Structure):
    _fields_ = _pointers(
        "length_ratio", "cost_ratio", "is_direct", "tokens_per_char", "fixed_tokens", "input_usd", "output_usd",
        "wait_s", "prefill_s_per_token", "s_per_token",
    )  # fmt: skip


class RouterTables(ctypes.Structure):
    """`router_tables` of native/router_forecast.h, field by field."""

    _fields_ = (
        ("reading", ReadingTables),
        ("n_arms", ctypes.c_int64),
        ("grams", _Hashing),
        ("of", _Functions),
        ("heads", _Head * _N_HEADS),
        ("cut", _Clusters),
        ("near", _Neighbours),
        ("stack", _Stack),
        ("amounts", _Amounts),
    )


ABI: Final = 1000 * 2 + ctypes.sizeof(RouterTables)
"""What the library's router_forecast_abi must say."""


def router_tables(router: RouterNumbers, kept: KeptArrays) -> RouterTables | None:
    """The tables of a router; None where it has a part or an encoder that native code does not know.

    Raises: ValueError if the arrays do not fit together.
    """
    table, basis, n_arms = router.encoder.embedder, router.basis, len(router.arms)
    sizes = Sizes(basis.n_landmarks, len(basis.centre), len(basis.shape_mean), n_arms)
    if not isinstance(table, StaticTable) or not n_arms:
        return None
    sums = fused(router.stack, sizes)
    if sums is None:
        return None
    laid = _Layout(kept, n_arms)
    heads, columns = laid.heads(sums, router)
    return RouterTables(
        reading=reading_tables(
            table, Scales(basis.centre, basis.shape_mean, basis.shape_sd, basis.meaning, basis.shape), kept
        ),
        n_arms=n_arms,
        grams=_Hashing(
            run_bytes=RUN_BYTES, base=HASH_BASE, pair=int(HASH_PAIR), mix=int(HASH_MIX), unused=0,
            codes=kept.address(BYTE_CODES, np.uint32, (256,)), in_word=kept.address(IN_WORD, np.uint8, (256,)),
        ),
        of=laid.functions(columns, basis, sizes),
        heads=heads,
        cut=laid.clusters(sums),
        near=laid.neighbours(sums),
        stack=laid.stack(router.stack, 0.0 if sums.response is None else sums.response[0]),
        amounts=laid.amounts(router),
    )  # fmt: skip


class _Layout:
    """Lays out what belongs to the arms of one router."""

    def __init__(self, kept: KeptArrays, n_arms: int) -> None:
        self._kept, self._n_arms = kept, n_arms

    def _by_arm(self, array: NDArray[Any]) -> int:
        return self._kept.address(array, np.float64, (self._n_arms,))

    def _head(self, offset: Floats, loadings: Floats, bounds: tuple[float, float] = (-inf, inf)) -> _Head:
        """Shapes: loadings (n, n_arms)."""
        n, (low, high) = len(loadings), bounds
        return _Head(n, self._kept.address(loadings, np.float64, (n, self._n_arms)), self._by_arm(offset), low, high)

    def heads(self, sums: Fused, router: RouterNumbers) -> tuple[Any, list[Columns]]:
        """The heads, in the order of the native code, and the columns that they read."""
        found, columns = (_Head * _N_HEADS)(), list(sums.columns)
        loadings = np.vstack(sums.loadings) if sums.loadings else np.zeros((0, self._n_arms))
        found[_QUALITY] = self._head(sums.start, loadings)
        if sums.response is not None:
            part = sums.response[1]
            found[_RESPONSE] = self._head(part.easiness, part.abilities.T)
            columns.append(columns_of(part.functions, sums.sizes))
        direct = None if router.costs is None else router.costs.direct
        for place, amounts in ((_LENGTH, None if router.lengths is None else router.lengths.amounts), (_COST, direct)):
            if amounts is not None:
                found[place] = self._amounts_head(amounts)
                columns.append(columns_of(amounts.functions, sums.sizes))
        if router.delays is not None:
            found[_DELAY] = self._head(router.delays.offset, router.delays.loadings.T)
            columns.append(columns_of(router.delays.functions, sums.sizes))
        if sum(head.n for head in found) != sum(one.numbers.shape[1] for one in columns):
            raise ValueError("a head has other loadings than functions")
        return found, columns

    def _amounts_head(self, amounts: LogAmounts) -> _Head:
        low, high = amounts.log_range.tolist()
        return self._head(amounts.mean, amounts.loadings.T, (low, high))

    def functions(self, columns: list[Columns], basis: KernelBasis, sizes: Sizes) -> _Functions:
        """All columns side by side."""
        n = sum(one.numbers.shape[1] for one in columns)
        both = [np.vstack((one.on_landmarks, one.on_own)) for one in columns]
        n_columns = sizes.n_landmarks + sizes.n_dims + sizes.n_shape
        weights = np.hstack(both) if both else np.zeros((n_columns, 0), dtype=np.float32)
        check_shapes(weights=(weights, (n_columns, n)))
        if not weights[sizes.n_landmarks :].any():
            n_columns = sizes.n_landmarks
        numbers = np.hstack([one.numbers for one in columns]) if columns else np.zeros((N_BUCKETS, 0), dtype=np.int16)
        steps = np.concatenate([one.steps for one in columns]) if columns else np.zeros(0, dtype=np.float32)
        return _Functions(
            n_functions=n, n_columns=n_columns,
            column_weights=self._kept.address(weights[:n_columns], np.float32, (n_columns, n)),
            rarity=self._kept.address(basis.rarity, np.float32, (N_BUCKETS,)),
            gram_steps=self._kept.address(steps, np.float32, (n,)),
            gram_numbers=self._kept.address(numbers, np.int16, (N_BUCKETS, n)),
            no_square=NO_SQUARE,
        )  # fmt: skip

    def clusters(self, sums: Fused) -> _Clusters:
        """The tables of clusters, one behind the other."""
        cuts, n_own = sums.cuts, sums.sizes.n_dims + sums.sizes.n_shape
        ends = np.concatenate(([0], np.cumsum(cuts.sizes, dtype=np.int64)))
        n = int(ends[-1])
        directions = np.vstack(cuts.directions) if n else np.zeros((0, n_own))
        heights = np.concatenate(cuts.heights) if n else np.zeros(0)
        rates = np.vstack(cuts.rates) if n else np.zeros((0, self._n_arms))
        return _Clusters(
            n_tables=len(cuts.sizes),
            ends=self._kept.address(ends, np.int64, (len(cuts.sizes) + 1,)),
            directions=self._kept.address(directions, np.float32, (n, n_own)),
            heights=self._kept.address(heights, np.float32, (n,)),
            rates=self._kept.address(rates, np.float64, (n, self._n_arms)),
        )

    def neighbours(self, sums: Fused) -> _Neighbours:
        """The landmarks' own scores; of weight 0 where nobody asks."""
        if sums.neighbours is None:
            return _Neighbours(weight=0.0)
        weight, part = sums.neighbours
        n = len(part.places)
        check_shapes(scores=(part.scores, (sums.sizes.n_landmarks, self._n_arms)))
        return _Neighbours(
            n_places=n, n_nearest=N_NEIGHBOURS, weight=weight, per_temperature=1.0 / TEMPERATURE,
            prior_weight=PRIOR_WEIGHT, places=self._kept.address(part.places, np.int64, (n,)),
            beside=self._kept.address(part.beside, np.float64, (n, 2 * self._n_arms)), mean=self._by_arm(part.mean),
        )  # fmt: skip

    def stack(self, stack: Stack, response_weight: float) -> _Stack:
        """How the sum of the parts becomes a quality with an interval."""
        plan = stack.plan
        return _Stack(
            n_level=len(range(self._n_arms)[: stack.n_pool or None]), best=plan.best, share=stack.difference_share,
            lowest=LOWEST, margin=MARGIN, tie=TIE, z=INTERVAL_Z, full_likeness=FULL_LIKENESS,
            usual_novelty=stack.usual_novelty, response_weight=response_weight, usual=self._by_arm(plan.usual),
            pair_shares=self._by_arm(plan.pair_shares), luck=self._by_arm(plan.luck), error=self._by_arm(plan.error),
        )  # fmt: skip

    def amounts(self, router: RouterNumbers) -> _Amounts:
        """What tokens, costs and delays are made of."""
        found, by_arm = _Amounts(), self._by_arm
        if router.lengths is not None:
            found.length_ratio = by_arm(router.lengths.amounts.mean_ratio)
        costs, delays = router.costs, router.delays
        if costs is not None:
            found.tokens_per_char, found.fixed_tokens = by_arm(costs.tokens_per_char), by_arm(costs.fixed_tokens)
            found.input_usd, found.output_usd = by_arm(costs.input_usd), by_arm(costs.output_usd)
            if costs.direct is not None:
                found.cost_ratio = by_arm(costs.direct.mean_ratio)
                found.is_direct = by_arm(costs.basis == CostBasis.DIRECT)
        if delays is not None:
            found.wait_s, found.s_per_token = by_arm(delays.wait_s), by_arm(delays.s_per_token)
            found.prefill_s_per_token = by_arm(delays.prefill_s_per_token)
        return found
