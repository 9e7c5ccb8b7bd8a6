"""Engines: the fitted constants of serving engines as data, with how wrong they were where it was tried.

The file (`data/serving_constants.json`) is written by `evaluation/serving_fit.py`; its `card` says from which rows and
with what error. Nothing of it is a promise of an engine's makers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np

from fairlead.analysis.step_time import NAMES, Constants
from fairlead.domain.errors import AnalysisError

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a forecast may be off, as a factor's logarithm: nine of ten measured points lay within ±."""

    known: float
    """A model that was measured, on a GPU of a measured kind but another one."""
    new_model: float
    """A model that was not measured."""
    outside: float
    """Beyond the GPUs, lengths or loads that were measured."""
    recalibrated: float
    """After one row of the user's own."""


@dataclass(frozen=True, slots=True)
class FirstToken:
    """Time to the first token over that of a lone prompt, at up to so many requests at once: range and middle."""

    concurrency: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Domain:
    """What was measured."""

    gpus: tuple[str, ...]
    precisions: tuple[str, ...]
    most_gpus: int
    most_concurrency: int
    prompt_tokens: tuple[int, int]
    reply_tokens: tuple[int, int]


@dataclass(frozen=True, slots=True)
class EngineClass:
    """Constants of all engines for dense models, or for mixtures of experts."""

    engines: Mapping[str, Constants]
    models: Mapping[str, float]
    """Fingerprint -> factor by which a measured model differs."""
    new_model: float
    """The factor of a model that was not measured: the mean of those that were, and of one of factor 1."""
    spread: Spread
    first_token: tuple[FirstToken, ...]
    domain: Domain


@dataclass(frozen=True, slots=True)
class Engines:
    """The whole file."""

    dense: EngineClass
    mixture: EngineClass
    card: Mapping[str, Any]

    def of(self, *, is_mixture: bool) -> EngineClass:
        """The class of a model."""
        return self.mixture if is_mixture else self.dense

    @property
    def names(self) -> tuple[str, ...]:
        """Engines that constants are known for."""
        return tuple(self.dense.engines)


def parse_engines(text: str | bytes, where: str = "serving_constants.json") -> Engines:
    """The constants of a file. Raises: AnalysisError that names what is wrong with it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnalysisError(f"{where}: not readable as JSON: {str(error)[:200]}.") from None
    fields = _mapping(found, where)
    if fields.get("version") != VERSION:
        raise AnalysisError(f"{where}: version {fields.get('version')!r:.40} is not {VERSION}.")
    return Engines(
        dense=_class(fields.get("dense"), f"{where}: dense"),
        mixture=_class(fields.get("mixture"), f"{where}: mixture"),
        card=_mapping(fields.get("card"), f"{where}: card"),
    )


def _class(found: object, where: str) -> EngineClass:
    fields = _mapping(found, where)
    engines = _mapping(fields.get("engines"), f"{where}.engines")
    spread = _mapping(fields.get("spread"), f"{where}.spread")
    domain = _mapping(fields.get("domain"), f"{where}.domain")
    return EngineClass(
        engines={name: _constants(one, f"{where}.engines.{name}") for name, one in engines.items()},
        models={
            name: _number(value, f"{where}.models.{name}")
            for name, value in _mapping(fields.get("models"), f"{where}.models").items()
        },
        new_model=_number(fields.get("new_model"), f"{where}.new_model"),
        spread=Spread(
            **{
                name: _number(spread.get(name), f"{where}.spread.{name}")
                for name in ("known", "new_model", "outside", "recalibrated")
            }
        ),
        first_token=tuple(
            FirstToken(
                int(_number(one.get("concurrency"), where)),
                *(_number(one.get(name), f"{where}.first_token.{name}") for name in ("low", "middle", "high")),
            )
            for one in _list(fields.get("first_token"), f"{where}.first_token")
        ),
        domain=Domain(
            gpus=_words(domain.get("gpus"), f"{where}.domain.gpus"),
            precisions=_words(domain.get("precisions"), f"{where}.domain.precisions"),
            most_gpus=int(_number(domain.get("most_gpus"), f"{where}.domain")),
            most_concurrency=int(_number(domain.get("most_concurrency"), f"{where}.domain")),
            prompt_tokens=_pair(domain.get("prompt_tokens"), f"{where}.domain"),
            reply_tokens=_pair(domain.get("reply_tokens"), f"{where}.domain"),
        ),
    )


def _constants(found: object, where: str) -> Constants:
    fields = _mapping(found, where)
    return Constants(*(np.array([_number(fields.get(name), f"{where}.{name}")]) for name in NAMES))


def _mapping(found: object, where: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise AnalysisError(f"{where}: a section is expected.")
    return found


def _list(found: object, where: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(found, list) or not found:
        raise AnalysisError(f"{where}: a list is expected.")
    return [_mapping(one, where) for one in found]


def _words(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise AnalysisError(f"{where}: a list of names is expected.")
    return tuple(found)


def _pair(found: object, where: str) -> tuple[int, int]:
    if not isinstance(found, list) or len(found) != 2:
        raise AnalysisError(f"{where}: least and most are expected.")
    return int(_number(found[0], where)), int(_number(found[1], where))


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value <= 0:
        raise AnalysisError(f"{where}: a number above 0 is expected.")
    return float(value)
