"""Assets: style, scripts and the chart library, read once, packed once, at addresses that name their content."""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

CHARTS: Final = "plotly.js"
"""The chart library, where the extra `dashboard` is installed."""
PREFIX: Final = "/ui/static/"
_TYPES: Final = {
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
_HASH_CHARS: Final = 16


class Asset:
    """One file, as it is sent."""

    def __init__(self, name: str, body: bytes) -> None:
        stem, _, ending = name.rpartition(".")
        self.address: Final = f"{PREFIX}{stem}-{hashlib.sha256(body).hexdigest()[:_HASH_CHARS]}.{ending}"
        self.kind: Final = _TYPES[ending]
        self.body: Final = body

    @cached_property
    def packed(self) -> bytes:
        """The same under gzip; made when it is first asked for, in a thread: the chart library takes 0.3 s."""
        return gzip.compress(self.body, 6, mtime=0)


class Assets:
    """All of them, by name and by address."""

    def __init__(self, bodies: Mapping[str, bytes]) -> None:
        self._by_name = {name: Asset(name, body) for name, body in bodies.items()}
        self._by_address = {asset.address: asset for asset in self._by_name.values()}

    @property
    def has_charts(self) -> bool:
        """Whether the chart library is here."""
        return CHARTS in self._by_name

    def address(self, name: str) -> str:
        """Where it is fetched. Raises: KeyError for a file that is not there: a bug."""
        return self._by_name[name].address

    def at(self, address: str) -> Asset | None:
        """What lies at this address."""
        return self._by_address.get(address)


def own_assets() -> Assets:
    """Read from the package, and the chart library from its own where it is installed."""
    folder: Traversable = files("fairlead.dashboard") / "data"
    bodies = {each.name: each.read_bytes() for each in folder.iterdir() if each.name.rpartition(".")[2] in _TYPES}
    charts = _chart_library()
    if charts is not None:
        bodies[CHARTS] = charts
    return Assets(bodies)


def _chart_library() -> bytes | None:
    """The script in plotly's installed package, without importing it: its import takes half a second."""
    found = find_spec("plotly")
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        script = Path(place) / "package_data" / "plotly.min.js"
        if script.is_file():
            return script.read_bytes()
    return None
