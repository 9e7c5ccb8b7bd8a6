"""`fairlead config`: write, check and describe the configuration file."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli.config_file import DEFAULT_NAME, find_config, load_settings
from fairlead.cli.output_paths import refuse_replacing
from fairlead.domain.errors import ConfigError

if TYPE_CHECKING:
    from fairlead.settings.settings import Settings

app = typer.Typer(help="Write, check and describe the configuration file.", no_args_is_help=True)

STARTER = """\
# Fairlead's configuration. Every key may be left out; `fairlead config check` says whether it is right.
# Write secrets as ${VARIABLE}: they are taken from the environment when Fairlead starts.

server:
  host: 127.0.0.1        # anything but loopback needs a key below
  port: 8484

# Also use API keys of the environment and local servers (Ollama, vLLM, llama.cpp, LM Studio).
discover: true

# Where requests may be sent. A known provider needs its key only.
upstreams:
  # openai:
  #   api_key: ${OPENAI_API_KEY}
  # my-vllm:
  #   base_url: http://127.0.0.1:8000/v1
  #   models: [my-model]

# What `auto` means, and presets of your own behind `auto:NAME`.
preferences:
  default: balanced      # quality, balanced, cost, speed, or a preset's name

presets:
  # support:
  #   weights: {quality: 0.5, cost: 0.4, speed: 0.1}
  #   limits: {max_cost_usd: 0.01, max_latency_s: 20}
  #   candidates: ["openai/*", "mistral/*"]

# Access keys of this server: `fairlead keys new NAME` prints the lines.
keys:
  # - name: alice
  #   sha256: 64 hex digits
  #   may: [chat, feedback]

limits:
  deadline_s: 600
  max_attempts: 4

log:
  level: info
  format: text
"""


@app.command("init")
def init(
    file: Annotated[Path, typer.Argument(help="File to write.")] = Path(DEFAULT_NAME),
    schema_file: Annotated[
        Path | None, typer.Option("--schema", help="Also write the JSON Schema here, for editors.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented starter file."""
    text = STARTER
    if schema_file is not None:
        refuse_replacing([schema_file], [file], "--schema")
        _write(schema_file, _schema_text(), force)
        reference = os.path.relpath(schema_file.resolve(), file.resolve().parent)
        text = f"# yaml-language-server: $schema={reference}\n{text}"
    _write(file, text, force)
    typer.echo(f"wrote {file}" + (f" and {schema_file}" if schema_file else ""))


@app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="File to check; ./fairlead.yaml unless given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether the file is right: exit code 0, or 2 with as many faults as can be told at once, by line and column.

    First what is no YAML and which variables are not set; then what is wrong with keys and values; then with facts of
    models, the hosting and the router's file. Names that nobody here answers to are warnings.
    """
    env = os.environ
    try:
        if find_config(file, env) is None:
            raise ConfigError(f"{DEFAULT_NAME}: no such file; write one with `fairlead config init`")
        settings, path = load_settings(file, env)
        from fairlead.assembly.rehearsal import rehearse

        warnings = [*settings.warnings, *rehearse(settings, datetime.now(UTC).date())]
    except ConfigError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"ok": False, "errors": error.message.split("\n")}))
        raise typer.Exit(2) from None
    summary = _summary(settings, str(path), warnings)
    if as_json:
        typer.echo(json.dumps({"ok": True, **summary}))
        return
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    presets = ", ".join(summary["presets"]) or "none of your own"
    upstreams = ", ".join(summary["upstreams"]) or "none in the file"
    typer.echo(f"{path}: ok (version {settings.version})")
    typer.echo(f"  upstreams  {upstreams}{' + what is found here' if settings.discover else ''}")
    typer.echo(f"  keys       {len(settings.keys)}")
    typer.echo(f"  presets    {presets}; auto means {settings.default_preset.name}")
    typer.echo(f"  listens on {settings.server.host}:{settings.server.port}")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file."""
    typer.echo(_schema_text(), nl=False)


def _summary(settings: "Settings", path: str, warnings: list[str]) -> dict[str, Any]:
    from fairlead.routing.preferences import BUILT_IN_PRESETS

    return {
        "file": path,
        "version": settings.version,
        "host": settings.server.host,
        "port": settings.server.port,
        "upstreams": [endpoint.name for endpoint in settings.endpoints],
        "discover": settings.discover,
        "keys": [key.name for key in settings.keys],
        "presets": [name for name in settings.presets if name not in BUILT_IN_PRESETS],
        "default_preset": settings.default_preset.name,
        "models": sorted(settings.models),
        "warnings": warnings,
    }


def _schema_text() -> str:
    from fairlead.settings.schema import schema as schema_of_file

    return json.dumps(schema_of_file(), indent=2) + "\n"


def _write(path: Path, text: str, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path}: is there already; use --force to overwrite it") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
