"""Finding cards: by id, alias, provider's name, and a local server's spelling."""

import pytest

from fairlead.catalogue.catalogue import Catalogue, catalogue_of
from fairlead.catalogue.parsing import parse_catalogue, parse_lab
from fairlead.domain.errors import CatalogueError

BENCHMARKS = """
[benchmarks]
sums = { title = "Sums", owner = "Someone", kinds = { maths = 1 } }
"""


def lab(name: str, *models: str) -> str:
    return f"lab = '{name}'\n[sources.s]\ntitle='S'\nas_of=2026-01-01\n" + "\n".join(models)


def model(name: str, body: str = "") -> str:
    return f"[models.'{name}']\ntitle='T'\n{body}\n"


def world(**labs: str) -> Catalogue:
    return parse_catalogue({"benchmarks.toml": BENCHMARKS, **{f"{name}.toml": text for name, text in labs.items()}})


def test_a_card_answers_to_id_alias_bare_name_and_provider_name_in_any_case() -> None:
    catalogue = world(
        meta=lab(
            "meta",
            model(
                "llama-3.1-8b-instruct",
                "aliases=['llama3.1']\noffers='s together meta-llama/Llama-3.1-8B-Turbo input=1'",
            ),
        )
    )
    for name in (
        "meta/llama-3.1-8b-instruct",
        "META/Llama-3.1-8B-Instruct",
        "llama3.1",
        "llama-3.1-8b-instruct",
        "meta-llama/Llama-3.1-8B-Turbo",
    ):
        card = catalogue.resolve(name)
        assert card is not None
        assert card.model == "meta/llama-3.1-8b-instruct"
    assert catalogue.resolve("llama-3.1-8b") is None
    assert catalogue.match("llama-3.1-8b:q4_K_M") == catalogue.resolve("llama3.1")


def test_a_bare_name_that_two_labs_share_belongs_to_neither() -> None:
    catalogue = world(a=lab("a", model("star")), b=lab("b", model("star")))
    assert catalogue.resolve("star") is None
    assert catalogue.match("star") is None
    assert catalogue.resolve("a/star") == catalogue.cards[next(iter(catalogue.cards))]


def test_a_written_alias_wins_over_a_name_that_another_card_has_at_a_provider() -> None:
    catalogue = world(a=lab("a", model("new", "aliases=['chat']"), model("old", "offers='s host chat input=1'")))
    card = catalogue.resolve("chat")
    assert card is not None
    assert card.model == "a/new"


def test_two_cards_may_not_write_down_one_alias() -> None:
    with pytest.raises(CatalogueError, match="already belongs to a/one"):
        world(a=lab("a", model("one", "aliases=['x']"), model("two", "aliases=['X']")))


def test_a_figure_of_an_unknown_benchmark_is_refused() -> None:
    text = lab("a", model("one", "figures='s sums=0.5'"))
    cards = parse_lab("a.toml", text, world().benchmarks)
    with pytest.raises(CatalogueError, match="unknown benchmark 'sums'"):
        catalogue_of(cards, {}, "v")


def test_the_order_of_cards_changes_nothing() -> None:
    one, two = lab("a", model("one"), model("two")), lab("a", model("two"), model("one"))
    assert list(world(a=one).cards) == list(world(a=two).cards)
    assert dict(world(a=one).names) == dict(world(a=two).names)


def test_only_current_cards_are_current() -> None:
    catalogue = world(a=lab("a", model("new"), model("old", "current=false")))
    assert [card.model for card in catalogue.current()] == ["a/new"]
    assert catalogue.resolve("old") is not None


def test_a_hostile_name_resolves_to_nothing() -> None:
    catalogue = world(a=lab("a", model("new")))
    for name in ("", "x" * 10_000, "\ud800", "a/new\x00", "../a/new", " "):
        assert catalogue.resolve(name) is None
