"""Accelerators and what it costs to rent them: figures with their source and date, read from TOML, open to overrides.

Units: bytes, bytes per second, FLOP per second (dense), watts, USD per hour. A figure that nobody states is None.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from statistics import median
from typing import Any, Final

from fairlead.domain.errors import AnalysisError

_FIGURES: Final = (
    "memory_bytes", "bandwidth_bytes_per_s", "bf16_flops", "fp8_flops", "fp4_flops", "link_bytes_per_s", "power_w",
    "node_count",
)  # fmt: skip
_NEEDED: Final = ("memory_bytes", "bandwidth_bytes_per_s", "bf16_flops")
_KINDS: Final = ("median", "low", "high", "listed")
_LARGEST: Final = 1e18
"""Of any figure: a thousand times today's largest."""
_USUAL_NODE: Final = 8
_SLOW_LINK: Final = 32e9
"""PCIe 4.0 with 16 lanes, where no link is stated."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who states something, as of when."""

    title: str
    as_of: date


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a data sheet."""

    value: float
    source: Source


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One kind of GPU."""

    key: str
    title: str
    figures: Mapping[str, Figure]

    def figure(self, name: str) -> float | None:
        """The value of a figure, None when nobody states it."""
        found = self.figures.get(name)
        return None if found is None else found.value

    @property
    def memory_bytes(self) -> float:
        """Of one accelerator."""
        return self.figures["memory_bytes"].value

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """To its own memory."""
        return self.figures["bandwidth_bytes_per_s"].value

    @property
    def link_bytes_per_s(self) -> float:
        """To its neighbours, one direction."""
        return self.figure("link_bytes_per_s") or _SLOW_LINK

    @property
    def node_count(self) -> int:
        """How many stand in a node."""
        return int(self.figure("node_count") or _USUAL_NODE)

    def flops(self, arithmetic: str) -> float:
        """Dense operations a second in this arithmetic, or in the next wider one that the chip has."""
        for name in {"fp4": ("fp4", "fp8", "bf16"), "fp8": ("fp8", "bf16")}.get(arithmetic, ("bf16",)):
            found = self.figure(f"{name}_flops")
            # Weights in 4 bits are unpacked for 16-bit arithmetic where there is no 4-bit unit.
            if found is not None and not (arithmetic == "fp4" and name == "fp8"):
                return found
        return self.figures["bf16_flops"].value


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody asks for an hour."""

    usd_per_hour: float
    what: str
    source: Source


@dataclass(frozen=True, slots=True)
class Rent:
    """What an hour costs: the usual price, and between what ends quotes lie."""

    usd_per_hour: float
    low_usd: float
    high_usd: float
    as_of: date
    """Of the oldest quote in it."""
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hardware:
    """Every accelerator known, and quotes for renting them."""

    accelerators: Mapping[str, Accelerator]
    quotes: Mapping[str, tuple[Quote, ...]]

    def accelerator(self, name: str) -> Accelerator:
        """By its key. Raises: AnalysisError with the known keys."""
        found = self.accelerators.get(name.lower())
        if found is None:
            near = [key for key in self.accelerators if key.startswith(name.lower()[:3])] or sorted(self.accelerators)
            raise AnalysisError(f"gpu: {name[:40]!r} is not known. Known are {', '.join(near)}; see --hardware.")
        return found

    def rent(self, key: str) -> Rent | None:
        """What an hour of it costs, None when nobody quotes it."""
        quotes = self.quotes.get(key, ())
        if not quotes:
            return None
        prices = [quote.usd_per_hour for quote in quotes]
        medians = [quote.usd_per_hour for quote in quotes if quote.what == "median"]
        return Rent(
            usd_per_hour=median(medians or prices),
            low_usd=min(prices),
            high_usd=max(prices),
            as_of=min(quote.source.as_of for quote in quotes),
            sources=tuple(dict.fromkeys(quote.source.title for quote in quotes)),
        )


def parse_hardware(texts: Mapping[str, str]) -> Hardware:
    """File name -> text of TOML files, later ones laid over earlier ones, figure by figure.

    Raises: AnalysisError that names the file and the key.
    """
    accelerators: dict[str, Accelerator] = {}
    quotes: dict[str, tuple[Quote, ...]] = {}
    for name, text in texts.items():
        fields = _toml(text, name)
        _known(fields, ("sources", "accelerators", "quotes"), name)
        sources = {
            key: _source(one, f"{name}: sources.{key}") for key, one in _section(fields, "sources", name).items()
        }
        for key, one in _section(fields, "accelerators", name).items():
            accelerators[key] = _accelerator(key, one, sources, accelerators.get(key), f"{name}: accelerators.{key}")
        found = fields.get("quotes", [])
        quotes |= _quotes(found, sources, accelerators, f"{name}: quotes")
    return Hardware(accelerators, quotes)


def _accelerator(
    key: str, fields: object, sources: Mapping[str, Source], old: Accelerator | None, where: str
) -> Accelerator:
    stated = _mapping(fields, where)
    _known(stated, ("title", *_FIGURES), where)
    figures = {name: _figure(stated[name], sources, f"{where}.{name}") for name in _FIGURES if name in stated}
    title = stated.get("title", old.title if old is not None else key)
    if not isinstance(title, str):
        raise AnalysisError(f"{where}.title: a text is expected.")
    if old is not None:
        return replace(old, title=title, figures={**old.figures, **figures})
    missing = [name for name in _NEEDED if name not in figures]
    if missing:
        raise AnalysisError(f"{where}: {missing[0]} is missing; a new accelerator needs {', '.join(_NEEDED)}.")
    return Accelerator(key, title, figures)


def _figure(fields: object, sources: Mapping[str, Source], where: str) -> Figure:
    stated = _mapping(fields, where)
    _known(stated, ("value", "source"), where)
    return Figure(_positive(stated.get("value"), f"{where}.value"), _named(stated.get("source"), sources, where))


def _quotes(
    found: object, sources: Mapping[str, Source], accelerators: Mapping[str, Accelerator], where: str
) -> dict[str, tuple[Quote, ...]]:
    if not isinstance(found, list):
        raise AnalysisError(f"{where}: a list of [[quotes]] is expected.")
    quotes: dict[str, tuple[Quote, ...]] = {}
    for at, fields in enumerate(found):
        place = f"{where}[{at}]"
        stated = _mapping(fields, place)
        _known(stated, ("accelerator", "usd_per_hour", "what", "source"), place)
        key = stated.get("accelerator")
        what = stated.get("what", "listed")
        if not isinstance(key, str) or not key:
            raise AnalysisError(f"{place}.accelerator: a name is expected.")
        if accelerators and key not in accelerators:
            raise AnalysisError(f"{place}.accelerator: {key[:40]!r} is not among the accelerators.")
        if what not in _KINDS:
            raise AnalysisError(f"{place}.what: one of {', '.join(_KINDS)} is expected.")
        price = _positive(stated.get("usd_per_hour"), f"{place}.usd_per_hour")
        quotes[key] = (*quotes.get(key, ()), Quote(price, str(what), _named(stated.get("source"), sources, place)))
    return quotes


def _source(fields: object, where: str) -> Source:
    stated = _mapping(fields, where)
    _known(stated, ("title", "as_of"), where)
    title, as_of = stated.get("title"), stated.get("as_of")
    if not isinstance(title, str) or not title or type(as_of) is not date:
        raise AnalysisError(f"{where}: a source has a title and a date as_of, such as 2026-11-23.")
    return Source(title, as_of)


def _named(name: object, sources: Mapping[str, Source], where: str) -> Source:
    if not isinstance(name, str) or name not in sources:
        raise AnalysisError(f"{where}.source: one of the file's own [sources] is expected: no figure without a source.")
    return sources[name]


def _positive(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 < value < _LARGEST:
        raise AnalysisError(f"{where}: a number above 0 is expected.")
    return float(value)


def _toml(text: str, where: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise AnalysisError(f"{where}: not readable as TOML: {str(error)[:200]}.") from None


def _section(fields: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    return _mapping(fields.get(key, {}), f"{where}: {key}")


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise AnalysisError(f"{where}: a section is expected.")
    return value


def _known(fields: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in fields:
        if key not in known:
            raise AnalysisError(f"{where}: unknown key {key[:40]!r}; known are {', '.join(known)}.")
