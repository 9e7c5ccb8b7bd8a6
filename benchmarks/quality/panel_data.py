"""The panels that the benchmarks of this folder measure on: models worth routing among, complete outcomes, costs."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.quality.encoder import encoder
from fairlead.domain.outline import Outline
from fairlead.evaluation.outcome_data import outline_of
from fairlead.routing.features.query_features import QueryFeatures

Floats = NDArray[np.float64]

PANELS: Final[Mapping[str, tuple[str, ...]]] = {
    "zeroeval": (
        "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20241022", "claude-3-haiku-20240307",
        "claude-3-5-haiku-20241022", "gemini-1.5-pro", "gemini-1.5-flash", "o1-mini-2024-09-12", "deepseek-v2.5-0908",
        "Mistral-Large-2", "Qwen2.5-72B-Instruct", "Meta-Llama-3.1-8B-Instruct", "Meta-Llama-3.1-70B-Instruct",
    ),
    "bfcl": (
        "gpt-4o-2024-05-13-FC", "gpt-4o-mini-2024-07-18-FC", "gpt-4-turbo-2024-04-09-FC", "gpt-3.5-turbo-0125-FC",
        "claude-3-opus-20240229", "claude-3-sonnet-20240229", "claude-3-haiku-20240307", "claude-3-5-sonnet-20240620",
        "gemini-1.5-pro-preview-0514", "gemini-1.5-flash-preview-0514", "mistral-large-2407-FC-Any",
        "open-mixtral-8x22b-FC-Any", "open-mistral-nemo-2407-FC-Any", "command-r-plus",
    ),
    "mmlu_pro": (
        "Qwen1.5-7B-Chat", "Meta-Llama-3_1-8B-Instruct", "Phi-3-mini-4k-instruct", "Mixtral-8x7B-Instruct-v0.1",
        "Qwen1.5-72B-Chat", "Meta-Llama-3_1-70B-Instruct", "gemini-1.5-flash-002", "gemini-1.5-pro-002",
        "mathstral-7B",
    ),
    "kor_bench": (
        "Qwen2.5-7B-Instruct", "Phi-3.5-mini-instruct", "gemma-2-9b-it", "gemma-2-27b-it", "Qwen2.5-32B-Instruct",
        "Qwen2.5-72B-Instruct", "Mistral-Large-Instruct-2407", "Meta-Llama-3.1-405B-Instruct", "gpt-4o-2024-08-06",
        "claude-3-5-sonnet-20240620",
    ),
}  # fmt: skip
"""The reference script's panels; of other sources every model with at least 99 % of the queries."""

_MEASURES: Final = ("input_tokens", "output_tokens", "cost_usd", "latency_s")


@dataclass(frozen=True, slots=True)
class PanelData:
    """Queries that every model of a panel answered.

    Shapes: query_ids, texts, tasks, is_dev (n,); scores (n, m) complete; the other matrices (n, m), NaN = unknown.
    """

    source: str
    models: tuple[str, ...]
    query_ids: tuple[str, ...]
    texts: tuple[str, ...]
    tasks: NDArray[np.str_]
    is_dev: NDArray[np.bool_]
    scores: Floats
    input_tokens: Floats
    output_tokens: Floats
    cost_usd: Floats
    latency_s: Floats
    hides_cost: NDArray[np.bool_]
    """Whether the model's hidden reasoning is missing from its cost (m,)."""

    def take(self, rows: NDArray[np.int64]) -> "PanelData":
        """The queries at these places."""
        at: list[int] = rows.tolist()
        return PanelData(
            self.source, self.models, tuple(self.query_ids[row] for row in at), tuple(self.texts[row] for row in at),
            self.tasks[rows], self.is_dev[rows], self.scores[rows], self.input_tokens[rows], self.output_tokens[rows],
            self.cost_usd[rows], self.latency_s[rows], self.hides_cost,
        )  # fmt: skip

    def of_models(self, keep: NDArray[np.int64]) -> "PanelData":
        """The models at these places."""
        return PanelData(
            self.source, tuple(self.models[at] for at in keep.tolist()), self.query_ids, self.texts, self.tasks,
            self.is_dev, self.scores[:, keep], self.input_tokens[:, keep], self.output_tokens[:, keep],
            self.cost_usd[:, keep], self.latency_s[:, keep], self.hides_cost[keep],
        )  # fmt: skip

    @property
    def n_chars(self) -> Floats:
        """Characters of each text (n,)."""
        return np.array([len(text) for text in self.texts], dtype=np.float64)


def read_panel(folder: Path, source: str, models: tuple[str, ...] | None = None) -> PanelData:
    """A source's panel, ordered by task and query id. Raises: FileNotFoundError with the missing path."""
    queries = pq.read_table(folder / "outcomes" / f"{source}.queries.parquet").to_pydict()
    outcomes = pq.read_table(folder / "outcomes" / f"{source}.outcomes.parquet").to_pydict()
    rows_of = {key: row for row, key in enumerate(zip(queries["dataset"], queries["query_id"], strict=True))}
    keys = list(zip(outcomes["dataset"], outcomes["query_id"], strict=True))
    rows = np.array([rows_of.get(key, -1) for key in keys])
    names = sorted(set(outcomes["model"]))
    place = {name: column for column, name in enumerate(names)}
    columns = np.array([place[name] for name in outcomes["model"]])
    known = rows >= 0

    def matrix(measure: str) -> Floats:
        values = np.full((len(rows_of), len(names)), np.nan)
        if measure in outcomes:
            values[rows[known], columns[known]] = np.array(outcomes[measure], dtype=np.float64)[known]
        return values

    scores = matrix("score")
    panel = models or PANELS.get(source)
    if panel is None:
        asked = len(set(keys))
        panel = tuple(name for name in names if np.isfinite(scores[:, place[name]]).sum() >= 0.99 * asked)
    chosen = np.array([place[name] for name in panel if name in place])
    kept = sorted(
        np.flatnonzero(np.isfinite(scores[:, chosen]).all(axis=1)).tolist(),
        key=lambda row: (str(queries["dataset"][row]), str(queries["query_id"][row])),
    )
    at = np.array(kept)
    hidden = {
        model
        for model, kind in zip(outcomes["model"], outcomes["cost_kind"], strict=True)
        if kind is not None and kind.startswith("estimated_visible")
    }
    measures = {measure: matrix(measure)[np.ix_(at, chosen)] for measure in _MEASURES}
    return PanelData(
        source, tuple(names[column] for column in chosen.tolist()),
        tuple(str(queries["query_id"][row]) for row in kept), tuple(str(queries["query"][row]) for row in kept),
        np.array([str(queries["dataset"][row]) for row in kept]),
        np.array([queries["fold"][row] == "dev" for row in kept]), scores[np.ix_(at, chosen)],
        hides_cost=np.array([names[column] in hidden for column in chosen.tolist()]), **measures,
    )  # fmt: skip


def list_prices(folder: Path, source: str) -> dict[str, tuple[float, float]]:
    """USD per million input and output tokens of the models that panels.toml prices."""
    panels = tomllib.loads((folder / "panels.toml").read_text("utf-8"))
    return {
        model["id"]: (model["price_in_usd_per_mtok"], model["price_out_usd_per_mtok"])
        for model in panels.get(source, {}).get("model", [])
    }


def outlines_of(data: PanelData) -> list[Outline]:
    """The queries as the gateway would outline them."""
    return [outline_of(text) for text in data.texts]


def features_of(data: PanelData) -> QueryFeatures:
    """The queries as the router's encoder reads them."""
    return encoder().encode_all(outlines_of(data))
