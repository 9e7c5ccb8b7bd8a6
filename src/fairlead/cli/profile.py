"""`fairlead profile`: a new model is asked what tells most, and joins a router with what that showed."""

import asyncio
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli.asking_options import (
    LIVE_OPTIONS,
    AddressOption,
    ConcurrencyOption,
    ConfigOption,
    DemoOption,
    EngineOption,
    InFlightOption,
    JudgeOption,
    MaxTokensOption,
    PricesOption,
    QuietOption,
    ScorerOption,
    TemperatureOption,
    YesOption,
    checked_usd,
    refuse_unless_given,
    wanted_of,
)
from fairlead.cli.preference_option import preferred
from fairlead.cli.router_option import EncoderOption
from fairlead.cli.train import today

if TYPE_CHECKING:
    from fairlead.cli.output import Printer
    from fairlead.cli.run_preparation import Wanted
    from fairlead.learning.profiling import Plan, Profiled
    from fairlead.routing.trained_router import TrainedRouter

    Told = tuple[TrainedRouter, Profiled, str, Sequence[str]]

N_CLUSTERS_SHOWN = 6


def profile(  # noqa: PLR0913 - every option of the command is a parameter
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="The new model's name.")],
    suite: Annotated[Path | None, typer.Option(help="Ask the model itself, prompts of this suite.")] = None,
    router: Annotated[
        Path | None, typer.Option(help="The router that it is to join; left out: the configuration's.")
    ] = None,
    encoder: EncoderOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The router file to write; left out: the same one.")
    ] = None,
    answers: Annotated[
        list[Path] | None, typer.Option(help="Instead of --suite: outcomes of the model to take answers from.")
    ] = None,
    queries: Annotated[Path | None, typer.Option(help="With --answers: a table of query_id and query.")] = None,
    probes: Annotated[int, typer.Option(min=1, help="At most so many.")] = 60,
    rounds: Annotated[int, typer.Option(min=1, help="In so many rounds; 1 asks all in parallel.")] = 3,
    budget: Annotated[
        float | None, typer.Option(callback=checked_usd, help="USD that the probes may cost; with --suite a hard cap.")
    ] = None,
    prefer: Annotated[
        str | None, typer.Option(help="What the router is to choose by: a preset, or quality=..,cost=...")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Do not stop once it is settled where to choose it.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds ask equal probes.")] = 0,
    scorer: ScorerOption = None,
    judge: JudgeOption = None,
    record: Annotated[Path | None, typer.Option(help="Folder of the record; the same command resumes there.")] = None,
    max_tokens: MaxTokensOption = 1024,
    temperature: TemperatureOption = 0.0,
    prices: PricesOption = None,
    concurrency: ConcurrencyOption = 64,
    in_flight: InFlightOption = "auto",
    engine: EngineOption = "local",
    address: AddressOption = None,
    config: ConfigOption = None,
    demo: DemoOption = False,
    yes: YesOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Learn a new model from few probes: what it can do, where it would be chosen, and what more probes would buy."""
    from fairlead.cli.output_paths import check_output
    from fairlead.cli.router_option import needed_router
    from fairlead.evaluation.router_file import load_router

    _check_source(context, suite, answers)
    check_output(output, (*(answers or ()), queries, suite, prices, config))
    plan = _plan(probes, rounds, budget, prefer, every, seed)
    base = needed_router(router, config)
    trained = load_router(base, encoder)
    if suite is None:
        _report(*_from_files(model, trained, answers or [], queries, plan), output or base, as_json=as_json)
        return
    from fairlead.cli.live_asking import record_folder

    wanted = wanted_of(context.params, (model,), record or record_folder("profile", suite, model))
    _report(*_from_endpoint(wanted, trained, plan), output or base, as_json=as_json)


def _check_source(context: typer.Context, suite: Path | None, answers: list[Path] | None) -> None:
    if (suite is None) == (not answers):
        raise typer.BadParameter("name a --suite to ask the model itself, or --answers to take them from outcomes")
    if suite is None:
        refuse_unless_given(context, LIVE_OPTIONS, "--suite")
    else:
        refuse_unless_given(context, ("queries",), "--answers")


def _from_files(
    model: str, trained: "TrainedRouter", answers: list[Path], queries: Path | None, plan: "Plan"
) -> "Told":
    from fairlead.evaluation.outcome_files import read_outcome_files
    from fairlead.evaluation.recorded_answers import RecordedAnswers
    from fairlead.learning.profiling import profile_model

    recorded = RecordedAnswers(read_outcome_files(answers, queries, (model,)), model)
    found = asyncio.run(profile_model(trained, model, recorded.probes, recorded, plan, as_of=today()))
    return trained, found, model, ()


def _from_endpoint(wanted: "Wanted", trained: "TrainedRouter", plan: "Plan") -> "Told":
    from fairlead.cli.live_asking import LiveModel, asked_live
    from fairlead.learning.profiling import profile_model

    async def profiled(live: LiveModel) -> "tuple[Profiled, str]":
        known = dataclasses.replace(plan, usual_cost_usd=live.usual_cost_usd)
        suite = live.probes.probes
        return await profile_model(trained, live.name, suite, live.probes, known, as_of=today()), live.name

    (found, name), notes = asked_live(wanted, os.environ, plan.n_probes, profiled)
    return trained, found, name, notes


def _report(
    trained: "TrainedRouter", found: "Profiled", model: str, notes: Sequence[str], output: Path, *, as_json: bool
) -> None:
    from fairlead.cli.map_view import print_entry
    from fairlead.cli.output import to_stdout
    from fairlead.evaluation.router_file import save_router

    save_router(found.grown.router, output)
    out = to_stdout()
    if as_json:
        out.json(profile_json(found, model))
        return
    print_profile(out, trained, found, model)
    for note in notes:
        out.line(note, "yellow")
    out.line()
    print_entry(out, found.grown.router, model, output.name)
    out.line()
    out.line(f"The router with {model} is in {output}.")


def _plan(probes: int, rounds: int, budget: float | None, prefer: str | None, every: bool, seed: int) -> "Plan":
    from fairlead.learning.profiling import SETTLED_REGRET, Plan

    try:
        return Plan(
            probes,
            rounds,
            budget,
            None if every else SETTLED_REGRET,
            objective=preferred(prefer),
            seed=seed,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def print_profile(out: "Printer", router: "TrainedRouter", found: "Profiled", model: str) -> None:
    """What a profile found, for people."""
    out.line(f"{model}: {found.stopped}.", "bold")
    if found.spent_usd is not None:
        out.pair("spent", f"USD {found.spent_usd:.4g} for {found.grown.arm.n + found.n_failed} calls")
    if found.n_failed:
        out.pair("failed calls", found.n_failed)
    for line in found.grown.lines:
        out.line(line)
    _print_where(out, router, found)
    out.line()
    out.line("What more probes would buy", "bold")
    out.table(
        ("more probes", "mean known to +-", "points a perfect choice would add"),
        [
            (one.n_more, f"{100 * one.reach:.1f}", None if one.regret is None else f"{100 * one.regret:.2f}")
            for one in found.outlook
        ],
        right=("more probes", "mean known to +-", "points a perfect choice would add"),
    )


def _print_where(out: "Printer", router: "TrainedRouter", found: "Profiled") -> None:
    import numpy as np

    from fairlead.routing.cluster_labels import cluster_labels

    stake, by_cluster = found.stake, found.chosen_by_cluster
    if stake is None or by_cluster is None:
        out.pair("would be chosen", "not known: this router holds no queries")
        return
    span = f"{100 * stake.share_low:.0f} to {100 * stake.share_high:.0f}"
    out.pair(
        "would be chosen",
        f"for {100 * stake.share:.0f} % of the training's queries (90 % sure {span}), "
        f"worth {100 * stake.gain:.1f} points a query",
    )
    labels, share = cluster_labels(router.model_map.clusters), router.model_map.clusters.share
    part = np.nan_to_num(by_cluster) * share
    for at in np.argsort(-part)[:N_CLUSTERS_SHOWN].tolist():
        if part[at] > 0:
            out.pair("", f"{100 * by_cluster[at]:3.0f} % of queries with {labels[at]} ({share[at]:.0%} of all)")


def profile_json(found: "Profiled", model: str) -> dict[str, Any]:
    """The same for machines; the keys are stable, and what is not known is null."""
    arm, stake = found.grown.arm, found.stake
    return {
        "model": model,
        "stopped": found.stopped,
        "n_probes": arm.n,
        "n_failed": found.n_failed,
        "spent_usd": found.spent_usd,
        "mean": round(arm.mean, 4),
        "mean_error": round(arm.mean_error, 4),
        "chosen": None if stake is None else {key: round(value, 5) for key, value in stake._asdict().items()},
        "outlook": [one._asdict() for one in found.outlook],
    }
