from datetime import date

import pytest

from fairlead.assembly.shipped import shipped_catalogue
from fairlead.domain.errors import ConfigError
from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.known_providers import KnownProvider, known_providers, parse_providers
from fairlead.wire.quirks import Quirks

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
            formats=("openai_chat",),
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
        (f"[a]\n{ENTRY}formats = ['soap']", "e.toml: a.formats: a list of openai_chat"),
        (f"[a]\n{ENTRY}formats = []", "e.toml: a.formats: a list of"),
        (f"[a]\n{ENTRY}formats = ['openai_chat', 'openai_chat']", "e.toml: a.formats: a list of"),
        (f"[a]\n{ENTRY}headers = {{x = 1}}", "e.toml: a.headers: a table of texts"),
        (f"[a]\n{ENTRY}paths = 'x'", "e.toml: a.paths: a table of texts"),
        (f"[a]\n{ENTRY}is_found = 1", "e.toml: a.is_found: true or false"),
        (f"[a]\n{ENTRY}[a.quirk]\nas_of = 2026-11-23\nodd = 1", "e.toml: a.quirk.odd: unknown key"),
        (f"[a]\n{ENTRY}[a.quirk]\nmax_stop = 4", "e.toml: a.quirk.as_of: the day"),
        (f"[a]\n{ENTRY}[a.quirk]\nas_of = 2026-11-23\nmax_stop = 0", "e.toml: a.quirk.max_stop: a whole number"),
        (f"[a]\n{ENTRY}[a.quirk]\nas_of = 2026-11-23\nmost = {{n = 'x'}}", "e.toml: a.quirk.most: a table of whole"),
        (f"[a]\n{ENTRY}quirk = 3", "e.toml: a.quirk: a table is missing"),
        ("[a]\nbase_url_by_region = 'https://x'\nas_of = 2026-11-23", "e.toml: a.base_url_by_region: needs {region}"),
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


def test_no_two_providers_are_found_by_one_variable() -> None:
    found = [provider for provider in known_providers().values() if provider.is_found]
    variables = [variable for provider in found for variable in provider.key_env]
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


def test_quirks_are_read_as_data() -> None:
    text = """[a.quirk]
as_of = 2026-11-30
rename = { seed = "random_seed" }
drop = { logprobs = "none there" }
omit = ["stream_options"]
most = { n = 1 }
max_stop = 4
"""
    quirk = parse_providers(f"[a]\n{ENTRY}{text}")[ProviderName("a")].quirk
    assert quirk == Quirks(
        date(2026, 11, 30),
        (("seed", "random_seed"),),
        (("logprobs", "none there"),),
        ("stream_options",),
        (("n", 1),),
        4,
    )


def test_an_address_by_region_needs_a_region_that_could_be_one() -> None:
    bedrock = known_providers()[ProviderName("amazon-bedrock")]
    assert bedrock.base_url_in({"AWS_REGION": "eu-west-1"}) == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert bedrock.base_url_in({"AWS_DEFAULT_REGION": "us-east-1"}) == "https://bedrock-runtime.us-east-1.amazonaws.com"
    for region in ("", "x.evil.example/", "EU", "a@b"):
        assert bedrock.base_url_in({"AWS_REGION": region}) is None


def test_an_endpoint_of_a_provider_is_spoken_to_as_its_table_says() -> None:
    table = known_providers()
    anthropic = table[ProviderName("anthropic")].endpoint(UpstreamName("a"), "https://x.example", secret=Secret("k"))
    assert (anthropic.formats, anthropic.auth) == (("anthropic_messages",), "x-api-key")
    assert anthropic.headers == (("anthropic-version", "2023-06-01"),)
    mistral = table[ProviderName("mistral")].endpoint(UpstreamName("m"), "https://x.example")
    assert mistral.quirks.rename[0] == ("seed", "random_seed")


def test_headers_of_the_shipped_providers_are_in_lower_case_and_paths_begin_with_a_slash() -> None:
    for provider in known_providers().values():
        assert all(name == name.lower() for name, _ in provider.headers)
        assert all(path.startswith("/") for pair in provider.paths for path in pair)


@pytest.mark.parametrize("slug", ["google", "anthropic", "amazon-bedrock"])
def test_the_catalogues_names_are_those_that_the_native_address_takes(slug: str) -> None:
    names = [
        offer.sent_model
        for card in shipped_catalogue().cards.values()
        for offer in card.offers
        if offer.provider == slug
    ]
    assert names
    for name in names:
        assert "/" not in name, "no prefix: the path adds what it needs"
        assert slug != "anthropic" or name.startswith("claude-")
        assert slug != "amazon-bedrock" or "." in name, "the maker's name stands in front"
