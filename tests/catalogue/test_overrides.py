"""The operator's word over the catalogue's: it wins, is marked as theirs, and is refused when it makes no sense."""

from datetime import date
from typing import Any

import pytest

from fairlead.catalogue.cards import Fact, Prices
from fairlead.catalogue.catalogue import Catalogue
from fairlead.catalogue.overrides import SOURCE, overridden
from fairlead.catalogue.parsing import parse_catalogue
from fairlead.domain.errors import CatalogueError

TODAY = date(2026, 11, 23)
TEXTS = {
    "benchmarks.toml": """
[benchmarks]
sums = { title = "Sums", owner = "Someone", kinds = { maths = 1 }, n_questions = 100 }
""",
    "acme.toml": """
lab = "acme"
[sources.s]
title = "S"
as_of = 2026-01-01
[models.rocket]
title = "Rocket"
aliases = ["r1"]
facts = "s context_tokens=1000 tools=yes vision=yes"
offers = "s host acme/rocket input=2 cached_read=0.5 output=8"
figures = "s sums=0.5"
""",
}


def world() -> Catalogue:
    return parse_catalogue(TEXTS)


def test_stated_facts_win_and_are_marked_and_the_rest_stays() -> None:
    blocks: dict[str, Any] = {
        "r1": {
            "prices": {"host": {"output": 9}, "mine": {"sent_model": "dep", "input": 1, "output": 2}},
            "context_tokens": 4000,
            "abilities": {"vision": False},
            "figures": {"sums": 0.75},
            "aliases": ["mine/rocket"],
        }
    }
    catalogue = overridden(world(), blocks, TODAY)
    old, card = world().cards[next(iter(world().cards))], catalogue.resolve("mine/rocket")
    assert card is not None
    assert card.context_tokens == Fact(4000, SOURCE, TODAY)
    assert card.abilities == {"tools": old.abilities["tools"], "vision": Fact(False, SOURCE, TODAY)}
    assert card.offers[0].prices == Fact(Prices(2.0, 0.5, None, 9.0), SOURCE, TODAY)
    assert card.offers[1].prices == Fact(Prices(1.0, None, None, 2.0), SOURCE, TODAY)
    assert card.offers[1].sent_model == "dep"
    assert [(figure.benchmark, figure.score, figure.source) for figure in card.figures] == [("sums", 0.75, SOURCE)]
    assert card.title == old.title


def test_a_block_may_state_its_own_date_and_source() -> None:
    block = {"as_of": "2026-08-01", "source": "list.json", "context_tokens": 2000}
    card = overridden(world(), {"acme/rocket": block}, TODAY).cards[next(iter(world().cards))]
    assert card.context_tokens == Fact(2000, f"{SOURCE}: list.json", date(2026, 8, 1))


def test_null_makes_a_fact_and_a_price_unknown() -> None:
    blocks = {"rocket": {"context_tokens": None, "prices": {"host": {"cached_read": None}}}}
    card = overridden(world(), blocks, TODAY).cards[next(iter(world().cards))]
    assert card.context_tokens is None
    assert card.offers[0].prices.value == Prices(2.0, None, None, 8.0)


def test_a_new_model_needs_an_id_with_a_lab() -> None:
    catalogue = overridden(world(), {"mine/own-7b": {"title": "Own", "abilities": {"tools": True}}}, TODAY)
    card = catalogue.match("own-7b")
    assert card is not None
    assert (card.title, card.lab, card.abilities["tools"].value) == ("Own", "mine", True)
    with pytest.raises(CatalogueError, match="rocke: no model has this name; nearest: acme/rocket"):
        overridden(world(), {"rocke": {"title": "Typo"}}, TODAY)


def test_nothing_stated_changes_nothing_and_something_stated_changes_the_version() -> None:
    catalogue = world()
    assert overridden(catalogue, {}, TODAY) is catalogue
    one = overridden(catalogue, {"r1": {"context_tokens": 2000, "current": False}}, TODAY)
    two = overridden(catalogue, {"r1": {"current": False, "context_tokens": 2000}}, TODAY)
    assert one.version == two.version != catalogue.version


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"context_token": 5}, "r1: unknown key 'context_token'; did you mean 'context_tokens'?"),
        ({"abilities": {"visions": True}}, "r1.abilities: unknown key 'visions'; did you mean 'vision'?"),
        ({"prices": {"host": {"inputs": 1}}}, "r1.prices.host: unknown key 'inputs'; did you mean 'input'?"),
        ({"figures": {"sum": 0.5}}, "r1.figures: unknown key 'sum'; did you mean 'sums'?"),
        ({"prices": {"host": {"input": 0}}}, "r1.prices.host.input: a price above 0"),
        ({"prices": {"host": {"input": -1}}}, "r1.prices.host.input: a price above 0"),
        ({"prices": {"host": {"input": True}}}, "r1.prices.host.input: a number"),
        ({"prices": {"new": {"input": 1}}}, "r1.prices.new.sent_model"),
        ({"prices": [1]}, "r1.prices: a block"),
        ({"context_tokens": "many"}, "r1.context_tokens: a number"),
        ({"context_tokens": -5}, "r1.context_tokens: a whole number above 0"),
        ({"release": "soon"}, "r1.release: a date"),
        ({"current": 1}, "r1.current: true or false"),
        ({"aliases": "x"}, "r1.aliases: a list"),
        ({"figures": {"sums": 50}}, "r1.figures.sums: a score from 0 to 1"),
        ({"title": "a\x1b[2J"}, "r1.title: a text"),
        ({1: 2}, "keys are words"),
        ("text", "r1: a block"),
        (None, "r1: a block"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(block: object, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        overridden(world(), {"r1": block}, TODAY)
    assert message in str(caught.value)


def test_an_alias_of_another_model_cannot_be_taken() -> None:
    with pytest.raises(CatalogueError, match="already belongs"):
        overridden(world(), {"mine/other": {"aliases": ["r1"]}}, TODAY)


def priced(**fields: Any) -> Prices:
    catalogue = overridden(world(), {"rocket": {"prices": {"host": fields}}}, TODAY)
    return next(iter(catalogue.cards.values())).offers[0].prices.value


def test_prices_of_long_requests_are_stated_and_taken_back() -> None:
    long = {"above_tokens": 1000, "input_above": 4, "cached_read_above": 1, "output_above": 12, "cache_write_1h": 5}
    found = priced(**long)
    assert (found.above_tokens, found.input_above_per_mtok, found.cache_write_1h_per_mtok) == (1000, 4.0, 5.0)
    both = overridden(world(), {"rocket": {"prices": {"host": long}}}, TODAY)
    back = overridden(both, {"rocket": {"prices": {"host": {"above_tokens": None}}}}, TODAY)
    assert next(iter(back.cards.values())).offers[0].prices.value == priced(cache_write_1h=5)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"above_tokens": 1000}, "rocket.prices.host: .*together"),
        ({"input_above": 4}, "together"),
        ({"above_tokens": 0, "input_above": 4, "output_above": 4}, "above_tokens: a whole number above 0"),
        ({"above_tokens": 1000, "input_above": 0, "output_above": 4}, "input_above: a price above 0"),
    ],
)
def test_half_a_price_of_long_requests_is_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(CatalogueError, match=said):
        priced(**fields)
