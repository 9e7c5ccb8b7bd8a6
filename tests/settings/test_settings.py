import json
import re
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.call import Deadlines
from fairlead.domain.data_policy import DataPolicy
from fairlead.domain.errors import ConfigError
from fairlead.domain.secrets import Secret
from fairlead.domain.wishes import Weights
from fairlead.gateway.access import AccessKey, digest
from fairlead.providers.endpoints import ServedModel
from fairlead.routing.preferences import BUILT_IN_PRESETS
from fairlead.settings.schema import Config, schema
from fairlead.settings.settings import Settings, bind_fault, parse
from fairlead.settings.sheet import MAX_COMPLAINTS

CANARY = "sk-canary-0123456789abcdef"
HASH = digest("fl-anything")


def fault(text: str, **env: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, env)
    return caught.value.message


def test_an_empty_file_gives_the_defaults_and_discovers() -> None:
    settings = parse("", {})
    assert settings.discover is True
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8484)
    assert settings.endpoints == () and settings.keys == () and settings.warnings == ()
    assert settings.default_preset is BUILT_IN_PRESETS["balanced"]
    assert (settings.limits.deadline_s, settings.limits.max_attempts, settings.limits.retry_budget_share) == (
        600,
        4,
        0.2,
    )


def test_settings_cannot_be_changed() -> None:
    settings = parse("", {})
    with pytest.raises(FrozenInstanceError):
        settings.discover = False  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        settings.server.port = 1


def test_sections_whose_lines_are_commented_out_mean_their_defaults() -> None:
    text = "server:\nkeys:\nupstreams:\nmodels:\npresets:\npreferences:\nlimits:\nlog:\ndiscover:\n"
    assert parse(text, {}) == parse("", {})


def test_upstreams_switch_discovery_off_unless_it_is_asked_for() -> None:
    upstream = "upstreams: {x: {base_url: 'https://a.example/v1'}}\n"
    assert parse(upstream, {}).discover is False
    assert parse(upstream + "discover: true", {}).discover is True


def test_a_known_provider_brings_address_auth_and_key() -> None:
    (endpoint,) = parse("upstreams: {groq: }", {"GROQ_API_KEY": CANARY}).endpoints
    assert (endpoint.name, endpoint.provider) == ("groq", "groq")
    assert endpoint.base_url == "https://api.groq.com/openai/v1"
    assert (endpoint.auth, endpoint.secret) == ("bearer", Secret(CANARY))
    assert endpoint.is_local is False and endpoint.allow_private is False


def test_an_upstream_of_ones_own_takes_all_that_is_stated() -> None:
    text = """
    upstreams:
      my-vllm:
        provider: acme
        base_url: https://vllm.example/v1/
        api_key: ${KEY}
        auth: x-api-key
        headers: {X-Team: blue}
        timeouts: {connect_s: 1, first_byte_s: 2, idle_s: 3, total_s: 4}
        proxy: http://proxy.example:3128
        ca_file: /etc/ca.pem
        max_connections: 7
        local: true
        allow_private: true
        data_policy: {collects_data: false, zero_retention: true, region: eu}
        models: [a, {name: b, model: lab/b}]
    """
    (endpoint,) = parse(text, {"KEY": CANARY}).endpoints
    assert (endpoint.name, endpoint.provider, endpoint.base_url) == ("my-vllm", "acme", "https://vllm.example/v1")
    assert (endpoint.auth, endpoint.secret) == ("x-api-key", Secret(CANARY))
    assert endpoint.headers == (("x-team", "blue"),)
    assert endpoint.deadlines == Deadlines(1, 2, 3, 4)
    assert (endpoint.proxy, endpoint.ca_file, endpoint.max_connections) == (
        "http://proxy.example:3128",
        "/etc/ca.pem",
        7,
    )
    assert endpoint.is_local and endpoint.allow_private
    assert endpoint.data_policy == DataPolicy(collects_data=False, zero_retention=True, region="eu")
    assert endpoint.models == (ServedModel("a", None), ServedModel("b", "lab/b"))  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1", "2130706433"])
def test_a_loopback_server_is_local_and_needs_no_key(host: str) -> None:
    (endpoint,) = parse(f"upstreams: {{x: {{base_url: 'http://{host}:8000/v1'}}}}", {}).endpoints
    assert endpoint.is_local and endpoint.allow_private
    assert (endpoint.provider, endpoint.auth, endpoint.secret) == ("local", "none", None)


