"""ModelMap: every model as a small vector with its doubts, and the clusters of queries that it speaks of.

An entry is numbers only, under 2 kB, and each figure says from how many observations, from whom and of which day it
is. What is not known is None, never 0. Layout in a file: docs/reference/router-file.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.container import pack_texts, unpack_texts
from fairlead.routing.modelmap.known_queries import KnownQueries

Floats = NDArray[np.float64]

VERSION: Final = 1
MEASURES: Final = ("quality", "output_tokens", "reasoning_tokens", "ttft_s", "s_per_token", "failure_share")
"""The order of the single figures in a file."""
_SINGLES: Final = ("ability", "covariance", "wins", "losses", "n_by_cluster", "tokens_by_cluster")
_MEND: Final = "train the router again (`fairlead train`)"


class Measure(NamedTuple):
    """One figure of a model. `spread`: standard error of a share, standard deviation of an amount's natural logs."""

    value: float
    spread: float | None
    n: int
    source: str
    as_of: str
    """The day that the figure was learned, such as 2026-07-02; empty if nobody said."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one model.

    Shapes: ability (1 + n_components,): easiness and place on the router's components, in logits, with covariance;
    wins, losses, n_by_cluster, tokens_by_cluster (n_clusters,): Beta parameters of success, outcomes behind them, and
    median output tokens, NaN where too few were seen.
    """

    arm: str
    ability: Floats
    covariance: Floats
    wins: Floats
    losses: Floats
    n_by_cluster: Floats
    tokens_by_cluster: Floats
    quality: Measure
    """Mean score over the training's queries, what was not asked foretold."""
    output_tokens: Measure | None = None
    reasoning_tokens: Measure | None = None
    ttft_s: Measure | None = None
    s_per_token: Measure | None = None
    failure_share: Measure | None = None
    stale: str | None = None
    """Since when and why these figures are in doubt; None where they are not. Their doubts are widened already."""

    def __post_init__(self) -> None:
        # Held as a file holds them, so that a map read back is the same map.
        for name in _SINGLES:
            object.__setattr__(self, name, _as_stored(getattr(self, name)))

    @property
    def success(self) -> Floats:
        """Expected success in each cluster (n_clusters,)."""
        result: Floats = self.wins / (self.wins + self.losses)
        return result

    @property
    def success_sd(self) -> Floats:
        """Standard deviation of the success in each cluster (n_clusters,)."""
        total = self.wins + self.losses
        result: Floats = np.sqrt(self.wins * self.losses / (total**2 * (total + 1.0)))
        return result


@dataclass(frozen=True, slots=True)
class Clusters:
    """What the clusters are, without a text.

    Shapes: share, difficulty, median_chars (n_clusters,); shape (n_clusters, n_shape), mean shape on the scale of the
    training's texts; kinds (n_clusters, n_kinds), mean mix of kinds of task, or None if nobody read it.
    Units: difficulty in logits of failure of the pool's usual model.
    """

    share: Floats
    difficulty: Floats
    median_chars: Floats
    shape: Floats
    kinds: Floats | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _as_stored(self.shape))
        if self.kinds is not None:
            object.__setattr__(self, "kinds", _as_stored(self.kinds))

    def __len__(self) -> int:
        return len(self.share)


