"""Usage: classes that do not overlap and are never negative, whatever an upstream reports."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.usage import Usage
from fairlead.wire.openai_chat.usage import WireUsage


def read(text: str) -> Usage | None:
    return msgspec.json.decode(text, type=WireUsage).usage()


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        ('{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}', Usage(10, 0, 0, 5)),
        ('{"prompt_tokens":10}', Usage(10)),
        ('{"prompt_tokens":0,"completion_tokens":0}', Usage()),
        (
            '{"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":80}}',
            Usage(20, 80, 0, 5),
        ),
        ('{"prompt_tokens":100,"completion_tokens":5,"prompt_cache_hit_tokens":80}', Usage(20, 80, 0, 5)),
        (
            '{"prompt_tokens":100,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30}}',
            Usage(10, 60, 30),
        ),
        ('{"prompt_tokens":100,"prompt_tokens_details":null,"completion_tokens_details":null}', Usage(100)),
        (
            '{"prompt_tokens":1,"completion_tokens":50,"total_tokens":51,"completion_tokens_details":{"reasoning_tokens":40}}',
            Usage(1, 0, 0, 50, 40),
        ),
        (
            '{"prompt_tokens":1,"completion_tokens":9,"total_tokens":50,"completion_tokens_details":{"reasoning_tokens":40}}',
            Usage(1, 0, 0, 49, 40),
        ),
        ('{"prompt_tokens":-5,"completion_tokens":-1}', Usage()),
        ('{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":99}}', Usage(0, 10)),
    ],
)
def test_what_upstreams_report(text: str, usage: Usage) -> None:
    assert read(text) == usage


@pytest.mark.parametrize("text", ["{}", '{"prompt_tokens":null,"completion_tokens":null}', '{"total_tokens":5}'])
def test_nothing_counted_is_unknown_and_not_zero(text: str) -> None:
    assert read(text) is None


counts = st.none() | st.integers(-5, 1000)


@given(counts, counts, counts, counts, counts, counts, counts)
def test_classes_never_overlap_or_go_negative(
    prompt: int | None,
    completion: int | None,
    total: int | None,
    cached: int | None,
    written: int | None,
    reasoning: int | None,
    hit: int | None,
) -> None:
    usage = msgspec.convert(
        {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
            "prompt_cache_hit_tokens": hit,
        },
        WireUsage,
    ).usage()
    if usage is None:
        assert prompt is None
        assert completion is None
        return
    assert min(usage[:5]) >= 0
    assert usage.input_tokens + usage.cached_read_tokens + usage.cache_write_tokens == max(prompt or 0, 0)
    assert usage.output_tokens >= max(completion or 0, 0)
    assert usage.reasoning_tokens <= usage.output_tokens
    assert not usage.is_estimated
