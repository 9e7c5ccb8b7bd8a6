"""Our own members of a request body: `fairlead`, and OpenRouter's `models` and `provider` with the same meaning.

They are read, then removed: no upstream sees them. An option that we do not know is refused by name, since a wish that
is silently ignored is a wrong answer.
"""

import math
import re
from typing import Final, Literal, TypeVar

import msgspec

from fairlead.domain.errors import InvalidOptionError, UnknownOptionError
from fairlead.domain.wishes import NO_WISHES, Weights, Wishes
from fairlead.wire.lane import Members

OUR_MEMBERS: Final = ("fairlead", "models", "provider")
MAX_NAMES: Final = 200
"""Model or provider names in one list: more is a mistake, and each is compared with every candidate."""
_MAX_NAME_CHARS: Final = 256
_QUOTED_CHARS: Final = 200
"""Of a client's own text, at most this much is sent back."""

_STRICTEST_FIRST: Final = ("deny", "allow", None)

Names = list[str]
_S = TypeVar("_S")


class _Weights(msgspec.Struct, forbid_unknown_fields=True):
    quality: float = 0.0
    cost: float = 0.0
    speed: float = 0.0


class _Fairlead(msgspec.Struct, forbid_unknown_fields=True):
    weights: _Weights | None = None
    max_cost_usd: float | None = None
    max_latency_s: float | None = None
    min_quality: float | None = None
    allowed_models: Names = []
    excluded_models: Names = []
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool = False
    region: str | Names | None = None
    session_affinity: Literal["auto", "off"] = "auto"
    cache: Literal["auto", "off"] = "auto"


class _MaxPrice(msgspec.Struct, forbid_unknown_fields=True):
    prompt: float | None = None
    completion: float | None = None


class _Provider(msgspec.Struct, forbid_unknown_fields=True):
    order: Names | None = None
    only: Names | None = None
    ignore: Names | None = None
    allow_fallbacks: bool | None = None
    max_price: _MaxPrice | None = None
    sort: Literal["price", "throughput", "latency"] | None = None
    require_parameters: bool | None = None
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None


_UNKNOWN_FIELD: Final = re.compile(r"unknown field `(.{0,80}?)`(?: - at `\$\.?(.*?)`)?$", re.DOTALL)
_AT: Final = re.compile(r" - at `\$\.?(.*)`$")


def take_wishes(members: Members) -> Wishes:
    """Read our members and remove them from `members`.

    Raises: UnknownOptionError, InvalidOptionError: both name the option.
    """
    if members.keys().isdisjoint(OUR_MEMBERS):
        return NO_WISHES
    fairlead = _read(members.pop("fairlead", None), _Fairlead, "fairlead") or _Fairlead()
    provider = _read(members.pop("provider", None), _Provider, "provider") or _Provider()
    models = _read(members.pop("models", None), Names, "models") or []
    price = provider.max_price or _MaxPrice()
    regions = [fairlead.region] if isinstance(fairlead.region, str) else fairlead.region or []
    return Wishes(
        weights=_weights(fairlead.weights),
        max_cost_usd=_positive(fairlead.max_cost_usd, "fairlead.max_cost_usd"),
        max_latency_s=_positive(fairlead.max_latency_s, "fairlead.max_latency_s"),
        min_quality=_share(fairlead.min_quality, "fairlead.min_quality"),
        models=_names(models, "models"),
        allowed_models=_names(fairlead.allowed_models, "fairlead.allowed_models"),
        excluded_models=_names(fairlead.excluded_models, "fairlead.excluded_models"),
        provider_order=_names(provider.order or [], "provider.order"),
        provider_only=_names(provider.only or [], "provider.only"),
        provider_ignore=_names(provider.ignore or [], "provider.ignore"),
        allow_fallbacks=provider.allow_fallbacks is not False,
        max_price_input_per_mtok=_positive(price.prompt, "provider.max_price.prompt", zero=True),
        max_price_output_per_mtok=_positive(price.completion, "provider.max_price.completion", zero=True),
        sort=provider.sort,
        require_parameters=bool(provider.require_parameters),
        # Said twice, the stricter word counts, as it does for zdr.
        data_collection=min((fairlead.data_collection, provider.data_collection), key=_STRICTEST_FIRST.index),
        zdr=fairlead.zdr or bool(provider.zdr),
        regions=_names(regions, "fairlead.region"),
        keeps_session=fairlead.session_affinity == "auto",
        uses_cache=fairlead.cache == "auto",
    )


def _read(member: msgspec.Raw | None, shape: type[_S], where: str) -> _S | None:
    if member is None or bytes(member) == b"null":
        return None
    try:
        return msgspec.json.decode(member, type=shape)
    except RecursionError:
        raise InvalidOptionError(f"'{where}' is nested too deeply.", param=where) from None
    except msgspec.MsgspecError as error:
        text = str(error)
        unknown = _UNKNOWN_FIELD.search(text)
        if unknown:
            path = ".".join(part for part in (where, unknown[2] or "", unknown[1]) if part)
            known = ", ".join(getattr(shape, "__struct_fields__", ()))
            hint = f" Known here: {known}." if known and not unknown[2] else ""
            raise UnknownOptionError(f"Unknown option '{path}'.{hint}", param=path) from None
        at = _AT.search(text)
        path = f"{where}.{at[1]}"[:_QUOTED_CHARS] if at and at[1] else where
        raise InvalidOptionError(f"'{path}': {_AT.sub('', text)[:_QUOTED_CHARS]}.", param=path) from None


def _weights(weights: _Weights | None) -> Weights | None:
    if weights is None:
        return None
    try:
        return Weights(weights.quality, weights.cost, weights.speed)
    except ValueError as error:
        raise InvalidOptionError(f"'fairlead.weights': {error}.", param="fairlead.weights") from None


def _positive(value: float | None, where: str, *, zero: bool = False) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise InvalidOptionError(f"'{where}' must be a number above 0.", param=where)
    return value


def _share(value: float | None, where: str) -> float | None:
    if value is None:
        return None
    if not 0.0 <= value <= 1.0:
        raise InvalidOptionError(f"'{where}' is a quality between 0 and 1.", param=where)
    return value


def _names(names: Names, where: str) -> tuple[str, ...]:
    if len(names) > MAX_NAMES or any(not 0 < len(name) <= _MAX_NAME_CHARS for name in names):
        raise InvalidOptionError(
            f"'{where}' takes at most {MAX_NAMES} names of 1 to {_MAX_NAME_CHARS} characters.", param=where
        )
    return tuple(names)
