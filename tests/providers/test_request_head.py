"""What is written ahead of a body can never become a second request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import ConfigError
from fairlead.providers.origin import parse_proxy
from fairlead.providers.request_head import write_headers, write_start
from tests.providers.peers import origin


@given(st.binary(min_size=1, max_size=30), st.binary(max_size=30))
def test_a_header_is_one_line_or_refused(name: bytes, value: bytes) -> None:
    try:
        written = write_headers([(name, value)])
    except ValueError:
        return
    assert written == b"%b: %b\r\n" % (name, value)
    assert not any(c in written[:-2] for c in (0, 10, 13))


def test_a_refused_header_is_named_without_its_value() -> None:
    with pytest.raises(ValueError, match="authorization") as caught:
        write_headers([(b"authorization", b"Bearer canary\n")])
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", [b"Host", b"content-length", b"Transfer-Encoding", b"connection", b"expect", b""])
def test_headers_of_the_connection_are_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="header name"):
        write_headers([(name, b"x")])


@given(st.text(max_size=12), st.text(max_size=30))
def test_a_request_line_is_one_line_or_refused(method: str, target: str) -> None:
    try:
        start = write_start(origin(80), None, method, target)
    except ValueError:
        return
    assert start.split(b"\r\n")[0].count(b" ") == 2
    assert start.count(b"\r\n") == 3


def test_an_ipv6_host_is_bracketed_and_a_default_port_left_out() -> None:
    assert b"host: [2606:4700::1]\r\n" in write_start(origin(80, host="2606:4700::1"), None, "GET", "/")
    assert b"host: api.example:8443\r\n" in write_start(
        origin(8443, host="api.example", scheme="https"), None, "GET", "/"
    )


BAD_PROXIES = [
    *("https://u:canary@p:1", "socks5://u:canary@p", "u:canary@p:1", "http://u:canary@p:x", "http://u:canary@p:99999"),
    *("http://u:canary@[::1", "http://u:canary@p/x"),
]


@pytest.mark.parametrize("proxy", BAD_PROXIES)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_credentials(proxy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_proxy(origin(80, proxy=proxy))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"scheme": "ftp"}, {"host": ""}, {"host": "a\r\nb"}, {"port": 0}, {"port": 70000},
                                     {"max_connections": 0}])  # fmt: skip
def test_an_origin_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="'up'"):
        origin(**({"port": 80} | changes))  # type: ignore[arg-type]
