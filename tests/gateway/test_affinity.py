import random

from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.decision import Arm
from fairlead.domain.names import ModelId, ProviderName, SentModel, TenantName, UpstreamName
from fairlead.domain.outline import Outline
from fairlead.gateway.affinity import (
    FORGET_AFTER_S,
    MAX_WARM_ARMS,
    SESSION_HEADERS,
    SessionMemory,
    is_worth_remembering,
    places_of,
    session_key,
    stated_session,
)
from fairlead.routing.switching import Held, Warm

A, B = TenantName("a"), TenantName("b")
HEAD = Outline(system_text="You code.", first_turn_text="Fix the bug", turn_text="Fix the bug")


def arm(name: str) -> Arm:
    return Arm(ModelId(f"lab/{name}"), UpstreamName("up"), ProviderName("p"), SentModel(name))


def test_the_bodys_word_goes_before_the_headers_and_these_in_their_order() -> None:
    headers = [(name, name.upper()) for name in reversed(SESSION_HEADERS)]
    assert stated_session(headers, "mine") == b"mine"
    assert stated_session(headers, None) == b"X-SESSION-ID"
    assert stated_session(headers[:-1], "") == b"X-CLAUDE-CODE-SESSION-ID"
    assert stated_session([(b"host", b"x")], None) is None
    assert stated_session([(b"x-session-id", b"")], None) is None


def test_a_key_stays_as_a_conversation_grows_and_differs_where_its_head_does() -> None:
    grown = HEAD._replace(turn_text="and now?", n_messages=9, n_chars=90_000)
    assert session_key(A, None, HEAD) == session_key(A, None, grown)
    keys = {
        session_key(A, None, HEAD),
        session_key(B, None, HEAD),
        session_key(A, None, HEAD._replace(first_turn_text="Fix the bugs")),
        session_key(A, None, HEAD._replace(system_text="You paint.")),
        session_key(A, None, HEAD._replace(n_tools=1)),
        session_key(A, b"Fix the bug", HEAD),
        session_key(B, b"Fix the bug", HEAD),
    }
    assert len(keys) == 7
    assert session_key(A, None, Outline()) is None


@given(st.binary(max_size=2_000), st.text(max_size=500))
def test_no_id_and_no_text_breaks_a_key(stated: bytes, text: str) -> None:
    for given_id in (stated, None):
        key = session_key(A, given_id, Outline(first_turn_text=text + "x"))
        assert key is not None
        assert len(key) == 32


def test_only_a_conversation_that_can_gain_is_remembered_without_an_id() -> None:
    assert not is_worth_remembering(Outline(n_chars=1_000))
    assert is_worth_remembering(Outline(n_chars=4_000))
    assert is_worth_remembering(Outline(n_tools=1))


def test_a_memory_says_who_served_last_and_who_is_still_warm() -> None:
    memory = SessionMemory()
    places = places_of([arm("x"), arm("y")])
    memory.served("k", arm("y"), 2_000.0, 10.0)
    memory.served("k", arm("x"), 3_000.0, 20.0)
    assert memory.held("k", places, 25.0) == Held(0, (Warm(1, 2_000.0, 15.0), Warm(0, 3_000.0, 5.0)))
    assert memory.held("other", places, 25.0) is None
    assert memory.held("k", places_of([arm("y")]), 25.0) == Held(None, (Warm(0, 2_000.0, 15.0),))
    assert memory.held("k", places, 20.0 + FORGET_AFTER_S + 1) is None
    assert len(memory) == 0


def test_a_memory_is_bounded_in_conversations_and_in_arms(rng: random.Random) -> None:
    memory = SessionMemory(max_sessions=10)
    for n in range(500):
        memory.served(f"k{rng.randrange(60)}", arm(str(rng.randrange(20))), 1.0, float(n))
    assert len(memory) == 10
    for n in range(20):
        memory.served("k", arm(str(n)), 1.0, 600.0)
    held = memory.held("k", places_of([arm(str(n)) for n in range(20)]), 600.0)
    assert held is not None
    assert (held.anchor, [warm.arm for warm in held.warm]) == (19, list(range(20 - MAX_WARM_ARMS, 20)))
