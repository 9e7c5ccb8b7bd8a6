"""The domain's values: what they promise by their making."""

import pickle
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain import errors
from fairlead.domain.decision import Decision, PromptTraits, Reason
from fairlead.domain.errors import FairleadError, RejectedError, RequestError, SetupError, UpstreamError
from fairlead.domain.kinds import KINDS
from fairlead.domain.money import NANO_PER_USD, Usd
from fairlead.domain.names import AskedModel
from fairlead.domain.outline import Outline
from fairlead.domain.secrets import Secret
from fairlead.domain.usage import Usage

KINDS_OF_ERROR = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FairleadError)]


@given(st.lists(st.integers(0, 10**15)))
def test_a_million_small_charges_add_up_exactly(amounts: list[int]) -> None:
    assert sum((Usd(nano) for nano in amounts), Usd(0)) == Usd(sum(amounts))


def test_money_is_shown_in_dollars_to_the_nano() -> None:
    assert str(Usd(1)) == "0.000000001"
    assert str(Usd(12 * NANO_PER_USD + 500_000_000)) == "12.500000000"
    assert Usd(NANO_PER_USD // 2).dollars == 0.5


@pytest.mark.parametrize("shown", [repr, str, lambda secret: f"{secret}", lambda secret: f"{[secret]}"])
def test_a_secret_never_shows_itself(shown: object) -> None:
    assert "hunter2" not in shown(Secret("hunter2"))  # type: ignore[operator]
    assert Secret("hunter2").reveal() == "hunter2"


def test_a_secret_is_not_pickled_and_compares_by_value() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("hunter2"))
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize("kind", KINDS_OF_ERROR, ids=lambda kind: kind.__name__)
def test_every_error_stands_in_the_drawn_tree_with_its_status(kind: type[FairleadError]) -> None:
    drawn = errors.__doc__ or ""
    assert kind.__name__ in drawn
    line = next(line for line in drawn.splitlines() if line.strip().startswith(kind.__name__))
    stated = [word for word in line.split() if word.isdigit() and len(word) == 3]
    if stated and kind is not RejectedError:
        assert int(stated[0]) == kind.status
    if issubclass(kind, RequestError):
        assert 400 <= kind.status < 500
    elif issubclass(kind, UpstreamError):
        assert kind.status in (502, 504)
    elif not issubclass(kind, SetupError):
        assert 500 <= kind.status < 600


def test_codes_of_errors_are_lower_case_words_and_their_own() -> None:
    codes = [kind.code for kind in KINDS_OF_ERROR if kind is not FairleadError]
    assert all(code.replace("_", "").isalpha() and code == code.lower() for code in codes)
    assert len(set(codes)) == len(codes)


def test_no_kind_of_task_stands_twice() -> None:
    assert len(set(KINDS)) == len(KINDS)


def test_nobody_chosen_is_none() -> None:
    decision = Decision(
        AskedModel("auto"), "auto", PromptTraits((), 0.0, 1, "en"), (), (), Reason("nobody_eligible", "…"), ()
    )
    assert decision.chosen is None


def test_an_empty_outline_and_no_usage_are_zero_and_certain() -> None:
    assert Outline().n_choices == 1
    assert Outline().max_output_tokens is None
    assert not Usage().is_estimated


def test_literals_of_the_domain_are_words() -> None:
    from fairlead.domain.decision import Basis, IneligibleCode
    from fairlead.domain.moments import AttemptOutcome, ReplyOutcome

    for kind in (Basis, IneligibleCode, AttemptOutcome, ReplyOutcome):
        words = get_args(kind)
        assert len(set(words)) == len(words)
        assert all(word.replace("_", "").isalpha() for word in words)
