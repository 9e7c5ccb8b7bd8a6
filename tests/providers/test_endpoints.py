import pytest

from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.endpoints import (
    Endpoint,
    base_url_fault,
    host_of,
    is_loopback_host,
    is_private_address,
)


@pytest.mark.parametrize("url", ["https://a", "http://127.0.0.1:8000/v1", "https://[::1]:1/x", "HTTPS://A.example/v1/"])
def test_a_good_base_url_has_no_fault(url: str) -> None:
    assert base_url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    ["", "a", "//a", "ftp://a", "https://", "https://u@a", "https://u:p@a", "https://a?b", "https://a#b", "https://a?",
     "https://a:0", "https://a:70000", "https://a b", "https://a\r\nb", "https://[::1", "https://a\u202e", "file:///etc"],
)  # fmt: skip
def test_a_bad_base_url_has_a_fault_that_does_not_quote_it(url: str) -> None:
    found = base_url_fault(url)
    assert found is not None
    assert not url or "@" in found or url not in found


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "::1", "LOCALHOST"])
def test_every_spelling_of_loopback_is_seen(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host", ["localhost.example", "example.org", "0.0.0.0", "0", "10.0.0.1", "::", "127.0.0.1.nip.io"]
)
def test_nothing_else_is_taken_for_loopback(host: str) -> None:
    assert not is_loopback_host(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "167772161", "169.254.169.254", "100.64.1.1", "::ffff:10.0.0.1", "0.0.0.0", "fe80::1"]
)
def test_every_spelling_of_a_private_address_is_seen(host: str) -> None:
    assert is_private_address(host)


@pytest.mark.parametrize("host", ["1.1.1.1", "2606:4700:4700::1111", "example.org", "intranet"])
def test_a_public_address_or_a_name_is_not_private(host: str) -> None:
    assert not is_private_address(host)


def test_the_host_of_a_url_is_lower_case_without_brackets() -> None:
    assert host_of("https://API.Example.:443/v1") == "api.example"
    assert host_of("http://[::1]:1/v1") == "::1"


def test_an_endpoint_shows_no_credential() -> None:
    endpoint = Endpoint(
        name=UpstreamName("x"),
        provider=ProviderName("x"),
        base_url="https://x.example",
        secret=Secret("canary"),
        headers=(("x-key", "canary"),),
        proxy="http://u:canary@p:1",
    )
    assert "canary" not in repr(endpoint)
