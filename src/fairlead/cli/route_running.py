"""`fairlead route --session`: ask the running server, since only it knows the conversation."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from fairlead.cli.output import Printer
from fairlead.domain.errors import ConfigError

KEY_VARIABLE: Final = "FAIRLEAD_API_KEY"
PATIENCE_S: Final = 10.0


def ask_server(url: str, body: Mapping[str, Any], key: str | None) -> dict[str, Any]:
    """The decision of the server at this address, as it answers POST /v1/route.

    Raises: ConfigError when nobody answers there, or with an error.
    """
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    asking = urllib.request.Request(f"{url}/v1/route", json.dumps(body).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(asking, timeout=PATIENCE_S) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        said = error.read(100_000).decode("utf-8", "replace")
        try:
            said = json.loads(said)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            said = said[:200]
        mend = f"; set {KEY_VARIABLE} to a key that may chat" if error.code == 401 else ""
        raise ConfigError(f"the server at {url} answered {error.code}: {said}{mend}") from None
    except (OSError, ValueError):
        raise ConfigError(
            f"no server answers at {url}: a conversation is known to the running server alone; start it, or name its "
            "configuration with --config"
        ) from None


def show_session(printer: Printer, decision: Mapping[str, Any]) -> None:
    """What the running server decides, and what the conversation did to it."""
    chosen, session = decision["chosen"], decision["session"]
    printer.pair("chosen", f"{chosen['model']} at {chosen['upstream']}" if chosen else "nobody")
    printer.pair("why", decision["reason"]["text"])
    for each in decision["ineligible"]:
        if each["code"] == "down":
            printer.pair("resting", f"{each['model']} at {each['upstream']} rests: {each['why']}")
    if session is None:
        printer.pair("session", "not known to this server (it may be known to another of its workers)")
        return
    without = session["without"]
    cost = "" if session["without_usd"] is None else f", about ${session['without_usd']:.6f}"
    printer.pair("session", f"{session['code']}; served last by {session['anchor']['model']}")
    printer.pair("saving", f"${session['saving_usd']:.6f} by its warm prompt cache")
    printer.pair("without it", f"{without['model']} at {without['upstream']}{cost}")
