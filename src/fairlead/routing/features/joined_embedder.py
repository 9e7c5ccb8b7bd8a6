"""JoinedEmbedder: the static table's vector beside that of an outer encoder, as one vector of unit length.

The outer encoder (a local model, an embeddings endpoint) is not part of a router file: whoever loads the router brings
it, and what it calls itself must be what the router was trained with.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError
from fairlead.routing.features.static_table import StaticTable

Singles = NDArray[np.float32]

_HALF: Final = np.float32(1.0 / sqrt(2.0))
"""Two vectors of unit length side by side make one again."""


class OuterEncoder(Protocol):
    """An encoder that a router names but does not hold."""

    @property
    def name(self) -> str:
        """What it is, so that another one is not taken for it: a hash of its files, or an endpoint and its model."""
        ...

    @property
    def n_dims(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, text: str) -> Singles:
        """A vector of unit length (n_dims,)."""
        ...


@dataclass(frozen=True, slots=True)
class AbsentEncoder:
    """In the place of an encoder that nobody brought: enough to look at a router and to write it again."""

    name: str
    n_dims: int

    def embed(self, text: str) -> Singles:
        """Zeros for no text, on which a router is tried as it is loaded. Raises: ArtifactError for any other."""
        if not text:
            return np.zeros(self.n_dims, dtype=np.float32)
        raise ArtifactError(f"a text of {len(text)} characters is to be read with the encoder {self.name}: give it")


@dataclass(frozen=True, slots=True)
class JoinedEmbedder:
    """Both vectors, each with half of the squared length."""

    table: StaticTable
    outer: OuterEncoder

    @property
    def n_dims(self) -> int:
        """Of both together."""
        return self.table.n_dims + self.outer.n_dims

    def embed(self, text: str) -> Singles:
        """Both vectors of a text (n_dims,)."""
        joined: Singles = np.concatenate((self.table.embed(text), self.outer.embed(text)))
        joined *= _HALF
        return joined
