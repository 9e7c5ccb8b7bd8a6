"""Upstreams of a configuration -> endpoints: defaults of known providers, credentials, and what is wrong with either.

No message quotes a value: an address may come from a variable, and a header may be a credential.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from fairlead.catalogue.overrides import FIELDS
from fairlead.domain.call import Deadlines
from fairlead.domain.content import FormatName
from fairlead.domain.data_policy import DataPolicy
from fairlead.domain.names import ModelId, ProviderName, SentModel, UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.providers.endpoints import (
    DUMMY_KEYS,
    LOCAL,
    SIMULATED,
    Auth,
    Endpoint,
    ServedModel,
    base_url_fault,
    host_of,
    is_loopback_host,
    is_private_address,
)
from fairlead.providers.known_providers import REGION, KnownProvider, known_providers
from fairlead.settings.sheet import Path, Sheet, dotted_path, nearest
from fairlead.settings.signing import identity_of, region_of
from fairlead.settings.upstream_schema import ServedSection, UpstreamSection

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that the transport sets itself; a second one would be refused, or smuggle."""
_PLACEHOLDER: Final = re.compile(
    r"<.*>|\.\.\.|…|(sk-)?x{3,}|change[-_ ]?me|todo|your[-_ ].*|.*[-_]your[-_].*|insert[-_ ].*|.*\.\.\.", re.IGNORECASE
)


def build_endpoints(
    upstreams: Mapping[str, UpstreamSection], env: Mapping[str, str], sheet: Sheet, warnings: list[str]
) -> tuple[Endpoint, ...]:
    """The endpoints of all upstreams, in the order of the file; what is wrong with one is noted on the sheet."""
    found: list[Endpoint] = []
    for name, section in upstreams.items():
        with sheet.going_on():
            found.append(_endpoint(name, section, env, sheet, warnings))
    return tuple(found)


def _endpoint(
    name: str, section: UpstreamSection, env: Mapping[str, str], sheet: Sheet, warnings: list[str]
) -> Endpoint:
    path: Path = ("upstreams", name)
    if not NAME.fullmatch(name):
        sheet.refuse(path, "a name is 1 to 64 letters, digits, '.', '_' and '-'", at_key=True)
    known = _known(name, section, sheet, path)
    base_url = _base_url(section, known, env, sheet, path)
    host = host_of(base_url)
    is_loopback = is_loopback_host(host)
    allow_private = is_loopback if section.allow_private is None else section.allow_private
    is_local = is_loopback if section.local is None else section.local
    provider = _provider(name, section, known, is_local)
    _check_reach(base_url, allow_private, sheet, path, warnings)
    identity = identity_of(section, known, env, sheet, path, warnings)
    secret = None if identity is not None else _secret(section, known, env, sheet, path, warnings)
    auth: Auth = section.auth or (known.auth if known else "bearer")
    if identity is not None:
        auth = "sigv4"
    elif secret is None:
        auth = "none"
    timeouts = section.timeouts
    policy = section.data_policy
    spoken = Endpoint(UpstreamName(name), provider, base_url)
    if known is not None:
        spoken = known.endpoint(UpstreamName(name), base_url)
    return replace(
        spoken,
        provider=provider,
        base_url=base_url.rstrip("/"),
        formats=_formats(section, sheet, path) or spoken.formats,
        auth=auth,
        secret=None if auth == "none" else secret,
        identity=identity,
        headers=_joined(spoken.headers, _headers(section, sheet, path)),
        query=_joined(spoken.query, _query(section, sheet, path)),
        deadlines=Deadlines(timeouts.connect_s, timeouts.first_byte_s, timeouts.idle_s, timeouts.total_s),
        proxy=_proxy(section, sheet, path),
        ca_file=section.ca_file,
        max_connections=section.max_connections,
        max_concurrency=section.max_concurrency,
        is_local=is_local,
        allow_private=allow_private,
        data_policy=DataPolicy(policy.collects_data, policy.zero_retention, policy.region),
        models=_models(section.models, provider, sheet, path),
    )


def _known(name: str, section: UpstreamSection, sheet: Sheet, path: Path) -> KnownProvider | None:
    """The table's entry: by `provider`, or by the upstream's own name when it gives no address."""
    table = known_providers()
    slug = section.provider
    if slug is None:
        return table.get(ProviderName(name)) if section.base_url is None else None
    if slug in (LOCAL, SIMULATED) and section.base_url is None:
        sheet.refuse((*path, "provider"), f"'{slug}' says nothing of where it is: give base_url")
    if slug not in table and section.base_url is None:
        mend = f"known are {', '.join(table)}; for another, give base_url"
        sheet.refuse((*path, "provider"), f"no provider of this name{nearest(slug, table)} {mend}")
    if not _SLUG.fullmatch(slug):
        sheet.refuse((*path, "provider"), "a provider's name is lower-case letters, digits, '.', '_' and '-'")
    return table.get(ProviderName(slug))


