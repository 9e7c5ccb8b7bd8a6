"""The pool: arms compiled into arrays, in an order that nobody's name decides."""

import numpy as np
import pytest

from fairlead.domain.names import ModelId
from fairlead.routing.pool import Pool
from tests.routing.small_pool import Known, router


def pool(*arms: Known) -> Pool:
    return router(*arms).pool


def test_unknown_prices_stand_at_the_dearest_of_their_kind_and_are_marked() -> None:
    found = pool(Known("l/a", price_in=None, price_out=None), Known("l/b", price_in=2.0, price_out=3.0), Known("l/c"))
    unknown = [spec.arm.model for spec in found.specs].index("l/a")  # type: ignore[arg-type]
    assert found.is_priced.tolist().count(False) == 1
    assert not found.is_priced[unknown]
    assert (found.rates.input_usd[unknown], found.rates.output_usd[unknown]) == pytest.approx((2e-6, 3e-6))


def test_cheaper_arms_stand_first_and_unknown_prices_last() -> None:
    found = pool(Known("l/a", price_in=None), Known("l/b", price_in=5.0), Known("l/c", price_in=0.0, price_out=0.0))
    assert [spec.arm.model for spec in found.specs] == ["l/c", "l/b", "l/a"]


def test_unknown_limits_are_endless() -> None:
    found = pool(Known())
    assert np.isinf(found.context_tokens[0])
    assert np.isinf(found.max_output_tokens[0])


def test_an_unknown_ability_is_neither_had_nor_lacked() -> None:
    found = pool(Known(abilities={"tools": True, "vision": False}))
    assert (found.has_ability["tools"][0], found.lacks_ability["tools"][0]) == (True, False)
    assert (found.has_ability["vision"][0], found.lacks_ability["vision"][0]) == (False, True)
    assert (found.has_ability["audio"][0], found.lacks_ability["audio"][0]) == (False, False)


def test_arms_of_one_model_share_its_card() -> None:
    found = pool(Known("l/a", "one"), Known("l/b", "one"), Known("l/a", "two"))
    cards = {(spec.arm.model, spec.arm.upstream): int(found.card_of[i]) for i, spec in enumerate(found.specs)}
    assert len(set(cards.values())) == 2
    assert len({card for (model, _), card in cards.items() if model == "l/a"}) == 1


def test_upstreams_know_their_arms() -> None:
    found = pool(Known("l/a", "one"), Known("l/b", "one"), Known("l/a", "two"))
    assert {name: int(mask.sum()) for name, mask in found.upstreams.items()} == {"one": 2, "two": 1}


def test_an_empty_pool_is_a_pool() -> None:
    found = pool()
    assert (found.n_arms, dict(found.names)) == (0, {})


def test_a_long_request_is_reckoned_at_the_prices_of_long_ones() -> None:
    tiered = Known("l/a", price_in=2.0, price_out=8.0, cached_in=0.5, above=(1000, 4.0, 12.0))
    found = pool(tiered, Known("l/b", price_in=3.0, price_out=9.0))
    a, b = ([spec.arm.model for spec in found.specs].index(ModelId(name)) for name in ("l/a", "l/b"))
    assert found.rates_of(1000) is found.rates
    long = found.rates_of(1001)
    assert (long.input_usd[a], long.output_usd[a]) == pytest.approx((4e-6, 12e-6))
    assert (long.input_usd[b], long.output_usd[b]) == pytest.approx((3e-6, 9e-6))
    assert found.rates.cached_saving_usd[a] == pytest.approx(1.5e-6)
    assert long.cached_saving_usd[a] == pytest.approx(3e-6)
