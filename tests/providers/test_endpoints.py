from datetime import date

import pytest

from fairlead.assembly.shipped import shipped_catalogue
from fairlead.domain.errors import ConfigError
from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.endpoints import (
    Endpoint,
    KnownProvider,
    base_url_fault,
    host_of,
    is_loopback_host,
    is_private_address,
    known_providers,
    parse_providers,
)

ENTRY = 'title = "A"\nbase_url = "https://a.example/v1"\nkey_env = ["A_KEY"]\nas_of = 2026-11-23\n'


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_providers(text, "e.toml")
    return caught.value.message


def test_one_table_is_all_it_takes_to_add_a_provider() -> None:
    assert parse_providers(f"[a]\n{ENTRY}") == {
        "a": KnownProvider(
            slug=ProviderName("a"),
            title="A",
            key_env=("A_KEY",),
            auth="bearer",
            docs="",
            as_of=date(2026, 11, 23),
            base_url="https://a.example/v1",
        )
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "e.toml: x: a table is missing here"),
        ("[a", "e.toml: not TOML"),
        (f"[a]\n{ENTRY}base_uri = 'x'", "e.toml: a.base_uri: unknown key"),
        (f"[a]\n{ENTRY}auth = 'basic'", "e.toml: a.auth: one of bearer"),
        (f"[a]\n{ENTRY}base_url_env = 'X'", "e.toml: a: give base_url, or base_url_env"),
        ("[a]\nas_of = 2026-11-23", "e.toml: a: give base_url, or base_url_env"),
        ("[a]\nbase_url = 'https://x'", "e.toml: a.as_of: the day"),
        ("[a]\nbase_url = 'x'\nas_of = 2026-11-23", "e.toml: a.base_url: it must begin with http"),
        ("[a]\nbase_url = 'https://x'\nas_of = 2026-11-23\nkey_env = 'K'", "e.toml: a.key_env: a list of texts"),
        ("[a]\nbase_url = 'https://x'\nas_of = 2026-11-23\ntitle = 3", "e.toml: a.title: a text is missing"),
    ],
)
def test_a_faulty_table_is_refused_by_file_and_key(text: str, message: str) -> None:
    assert message in fault(text)


def test_the_shipped_providers_are_dated_documented_and_reached_encrypted() -> None:
    table = known_providers()
    assert len(table) >= 20
    for provider in table.values():
        assert provider.docs.startswith("https://") and provider.key_env and provider.title
        assert provider.as_of >= date(2026, 11, 1)
        if provider.base_url is not None:
            assert provider.base_url.startswith("https://") and not provider.base_url.endswith("/")


def test_no_two_providers_share_a_key_variable() -> None:
    variables = [variable for provider in known_providers().values() for variable in provider.key_env]
    assert len(set(variables)) == len(variables)


def test_the_slugs_are_those_of_the_catalogue() -> None:
    sellers = {offer.provider for card in shipped_catalogue().cards.values() for offer in card.offers}
    assert {"openai", "anthropic", "google", "mistral", "groq", "together", "azure"} <= sellers & set(known_providers())
    # Prices of a provider may be missing from the catalogue; two addresses of one seller may not.
    assert {provider.provider for provider in known_providers().values()} - sellers <= {"nvidia"}


def test_the_first_variable_that_holds_a_key_wins() -> None:
    google = known_providers()[ProviderName("google")]
    assert google.key_in({"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "b"}) == ("GOOGLE_API_KEY", Secret("b"))
    assert google.key_in({"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"}) == ("GEMINI_API_KEY", Secret("a"))
    assert google.key_in({}) is None


@pytest.mark.parametrize("given", ["https://me.example", "https://me.example/", "https://me.example/openai/v1/"])
def test_a_customers_address_gets_the_providers_path_once(given: str) -> None:
    azure = known_providers()[ProviderName("azure")]
    assert azure.base_url_in({"AZURE_OPENAI_ENDPOINT": given}) == "https://me.example/openai/v1"
    assert azure.base_url_in({}) is None


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
