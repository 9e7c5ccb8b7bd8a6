"""One scale for questions of different benchmarks: a one-parameter item response model of pooled outcomes.

P(model m gets question q right) = g_q + (1 - g_q) * sigma(ability_m - difficulty_q), with g_q the score of a guesser
(Rasch 1960; the guessing floor as in Birnbaum 1968, fixed and not fitted). Models that sat several benchmarks tie their
scales together. Priors: difficulty ~ N(mean of its task, TASK_SD^2), ability ~ N(0, ABILITY_SD^2). Fitted by Fisher
scoring in turns, which is deterministic. Zero of the scale: the mean ability of the reference models, which are those
that sat at least MIN_BENCHMARKS of the benchmarks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.evaluation.outcome_data import SOURCES, OutcomeTable

Floats = NDArray[np.float64]

TASK_SD: Final = 1.5
"""Spread of question difficulties inside a task, in logits: what the outcomes show (1.2 to 1.9 by source)."""
ABILITY_SD: Final = 3.0
TASK_MEAN_SD: Final = 3.0
N_SWEEPS: Final = 60
MIN_BENCHMARKS: Final = 3
_SCORE_MARGIN: Final = 1e-6

SAME_MODEL: Final[Mapping[str, str]] = {
    "mistral-large-2": "mistral-large-instruct-2407",
    "deepseek-v2.5-0908": "deepseek-v2.5",
    "gpt-4-turbo-2024-04-09": "gpt-4-turbo",
    "c4ai-command-r-v01": "command-r",
    "llama-3.1-405b-instruct-turbo": "llama-3.1-405b-instruct",
    "llama-3.1-405b-inst-fp8": "llama-3.1-405b-instruct",
    "llama-3.1-405b-inst": "llama-3.1-405b-instruct",
}
"""Spellings that no rule joins, by their normal form."""


def joined_name(model: str) -> str:
    """A model's name as all sources are made to spell it: no owner, no host, no case."""
    name = re.sub(r"^.*/", "", model.strip().lower())
    name = re.sub(r"@.*$", "", name).replace("_", ".").removeprefix("meta-")
    return SAME_MODEL.get(name, name)


@dataclass(frozen=True, slots=True)
class ItemScale:
    """What was fitted.

    Shapes: difficulty, information (n_questions,) in the order in which the tables were given.
    Units: logits; information is Fisher's, of a question's own outcomes about its difficulty, 1 / logits^2.
    """

    abilities: Mapping[str, float]
    reference_models: tuple[str, ...]
    difficulty: Floats
    """Freed of the prior (one Fisher step away from the fitted value), so that a regression is not biased to tasks."""
    information: Floats
    task_means: Mapping[str, float]


@dataclass(slots=True)
class _Answers:
    """All outcomes in long form: question, model, score and guess rate of each; shapes (n_answers,)."""

    question: NDArray[np.int64]
    model: NDArray[np.int64]
    score: Floats
    guess: Floats

    def step(self, ability: Floats, difficulty: Floats) -> tuple[Floats, Floats]:
        """Slope and information of every answer's log likelihood with respect to (ability - difficulty)."""
        chance = 1.0 / (1.0 + np.exp(difficulty[self.question] - ability[self.model]))
        expected = np.clip(self.guess + (1.0 - self.guess) * chance, _SCORE_MARGIN, 1.0 - _SCORE_MARGIN)
        steep = (1.0 - self.guess) * chance * (1.0 - chance)
        per_variance = steep / (expected * (1.0 - expected))
        return (self.score - expected) * per_variance, steep * per_variance


def _collect(tables: Sequence[OutcomeTable]) -> tuple[_Answers, list[str], list[str]]:
    names = sorted({joined_name(model) for table in tables for model in table.models})
    column = {name: index for index, name in enumerate(names)}
    tasks: list[str] = []
    questions, models, scores, guesses = [], [], [], []
    for table in tables:
        rows, columns = np.nonzero(np.isfinite(table.scores))
        source = SOURCES[table.source]
        guess_of_row = np.array([source.guess_rate_of(task) for task in table.tasks])
        questions.append(rows + len(tasks))
        models.append(np.array([column[joined_name(model)] for model in table.models])[columns])
        scores.append(table.scores[rows, columns])
        guesses.append(guess_of_row[rows])
        tasks.extend(f"{table.source}:{task}" for task in table.tasks)
    answers = _Answers(
        np.concatenate(questions), np.concatenate(models), np.concatenate(scores), np.concatenate(guesses)
    )
    return answers, names, tasks


def _reference_columns(tables: Sequence[OutcomeTable], names: Sequence[str]) -> list[int]:
    seats = {name: {table.source for table in tables if name in set(map(joined_name, table.models))} for name in names}
    chosen = [index for index, name in enumerate(names) if len(seats[name]) >= MIN_BENCHMARKS]
    return chosen or list(range(len(names)))


def fit_item_scale(tables: Sequence[OutcomeTable]) -> ItemScale:
    """Difficulties of all questions and abilities of all models of the given tables, on one scale."""
    answers, names, tasks = _collect(tables)
    reference = _reference_columns(tables, names)
    task_names = sorted(set(tasks))
    task = np.array([task_names.index(name) for name in tasks])
    n_in_task = np.bincount(task, minlength=len(task_names))
    n, k = len(tasks), len(names)
    ability, difficulty = np.zeros(k), np.zeros(n)
    mean: Floats = np.zeros(len(task_names))
    for _ in range(N_SWEEPS):
        slopes, infos = answers.step(ability, difficulty)
        up, weight = np.bincount(answers.model, slopes, k), np.bincount(answers.model, infos, k)
        ability += np.clip((up - ability / ABILITY_SD**2) / (weight + 1 / ABILITY_SD**2), -1.0, 1.0)
        ability -= ability[reference].mean()
        slopes, infos = answers.step(ability, difficulty)
        slope, info = -np.bincount(answers.question, slopes, n), np.bincount(answers.question, infos, n)
        pull = (mean[task] - difficulty) / TASK_SD**2
        difficulty += np.clip((slope + pull) / (info + 1 / TASK_SD**2), -1.0, 1.0)
        total = np.bincount(task, difficulty, len(task_names))
        mean = total / (n_in_task + TASK_SD**2 / TASK_MEAN_SD**2)
    slopes, infos = answers.step(ability, difficulty)
    slope, info = -np.bincount(answers.question, slopes, n), np.bincount(answers.question, infos, n)
    freed = difficulty + np.clip(slope / np.maximum(info, 1e-9), -4.0, 4.0)
    return ItemScale(
        abilities=dict(zip(names, ability.tolist(), strict=True)),
        reference_models=tuple(names[index] for index in reference),
        difficulty=freed,
        information=info.astype(np.float64),
        task_means=dict(zip(task_names, mean.tolist(), strict=True)),
    )
