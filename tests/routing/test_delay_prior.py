"""The delay prior: bigger and dearer models are slower, within stated bounds."""

from dataclasses import replace

import pytest

from fairlead.catalogue.cards import Ability, Fact, ModelCard, Prices
from fairlead.routing.delay_prior import delay_prior
from tests.routing.small_pool import DAY, Known

CARD: ModelCard = Known().spec().card
UNPRICED = Prices()


def of_size(total: float | None, active: float | None = None) -> ModelCard:
    facts = [None if size is None else Fact(int(size), "test", DAY) for size in (total, active)]
    return replace(CARD, parameters_total=facts[0], parameters_active=facts[1])


def test_bigger_models_are_slower() -> None:
    speeds = [delay_prior(of_size(size), UNPRICED, is_local=False).s_per_token for size in (2e9, 8e9, 70e9, 400e9)]
    assert speeds == sorted(speeds)
    assert speeds[0] < speeds[-1]


def test_what_counts_is_the_part_that_works_on_a_token() -> None:
    sparse = delay_prior(of_size(600e9, 30e9), UNPRICED, is_local=False)
    assert sparse == delay_prior(of_size(30e9), UNPRICED, is_local=False)


def test_without_a_size_dearer_models_are_slower() -> None:
    speeds = [
        delay_prior(CARD, Prices(1.0, None, None, price), is_local=False).s_per_token for price in (0.1, 1.0, 75.0)
    ]
    assert speeds == sorted(speeds)
    assert speeds[0] < speeds[-1]


@pytest.mark.parametrize("card", [of_size(1.0), of_size(1e15), CARD])
@pytest.mark.parametrize("price", [None, 0.0, 1e-9, 1e9])
def test_no_size_or_price_gives_an_absurd_speed(card: ModelCard, price: float | None) -> None:
    assert 1 / 260 <= delay_prior(card, Prices(price, None, None, price), is_local=False).s_per_token <= 1 / 20


def test_a_local_server_answers_sooner() -> None:
    assert delay_prior(CARD, UNPRICED, is_local=True).ttft_s < delay_prior(CARD, UNPRICED, is_local=False).ttft_s


@pytest.mark.parametrize(("stated", "hides"), [(True, True), (False, False), (None, False)])
def test_only_a_model_known_to_reason_thinks_before_it_speaks(stated: bool | None, hides: bool) -> None:
    abilities: dict[Ability, Fact[bool]] = {} if stated is None else {"reasoning": Fact(stated, "test", DAY)}
    card = replace(CARD, abilities=abilities)
    assert (delay_prior(card, UNPRICED, is_local=False).hidden_share > 0) is hides
