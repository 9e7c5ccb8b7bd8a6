"""`fairlead replay`: what another preference, price list, model set or router would have done on logged decisions."""

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fairlead.cli.preference_option import preferred
from fairlead.cli.router_option import EncoderOption
from fairlead.cli.store_access import ConfigOption, DemoOption, TenantOption, now_s, opened_store, since_s

if TYPE_CHECKING:
    from fairlead.catalogue.catalogue import Catalogue
    from fairlead.domain.model_names import MeantBy
    from fairlead.domain.wishes import Wishes
    from fairlead.learning.replay import Change
    from fairlead.learning.replay_rows import ReplayTable
    from fairlead.routing.trained_router import TrainedRouter
    from fairlead.settings.settings import Settings

MAX_OPINIONS: Final = 1_000_000
"""The newest ones; some hundred megabytes."""


def replay(  # noqa: PLR0913 - every option of the command is a parameter
    log: Annotated[
        Path | None, typer.Option(help="Decisions in .jsonl or .parquet, one a row, in place of the traffic store.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="How far back: 90m, 24h, 7d, or Unix seconds. 7d of the store, all of a file.")
    ] = None,
    config: ConfigOption = None,
    demo: DemoOption = False,
    tenant: TenantOption = None,
    prefer: Annotated[
        str | None, typer.Option(help="A preset, or quality=..,cost=..,speed=..,max_cost_usd=.. and the like.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="A configuration file: each decision by its preset as this file has it.")
    ] = None,
    router: Annotated[
        Path | None, typer.Option(help="A router file: its qualities in place of the logged ones.")
    ] = None,
    encoder: EncoderOption = None,
    prices: Annotated[Path | None, typer.Option(help="CSV, TOML or JSON: USD per million tokens by model.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only these models: names or * patterns; repeat it.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="None of these models; repeat it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Say what would have been chosen, what it would have cost and gained, or why that cannot be told."""
    from fairlead.cli.output import to_stdout
    from fairlead.cli.replay_view import print_replay, replay_json
    from fairlead.domain.errors import OutcomesError
    from fairlead.evaluation.router_file import load_router
    from fairlead.learning.replay import replay as replay_table

    if encoder is not None and router is None:
        raise typer.BadParameter("--encoder goes with --router: it is what that router reads texts with")
    opened = None if router is None else load_router(router, encoder)
    change = _change(prefer, policy, opened, prices, tuple(only or ()), tuple(without or ()))
    if log is not None:
        if demo or config is not None or tenant is not None:
            raise typer.BadParameter("--log takes the place of the store: leave out --config, --demo and --tenant")
        table = _of_file(log, since)
    else:
        table = table_of_store(
            config, "7d" if since is None else since, tenant, is_demo=demo, with_texts=router is not None
        )
    if not len(table):
        said = "".join(f" ({note})" for note in table.notes)
        raise OutcomesError(
            f"{log or 'the traffic store'}: no decisions to replay{said}: widen --since, or log chances"
        )
    replayed = replay_table(table, change)
    out = to_stdout()
    if as_json:
        out.json(replay_json(replayed))
    else:
        print_replay(out, replayed)


def _of_file(path: Path, since: str | None) -> "ReplayTable":
    from fairlead.evaluation.replay_files import FileLog
    from fairlead.learning.replay_rows import table_of

    return table_of(FileLog(path, 0.0 if since is None else since_s(since, now_s())).rows())


def table_of_store(
    config: Path | None, since: str, tenant: str | None, *, is_demo: bool, with_texts: bool
) -> "ReplayTable":
    """The decisions that the store holds; texts only where a router is to read them, and only of what it decides."""
    from fairlead.learning.replay_rows import table_of
    from fairlead.learning.stored_decisions import StoredLog, rewards_of
    from fairlead.store.store import Window

    now = now_s()
    window = Window(since_s(since, now), now, tenant)
    with opened_store(config, is_demo=is_demo) as store:
        rewards = rewards_of(store.opinions(window, limit=MAX_OPINIONS))
        table = table_of(StoredLog(store.scan(window), rewards).rows())
        if not with_texts:
            return table
        free = [name for name, is_free in zip(table.decision_ids, table.is_free.tolist(), strict=True) if is_free]
        return table.with_texts(store.queries(free))


def _change(
    prefer: str | None,
    policy: Path | None,
    router: "TrainedRouter | None",
    prices: Path | None,
    only: tuple[str, ...],
    without: tuple[str, ...],
) -> "Change":
    from fairlead.evaluation.price_tables import read_price_table
    from fairlead.learning.replay import Change
    from fairlead.routing.preferences import BUILT_IN_PRESETS

    if not any((prefer is not None, policy, router, prices, only, without)):
        raise typer.BadParameter("say what is to change: --prefer, --policy, --router, --prices, --only or --without")
    if prefer is not None and policy:
        raise typer.BadParameter("--prefer and --policy exclude each other")
    presets, default, settings = BUILT_IN_PRESETS, BUILT_IN_PRESETS["balanced"], None
    if policy is not None:
        from fairlead.cli.config_file import load_settings

        settings, _ = load_settings(policy, os.environ)
        presets, default = dict(settings.presets), settings.default_preset
        for preset in (*presets.values(), default):
            refuse_unreplayed(preset.name, preset.wishes)
    return Change(
        objective=None if prefer is None else preferred(prefer),
        presets=presets,
        default=default,
        allowed=only,
        excluded=without,
        prices=None if prices is None else read_price_table(prices),
        router=router,
        meant_by=_meant_by(settings),
    )


def _meant_by(settings: "Settings | None") -> "MeantBy":
    """Whatever the catalogue calls a model, with what this configuration says of models; read at the first name."""
    from fairlead.assembly.in_force import catalogue_in_force
    from fairlead.assembly.shipped import shipped_catalogue

    @cache
    def catalogue() -> "Catalogue":
        if settings is None:
            return shipped_catalogue()
        return catalogue_in_force(settings, datetime.now(UTC).date())

    return lambda name: catalogue().meant_by(name)


def refuse_unreplayed(name: str, wishes: "Wishes") -> None:
    """Raises: ConfigError for a preset with limits on what a log does not tell."""
    from fairlead.domain.errors import ConfigError

    stated = {
        "providers": wishes.provider_only or wishes.provider_ignore,
        "data_policy": wishes.data_collection or wishes.zdr or wishes.regions,
    }
    for key, value in stated.items():
        if value:
            raise ConfigError(
                f"presets.{name}.{key} cannot be replayed, a log does not tell of it: "
                "leave it out of a copy of the file, and name the models with candidates or exclude"
            )
