"""Options that every command shares which asks models a suite, and the word that is had before money is spent."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from fairlead.cli.output import Printer
    from fairlead.cli.run_preparation import Wanted
    from fairlead.evaluation.running.forecast import Forecast, Range
    from fairlead.evaluation.running.journal import Journal
    from fairlead.evaluation.running.plan import Plan

DEFAULT_FOLDER = "evaluations"
MOST_USD: Final = 1e9
"""More than anybody means; in nano-USD it fits in 64 bits."""

JudgeOption = Annotated[str | None, typer.Option(help="Models that judge, of other families than the judged.")]
ScorerOption = Annotated[str | None, typer.Option(help="Scorer of rows that name none.")]
MaxTokensOption = Annotated[int, typer.Option(min=1, max=1_000_000, help="Longest reply.")]
TemperatureOption = Annotated[float, typer.Option(min=0.0, max=2.0, help="Of sampling.")]
PricesOption = Annotated[Path | None, typer.Option(help="CSV, TOML or JSON: USD per million tokens by model.")]
ConcurrencyOption = Annotated[int, typer.Option(min=1, max=4096, help="Most calls at once to one upstream.")]
InFlightOption = Annotated[str, typer.Option(help="Calls perhaps paid and unanswered: auto, resend or leave.")]
EngineOption = Annotated[str, typer.Option(help="local, or ray (extra `scale`).")]
AddressOption = Annotated[str | None, typer.Option(help="With --engine ray: the cluster's address.")]
ConfigOption = Annotated[Path | None, typer.Option(help="Configuration file; ./fairlead.yaml if it is there.")]
DemoOption = Annotated[bool, typer.Option("--demo", help="Ask simulated models.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


LIVE_OPTIONS = (
    "scorer", "judge", "record", "max_tokens", "temperature", "prices", "concurrency", "in_flight", "engine", "address",
    "demo", "yes", "quiet",
)  # fmt: skip
"""Of `profile` and `watch`: what means nothing where answers come from files."""
_AS_THEY_ARE: Final = (
    "suite", "scorer", "max_tokens", "temperature", "prices", "concurrency", "in_flight", "engine", "address", "config",
)  # fmt: skip


def checked_usd(usd: float | None) -> float | None:
    """A sum of money as an option takes it. Raises: BadParameter for one that nobody can spend."""
    if usd is not None and not 0.0 <= usd <= MOST_USD:
        raise typer.BadParameter(f"USD are a number from 0 to {MOST_USD:,.0f}, not {usd}")
    return usd


def wanted_of(options: Mapping[str, Any], models: tuple[str, ...], output: Path, **more: Any) -> "Wanted":
    """What the options of a command ask for; `more` goes before them. Raises: BadParameter for an unknown word."""
    from fairlead.cli.run_preparation import Wanted

    _check_running(options["in_flight"], options["engine"], options["address"])
    budget, is_json = options["budget"], options["as_json"]
    return Wanted(
        models=models, output=output, judges=names_in(options["judge"] or ""), is_demo=options["demo"],
        cap_nano=None if budget is None else round(budget * 1e9), is_quiet=options["quiet"] or is_json,
        confirm=confirmer(yes=options["yes"], as_json=is_json),
        **({name: options[name] for name in _AS_THEY_ARE} | more),
    )  # fmt: skip


def _check_running(in_flight: str, engine: str, address: str | None) -> None:
    if in_flight not in ("auto", "resend", "leave"):
        raise typer.BadParameter(f"--in-flight is auto, resend or leave, not {in_flight!r}")
    if engine not in ("local", "ray"):
        raise typer.BadParameter(f"--engine is local or ray, not {engine!r}")
    if address is not None and engine != "ray":
        raise typer.BadParameter("--address goes with --engine ray")


def refuse_unless_given(context: typer.Context, names: Sequence[str], needed: str) -> None:
    """Raises: BadParameter if one of these options was typed, which mean nothing without `needed`."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"--{name.replace('_', '-')} goes with {needed}")


def names_in(text: str) -> tuple[str, ...]:
    """Names with commas between."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def confirmer(*, yes: bool, as_json: bool) -> "Callable[[Plan, Forecast, Journal], bool]":
    """Shows what a run will take, and asks whether to go on."""

    def confirm(plan: "Plan", foretold: "Forecast", journal: "Journal") -> bool:
        from fairlead.cli.output import to_stderr

        if not as_json:
            show_forecast(to_stderr(), plan, foretold, journal.ledger.spent_nano / 1e9)
        if yes or not foretold.n_calls:
            return True
        if not sys.stdin.isatty():
            raise typer.BadParameter("this is not a terminal, so nobody can be asked: add --yes to spend")
        return typer.confirm("Go on?", err=True)

    return confirm


def show_forecast(printer: "Printer", plan: "Plan", foretold: "Forecast", spent_usd: float) -> None:
    """What is still to be asked, and what it will cost."""
    rows = [
        (
            part.model.name,
            f"{part.n_calls:,}",
            _range(part.input_tokens, ",.0f"),
            _range(part.output_tokens, ",.0f"),
            _range(part.cost_usd, ".4f"),
            f"{part.most_nano / 1e9:.4f}",
        )
        for part in foretold.parts
    ]
    if foretold.n_judge_calls:
        names = ", ".join(judge.name for judge in plan.judges)
        rows.append((f"judge: {names}", f"{foretold.n_judge_calls:,}", "", "", _range(foretold.judge_usd, ".4f"), ""))
    heads = ("model", "calls", "tokens in (90 %)", "tokens out (90 %)", "USD (90 %)", "USD at most")
    printer.table(heads, rows, right=heads[1:])
    cap = plan.cap_nano / 1e9
    printer.line(
        f"{foretold.n_calls:,} calls to make, about {_range(foretold.cost_usd, '.4f')} USD. Spent so far "
        f"{spent_usd:.4f} USD; the cap of {cap:.4f} USD is never passed."
    )
    if spent_usd + foretold.cost_usd.mid > cap:
        printer.line("The cap will probably be reached before the end.", "yellow")


def _range(value: "Range", form: str) -> str:
    return f"{value.mid:{form}} ({value.low:{form}} to {value.high:{form}})"
