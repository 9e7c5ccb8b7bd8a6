"""BenchmarkScale: how hard each published benchmark is, and what a model's bare facts let one expect of it.

Model (logits; all Gaussian, so that one linear solve gives the exact answer and nothing iterates):

    ability of model m for kind k   theta_mk = x_m . beta + g_m + d_mk,   g ~ N(0, GENERAL_SD^2), d ~ N(0, KIND_SD^2)
    logit of a guess-corrected score    y_mB = SLOPE * (w_B . theta_m - b_B) + e_mB

x_m are facts of the card (size, price, release, reasoning); w_B the kinds a benchmark speaks of. The abilities are
integrated out, which leaves a generalised least-squares problem in (b, beta), with weak priors, tied to the scale of
the prompts by anchors: benchmarks whose very questions were in the outcomes that the prompts' difficulties come from.

The law of this file: names of models, labs, families and providers are never read. Cards are put in the order of their
figures and facts before sums are made, so the order in which they arrive changes no bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log, log10
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import Benchmark, Figure, ModelCard
from fairlead.domain.kinds import KINDS

Floats = NDArray[np.float64]

SLOPE: Final = 0.7
"""A benchmark's mean score moves more slowly with ability than one question's, because its questions differ: with
spread s of difficulties, by 1 / sqrt(1 + pi s^2 / 8); s is 1.3 to 2.1 in the outcomes (evaluation/item_response.py)."""
GENERAL_SD: Final = 0.9
KIND_SD: Final = 0.6
MISFIT_SD: Final = 0.4
"""Logits: spread of general ability that facts leave, of a kind around it, and of a benchmark around its kinds. Set by
hand: the likelihood of the catalogue's own figures is highest near 0.55, 0.25 and 0.22, but most of those come from one
series of question sets, and a figure from elsewhere must not be trusted as if it did."""
SCORE_LIMIT: Final = 0.015
"""Scores are kept so far from 0 and 1 before their logit is taken: beyond it lies the grader's noise."""
UNKNOWN_DIFFICULTY: Final = 2.0
UNKNOWN_DIFFICULTY_SD: Final = 2.0
"""Of a benchmark before any figure: harder than the questions of 2024, give or take."""

TRAITS: Final = ("constant", "log10_size", "size_unknown", "log10_price", "price_unknown", "years", "reasoning")
TRAIT_PRIOR_MEANS: Final = (2.0, 1.2, 0.0, 0.6, 0.0, 0.8, 1.0)
TRAIT_PRIOR_SDS: Final = (1.5, 0.4, 0.5, 0.4, 0.5, 0.4, 0.5)
"""What each fact is worth in logits before figures speak, hand-set: a tenfold size 1.2 (8B to 70B models of one
generation differ by 1.26 in the outcomes), a tenfold price 0.6, a year 0.8, reasoning 1.0."""
SIZE_ORIGIN_LOG10: Final = 10.5
DATE_ORIGIN: Final = date(2025, 1, 1)
YEARS_RANGE: Final = (-3.0, 3.0)
PRICE_RANGE_LOG10: Final = (-2.0, 2.0)


class Anchor(NamedTuple):
    """How hard a published benchmark is on the prompts' scale. Units: logits; sd covers what set-ups differ by."""

    difficulty: float
    sd: float


class Evidence(NamedTuple):
    """A card's figures as numbers.

    Shapes: kinds (n_figures, n_kinds); logits and variances (n_figures,); names of the benchmarks (n_figures,).
    """

    benchmarks: tuple[str, ...]
    kinds: Floats
    logits: Floats
    variances: Floats


@dataclass(frozen=True, slots=True)
class BenchmarkScale:
    """What was found. Units: logits; `worth` (n_traits,) is what each trait of a card adds to its expected ability."""

    difficulties: Mapping[str, Anchor]
    worth: Floats

    def difficulty_of(self, benchmark: str) -> Anchor:
        """The difficulty of a benchmark, the widest one if no card has a figure of it."""
        return self.difficulties.get(benchmark, Anchor(UNKNOWN_DIFFICULTY, UNKNOWN_DIFFICULTY_SD))


PRIOR_COVARIANCE: Final = GENERAL_SD**2 * np.ones((len(KINDS), len(KINDS))) + KIND_SD**2 * np.eye(len(KINDS))
"""Shape (n_kinds, n_kinds): of a model's abilities before figures."""


def traits_of(card: ModelCard) -> Floats:
    """The facts of a card as numbers, in the order of TRAITS; 0 stands for unknown beside its own indicator."""
    size = _log10_size(card)
    price = _log10_price(card)
    years = 0.0
    if card.release is not None:
        low, high = YEARS_RANGE
        years = min(high, max(low, (card.release.value - DATE_ORIGIN).days / 365.25))
    reasoning = card.abilities.get("reasoning")
    return np.array(
        (
            1.0,
            0.0 if size is None else size - SIZE_ORIGIN_LOG10,
            1.0 if size is None else 0.0,
            0.0 if price is None else price,
            1.0 if price is None else 0.0,
            years,
            1.0 if reasoning is not None and reasoning.value else 0.0,
        )
    )


