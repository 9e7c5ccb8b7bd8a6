"""What others may rely on: pinned, so that a change is meant."""

import subprocess
import sys

import pytest

import fairlead
from fairlead.cli.main import COMMANDS
from fairlead.gateway.access import PERMISSIONS
from fairlead.gateway.work import DOORS
from fairlead.routing.preferences import BUILT_IN_PRESETS
from fairlead.wire.decision_json import SCHEMA
from fairlead.wire.routing_options import OUR_MEMBERS

HEAVY = ("numpy", "pydantic", "uvicorn", "uvloop", "msgspec", "prometheus_client", "yaml", "httptools")


def loaded_by(module: str) -> set[str]:
    program = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_public_names_are_pinned() -> None:
    assert fairlead.__version__
    assert [command.name for command in COMMANDS] == [
        "serve", "route", "evaluate", "train", "predict", "profile", "watch", "benchmark", "replay", "analyse",
        "models", "config", "doctor", "logs", "report", "top", "keys",
    ]  # fmt: skip
    assert fairlead.Router.__name__ == "Router"
    assert tuple(DOORS) == ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings")
    assert PERMISSIONS == ("chat", "feedback", "read", "admin")
    assert tuple(BUILT_IN_PRESETS) == ("balanced", "quality", "cost", "speed")
    assert OUR_MEMBERS == ("fairlead", "models", "provider")
    assert SCHEMA == "fairlead.decision/1"


@pytest.mark.parametrize("module", ["fairlead", "fairlead.cli.main"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(module) & set(HEAVY) == set()


def test_the_package_itself_needs_the_standard_library_alone() -> None:
    outside = loaded_by("fairlead") - set(sys.stdlib_module_names) - {"fairlead", "__main__"}
    assert {name for name in outside if not name.startswith("_")} <= {"sitecustomize", "usercustomize"}


def test_serving_loads_no_heavy_mathematics_and_no_second_http_client() -> None:
    found = loaded_by("fairlead.assembly.services")
    assert found & {"scipy", "pyarrow", "sklearn", "pandas", "aiohttp", "httpx", "requests", "openai"} == set()
