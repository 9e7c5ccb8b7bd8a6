"""Usage both ways: classes that do not overlap, and the totals of this format."""

import msgspec
from hypothesis import given

from fairlead.domain.usage import Usage
from fairlead.wire.openai_responses.usage import WireUsage, write_usage
from tests.wire.openai_responses.strategies import usages


def read(text: str) -> Usage | None:
    return msgspec.json.decode(text, type=WireUsage).usage()


@given(usages)
def test_what_is_written_is_read_again(usage: Usage) -> None:
    assert msgspec.convert(write_usage(usage), WireUsage).usage() == usage


def test_nothing_reported_is_not_nothing_used() -> None:
    assert read("{}") is None
    assert read('{"output_tokens":0}') == Usage()


def test_counts_that_contradict_each_other_are_kept_in_bounds() -> None:
    cached = '"input_tokens_details":{"cached_tokens":9,"cache_write_tokens":9}'
    details = cached + ',"output_tokens_details":{"reasoning_tokens":9}'
    assert read(f'{{"input_tokens":5,"output_tokens":4,{details}}}') == Usage(0, 5, 0, 4, 4)
    assert read('{"input_tokens":-5,"output_tokens":-1}') == Usage()