@pytest.mark.parametrize(
    "host", ["10.0.0.5", "192.168.1.2", "169.254.169.254", "0x0a000005", "[fd00::1]", "100.64.0.1"]
)
def test_a_private_address_must_be_meant(host: str) -> None:
    text = f"upstreams:\n  x:\n    base_url: http://{host}:8000/v1\n"
    assert fault(text) == (
        "fairlead.yaml:3:15: upstreams.x.base_url: this is a private address: add `allow_private: true` if it is meant"
    )
    assert parse(text + "    allow_private: true", {}).endpoints[0].allow_private


def test_a_providers_usual_key_never_goes_to_another_address() -> None:
    text = "upstreams: {x: {provider: openai, base_url: 'https://elsewhere.example/v1'}}"
    assert parse(text, {"OPENAI_API_KEY": CANARY}).endpoints[0].secret is None


def test_azure_takes_its_address_from_its_variable() -> None:
    env = {"AZURE_OPENAI_API_KEY": CANARY, "AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/"}
    (endpoint,) = parse("upstreams: {azure: }", env).endpoints
    assert (endpoint.base_url, endpoint.auth) == ("https://me.openai.azure.com/openai/v1", "api-key")
    assert "AZURE_OPENAI_ENDPOINT" in fault("upstreams: {azure: }", AZURE_OPENAI_API_KEY="k")


def test_plain_http_to_a_public_name_is_warned_of() -> None:
    (warning,) = parse("upstreams:\n  x: {base_url: 'http://a.example/v1'}", {}).warnings
    assert warning.startswith("fairlead.yaml:2:17: upstreams.x.base_url: http:// without encryption")


def test_a_key_in_the_file_is_taken_with_a_warning_that_does_not_show_it() -> None:
    settings = parse(f"upstreams:\n  x: {{base_url: 'https://a.example/v1', api_key: {CANARY}}}", {})
    assert settings.endpoints[0].secret == Secret(CANARY)
    (warning,) = settings.warnings
    assert "${X_API_KEY}" in warning and CANARY not in warning


@pytest.mark.parametrize("key", ["<your key>", "your-api-key", "sk-xxxxxxxx", "changeme", "sk-...", "TODO"])
def test_a_placeholder_is_no_key(key: str) -> None:
    assert "this is a placeholder" in fault(f"upstreams: {{x: {{base_url: 'https://a.example', api_key: '{key}'}}}}")


