"""Measured outcomes: which model got which question right, read from Parquet tables into arrays.

Two files a source: `<source>.queries.parquet` (dataset, query_id, query, fold) and `<source>.outcomes.parquet`
(dataset, query_id, model, score, output_tokens, cost_usd, ...). Texts stay in memory; nothing here writes them.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fairlead.domain.outline import TURN_SAMPLE_CHARS, Outline

Fold = Literal["dev", "val"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where outcomes come from, under which licence, and what a guesser scores there."""

    name: str
    repository: str
    licence: str
    guess_rates: Mapping[str, float]
    """Task -> score of a guesser; the key "" speaks for all tasks that are not named."""
    left_out: frozenset[str] = frozenset()
    """Tasks that may be measured but never trained on: their questions carry another licence."""

    def guess_rate_of(self, task: str) -> float:
        """Score of a guesser on a task."""
        return self.guess_rates.get(task, self.guess_rates.get("", 0.0))


SOURCES: Final[Mapping[str, Source]] = {
    source.name: source
    for source in (
        Source("zeroeval", "WildEval/ZeroEval @ 8c1485e", "Apache-2.0", {}),
        Source(
            "llmrouter9",
            "ulab-uiuc/LLMRouter @ 4e7a796",
            "MIT",
            {"mmlu": 0.25, "commonsense_qa": 0.2, "openbook_qa": 0.25, "arc_challenge": 0.25, "gpqa": 0.25},
            frozenset({"arc_challenge", "natural_qa", "mbpp", "gpqa"}),
        ),
        Source("kor_bench", "KOR-Bench/KOR-Bench @ bb8194d", "Apache-2.0", {}),
        Source("mmlu_pro", "TIGER-AI-Lab/MMLU-Pro @ f418b11", "Apache-2.0", {"": 0.1}),
        Source(
            "routellm",
            "lm-sys/RouteLLM @ 0b64fda",
            "Apache-2.0",
            {"": 0.25, "routellm_gsm8k": 0.0, "routellm_mt_bench": 0.0},
        ),
        Source("bullshit_bench", "petergpt/bullshit-benchmark @ d2489cf", "MIT", {}),
    )
}
"""The sources that a shipped artefact may be fitted on: MIT or Apache-2.0, by name."""


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """One source as a matrix.

    Shapes: texts, tasks, folds (n_queries,); every other array (n_queries, n_models), NaN where not measured.
    """

    source: str
    models: tuple[str, ...]
    query_ids: tuple[str, ...]
    texts: tuple[str, ...]
    tasks: tuple[str, ...]
    folds: tuple[str, ...]
    scores: NDArray[np.float64]
    input_tokens: NDArray[np.float64]
    output_tokens: NDArray[np.float64]
    cost_usd: NDArray[np.float64]

    def select(self, keep: NDArray[np.bool_]) -> "OutcomeTable":
        """The queries that `keep` (n_queries,) marks."""
        rows: list[int] = np.flatnonzero(keep).tolist()

        def pick(values: Sequence[str]) -> tuple[str, ...]:
            return tuple(values[row] for row in rows)

        return OutcomeTable(
            self.source, self.models, pick(self.query_ids), pick(self.texts), pick(self.tasks), pick(self.folds),
            self.scores[rows], self.input_tokens[rows], self.output_tokens[rows], self.cost_usd[rows],
        )  # fmt: skip

    def of_fold(self, fold: Fold) -> "OutcomeTable":
        """The queries of one fold."""
        return self.select(np.array([this == fold for this in self.folds], dtype=np.bool_))


def read_outcomes(folder: Path, source: str) -> OutcomeTable:
    """One source's outcomes from `folder/outcomes`, ordered by query id and model name.

    Raises: FileNotFoundError with the missing path.
    """
    queries = pq.read_table(folder / "outcomes" / f"{source}.queries.parquet").to_pydict()
    outcomes = pq.read_table(folder / "outcomes" / f"{source}.outcomes.parquet").to_pydict()
    order = sorted(range(len(queries["query_id"])), key=lambda row: str(queries["query_id"][row]))
    query_ids = tuple(str(queries["query_id"][row]) for row in order)
    models = tuple(sorted(set(outcomes["model"])))
    row_of = {query_id: row for row, query_id in enumerate(query_ids)}
    column_of = {model: column for column, model in enumerate(models)}
    rows = np.array([row_of[str(query_id)] for query_id in outcomes["query_id"]])
    columns = np.array([column_of[model] for model in outcomes["model"]])

    def matrix(name: str) -> NDArray[np.float64]:
        values = np.full((len(query_ids), len(models)), np.nan)
        values[rows, columns] = np.array(outcomes[name], dtype=np.float64)
        return values

    return OutcomeTable(
        source=source,
        models=models,
        query_ids=query_ids,
        texts=tuple(str(queries["query"][row]) for row in order),
        tasks=tuple(str(queries["dataset"][row]) for row in order),
        folds=tuple(str(queries["fold"][row]) for row in order),
        scores=matrix("score"),
        input_tokens=matrix("input_tokens"),
        output_tokens=matrix("output_tokens"),
        cost_usd=matrix("cost_usd"),
    )


def outline_of(text: str, system_text: str = "", n_tools: int = 0) -> Outline:
    """A bare text as the outline that the gateway would make of it: head and tail of a long turn."""
    head = TURN_SAMPLE_CHARS * 2 // 3
    sampled = text if len(text) <= TURN_SAMPLE_CHARS else text[:head] + "\n" + text[head - TURN_SAMPLE_CHARS :]
    return Outline(
        system_text=system_text,
        turn_text=sampled,
        n_chars=len(text) + len(system_text),
        turn_chars=len(text),
        n_messages=2 if system_text else 1,
        n_tools=n_tools,
    )


def normal_form(text: str) -> str:
    """A question without case, spacing, punctuation and the benchmark's frame: equal for equal questions.

    Wordings of one question differ from source to source in their tails (options, instructions), so the first 160
    letters and digits stand for the whole.
    """
    bare = without_frame(text)
    return re.sub(r"[\W_]+", "", bare.lower())[:160]


def without_frame(text: str) -> str:
    """The question alone, where a benchmark's fixed instructions surround it; else the text itself."""
    match = re.search(r"## Question:\s*(.*?)\s*## Instruction", text, re.DOTALL)
    return match.group(1) if match else text


def sha256_of_files(folder: Path, sources: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of every file that the given sources are read from, by file name."""
    found = {}
    for source in sources:
        for part in ("queries", "outcomes"):
            name = f"{source}.{part}.parquet"
            found[name] = hashlib.sha256((folder / "outcomes" / name).read_bytes()).hexdigest()
    return found
