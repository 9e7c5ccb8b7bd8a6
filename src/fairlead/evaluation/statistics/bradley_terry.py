"""Bradley-Terry: strengths of models from their games, with intervals; those that no chain of games compares are None.

Source: Bradley and Terry 1952, Biometrika 39, 324-345; Ford 1957 for when a finite answer exists: everybody has beaten
everybody, directly or through others. A tie counts as half a game won by each.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from fairlead.evaluation.statistics.logistic import fit_logistic
from fairlead.evaluation.statistics.quantiles import z_of
from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.outcomes import Floats


@dataclass(frozen=True, slots=True)
class Game:
    """`first` against `second`; `share` is 1 when first won, 0 when second did, .5 for a tie."""

    first: str
    second: str
    share: float
    cluster: Hashable
    covariates: tuple[float, ...] = ()
    """What else may have moved the judge, first less second."""


@dataclass(frozen=True, slots=True)
class Strengths:
    """Units: logits above the anchor, with every covariate at 0."""

    anchor: str
    of: dict[str, Figure]
    rank: dict[str, int | None]
    """1 and the number of those whose interval lies wholly above."""
    covariates: tuple[Figure, ...] = ()


def bradley_terry(games: Sequence[Game], level: float = 0.95, anchor: str | None = None) -> Strengths | None:
    """Strengths of all who played; None without a game. The anchor is the first by name where none is named."""
    names = sorted({name for game in games for name in (game.first, game.second)})
    if not names:
        return None
    zero = anchor if anchor in names else names[0]
    joined = _strong_component(games, zero)
    kept = [game for game in games if game.first in joined and game.second in joined]
    n_covariates = len(games[0].covariates)
    others = [name for name in names if name in joined and name != zero]
    place = {name: column for column, name in enumerate(others)}
    x = np.zeros((len(kept), len(others) + n_covariates))
    for row, game in enumerate(kept):
        for name, sign in ((game.first, 1.0), (game.second, -1.0)):
            if name in place:
                x[row, place[name]] += sign
        x[row, len(others) :] = game.covariates
    y = np.array([game.share for game in kept])
    fitted = fit_logistic(x, y, [game.cluster for game in kept]) if kept and x.shape[1] else None
    alone = Figure(None, reason=f"no chain of wins and losses joins it to {zero}")
    unknown = Figure(None, reason="the games do not settle a finite strength")
    of: dict[str, Figure] = {}
    for name in names:
        if name == zero:
            of[name] = Figure(0.0, 0.0, 0.0, 0.0)
        elif name not in place:
            of[name] = alone
        else:
            of[name] = (
                unknown if fitted is None else _figure(fitted.coefficients, fitted.covariance, place[name], level)
            )
    found = tuple(
        unknown if fitted is None else _figure(fitted.coefficients, fitted.covariance, len(others) + n, level)
        for n in range(n_covariates)
    )
    return Strengths(zero, of, _ranks(of), found)


def _figure(coefficients: Floats, covariance: Floats, place: int, level: float) -> Figure:
    value, error = float(coefficients[place]), float(np.sqrt(max(covariance[place, place], 0.0)))
    half = z_of(level) * error
    return Figure(value, value - half, value + half, error)


def _ranks(of: dict[str, Figure]) -> dict[str, int | None]:
    ranks: dict[str, int | None] = {}
    for name, figure in of.items():
        high = figure.high
        if high is None:
            ranks[name] = None
            continue
        ranks[name] = 1 + sum(other.low is not None and other.low > high for each, other in of.items() if each != name)
    return ranks


def _strong_component(games: Sequence[Game], anchor: str) -> set[str]:
    """Those whom the anchor has beaten and lost to, each directly or through others."""
    beats: dict[str, set[str]] = {}
    loses: dict[str, set[str]] = {}
    for game in games:
        if game.share > 0:
            beats.setdefault(game.first, set()).add(game.second)
            loses.setdefault(game.second, set()).add(game.first)
        if game.share < 1:
            beats.setdefault(game.second, set()).add(game.first)
            loses.setdefault(game.first, set()).add(game.second)
    return _reached(beats, anchor) & _reached(loses, anchor)


def _reached(arrows: dict[str, set[str]], start: str) -> set[str]:
    found, left = {start}, [start]
    while left:
        for name in arrows.get(left.pop(), ()):
            if name not in found:
                found.add(name)
                left.append(name)
    return found