@pytest.mark.parametrize("key", ["EMPTY", "ollama", "lm-studio", "none"])
def test_a_dummy_key_of_a_local_server_is_taken_in_silence(key: str) -> None:
    settings = parse(f"upstreams: {{x: {{base_url: 'http://localhost:1/v1', api_key: {key}}}}}", {})
    assert settings.endpoints[0].secret == Secret(key) and settings.warnings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "upstreams:\n  my-vllm:\n    base_ur: http://x\n",
            "fairlead.yaml:3:5: upstreams.my-vllm.base_ur: unknown key; did you mean 'base_url'?",
        ),
        ("sever: {}", "fairlead.yaml:1:1: sever: unknown key; did you mean 'server'?"),
        ("keys:\n  - nme: x\n    sha256: y", "fairlead.yaml:2:5: keys[0].nme: unknown key; did you mean 'name'?"),
        (
            "presets: {p: {limits: {max_cost: 1}}}",
            "presets.p.limits.max_cost: unknown key; did you mean 'max_cost_usd'?",
        ),
        ("upstreams: {x: {timeouts: {idle: 1}}}", "upstreams.x.timeouts.idle: unknown key; did you mean 'idle_s'?"),
        ("upstreams: {x: {models: [{model: m}]}}", "upstreams.x.models[0].name: this key is missing"),
        ("server:\n  port: high", "fairlead.yaml:2:9: server.port: must be a whole number"),
        ("server: {port: 70000}", "server.port: must be at most 65535"),
        ("server: {head_s: 0}", "server.head_s: must be above 0"),
        ("server: {head_s: .nan}", "server.head_s: must be a"),
        ("server: {host: 5}", "server.host: must be a text: put it in quotes"),
        ("server: 5", "server: must hold keys of its own"),
        ("keys: 5", "keys: must be a list"),
        ("upstreams: [x]", "upstreams: must hold keys of its own"),
        ("log: {level: loud}", "log.level: must be 'debug', 'info', 'warning' or 'error'"),
        ("discover: maybe", "discover: must be true or false"),
        ("limits: {retry_budget_share: 2}", "limits.retry_budget_share: must be at most 1"),
        ("upstreams: {x: {}}", "upstreams.x: give base_url, or provider (one of openai,"),
        ("upstreams: {x: {provider: opnai}}", "upstreams.x.provider: no provider of this name; did you mean 'openai'?"),
        ("upstreams: {x: {provider: local}}", "'local' says nothing of where it is: give base_url"),
        ("upstreams: {openai: }", "upstreams.openai: no key: set OPENAI_API_KEY"),
        ("upstreams: {'a b': {base_url: 'https://x'}}", "a name is 1 to 64 letters"),
        ("upstreams: {x: {base_url: 'ftp://x'}}", "it must begin with http:// or https://"),
        ("upstreams: {x: {base_url: 'https://u:p@x'}}", "it must not hold a user or a password"),
        ("upstreams: {x: {base_url: 'https://x/v1?a=b'}}", "no '?' and no '#'"),
        ("upstreams: {x: {base_url: 'https://x/v1#'}}", "no '?' and no '#'"),
        ("upstreams: {x: {base_url: 'https://'}}", "it names no host"),
        ("upstreams: {x: {base_url: 'https://x:99999'}}", "it is not a URL"),
        ("upstreams: {x: {base_url: 'https://x', headers: {Host: y}}}", "Fairlead sets this header itself"),
        ("upstreams: {x: {base_url: 'https://x', headers: {'a b': y}}}", "not a header's name"),
        ('upstreams: {x: {base_url: "https://x", headers: {a: "b\\r\\nc: d"}}}', "holds a control character"),
        ('upstreams: {x: {base_url: "https://x", headers: {a: "b\\nc: d"}}}', "one line of plain ASCII"),
        ("upstreams: {x: {base_url: 'https://x', headers: {a: b, A: c}}}", "stands here twice"),
        ("upstreams: {x: {base_url: 'https://x', proxy: 'socks5://p:1'}}", "write it as http://host:port"),
        ("upstreams: {x: {base_url: 'https://x', api_key: ''}}", "is empty"),
        ("upstreams: {x: {base_url: 'https://x', auth: none, api_key: abc}}", "`auth: none` sends no key"),
        ("upstreams: {x: {base_url: 'https://x', models: [a, a]}}", "this model stands here twice"),
        ("presets: {balanced: {}}", "this preset is built in"),
        ("presets: {Big: {}}", "lower-case letters"),
        ("presets: {p: {weights: {}}}", "one of quality, cost and speed must be above 0"),
        ("preferences: {default: supprt}\npresets: {support: {}}", "did you mean 'support'?"),
        ("keys: [{name: a}]", "keys[0]: give sha256"),
        (
            f"keys: [{{name: a, sha256: {HASH}, hash: {HASH}}}]",
            "keys[0].hash: is another word for sha256, which is given",
        ),
        ("keys: [{name: a, sha256: fl-abc}]", "this is the key itself"),
        ("keys: [{name: a, sha256: abc}]", "must be 64 hex digits"),
        (f"keys: [{{name: a, sha256: {HASH}, may: []}}]", "a key that may do nothing"),
        (f"keys: [{{name: a, sha256: {HASH}, may: [fly]}}]", "must be 'chat', 'feedback', 'read' or 'admin'"),
        (f"keys: [{{name: a, sha256: {HASH}}}, {{name: b, sha256: {HASH}}}]", "this key stands in `keys` twice"),
    ],
)
def test_a_fault_is_told_with_place_key_and_mend(text: str, message: str) -> None:
    found = fault(text)
    assert found.startswith("fairlead.yaml:")
    assert message in found


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    lines = fault("log: {level: loud}\nserver: {prt: 1, port: x}\nzzz: 1").split("\n")
    assert [line.split(": ")[1] for line in lines] == ["log.level", "server.prt", "server.port", "zzz"]


def test_a_flood_of_faults_is_cut() -> None:
    lines = fault("\n".join(f"zz{n}: 1" for n in range(50))).split("\n")
    assert len(lines) == MAX_COMPLAINTS + 1
    assert lines[-1] == f"… and {50 - MAX_COMPLAINTS} more"


