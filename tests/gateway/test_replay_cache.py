import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.decision import Arm
from fairlead.domain.names import ModelId, ProviderName, SentModel, TenantName, UpstreamName
from fairlead.gateway.replay_cache import ENTRY_BYTES, CacheLimits, Kept, ReplayCache, key_of, question_of

ARM = Arm(ModelId("lab/a"), UpstreamName("up"), ProviderName("p"), SentModel("a"))
T = TenantName("t")
ASK: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}


def question(sampled: bool = False, **members: Any) -> bytes | None:
    return question_of(json.dumps(ASK | members).encode(), sampled=sampled)


def kept(body: bytes, at_s: float = 0.0) -> Kept:
    return Kept(body, ARM, None, at_s, [])


def test_the_same_question_in_another_spelling_is_the_same_question() -> None:
    spelled = json.dumps(dict(reversed(ASK.items()))).replace('{"temp', ' { "temp').encode()
    assert question_of(spelled, sampled=False) == question()
    assert question(fairlead={"min_quality": 0.5}, user="me") == question(), "routing and names do not bear on it"


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"role": "user", "content": "hi "}]},
        {"seed": 1},
        {"max_tokens": 5},
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"n": 2},
        {"seed": 10**30},
        {"some_new_member": None},
    ],
)
def test_whatever_differs_in_a_request_makes_another_question(change: dict[str, Any]) -> None:
    assert question(**change) != question()


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.1},
        {"temperature": None},
        {"temperature": "0"},
        {"temperature": False},
        {"tools": [{"type": "function"}]},
        {"functions": [{}]},
    ],
)
def test_nothing_sampled_and_nothing_that_calls_tools_is_kept(change: dict[str, Any]) -> None:
    assert question(**change) is None
    calls_tools = "tools" in change or "functions" in change
    assert (question(sampled=True, **change) is None) is calls_tools


def test_two_numbers_that_a_float_cannot_tell_apart_make_two_questions() -> None:
    assert question(seed=10**30) != question(seed=10**30 + 1)
    assert question(temperature=0.0) is not None


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt", "web_search_options"])
def test_what_depends_on_the_state_of_a_provider_or_on_the_world_is_not_kept(name: str) -> None:
    assert question(sampled=True, **{name: "x"}) is None
    assert question(sampled=True, **{name: None}) is not None


def test_embeddings_are_certain() -> None:
    assert question_of(b'{"model":"m","input":["a"]}', sampled=False) is not None
    assert question_of(b'{"model":"m","input":"a","instructions":"x"}', sampled=False) is None


@given(st.lists(st.tuples(st.binary(max_size=6), *[st.text(max_size=4)] * 3), min_size=2, max_size=2, unique=True))
def test_no_two_requests_share_a_key(pair: list[tuple[bytes, str, str, str]]) -> None:
    one, two = (key_of(body, TenantName(tenant), door, model) for body, tenant, door, model in pair)
    assert one != two


def test_two_tenants_never_share_an_answer() -> None:
    cache = ReplayCache(CacheLimits(60.0, 10_000))
    asked = question()
    assert asked is not None
    cache.keep(key_of(asked, T, "chat", "lab/a"), kept(b"answer"))
    assert cache.find(key_of(asked, TenantName("other"), "chat", "lab/a"), 0.0) is None
    assert cache.find(key_of(asked, T, "chat", "lab/b"), 0.0) is None
    assert cache.find(key_of(asked, T, "chat", "lab/a"), 0.0) == kept(b"answer")
    assert (cache.n_hits, cache.n_misses) == (1, 2)


def test_an_answer_is_kept_for_its_time_and_not_longer() -> None:
    cache = ReplayCache(CacheLimits(60.0, 10_000))
    cache.keep(b"k", kept(b"answer", 5.0))
    assert cache.find(b"k", 65.0) is not None
    assert cache.find(b"k", 65.1) is None
    assert (len(cache), cache.n_bytes) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3_000), st.booleans()), max_size=60))
def test_a_cache_never_holds_more_than_it_may(steps: list[tuple[int, int, bool]]) -> None:
    cache = ReplayCache(CacheLimits(60.0, 5_000))
    for n, (key, size, is_look) in enumerate(steps):
        if is_look:
            cache.find(b"%d" % key, float(n))
        else:
            cache.keep(b"%d" % key, kept(bytes(size), float(n)))
        assert cache.n_bytes <= 5_000
        assert cache.n_bytes >= len(cache) * ENTRY_BYTES
    for key in range(10):
        cache.find(b"%d" % key, 1e9)
    assert (len(cache), cache.n_bytes) == (0, 0)