def _log10_size(card: ModelCard) -> float | None:
    """Effective size: the geometric mean of total and active parameters, a rule of thumb for mixtures of experts."""
    sizes = [
        fact.value for fact in (card.parameters_total, card.parameters_active) if fact is not None and fact.value > 0
    ]
    return sum(map(log10, sizes)) / len(sizes) if sizes else None


def _log10_price(card: ModelCard) -> float | None:
    """The cheapest known output price above 0, USD per million tokens: who serves a model must not make it abler."""
    prices = [offer.prices.value.output_per_mtok for offer in card.offers]
    known = [price for price in prices if price is not None and price > 0]
    low, high = PRICE_RANGE_LOG10
    return min(high, max(low, log10(min(known)))) if known else None


def evidence_of(card: ModelCard, benchmarks: Mapping[str, Benchmark]) -> Evidence:
    """The figures of a card whose benchmark is known, in an order of their own."""
    figures = sorted((figure for figure in card.figures if figure.benchmark in benchmarks), key=_figure_key)
    kinds = [[benchmarks[figure.benchmark].kinds.get(kind, 0.0) for kind in KINDS] for figure in figures]
    pairs = [_logit_of(figure, benchmarks[figure.benchmark].guess_rate) for figure in figures]
    return Evidence(
        tuple(figure.benchmark for figure in figures),
        np.array(kinds).reshape(len(figures), len(KINDS)),
        np.array([logit for logit, _ in pairs]),
        np.array([variance for _, variance in pairs]),
    )


def _figure_key(figure: Figure) -> tuple[str, float, float, date]:
    return figure.benchmark, figure.score, figure.uncertainty, figure.as_of


def _logit_of(figure: Figure, guess_rate: float) -> tuple[float, float]:
    """The logit of a guess-corrected score and, by the delta method, its variance."""
    corrected = (figure.score - guess_rate) / (1.0 - guess_rate)
    corrected = min(1.0 - SCORE_LIMIT, max(SCORE_LIMIT, corrected))
    slope = 1.0 / ((1.0 - guess_rate) * corrected * (1.0 - corrected))
    return log(corrected / (1.0 - corrected)), (figure.uncertainty * slope) ** 2


def noise_of(evidence: Evidence) -> Floats:
    """Covariance of a card's figures around what its abilities say; a benchmark quoted twice errs once.

    Shapes: (n_figures, n_figures).
    """
    names = np.array(evidence.benchmarks)
    noise: Floats = np.where(names[:, None] == names[None, :], MISFIT_SD**2, 0.0) + np.diag(evidence.variances)
    return noise


def fit_benchmark_scale(
    cards: Sequence[ModelCard], benchmarks: Mapping[str, Benchmark], anchors: Mapping[str, Anchor]
) -> BenchmarkScale:
    """Difficulties of all benchmarks that the cards quote, and what traits are worth: the mode, which is the mean."""
    known = sorted(set(benchmarks))
    index = {name: row for row, name in enumerate(known)}
    n, n_traits = len(known), len(TRAITS)
    means = np.array([anchors[name].difficulty if name in anchors else UNKNOWN_DIFFICULTY for name in known])
    sds = np.array([anchors[name].sd if name in anchors else UNKNOWN_DIFFICULTY_SD for name in known])
    prior_mean = np.concatenate((means, TRAIT_PRIOR_MEANS))
    precision = np.diag(1.0 / np.concatenate((sds, TRAIT_PRIOR_SDS)) ** 2)
    pull = precision @ prior_mean
    for traits, evidence in _ordered(cards, benchmarks):
        f = len(evidence.logits)
        design = np.zeros((f, n + n_traits))
        design[np.arange(f), [index[name] for name in evidence.benchmarks]] = -SLOPE
        design[:, n:] = SLOPE * traits
        spread = SLOPE**2 * evidence.kinds @ PRIOR_COVARIANCE @ evidence.kinds.T + noise_of(evidence)
        weighted = np.linalg.solve(spread, design)
        precision += design.T @ weighted
        pull += weighted.T @ evidence.logits
    covariance = np.linalg.inv(precision)
    found = covariance @ pull
    errors = np.sqrt(np.diag(covariance))
    difficulties = {name: Anchor(float(found[row]), float(errors[row])) for name, row in index.items()}
    return BenchmarkScale(difficulties, found[n:])


def _ordered(cards: Sequence[ModelCard], benchmarks: Mapping[str, Benchmark]) -> list[tuple[Floats, Evidence]]:
    """Traits and evidence of the cards that have figures, ordered by their content alone."""
    pairs = [(traits_of(card), evidence_of(card, benchmarks)) for card in cards]
    pairs = [pair for pair in pairs if len(pair[1].logits)]
    return sorted(
        pairs,
        key=lambda pair: (pair[0].tolist(), pair[1].benchmarks, pair[1].logits.tolist(), pair[1].variances.tolist()),
    )
