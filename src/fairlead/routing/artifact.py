"""The shipped artefact: the text model and the measured abilities as the bytes of one container, and back.

The table of word pieces is a file of its own, since trained routers share it; the checksum of the one that was fitted
on is written here, and another one is refused.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError
from fairlead.domain.kinds import KINDS
from fairlead.routing.container import pack, unpack
from fairlead.routing.features.shape import SHAPE_NAMES
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.modelmap.benchmark_scale import Anchor
from fairlead.routing.modelmap.measured import MeasuredAbility
from fairlead.routing.predictors.kernel_basis import MEANING_WIDTH, SHAPE, SHAPE_CEILING, SHAPE_WIDTH
from fairlead.routing.predictors.prompt_reader import HEADS, MAX_TABLE_VALUE, Landmarks, PromptReader

KIND: Final = "prompt model"
VERSION: Final = 2
"""1 was a table of n-grams in a layout of its own."""
_MEND: Final = "install fairlead again, or make the artefact anew (`make artefact`)"
_CHECKSUM_BYTES: Final = 32
_FLOATS: Final = (("piece_steps", np.float64), ("intercepts", np.float64), ("column_weights", np.float32))
_LANDMARKS: Final = ("centre", "shape_mean", "shape_sd", "meaning", "shape")

Arrays = Mapping[str, NDArray[Any]]


class PromptModel(NamedTuple):
    """What the artefact holds. `measured`: id of a card -> what outcomes say of that model."""

    reader: PromptReader
    measured: Mapping[str, MeasuredAbility]


def checksum_of(table_file: bytes) -> str:
    """What tells one table of word pieces from another: the checksum that its file ends with, in hexadecimal."""
    return table_file[-_CHECKSUM_BYTES:].hex()


def dump(model: PromptModel, table_checksum: str, card: Mapping[str, Any]) -> bytes:
    """The artefact of a text model with its card; equal arguments give equal bytes."""
    reader, measured = model.reader, [model.measured[name] for name in sorted(model.measured)]
    header = {
        "features": _features(),
        "table_checksum": table_checksum,
        "difficulty_sd": reader.difficulty_sd,
        "log_tokens_sd": reader.log_tokens_sd,
        "anchors": {name: list(anchor) for name, anchor in sorted(reader.anchors.items())},
        "measured": [
            {
                "model": one.model,
                "n_by_kind": list(one.n_by_kind),
                "n_outcomes": one.n_outcomes,
                "sources": list(one.sources),
                "benchmarks": sorted(one.benchmarks),
                "as_of": one.as_of,
            }
            for one in measured
        ],
        "card": card,
    }
    n, k = len(measured), len(KINDS)
    arrays = {
        "piece_table": reader.piece_table,
        **{name: getattr(reader, name) for name, _ in _FLOATS},
        **{f"landmarks.{name}": getattr(reader.landmarks, name) for name in _LANDMARKS},
        "measured.precisions": np.array([one.precision for one in measured], dtype=np.float64).reshape(n, k, k),
        "measured.pulls": np.array([one.pull for one in measured], dtype=np.float64).reshape(n, k),
    }
    return pack(KIND, VERSION, header, arrays)


def load(data: bytes, table: StaticTable, table_checksum: str) -> PromptModel:
    """The text model of an artefact, on the table whose checksum is given.

    Raises: ArtifactError if the bytes are not whole, not ours, of another version, or made for another table.
    """
    header, arrays = unpack(data, KIND, VERSION, _MEND)
    if header.get("features") != _features():
        raise ArtifactError(f"the routing artefact was made for other features than this fairlead reads: {_MEND}")
    if header.get("table_checksum") != table_checksum:
        raise ArtifactError(f"the routing artefact was made for another table of word pieces than is here: {_MEND}")
    try:
        return PromptModel(_reader_of(header, arrays, table), MappingProxyType(_measured_of(header, arrays)))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArtifactError(f"the routing artefact does not fit together ({error}): {_MEND}") from error


def card_of(data: bytes) -> dict[str, Any]:
    """The card: what the artefact was fitted on, when, and how well it did.

    Raises: ArtifactError as load does.
    """
    header, _ = unpack(data, KIND, VERSION, _MEND)
    card = header.get("card")
    if not isinstance(card, dict):
        raise ArtifactError(f"the routing artefact has no card: {_MEND}")
    return card


def _reader_of(header: Mapping[str, Any], arrays: Arrays, table: StaticTable) -> PromptReader:
    held = arrays["piece_table"]
    if held.dtype != np.int16 or max(int(held.max()), -int(held.min())) > MAX_TABLE_VALUE:
        raise ValueError(f"a piece's weight is above {MAX_TABLE_VALUE}, or no whole number")
    singles = {name: arrays[f"landmarks.{name}"] for name in _LANDMARKS}
    floats = {name: arrays[name] for name, _ in _FLOATS}
    if any(array.dtype != np.float32 for array in singles.values()) or any(
        floats[name].dtype != kind for name, kind in _FLOATS
    ):
        raise ValueError("an array has another type")
    if not bool((singles["shape_sd"] > 0).all()):
        raise ValueError("a standard deviation is not above 0")
    return PromptReader(
        table=table,
        landmarks=Landmarks(**singles),
        column_weights=floats["column_weights"],
        piece_table=held,
        piece_steps=floats["piece_steps"],
        intercepts=floats["intercepts"],
        difficulty_sd=float(header["difficulty_sd"]),
        log_tokens_sd=float(header["log_tokens_sd"]),
        anchors={name: Anchor(float(pair[0]), float(pair[1])) for name, pair in header["anchors"].items()},
    )


def _measured_of(header: Mapping[str, Any], arrays: Arrays) -> dict[str, MeasuredAbility]:
    rows, precisions, pulls = header["measured"], arrays["measured.precisions"], arrays["measured.pulls"]
    k = len(KINDS)
    if precisions.shape != (len(rows), k, k) or pulls.shape != (len(rows), k):
        raise ValueError(f"measured abilities of shapes {precisions.shape} and {pulls.shape} for {len(rows)} models")
    if not np.allclose(precisions, precisions.transpose(0, 2, 1)):
        raise ValueError("a precision is not symmetric")
    if len(rows) and float(np.linalg.eigvalsh(precisions).min()) < -1e-6:
        raise ValueError("a precision is negative")
    found = {}
    for row, precision, pull in zip(rows, precisions, pulls, strict=True):
        found[str(row["model"])] = MeasuredAbility(
            str(row["model"]), precision, pull, tuple(map(float, row["n_by_kind"])), int(row["n_outcomes"]),
            tuple(map(str, row["sources"])), frozenset(map(str, row["benchmarks"])), str(row["as_of"]),
        )  # fmt: skip
    return found


def _features() -> dict[str, Any]:
    """What the weights mean: a model made for other features must not be used with these."""
    return {
        "kinds": list(KINDS),
        "heads": list(HEADS),
        "shape": list(SHAPE_NAMES),
        "pieces": "each once",
        "kernel": [MEANING_WIDTH, SHAPE_WIDTH, SHAPE, SHAPE_CEILING],
    }
