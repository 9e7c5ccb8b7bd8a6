"""Embeddings: only the model's name and our own members are ours to read."""

import pytest

from fairlead.domain.errors import InvalidOptionError, MalformedBodyError, UnknownOptionError
from fairlead.domain.names import SentModel
from fairlead.wire.openai_embeddings import read_embeddings_request


def test_every_member_goes_on_as_it_came_but_ours() -> None:
    body = b'{"model":"e","input":["a",[1, 2]],"encoding_format":"base64","dimensions":8,"fairlead":{"zdr":true}}'
    request = read_embeddings_request(body)
    assert request.asked == "e"
    assert request.wishes.zdr
    assert (
        request.body_for(SentModel("f"))
        == b'{"model":"f","input":["a",[1, 2]],"encoding_format":"base64","dimensions":8}'
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"input":"a"}', "model"),
        (b'{"model":"","input":"a"}', "model"),
        (b'{"model":null,"input":"a"}', "model"),
        (b'{"model":5,"input":"a"}', "model"),
        (b'{"model":"e"}', "input"),
    ],
)
def test_what_is_missing_is_named(body: bytes, param: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        read_embeddings_request(body)
    assert caught.value.param == param


def test_broken_bodies_and_unknown_options_are_refused() -> None:
    with pytest.raises(MalformedBodyError):
        read_embeddings_request(b"{")
    with pytest.raises(UnknownOptionError):
        read_embeddings_request(b'{"model":"e","input":"a","fairlead":{"x":1}}')
