"""`fairlead profile`: a new model is asked what tells most, and joins a router with what that showed."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fairlead.cli.output import Printer
    from fairlead.learning.profiling import Plan, Profiled
    from fairlead.routing.trained_router import TrainedRouter

N_CLUSTERS_SHOWN = 6


def profile(  # noqa: PLR0913 - every option of the command is a parameter
    model: Annotated[str, typer.Argument(help="The new model's name.")],
    router: Annotated[Path, typer.Option(help="The router that it is to join, a file of `fairlead train`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The router file to write.")],
    answers: Annotated[
        list[Path], typer.Option(help="Outcomes of the model to take answers from; only those asked for are looked at.")
    ],
    queries: Annotated[Path | None, typer.Option(help="A table of query_id and query.")] = None,
    probes: Annotated[int, typer.Option(min=1, help="At most so many.")] = 60,
    rounds: Annotated[int, typer.Option(min=1, help="In so many rounds; 1 asks all in parallel.")] = 3,
    budget: Annotated[float | None, typer.Option(help="USD that the probes may cost.")] = None,
    prefer: Annotated[
        str | None, typer.Option(help="What the router is to choose by: a preset, or quality=..,cost=...")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="The encoder that the router was trained with: a folder, or URL#model.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Do not stop once it is settled where to choose it.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds ask equal probes.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Learn a new model from few probes: what it can do, where it would be chosen, and what more probes would buy."""
    from fairlead.cli.map_view import print_entry
    from fairlead.cli.output import to_stdout
    from fairlead.cli.train import today
    from fairlead.evaluation.outcome_files import read_outcome_files
    from fairlead.evaluation.recorded_answers import RecordedAnswers
    from fairlead.evaluation.router_file import load_router, save_router
    from fairlead.learning.profiling import profile_model

    if not output.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.absolute().parent}: make it, or choose another --output")
    plan = _plan(probes, rounds, budget, prefer, every, seed)
    trained = load_router(router, encoder)
    recorded = RecordedAnswers(read_outcome_files(answers, queries, (model,)), model)
    found = asyncio.run(profile_model(trained, model, recorded.probes, recorded, plan, as_of=today()))
    save_router(found.grown.router, output)
    out = to_stdout()
    if as_json:
        out.json(profile_json(found, model))
        return
    print_profile(out, trained, found, model)
    out.line()
    print_entry(out, found.grown.router, model, output.name)
    out.line()
    out.line(f"The router with {model} is in {output}.")


def _plan(probes: int, rounds: int, budget: float | None, prefer: str | None, every: bool, seed: int) -> "Plan":
    from fairlead.learning.profiling import SETTLED_REGRET, Plan
    from fairlead.routing.policies.preference_names import objective_of

    try:
        return Plan(
            probes,
            rounds,
            budget,
            None if every else SETTLED_REGRET,
            objective=objective_of(prefer),
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

    from fairlead.cli.cluster_labels import cluster_labels

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
