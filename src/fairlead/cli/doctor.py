"""`fairlead doctor`: what was found on this machine, what is missing, and the one line that mends it."""

import asyncio
import contextlib
import json
import os
import platform
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fairlead import __version__
from fairlead.cli.config_file import DEFAULT_NAME, find_config, load_settings
from fairlead.domain.errors import ConfigError

if TYPE_CHECKING:
    from fairlead.assembly.arms import Listing
    from fairlead.catalogue.catalogue import Catalogue
    from fairlead.providers.discovery import Found
    from fairlead.routing.pool import ArmSpec
    from fairlead.settings.settings import Settings

PACKAGES: Final = ("uvicorn", "uvloop", "httptools", "msgspec", "pydantic", "numpy", "typer")
SHOWN: Final = 5
"""Names shown of a long list."""

Report = dict[str, Any]


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file; ./fairlead.yaml unless given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what was found on this machine and what is missing. Exit codes: 0 it can serve, 1 not, 2 wrong file."""
    report = asyncio.run(examine(config, os.environ))
    typer.echo(json.dumps(report, indent=2) if as_json else _text(report))
    if report["config"]["errors"]:
        raise typer.Exit(2)
    if not report["can_serve"]:
        raise typer.Exit(1)


async def examine(config: Path | None, env: Mapping[str, str]) -> Report:
    """The whole report; names of variables, never their values."""
    from fairlead.assembly.in_force import catalogue_in_force
    from fairlead.assembly.listings import list_models
    from fairlead.evaluation.native_code import native_code
    from fairlead.providers.discovery import discover, probe_over_http
    from fairlead.settings.settings import parse

    about, settings = _configuration(config, env)
    in_force = settings or parse("", {})
    found = await discover(env, probe_over_http, own_port=in_force.server.port)
    listings = await list_models(in_force, found, probe_over_http, about["warnings"])
    upstreams: list[Report] = []
    if not about["errors"]:
        try:
            catalogue = catalogue_in_force(in_force, datetime.now(UTC).date())
            upstreams = [_upstream(listing, catalogue) for listing in listings]
        except ConfigError as error:
            about["errors"] = error.message.split("\n")
    address = {"host": in_force.server.host, "port": in_force.server.port}
    address["is_free"] = _is_free(in_force.server.host, in_force.server.port)
    report: Report = {
        "fairlead": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "native_code": native_code().reason,
        "config": about,
        "keys": [finding._asdict() for finding in found.keys],
        "local_servers": [finding._asdict() for finding in found.servers],
        "upstreams": upstreams,
        "address": address,
        "can_serve": not about["errors"] and any(upstream["n_for_auto"] for upstream in upstreams),
    }
    report["missing"] = _missing(report, found)
    return report


def _configuration(config: Path | None, env: Mapping[str, str]) -> "tuple[Report, Settings | None]":
    about: Report = {"file": None, "version": None, "errors": [], "warnings": [], "keys_of": []}
    try:
        path = find_config(config, env)
        about["file"] = None if path is None else str(path)
        settings, _ = load_settings(config, env)
    except ConfigError as error:
        about["errors"] = error.message.split("\n")
        return about, None
    about["version"] = settings.version
    about["warnings"] = list(settings.warnings)
    about["keys_of"] = [endpoint.name for endpoint in settings.endpoints if endpoint.secret or endpoint.identity]
    return about, settings


def _upstream(listing: "Listing", catalogue: "Catalogue") -> Report:
    """How many of an upstream's models `auto` may use, and why not the others; the pool's own rules decide."""
    from fairlead.assembly.arms import build_arms

    endpoint = listing.endpoint
    usable: list[str] = []
    unusable: dict[str, list[str]] = {}
    for spec in build_arms(catalogue, [listing]):
        if spec.in_default_pool and spec.card.purpose == "chat":
            usable.append(spec.arm.model)
        else:
            unusable.setdefault(_reason(spec), []).append(spec.arm.model)
    return {
        "name": endpoint.name,
        "provider": endpoint.provider,
        "is_local": endpoint.is_local,
        "n_for_auto": len(usable),
        "for_auto": usable,
        "not_for_auto": unusable,
    }


def _reason(spec: "ArmSpec") -> str:
    if spec.card.purpose != "chat":
        return "does not chat"
    if not spec.card.is_current:
        return "superseded or retired: still answers to its name"
    if spec.prices.input_per_mtok is None or spec.prices.output_per_mtok is None:
        return "no price is known: state it under `models`"
    return "answers to its name only"


def _missing(report: Report, found: "Found") -> list[dict[str, str]]:
    missing: list[dict[str, str]] = []
    for error in report["config"]["errors"]:
        missing.append({"what": error, "mend": "mend that line; `fairlead config check` says when it is right"})
    for finding in found.keys:
        if finding.problem is not None:
            missing.append({"what": f"{finding.title}: {finding.problem}", "mend": "set the variable anew"})
    if not report["upstreams"] and not report["config"]["errors"]:
        mend = "export OPENAI_API_KEY=… (or another of the keys above), start Ollama, or try `fairlead serve --demo`"
        missing.append({"what": "no upstream: no key and no local server was found", "mend": mend})
    elif not report["can_serve"] and not report["config"]["errors"]:
        mend = "state prices under `models` in the configuration, or name models in requests"
        missing.append({"what": "no model that `auto` may use", "mend": mend})
    if not report["address"]["is_free"]:
        host, port = report["address"]["host"], report["address"]["port"]
        what = f"{host}:{port} is taken, by another program or a running Fairlead"
        missing.append({"what": what, "mend": f"fairlead serve --port {port + 1 if port < 65_535 else 8484}"})
    return missing


def _is_free(host: str, port: int) -> bool:
    with contextlib.suppress(OSError):
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return True
    return False


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _text(report: Report) -> str:
    about, address = report["config"], report["address"]
    lines = [f"fairlead {report['fairlead']}, Python {report['python']}"]
    lines.append("  " + ", ".join(f"{name} {number or 'missing'}" for name, number in report["packages"].items()))
    lines.append(f"native   {report['native_code']}")
    state = "has errors" if about["errors"] else f"ok, version {about['version']}"
    lines.append(
        f"config   {about['file']}: {state}" if about["file"] else f"config   none (no ./{DEFAULT_NAME}): defaults"
    )
    lines += [f"  warning: {warning}" for warning in about["warnings"]]
    held = [f"{key['title']} ({key['found']})" for key in report["keys"] if key["found"]]
    looked = ", ".join(key["variables"][0] for key in report["keys"] if not key["found"])
    lines.append(f"keys     {', '.join(held) or 'none found in the variables of known providers'}")
    if about["keys_of"]:
        lines.append(f"  the configuration has keys for: {', '.join(about['keys_of'])}")
    lines.append(f"  variables of known providers that are not set: {looked}")
    lines.append("local    " + ("not looked for (FAIRLEAD_NO_DISCOVERY)" if not report["local_servers"] else ""))
    for server in report["local_servers"]:
        words = {"found": f"{server['n_models']} models", "nothing": "nothing there"}
        lines.append(f"  {server['title']:<10} {server['base_url']}: {words.get(server['state']) or server['problem']}")
    lines.append("models for auto" if report["upstreams"] else "models for auto: none")
    for upstream in report["upstreams"]:
        names = upstream["for_auto"]
        shown = ", ".join(names[:SHOWN]) + (f", … {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        lines.append(
            f"  {upstream['name']:<12} {len(names)}{' (local)' if upstream['is_local'] else ''}: {shown or '-'}"
        )
        lines += [f"    not {len(rest)}: {why}" for why, rest in upstream["not_for_auto"].items()]
    lines.append(f"address  {address['host']}:{address['port']} is {'free' if address['is_free'] else 'taken'}")
    if not report["missing"]:
        lines.append("nothing is missing: fairlead serve")
    for item in report["missing"]:
        lines += [f"missing  {item['what']}", f"  mend: {item['mend']}"]
    return "\n".join(line.rstrip() for line in lines)