def _provider(name: str, section: UpstreamSection, known: KnownProvider | None, is_local: bool) -> ProviderName:
    if known is not None:
        return known.provider
    if section.provider is not None:
        return ProviderName(section.provider)
    return LOCAL if is_local else ProviderName(name.lower())


def _base_url(
    section: UpstreamSection, known: KnownProvider | None, env: Mapping[str, str], sheet: Sheet, path: Path
) -> str:
    if section.base_url is not None:
        if (fault := base_url_fault(section.base_url)) is not None:
            sheet.refuse((*path, "base_url"), f"{fault}; write it such as https://api.example.com/v1")
        return section.base_url
    if known is None:
        sheet.refuse(path, f"give base_url, or provider (one of {', '.join(known_providers())})", at_key=True)
    url = known.base_url_in(env)
    if known.base_url_by_region is not None:
        region = region_of(section, known, env)
        if region is None:
            mend = f"set {known.region_env[0]}, or write aws: {{region: eu-west-1}}"
            sheet.refuse(path, f"no region: {mend}", at_key=True)
        url = known.base_url_by_region.replace(REGION, region)
    if url is None:
        sheet.refuse(path, f"give base_url, or set {known.base_url_env} to the address of your resource", at_key=True)
    if (fault := base_url_fault(url)) is not None:
        sheet.refuse(path, f"the environment variable {known.base_url_env} is no base URL: {fault}", at_key=True)
    return url


def _check_reach(base_url: str, allow_private: bool, sheet: Sheet, path: Path, warnings: list[str]) -> None:
    host = host_of(base_url)
    if is_private_address(host) and not allow_private:
        sheet.refuse((*path, "base_url"), "this is a private address: add `allow_private: true` if it is meant")
    if base_url.startswith("http:") and not allow_private and not is_loopback_host(host):
        what = "http:// without encryption: prompts and the key travel in the clear; use https:// if it can"
        warnings.append(sheet.complaint((*path, "base_url"), what))


def _secret(
    section: UpstreamSection,
    known: KnownProvider | None,
    env: Mapping[str, str],
    sheet: Sheet,
    path: Path,
    warnings: list[str],
) -> Secret | None:
    where: Path = (*path, "api_key")
    if section.auth == "none":
        if section.api_key is not None:
            sheet.refuse(where, "`auth: none` sends no key: remove one of the two")
        return None
    if section.api_key is None:
        return _secret_of_provider(section, known, env, sheet, path)
    key = section.api_key.strip()
    if not key:
        sheet.refuse(where, "is empty: set the variable, or remove this line if the server wants no key")
    if where not in sheet.expanded:
        _check_literal(key, f"{path[1]}_API_KEY", sheet, where, warnings)
    if not key.isascii() or not key.isprintable() or " " in key:
        sheet.refuse(where, "holds a character that no key has: check what stands there")
    return Secret(key)


def _secret_of_provider(
    section: UpstreamSection, known: KnownProvider | None, env: Mapping[str, str], sheet: Sheet, path: Path
) -> Secret | None:
    # A provider's usual key goes to the provider's own address only: elsewhere it must be asked for by name.
    if known is None or not known.key_env or section.base_url is not None:
        return None
    found = known.key_in(env)
    if found is None:
        variable = known.key_env[0]
        sheet.refuse(path, f"no key: set {variable}, or write api_key: ${{MY_VARIABLE}}", at_key=True)
    key = found[1].reveal()
    if not key.isascii() or not key.isprintable() or " " in key:
        sheet.refuse(path, f"the environment variable {found[0]} holds a character that no key has", at_key=True)
    return found[1]


def _check_literal(key: str, variable: str, sheet: Sheet, where: Path, warnings: list[str]) -> None:
    variable = re.sub(r"[^A-Z0-9_]", "_", variable.upper())
    if key.lower() in DUMMY_KEYS:
        return
    if _PLACEHOLDER.fullmatch(key):
        sheet.refuse(where, f"this is a placeholder, not a key: write ${{{variable}}} and set that variable")
    what = (
        f"a key stands in the file itself; write ${{{variable}}} and set that variable, so that the file can be shared"
    )
    warnings.append(sheet.complaint(where, what))


