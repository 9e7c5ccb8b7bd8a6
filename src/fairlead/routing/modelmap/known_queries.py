"""KnownQueries: where the queries of a training stand among each other, so that a new model is placed by few outcomes.

A query that many models answered says more of a new model than a strange one: how easy it is and which models it tells
apart is known from outcomes, not only foretold from its text. Kept are a hash of each text and a few numbers; no text,
and nothing that a text could be made from. A router that is given away need not hold them: then a new model is placed
by what its probes' texts foretell alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

MAX_KNOWN: Final = 20_000
"""More queries place a new model no better; at sixteen numbers each they stay near a megabyte."""


@dataclass(frozen=True, slots=True)
class KnownQueries:
    """The queries of a training. The first ones are the landmarks of its basis, in their order.

    Shapes: hashes, clusters, easiness, foretold (n,); components (n, n_components); arm_means (n_arms,); loadings
    (n_arms, n_components), orthonormal columns; response_mean (2,), response_covariance (2, 2).
    Units: easiness in logits around the pool's usual query: what the outcomes say, drawn to what the text says.
    """

    hashes: Ints
    clusters: NDArray[np.int16]
    easiness: Singles
    foretold: Singles
    """Easiness as the text alone foretells it (n,)."""
    components: Singles
    """Where a query's outcomes lie on the components of the models' residuals (n, n_components)."""
    arm_means: Floats
    loadings: Floats
    response_mean: Floats
    """logit P(success) ~ intercept + slope * easiness: the mean pair among the models, each by the others' outcomes."""
    response_covariance: Floats
    n_landmarks: int
    text_sd: float
    """Logits: by how much a query's easiness misses what its text foretells."""
    leanings: Singles | None = None
    """The components as the text alone foretells them (n, n_components); None in a router that does not hold them."""

    def __len__(self) -> int:
        return len(self.hashes)

    def find(self, hashes: Ints) -> Ints:
        """The place of each hash, -1 where it is not known. Shapes: (m,) -> (m,)."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, dtype=np.int64)
        order = np.argsort(self.hashes, kind="stable")
        at = np.minimum(np.searchsorted(self.hashes, hashes, sorter=order), len(order) - 1)
        places = order[at]
        return np.where(self.hashes[places] == hashes, places, -1).astype(np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays."""
        return {
            "hashes": self.hashes, "clusters": self.clusters, "easiness": self.easiness, "foretold": self.foretold,
            "components": self.components, "arm_means": self.arm_means, "loadings": self.loadings,
            "response_mean": self.response_mean, "response_covariance": self.response_covariance,
            "scalars": np.array([float(self.n_landmarks), self.text_sd]),
            **({} if self.leanings is None else {"leanings": self.leanings}),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The queries that these arrays came from. Raises: KeyError, ValueError if they do not fit together."""
        n_landmarks, text_sd = arrays["scalars"].tolist()
        known = cls(
            arrays["hashes"], arrays["clusters"], arrays["easiness"], arrays["foretold"], arrays["components"],
            arrays["arm_means"], arrays["loadings"], arrays["response_mean"], arrays["response_covariance"],
            int(n_landmarks), text_sd, arrays.get("leanings"),
        )  # fmt: skip
        n, n_arms = len(known.hashes), len(known.arm_means)
        n_components = known.loadings.shape[1]
        if (
            any(array.shape != (n,) for array in (known.clusters, known.easiness, known.foretold))
            or (known.components.shape, known.loadings.shape) != ((n, n_components), (n_arms, n_components))
            or (known.leanings is not None and known.leanings.shape != (n, n_components))
            or (known.response_mean.shape, known.response_covariance.shape) != ((2,), (2, 2))
            or not 0 <= known.n_landmarks <= n
        ):
            raise ValueError("the known queries do not fit together")
        return known


def text_hash(folded_text: str) -> int:
    """64 bits of a text whose case, spacing and punctuation were folded away."""
    digest = blake2b(folded_text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
