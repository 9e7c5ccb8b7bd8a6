"""`fairlead config check`: what cannot be served, or would be refused to every client, is no right file."""

import asyncio
import json
from pathlib import Path

import pytest

from fairlead.assembly.services import Assembly, assemble
from fairlead.cli.serve import banner
from fairlead.domain.errors import ConfigError
from fairlead.settings.settings import parse
from tests.cli.running import run

LISTED = "upstreams: {mine: {base_url: 'http://127.0.0.1:9/v1', models: [m, openai/gpt-5]}}\n"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "fairlead.yaml"
    file.write_text(text)
    return file


def told(tmp_path: Path, text: str) -> list[str]:
    """What the check warns of."""
    warnings: list[str] = json.loads(run("config", "check", "--json", written(tmp_path, text)))["warnings"]
    return warnings


def served(text: str) -> Assembly:
    return asyncio.run(assemble(parse(text, {}), {}))


def refused(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        run("config", "check", written(tmp_path, text))
    return caught.value.message.split("\n")


def test_a_router_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert refused(tmp_path, "router: nosuch.fl") == [
        "nosuch.fl: cannot be read (No such file or directory): train one with `fairlead train`"
    ]


def test_a_router_that_is_none_is_a_fault_beside_those_of_facts_and_hosting(tmp_path: Path) -> None:
    (tmp_path / "r.fl").write_bytes(b"no router")
    facts = "models: {openai/gpt-5: {context_tokens: many}}\n"
    hosting = "upstreams: {a: {base_url: 'http://127.0.0.1:9/v1', hosting: {config: /nosuch.json, gpu: h100_sxm}}}\n"
    found = refused(tmp_path, f"{facts}{hosting}router: {tmp_path / 'r.fl'}")
    assert len(found) == 3
    assert (
        "context_tokens" in found[0] and "upstreams.a.hosting" in found[1] and found[2].startswith(f"{tmp_path}/r.fl")
    )


def test_a_wrong_fact_in_an_upstreams_list_is_told_where_it_stands(tmp_path: Path) -> None:
    upstream = "upstreams:\n  a:\n    provider: own\n    base_url: http://127.0.0.1:9/v1\n    models:\n    - m\n"
    file = tmp_path / "fairlead.yaml"
    (found,) = refused(tmp_path, upstream + "    - {name: n, bogus: 3}\n")
    assert found.startswith(f"{file}:7:17: upstreams.a.models[1].bogus: unknown key; known are title,")
    (found,) = refused(tmp_path, upstream + "    - name: n\n      abilities: {visio: true}\n")
    assert found.startswith(f"{file}:7:7: upstreams.a.models[1].abilities: unknown key 'visio'")
    (found,) = refused(tmp_path, upstream + "    - {name: n, model: x/y, prices: 3}\n")
    assert found.startswith(f"{file}:7:7: upstreams.a.models[1].prices: a block of")
    found, other = refused(tmp_path, upstream + "models: {x/y: {contxt_tokens: 5, bogus: 1}}\n")
    assert found.startswith(f"{file}:7:16: models.x/y.contxt_tokens: unknown key; did you mean 'context_tokens'?")
    assert other.startswith(f"{file}:7:34: models.x/y.bogus: unknown key")


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        (
            "shadow: {model: nosuch/model}",
            ["shadow: no upstream that is reached here serves 'nosuch/model': nobody is asked beside"],
        ),
        ("shadow: {model: mine/m}", ["shadow: the price of 'mine/m' is unknown, so no bound could hold"]),
        (
            "presets: {only: {candidates: ['nosuch/*']}}\npreferences: {default: only}",
            [
                "presets.only.candidates: no model has the name 'nosuch/*'",
                "presets.only: no upstream that is reached here serves what it names: "
                "requests for auto:only and auto are refused",
            ],
        ),
        (
            "presets: {far: {candidates: ['mistral/*']}}",
            ["presets.far: no upstream that is reached here serves what it names: requests for auto:far are refused"],
        ),
        (
            "presets: {but: {exclude: [openai/gpt-5o]}}",
            ["presets.but.exclude: no model has the name 'openai/gpt-5o'; nearest: openai/gpt-5"],
        ),
        (
            "presets: {at: {providers: {only: [mine, nosuch]}}}",
            ["presets.at.providers.only: no provider or upstream has the name 'nosuch'"],
        ),
        ("presets: {fine: {candidates: [m, 'mistral/*'], exclude: [openai/o1], providers: {only: [mine]}}}", []),
    ],
)
def test_names_that_mean_nothing_are_warned_of_as_serving_warns(text: str, warnings: list[str], tmp_path: Path) -> None:
    priced = LISTED.replace("127.0.0.1:9/v1'", "a.example'") if "mine/m" in text else LISTED
    found = [each for each in told(tmp_path, priced + text) if "http://" not in each]
    assert len(found) == len(warnings)
    assert all(one.startswith(beginning) for one, beginning in zip(found, warnings, strict=True))
    assert [each for each in served(priced + text).warnings if "http://" not in each] == found


def test_what_a_server_may_list_is_not_known_and_that_is_said(tmp_path: Path) -> None:
    asked = "upstreams: {mine: {base_url: 'http://127.0.0.1:9/v1'}}\n"
    assert (
        told(tmp_path, asked + "presets: {a: {candidates: ['mistral/*', gpt-5]}}\nshadow: {model: openai/gpt-5}") == []
    )
    found = told(tmp_path, asked + "shadow: {model: my-own}")
    assert "'my-own'" in found[0] and "a server lists when it is asked" in found[1]
    assert told(tmp_path, "discover: true\npresets: {a: {providers: {only: [groq]}}}") == []


def test_the_banner_counts_one_model_as_one() -> None:
    (counted,) = [line for line in banner(served(LISTED.replace("m, ", "")), "http://x") if line.startswith("auto may")]
    assert counted == "auto may use 1 model at 1 upstream:"
    (counted,) = [line for line in banner(served(LISTED), "http://x") if line.startswith("auto may")]
    assert counted == "auto may use 2 models at 1 upstream:"