def _headers(section: UpstreamSection, sheet: Sheet, path: Path) -> tuple[tuple[str, str], ...]:
    for name, value in section.headers.items():
        where: Path = (*path, "headers", name)
        with sheet.going_on():
            if not _HEADER_NAME.fullmatch(name):
                sheet.refuse(where, "not a header's name", at_key=True)
            if name.lower() in _OURS:
                sheet.refuse(where, "Fairlead sets this header itself: remove it", at_key=True)
            if not value.isascii() or not value.isprintable():
                sheet.refuse(where, "a header's value is one line of plain ASCII characters")
    lowered = [name.lower() for name in section.headers]
    if len(set(lowered)) < len(lowered):
        sheet.refuse((*path, "headers"), "one header stands here twice (capitals do not matter); keep one", at_key=True)
    return tuple((name.lower(), value) for name, value in section.headers.items())


def _formats(section: UpstreamSection, sheet: Sheet, path: Path) -> tuple[FormatName, ...]:
    formats = section.formats or ()
    if section.formats is not None and not formats:
        sheet.refuse((*path, "formats"), "an upstream that speaks no format is none: name one, or remove this line")
    if len(set(formats)) < len(formats):
        sheet.refuse((*path, "formats"), "one format stands here twice; keep one")
    return formats


def _query(section: UpstreamSection, sheet: Sheet, path: Path) -> tuple[tuple[str, str], ...]:
    for name, value in section.query.items():
        if not name or not name.isascii() or not value.isascii() or not (name + value).isprintable():
            sheet.refuse((*path, "query", name), "a parameter is one line of plain ASCII characters", at_key=True)
    return tuple(section.query.items())


def _joined(usual: tuple[tuple[str, str], ...], given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The provider's pairs and the operator's; the operator's win."""
    return tuple({**dict(usual), **dict(given)}.items())


def _proxy(section: UpstreamSection, sheet: Sheet, path: Path) -> str | None:
    if section.proxy is None:
        return None
    try:
        parts = urlsplit(section.proxy)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None or parts.scheme != "http" or not section.proxy.isascii():
        sheet.refuse((*path, "proxy"), "write it as http://host:port (http://user:password@host:port if it asks)")
    return section.proxy


def served_facts(
    endpoints: tuple[Endpoint, ...], upstreams: Mapping[str, UpstreamSection]
) -> dict[str, dict[str, Any]]:
    """What the upstreams' own lists state of their models, in the words of the catalogue's overrides: block by id."""
    blocks: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        for served, section in zip(endpoint.models, upstreams[endpoint.name].models, strict=True):
            facts = dict(section.model_extra or {})
            if not facts or served.model is None:
                continue
            if isinstance(facts.get("prices"), dict):
                facts["prices"] = {endpoint.provider: {"sent_model": served.sent_model, **facts["prices"]}}
            laid_over(blocks.setdefault(served.model, {}), facts)
    return blocks


def check_facts(facts: Mapping[str, Any], sheet: Sheet, path: Path) -> None:
    """Notes the keys of a model's facts that the catalogue does not know."""
    for key in facts:
        if key not in FIELDS:
            with sheet.going_on():
                mend = f"{nearest(key, FIELDS) or ';'} known are {', '.join(FIELDS)}"
                sheet.refuse((*path, key), f"unknown key{mend}", at_key=True)


def fact_places(endpoints: tuple[Endpoint, ...], models: Mapping[str, object], sheet: Sheet) -> dict[str, str]:
    """Model -> `file:line:column: key.path` of what is stated of it: under `models`, else in an upstream's list."""
    paths: dict[str, Path] = {}
    for endpoint in endpoints:
        for index, served in enumerate(endpoint.models):
            if served.model is not None:
                paths.setdefault(served.model, ("upstreams", endpoint.name, "models", index))
    paths |= {name: ("models", name) for name in models}
    return {
        name: f"{sheet.spot(path, at_key=isinstance(path[-1], str))}: {dotted_path(path)}"
        for name, path in paths.items()
    }


def laid_over(block: dict[str, Any], facts: Mapping[str, Any]) -> None:
    """Puts facts into a block; inner mappings (prices, abilities) are joined, everything else is replaced."""
    for key, value in facts.items():
        below = block.get(key)
        block[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value


def _models(
    sections: tuple[ServedSection, ...], provider: ProviderName, sheet: Sheet, path: Path
) -> tuple[ServedModel, ...]:
    found: dict[str, ServedModel] = {}
    for index, section in enumerate(sections):
        if section.name in found:
            with sheet.going_on():
                sheet.refuse((*path, "models", index), "this model stands here twice; keep one")
        check_facts(section.model_extra or {}, sheet, (*path, "models", index))
        model = section.model
        if model is None and section.model_extra:
            # Facts need an id to stand under; without one given, the model is taken for one of its own.
            model = f"{provider}/{section.name.lower().replace('/', '-')}"
        found[section.name] = ServedModel(SentModel(section.name), None if model is None else ModelId(model))
    return tuple(found.values())
