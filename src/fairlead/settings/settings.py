"""Settings: all configuration, parsed once into frozen values and handed down.

`parse(text, env)` is the only door. Every fault is a ConfigError that names file, line, column, key and mend:
`fairlead.yaml:12:5: upstreams.my-vllm.base_ur: unknown key; did you mean 'base_url'?`
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

from fairlead.domain.errors import ConfigError
from fairlead.domain.names import TenantName
from fairlead.domain.wishes import PRESET_NAME, Weights, Wishes
from fairlead.gateway.access import KEY_PREFIX, AccessKey
from fairlead.providers.endpoints import Endpoint, is_loopback_host
from fairlead.routing.preferences import BUILT_IN_PRESETS, Preset
from fairlead.settings.dashboard_section import DashboardSection
from fairlead.settings.effort import CacheSection, LimitsSection
from fairlead.settings.endpoints import build_endpoints, check_facts, fact_places, laid_over, served_facts
from fairlead.settings.experiments import ExploreSection, ShadowSection
from fairlead.settings.schema import (
    Config,
    KeySection,
    LogSection,
    PresetSection,
    ServerSection,
    WeightsSection,
)
from fairlead.settings.sheet import Path, Sheet, nearest, read_sheet
from fairlead.settings.store_section import StoreSection
from fairlead.settings.traces_section import TracesSection
from fairlead.settings.upstream_schema import HostingSection
from fairlead.settings.validation import validated

DEFAULT_FILE: Final = "fairlead.yaml"
Experiment = TypeVar("Experiment", ExploreSection | None, ShadowSection | None)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Settings:
    """One whole configuration."""

    server: ServerSection
    keys: tuple[AccessKey, ...]
    endpoints: tuple[Endpoint, ...]
    discover: bool
    """Also use keys of the environment and local servers."""
    models: Mapping[str, Mapping[str, Any]]
    """The operator's own facts, by model, for the catalogue's overrides: `models` over what upstreams state."""
    model_places: Mapping[str, str]
    """`file:line:column: key.path` of each of them, for complaints of the catalogue."""
    router_file: str | None
    """A trained router's file, as it was written; relative to the current folder."""
    hosting: Mapping[str, HostingSection]
    """The operator's own GPUs, by the name of the upstream in front of them."""
    presets: Mapping[str, Preset]
    """Built-in presets and the operator's, by name."""
    default_preset: Preset
    """What `auto` means."""
    keeps_sessions: bool
    """Whether running conversations keep their model where that pays."""
    limits: LimitsSection
    cache: CacheSection | None
    explore: ExploreSection | None
    shadow: ShadowSection | None
    store: StoreSection
    dashboard: DashboardSection
    traces: TracesSection | None
    log: LogSection
    warnings: tuple[str, ...]
    version: str
    """Twelve hex digits of the SHA-256 over the configuration without its secrets: the same for the same meaning."""

    @property
    def has_dashboard(self) -> bool:
        """Whether /ui is served: as it says, else on loopback."""
        said = self.dashboard.enabled
        return is_loopback_host(self.server.host) if said is None else said

    def listening_on(self, host: str | None, port: int | None) -> "Settings":
        """These settings with another address, as a command line may give it.

        Raises: ConfigError for an address beyond loopback without keys.
        """
        given = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
        server = self.server.model_copy(update=given)
        fault = bind_fault(server.host, has_keys=bool(self.keys))
        if fault is not None:
            raise ConfigError(f"--host {server.host}: {fault}")
        return replace(self, server=server)