def test_numbers_and_switches_may_come_from_variables() -> None:
    settings = parse("server: {port: '${PORT}'}\ndiscover: ${D:-false}", {"PORT": "9000"})
    assert (settings.server.port, settings.discover) == (9000, False)


def test_keys_become_access_keys() -> None:
    text = f"keys:\n- {{name: a, sha256: 'sha256:{HASH.upper()}', tenant: t, may: [chat, read]}}\n"
    key = AccessKey("a", HASH, "t", frozenset({"chat", "read"}))  # type: ignore[arg-type]
    assert parse(text, {}).keys == (key,)
    assert parse(text.replace("sha256: '", "hash: '"), {}).keys == (key,)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org", "0"])
def test_an_address_that_others_reach_needs_a_key(host: str) -> None:
    text = f"server:\n  host: '{host}'\n"
    assert fault(text).startswith("fairlead.yaml:2:9: server.host: others could reach this address")
    assert "fairlead keys new" in fault(text)
    assert parse(text + f"keys: [{{name: a, sha256: {HASH}}}]", {}).server.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_a_loopback_address_needs_none(host: str) -> None:
    assert bind_fault(host, has_keys=False) is None


def test_the_command_line_cannot_open_an_address_without_a_key() -> None:
    with pytest.raises(ConfigError, match=r"--host 0\.0\.0\.0: others could reach"):
        parse("", {}).listening_on("0.0.0.0", None)
    settings = parse("", {}).listening_on(None, 9)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 9)


def test_a_preset_carries_weights_limits_and_candidates() -> None:
    text = """
    presets:
      support:
        weights: {quality: 1, cost: 2}
        limits: {max_cost_usd: 0.01, max_latency_s: 20, min_quality: 0.4}
        candidates: ["openai/*"]
        exclude: [openai/o1]
        providers: {only: [openai], ignore: [azure]}
        data_policy: {data_collection: deny, zdr: true, regions: [eu]}
    preferences: {default: "auto:support"}
    """
    settings = parse(text, {})
    preset = settings.presets["support"]
    assert settings.default_preset is preset
    assert preset.weights == Weights(quality=1, cost=2, speed=0)
    wishes = preset.wishes
    assert (wishes.max_cost_usd, wishes.max_latency_s, wishes.min_quality) == (0.01, 20, 0.4)
    assert (wishes.allowed_models, wishes.excluded_models) == (("openai/*",), ("openai/o1",))
    assert (wishes.provider_only, wishes.provider_ignore) == (("openai",), ("azure",))
    assert (wishes.data_collection, wishes.zdr, wishes.regions) == ("deny", True, ("eu",))
    assert set(settings.presets) == {*BUILT_IN_PRESETS, "support"}


def test_auto_may_have_weights_of_its_own() -> None:
    settings = parse("preferences: {weights: {quality: 1, cost: 0, speed: 1}}", {})
    assert settings.default_preset.weights == Weights(quality=1, cost=0, speed=1)
    assert settings.presets["balanced"] is BUILT_IN_PRESETS["balanced"]


def test_facts_of_an_upstreams_models_become_blocks_for_the_catalogue() -> None:
    text = """
    upstreams:
      mine:
        base_url: https://a.example/v1
        models:
          - plain
          - {name: Big/Model, prices: {input: 1, output: 2}, context_tokens: 9000}
          - {name: other, model: lab/other, abilities: {vision: true}}
    models:
      lab/other: {abilities: {tools: true}, context_tokens: 5}
    """
    settings = parse(text, {})
    assert [served.model for served in settings.endpoints[0].models] == [None, "mine/big-model", "lab/other"]
    assert settings.models == {
        "mine/big-model": {
            "prices": {"mine": {"sent_model": "Big/Model", "input": 1, "output": 2}},
            "context_tokens": 9000,
        },
        "lab/other": {"abilities": {"vision": True, "tools": True}, "context_tokens": 5},
    }
    assert settings.model_places["lab/other"].startswith("fairlead.yaml:10:")


def test_the_version_follows_the_meaning_and_not_the_spelling() -> None:
    first = parse("server: {port: 9}\nlog: {level: info}", {})
    second = parse("# a comment\nlog:\n  level: info\nserver:\n  port: ${P}\n", {"P": "9"})
    other = parse("server: {port: 10}", {})
    assert first.version == second.version != other.version
    assert len(first.version) == 12 and set(first.version) <= set("0123456789abcdef")


