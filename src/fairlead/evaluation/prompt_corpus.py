"""The rows that the text model is fitted on: outcomes' questions and seed prompts, each with its targets and weights.

A row may teach one head and not another: its weight there is 0. Each question stands as the model saw it and, where a
benchmark wraps it in fixed instructions, also bare, at half the weight each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.kinds import KINDS
from fairlead.evaluation.item_response import ItemScale
from fairlead.evaluation.outcome_data import OutcomeTable, normal_form, without_frame
from fairlead.evaluation.seed_prompts import SeedPrompt
from fairlead.evaluation.task_kinds import kind_shares_of

Floats = NDArray[np.float64]

RESIDUAL_VARIANCE: Final = 3.5
"""logits^2: what text cannot tell about a question's difficulty; a question's weight is 1 / (this + its own error).
Sources are balanced besides: each counts by the root of its number of questions, not by the number."""
SEED_DIFFICULTY_WEIGHT: Final = 4.0
SEED_LENGTH_WEIGHT: Final = 10.0
"""Of one seed prompt, in questions that were answered by many models: a few hundred seeds must speak for all chat."""
SEED_KIND_SHARE: Final = 0.5
"""Seeds hold half of each kind's weight; the seven kinds weigh the same."""
LENGTH_SHIFTS: Final[Mapping[str, float]] = {"zeroeval": 0.4, "kor_bench": 0.4, "mmlu_pro": 1.1}
"""Natural logarithms, hand-set: answers of 2024 to few-shot prompts are terser than today's answers in chat. Sources
that are not named teach no length: theirs is unknown (llmrouter9), too few (routellm), or holds hidden reasoning."""
DIFFICULTY_LIMIT: Final = 6.0
SEED_SOURCE: Final = "seed prompts"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Rows with their targets.

    Shapes: texts, sources, groups (n,); shares (n, n_kinds); every other array (n,). A weight of 0 = this row does
    not teach it.
    """

    texts: tuple[str, ...]
    sources: tuple[str, ...]
    groups: tuple[str, ...]
    """Normal form of the question: rows of one group never part in cross-validation."""
    shares: Floats
    kind_weights: Floats
    difficulty: Floats
    difficulty_weights: Floats
    difficulty_noise: Floats
    """Variance of the difficulty's own error, logits^2; 0 for hand-set labels."""
    log_tokens: Floats
    length_weights: Floats
    is_seed: NDArray[np.bool_]


@dataclass(slots=True)
class _Row:
    text: str
    source: str
    group: str
    shares: Floats | None
    difficulty: float
    noise: float
    log_tokens: float | None
    weight: float
    balance: float
    is_seed: bool


def build_corpus(tables: Sequence[OutcomeTable], scale: ItemScale, seeds: Sequence[SeedPrompt]) -> Corpus:
    """All rows; the scale must have been fitted on the same tables in the same order."""
    rows: list[_Row] = []
    at = 0
    n_mean = float(np.mean([len(table.texts) for table in tables]))
    for table in tables:
        balance = float(np.sqrt(n_mean / max(1, len(table.texts))))
        lengths = log_lengths(table)
        for index, text in enumerate(table.texts):
            length = float(lengths[index])
            bare = without_frame(text)
            variants = (text,) if bare == text else (text, bare)
            for variant in variants:
                rows.append(
                    _Row(
                        variant,
                        table.source,
                        normal_form(text),
                        kind_shares_of(table.source, table.tasks[index]),
                        float(np.clip(scale.difficulty[at], -DIFFICULTY_LIMIT, DIFFICULTY_LIMIT)),
                        1.0 / max(float(scale.information[at]), 1e-3),
                        length if np.isfinite(length) else None,
                        1.0 / len(variants),
                        balance,
                        False,
                    )
                )
            at += 1
    for seed in seeds:
        rows.append(
            _Row(
                seed.text, SEED_SOURCE, seed.family or normal_form(seed.text), seed.kind_shares, seed.difficulty, 0.0,
                float(np.log(seed.output_tokens)), seed.weight, 1.0, True,
            )
        )  # fmt: skip
    return _stack(rows)


def _stack(rows: Sequence[_Row]) -> Corpus:
    is_seed = np.array([row.is_seed for row in rows])
    noise = np.array([row.noise for row in rows])
    weight = np.array([row.weight for row in rows])
    shares = np.array([row.shares if row.shares is not None else np.zeros(len(KINDS)) for row in rows])
    balance = np.array([row.balance for row in rows])
    measured = RESIDUAL_VARIANCE / (RESIDUAL_VARIANCE + noise) * weight * balance
    has_length = np.array([row.log_tokens is not None for row in rows])
    return Corpus(
        texts=tuple(row.text for row in rows),
        sources=tuple(row.source for row in rows),
        groups=tuple(row.group for row in rows),
        shares=shares,
        kind_weights=_kind_weights(shares, weight, is_seed),
        difficulty=np.array([row.difficulty for row in rows]),
        difficulty_weights=np.where(is_seed, SEED_DIFFICULTY_WEIGHT * weight, measured),
        difficulty_noise=noise,
        log_tokens=np.array([row.log_tokens if row.log_tokens is not None else 0.0 for row in rows]),
        length_weights=np.where(is_seed, SEED_LENGTH_WEIGHT, 1.0) * weight * has_length,
        is_seed=is_seed,
    )


def _kind_weights(shares: Floats, weight: Floats, is_seed: NDArray[np.bool_]) -> Floats:
    """Weights under which every kind has the same total and seeds hold SEED_KIND_SHARE of it; they sum to n rows."""
    found = np.zeros(len(shares))
    for part, total in ((is_seed, SEED_KIND_SHARE), (~is_seed, 1.0 - SEED_KIND_SHARE)):
        mass = (shares * (weight * part)[:, None]).sum(axis=0)
        per_unit = np.divide(total, mass, out=np.zeros_like(mass), where=mass > 0)
        found += (shares @ per_unit) * weight * part
    scaled: Floats = found / found.sum() * np.count_nonzero(shares.sum(axis=1))
    return scaled


def log_lengths(table: OutcomeTable) -> Floats:
    """Log visible output tokens of each question for a model of ordinary verbosity; NaN where the source teaches none.

    Shapes: (n_queries,). Model effects are removed by an additive fit: question + model. Base models are left out.
    """
    if table.source not in LENGTH_SHIFTS:
        return np.full(len(table.texts), np.nan)
    chat = np.array([not model.endswith("(base, 3-shot)") for model in table.models])
    tokens = table.output_tokens[:, chat]
    logs = np.where(tokens > 0, np.log(np.maximum(tokens, 1.0)), np.nan)
    question, model = np.zeros(logs.shape[0]), np.zeros(logs.shape[1])
    known = np.isfinite(logs)
    filled = np.where(known, logs, 0.0)
    per_question, per_model = np.maximum(known.sum(axis=1), 1), np.maximum(known.sum(axis=0), 1)
    for _ in range(20):
        question = (filled - known * model).sum(axis=1) / per_question
        model = (filled - known * question[:, None]).sum(axis=0) / per_model
        model -= model.mean()
    return np.where(known.any(axis=1), question + LENGTH_SHIFTS[table.source], np.nan)


def fold_of(group: str, n_folds: int) -> int:
    """The cross-validation fold of a group, by its hash."""
    return int.from_bytes(sha256(group.encode("utf-8", "surrogatepass")).digest()[:4], "big") % n_folds