def parse(text: str, env: Mapping[str, str], *, file: str = DEFAULT_FILE) -> Settings:
    """The settings of one YAML text; empty text gives the defaults.

    Raises: ConfigError; any other exception is a bug.
    """
    sheet = read_sheet(text, env, file)
    config, flawed = validated(sheet)
    warnings: list[str] = []
    keys = _keys(config.keys, sheet)
    presets = {**BUILT_IN_PRESETS, **_presets(config.presets, sheet)}
    endpoints = build_endpoints(config.upstreams, env, sheet, warnings)
    default_preset = presets["balanced"]
    with sheet.going_on():
        default_preset = _default_preset(config, presets, sheet, is_whole=_is_whole(flawed, "presets", "preferences"))
    if _is_whole(flawed, "server", "keys"):
        _check_bind(config, sheet)
    _check_hedge(config.limits, sheet)
    _check_store(config.store, sheet)
    _check_traces(config.traces, sheet)
    for name, facts in config.models.items():
        check_facts(facts, sheet, ("models", name))
    sheet.tell()
    models = served_facts(endpoints, config.upstreams)
    for name, facts in config.models.items():
        laid_over(models.setdefault(name, {}), facts)
    return Settings(
        server=config.server,
        keys=keys,
        endpoints=endpoints,
        discover=not config.upstreams if config.discover is None else config.discover,
        models=MappingProxyType(models),
        model_places=MappingProxyType(fact_places(endpoints, config.models, sheet)),
        router_file=config.router,
        hosting=MappingProxyType(
            {name: section.hosting for name, section in config.upstreams.items() if section.hosting is not None}
        ),
        presets=MappingProxyType(presets),
        default_preset=default_preset,
        keeps_sessions=config.preferences.session_affinity == "auto",
        limits=config.limits,
        cache=config.cache,
        explore=_experiment("explore", config.explore, config, warnings),
        shadow=_experiment("shadow", config.shadow, config, warnings),
        store=config.store,
        dashboard=config.dashboard,
        traces=config.traces,
        log=config.log,
        warnings=tuple(warnings),
        version=version_of(config),
    )


def bind_fault(host: str, *, has_keys: bool) -> str | None:
    """Why this address may not be listened on; None when it may."""
    if has_keys or is_loopback_host(host):
        return None
    return (
        "others could reach this address, and no access key is configured: make one with `fairlead keys new NAME` "
        "and add it under `keys`, or listen on 127.0.0.1"
    )


def version_of(config: Config) -> str:
    """Twelve hex digits that name this configuration; no credential enters them."""
    values = config.model_dump(mode="python")
    for upstream in values["upstreams"].values():
        upstream["api_key"] = upstream["api_key"] is not None
        upstream["query"] = sorted(upstream["query"])
        if upstream["aws"] is not None:
            upstream["aws"] = {"region": upstream["aws"]["region"]}
        upstream["headers"] = sorted(name.lower() for name in upstream["headers"])
        upstream["proxy"] = (upstream["proxy"] or "").rpartition("@")[2]
    if values["traces"] is not None:
        values["traces"]["headers"] = sorted(name.lower() for name in values["traces"]["headers"])
        values["traces"]["endpoint"] = values["traces"]["endpoint"].rpartition("@")[2]
    values["store"]["url"] = (values["store"]["url"] or "").rpartition("@")[2]
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _is_whole(flawed: frozenset[str], *sections: str) -> bool:
    """Whether nothing was left out of these sections, nor under a name that may be meant for one of them."""
    return flawed.isdisjoint(sections) and flawed <= Config.model_fields.keys()


def _check_bind(config: Config, sheet: Sheet) -> None:
    fault = bind_fault(config.server.host, has_keys=bool(config.keys))
    with sheet.going_on():
        if fault is not None:
            sheet.refuse(("server", "host"), fault)


def _check_hedge(limits: LimitsSection, sheet: Sheet) -> None:
    hedge = limits.hedge
    with sheet.going_on():
        if hedge is not None and hedge.after_s is None and hedge.after_quantile is None:
            sheet.refuse(("limits", "hedge"), "say when it begins: give after_s, after_quantile or both")


def _keys(sections: tuple[KeySection, ...], sheet: Sheet) -> tuple[AccessKey, ...]:
    found: dict[str, AccessKey] = {}
    for index, section in enumerate(sections):
        with sheet.going_on():
            key = _key(section, sheet, ("keys", index))
            if key.sha256 in found or section.name in {each.name for each in found.values()}:
                what = "key" if key.sha256 in found else "name"
                sheet.refuse(("keys", index, "name"), f"this {what} stands in `keys` twice; keep one")
            found[key.sha256] = key
    return tuple(found.values())


