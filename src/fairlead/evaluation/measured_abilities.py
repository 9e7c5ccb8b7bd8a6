"""What the outcomes say of each catalogue model's abilities: a Bayesian logistic regression per model and source.

    P(right) = g + (1 - g) E sigma(kinds . theta - difficulty)

with the kinds that the text model reads, the difficulty of the question's own posterior (item_response.py) and the
expectation over its error by MacKay's approximation, as the forecast does it. The likelihood is taken as a Gaussian
around the mode under a weak prior (Laplace), and the prior is taken out again: what stays is evidence that can be added
to any other. Each source is widened by what a test set-up can shift a model by, and then they are added.

Which outcomes speak of which card is written in outcome_names.toml; no other name is read.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from math import pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import outline_of_text
from fairlead.evaluation.item_response import TASK_SD, ItemScale, joined_name
from fairlead.evaluation.outcome_data import SOURCES, OutcomeTable
from fairlead.routing.modelmap.benchmark_scale import MISFIT_SD, PRIOR_COVARIANCE
from fairlead.routing.modelmap.measured import MeasuredAbility
from fairlead.routing.predictors.prompt_reader import PromptReader

Floats = NDArray[np.float64]

SETUP_COVARIANCE: Final = MISFIT_SD**2 * (np.ones((len(KINDS), len(KINDS))) + np.eye(len(KINDS)))
"""Logits^2: how far a model's abilities may lie, in one source's set-up, from where they lie elsewhere: alike in all
kinds (format, few-shot examples) and kind by kind (a kind's everyday requests are not one benchmark's)."""
PRIOR_WIDENING: Final = 4.0
"""Times the covariance of abilities: the prior that steadies a fit and is taken out again."""
MIN_BENCHMARK_OUTCOMES: Final = 30
"""From so many of a benchmark's own questions on, a published figure of it would say the same thing twice."""
BENCHMARK_TASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "mmlu_pro": ("mmlu_pro:mmlu_pro/",),
    "mmlu": ("routellm:routellm_mmlu_", "llmrouter9:mmlu"),
    "gsm8k": ("zeroeval:gsm", "llmrouter9:gsm8k", "routellm:routellm_gsm8k"),
    "math": ("zeroeval:math-l5", "llmrouter9:math"),
    "mgsm": ("llmrouter9:agentverse-mgsm",),
    "humaneval": ("llmrouter9:human_eval",),
    "triviaqa": ("llmrouter9:trivia_qa",),
}
"""Benchmark of the catalogue -> beginnings of `source:task` whose questions are its own."""
MAX_STEPS: Final = 50
_MARGIN: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Answers:
    """One model's outcomes in one source.

    Shapes: all (n,) but kinds (n, n_kinds). Units: difficulty in logits; steepness, by which a logit shrinks for the
    difficulty's own error.
    """

    kinds: Floats
    difficulty: Floats
    steepness: Floats
    guess: Floats
    score: Floats

    def slope(self, ability: Floats) -> tuple[Floats, Floats]:
        """Gradient (n_kinds,) of the log likelihood and Fisher's information (n_kinds, n_kinds)."""
        chance = 1.0 / (1.0 + np.exp(-self.steepness * (self.kinds @ ability - self.difficulty)))
        expected = np.clip(self.guess + (1.0 - self.guess) * chance, _MARGIN, 1.0 - _MARGIN)
        steep = (1.0 - self.guess) * chance * (1.0 - chance) * self.steepness
        per_variance = steep / (expected * (1.0 - expected))
        gradient: Floats = self.kinds.T @ ((self.score - expected) * per_variance)
        information: Floats = (self.kinds * (steep * per_variance)[:, None]).T @ self.kinds
        return gradient, information


def evidence_of(answers: Answers, centre: float) -> tuple[Floats, Floats]:
    """Precision (n_kinds, n_kinds) and pull (n_kinds,) of the outcomes alone; `centre` only steadies the fit."""
    prior = np.linalg.inv(PRIOR_COVARIANCE * PRIOR_WIDENING)
    start = np.full(len(KINDS), centre)
    ability = start.copy()
    for _ in range(MAX_STEPS):
        gradient, information = answers.slope(ability)
        step = np.linalg.solve(information + prior, gradient - prior @ (ability - start))
        ability += step * min(1.0, 1.0 / float(np.abs(step).max() + 1e-12))
        if float(np.abs(step).max()) < 1e-8:
            break
    gradient, information = answers.slope(ability)
    return information, information @ ability + gradient


