"""Prediction files: one Parquet row per query and model, written in blocks so that any number of queries fits."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.domain.outline import outline_of_text
from fairlead.evaluation.pyarrow_extra import pa, pq
from fairlead.evaluation.whole_files import appearing_whole
from fairlead.learning.outcomes import Queries
from fairlead.routing.policies.objective import Objective
from fairlead.routing.trained_router import TrainedRouter

BLOCK_QUERIES: Final = 1_024

MEASURES: Final = ("quality", "quality_low", "quality_high", "cost_usd", "output_tokens", "latency_s")


def write_predictions(
    router: TrainedRouter,
    queries: Queries,
    path: Path,
    objectives: Sequence[Objective],
    *,
    states_weights: bool,
    heeds_verdict: bool = True,
) -> int:
    """Write the table and return its number of rows: one per query, model and objective.

    Columns: query_id, [dataset,] model, the MEASURES (null where not known), chosen, [cost_weight]. The file appears
    whole or not at all; an older one of its name stays until then.
    Raises: OutcomesError if it cannot be written, or a name is no valid Unicode.
    """
    schema = _schema(has_datasets=any(queries.datasets), states_weights=states_weights)
    n_rows = 0
    try:
        with appearing_whole(path) as file, pq.ParquetWriter(file, schema) as writer:
            for block in _blocks(router, queries, objectives, schema, heeds_verdict=heeds_verdict):
                writer.write_table(block)
                n_rows += block.num_rows
    except OSError as error:
        raise OutcomesError(f"{path}: cannot be written ({error.strerror or error}): choose another place") from error
    except UnicodeEncodeError as error:
        raise OutcomesError(
            f"{path}: cannot be written, an id, a data set or a model is no valid Unicode ({error.reason}): rename it"
        ) from error
    return n_rows


def _schema(*, has_datasets: bool, states_weights: bool) -> Any:
    fields = [("query_id", pa.string()), ("model", pa.string()), *((name, pa.float64()) for name in MEASURES)]
    fields.append(("chosen", pa.bool_()))
    if has_datasets:
        fields.insert(1, ("dataset", pa.string()))
    if states_weights:
        fields.append(("cost_weight", pa.float64()))
    return pa.schema(fields)


def _blocks(
    router: TrainedRouter, queries: Queries, objectives: Sequence[Objective], schema: Any, *, heeds_verdict: bool
) -> Iterator[Any]:
    n_arms = len(router.arms)
    for at in range(0, len(queries), BLOCK_QUERIES):
        end = min(at + BLOCK_QUERIES, len(queries))
        foretold = router.foretell([outline_of_text(text) for text in queries.texts[at:end]])
        columns: dict[str, Any] = {
            "query_id": pa.array(np.repeat(np.array(queries.ids[at:end], dtype=object), n_arms), pa.string()),
            "dataset": pa.array(np.repeat(np.array(queries.datasets[at:end], dtype=object), n_arms), pa.string()),
            "model": pa.array(np.tile(np.array(router.arms, dtype=object), end - at), pa.string()),
            **{
                name: pa.array(matrix.ravel(), mask=~np.isfinite(matrix.ravel()))
                for name in MEASURES
                for matrix in (getattr(foretold, name),)
            },
        }
        for objective in objectives:
            chosen = np.zeros((end - at, n_arms), dtype=np.bool_)
            picks = router.choose(foretold, objective, heeds_verdict=heeds_verdict)
            chosen[np.arange(end - at), picks] = True
            columns["chosen"] = pa.array(chosen.ravel())
            columns["cost_weight"] = pa.array(np.full(chosen.size, objective.cost_weight or 0.0))
            yield pa.table([columns[name] for name in schema.names], schema=schema)
