"""A preference as people write it: a preset's name, or `quality=0.6,cost=0.4`, `cost_weight=0.3`, with limits."""

from difflib import get_close_matches
from math import isfinite
from typing import Final

from fairlead.domain.errors import InvalidOptionError, UnknownOptionError
from fairlead.domain.wishes import Weights
from fairlead.routing.policies.objective import Objective, objective_of_preset
from fairlead.routing.preferences import BUILT_IN_PRESETS

WEIGHT_KEYS: Final = ("quality", "cost", "speed")
LIMIT_KEYS: Final = ("max_cost_usd", "max_latency_s", "min_quality")
KEYS: Final = (*WEIGHT_KEYS, "cost_weight", *LIMIT_KEYS)
_HOW: Final = (
    f"write a preset ({', '.join(BUILT_IN_PRESETS)}), or key=number pairs with commas between: {', '.join(KEYS)}"
)


def objective_of(text: str | None) -> Objective:
    """The objective that a preference stands for; without one, quality alone.

    Raises: UnknownOptionError for a name that is none, InvalidOptionError for a value that means nothing.
    """
    if text is None or not text.strip():
        return Objective()
    name = text.strip()
    if name in BUILT_IN_PRESETS:
        return objective_of_preset(BUILT_IN_PRESETS[name])
    if "=" not in name:
        nearest = get_close_matches(name, [*BUILT_IN_PRESETS, *KEYS], n=1)
        hint = f" (did you mean {nearest[0]!r}?)" if nearest else ""
        raise UnknownOptionError(f"no preset is called {name!r}{hint}: {_HOW}", param="preference")
    values = _pairs(name)
    weights = {key: values.pop(key) for key in WEIGHT_KEYS if key in values}
    try:
        stated = Weights(**{key: weights.get(key, 0.0) for key in WEIGHT_KEYS}) if weights else None
        return Objective(weights=stated, **values)
    except ValueError as error:
        raise InvalidOptionError(f"{error}: {_HOW}", param="preference") from error


def _pairs(text: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for pair in text.split(","):
        key, _, number = (piece.strip() for piece in pair.partition("="))
        if key not in KEYS:
            nearest = get_close_matches(key, KEYS, n=1)
            hint = f" (did you mean {nearest[0]!r}?)" if nearest else ""
            raise UnknownOptionError(f"no preference is called {key!r}{hint}: {_HOW}", param="preference")
        if key in values:
            raise InvalidOptionError(f"{key!r} is stated twice: {_HOW}", param="preference")
        try:
            values[key] = float(number)
        except ValueError:
            raise InvalidOptionError(f"{key} is a number, not {number!r}: {_HOW}", param="preference") from None
        if not isfinite(values[key]) or values[key] < 0.0:
            raise InvalidOptionError(f"{key} is a number of 0 or more, not {number!r}: {_HOW}", param="preference")
    return values