def widened(precision: Floats, pull: Floats) -> tuple[Floats, Floats]:
    """The evidence of a source once its set-up may have shifted the abilities; also where it is blind to some kinds."""
    ease = np.linalg.inv(np.eye(len(KINDS)) + precision @ SETUP_COVARIANCE)
    wider = ease @ precision
    return (wider + wider.T) / 2, ease @ pull


def outcome_names() -> dict[str, str]:
    """How the outcomes spell a model -> the id of its card."""
    text = resources.files("fairlead.evaluation").joinpath("outcome_names.toml").read_text("utf-8")
    return dict(tomllib.loads(text)["names"])


def measure_abilities(
    tables: Sequence[OutcomeTable], scale: ItemScale, reader: PromptReader, as_of: str
) -> dict[str, MeasuredAbility]:
    """Card id -> evidence; the scale must have been fitted on the same tables in the same order."""
    names = outcome_names()
    k = len(KINDS)
    precisions: dict[str, Floats] = defaultdict(lambda: np.zeros((k, k)))
    pulls: dict[str, Floats] = defaultdict(lambda: np.zeros(k))
    by_kind: dict[str, Floats] = defaultdict(lambda: np.zeros(k))
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    tasks: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    at = 0
    for table in tables:
        places = slice(at, at + len(table.texts))
        at = places.stop
        items = _Items.of(table, scale, places, reader)
        columns: dict[str, list[int]] = defaultdict(list)
        for column, spelling in enumerate(table.models):
            if spelling in names:
                columns[names[spelling]].append(column)
        for model, own in sorted(columns.items()):
            centre = float(np.mean([scale.abilities[joined_name(table.models[column])] for column in own]))
            answers, rows = items.answers(table.scores[:, own])
            if not len(rows):
                continue
            precision, pull = widened(*evidence_of(answers, centre))
            precisions[model] += precision
            pulls[model] += pull
            by_kind[model] += answers.kinds.sum(axis=0)
            counts[model][table.source] = len(rows)
            for row in rows.tolist():
                tasks[model][f"{table.source}:{table.tasks[row]}"] += 1
    return {
        model: MeasuredAbility(
            model, np.round(precisions[model], 9), np.round(pulls[model], 9),
            tuple(round(float(n), 1) for n in by_kind[model]), sum(counts[model].values()), tuple(counts[model]),
            _benchmarks_in(tasks[model]), as_of,
        )
        for model in sorted(counts)
    }  # fmt: skip


def _benchmarks_in(tasks: Mapping[str, int]) -> frozenset[str]:
    """The benchmarks of the catalogue of which there are outcomes enough."""
    found = set()
    for benchmark, beginnings in BENCHMARK_TASKS.items():
        n = sum(count for task, count in tasks.items() if task.startswith(beginnings))
        if n >= MIN_BENCHMARK_OUTCOMES:
            found.add(benchmark)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Items:
    """A source's questions as every model meets them. Shapes as in Answers."""

    kinds: Floats
    difficulty: Floats
    steepness: Floats
    guess: Floats

    @classmethod
    def of(cls, table: OutcomeTable, scale: ItemScale, places: slice, reader: PromptReader) -> "_Items":
        """Kinds as read; each difficulty between its own outcomes and the mean of its task, with its error."""
        information = scale.information[places]
        task_mean = np.array([scale.task_means[f"{table.source}:{task}"] for task in table.tasks])
        precision = information + 1.0 / TASK_SD**2
        difficulty = (information * scale.difficulty[places] + task_mean / TASK_SD**2) / precision
        source = SOURCES[table.source]
        return cls(
            np.array([reader.read(outline_of_text(text)).kind_shares for text in table.texts]).reshape(-1, len(KINDS)),
            difficulty,
            1.0 / np.sqrt(1.0 + pi / 8.0 / precision),
            np.array([source.guess_rate_of(task) for task in table.tasks]),
        )

    def answers(self, scores: Floats) -> tuple[Answers, NDArray[np.int64]]:
        """The outcomes of one model's columns (n, n_settings), and the rows that they are of."""
        rows, columns = np.nonzero(np.isfinite(scores))
        found = Answers(
            self.kinds[rows], self.difficulty[rows], self.steepness[rows], self.guess[rows], scores[rows, columns]
        )
        return found, rows