def test_the_version_does_not_depend_on_secrets() -> None:
    text = "upstreams: {x: {base_url: 'https://a.example', api_key: '${K}', headers: {a: '${K}'}}}"
    assert parse(text, {"K": "one"}).version == parse(text, {"K": "two"}).version


def leaky_file() -> str:
    return """
    upstreams:
      a: {base_url: 'https://a.example/v1', api_key: '${K}', headers: {X-Key: '${K}'}, proxy: 'http://u:${K}@p.example:1'}
      openai:
    """


def test_no_secret_shows_in_the_settings() -> None:
    settings = parse(leaky_file(), {"K": CANARY, "OPENAI_API_KEY": CANARY})
    assert len(settings.endpoints) == 2
    shown = f"{settings!r} {settings} {settings.endpoints!r} {settings.warnings} {settings.version}"
    assert CANARY not in shown


@pytest.mark.parametrize(
    "text",
    [
        "server: {port: '${K}'}",
        "log: {level: '${K}'}",
        "upstreams: {x: {base_url: '${K}'}}",
        "upstreams: {x: {base_url: 'https://${K}:p@x'}}",
        "upstreams: {x: {provider: '${K}'}}",
        "upstreams: {x: {base_url: 'https://x', proxy: '${K}'}}",
        "upstreams: {x: {base_url: 'https://x', auth: '${K}', api_key: '${K}'}}",
        "upstreams: {x: {base_url: 'https://x', timeouts: '${K}'}}",
        "upstreams: {x: {base_url: 'https://x', models: '${K}'}}",
        "upstreams: {x: {base_url: 'https://x', headers: ['${K}']}}",
        "keys: [{name: a, sha256: '${K}'}]",
        "preferences: {default: '${K}'}",
        f"upstreams: {{x: {{api_key:{CANARY}",
        f"upstreams: {{x: {{base_url: 'https://x', api_key: [{CANARY}]}}}}",
        f"upstreams:\n  x:\n    api_key: {CANARY}\n   base_url: y",
        f"upstreams: {{x: {{api_key: *{CANARY}}}}}",
    ],
)
def test_no_secret_shows_in_an_error(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, {"K": CANARY})
    error: BaseException | None = caught.value
    while error is not None:
        assert CANARY not in str(error) and CANARY not in repr(error)
        error = None if error.__suppress_context__ and error.__cause__ is None else error.__cause__ or error.__context__


def test_the_schema_describes_every_key_and_holds_no_value_of_ours() -> None:
    found = schema()
    text = json.dumps(found)
    assert CANARY not in text

    def undescribed(node: Any, path: str) -> list[str]:
        missing = []
        for name, member in node.get("properties", {}).items():
            missing += [] if "description" in member or "$ref" in member else [f"{path}.{name}"]
            missing += undescribed(member, f"{path}.{name}")
        for name, member in node.get("$defs", {}).items():
            missing += [] if "description" in member else [name]
            missing += undescribed(member, name)
        return missing

    assert undescribed(found, "") == []
    assert set(found["properties"]) == set(Config.model_fields)


def test_the_schema_lets_a_number_be_a_variable() -> None:
    port = schema()["$defs"]["ServerSection"]["properties"]["port"]
    assert schema_takes(port, "${PORT}")
    assert port["default"] == 8484


def schema_takes(member: Any, value: object) -> bool:
    """What a validator would say of a boolean or a text; they are all that is asked here."""
    kinds = member.get("anyOf", [member])
    if isinstance(value, bool):
        return any(kind.get("type") == "boolean" for kind in kinds)
    texts = [kind for kind in kinds if kind.get("type") == "string"]
    return any("pattern" not in kind or re.search(kind["pattern"], str(value)) for kind in texts)


@pytest.mark.parametrize(
    ("section", "key", "name"),
    [
        ("server", "watch_config", "ServerSection"),
        ("server", "port", "ServerSection"),
        ("server", "head_s", "ServerSection"),
        ("dashboard", "enabled", "DashboardSection"),
    ],
)
@pytest.mark.parametrize(
    "value", [True, "yes", "No", "TRUE", "on", "1", "maybe", "12", "+3", "2.5", "1e2", "x1", "", "1 2"]
)
def test_the_schema_and_the_check_take_the_same_texts_for_numbers_and_switches(
    section: str, key: str, name: str, value: object
) -> None:
    if value is True and key in ("port", "head_s"):
        return
    member = schema()["$defs"][name]["properties"][key]
    try:
        parse(yaml.safe_dump({section: {key: value}}), {})
    except ConfigError:
        assert not schema_takes(member, value)
    else:
        assert schema_takes(member, value)


