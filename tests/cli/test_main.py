"""The command line, as a process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
import yaml

from fairlead.gateway.access import digest
from fairlead.settings.settings import parse

CANARY = "sk-canary-0123456789abcdef"


def fairlead(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return fairlead_to(subprocess.PIPE, *arguments, cwd=cwd, **env)


def fairlead_to(stdout: IO[str] | int, *arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    # Colours and widths of the caller's terminal are not part of what is tested.
    world = {**kept, "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200", "FAIRLEAD_NO_DISCOVERY": "1", **env}
    command = [sys.executable, "-m", "fairlead", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=world, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


def test_help_lists_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    done = fairlead("--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in ("serve", "route", "models", "config", "doctor", "keys", "version"):
        assert f" {name} " in done.stdout
    assert "Exit codes" in done.stdout


def test_the_command_tree_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from fairlead.cli.main import build_command; build_command(); "
        "print([m for m in ('numpy', 'pydantic', 'uvicorn', 'yaml', 'msgspec', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_command_gets_the_nearest_one(tmp_path: Path) -> None:
    done = fairlead("srve", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'serve'?" in done.stderr


def test_an_unknown_option_gets_the_nearest_one(tmp_path: Path) -> None:
    done = fairlead("config", "check", "--jsn", cwd=tmp_path)
    assert done.returncode == 2
    assert "--json" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    "command", [("version",), ("models",), ("models", "--json"), ("config", "schema"), ("--help",)]
)
def test_an_output_that_cannot_be_written_is_one_line_and_a_failure(tmp_path: Path, command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = fairlead_to(full, *command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written (No space left on device)\n"


def test_a_reader_that_has_seen_enough_is_told_nothing(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        done = fairlead_to(pipe, "models", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_starter_file_is_right_as_it_stands(tmp_path: Path) -> None:
    assert fairlead("config", "init", cwd=tmp_path).returncode == 0
    done = fairlead("config", "check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("fairlead.yaml: ok (version ")


def test_the_starter_file_is_right_with_its_comments_taken_away(tmp_path: Path) -> None:
    fairlead("config", "init", cwd=tmp_path)
    lines = (tmp_path / "fairlead.yaml").read_text().splitlines()
    text = "\n".join(line.replace("  # ", "  ", 1) if line.startswith("  # ") else line for line in lines)
    text = text.replace("64 hex digits", digest("x"))
    settings = parse(text, {"OPENAI_API_KEY": "k"})
    assert [endpoint.name for endpoint in settings.endpoints] == ["openai", "my-vllm"]
    assert "support" in settings.presets and len(settings.keys) == 1


def test_init_never_overwrites_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "fairlead.yaml").write_text("mine")
    done = fairlead("config", "init", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: fairlead.yaml: is there already; use --force to overwrite it\n"
    assert (tmp_path / "fairlead.yaml").read_text() == "mine"
    assert fairlead("config", "init", "--force", cwd=tmp_path).returncode == 0
    assert (tmp_path / "fairlead.yaml").read_text() != "mine"


def test_init_writes_the_schema_and_points_editors_to_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    done = fairlead("config", "init", "--schema", "sub/schema.json", cwd=tmp_path)
    assert done.returncode == 0
    first = (tmp_path / "fairlead.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=sub/schema.json"
    printed = fairlead("config", "schema", cwd=tmp_path)
    assert json.loads((tmp_path / "sub" / "schema.json").read_text()) == json.loads(printed.stdout)


def test_check_tells_a_fault_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("server:\n  prt: 1\n")
    done = fairlead("config", "check", "a.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: a.yaml:2:3: server.prt: unknown key; did you mean 'port'?")
    assert "Traceback" not in done.stderr
    assert "Traceback" in fairlead("--debug", "config", "check", "a.yaml", cwd=tmp_path).stderr


def test_check_as_json_has_stable_keys(tmp_path: Path) -> None:
    (tmp_path / "fairlead.yaml").write_text("server: {port: 9}\n")
    found = json.loads(fairlead("config", "check", "--json", cwd=tmp_path).stdout)
    assert (found["ok"], found["port"], found["upstreams"], found["warnings"]) == (True, 9, [], [])
    (tmp_path / "fairlead.yaml").write_text("zzz: 1\n")
    done = fairlead("config", "check", "--json", cwd=tmp_path)
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert found["ok"] is False and found["errors"][0].startswith("fairlead.yaml:1:1: zzz")


def test_check_looks_into_the_operators_facts_of_models(tmp_path: Path) -> None:
    (tmp_path / "fairlead.yaml").write_text("log: {}\nmodels:\n  openai/gpt-5:\n    contxt_tokens: 5\n")
    done = fairlead("config", "check", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: fairlead.yaml:4:5: models.openai/gpt-5.contxt_tokens: unknown key")
    assert "contxt_tokens" in done.stderr


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \xe9"])
def test_a_file_that_is_not_utf8_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fairlead.yaml").write_bytes(content)
    done = fairlead("config", "check", cwd=tmp_path)
    assert done.returncode == 2
    assert "not UTF-8" in done.stderr


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "fairlead.yaml").write_bytes(b"\xef\xbb\xbflog: {}\n")
    assert fairlead("config", "check", cwd=tmp_path).returncode == 0


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("server: {port: 77}\n")
    done = fairlead("config", "check", "--json", cwd=tmp_path, FAIRLEAD_CONFIG="other.yaml")
    assert json.loads(done.stdout)["port"] == 77
    done = fairlead("config", "check", cwd=tmp_path, FAIRLEAD_CONFIG="none.yaml")
    assert done.returncode == 2
    assert "none.yaml (from FAIRLEAD_CONFIG): no such file" in done.stderr


def test_a_folder_in_the_place_of_the_file_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    done = fairlead("config", "check", "conf", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: conf: is a folder: name the file in it, such as conf/fairlead.yaml\n"
    done = fairlead("doctor", cwd=tmp_path, FAIRLEAD_CONFIG="conf")
    assert "conf (from FAIRLEAD_CONFIG): is a folder" in done.stdout


def test_a_new_key_is_printed_once_with_lines_that_work(tmp_path: Path) -> None:
    done = fairlead("keys", "new", 'o\'brien: "x"', "--tenant", "t", "--may", "chat", "--may", "admin", cwd=tmp_path)
    assert done.returncode == 0
    key, _, lines = done.stdout.partition("\n")
    assert key.startswith("fl-") and len(key) >= 43
    (access,) = parse(lines, {}).keys
    assert (access.name, access.tenant, access.sha256) == ('o\'brien: "x"', "t", digest(key))
    assert access.may == {"chat", "admin"}
    assert key not in lines and key not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_keys_are_never_the_same(tmp_path: Path) -> None:
    first, second = (json.loads(fairlead("keys", "new", "a", "--json", cwd=tmp_path).stdout) for _ in range(2))
    assert first["key"] != second["key"]
    assert first["config"]["sha256"] == digest(first["key"])


def test_a_key_with_an_unknown_permission_is_refused(tmp_path: Path) -> None:
    done = fairlead("keys", "new", "a", "--may", "fly", cwd=tmp_path)
    assert done.returncode == 2
    assert "must be one of chat, feedback, read, admin" in done.stderr


def test_doctor_names_variables_and_never_their_values(tmp_path: Path) -> None:
    config = {
        "upstreams": {"x": {"base_url": "https://a.example/v1", "api_key": "${MINE}", "models": ["m"]}},
        "discover": True,
    }
    (tmp_path / "fairlead.yaml").write_text(yaml.safe_dump(config))
    for arguments in (["doctor"], ["doctor", "--json"]):
        done = fairlead(*arguments, cwd=tmp_path, OPENAI_API_KEY=CANARY, MINE=CANARY, GROQ_API_KEY=f"{CANARY} x")
        assert done.returncode == 0, done.stderr
        assert "OPENAI_API_KEY" in done.stdout
        assert CANARY not in done.stdout + done.stderr


def test_doctor_says_where_it_looked_for_keys_and_which_the_file_gives(tmp_path: Path) -> None:
    (tmp_path / "fairlead.yaml").write_text(
        "upstreams:\n  up1: {base_url: 'https://a.example/v1', api_key: '${UP1_KEY}', models: [m]}\n"
        "  up2: {base_url: 'https://b.example/v1', models: [m]}\n"
    )
    done = fairlead("doctor", cwd=tmp_path, UP1_KEY=CANARY)
    assert "keys     none found in the variables of known providers\n" in done.stdout
    assert "  the configuration has keys for: up1\n" in done.stdout
    assert "  variables of known providers that are not set: OPENAI_API_KEY, " in done.stdout


def test_doctor_counts_the_models_that_auto_may_use(tmp_path: Path) -> None:
    found = json.loads(fairlead("doctor", "--json", cwd=tmp_path, OPENAI_API_KEY=CANARY).stdout)
    (upstream,) = found["upstreams"]
    assert upstream["name"] == "openai" and upstream["n_for_auto"] == len(upstream["for_auto"]) > 5
    assert found["can_serve"] is True
    said: dict[str, list[str]] = {"errors": [], "warnings": [], "keys_of": []}
    assert found["config"] == {"file": None, "version": found["config"]["version"], **said}


def test_doctor_says_what_is_missing_and_how_to_mend_it(tmp_path: Path) -> None:
    done = fairlead("doctor", cwd=tmp_path)
    assert done.returncode == 1
    assert "no upstream" in done.stdout and "fairlead serve --demo" in done.stdout
    (tmp_path / "fairlead.yaml").write_text("zzz: 1")
    done = fairlead("doctor", cwd=tmp_path)
    assert done.returncode == 2
    assert "fairlead.yaml:1:1: zzz: unknown key" in done.stdout


def test_a_reader_that_leaves_early_is_no_fault(tmp_path: Path) -> None:
    command = f"{sys.executable} -m fairlead config schema | head -c 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("{", "")


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert fairlead("version", cwd=tmp_path).stdout == "fairlead 0.1.0\n"
