"""Kept replies: per tenant, in order, bounded in bytes, number and time."""

from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.names import TenantName, UpstreamName
from fairlead.gateway.kept_replies import ENTRY_BYTES, FORGET_AFTER_S, MAX_SHARE, KeptReplies, Reply

ANNE, BERT = TenantName("anne"), TenantName("bert")


def reply(said: bytes = b'"q"', previous: str | None = None, **items: bytes) -> Reply:
    return Reply(previous, said, items)


def test_a_conversation_is_told_from_its_beginning() -> None:
    kept = KeptReplies()
    kept.keep(ANNE, "r1", reply(b"1,2", a=b"3", b=b"", c=b"4"), 0.0)
    kept.keep(ANNE, "r2", reply(b"5", "r1", d=b"6"), 0.0)
    assert kept.conversation(ANNE, "r2", 0.0) == b"1,2,3,4,5,6"
    assert kept.conversation(ANNE, "r1", 0.0) == b"1,2,3,4"
    found = kept.item(ANNE, "c", 0.0)
    assert found is not None
    assert found[1] == b"4"


def test_tenants_do_not_see_each_others_replies() -> None:
    kept = KeptReplies()
    kept.keep(ANNE, "r1", reply(a=b"3"), 0.0)
    assert kept.reply(BERT, "r1", 0.0) is None
    assert kept.item(BERT, "a", 0.0) is None
    assert kept.conversation(BERT, "r1", 0.0) is None


def test_half_a_conversation_is_none() -> None:
    kept = KeptReplies()
    kept.keep(ANNE, "r2", reply(b"5", "r1", d=b"6"), 0.0)
    assert kept.conversation(ANNE, "r2", 0.0) is None
    kept.keep(ANNE, "r1", Reply(None, b"", {}, UpstreamName("one")), 0.0)
    assert kept.conversation(ANNE, "r2", 0.0) is None, "an upstream keeps its beginning"


def test_what_was_not_used_for_long_is_forgotten_and_what_was_used_is_not() -> None:
    kept = KeptReplies()
    kept.keep(ANNE, "r1", reply(a=b"1"), 0.0)
    kept.keep(ANNE, "r2", reply(previous="r1", b=b"2"), 0.0)
    kept.keep(ANNE, "r3", reply(), 0.0)
    assert kept.conversation(ANNE, "r2", FORGET_AFTER_S)
    assert kept.reply(ANNE, "r3", FORGET_AFTER_S + 1) is None
    assert kept.conversation(ANNE, "r2", FORGET_AFTER_S + 1), "with a reply its whole conversation is used"
    assert kept.item(ANNE, "a", 3 * FORGET_AFTER_S) is None
    assert (len(kept), kept.n_bytes) == (0, 0)


def test_whoever_keeps_most_loses_first() -> None:
    kept = KeptReplies(max_bytes=16 * ENTRY_BYTES)
    kept.keep(BERT, "b", reply(b""), 0.0)
    for number in range(40):
        kept.keep(ANNE, f"a{number}", reply(b""), 1.0)
    assert kept.reply(BERT, "b", 2.0) is not None
    assert kept.reply(ANNE, "a0", 2.0) is None
    assert kept.reply(ANNE, "a39", 2.0) is not None
    assert kept.n_bytes <= 16 * ENTRY_BYTES


def test_one_reply_cannot_push_everything_out() -> None:
    kept = KeptReplies(max_bytes=16 * ENTRY_BYTES)
    kept.keep(ANNE, "small", reply(), 0.0)
    kept.keep(ANNE, "large", reply(b"x" * (16 * ENTRY_BYTES // MAX_SHARE)), 0.0)
    assert kept.reply(ANNE, "large", 0.0) is None
    assert kept.reply(ANNE, "small", 0.0) is not None


@given(
    steps=st.lists(
        st.tuples(st.sampled_from([ANNE, BERT]), st.integers(0, 9), st.integers(0, 400), st.floats(0, 3_000)),
        max_size=60,
    )
)
def test_the_bounds_hold_whatever_is_kept(steps: list[tuple[TenantName, int, int, float]]) -> None:
    kept = KeptReplies(max_bytes=8_000, max_replies=7)
    now_s = 0.0
    for tenant, name, size, wait_s in steps:
        now_s += wait_s
        kept.keep(tenant, f"r{name}", Reply(f"r{name - 1}", b"x" * size, {f"i{name}": b"y"}), now_s)
        kept.conversation(tenant, f"r{name}", now_s)
        assert len(kept) <= 7
        assert 0 <= kept.n_bytes <= 8_000
    for tenant in (ANNE, BERT):
        kept.reply(tenant, "none", now_s + FORGET_AFTER_S + 1)
    assert (len(kept), kept.n_bytes) == (0, 0)
