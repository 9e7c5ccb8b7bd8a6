"""A trained router as bytes, and back: the content of a router file. The layout of the bytes is the container's.

Numbers and names of models only: no text of a query, nothing executable (docs/reference/router-file.md).
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError
from fairlead.domain.outline import outline_of_text
from fairlead.routing.container import pack, unpack
from fairlead.routing.features.joined_embedder import AbsentEncoder, JoinedEmbedder, OuterEncoder
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.features.shape import SHAPE_NAMES
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.features.text_hashing import N_BUCKETS, RUN_BYTES
from fairlead.routing.modelmap.entry import ModelMap
from fairlead.routing.policies.verdict import Verdict
from fairlead.routing.predictors.cluster_table import ClusterTable
from fairlead.routing.predictors.costs import Costs
from fairlead.routing.predictors.delays import Delays
from fairlead.routing.predictors.kernel_basis import basis_from
from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.neighbours import Neighbours
from fairlead.routing.predictors.part import check_shapes
from fairlead.routing.predictors.stack import Stack
from fairlead.routing.trained_router import TrainedRouter

KIND: Final = "router"
VERSION: Final = 1
MEND: Final = "train it again (`fairlead train`), or use the fairlead that wrote it"

_HEADS: Final[Mapping[str, Any]] = {"lengths": Lengths, "costs": Costs, "delays": Delays, "model_map": ModelMap}
_MAY_HOLD_NAN: Final = ("stack.neighbours.scores", "costs.input_usd", "costs.output_usd", "costs.fit_error")
"""Landmarks that an arm did not answer; prices that nobody knows."""


def dump_router(router: TrainedRouter) -> bytes:
    """The bytes of a router; equal routers give equal bytes. Raises: ArtifactError for a number that is not finite."""
    embedder = router.encoder.embedder
    outer = embedder.outer if isinstance(embedder, JoinedEmbedder) else None
    table = embedder.table if isinstance(embedder, JoinedEmbedder) else embedder
    if not isinstance(table, StaticTable):
        raise ArtifactError("a router is stored with a static table, with or without an outer encoder: fit it on one")
    arrays: dict[str, NDArray[Any]] = {}
    _add(arrays, "table", table.arrays())
    _add(arrays, "basis", router.basis.arrays())
    _add(arrays, "stack", router.stack.arrays())
    heads = [name for name in _HEADS if getattr(router, name) is not None]
    for name in heads:
        _add(arrays, name, getattr(router, name).arrays())
    header = {
        "features": _features(table.mends),
        **({} if outer is None else {"encoder": {"name": outer.name, "n_dims": outer.n_dims}}),
        "arms": list(router.arms),
        "parts": list(router.stack.parts),
        "heads": heads,
        "verdict": router.verdict.to_dict(),
        "cost_scale_usd": router.cost_scale_usd,
        "card": dict(router.card),
    }
    return pack(KIND, VERSION, header, arrays, may_hold_nan=_MAY_HOLD_NAN)


def load_router(data: bytes, outer: OuterEncoder | None = None, *, reads_texts: bool = True) -> TrainedRouter:
    """The router of these bytes; `outer`: the encoder that it was trained with beside the table, if it was.

    Without it such a router is given only to those who don't read texts (`reads_texts` false).

    Raises: ArtifactError if they are not whole, not a router, of another version, do not fit together, or were trained
    with another encoder than is given.
    """
    header, arrays = unpack(data, KIND, VERSION, MEND, may_hold_nan=_MAY_HOLD_NAN)
    mends = header.get("features") == _features(mends=True)
    if not mends and header.get("features") != _features(mends=False):
        raise ArtifactError(f"the router was trained on other features than this fairlead reads: {MEND}")
    stated = header.get("encoder")
    if outer is None and not reads_texts:
        outer = _absent(stated)
    _check_encoder(stated, outer)
    try:
        _check_stated(header, arrays)
        table = StaticTable.from_arrays(_part(arrays, "table"), MEND, mends=mends)
        encoder = QueryEncoder(table if outer is None else JoinedEmbedder(table, outer))
        heads = {name: _HEADS[name].from_arrays(_part(arrays, name)) for name in _names(header["heads"])}
        router = TrainedRouter(
            arms=_names(header["arms"]),
            encoder=encoder,
            basis=basis_from(_part(arrays, "basis")),
            stack=Stack.from_arrays(list(_names(header["parts"])), _part(arrays, "stack")),
            lengths=heads.get("lengths"),
            costs=heads.get("costs"),
            delays=heads.get("delays"),
            model_map=heads["model_map"],
            verdict=Verdict.from_dict(header["verdict"]),
            cost_scale_usd=None if header["cost_scale_usd"] is None else float(header["cost_scale_usd"]),
            card=dict(header["card"]),
        )
        _check(router)
        _check_sizes(router, arrays)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ArtifactError(f"the router does not fit together ({error!r}): {MEND}") from error
    return router


def _absent(stated: Any) -> OuterEncoder | None:
    """A stand-in for the encoder that is stated; None where none is, or none that can be."""
    if not isinstance(stated, dict):
        return None
    name, n_dims = stated.get("name"), stated.get("n_dims")
    return AbsentEncoder(name, n_dims) if isinstance(name, str) and type(n_dims) is int and n_dims > 0 else None


def _check_encoder(stated: Any, outer: OuterEncoder | None) -> None:
    """Raises: ArtifactError unless the encoder that is given is the one that was trained with."""
    name = stated.get("name") if isinstance(stated, dict) else None
    if stated is not None and not isinstance(name, str):
        raise ArtifactError(f"the router states no name of its encoder: {MEND}")
    if name is None and outer is not None:
        raise ArtifactError(f"the router was trained without an encoder: leave {outer.name} away")
    if name is not None and outer is None:
        raise ArtifactError(
            f"the router reads texts with the encoder {name} too, which its file does not hold: give it (--encoder), "
            "or train again without one"
        )
    if outer is not None and (outer.name, outer.n_dims) != (name, stated.get("n_dims")):
        raise ArtifactError(f"the router was trained with the encoder {name}, not {outer.name}: give that one")


def _check_stated(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Whether the header states the heads and parts whose arrays there are: else weights would go to other parts."""
    stated = ["table", "basis", "stack", *_names(header["heads"])]
    there = list(dict.fromkeys(name.partition(".")[0] for name in arrays))
    if stated != there:
        raise ValueError(f"{', '.join(stated)} are stated, {', '.join(there)} are there")
    parts = list(dict.fromkeys(name.partition(".")[0] for name in _part(arrays, "stack") if "." in name))
    if list(_names(header["parts"])) != parts:
        raise ValueError(f"the parts {', '.join(parts)} are there, others are stated")


