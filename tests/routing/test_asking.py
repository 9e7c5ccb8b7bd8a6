"""Asking: what a model's name means."""

import pytest

from fairlead.domain.errors import UnknownModelError
from fairlead.domain.wishes import Weights, Wishes
from fairlead.routing.preferences import BUILT_IN_PRESETS, Preset
from tests.routing.small_pool import Known, decided, order, places, router

A1 = Known("lab/a", "one", "p1", sent="a-2026", quality=0.6, aliases=("nick",))
A2 = Known("lab/a", "two", "p2", sent="vendor/a", quality=0.6, price_in=3.0)
B = Known("lab/b", "one", "p1", sent="b", quality=0.9)
OLD = Known("lab/old", "one", "p1", sent="old", quality=0.99, in_auto=False)
EMBED = Known("lab/embed", "one", "p1", quality=0.99, purpose="embedding")
ALL = (A1, A2, B, OLD, EMBED)


def test_auto_chooses_among_the_default_pool_only() -> None:
    assert set(order(decided(router(*ALL)))) == {"lab/a", "lab/b"}


@pytest.mark.parametrize("name", ["lab/a", "LAB/A", "a-2026", "vendor/a", "nick", "Nick"])
def test_every_spelling_of_a_model_means_the_model_at_all_its_upstreams(name: str) -> None:
    decision = decided(router(*ALL), model=name)
    assert decision.policy == "concrete"
    assert sorted(places(decision)) == [("lab/a", "one"), ("lab/a", "two")]


@pytest.mark.parametrize("name", ["two/vendor/a", "TWO/Vendor/A"])
def test_an_upstream_and_its_name_mean_that_one_endpoint(name: str) -> None:
    assert places(decided(router(*ALL), model=name)) == [("lab/a", "two")]


def test_a_model_outside_the_default_pool_answers_to_its_name() -> None:
    assert order(decided(router(*ALL), model="lab/old")) == ["lab/old"]


def test_a_catalogue_id_wins_over_another_models_sent_name_and_alias() -> None:
    thief = Known("lab/thief", "three", sent="lab/a", aliases=("lab/b",))
    chooser = router(*ALL, thief)
    assert set(order(decided(chooser, model="lab/a"))) == {"lab/a"}
    assert set(order(decided(chooser, model="lab/b"))) == {"lab/b"}


def test_a_name_that_two_models_claim_never_mixes_them() -> None:
    one, two = Known("lab/x", "one", sent="same"), Known("lab/y", "two", sent="same")
    assert len(set(order(decided(router(one, two), model="same")))) == 1


def test_alternatives_of_a_concrete_model_stand_in_the_order_asked() -> None:
    chooser = router(*ALL)
    found = order(decided(chooser, Wishes(models=("lab/a", "lab/b")), model="lab/old"))
    assert found == ["lab/old", "lab/a", "lab/a", "lab/b"]


def test_a_list_alone_stands_in_its_order() -> None:
    assert order(decided(router(*ALL), Wishes(models=("lab/b", "lab/a", "lab/b")), model="")) == [
        "lab/b",
        "lab/a",
        "lab/a",
    ]


def test_a_list_beside_auto_is_the_pool_to_choose_from() -> None:
    decision = decided(router(*ALL), Wishes(models=("lab/old", "lab/a"), weights=Weights(1, 0, 0)))
    assert order(decision)[0] == "lab/old"
    assert set(order(decision)) == {"lab/old", "lab/a"}


def test_the_built_in_presets_have_names() -> None:
    assert router(A1).names.virtual == ("auto", *(f"auto:{name}" for name in BUILT_IN_PRESETS))


def test_a_preset_may_name_models_that_auto_leaves_out() -> None:
    preset = Preset("support", Weights(1, 0, 0), Wishes(allowed_models=("lab/old", "lab/b")))
    chooser = router(*ALL, presets={"balanced": BUILT_IN_PRESETS["balanced"], "support": preset})
    decision = decided(chooser, model="auto:support")
    assert (decision.policy, order(decision)) == ("auto:support", ["lab/old", "lab/b"])


def test_no_preset_chooses_an_embedding_model() -> None:
    preset = Preset("all", Weights(1, 0, 0), Wishes(allowed_models=("*",)))
    chooser = router(*ALL, presets={"balanced": BUILT_IN_PRESETS["balanced"], "all": preset})
    assert "lab/embed" not in order(decided(chooser, model="auto:all"))


@pytest.mark.parametrize(
    ("name", "near"),
    [("lab/aa", "lab/a"), ("auto:qualty", "auto:quality"), ("lab/embedd", "lab/embed"), ("nickk", "nick")],
)
def test_an_unknown_name_is_told_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownModelError, match=near) as caught:
        decided(router(*ALL), model=name)
    assert (caught.value.status, caught.value.param, caught.value.code) == (404, "model", "model_not_found")


def test_an_unknown_alternative_is_refused_too() -> None:
    for model in ("lab/a", "auto", ""):
        with pytest.raises(UnknownModelError, match="nobody") as caught:
            decided(router(*ALL), Wishes(models=("nobody",)), model=model)
        assert caught.value.param == "models"
    with pytest.raises(UnknownModelError, match="nobody") as caught:
        decided(router(*ALL), Wishes(models=("lab/a",)), model="nobody")
    assert caught.value.param == "model"


@pytest.mark.parametrize("model", ["auto", "lab/a", ""])
def test_a_choice_among_the_alternatives_is_told_where_it_belongs(model: str) -> None:
    with pytest.raises(UnknownModelError, match="'model' takes 'auto:cost'") as caught:
        decided(router(*ALL), Wishes(models=("auto:cost",)), model=model)
    assert (caught.value.param, "Nearest" in caught.value.message) == ("models", False)


def test_a_long_wrong_name_is_quoted_short() -> None:
    with pytest.raises(UnknownModelError) as caught:
        decided(router(A1), model="x" * 10_000)
    assert len(str(caught.value)) < 300


def test_clients_cannot_fill_the_memory_with_spellings() -> None:
    chooser = router(Known("laboratory/model"))
    name = "laboratory/model"
    for bits in range(64):
        decided(chooser, model="".join(c.upper() if bits >> i & 1 else c for i, c in enumerate(name)))
    assert len(chooser.names._concrete) <= 8 * chooser.pool.n_arms