def _key(section: KeySection, sheet: Sheet, path: Path) -> AccessKey:
    if section.sha256 is None and section.hash is None:
        sheet.refuse(path, "give sha256: the line that `fairlead keys new NAME` prints")
    if section.sha256 is not None and section.hash is not None:
        sheet.refuse((*path, "hash"), "is another word for sha256, which is given too: keep one", at_key=True)
    given = "sha256" if section.sha256 is not None else "hash"
    digest = (section.sha256 or section.hash or "").strip().lower().removeprefix("sha256:")
    if digest.startswith(KEY_PREFIX):
        sheet.refuse(
            (*path, given), "this is the key itself; put its SHA-256 here (and make a new key: this one was seen)"
        )
    if not _DIGEST.fullmatch(digest):
        sheet.refuse((*path, given), "must be 64 hex digits: the line that `fairlead keys new NAME` prints")
    if not section.may:
        sheet.refuse((*path, "may"), "a key that may do nothing is no key: remove it, or name what it may do")
    return AccessKey(section.name, digest, TenantName(section.tenant), frozenset(section.may))


def _presets(sections: Mapping[str, PresetSection], sheet: Sheet) -> dict[str, Preset]:
    # One that is refused stands for itself, so that nobody is told that it is not there.
    found = {name: replace(BUILT_IN_PRESETS["balanced"], name=name) for name in sections}
    for name, section in sections.items():
        with sheet.going_on():
            found[name] = _preset(name, section, sheet)
    return found


def _preset(name: str, section: PresetSection, sheet: Sheet) -> Preset:
    path: Path = ("presets", name)
    if not PRESET_NAME.fullmatch(name):
        sheet.refuse(path, "a preset's name is 1 to 64 lower-case letters, digits, '_' and '-'", at_key=True)
    if name in BUILT_IN_PRESETS:
        sheet.refuse(path, "this preset is built in: choose another name", at_key=True)
    weights = BUILT_IN_PRESETS["balanced"].weights
    if section.weights is not None:
        weights = _weights(section.weights, sheet, (*path, "weights"))
    wishes = Wishes(
        max_cost_usd=section.limits.max_cost_usd,
        max_latency_s=section.limits.max_latency_s,
        min_quality=section.limits.min_quality,
        allowed_models=section.candidates,
        excluded_models=section.exclude,
        provider_only=section.providers.only,
        provider_ignore=section.providers.ignore,
        data_collection=section.data_policy.data_collection,
        zdr=section.data_policy.zdr,
        regions=section.data_policy.regions,
    )
    return Preset(name, weights, wishes)


def _weights(section: WeightsSection, sheet: Sheet, path: Path) -> Weights:
    try:
        return Weights(quality=section.quality, cost=section.cost, speed=section.speed)
    except ValueError:
        sheet.refuse(path, "one of quality, cost and speed must be above 0")


def _experiment(name: str, section: Experiment, config: Config, warnings: list[str]) -> Experiment:
    if section is not None and not config.store.enabled:
        warnings.append(f"{name}: nothing is kept of it, since 'store' is off: it costs and tells nothing")
    return section


def _check_store(section: StoreSection, sheet: Sheet) -> None:
    with sheet.going_on():
        if section.url is not None and section.path is not None:
            sheet.refuse(("store", "url"), "give either a path or a url, not both")
    with sheet.going_on():
        if section.url is not None and not section.url.startswith(("postgresql://", "postgres://")):
            sheet.refuse(("store", "url"), "must begin with postgresql://")
    for place, pattern in enumerate(section.redact_patterns):
        with sheet.going_on():
            try:
                re.compile(pattern)
            except re.error as error:
                sheet.refuse(("store", "redact_patterns", place), f"is no regular expression: {error.msg}")


def _check_traces(section: TracesSection | None, sheet: Sheet) -> None:
    for name, value in section.headers.items() if section is not None else ():
        with sheet.going_on():
            if not _HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
                sheet.refuse(("traces", "headers", name), "a header is a plain name and one line of ASCII characters")


def _default_preset(config: Config, presets: Mapping[str, Preset], sheet: Sheet, *, is_whole: bool) -> Preset:
    """What `auto` means; `is_whole`: no preset was left out that it might name."""
    name = config.preferences.default.removeprefix("auto:")
    preset = presets.get(name)
    if preset is None and is_whole:
        mend = f"no preset of this name{nearest(name, presets) or ';'} known are {', '.join(presets)}"
        sheet.refuse(("preferences", "default"), mend)
    preset = preset or BUILT_IN_PRESETS["balanced"]
    if config.preferences.weights is not None:
        return replace(preset, weights=_weights(config.preferences.weights, sheet, ("preferences", "weights")))
    return preset
