"""Sessions, pace and assets, each by itself."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.dashboard.assets import Assets, own_assets
from fairlead.dashboard.incoming import fields
from fairlead.dashboard.pace import MAX_ADDRESSES, PER_TRY_S, TRIES, TRIES_OF_ALL, Pace
from fairlead.dashboard.sessions import LASTS_S, MAX_ENDED, Sessions, cookie_of
from fairlead.domain.errors import RequestError

DIGEST = "ab" * 32


def sessions(secret: bytes = b"s", now: float = 1_000.0) -> Sessions:
    return Sessions(secret, lambda: now, lambda n: b"r" * n)


def test_a_session_is_read_by_every_worker_with_the_same_secret_and_by_nobody_else() -> None:
    cookie = sessions().begun(DIGEST)
    read = sessions().read(cookie)
    assert read is not None
    assert read.key_tag == sessions().key_tag(DIGEST)
    assert sessions(b"other").read(cookie) is None
    assert sessions(now=1_000.0 + LASTS_S + 1).read(cookie) is None
    assert DIGEST not in cookie


@given(st.text(max_size=400))
def test_no_invented_cookie_is_a_session(cookie: str) -> None:
    assert sessions().read(cookie) is None


@given(st.data())
def test_no_changed_letter_passes(data: st.DataObject) -> None:
    cookie = sessions().begun(DIGEST)
    at = data.draw(st.integers(0, len(cookie) - 1))
    letter = data.draw(st.sampled_from("0123456789abcdef.xü"))
    changed = cookie[:at] + letter + cookie[at + 1 :]
    assert (sessions().read(changed) is None) == (changed != cookie)


def test_sessions_that_were_ended_are_forgotten_oldest_first_within_a_bound() -> None:
    keeper = sessions()
    read = keeper.read(keeper.begun(DIGEST))
    assert read is not None
    for number in range(MAX_ENDED + 5):
        keeper.end(read._replace(name=str(number)))
    assert len(keeper._ended) == MAX_ENDED


def test_a_cookie_that_stands_there_twice_is_none() -> None:
    assert cookie_of([b"a=1; fairlead_session=x; b=2"]) == "x"
    assert cookie_of([b"fairlead_session=x", b"fairlead_session=y"]) is None
    assert cookie_of([b"xfairlead_session=x"]) is None


def test_one_address_runs_out_of_tries_and_gets_them_back_one_by_one() -> None:
    pace = Pace()
    assert [pace.take("a", 0.0) for _ in range(TRIES)] == [0.0] * TRIES
    assert pace.take("a", 0.0) == pytest.approx(PER_TRY_S)
    assert pace.take("b", 0.0) == 0.0
    assert pace.take("a", PER_TRY_S) == 0.0
    assert pace.take("a", PER_TRY_S) > 0


def test_many_addresses_together_run_out_too_and_are_not_all_remembered() -> None:
    pace = Pace()
    assert sum(pace.take(str(n), 0.0) == 0.0 for n in range(500)) == TRIES_OF_ALL
    for n in range(MAX_ADDRESSES + 50):
        pace.take(f"x{n}", float(n))
    assert len(pace._left) <= MAX_ADDRESSES


def test_an_assets_address_changes_with_its_content_and_its_packed_form_is_the_same() -> None:
    one, other = Assets({"a.css": b"x {}"}), Assets({"a.css": b"y {}"})
    assert one.address("a.css") != other.address("a.css")
    asset = one.at(one.address("a.css"))
    assert asset is not None
    assert gzip.decompress(asset.packed) == b"x {}"
    assert asset.packed is asset.packed
    assert one.at("/ui/static/a.css") is None


def test_the_assets_of_the_package_name_no_place_outside() -> None:
    assets = own_assets()
    for name in ("dashboard.css", "dashboard.js", "charts.css", "icon.svg"):
        asset = assets.at(assets.address(name))
        assert asset is not None
        words = asset.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in words and "https:" not in words
        assert "innerHTML" not in words and "eval(" not in words


def test_the_last_of_equal_fields_counts_and_too_many_are_refused() -> None:
    assert fields(b"a=1&a=2&b=&c=%ff") == {"a": "2", "c": "\ufffd"}
    with pytest.raises(RequestError):
        fields(b"&".join(b"a=1" for _ in range(100)))
