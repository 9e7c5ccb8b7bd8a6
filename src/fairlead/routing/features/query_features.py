"""QueryFeatures: what the parts of a predictor see of a batch of queries. One query is a batch of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.outline import Outline
from fairlead.routing.features.plain_request import plain_turn
from fairlead.routing.features.shape import SHAPE_NAMES, shape_of
from fairlead.routing.features.text_hashing import encode_text, hash_ngrams

Singles = NDArray[np.float32]


class Embedder(Protocol):
    """Text to vector: a static table, or a larger encoder behind the same two methods."""

    @property
    def n_dims(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, text: str) -> Singles:
        """A vector of unit length (n_dims,), or zeros for a text without a known word."""
        ...


@dataclass(frozen=True, slots=True)
class QueryFeatures:
    """Features of n queries.

    Shapes: dense (n, n_dims), unit rows; shape (n, n_shape); grams are rows of distinct n-gram buckets, row i holding
    buckets[starts[i]:starts[i + 1]].
    """

    dense: Singles
    shape: Singles
    starts: NDArray[np.int64]
    buckets: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.dense)

    def take(self, rows: NDArray[np.int64]) -> "QueryFeatures":
        """The features of the queries at these places."""
        lengths = (self.starts[1:] - self.starts[:-1])[rows]
        starts = np.concatenate(([0], lengths.cumsum()))
        # Where each kept bucket stood before: its row's old start plus its place in the row.
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return QueryFeatures(self.dense[rows], self.shape[rows], starts, self.buckets[places])


@dataclass(frozen=True, slots=True)
class QueryEncoder:
    """Outlines to features. The same outline gives the same bits, alone or in a batch."""

    embedder: Embedder

    def encode(self, outline: Outline) -> QueryFeatures:
        """One request."""
        dense, shape, buckets = self._read(outline)
        return QueryFeatures(dense[None], shape[None], np.array([0, len(buckets)]), buckets)

    def encode_all(self, outlines: Sequence[Outline]) -> QueryFeatures:
        """Many requests."""
        dense = np.zeros((len(outlines), self.embedder.n_dims), dtype=np.float32)
        shape = np.zeros((len(outlines), len(SHAPE_NAMES)), dtype=np.float32)
        rows: list[NDArray[np.uint16]] = []
        for at, outline in enumerate(outlines):
            dense[at], shape[at], buckets = self._read(outline)
            rows.append(buckets)
        starts = np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64)))
        return QueryFeatures(dense, shape, starts, np.concatenate(rows) if rows else np.empty(0, dtype=np.uint16))

    def _read(self, outline: Outline) -> tuple[Singles, Singles, NDArray[np.uint16]]:
        text, n_chars = text_of(outline)
        data = encode_text(text)
        shape = np.array(shape_of(data, n_chars), dtype=np.float32)
        return self.embedder.embed(text), shape, distinct(hash_ngrams(data))


def text_of(outline: Outline) -> tuple[str, int]:
    """The text that a request is judged by, without courtesies, and the length of its whole turn in characters."""
    text, n_chars = plain_turn(outline)
    return (f"{outline.system_text}\n{text}" if outline.system_text else text), n_chars


def distinct(buckets: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """The buckets once each, ascending. Sixteen bits are sorted by radix: three times as fast as numpy's `unique`."""
    ordered = np.sort(buckets.astype(np.uint16), kind="stable")
    if len(ordered) < 2:
        return ordered
    fresh = np.empty(len(ordered), dtype=np.bool_)
    fresh[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return ordered[fresh]