def _check(router: TrainedRouter) -> None:
    """Whether the parts agree in size, tried on an empty text: what does not fit must not be found out by a request."""
    foretold = router.foretell([outline_of_text("")])
    for name, matrix in foretold._asdict().items():
        if matrix.shape != (1, len(router.arms)):
            raise ValueError(f"{len(router.arms)} arms, but {name} foretold in the shape {matrix.shape}")
    for part in router.stack.parts.values():
        if isinstance(part, Neighbours) and part.scores.shape != (router.basis.n_landmarks, len(router.arms)):
            raise ValueError(f"{router.basis.n_landmarks} landmarks, but neighbours of shape {part.scores.shape}")
    if router.cost_scale_usd is not None and router.cost_scale_usd < 0.0:
        raise ValueError(f"the cost scale is {router.cost_scale_usd}")
    if not np.isfinite(foretold.quality).all():
        raise ValueError("the quality foretold is no number")
    if tuple(router.model_map.entries) != router.arms:
        raise ValueError("the model map is of other arms")


_OF_ARMS: Final = (
    "lengths.log_spread", "lengths.n_seen", "costs.fit_error", "costs.basis", "delays.log_spread",
    "delays.ttft_log_spread", "delays.n_seen", "delays.n_ttft_seen",
)  # fmt: skip
"""Arrays of one number an arm that no forecast of one text reads in full."""


def _check_sizes(router: TrainedRouter, arrays: Mapping[str, NDArray[Any]]) -> None:
    """The sizes of what a trial forecast does not touch: a map, counts, a table that waits for new models."""
    n_arms, n_shape, n_clusters = len(router.arms), len(SHAPE_NAMES), len(router.model_map.clusters)
    expected: dict[str, tuple[int, ...]] = dict.fromkeys(_OF_ARMS, (n_arms,))
    for name in ("difficulty", "median_chars", "share"):
        expected[f"model_map.clusters.{name}"] = (n_clusters,)
    expected["model_map.clusters.shape"] = (n_clusters, n_shape)
    table = router.stack.parts.get("cluster_table")
    if isinstance(table, ClusterTable):
        expected["stack.cluster_table.centroids"] = (len(table.centroids), len(router.basis.centre) + n_shape)
    there = {name: shape for name, shape in expected.items() if name in arrays}
    check_shapes(**{name: (arrays[name], shape) for name, shape in there.items()})


def _names(stated: Any) -> tuple[str, ...]:
    """Names, each once. Raises: TypeError, ValueError for anything else."""
    if not isinstance(stated, list) or not all(isinstance(name, str) for name in stated):
        raise TypeError(f"{str(stated)[:60]!r} is no list of names")
    if len(set(stated)) < len(stated):
        raise ValueError(f"a name comes twice in {', '.join(stated)[:60]}")
    return tuple(stated)


def _features(mends: bool) -> dict[str, Any]:
    """What the arrays mean: a router trained on other features must not be used with these."""
    # Routers of before misspelt words were mended do not say so, and are read as they were trained.
    spelling = {"misspelt_words": "mended"} if mends else {}
    return {"shape": list(SHAPE_NAMES), "n_buckets": N_BUCKETS, "run_bytes": RUN_BYTES, **spelling}


def _add(arrays: dict[str, NDArray[Any]], name: str, more: Mapping[str, NDArray[Any]]) -> None:
    arrays.update({f"{name}.{key}": array for key, array in more.items()})


def _part(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    prefix = f"{name}."
    return {key[len(prefix) :]: array for key, array in arrays.items() if key.startswith(prefix)}
