"""`fairlead keys`: make access keys for this server."""

import json
import secrets
from typing import Annotated

import typer

from fairlead.domain.errors import ConfigError

app = typer.Typer(help="Make access keys for this server.", no_args_is_help=True)

PERMISSIONS = ("chat", "feedback", "read", "admin")


@app.callback()
def group() -> None:
    """Make access keys for this server."""


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Who will hold the key; shown in logs.")],
    tenant: Annotated[str, typer.Option(help="Whose traffic it is.")] = "default",
    may: Annotated[list[str] | None, typer.Option(help="chat, feedback, read or admin; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print a fresh key once, and the lines for the configuration. The key itself is stored nowhere."""
    from fairlead.gateway.access import KEY_PREFIX, digest

    allowed = may or ["chat", "feedback"]
    for permission in allowed:
        if permission not in PERMISSIONS:
            raise ConfigError(f"--may {permission}: must be one of {', '.join(PERMISSIONS)}")
    if not name.strip() or not name.isprintable() or len(name) > 100 or len(tenant) > 100 or not tenant.isprintable():
        raise ConfigError("a key's name and tenant are 1 to 100 printable characters")
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    entry = {"name": name, "sha256": digest(key), "tenant": tenant, "may": allowed}
    if as_json:
        typer.echo(json.dumps({"key": key, "config": entry}))
        return
    # On a pipe the key alone is the first line; JSON strings are YAML strings, whatever a name holds.
    typer.echo(key)
    typer.echo("\nShown once: keep it now. Add this to the configuration file:\n", err=True)
    typer.echo(f"keys:\n  - name: {json.dumps(name)}\n    sha256: {entry['sha256']}")
    typer.echo(f"    tenant: {json.dumps(tenant)}\n    may: [{', '.join(allowed)}]")
