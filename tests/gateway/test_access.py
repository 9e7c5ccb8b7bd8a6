import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import ForbiddenError, UnauthenticatedError
from fairlead.domain.names import TenantName
from fairlead.gateway.access import ANYONE, MAX_KEY_BYTES, PERMISSIONS, Access, AccessKey, digest

KEY = "fl-" + "k" * 43


def access(*may: str) -> Access:
    return Access([AccessKey("mine", digest(KEY), TenantName("acme"), frozenset(may))])  # type: ignore[arg-type]


def test_without_keys_anyone_may_do_all() -> None:
    assert all(Access([]).caller([], permission) is ANYONE for permission in PERMISSIONS)


@pytest.mark.parametrize("needs", PERMISSIONS)
@pytest.mark.parametrize("has", PERMISSIONS)
def test_a_key_may_do_what_it_was_given_and_nothing_else(has: str, needs: str) -> None:
    headers = [(b"authorization", b"Bearer " + KEY.encode())]
    if has == needs:
        assert access(has).caller(headers, needs).tenant == "acme"  # type: ignore[arg-type]
    else:
        with pytest.raises(ForbiddenError, match=needs):
            access(has).caller(headers, needs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"bearer " + KEY.encode())],
        [(b"authorization", b"BEARER   " + KEY.encode() + b" ")],
        [(b"x-api-key", KEY.encode())],
        [(b"authorization", b"Basic abc"), (b"x-api-key", KEY.encode())],
    ],
)
def test_every_usual_way_to_send_a_key_works(headers: list[tuple[bytes, bytes]]) -> None:
    assert access("chat").caller(headers, "chat").name == "mine"


@pytest.mark.parametrize(
    "sent",
    [b"", b"Bearer", b"Bearer ", b"Basic " + KEY.encode(), KEY.encode(), b"Bearer " + digest(KEY).encode(),
     b"Bearer " + KEY.upper().encode(), b"Bearer " + KEY.encode() + b"\0", b"Bearer " + b"x" * (MAX_KEY_BYTES + 1)],
)  # fmt: skip
def test_what_is_not_the_key_is_refused_and_a_hash_is_no_key(sent: bytes) -> None:
    with pytest.raises(UnauthenticatedError):
        access("chat").caller([(b"authorization", sent)], "chat")


@given(st.binary(max_size=600))
def test_no_other_bytes_open_the_door_and_none_are_quoted(sent: bytes) -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        access("chat").caller([(b"x-api-key", sent)], "chat")
    assert len(sent) < 8 or sent.decode("latin-1") not in str(refused.value)


def test_the_key_itself_is_kept_nowhere() -> None:
    door = access("chat")
    assert KEY not in repr(vars(door))
