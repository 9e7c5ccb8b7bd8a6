"""Hosting: the shipped hardware and constants, read; prices of the same weights elsewhere; forecasts of own servers."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fairlead.analysis.break_even import Tariff
from fairlead.analysis.engines import Engines, parse_engines
from fairlead.analysis.hardware import Hardware, parse_hardware
from fairlead.catalogue.cards import ModelCard

_TEXTS = ("accelerators.toml", "rental_prices.toml")


def hardware_in_force(more: Mapping[str, str] | None = None) -> Hardware:
    """The shipped accelerators and prices, with the operator's own files laid over them. Raises: AnalysisError."""
    shipped = parse_hardware({name: _data(name) for name in _TEXTS})
    if not more:
        return shipped
    own = parse_hardware({**{name: _data(name) for name in _TEXTS[:1]}, **more})
    # For an accelerator that the operator quotes, only these quotes count.
    return Hardware(own.accelerators, {**shipped.quotes, **own.quotes})


@cache
def shipped_engines() -> Engines:
    """The constants that come with the package. Raises: AnalysisError."""
    return parse_engines(_data("serving_constants.json"))


def tariffs_of(card: ModelCard) -> list[Tariff]:
    """What every provider of the catalogue asks for these weights, where both prices are known."""
    found = []
    for offer in card.offers:
        prices = offer.prices.value
        if prices.input_per_mtok is None or prices.output_per_mtok is None:
            continue
        found.append(
            Tariff(
                provider=str(offer.provider),
                name=str(offer.sent_model),
                input_usd=prices.input_per_mtok,
                output_usd=prices.output_per_mtok,
                cached_usd=prices.cached_read_per_mtok,
                as_of=offer.prices.as_of.isoformat(),
                source=offer.prices.source,
            )
        )
    return found


def _data(name: str) -> str:
    return (files("fairlead.analysis") / "data" / name).read_text(encoding="utf-8")
