"""The providers known by name: where each is, how it is spoken to, and what it takes otherwise.

Adding a provider of a known format is one table in `data/endpoints.toml`, and nothing else.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from fairlead.domain.content import FormatName
from fairlead.domain.errors import ConfigError
from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.endpoints import Auth, Endpoint, base_url_fault
from fairlead.providers.provider_table import ProviderTable
from fairlead.providers.signing import Identity
from fairlead.wire import quirks
from fairlead.wire.quirks import Quirks

REGION: Final = "{region}"
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """One entry of the table of providers."""

    slug: ProviderName
    title: str
    key_env: tuple[str, ...]
    auth: Auth
    docs: str
    as_of: date
    formats: tuple[FormatName, ...]
    base_url: str | None = None
    base_url_env: str | None = None
    """The variable that holds the customer's own address, where there is no common one."""
    base_path: str = ""
    base_url_by_region: str | None = None
    """An address with `{region}` in it."""
    region_env: tuple[str, ...] = ()
    """The variables that may hold the region."""
    signs_as: str | None = None
    """The service's name in AWS signatures, where requests may be signed instead of carrying a key."""
    headers: tuple[tuple[str, str], ...] = ()
    paths: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    offers_of: ProviderName | None = None
    """Sells under another slug's offers: a second address of the same company."""
    is_found: bool = True
    """Whether a key in the environment is enough to use it; else the configuration must name it."""
    quirk: Quirks = quirks.NONE
    notes: tuple[str, ...] = ()
    """Known deviations that nothing can be done about here. Notes for people."""

    @property
    def provider(self) -> ProviderName:
        """The slug that its offers stand under in the catalogue."""
        return self.offers_of or self.slug

    @property
    def address_variables(self) -> tuple[str, ...]:
        """The variables that its address depends on."""
        return (*((self.base_url_env,) if self.base_url_env else ()), *self.region_env)

    def key_in(self, env: Mapping[str, str]) -> tuple[str, Secret] | None:
        """The first of its variables that holds a key, with the key."""
        for variable in self.key_env:
            value = env.get(variable, "").strip()
            if value:
                return variable, Secret(value)
        return None

    def region_in(self, env: Mapping[str, str]) -> str | None:
        """The region that the environment names; None when it names none, or what no region is called."""
        for variable in self.region_env:
            value = env.get(variable, "").strip()
            if value:
                return value if _REGION.fullmatch(value) else None
        return None

    def base_url_in(self, env: Mapping[str, str]) -> str | None:
        """Its address; None when the variable that should hold it, or its region, is empty."""
        if self.base_url is not None:
            return self.base_url
        if self.base_url_by_region is not None:
            region = self.region_in(env)
            return None if region is None else self.base_url_by_region.replace(REGION, region)
        given = env.get(self.base_url_env or "", "").strip().rstrip("/")
        if not given:
            return None
        return given if given.endswith(self.base_path) else given + self.base_path

    def endpoint(
        self, name: UpstreamName, base_url: str, *, secret: Secret | None = None, identity: Identity | None = None
    ) -> Endpoint:
        """An endpoint of this provider, spoken to as its table says."""
        auth: Auth = "sigv4" if identity is not None else self.auth
        return Endpoint(
            name=name,
            provider=self.provider,
            base_url=base_url,
            formats=self.formats,
            auth=auth,
            secret=secret,
            identity=identity,
            headers=self.headers,
            paths=self.paths,
            query=self.query,
            quirks=self.quirk,
        )


def parse_providers(text: str, file: str = "endpoints.toml") -> Mapping[ProviderName, KnownProvider]:
    """The table of providers, by slug, in the order of the file.

    Raises: ConfigError that names file and key.
    """
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from error
    return MappingProxyType({ProviderName(slug): _provider(slug, table, file) for slug, table in tables.items()})


@cache
def known_providers() -> Mapping[ProviderName, KnownProvider]:
    """The providers that Fairlead ships with."""
    file = resources.files("fairlead.providers") / "data" / "endpoints.toml"
    return parse_providers(file.read_text(encoding="utf-8"))


_KEYS: Final = frozenset(
    (
        "title", "base_url", "base_url_env", "base_path", "base_url_by_region", "region_env", "signs_as", "offers_of",
        "key_env", "auth", "formats", "headers", "paths", "query", "is_found", "docs", "as_of", "quirk", "quirks",
    )
)  # fmt: skip
_QUIRK_KEYS: Final = frozenset(("as_of", "rename", "drop", "omit", "most", "max_stop"))
_WHERE: Final = ("base_url", "base_url_env", "base_url_by_region")


def _provider(slug: str, value: object, file: str) -> KnownProvider:
    table = ProviderTable(value, f"{file}: {slug}", _KEYS)
    auth = table.one_of("auth", Auth, "bearer")
    as_of = table.day("as_of", "the day that its docs were read, such as 2026-11-23")
    where = [key for key in _WHERE if table.text(key) is not None]
    if len(where) != 1:
        raise ConfigError(
            f"{file}: {slug}: give base_url, or base_url_env where each customer has an address, "
            "or base_url_by_region where each region has one"
        )
    base_url, by_region, offers_of = table.text("base_url"), table.text("base_url_by_region"), table.text("offers_of")
    for key, url in (("base_url", base_url), ("base_url_by_region", by_region)):
        if url is not None and (fault := base_url_fault(url.replace(REGION, "x"))) is not None:
            raise ConfigError(f"{file}: {slug}.{key}: {fault}")
    if by_region is not None and (REGION not in by_region or not table.texts("region_env")):
        raise ConfigError(f"{file}: {slug}.base_url_by_region: needs {REGION} in it, and region_env beside it")
    return KnownProvider(
        slug=ProviderName(slug),
        title=table.text("title") or slug,
        key_env=table.texts("key_env"),
        auth=auth,
        docs=table.text("docs") or "",
        as_of=as_of,
        formats=table.several_of("formats", FormatName, ("openai_chat",)),
        base_url=base_url,
        base_url_env=table.text("base_url_env"),
        base_path=table.text("base_path") or "",
        base_url_by_region=by_region,
        region_env=table.texts("region_env"),
        signs_as=table.text("signs_as"),
        headers=table.pairs("headers"),
        paths=table.pairs("paths"),
        query=table.pairs("query"),
        offers_of=None if offers_of is None else ProviderName(offers_of),
        is_found=table.flag("is_found", default=True),
        quirk=_quirk(table, file, slug),
        notes=table.texts("quirks"),
    )


def _quirk(table: ProviderTable, file: str, slug: str) -> Quirks:
    value = table.value("quirk")
    if value is None:
        return quirks.NONE
    quirk = ProviderTable(value, f"{file}: {slug}.quirk", _QUIRK_KEYS)
    return Quirks(
        as_of=quirk.day("as_of", "the day that its docs were read, such as 2026-11-23"),
        rename=quirk.pairs("rename"),
        drop=quirk.pairs("drop"),
        omit=quirk.texts("omit"),
        most=quirk.numbers("most"),
        max_stop=quirk.number("max_stop"),
    )