@dataclass(frozen=True, slots=True)
class ModelMap:
    """Entries by arm, in the order of the router's arms."""

    entries: Mapping[str, Entry]
    clusters: Clusters
    known: KnownQueries | None = field(default=None)
    """For placing new models; None in a router that holds no query."""

    def __post_init__(self) -> None:
        n = len(self.clusters)
        for arm, entry in self.entries.items():
            by_cluster = (entry.wins, entry.losses, entry.n_by_cluster, entry.tokens_by_cluster)
            if any(array.shape != (n,) for array in by_cluster):
                raise ValueError(f"the entry of {arm} does not speak of {n} clusters")

    def with_entry(self, entry: Entry) -> "ModelMap":
        """The map with one more model; every other entry stays as it is, and so does the place of every query."""
        return ModelMap({**self.entries, entry.arm: entry}, self.clusters, self.known)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays, without NaN; equal maps give equal arrays."""
        entries = list(self.entries.values())
        single = np.float32
        n = len(self.clusters)
        upper = np.triu_indices(len(entries[0].ability) if entries else 0)
        measures = [[getattr(entry, name) for name in MEASURES] for entry in entries]
        arrays: dict[str, NDArray[Any]] = {
            "version": np.array([VERSION], dtype=np.int32),
            **pack_texts("arms", [entry.arm for entry in entries]),
            "ability": _stacked([entry.ability for entry in entries]).astype(single),
            "covariance": _stacked([entry.covariance[upper] for entry in entries]).astype(single),
            "wins": _stacked([entry.wins for entry in entries], n).astype(single),
            "losses": _stacked([entry.losses for entry in entries], n).astype(single),
            "n_by_cluster": _stacked([entry.n_by_cluster for entry in entries], n).astype(np.int32),
            # A reply has at least one token: 0 is free to mean "not known".
            "tokens_by_cluster": np.nan_to_num(_stacked([entry.tokens_by_cluster for entry in entries], n)).astype(
                single
            ),
            **_measure_arrays(measures),
            "clusters.share": self.clusters.share,
            "clusters.difficulty": self.clusters.difficulty,
            "clusters.median_chars": self.clusters.median_chars,
            "clusters.shape": self.clusters.shape.astype(single),
        }
        if any(entry.stale for entry in entries):
            arrays |= pack_texts("stale", [entry.stale or "" for entry in entries])
        if self.clusters.kinds is not None:
            arrays["clusters.kinds"] = self.clusters.kinds.astype(single)
        if self.known is not None:
            arrays |= {f"known.{name}": array for name, array in self.known.arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The map that these arrays came from. Raises: KeyError, ValueError, ArtifactError."""
        if arrays["version"].tolist() != [VERSION]:
            raise ValueError(f"the model map has version {arrays['version'].tolist()}, this fairlead reads {VERSION}")
        arms = unpack_texts(arrays, "arms", _MEND)
        measures = _measures_of(arrays, len(arms))
        stale = unpack_texts(arrays, "stale", _MEND) if "stale.ends" in arrays else ("",) * len(arms)
        if len(stale) != len(arms):
            raise ValueError(f"{len(stale)} notes of stale figures for {len(arms)} models")
        ability = arrays["ability"].astype(np.float64)
        tokens = arrays["tokens_by_cluster"].astype(np.float64)
        counts = {name: arrays[name].astype(np.float64) for name in ("wins", "losses", "n_by_cluster")}
        entries = {
            arm: Entry(
                arm, ability[at], _full(arrays["covariance"][at], ability.shape[1]),
                counts["wins"][at], counts["losses"][at], counts["n_by_cluster"][at],
                np.where(tokens[at] > 0, tokens[at], np.nan), **measures[at], stale=stale[at] or None,
            )
            for at, arm in enumerate(arms)
        }  # fmt: skip
        kinds = arrays.get("clusters.kinds")
        clusters = Clusters(
            arrays["clusters.share"], arrays["clusters.difficulty"], arrays["clusters.median_chars"],
            arrays["clusters.shape"].astype(np.float64), None if kinds is None else kinds.astype(np.float64),
        )  # fmt: skip
        inner = {name.removeprefix("known."): array for name, array in arrays.items() if name.startswith("known.")}
        return cls(entries, clusters, KnownQueries.from_arrays(inner) if inner else None)


def _as_stored(array: Floats) -> Floats:
    """The same numbers as four bytes hold them."""
    result: Floats = array.astype(np.float32).astype(np.float64)
    return result


def _stacked(rows: Sequence[Floats], width: int = 0) -> Floats:
    return np.stack(rows) if rows else np.zeros((0, width))


def _full(upper: NDArray[Any], n: int) -> Floats:
    """A symmetric matrix from its upper triangle."""
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n)] = upper
    result: Floats = matrix + matrix.T - np.diag(np.diag(matrix))
    return result


def _measure_arrays(measures: Sequence[Sequence[Measure | None]]) -> dict[str, NDArray[Any]]:
    """Single figures as arrays (n_arms, n_measures); `known` says which of value and spread there are, in bits."""
    flat = [measure for row in measures for measure in row]
    shape = (len(measures), len(MEASURES))
    values = [0.0 if one is None else one.value for one in flat]
    spreads = [0.0 if one is None or one.spread is None else one.spread for one in flat]
    known = [0 if one is None else 1 if one.spread is None else 3 for one in flat]
    return {
        "measures.value": np.array(values).reshape(shape),
        "measures.spread": np.array(spreads).reshape(shape),
        "measures.n": np.array([0 if one is None else one.n for one in flat], dtype=np.int64).reshape(shape),
        "measures.known": np.array(known, dtype=np.uint8).reshape(shape),
        **pack_texts("measures.source", ["" if one is None else one.source for one in flat]),
        **pack_texts("measures.as_of", ["" if one is None else one.as_of for one in flat]),
    }


def _measures_of(arrays: Mapping[str, NDArray[Any]], n_arms: int) -> list[dict[str, Any]]:
    sources = unpack_texts(arrays, "measures.source", _MEND)
    days = unpack_texts(arrays, "measures.as_of", _MEND)
    columns = [arrays[f"measures.{name}"].reshape(-1).tolist() for name in ("value", "spread", "n", "known")]
    flat = [
        None if not known else Measure(value, spread if known & 2 else None, n, source, day)
        for value, spread, n, known, source, day in zip(*columns, sources, days, strict=True)
    ]
    if len(flat) != n_arms * len(MEASURES):
        raise ValueError(f"{len(flat)} figures for {n_arms} models")
    width = len(MEASURES)
    return [dict(zip(MEASURES, flat[at * width : (at + 1) * width], strict=True)) for at in range(n_arms)]