def test_the_schema_lets_what_may_be_left_out_be_a_variable_too() -> None:
    found = schema()
    for member in (found["properties"]["discover"], found["$defs"]["StoreSection"]["properties"]["retention_days"]):
        assert schema_takes(member, "${VARIABLE}") and not schema_takes(member, "maybe")
        assert {"type": "null"} in member["anyOf"]
    weights = found["$defs"]["StoreSection"]["properties"]["feedback_weights"]["additionalProperties"]
    assert schema_takes(weights, "${VARIABLE}")


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["${K}", "${NO}", "1", "http://x"]),
)
KEYS = st.sampled_from(
    [*Config.model_fields, "host", "port", "name", "sha256", "base_url", "provider", "api_key", "headers", "timeouts",
     "models", "weights", "limits", "default", "quality", "openai", "x", "may", "proxy"]
) | st.text(min_size=1, max_size=6)  # fmt: skip
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=25
)


@given(st.dictionaries(KEYS, TREES, max_size=5))
def test_any_tree_gives_settings_or_a_config_error(tree: dict[str, Any]) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)
    try:
        settings = parse(text, {"K": CANARY, "OPENAI_API_KEY": CANARY})
    except ConfigError as error:
        assert error.message.startswith("fairlead.yaml:")
        assert CANARY not in error.message
    else:
        assert isinstance(settings, Settings)
        assert CANARY not in repr(settings.endpoints)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (
            "presets: {zero: {weights: {quality: 0}}, neg: {weights: {quality: -1}}, B: {}}",
            ["presets.zero.weights", "presets.neg.weights.quality", "presets.B"],
        ),
        (
            "store: {path: x, url: 'mysql://x', redact_patterns: ['(', '['], retention_days: -3}\nshadow: {share: 2}",
            [
                "store.url",
                "store.url",
                "store.redact_patterns[0]",
                "store.redact_patterns[1]",
                "store.retention_days",
                "shadow.model",
                "shadow.share",
            ],
        ),
        ("explore: {share: 0.5}\nlimits: {hedge: {}}", ["explore.share", "limits.hedge"]),
        ("keys: [{name: a}, {name: b, sha256: x}]", ["keys[0]", "keys[1].sha256"]),
        (
            "upstreams: {a: {}, b: {base_url: 'ftp://x'}, c: {models: 5}}\nzzz: 1",
            ["upstreams.a", "upstreams.b.base_url", "upstreams.c.models", "zzz"],
        ),
        (
            "upstreams: {x: {base_url: 'https://x', headers: {'a b': c, host: d}, models: [m, m, m]}}",
            ['upstreams.x.headers."a b"', "upstreams.x.headers.host", "upstreams.x.models[1]", "upstreams.x.models[2]"],
        ),
        ("traces: {endpoint: 'http://x', headers: {'a b': c, 'd e': f}}", ["traces.headers.a b", "traces.headers.d e"]),
        ("server: {host: 0.0.0.0}\npreferences: {default: nosuch}", ["server.host", "preferences.default"]),
        ("log: {level: '${NO}'}\nserver: {host: '${NONE}'}", ["log.level", "server.host"]),
    ],
)
def test_faults_that_do_not_hang_on_each_other_are_told_at_once(text: str, places: list[str]) -> None:
    lines = fault(text).split("\n")
    assert [line.split(": ")[1].replace('"', "") for line in lines] == [place.replace('"', "") for place in places]


@pytest.mark.parametrize(
    "text",
    [
        "presets: {mine: {weights: {quality: -1}}}\npreferences: {default: mine}",
        "presets: {mine: {weights: {quality: 0}}}\npreferences: {default: mine}",
        "prests: {mine: {}}\npreferences: {default: mine}",
        "server: {host: 0.0.0.0}\nkeys: [{name: a, sha256: abc}]",
        "server: {host: 0.0.0.0}\nkeys: [{nme: a}]\nlog: {}",
        "server: {host: 0.0.0.0}\nkyes: [{name: a}]",
    ],
)
def test_what_follows_from_a_fault_alone_is_no_fault_of_its_own(text: str) -> None:
    assert all("no preset of this name" not in line and "could reach" not in line for line in fault(text).split("\n"))
