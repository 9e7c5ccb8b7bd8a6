"""What a newer list would change: shown before it counts, and doubtful ones marked."""

from datetime import date

import pytest

from fairlead.catalogue.cards import Prices
from fairlead.catalogue.catalogue import Catalogue
from fairlead.catalogue.changes import Change, as_overrides, price_changes
from fairlead.catalogue.overrides import overridden
from fairlead.catalogue.parsing import parse_catalogue
from fairlead.catalogue.price_lists import Door, PriceList
from fairlead.domain.names import ModelId, ProviderName, SentModel


def world(offers: str) -> Catalogue:
    text = f"lab='a'\n[sources.s]\ntitle='S'\nas_of=2026-01-01\n[models.m]\ntitle='M'\noffers='''\n{offers}\n'''"
    return parse_catalogue({"benchmarks.toml": "", "a.toml": text})


def newer(prices: Prices) -> PriceList:
    return PriceList("a list", {Door("host", "org/m"): prices}, 0)


def change(price: str, old: float | None, new: float | None, doubt: str | None = None) -> Change:
    return Change(ModelId("a/m"), ProviderName("host"), SentModel("Org/M"), price, old, new, doubt)


def test_what_differs_is_listed_and_silence_is_no_news() -> None:
    catalogue = world("s host Org/M input=2 cached_read=0.5 output=8")
    assert price_changes(catalogue, newer(Prices(2.5, None, 3.0, 8.0))) == (
        change("input", 2.0, 2.5),
        change("cache_write", None, 3.0),
    )


def test_equal_prices_and_unknown_offers_change_nothing() -> None:
    catalogue = world("s host Org/M input=2 output=8")
    assert price_changes(catalogue, newer(Prices(2.0, None, None, 8.0))) == ()
    assert price_changes(world("s other Org/M input=2 output=8"), newer(Prices(1.0, None, None, 1.0))) == ()


@pytest.mark.parametrize(
    ("new", "doubt"),
    [(40.0, "5 times dearer"), (1.6, "5 times cheaper"), (39.9, None), (1.7, "output would be cheaper")],
)
def test_a_factor_of_five_and_a_crossed_pair_are_doubtful(new: float, doubt: str | None) -> None:
    found = price_changes(world("s host Org/M input=2 output=8"), newer(Prices(2.0, None, None, new)))
    assert len(found) == 1
    assert (found[0].doubt or "").startswith(doubt or "") and bool(found[0].doubt) == bool(doubt)


def test_changes_written_as_overrides_bring_the_catalogue_to_the_list() -> None:
    catalogue = world("s host Org/M input=2 cached_read=0.5 output=8")
    listed = newer(Prices(2.5, 0.4, None, 7.0))
    blocks = as_overrides(price_changes(catalogue, listed), "2026-08-01", "a list")
    after = overridden(catalogue, blocks, date(2026, 11, 23))
    assert price_changes(after, listed) == ()
    offer = after.cards[ModelId("a/m")].offers[0]
    assert (offer.prices.source, offer.prices.as_of) == ("your configuration: a list", date(2026, 8, 1))


def test_prices_of_long_requests_change_together_with_their_bound() -> None:
    catalogue = world("s host Org/M input=2 output=8")
    long = Prices(2.0, None, None, 8.0, above_tokens=1000, input_above_per_mtok=4.0, output_above_per_mtok=12.0)
    found = price_changes(catalogue, newer(long))
    assert [(one.price, one.new) for one in found] == [
        ("input_above", 4.0),
        ("output_above", 12.0),
        ("above_tokens", 1000),
    ]
    after = overridden(catalogue, as_overrides(found, "2026-08-01", "a list"), date(2026, 11, 23))
    assert after.cards[ModelId("a/m")].offers[0].prices.value == long
